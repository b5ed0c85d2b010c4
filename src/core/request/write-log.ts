// Writes on their way through the log: numbers each, has prep make its transaction, keeps the batch that fills and the
// one that is being fsynced. The part of a server that a leader or a lone server has and a learner has not.
//
// Invariants: zxids and sequences rise by one; one batch is on its way to the disk at a time; what `synced` gives
// back is in the order it was proposed.

import { DecodeError, Reader } from '../../jute/reader.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { present } from '../../util/assert.ts';
import { emptyBytes } from '../../util/bytes.ts';
import type { Connection, PendingWrite } from '../session/connection.ts';
import type { Requester } from '../session/requester.ts';
import type { Database } from '../tree/database.ts';
import { LogBatch } from './log-batch.ts';
import { OutstandingChanges } from './outstanding-changes.ts';
import type { PrepOptions, Proposal } from './prep.ts';
import { Prep } from './prep.ts';

export interface WriteLogOptions extends PrepOptions {
  /** How long a batch may wait for more, and how many entries end the wait; 0: not at all. */
  readonly flushDelayMs: number;
  readonly maxBatchSize: number;
}

export class WriteLog {
  readonly #options: WriteLogOptions;
  readonly #changes: OutstandingChanges;
  readonly #prep: Prep;
  readonly #reader = new Reader(emptyBytes);
  readonly #proposal: Proposal = { sequence: 0, zxidHigh: 0, zxidLow: 0, timeHigh: 0, timeLow: 0 };
  /** Filling; then on its way to the disk; then free for the next turn. */
  #batch = new LogBatch<PendingWrite>();
  #syncing: LogBatch<PendingWrite> | undefined;
  #spare: LogBatch<PendingWrite> | undefined;
  #batchSince = 0;

  constructor(database: Database, options: WriteLogOptions) {
    this.#options = options;
    this.#changes = new OutstandingChanges(database.tree);
    this.#prep = new Prep(database, this.#changes, options);
    this.#proposal.zxidHigh = database.zxidHigh;
    this.#proposal.zxidLow = database.zxidLow;
  }

  /** Nothing is on its way to the disk or waits for it. */
  get isIdle(): boolean {
    return this.#syncing === undefined && this.#batch.count === 0;
  }

  /** When a batch that waits for more must go; undefined: none waits. */
  get deadline(): number | undefined {
    if (this.#batch.count === 0 || this.#syncing !== undefined) return undefined;
    return this.#batchSince + this.#options.flushDelayMs;
  }

  /** What transactions carry from now on: Unix time in ms. */
  setTime(wallTime: number): void {
    this.#proposal.timeHigh = Math.floor(wallTime / 0x100000000);
    this.#proposal.timeLow = wallTime | 0;
  }

  /**
   * Makes a request's transaction; the reader stands at its body. A body that cannot be read becomes an error
   * transaction and is told through `undecodable`: it keeps its place among the writes and the replies.
   */
  write(
    connection: Connection,
    xid: number,
    type: number,
    reader: Reader,
    now: number,
    undecodable: (error: DecodeError, type: number) => void,
  ): PendingWrite {
    const proposal = this.#next(now);
    const start = this.#batch.begin();
    const { out } = this.#batch;
    let err: number;
    try {
      err = this.#prep.prepare(type, xid, connection, proposal, reader, out);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      undecodable(error, type);
      err = ErrorCode.MarshallingError;
      this.#prep.prepareError(err, xid, connection, proposal, out);
    }
    return this.#propose(connection, xid, type, err, connection.sessionId, start, now);
  }

  /** A write refused unread; it takes its place in the log all the same. */
  writeError(
    connection: Connection,
    xid: number,
    type: number,
    err: number,
    now: number,
  ): PendingWrite {
    const proposal = this.#next(now);
    const start = this.#batch.begin();
    this.#prep.prepareError(err, xid, connection, proposal, this.#batch.out);
    return this.#propose(connection, xid, type, err, connection.sessionId, start, now);
  }

  createSession(connection: Connection, timeoutMs: number, now: number): PendingWrite {
    const proposal = this.#next(now);
    const start = this.#batch.begin();
    this.#prep.prepareCreateSession(connection, timeoutMs, proposal, this.#batch.out);
    const { createSession } = OpCode;
    return this.#propose(
      connection,
      0,
      createSession,
      ErrorCode.Ok,
      connection.sessionId,
      start,
      now,
    );
  }

  /** A transaction of the server itself: the end of a session, the end of a container. */
  writeInternal(type: number, requester: Requester, body: Uint8Array, now: number): PendingWrite {
    const proposal = this.#next(now);
    const start = this.#batch.begin();
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    const reader = this.#reader.reset(body, view, 0, body.length);
    const err = this.#prep.prepare(type, 0, requester, proposal, reader, this.#batch.out);
    return this.#propose(undefined, 0, type, err, requester.sessionId, start, now);
  }

  /** The batch to make durable now; undefined: none, or one is under way, or more may come first. */
  takeBatch(now: number): LogBatch<PendingWrite> | undefined {
    const batch = this.#batch;
    if (batch.count === 0 || this.#syncing !== undefined) return undefined;
    const { flushDelayMs, maxBatchSize } = this.#options;
    const isDue = batch.count >= maxBatchSize || now >= this.#batchSince + flushDelayMs;
    if (flushDelayMs > 0 && !isDue) return undefined;
    this.#syncing = batch;
    this.#batch = this.#spare ?? new LogBatch<PendingWrite>();
    this.#spare = undefined;
    return batch;
  }

  /** The batch on its way is durable: `commit` is called for each of its writes, in order. */
  synced(commit: (write: PendingWrite, bytes: Uint8Array) => void): void {
    const batch = present(this.#syncing, 'a batch on its way to the disk');
    this.#syncing = undefined;
    const { bytes } = batch.out;
    for (const write of batch.pending) commit(write, bytes);
    batch.clear();
    this.#spare = batch;
  }

  /** The write was applied: prep looks at the tree for what it changed. */
  applied(write: PendingWrite): void {
    this.#changes.applied(write.sequence);
  }

  #next(now: number): Proposal {
    const proposal = this.#proposal;
    if (this.#batch.count === 0) this.#batchSince = now;
    proposal.sequence++;
    proposal.zxidLow = (proposal.zxidLow + 1) | 0;
    // A lone server counts on into the next epoch (hzxid of ZooKeeperServer); a leader has stepped down before.
    if (proposal.zxidLow === 0) proposal.zxidHigh++;
    return proposal;
  }

  #propose(
    connection: Connection | undefined,
    xid: number,
    type: number,
    err: number,
    sessionId: bigint,
    start: number,
    now: number,
  ): PendingWrite {
    const { zxidHigh, zxidLow, sequence } = this.#proposal;
    const write: PendingWrite = {
      connection,
      sequence,
      zxidHigh,
      zxidLow,
      xid,
      type,
      err,
      sessionId,
      start,
      end: this.#batch.out.at,
      receivedAt: now,
      largeBytes: 0,
      held: undefined,
    };
    this.#batch.finish(start, zxidHigh, zxidLow, write);
    return write;
  }
}
