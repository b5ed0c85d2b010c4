// How a server's writes come into one order: in its own log (a lone server), by its proposals (a leader), or by its
// leader (a learner, which forwards them and finds them again among the commits). The replica sees only this.
//
// Invariant: what a connection hands in is committed in the order it was handed in.

import type { DecodeError, Reader } from '../../jute/reader.ts';
import type { Id } from '../../proto/data.ts';
import type { SessionId, Zxid } from '../../proto/zxid.ts';
import type { Connection, PendingWrite } from '../session/connection.ts';
import type { HistoryTxn } from '../zab/txn-arena.ts';
import type { LogBatch } from './log-batch.ts';

export interface WritePath {
  /** Nothing is on its way. */
  readonly isIdle: boolean;
  /** Whether a write may begin; false: the term is about to end. */
  readonly isOpen: boolean;
  /** When a batch that waits for more must go; undefined: none waits. */
  readonly deadline: number | undefined;
  /** What transactions carry from now on: Unix time in ms. */
  setTime(wallTime: number): void;
  /** A request whose body is at `reader`. */
  write(
    connection: Connection,
    xid: number,
    type: number,
    reader: Reader,
    now: number,
    undecodable: (error: DecodeError, type: number) => void,
  ): PendingWrite;
  /** A write refused unread, in its place among the writes. */
  writeError(
    connection: Connection,
    xid: number,
    type: number,
    err: number,
    now: number,
  ): PendingWrite;
  createSession(connection: Connection, timeoutMs: number, now: number): PendingWrite;
  /** A client's `sync`, its path at `reader`; undefined: there is nothing to wait for. */
  sync(connection: Connection, xid: number, reader: Reader, now: number): PendingWrite | undefined;
  /** The batch to make durable now; undefined: none, or one is under way, or more may come first. */
  takeBatch(now: number): LogBatch<PendingWrite> | undefined;
  /** The batch on its way is durable; a lone server commits it now. */
  synced(commit: (write: PendingWrite, bytes: Uint8Array) => void): void;
  /** The ensemble committed it: the write of ours that it is, placed in `txn.bytes`; undefined: it is not ours. */
  committed(txn: HistoryTxn): PendingWrite | undefined;
  /** The write was applied. */
  applied(write: PendingWrite): void;
}

/** What a leader's writes need of its machine (core/zab/leader.ts). */
export interface Proposing {
  readonly canPropose: boolean;
  /** Proposals without their quorum yet. */
  readonly outstanding: number;
  propose(zxid: Zxid, bytes: Uint8Array, start: number, end: number): void;
  sync(waiter: object): void;
}

/** What a learner's writes need of its machine (core/zab/learner.ts). */
export interface Forwarding {
  readonly isServing: boolean;
  forward(request: Forwarded): void;
  sync(waiter: object, request: Forwarded): void;
  revalidate(sessionId: SessionId, timeoutMs: number): void;
}

/** The body is `bytes[start, end)`, valid during the call. */
export interface Forwarded {
  readonly sessionId: SessionId;
  readonly cxid: number;
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly authinfo: readonly Id[];
}
