// Committed transactions reach the tree, then the watchers, then the client that waits
// (FinalRequestProcessor's write half). In: a pending write and the batch that holds its
// transaction. Out: bytes in the connections concerned, events before replies.

import { Writer } from '../../jute/writer.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { highOf, lowOf } from '../../proto/zxid.ts';
import type { Connection, PendingWrite } from '../session/connection.ts';
import type { Watches } from '../session/watches.ts';
import type { ApplyListener } from '../tree/apply.ts';
import { applyTxn } from '../tree/apply.ts';
import type { Database } from '../tree/database.ts';
import type { HistoryTxn } from '../zab/txn-arena.ts';
import { writeErrorResult, writeMultiEnd } from './reads.ts';
import { beginReply, endReply } from './reply.ts';

const emptyBytes = new Uint8Array(0);

export class Commits implements ApplyListener {
  readonly #database: Database;
  readonly #watches: Watches<Connection>;
  /** Results of a multi: they follow the events its operations fired. */
  readonly #results = new Writer(1024);
  #slot = -1;
  #bytes: Uint8Array = emptyBytes;
  #pathStart = 0;
  #pathEnd = 0;
  #inMulti = false;
  /** The transaction that is being applied: what its events carry. */
  zxidHigh = 0;
  zxidLow = 0;
  /** Of the last reply, with its length word; 0 if there was none. */
  replyLength = 0;
  watched = false;
  wantsResults = false;
  /** Whose end the last `apply` was. */
  closedSession: bigint | undefined;
  /** The last multi was of a session that had moved. */
  isMoved = false;

  constructor(database: Database, watches: Watches<Connection>) {
    this.#database = database;
    this.#watches = watches;
  }

  /** Applies the transaction of `write` and, if its connection is still there, writes the reply. */
  commit(write: PendingWrite, bytes: Uint8Array): void {
    const connection = write.connection;
    const answers = connection !== undefined && !connection.isGone;
    const isMulti = write.type === OpCode.multi && write.err === ErrorCode.Ok;
    this.watched = !this.#watches.isEmpty;
    this.wantsResults = answers;
    this.#inMulti = isMulti;
    this.#slot = -1;
    this.#results.clear();
    this.zxidHigh = write.zxidHigh;
    this.zxidLow = write.zxidLow;
    this.replyLength = 0;
    this.isMoved = write.err === ErrorCode.SessionMoved;
    applyTxn(this.#database, bytes, write.start, write.end, this);
    if (!answers || write.type === OpCode.createSession || write.type === OpCode.closeSession)
      return;
    // Its new connection is answered; whoever asks on this one is an image of the past.
    if (this.isMoved) return;
    const out = connection.out;
    const start = beginReply(out, write.xid);
    if (isMulti) {
      out.raw(this.#results.bytes, 0, this.#results.at);
      writeMultiEnd(out);
    } else if (write.err === ErrorCode.Ok) {
      this.#body(write.type, out);
    }
    endReply(out, start, this.#database.zxidHigh, this.#database.zxidLow, write.err);
    this.replyLength = out.at - start;
  }

  /** Applies a transaction that nobody here waits for. */
  apply({ zxid, bytes, start, end }: HistoryTxn): void {
    this.watched = !this.#watches.isEmpty;
    this.wantsResults = false;
    this.zxidHigh = highOf(zxid);
    this.zxidLow = lowOf(zxid);
    applyTxn(this.#database, bytes, start, end, this);
    const { view } = this.#database.reader;
    const isClose = view.getInt32(start + 28) === OpCode.closeSession;
    this.closedSession = isClose ? view.getBigInt64(start) : undefined;
  }

  #body(type: number, out: Writer): void {
    const tree = this.#database.tree;
    switch (type) {
      case OpCode.setData:
      case OpCode.setACL:
        tree.writeStat(this.#slot, out);
        return;
      case OpCode.create:
        this.#path(out);
        return;
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        this.#path(out);
        tree.writeStat(this.#slot, out);
        return;
    }
  }

  #path(out: Writer): void {
    out.int(this.#pathEnd - this.#pathStart);
    out.raw(this.#bytes, this.#pathStart, this.#pathEnd);
  }

  // ---- ApplyListener ----

  nodeCreated(path: string, aclId: number, parentAclId: number): void {
    this.#watches.nodeCreated(path, aclId, parentAclId);
  }

  nodeDeleted(path: string, aclId: number, parentAclId: number): void {
    this.#watches.nodeDeleted(path, aclId, parentAclId);
  }

  nodeDataChanged(path: string, aclId: number): void {
    this.#watches.nodeDataChanged(path, aclId);
  }

  result(
    type: number,
    err: number,
    slot: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#slot = slot;
    this.#bytes = bytes;
    this.#pathStart = start;
    this.#pathEnd = end;
    if (!this.#inMulti) return;
    const results = this.#results;
    if (type === OpCode.error) {
      if (err === ErrorCode.SessionMoved) this.isMoved = true;
      writeErrorResult(results, err);
      return;
    }
    // TTL and container results are create2 results to the client (MultiResponse).
    const shown =
      type === OpCode.createTTL || type === OpCode.createContainer ? OpCode.create2 : type;
    results.int(shown);
    results.boolean(false);
    results.int(ErrorCode.Ok);
    this.#body(type, results);
  }
}
