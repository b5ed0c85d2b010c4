// What happens to a learner (events, past participles) and what it wants done (effects, imperatives). The driver
// performs the effects of a step in order before the next step, and answers those that say so.
//
// What happens for every transaction is not an effect but a call of LearnerHost, made inside the step: `append`
// writes it into the log batch, `deliver` applies it.

import type { Sid } from '../../proto/sid.ts';
import type { SessionId, Zxid } from '../../proto/zxid.ts';
import type { CommittedLog } from './committed-log.ts';
import type { EpochName } from './leader-events.ts';
import type { HistoryTxn } from './txn-arena.ts';
import type { ZabNote } from './zab-notes.ts';

export interface LearnerOptions {
  readonly mySid: Sid;
  /** An observer acknowledges nothing but NEWLEADER, and gets INFORM instead of PROPOSAL and COMMIT. */
  readonly role: 'follower' | 'observer';
  readonly leader: Sid;
  /** Names this role period: completions that carry another term are of an earlier one, and are ignored. */
  readonly term: number;
  readonly tickTimeMs: number;
  readonly initLimit: number;
  readonly syncLimit: number;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** Where our history ends, on disk: dataTree.lastProcessedZxid, −1 for a database not to be trusted. */
  readonly lastZxid: Zxid;
  /** Of the committed configuration. */
  readonly configVersion: bigint;
  /** The committed configuration as text, to be compared with the leader's. */
  readonly configText: string;
  readonly committedLog: CommittedLog;
  /** The last attempt could not cut the log as told: ask for a snapshot. */
  readonly wantsSnapshot?: boolean;
  /** Protects from an unbounded queue when a leader proposes and never commits. */
  readonly pendingBytesMax?: number;
}

export type LearnerEvent =
  /** The link to the leader stands. */
  | { readonly kind: 'connected' }
  /** Bytes from the leader: `bytes[start, end)`, valid during the step only. Reused by the driver. */
  | { readonly kind: 'received'; bytes: Uint8Array; start: number; end: number }
  | { readonly kind: 'disconnected'; readonly reason: string }
  /** The file and its name are on disk. */
  | {
      readonly kind: 'epochSaved';
      readonly term: number;
      readonly name: EpochName;
      readonly epoch: number;
    }
  /** Our log is on disk up to here. */
  | { readonly kind: 'synced'; readonly term: number; readonly zxid: Zxid }
  /** Answers `truncate`: where the history ends now, log and tree. `failure`: it was not cut. */
  | {
      readonly kind: 'truncated';
      readonly term: number;
      readonly lastZxid: Zxid;
      readonly failure: string | undefined;
    }
  /** Answers `saveSnapshot`. */
  | { readonly kind: 'snapshotSaved'; readonly term: number }
  | { readonly kind: 'timeout' }
  /** The server leaves the role for reasons of its own. */
  | { readonly kind: 'stopped'; readonly reason: string };

export type LearnerEffect =
  /** Write the epoch file, durably, then say `epochSaved`. One at a time. */
  | { readonly kind: 'saveEpoch'; readonly name: EpochName; readonly epoch: number }
  /**
   * Cut everything above `zxid` from log and snapshots, load the state anew from disk (tree and committed log), then
   * say `truncated`. Nothing is appended before.
   */
  | { readonly kind: 'truncate'; readonly zxid: Zxid }
  /**
   * The snapshot is complete: make it this server's state, durably, in place of what it had (snapshot file with its
   * name on disk, then everything above `zxid` cut from the log; tree replaced, committed log emptied), then say
   * `snapshotSaved`. Nothing is appended before.
   */
  | { readonly kind: 'saveSnapshot'; readonly zxid: Zxid }
  /** In step with the leader: serve, and tell the election (epochEstablished). */
  | { readonly kind: 'serve'; readonly epoch: number }
  /**
   * The term is over; close the link. `refusal`: this leader will not do, whatever is tried; `wantsSnapshot`: try
   * again with that option.
   */
  | {
      readonly kind: 'abandon';
      readonly reason: string;
      readonly refusal: boolean;
      readonly wantsSnapshot: boolean;
    }
  /** Stop, or go on, reading from the leader. */
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'note'; readonly note: ZabNote };

/** Where a snapshot goes, into a state of its own. */
export interface SnapshotIntake {
  /** Takes bytes; returns how many of them belong to the body. Throws DecodeError. */
  push(bytes: Uint8Array): number;
  readonly complete: boolean;
}

/** The server around a learner. */
export interface LearnerHost {
  /** Proposed, in zxid order: write `txn` into the log; `synced` says when it is there. */
  append(txn: HistoryTxn): void;
  /**
   * Committed, in zxid order: apply it. Before `serve` nobody may see it: the leader may not be established yet. The
   * machine has put it into the committed log.
   */
  deliver(txn: HistoryTxn): void;
  /** Sessions heard of since the last call, with their timeouts in ms. */
  touchedSessions(): Iterable<readonly [sessionId: SessionId, timeoutMs: number]>;
  /** Answers `Learner.revalidate`. */
  revalidated(sessionId: SessionId, isValid: boolean): void;
  /** Answers `Learner.sync`, in the order of the calls. */
  syncReleased(waiter: object): void;
  /** A snapshot begins; it must not touch the present state. */
  beginSnapshot(zxid: Zxid): SnapshotIntake;
}
