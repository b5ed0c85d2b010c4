// The requests of open sessions (the chain of request processors): each is answered at once, becomes a write on its
// way, or waits behind the writes of its own connection. In: frames and commits. Out: replies in the connections'
// outputs, writes in the write path, effects at the host.
//
// Invariants: a connection's requests are answered in their order; a reply to a write is written after its commit; a
// read waits behind its own connection's writes and nobody else's.

import { DecodeError, Reader } from '../../jute/reader.ts';
import { Xid } from '../../proto/client.ts';
import type { Id } from '../../proto/data.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode, opName, opOf } from '../../proto/opcodes.ts';
import { hexZxid } from '../../proto/zxid.ts';
import { present } from '../../util/assert.ts';
import { copyBytes, emptyBytes } from '../../util/bytes.ts';
import type { CloseReason } from '../session/close-reason.ts';
import type { Connection, PendingWrite } from '../session/connection.ts';
import type { ServerStats } from '../session/server-stats.ts';
import type { SessionTracker } from '../session/session-tracker.ts';
import type { Throttle } from '../session/throttle.ts';
import type { Database } from '../tree/database.ts';
import type { Admission } from './admission.ts';
import type { Commits } from './commits.ts';
import { pendingWrite } from './learner-writes.ts';
import type { LocalSessions } from './local-sessions.ts';
import type { Outbox } from './outbox.ts';
import type { Reads } from './reads.ts';
import { beginReply, endReply, writeHeaderReply } from './reply.ts';
import type { WritePath } from './write-path.ts';

/** Output beyond this is flushed at once, not at the end of the turn. */
const outputDue = 1 << 20;
/** Reads that waited for a write are all answered behind it, in one step; beyond this the connection is given up. */
const outputMax = 512 << 20;

export interface RequestsHost {
  log(level: 'warn', message: string): void;
  close(connection: Connection, reason: CloseReason, afterFlush: boolean): void;
  want(
    effect:
      | { readonly kind: 'flush'; readonly connections: readonly Connection[] }
      | { readonly kind: 'pause'; readonly connection: Connection }
      | { readonly kind: 'resume'; readonly connections: readonly Connection[] },
  ): void;
}

/** What answers are made of. */
export interface RequestsParts {
  readonly database: Database;
  readonly sessions: SessionTracker;
  readonly stats: ServerStats;
  readonly writes: WritePath;
  readonly admission: Admission;
  readonly localSessions: LocalSessions;
  readonly outbox: Outbox;
  readonly reads: Reads;
  readonly commits: Commits;
  readonly throttle: Throttle;
  readonly isReadOnly: boolean;
  /** Requests longer than this count as large. */
  readonly largeRequestThreshold: number;
}

export class Requests {
  readonly #host: RequestsHost;
  readonly #database: Database;
  readonly #sessions: SessionTracker;
  readonly #stats: ServerStats;
  readonly #writes: WritePath;
  readonly #admission: Admission;
  readonly #localSessions: LocalSessions;
  readonly #outbox: Outbox;
  readonly #reads: Reads;
  readonly #commits: Commits;
  readonly #throttle: Throttle;
  readonly #isReadOnly: boolean;
  readonly #largeRequestThreshold: number;
  readonly #reader = new Reader(emptyBytes);
  /** Requests accepted and not yet answered. */
  outstanding = 0;
  /** Bytes of the large requests on their way. */
  largeBytes = 0;
  /** The time of the step, in ms. */
  now = 0;
  /** No write begins any more. */
  isStopping = false;

  constructor(parts: RequestsParts, host: RequestsHost) {
    this.#host = host;
    this.#database = parts.database;
    this.#sessions = parts.sessions;
    this.#stats = parts.stats;
    this.#writes = parts.writes;
    this.#admission = parts.admission;
    this.#localSessions = parts.localSessions;
    this.#outbox = parts.outbox;
    this.#reads = parts.reads;
    this.#commits = parts.commits;
    this.#throttle = parts.throttle;
    this.#isReadOnly = parts.isReadOnly;
    this.#largeRequestThreshold = parts.largeRequestThreshold;
  }

  /** A request of an open session; the reader stands at its header. */
  request(connection: Connection, reader: Reader, authIds: readonly Id[]): void {
    // No write begins any more, and what follows one must not be answered before it.
    if (this.isStopping) return;
    const frameStart = reader.at;
    if (reader.remaining < 8) {
      this.#host.close(connection, 'malformed_frame', false);
      return;
    }
    const xid = reader.int();
    const type = reader.int();
    const session = connection.session;
    if (session !== undefined) this.#sessions.touch(session, this.now);
    const op = opOf(type);
    switch (op?.kind) {
      case 'write':
        this.#write(connection, xid, type, reader, frameStart);
        return;
      case 'read':
        if (type === OpCode.sync && this.#sync(connection, xid, reader)) return;
        if (connection.pendingWrites > 0) {
          reader.at = frameStart;
          this.hold(connection, reader, authIds);
        } else {
          this.#read(connection, authIds, connection.error, xid, type, reader, this.now);
        }
        return;
      case 'connection':
        if (type !== OpCode.ping) this.#admission.authenticate(connection, xid, type, reader);
        else if (connection.error === ErrorCode.SessionMoved) {
          // Whoever was left behind learns it now, though it asks nothing.
          this.#host.close(connection, 'session_moved', true);
        } else this.#outbox.answer(connection, Xid.PING, type, ErrorCode.Ok, this.now);
        return;
      case 'session':
        if (type !== OpCode.closeSession) break;
        if (session?.isLocal === true) this.#closeLocal(connection, xid, reader, frameStart);
        else this.#write(connection, xid, type, reader, frameStart);
        return;
      case 'nested':
        if (!this.#isReadOnly) break;
        this.#inTurn(connection, xid, type, reader, frameStart);
        return;
      case 'internal':
        if (type !== OpCode.deleteContainer) break;
        this.#refuseWrite(connection, xid, type, reader, frameStart);
        return;
    }
    this.#host.log(
      'warn',
      `request of type ${type} from session 0x${hexZxid(connection.sessionId)} -> Unimplemented, close`,
    );
    writeHeaderReply(connection.out, xid, -1, -1, ErrorCode.Unimplemented);
    this.#outbox.sent(connection);
    this.#host.close(connection, 'unimplemented_request', true);
  }

  /** Copies the frame and hangs it on the connection's last pending write. */
  hold(connection: Connection, reader: Reader, authIds: readonly Id[]): void {
    const write = present(connection.lastPending, 'a write to wait for');
    const bytes = copyBytes(reader.bytes, reader.at, reader.end);
    const frame = { bytes, authIds, err: connection.error, receivedAt: this.now };
    if (write.held === undefined) write.held = [frame];
    else write.held.push(frame);
    connection.heldFrames++;
    this.outstanding++;
    this.#restrain(connection);
  }

  /** `refusal`: why the session could not ask any more when the request came, or Ok. */
  #read(
    connection: Connection,
    authIds: readonly Id[],
    refusal: number,
    xid: number,
    type: number,
    reader: Reader,
    receivedAt: number,
  ): void {
    const error = refusal === ErrorCode.Ok ? this.#unfit(connection, type) : refusal;
    if (error === ErrorCode.SessionMoved) {
      this.#host.close(connection, 'session_moved', true);
      return;
    }
    if (error !== ErrorCode.Ok) {
      this.#outbox.answer(connection, xid, type, error, receivedAt);
      return;
    }
    if (type === OpCode.closeSession) {
      // A local session's: no transaction, but its turn.
      this.#admission.closed(connection.sessionId, connection, xid, receivedAt);
      return;
    }
    const out = connection.out;
    let err: number;
    if (type === OpCode.setWatches || type === OpCode.setWatches2) {
      // Its events go out before its reply, which has no body.
      try {
        err = this.#reads.read(type, connection, authIds, reader, out);
      } catch (error) {
        err = this.#marshallingError(error, type);
      }
      this.#outbox.answer(connection, xid, type, err, receivedAt);
      return;
    }
    const start = beginReply(out, xid);
    try {
      err = this.#reads.read(type, connection, authIds, reader, out);
    } catch (error) {
      err = this.#marshallingError(error, type);
    }
    endReply(out, start, this.#database.zxidHigh, this.#database.zxidLow, err);
    this.#outbox.answeredRead(connection, xid, type, receivedAt, out.at - start);
    // One read of the socket holds thousands of small requests for large replies: these leave before the turn ends, so
    // that a client that does not take them is not read from any more.
    if (out.at > outputDue) this.#host.want({ kind: 'flush', connections: [connection] });
  }

  #marshallingError(error: unknown, type: number): number {
    if (!(error instanceof DecodeError)) throw error;
    this.undecodable(error, type);
    return ErrorCode.MarshallingError;
  }

  readonly undecodable = (error: DecodeError, type: number): void => {
    this.#host.log(
      'warn',
      `${opName(type)} request that cannot be read (${error.message}) -> MarshallingError`,
    );
  };

  /** Why a request that becomes no transaction is refused when its turn comes, or Ok. */
  #unfit(connection: Connection, type: number): number {
    const kind = opOf(type)?.kind;
    const isChange = kind === 'write' || kind === 'nested' || type === OpCode.deleteContainer;
    if (this.#isReadOnly && (isChange || type === OpCode.sync)) return ErrorCode.NotReadOnly;
    if (kind === 'write') {
      return connection.isLocal ? ErrorCode.EphemeralOnLocalSession : ErrorCode.BadArguments;
    }
    return type === OpCode.deleteContainer ? ErrorCode.BadArguments : ErrorCode.Ok;
  }

  /** It is answered in its turn, by `#unfit` or as a read. */
  #inTurn(
    connection: Connection,
    xid: number,
    type: number,
    reader: Reader,
    frameStart: number,
  ): void {
    if (connection.pendingWrites === 0) {
      const { authIds, error } = connection;
      this.#read(connection, authIds, error, xid, type, reader, this.now);
      return;
    }
    reader.at = frameStart;
    this.hold(connection, reader, connection.authIds);
  }

  /** False: there is nothing to wait for. */
  #sync(connection: Connection, xid: number, reader: Reader): boolean {
    if (this.#isReadOnly || connection.error !== ErrorCode.Ok) return false;
    if (!this.#writes.isOpen) return true;
    const waiter = this.#writes.sync(connection, xid, reader, this.now);
    if (waiter !== undefined) this.proposed(connection, waiter);
    return waiter !== undefined;
  }

  syncReleased(write: PendingWrite): void {
    const { connection, syncBody } = write;
    this.#writes.applied(write);
    this.outstanding--;
    if (connection === undefined) return;
    connection.pendingWrites--;
    if (connection.lastPending === write) connection.lastPending = undefined;
    if (!connection.isGone && syncBody !== undefined) {
      const reader = this.#reader.reset(
        syncBody,
        new DataView(syncBody.buffer),
        0,
        syncBody.length,
      );
      const { authIds } = connection;
      this.#read(
        connection,
        authIds,
        ErrorCode.Ok,
        write.xid,
        OpCode.sync,
        reader,
        write.receivedAt,
      );
    }
    if (write.held !== undefined) this.#release(connection, write);
    this.resume();
  }

  #closeLocal(connection: Connection, xid: number, reader: Reader, frameStart: number): void {
    this.#inTurn(connection, xid, OpCode.closeSession, reader, frameStart);
    if (connection.session !== undefined) connection.session.closing = true;
  }

  /** Only the server's own sweep deletes containers; Java since 3.9 lets any client do it. */
  #refuseWrite(
    connection: Connection,
    xid: number,
    type: number,
    reader: Reader,
    frameStart: number,
  ): void {
    if (this.#isReadOnly) {
      this.#inTurn(connection, xid, type, reader, frameStart);
      return;
    }
    if (this.isStopping || !this.#writes.isOpen) return;
    this.proposed(
      connection,
      this.#writes.writeError(connection, xid, type, ErrorCode.BadArguments, this.now),
    );
  }

  #write(
    connection: Connection,
    xid: number,
    type: number,
    reader: Reader,
    frameStart: number,
  ): void {
    if (this.isStopping) return;
    if (this.#isReadOnly) {
      this.#inTurn(connection, xid, type, reader, frameStart);
      return;
    }
    // The term is about to end, and the connection with it.
    if (!this.#writes.isOpen) return;
    if (connection.isLocal) {
      const verdict = this.#localSessions.judge(connection, type, reader, this.now);
      if (verdict === 'refuse') {
        this.#inTurn(connection, xid, type, reader, frameStart);
        return;
      }
      if (verdict === 'upgrade') {
        const { timeoutMs } = connection;
        const upgrade = this.#writes.createSession(connection, timeoutMs, this.now);
        this.proposed(connection, upgrade);
        // That was the last counter of the term.
        if (!this.#writes.isOpen) return;
      }
    }
    const length = reader.end - reader.at;
    const write = this.#writes.write(connection, xid, type, reader, this.now, this.undecodable);
    if (type === OpCode.closeSession && connection.session !== undefined) {
      connection.session.closing = true;
    }
    if (length > this.#largeRequestThreshold) {
      write.largeBytes = length;
      this.largeBytes += length;
    }
    this.proposed(connection, write);
  }

  proposed(connection: Connection, write: PendingWrite): void {
    this.outstanding++;
    connection.pendingWrites++;
    connection.lastPending = write;
    this.#restrain(connection);
  }

  /** Its session is asked for: what it sends waits as it does for a new session. */
  asked(connection: Connection): void {
    const { createSession } = OpCode;
    this.proposed(connection, pendingWrite(connection, 0, createSession, this.now, undefined));
  }

  /** The answer came: the session is open, or the connection is closed. */
  revalidated(connection: Connection): void {
    const waiter = present(connection.lastPending, 'a question under way');
    this.outstanding--;
    connection.pendingWrites--;
    connection.lastPending = undefined;
    this.#release(connection, waiter);
    this.resume();
  }

  resume(): void {
    const connections = this.#throttle.release(this.outstanding, this.now);
    if (connections !== undefined) this.#host.want({ kind: 'resume', connections });
  }

  readonly commit = (write: PendingWrite, bytes: Uint8Array): void => {
    this.#commits.commit(write, bytes);
    this.#writes.applied(write);
    this.outstanding--;
    this.largeBytes -= write.largeBytes;
    const latency = this.now - write.receivedAt;
    this.#stats.commitLatency.add(latency);
    const connection = write.connection;
    if (connection !== undefined) this.#stats.updateLatency.add(latency);
    if (write.type === OpCode.closeSession && write.err === ErrorCode.Ok)
      this.#admission.closed(write.sessionId, connection, write.xid, write.receivedAt);
    if (connection === undefined) return;
    connection.pendingWrites--;
    if (connection.lastPending === write) connection.lastPending = undefined;
    if (write.type === OpCode.createSession) {
      this.#outbox.noteAnswer(connection, 0, write.type, write.receivedAt);
      // A session that was local until now is open already.
      if (connection.phase === 'establishing') this.#admission.established(connection);
    } else if (this.#commits.isMoved) {
      // Behind what was answered before.
      this.#host.close(connection, 'session_moved', true);
    } else if (write.type !== OpCode.closeSession) {
      if (connection.isGone) this.#stats.staleReplies++;
      else {
        const op = write.err === ErrorCode.Ok || write.type === OpCode.multi ? write.type : 0;
        this.#outbox.answered(
          connection,
          write.xid,
          op,
          write.receivedAt,
          this.#commits.replyLength,
        );
      }
    }
    if (write.held !== undefined) this.#release(connection, write);
  };

  /** What waited behind this write is answered now, before anything later. */
  #release(connection: Connection, write: PendingWrite): void {
    for (const { bytes, authIds, err: errThen, receivedAt } of write.held ?? []) {
      this.outstanding--;
      connection.heldFrames--;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (connection.isGone) {
        // The end of a local session was promised to nobody else.
        const isEnd = connection.isLocal && bytes.length >= 8;
        if (isEnd && view.getInt32(4) === OpCode.closeSession) {
          this.#admission.closed(connection.sessionId, undefined, 0, receivedAt);
        }
        continue;
      }
      const reader = this.#reader.reset(bytes, view, 0, bytes.length);
      if (write.type === OpCode.createSession) {
        // It is read only now: an auth packet before it counts.
        this.request(connection, reader, connection.authIds);
        continue;
      }
      const xid = reader.int();
      const type = reader.int();
      this.#read(connection, authIds, errThen, xid, type, reader, receivedAt);
      if (connection.out.at > outputMax) this.#host.close(connection, 'output_overflow', false);
    }
    write.held = undefined;
  }

  #restrain(connection: Connection): void {
    if (!this.#throttle.restrain(connection, this.outstanding)) return;
    this.#host.want({ kind: 'pause', connection });
  }
}
