// A learner's writes (FollowerRequestProcessor, CommitProcessor): each is forwarded to the leader and waits here until
// its transaction comes back among the commits, known by its session and cxid (Java's match is the same).
//
// One link carries them there and back, and the leader keeps its order: so a commit is of our oldest write, or it is
// somebody else's. Invariant: `#pending` is in the order of forwarding.

import type { Reader } from '../../jute/reader.ts';
import { DecodeError } from '../../jute/reader.ts';
import { AclList } from '../../proto/data.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { present } from '../../util/assert.ts';
import { copyBytes, emptyBytes } from '../../util/bytes.ts';
import { Deque } from '../../util/deque.ts';
import type { Connection, PendingWrite } from '../session/connection.ts';
import type { HistoryTxn } from '../zab/txn-arena.ts';
import { createKindError } from './create-kind.ts';
import type { LogBatch } from './log-batch.ts';
import { isOpenAcl } from './open-acl.ts';
import { assertReadable } from './readable.ts';
import type { Forwarding, WritePath } from './write-path.ts';

/** DeleteRequest: an empty path, version −1. */
const deleteOfNothing = new Uint8Array([0, 0, 0, 0, 255, 255, 255, 255]);
/** Of a transaction: session, cxid, zxid, time, type. */
const headerLength = 32;

export class LearnerWrites implements WritePath {
  readonly #leader: Forwarding;
  readonly #pending = new Deque<PendingWrite>();
  /** For each of them, how many syncs went before it. */
  readonly #syncsBefore = new Deque<number>();
  /** What was refused here, and as what. */
  readonly #refusals = new Map<PendingWrite, number>();
  #syncsSent = 0;
  #syncsReleased = 0;
  #view: DataView = new DataView(emptyBytes.buffer);

  constructor(leader: Forwarding) {
    this.#leader = leader;
  }

  get isIdle(): boolean {
    return this.#pending.length === 0 && this.#syncsSent === this.#syncsReleased;
  }

  get isOpen(): boolean {
    return this.#leader.isServing;
  }

  get deadline(): undefined {
    return undefined;
  }

  setTime(): void {
    // The leader's clock counts.
  }

  write(
    connection: Connection,
    xid: number,
    type: number,
    reader: Reader,
    now: number,
    undecodable: (error: DecodeError, type: number) => void,
  ): PendingWrite {
    try {
      assertReadable(type, reader);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      undecodable(error, type);
      return this.writeError(connection, xid, type, ErrorCode.MarshallingError, now);
    }
    if (type === OpCode.createTTL && !mayMakeTtlNode(reader)) {
      return this.writeError(connection, xid, type, ErrorCode.BadArguments, now);
    }
    this.#forward(connection, xid, type, reader.bytes, reader.at, reader.end);
    return this.#wait(connection, xid, type, now);
  }

  /**
   * The client must not see that it was refused here and not in the order of writes: what is forwarded is a delete of
   * no path, which every leader refuses with BadArguments; what the client is told is `err`.
   */
  writeError(
    connection: Connection,
    xid: number,
    type: number,
    err: number,
    now: number,
  ): PendingWrite {
    const { length } = deleteOfNothing;
    this.#forward(connection, xid, OpCode.delete, deleteOfNothing, 0, length);
    const write = this.#wait(connection, xid, type, now);
    this.#refusals.set(write, err);
    return write;
  }

  createSession(connection: Connection, timeoutMs: number, now: number): PendingWrite {
    const body = new Uint8Array(4);
    new DataView(body.buffer).setInt32(0, timeoutMs);
    this.#forward(connection, 0, OpCode.createSession, body, 0, body.length);
    return this.#wait(connection, 0, OpCode.createSession, now);
  }

  sync(connection: Connection, xid: number, reader: Reader, now: number): PendingWrite {
    const { bytes, at: start, end } = reader;
    const path = copyBytes(bytes, start, end);
    const write = pendingWrite(connection, xid, OpCode.sync, now, path);
    const { sessionId, authIds: authinfo } = connection;
    const request = { sessionId, cxid: xid, type: OpCode.sync, bytes, start, end, authinfo };
    this.#syncsSent++;
    this.#leader.sync(write, request);
    return write;
  }

  takeBatch(): LogBatch<PendingWrite> | undefined {
    return undefined;
  }

  synced(): void {
    // What is logged here was proposed by the leader.
  }

  committed(txn: HistoryTxn): PendingWrite | undefined {
    const head = this.#pending.peek();
    if (head?.connection === undefined) return undefined;
    const { bytes, start } = txn;
    let view = this.#view;
    if (view.buffer !== bytes.buffer || view.byteOffset !== bytes.byteOffset) {
      view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      this.#view = view;
    }
    const { sessionHigh, sessionLow } = head.connection;
    if (view.getInt32(start) !== sessionHigh || view.getInt32(start + 4) !== sessionLow) {
      return undefined;
    }
    if (view.getInt32(start + 8) !== head.xid) return undefined;
    const type = view.getInt32(start + 28);
    const isError = type === OpCode.error;
    // What else it may be, by the same session and cxid: another server's. The session moved here while it was under
    // way, and its client counts anew.
    if (!isError && type !== head.type) return undefined;
    // The leader answers a sync before it commits what came behind it.
    if (present(this.#syncsBefore.peek(), 'its place') > this.#syncsReleased) return undefined;
    this.#pending.shift();
    this.#syncsBefore.shift();
    head.zxidHigh = view.getInt32(start + 12);
    head.zxidLow = view.getInt32(start + 16);
    head.err = isError ? this.#errorOf(head, view.getInt32(start + headerLength)) : ErrorCode.Ok;
    head.start = start;
    head.end = txn.end;
    return head;
  }

  #errorOf(write: PendingWrite, err: number): number {
    const refusal = this.#refusals.get(write);
    if (refusal === undefined) return err;
    this.#refusals.delete(write);
    // Of a session that may not ask any more the leader says so.
    return err === ErrorCode.BadArguments ? refusal : err;
  }

  applied(write: PendingWrite): void {
    if (write.type === OpCode.sync) this.#syncsReleased++;
  }

  #forward(
    connection: Connection,
    cxid: number,
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { sessionId, authIds: authinfo } = connection;
    this.#leader.forward({ sessionId, cxid, type, bytes, start, end, authinfo });
  }

  #wait(connection: Connection, xid: number, type: number, now: number): PendingWrite {
    const write = pendingWrite(connection, xid, type, now, undefined);
    this.#pending.push(write);
    this.#syncsBefore.push(this.#syncsSent);
    return write;
  }
}

/** A write whose transaction is not known yet, or a `sync` with its body. */
export function pendingWrite(
  connection: Connection,
  xid: number,
  type: number,
  receivedAt: number,
  syncBody: Uint8Array | undefined,
): PendingWrite {
  return {
    connection,
    sequence: 0,
    zxidHigh: 0,
    zxidLow: 0,
    xid,
    type,
    err: ErrorCode.Ok,
    sessionId: connection.sessionId,
    start: 0,
    end: 0,
    receivedAt,
    largeBytes: 0,
    syncBody,
    held: undefined,
  };
}

/**
 * A Java leader logs a createTTL whose flags or ttl make no TTL node, and then no server of its ensemble can apply it,
 * nor start. What cannot be read it refuses by itself. The reader is left where it stood.
 */
function mayMakeTtlNode(reader: Reader): boolean {
  const { at } = reader;
  try {
    reader.lengthOfBytes();
    reader.lengthOfBytes();
    if (isOpenAcl(reader) < 0) AclList.read(reader);
    const flags = reader.int();
    return createKindError(OpCode.createTTL, flags, reader.long(), true) === ErrorCode.Ok;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return true;
  } finally {
    reader.at = at;
  }
}
