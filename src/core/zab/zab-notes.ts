// What a leader or learner did, as notes: one line for the log and one structure for the record of elections and
// syncs, from the same facts (as election-notes.ts does for votes). A line reads `event -> decision`, with numbers:
// `recv ACKEPOCH from 2 (epoch 0x3, zxid 0x300000007): 2 of 3 -> synchronize`.

import type { Sid } from '../../proto/sid.ts';
import { hexZxid } from '../../proto/zxid.ts';
import type { QuorumVerifier } from '../election/quorum-verifier.ts';

/** QuorumPeer.ZabState; ELECTION is the election's. */
export type ZabState = 'DISCOVERY' | 'SYNCHRONIZATION' | 'BROADCAST';
export type SyncMode = 'DIFF' | 'TRUNC' | 'SNAP';

export interface ZabNote {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly event: 'phase' | 'received' | 'sync' | 'saved' | 'link' | 'abandoned';
  readonly state: ZabState;
  /** The epoch of the term; undefined while it is not known. */
  readonly epoch: number | undefined;
  /** The peer it is about. */
  readonly peer: number | undefined;
  readonly sync: SyncNote | undefined;
  readonly decision: string;
  /** The same for people: `event -> decision`. */
  readonly line: string;
}

/** How a learner was brought up to date; zxids in hex. */
export interface SyncNote {
  readonly mode: SyncMode;
  readonly from: string;
  readonly to: string;
  readonly why: string;
  /** From the first packet of the synchronization to NEWLEADER; undefined while it goes on. */
  readonly bytes: number | undefined;
  readonly ms: number | undefined;
}

export interface NoteFacts {
  readonly level?: ZabNote['level'];
  readonly event: ZabNote['event'];
  readonly peer?: Sid | undefined;
  readonly sync?: SyncNote | undefined;
  /** The left half of the line. */
  readonly what: string;
  readonly decision: string;
}

export function zabNote(
  facts: NoteFacts,
  at: number,
  state: ZabState,
  epoch: number | undefined,
): ZabNote {
  const { level = 'info', event, peer, sync, what, decision } = facts;
  return {
    level,
    at,
    event,
    state,
    epoch,
    peer: peer === undefined ? undefined : Number(peer),
    sync,
    decision,
    line: `${what} -> ${decision}`,
  };
}

export function hex(zxid: bigint | number): string {
  return `0x${hexZxid(BigInt(zxid))}`;
}

/** `2 of 3 (1, 3)`, counting voters only. */
export function countText(verifier: QuorumVerifier, sids: Iterable<Sid>): string {
  const voters = [...sids].filter((sid) => verifier.voters.has(sid));
  return `${voters.length} of ${verifier.voters.size} (${voters.join(', ')})`;
}
