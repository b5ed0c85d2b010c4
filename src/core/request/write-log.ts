// The writes of a lone server or a leader on their way: numbers each, has prep make its transaction, keeps the batch
// that fills and the one that is being fsynced. A lone server commits a batch when it is durable; a leader proposes
// each transaction besides, and is told by its machine when a quorum has it.
//
// Invariants: zxids and sequences rise by one; one batch is on its way to the disk at a time; what `synced` or
// `committed` gives back is in the order it was proposed.

import { DecodeError, Reader } from '../../jute/reader.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { longOf } from '../../proto/zxid.ts';
import { assert, present } from '../../util/assert.ts';
import { copyBytes, emptyBytes } from '../../util/bytes.ts';
import { Deque } from '../../util/deque.ts';
import type { Connection, PendingWrite } from '../session/connection.ts';
import type { Requester } from '../session/requester.ts';
import type { Database } from '../tree/database.ts';
import type { HistoryTxn } from '../zab/txn-arena.ts';
import { pendingWrite } from './learner-writes.ts';
import { LogBatch } from './log-batch.ts';
import { OutstandingChanges } from './outstanding-changes.ts';
import type { PrepOptions, Proposal } from './prep.ts';
import { Prep } from './prep.ts';
import type { Proposing, WritePath } from './write-path.ts';

export interface WriteLogOptions extends PrepOptions {
  /** How long a batch may wait for more, and how many entries end the wait; 0: not at all. */
  readonly flushDelayMs: number;
  readonly maxBatchSize: number;
}

export class WriteLog implements WritePath {
  readonly #options: WriteLogOptions;
  /** undefined: a lone server. */
  readonly #leader: Proposing | undefined;
  /** Of a leader: proposed and not committed. */
  readonly #proposed = new Deque<PendingWrite>();
  readonly #changes: OutstandingChanges;
  readonly #prep: Prep;
  readonly #reader = new Reader(emptyBytes);
  readonly #proposal: Proposal = { sequence: 0, zxidHigh: 0, zxidLow: 0, timeHigh: 0, timeLow: 0 };
  /** Filling; then on its way to the disk; then free for the next turn. */
  #batch = new LogBatch<PendingWrite>();
  #syncing: LogBatch<PendingWrite> | undefined;
  #spare: LogBatch<PendingWrite> | undefined;
  #batchSince = 0;

  /** A leader's zxids go on from the first of its epoch, a lone server's from the tree's. */
  constructor(
    database: Database,
    options: WriteLogOptions,
    term?: { readonly leader: Proposing; readonly epoch: number },
  ) {
    this.#options = options;
    this.#leader = term?.leader;
    this.#changes = new OutstandingChanges(database.tree);
    this.#prep = new Prep(database, this.#changes, options);
    this.#proposal.zxidHigh = term?.epoch ?? database.zxidHigh;
    this.#proposal.zxidLow = term === undefined ? database.zxidLow : 0;
  }

  get isIdle(): boolean {
    const isLogIdle = this.#syncing === undefined && this.#batch.count === 0;
    return isLogIdle && this.#proposed.length === 0;
  }

  get isOpen(): boolean {
    return this.#leader?.canPropose !== false;
  }

  get deadline(): number | undefined {
    if (this.#batch.count === 0 || this.#syncing !== undefined) return undefined;
    return this.#batchSince + this.#options.flushDelayMs;
  }

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
    return this.#make(connection, connection, xid, type, reader, now, undecodable);
  }

  /** The same for a client of a learner. */
  forwarded(
    requester: Requester,
    xid: number,
    type: number,
    reader: Reader,
    now: number,
    undecodable: (error: DecodeError, type: number) => void,
  ): PendingWrite {
    return this.#make(requester, undefined, xid, type, reader, now, undecodable);
  }

  /** A createSession that a learner asked for. */
  forwardedSession(requester: Requester, xid: number, timeoutMs: number, now: number): void {
    const proposal = this.#next(now);
    const start = this.#batch.begin();
    this.#prep.prepareCreateSession(requester, timeoutMs, proposal, this.#batch.out, xid);
    const { createSession } = OpCode;
    this.#propose(undefined, xid, createSession, ErrorCode.Ok, requester.sessionId, start, now);
  }

  /** A request of a learner's client that is refused unread. */
  forwardedError(requester: Requester, xid: number, type: number, err: number, now: number): void {
    const proposal = this.#next(now);
    const start = this.#batch.begin();
    this.#prep.prepareError(err, xid, requester, proposal, this.#batch.out);
    this.#propose(undefined, xid, type, err, requester.sessionId, start, now);
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
    this.#prep.prepareCreateSession(connection, timeoutMs, proposal, this.#batch.out, 0);
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

  sync(connection: Connection, xid: number, reader: Reader, now: number): PendingWrite | undefined {
    const leader = this.#leader;
    if (leader === undefined || leader.outstanding === 0) return undefined;
    const body = copyBytes(reader.bytes, reader.at, reader.end);
    const write = pendingWrite(connection, xid, OpCode.sync, now, body);
    leader.sync(write);
    return write;
  }

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

  /** The term is over: what fills behind the batch on its way. It was proposed, and may be committed already. */
  takeRest(): LogBatch<PendingWrite> | undefined {
    const batch = this.#batch;
    if (batch.count === 0) return undefined;
    this.#batch = new LogBatch<PendingWrite>();
    return batch;
  }

  synced(commit: (write: PendingWrite, bytes: Uint8Array) => void): void {
    const batch = present(this.#syncing, 'a batch on its way to the disk');
    this.#syncing = undefined;
    const { bytes } = batch.out;
    if (this.#leader === undefined) for (const write of batch.pending) commit(write, bytes);
    batch.clear();
    this.#spare = batch;
  }

  committed({ zxid, start, end }: HistoryTxn): PendingWrite {
    const write = present(this.#proposed.shift(), 'a proposal that waits for its quorum');
    assert(
      longOf(write.zxidHigh, write.zxidLow) === zxid,
      'commits come in the order of proposals',
    );
    write.start = start;
    write.end = end;
    return write;
  }

  /** Prep looks at the tree for what it changed. */
  applied(write: PendingWrite): void {
    if (write.sequence > 0) this.#changes.applied(write.sequence);
  }

  #make(
    requester: Requester,
    connection: Connection | undefined,
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
      err = this.#prep.prepare(type, xid, requester, proposal, reader, out);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      undecodable(error, type);
      err = ErrorCode.MarshallingError;
      this.#prep.prepareError(err, xid, requester, proposal, out);
    }
    return this.#propose(connection, xid, type, err, requester.sessionId, start, now);
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
      syncBody: undefined,
      held: undefined,
    };
    this.#batch.finish(start, zxidHigh, zxidLow, write);
    const leader = this.#leader;
    if (leader !== undefined) {
      this.#proposed.push(write);
      leader.propose(longOf(zxidHigh, zxidLow), this.#batch.out.bytes, start, write.end);
    }
    return write;
  }
}
