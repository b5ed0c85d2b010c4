// Who comes in and who goes: connect requests, new and reopened sessions, auth packets, the end of a session
// (ZooKeeperServer.processConnectRequest, reopenSession, finishSessionInit; LearnerZooKeeperServer.revalidateSession).
// In: what a connection sends before and beside its requests. Out: its session, a connect response, or its end.
//
// Invariants: the password is checked before the connection a session has is touched (Java closes that one first); a
// session opens after its createSession is committed; what its leader has not confirmed, a learner does not serve.

import type { Reader } from '../../jute/reader.ts';
import { DecodeError } from '../../jute/reader.ts';
import { AuthPacket, ConnectRequest } from '../../proto/client.ts';
import type { Id } from '../../proto/data.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode } from '../../proto/opcodes.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { hexZxid } from '../../proto/zxid.ts';
import type { CloseReason } from '../session/close-reason.ts';
import { Connection } from '../session/connection.ts';
import { isPassword } from '../session/password.ts';
import type { ServerStats } from '../session/server-stats.ts';
import type { Session, SessionTracker } from '../session/session-tracker.ts';
import type { AuthOptions } from '../tree/acl.ts';
import { authenticate } from '../tree/acl.ts';
import type { Database } from '../tree/database.ts';
import type { Outbox } from './outbox.ts';
import { headerReplyLength, writeHeaderReply } from './reply.ts';

/** How this server serves; a learner's sessions are its leader's to confirm, a read-only server has only local ones. */
export type ServingMode = 'primary' | 'learner' | 'readOnly';

export interface AdmissionOptions {
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly localSessions: boolean;
  readonly auth: AuthOptions;
  /**
   * Of the term's epoch, without a counter. A Java leader shows its clients this zxid before it has proposed anything:
   * it stands for all earlier epochs, which a server of the term has. Java's other servers turn such clients away.
   */
  readonly epochStart: Zxid;
}

export interface AdmissionHost {
  log(level: 'info' | 'warn', message: string): void;
  close(connection: Connection, reason: CloseReason, afterFlush: boolean): void;
  /** Its createSession goes on its way. */
  createSession(connection: Connection, timeoutMs: number): void;
  /** Asks the leader for this connection, whose frames wait until then; `revalidated` follows. */
  revalidate(connection: Connection, sessionId: bigint, timeoutMs: number): void;
}

export class Admission {
  readonly #database: Database;
  readonly #sessions: SessionTracker;
  readonly #options: AdmissionOptions;
  readonly #mode: ServingMode;
  readonly #stats: ServerStats;
  readonly #outbox: Outbox;
  readonly #host: AdmissionHost;
  /** Connections whose sessions the leader was asked about, in the order of asking. */
  readonly #asking = new Map<bigint, Connection[]>();

  constructor(
    database: Database,
    sessions: SessionTracker,
    options: AdmissionOptions,
    mode: ServingMode,
    stats: ServerStats,
    outbox: Outbox,
    host: AdmissionHost,
  ) {
    this.#database = database;
    this.#sessions = sessions;
    this.#options = options;
    this.#mode = mode;
    this.#stats = stats;
    this.#outbox = outbox;
    this.#host = host;
  }

  connect(connection: Connection, reader: Reader, now: number, isStopping: boolean): void {
    this.#stats.connectRequests++;
    let request: ConnectRequest;
    try {
      request = ConnectRequest.read(reader);
      connection.hasReadOnlyByte = reader.remaining > 0;
      connection.isReadOnly = connection.hasReadOnlyByte && reader.boolean();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#host.close(connection, 'malformed_frame', false);
      return;
    }
    if (this.#mode === 'readOnly' && !connection.isReadOnly) {
      const what = `connect from ${connection.remoteAddress}, which would write`;
      this.#host.log('info', `${what}: this server is read-only now -> close`);
      this.#host.close(connection, 'not_read_only_client', false);
      return;
    }
    const { lastProcessedZxid } = this.#database;
    const { epochStart } = this.#options;
    if (request.lastZxidSeen > lastProcessedZxid && request.lastZxidSeen > epochStart) {
      this.#host.log(
        'info',
        `connect from ${connection.remoteAddress}: it has seen zxid 0x${hexZxid(request.lastZxidSeen)}, ours is ` +
          `0x${hexZxid(lastProcessedZxid)} -> close, it must try another server`,
      );
      this.#host.close(connection, 'client_zxid_ahead', false);
      return;
    }
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#options;
    const timeoutMs = Math.min(Math.max(request.timeOut, minSessionTimeoutMs), maxSessionTimeoutMs);
    connection.timeoutMs = timeoutMs;
    connection.phase = 'establishing';
    if (request.sessionId !== 0n) this.#reopen(connection, request, timeoutMs, now);
    else if (isStopping) this.#host.close(connection, 'server_shutdown', false);
    else this.#open(connection, timeoutMs, now);
  }

  /** The leader's answer; returns the connection it was asked for, which may be gone. */
  revalidated(sessionId: bigint, isValid: boolean, now: number): Connection | undefined {
    const waiting = this.#asking.get(sessionId);
    const connection = waiting?.shift();
    if (waiting?.length === 0) this.#asking.delete(sessionId);
    if (connection === undefined || connection.isGone) return connection;
    if (isValid) {
      const { timeoutMs } = connection;
      this.#take(connection, this.#sessions.add(sessionId, timeoutMs, now), timeoutMs, now);
    } else this.#refuse(connection, sessionId, 'the leader says it is gone');
    return connection;
  }

  established(connection: Connection): void {
    if (connection.isGone) return;
    connection.phase = 'open';
    this.#outbox.welcome(connection, this.#mode === 'readOnly');
  }

  /** The session's end was applied: reply and close if its client asked, else its client is cut off. */
  closed(id: bigint, asker: Connection | undefined, xid: number, receivedAt: number): void {
    const session: Session | undefined = this.#sessions.get(id);
    this.#sessions.remove(id);
    if (asker !== undefined && !asker.isGone) {
      const { zxidHigh, zxidLow } = this.#database;
      writeHeaderReply(asker.out, xid, zxidHigh, zxidLow, ErrorCode.Ok);
      this.#outbox.answered(asker, xid, OpCode.closeSession, receivedAt, headerReplyLength);
      this.#host.close(asker, 'client_closed_session', true);
    }
    const connection = session?.connection;
    if (connection instanceof Connection && connection !== asker) {
      this.#host.close(connection, 'session_closed', false);
    }
  }

  authenticate(connection: Connection, xid: number, type: number, reader: Reader): void {
    let ids: readonly Id[] | undefined;
    if (type === OpCode.auth) {
      try {
        const packet = AuthPacket.read(reader);
        ids = authenticate(packet.scheme, packet.auth, this.#options.auth);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        this.#host.close(connection, 'malformed_frame', false);
        return;
      }
    }
    const isKnown = ids !== undefined && connection.addAuthIds(ids);
    const err = isKnown ? ErrorCode.Ok : ErrorCode.AuthFailed;
    writeHeaderReply(connection.out, xid, 0, 0, err);
    this.#outbox.sent(connection);
    if (err === ErrorCode.Ok) return;
    this.#stats.authFailed++;
    this.#host.log('warn', `auth from ${connection.remoteAddress} failed -> AuthFailed, close`);
    this.#host.close(connection, 'auth_failed', true);
  }

  #open(connection: Connection, timeoutMs: number, now: number): void {
    const isLocal = this.#options.localSessions;
    if (this.#mode === 'readOnly' && !isLocal) {
      this.#host.log('info', 'a session cannot be made while read-only -> close');
      this.#host.close(connection, 'server_read_only', false);
      return;
    }
    const session = this.#sessions.create(timeoutMs, now, isLocal);
    connection.bind(session);
    if (isLocal) this.established(connection);
    else this.#host.createSession(connection, timeoutMs);
  }

  #reopen(connection: Connection, request: ConnectRequest, timeoutMs: number, now: number): void {
    this.#stats.sessionsReopened++;
    const { sessionId } = request;
    if (request.passwd === null || !isPassword(sessionId, request.passwd)) {
      this.#refuse(connection, sessionId, 'wrong password');
      return;
    }
    const session = this.#sessions.get(sessionId);
    const isOurs = this.#mode === 'primary' || session?.isLocal === true;
    if (!isOurs && this.#mode === 'readOnly') {
      this.#reopenReadOnly(connection, sessionId);
    } else if (!isOurs) {
      const waiting = this.#asking.get(sessionId);
      if (waiting === undefined) this.#asking.set(sessionId, [connection]);
      else waiting.push(connection);
      this.#host.revalidate(connection, sessionId, timeoutMs);
    } else if (session === undefined || session.closing) {
      this.#refuse(connection, sessionId, 'it is gone');
    } else {
      this.#take(connection, session, timeoutMs, now);
    }
  }

  /** A session of the ensemble's does not come here: reads alone would keep it from a server that serves it. */
  #reopenReadOnly(connection: Connection, id: bigint): void {
    const isLocal = this.#options.localSessions && !this.#database.sessions.has(id);
    if (isLocal && this.#sessions.isOwnId(id)) this.#refuse(connection, id, 'it was local');
    // What we do not know may be alive elsewhere; where sessions are local Java says that it is gone.
    else this.#host.close(connection, 'server_read_only', false);
  }

  #take(connection: Connection, session: Session, timeoutMs: number, now: number): void {
    if (session.connection instanceof Connection && session.connection !== connection) {
      this.#host.close(session.connection, 'client_reconnect', false);
    }
    session.timeoutMs = timeoutMs;
    this.#sessions.touch(session, now);
    connection.bind(session);
    this.established(connection);
  }

  #refuse(connection: Connection, sessionId: bigint, why: string): void {
    this.#host.log(
      'info',
      `reopen of session 0x${hexZxid(sessionId)} from ${connection.remoteAddress}: ${why} -> refuse`,
    );
    this.#outbox.refuse(connection, this.#mode === 'readOnly');
    this.#host.close(connection, 'session_reopen_failed', true);
  }
}
