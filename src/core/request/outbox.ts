// What leaves the machine for clients: replies that are a header alone, connect responses, watch events; who has output
// that is due at the end of the turn; and the statistics of what was answered.

import { ConnectResponse } from '../../proto/client.ts';
import { ErrorCode } from '../../proto/errors.ts';
import type { EventType } from '../../proto/opcodes.ts';
import type { Connection } from '../session/connection.ts';
import { sessionPassword } from '../session/password.ts';
import type { ServerStats } from '../session/server-stats.ts';
import type { Database } from '../tree/database.ts';
import { headerReplyLength, writeHeaderReply, writeNotification } from './reply.ts';

const refusedPassword = new Uint8Array(16);

export class Outbox {
  readonly #database: Database;
  readonly #stats: ServerStats;
  #dirty: Connection[] = [];
  /** The time of the step, in ms. */
  now = 0;

  constructor(database: Database, stats: ServerStats) {
    this.#database = database;
    this.#stats = stats;
  }

  /** Those with output since the last call; undefined: nobody. */
  takeDirty(): readonly Connection[] | undefined {
    if (this.#dirty.length === 0) return undefined;
    const connections = this.#dirty;
    this.#dirty = [];
    for (const connection of connections) connection.isDirty = false;
    return connections;
  }

  /** A reply of a header alone, to what did not become a transaction. */
  answer(connection: Connection, xid: number, type: number, err: number, receivedAt: number): void {
    const { zxidHigh, zxidLow } = this.#database;
    writeHeaderReply(connection.out, xid, zxidHigh, zxidLow, err);
    this.#stats.readLatency.add(this.now - receivedAt);
    const op = err === ErrorCode.Ok ? type : 0;
    this.answered(connection, xid, op, receivedAt, headerReplyLength);
  }

  /** The reply to a read was written; `length` bytes with its length word. */
  answeredRead(
    connection: Connection,
    xid: number,
    op: number,
    receivedAt: number,
    length: number,
  ): void {
    this.#stats.readLatency.add(this.now - receivedAt);
    this.answered(connection, xid, op, receivedAt, length);
  }

  /** A reply was written; `length` bytes with its length word. */
  answered(
    connection: Connection,
    xid: number,
    op: number,
    receivedAt: number,
    length: number,
  ): void {
    this.#stats.noteResponse(length - 4);
    this.noteAnswer(connection, xid, op, receivedAt);
    this.sent(connection);
  }

  noteAnswer(connection: Connection, xid: number, op: number, receivedAt: number): void {
    const { zxidHigh, zxidLow } = this.#database;
    connection.stats.noteAnswer(xid, op, zxidHigh, zxidLow, receivedAt, this.now);
  }

  /** A watch event; the zxid is −1 for what setWatches found. */
  notify(
    connection: Connection,
    type: EventType,
    path: string,
    zxidHigh: number,
    zxidLow: number,
  ): void {
    const start = connection.out.at;
    writeNotification(connection.out, type, path, zxidHigh, zxidLow);
    this.#stats.watchBytes += connection.out.at - start - 4;
    this.sent(connection);
  }

  /** The session is open. */
  welcome(connection: Connection, isReadOnly: boolean): void {
    const id = connection.sessionId;
    this.#connectResponse(connection, connection.timeoutMs, id, sessionPassword(id), isReadOnly);
  }

  /** The session is gone, or the password wrong. */
  refuse(connection: Connection, isReadOnly: boolean): void {
    this.#connectResponse(connection, 0, 0n, refusedPassword, isReadOnly);
  }

  /** Something was written to the connection's output. */
  sent(connection: Connection): void {
    this.#stats.packetsSent++;
    connection.stats.sent++;
    if (connection.isDirty) return;
    connection.isDirty = true;
    this.#dirty.push(connection);
  }

  #connectResponse(
    connection: Connection,
    timeOut: number,
    sessionId: bigint,
    passwd: Uint8Array,
    isReadOnly: boolean,
  ): void {
    const out = connection.out;
    const start = out.at;
    out.int(0);
    ConnectResponse.write(out, { protocolVersion: 0, timeOut, sessionId, passwd });
    if (connection.hasReadOnlyByte) out.boolean(isReadOnly);
    out.view.setInt32(start, out.at - start - 4);
    this.sent(connection);
  }
}
