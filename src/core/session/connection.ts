// One client connection as the machine sees it: who it is, its session, its replies on their way out, and what of its
// input waits. The socket behind it is the driver's; bytes written to `out` leave when the turn ends.
//
// Invariant: a connection's reads wait behind its own pending writes and nobody else's: they hang on the last of them.

import { Writer } from '../../jute/writer.ts';
import type { Id } from '../../proto/data.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { highOf, lowOf } from '../../proto/zxid.ts';
import { ConnectionStats } from './connection-stats.ts';
import type { Requester } from './requester.ts';
import type { Session } from './session-tracker.ts';
import { leftHere } from './session-tracker.ts';

export type ConnectionPhase = 'connecting' | 'establishing' | 'open' | 'closing' | 'closed';

/** A frame that waits, with what its sender was authenticated as, and whether its session was open, when it came. */
export interface HeldFrame {
  readonly bytes: Uint8Array;
  readonly authIds: readonly Id[];
  /** Ok, or SessionExpired: a close that came later does not refuse what came before it. */
  readonly err: number;
  readonly receivedAt: number;
}

/**
 * A write on its way to its commit, or a `sync` that waits for others' commits; reads of the same connection that came
 * after it hang here. What a learner cannot know before the commit is filled in then.
 */
export interface PendingWrite {
  readonly connection: Connection | undefined;
  /** Of the change records it made; 0: none. */
  readonly sequence: number;
  zxidHigh: number;
  zxidLow: number;
  readonly xid: number;
  readonly type: number;
  err: number;
  readonly sessionId: bigint;
  /** Where the transaction stands in the bytes it is committed from. */
  start: number;
  end: number;
  readonly receivedAt: number;
  /** The request's length if it counts as large, else 0. */
  largeBytes: number;
  /** Of a `sync`: its body, which is the body of its reply. */
  readonly syncBody: Uint8Array | undefined;
  held: HeldFrame[] | undefined;
}

export class Connection implements Requester {
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly out: Writer;
  phase: ConnectionPhase = 'connecting';
  session: Session | undefined;
  sessionHigh = 0;
  sessionLow = 0;
  /** The negotiated timeout; until then the sessionless one. */
  timeoutMs: number;
  lastInputAt: number;
  authIds: readonly Id[];
  /** The client sent the read-only byte, so the response carries one. */
  hasReadOnlyByte = false;
  isReadOnly = false;
  pendingWrites = 0;
  /** Frames that wait behind them. */
  heldFrames = 0;
  lastPending: PendingWrite | undefined;
  /** In the list of those to flush at the end of the turn. */
  isDirty = false;
  isPaused = false;
  readonly stats: ConnectionStats;

  constructor(
    id: number,
    remoteAddress: string,
    remotePort: number,
    timeoutMs: number,
    now: number,
    wallTime: number,
  ) {
    this.id = id;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.timeoutMs = timeoutMs;
    this.lastInputAt = now;
    this.authIds = [{ scheme: 'ip', id: remoteAddress }];
    this.out = new Writer(outputCapacity);
    this.stats = new ConnectionStats(wallTime);
  }

  get isGone(): boolean {
    return this.phase === 'closed' || this.phase === 'closing';
  }

  get sessionId(): bigint {
    return this.session?.id ?? 0n;
  }

  /** Requests that wait for their replies. */
  get outstanding(): number {
    return this.pendingWrites + this.heldFrames;
  }

  /** Why the session may not ask; Ok when it may. SessionMoved: it was opened elsewhere since. */
  get error(): number {
    const session = this.session;
    if (session === undefined || session.closing) return ErrorCode.SessionExpired;
    return session.owner === this || session.owner === undefined
      ? ErrorCode.Ok
      : ErrorCode.SessionMoved;
  }

  get isLocal(): boolean {
    return this.session?.isLocal === true;
  }

  get ephemeralError(): number {
    return this.isLocal ? ErrorCode.EphemeralOnLocalSession : ErrorCode.Ok;
  }

  /** The session is here from now on. */
  bind(session: Session): void {
    session.owner = this;
    session.connection = this;
    this.session = session;
    this.sessionHigh = highOf(session.id);
    this.sessionLow = lowOf(session.id);
  }

  /** It is gone; its session remembers that it was here. */
  unbind(): void {
    const { session } = this;
    if (session?.owner === this) session.owner = leftHere;
    if (session?.connection === this) session.connection = undefined;
  }

  /** False: that would be more than one client has reason for. */
  addAuthIds(ids: readonly Id[]): boolean {
    const known = this.authIds;
    const more = ids.filter(
      (id) => !known.some((one) => one.scheme === id.scheme && one.id === id.id),
    );
    if (known.length + more.length > authIdsMax) return false;
    if (more.length > 0) this.authIds = [...known, ...more];
    return true;
  }
}

/** Every check of an ACL goes through them all; Java takes any number. */
const authIdsMax = 1024;
/** Small, since there may be many thousand idle connections; it grows with use and is given back when idle. */
const outputCapacity = 512;
