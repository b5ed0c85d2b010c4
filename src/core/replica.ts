// One whole server as one machine: requests, sessions, watches and the tree behind a single door. The driver hands in
// frames, disk completions and time; out come bytes in the connections' outputs and in the log batch, and effects.
//
// The life of a write here: frame -> prep (checks, transaction into the batch) -> `append` -> `synced` -> commit (tree,
// watches, reply) -> `flush`. A batch fills while the one before it is being fsynced.
// Invariants: a reply to a write is written only after `synced` for its batch; transactions are applied in zxid order.

import { DecodeError, Reader } from '../jute/reader.ts';
import { encodeUtf8 } from '../jute/utf8.ts';
import { AuthPacket, ConnectRequest, Xid } from '../proto/client.ts';
import type { Id } from '../proto/data.ts';
import { Perms } from '../proto/data.ts';
import { ErrorCode } from '../proto/errors.ts';
import type { EventType } from '../proto/opcodes.ts';
import { OpCode, opName, opOf } from '../proto/opcodes.ts';
import { hexZxid } from '../proto/zxid.ts';
import { present, unreachable } from '../util/assert.ts';
import { copyBytes, emptyBytes } from '../util/bytes.ts';
import type { CloseReason, ReplicaEffect, ReplicaEvent } from './effects.ts';
import type { ReplicaOptions } from './replica-options.ts';
import { Commits } from './request/commits.ts';
import { ContainerSweep } from './request/container-sweep.ts';
import { Outbox } from './request/outbox.ts';
import { Reads } from './request/reads.ts';
import { beginReply, endReply, headerReplyLength, writeHeaderReply } from './request/reply.ts';
import { WriteLog } from './request/write-log.ts';
import type { PendingWrite } from './session/connection.ts';
import { Connection } from './session/connection.ts';
import { isPassword } from './session/password.ts';
import type { Requester } from './session/requester.ts';
import { requesterFor } from './session/requester.ts';
import { ServerStats } from './session/server-stats.ts';
import type { Session, SessionTracker } from './session/session-tracker.ts';
import { Throttle } from './session/throttle.ts';
import { Watches } from './session/watches.ts';
import { allows, authenticate } from './tree/acl.ts';
import type { Database } from './tree/database.ts';

/** How often connections that fell silent are looked for. */
const silenceCheckMs = 1000;
/** Output beyond this is flushed at once, not at the end of the turn. */
const outputDue = 1 << 20;
/** Reads that waited for a write are all answered behind it, in one step; beyond this the connection is given up. */
const outputMax = 512 << 20;
const noEffects: ReplicaEffect[] = [];

export class Replica {
  readonly database: Database;
  readonly sessions: SessionTracker;
  readonly watches: Watches<Connection>;
  readonly connections = new Set<Connection>();
  readonly stats = new ServerStats();
  readonly #options: ReplicaOptions;
  readonly #writes: WriteLog;
  readonly #outbox: Outbox;
  readonly #reads: Reads;
  readonly #commits: Commits;
  readonly #sweep: ContainerSweep;
  readonly #throttle: Throttle;
  readonly #reader = new Reader(emptyBytes);
  #effects: ReplicaEffect[] = [];
  #outstanding = 0;
  /** Bytes of the large requests on their way. */
  #largeBytes = 0;
  #nextSilenceCheckAt: number;
  #now = 0;
  #isStopping = false;

  constructor(database: Database, sessions: SessionTracker, options: ReplicaOptions, now: number) {
    this.database = database;
    this.sessions = sessions;
    this.#options = options;
    this.#now = now;
    this.#nextSilenceCheckAt = now + silenceCheckMs;
    this.watches = new Watches(
      (watcher, type, path, aclId) => this.#event(watcher, type, path, aclId),
      (type, watchers) => this.stats.noteFired(type, watchers),
    );
    this.#writes = new WriteLog(database, options);
    this.#outbox = new Outbox(database, this.stats);
    this.#reads = new Reads(database, this.watches, options, (connection, type, path) => {
      this.#outbox.notify(connection, type, path, -1, -1);
    });
    this.#commits = new Commits(database, this.watches);
    this.#sweep = new ContainerSweep(database.tree, options.containers, now);
    this.#throttle = new Throttle(sessions, options.globalOutstandingLimit);
    // Restored sessions get their whole timeout again, from now on.
    for (const [id, timeoutMs] of database.sessions) sessions.add(id, timeoutMs, now);
  }

  /** Requests accepted and not yet answered. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Nothing is on its way to the disk or waits for it. */
  get isIdle(): boolean {
    return this.#writes.isIdle;
  }

  /** When `timeout` is next wanted. */
  get deadline(): number {
    let at = Math.min(this.#nextSilenceCheckAt, this.#sweep.deadline);
    const expiry = this.sessions.deadline;
    if (expiry !== undefined && expiry < at) at = expiry;
    const { deadline } = this.#writes;
    if (deadline !== undefined && deadline < at) at = deadline;
    return at;
  }

  step(event: ReplicaEvent, now: number, wallTime: number): readonly ReplicaEffect[] {
    this.#now = now;
    this.#outbox.now = now;
    switch (event.kind) {
      case 'received':
        this.#writes.setTime(wallTime);
        this.#received(event.connection, event.bytes, event.view, event.start, event.end);
        break;
      case 'turnEnded':
        this.#endTurn();
        break;
      case 'synced':
        this.#writes.setTime(wallTime);
        this.#synced();
        break;
      case 'started':
        this.#writes.setTime(wallTime);
        this.#closeOrphans();
        break;
      case 'connected':
        this.connections.add(event.connection);
        break;
      case 'taking':
        this.#heard(event.connection);
        break;
      case 'disconnected':
        if (!event.connection.isGone) this.stats.connectionsDropped++;
        this.#forget(event.connection);
        break;
      case 'timeout':
        this.#writes.setTime(wallTime);
        this.#timeout(wallTime);
        break;
      default:
        unreachable(event);
    }
    const effects = this.#effects;
    if (effects.length === 0) return noEffects;
    this.#effects = [];
    return effects;
  }

  /** From now on no write begins; what is on its way is finished. */
  stop(): void {
    this.#isStopping = true;
  }

  #received(
    connection: Connection,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): void {
    if (connection.isGone) {
      this.stats.staleRequests++;
      return;
    }
    connection.lastInputAt = this.#now;
    connection.stats.received++;
    this.stats.packetsReceived++;
    this.stats.bytesReceived += end - start + 4;
    const { largeRequestThreshold, largeRequestMaxBytes } = this.#options;
    const length = end - start;
    if (length > largeRequestThreshold && this.#largeBytes + length > largeRequestMaxBytes) {
      this.stats.largeRequestsRejected++;
      this.#log(
        'warn',
        `request of ${length} bytes with ${this.#largeBytes} bytes of large requests on their way -> close`,
      );
      this.#close(connection, 'large_request', false);
      return;
    }
    const reader = this.#reader.reset(bytes, view, start, end);
    if (connection.phase === 'open') {
      this.#request(connection, reader, connection.authIds);
    } else if (connection.phase === 'connecting') {
      this.#connect(connection, reader);
    } else {
      this.#hold(connection, reader, connection.authIds);
    }
  }

  /** A request of an open session; the reader stands at its header. */
  #request(connection: Connection, reader: Reader, authIds: readonly Id[]): void {
    // No write begins any more, and what follows one must not be answered before it.
    if (this.#isStopping) return;
    const frameStart = reader.at;
    if (reader.remaining < 8) {
      this.#close(connection, 'malformed_frame', false);
      return;
    }
    const xid = reader.int();
    const type = reader.int();
    const session = connection.session;
    if (session !== undefined) this.sessions.touch(session, this.#now);
    const op = opOf(type);
    switch (op?.kind) {
      case 'write':
        this.#write(connection, xid, type, reader);
        return;
      case 'read':
        if (connection.pendingWrites > 0) {
          reader.at = frameStart;
          this.#hold(connection, reader, authIds);
        } else {
          this.#read(connection, authIds, connection.error, xid, type, reader, this.#now);
        }
        return;
      case 'connection':
        if (type === OpCode.ping)
          this.#outbox.answer(connection, Xid.PING, type, ErrorCode.Ok, this.#now);
        else this.#authenticate(connection, xid, type, reader);
        return;
      case 'session':
        if (type === OpCode.closeSession) {
          this.#write(connection, xid, type, reader);
          return;
        }
        break;
      case 'internal':
        // Only the server's own sweep deletes containers; Java since 3.9 lets any client do it.
        if (type === OpCode.deleteContainer) {
          this.#writeError(connection, xid, type, ErrorCode.BadArguments);
          return;
        }
        break;
    }
    this.#log(
      'warn',
      `request of type ${type} from session 0x${hexZxid(connection.sessionId)} -> Unimplemented, close`,
    );
    writeHeaderReply(connection.out, xid, -1, -1, ErrorCode.Unimplemented);
    this.#outbox.sent(connection);
    this.#close(connection, 'unimplemented_request', true);
  }

  #heard(connection: Connection): void {
    connection.lastInputAt = this.#now;
    if (connection.session !== undefined) this.sessions.touch(connection.session, this.#now);
  }

  /** Copies the frame and hangs it on the connection's last pending write. */
  #hold(connection: Connection, reader: Reader, authIds: readonly Id[]): void {
    const write = present(connection.lastPending, 'a write to wait for');
    const bytes = copyBytes(reader.bytes, reader.at, reader.end);
    const frame = { bytes, authIds, err: connection.error, receivedAt: this.#now };
    if (write.held === undefined) write.held = [frame];
    else write.held.push(frame);
    connection.heldFrames++;
    this.#outstanding++;
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
    if (refusal !== ErrorCode.Ok) {
      this.#outbox.answer(connection, xid, type, refusal, receivedAt);
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
    endReply(out, start, this.database.zxidHigh, this.database.zxidLow, err);
    this.#outbox.answeredRead(connection, xid, type, receivedAt, out.at - start);
    // One read of the socket holds thousands of small requests for large replies: these leave before the turn ends, so
    // that a client that does not take them is not read from any more.
    if (out.at > outputDue) this.#effects.push({ kind: 'flush', connections: [connection] });
  }

  #marshallingError(error: unknown, type: number): number {
    if (!(error instanceof DecodeError)) throw error;
    this.#undecodable(error, type);
    return ErrorCode.MarshallingError;
  }

  readonly #undecodable = (error: DecodeError, type: number): void => {
    this.#log(
      'warn',
      `${opName(type)} request that cannot be read (${error.message}) -> MarshallingError`,
    );
  };

  #write(connection: Connection, xid: number, type: number, reader: Reader): void {
    if (this.#isStopping) return;
    const length = reader.end - reader.at;
    const write = this.#writes.write(connection, xid, type, reader, this.#now, this.#undecodable);
    if (type === OpCode.closeSession && connection.session !== undefined) {
      connection.session.closing = true;
    }
    if (length > this.#options.largeRequestThreshold) {
      write.largeBytes = length;
      this.#largeBytes += length;
    }
    this.#proposed(connection, write);
  }

  /** A write refused unread; it takes its place in the log and among the replies all the same. */
  #writeError(connection: Connection, xid: number, type: number, err: number): void {
    if (this.#isStopping) return;
    this.#proposed(connection, this.#writes.writeError(connection, xid, type, err, this.#now));
  }

  /** A transaction of the server itself: the end of a session, the end of a container. */
  #writeInternal(type: number, requester: Requester, body: Uint8Array): void {
    this.#writes.writeInternal(type, requester, body, this.#now);
    this.#outstanding++;
  }

  #proposed(connection: Connection, write: PendingWrite): void {
    this.#outstanding++;
    connection.pendingWrites++;
    connection.lastPending = write;
    this.#restrain(connection);
  }

  #synced(): void {
    this.#writes.synced(this.#commit);
    const connections = this.#throttle.release(this.#outstanding, this.#now);
    if (connections !== undefined) this.#effects.push({ kind: 'resume', connections });
  }

  readonly #commit = (write: PendingWrite, bytes: Uint8Array): void => {
    this.#commits.commit(write, bytes);
    this.#writes.applied(write);
    this.#outstanding--;
    this.#largeBytes -= write.largeBytes;
    const latency = this.#now - write.receivedAt;
    this.stats.commitLatency.add(latency);
    const connection = write.connection;
    if (connection !== undefined) this.stats.updateLatency.add(latency);
    if (write.type === OpCode.closeSession)
      this.#sessionClosed(write.sessionId, connection, write.xid, write.receivedAt);
    if (connection === undefined) return;
    connection.pendingWrites--;
    if (connection.lastPending === write) connection.lastPending = undefined;
    if (write.type === OpCode.createSession) {
      this.#outbox.noteAnswer(connection, 0, write.type, write.receivedAt);
      this.#established(connection);
    } else if (write.type !== OpCode.closeSession) {
      if (connection.isGone) this.stats.staleReplies++;
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
      this.#outstanding--;
      connection.heldFrames--;
      if (connection.isGone) continue;
      const reader = this.#reader.reset(
        bytes,
        new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
        0,
        bytes.length,
      );
      if (write.type === OpCode.createSession) {
        // It is read only now: an auth packet before it counts.
        this.#request(connection, reader, connection.authIds);
        continue;
      }
      const xid = reader.int();
      const type = reader.int();
      this.#read(connection, authIds, errThen, xid, type, reader, receivedAt);
      if (connection.out.at > outputMax) this.#close(connection, 'output_overflow', false);
    }
    write.held = undefined;
  }

  #restrain(connection: Connection): void {
    if (!this.#throttle.restrain(connection, this.#outstanding)) return;
    this.#effects.push({ kind: 'pause', connection });
  }

  #connect(connection: Connection, reader: Reader): void {
    this.stats.connectRequests++;
    let request: ConnectRequest;
    try {
      request = ConnectRequest.read(reader);
      connection.hasReadOnlyByte = reader.remaining > 0;
      connection.isReadOnly = connection.hasReadOnlyByte && reader.boolean();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#close(connection, 'malformed_frame', false);
      return;
    }
    const { lastProcessedZxid } = this.database;
    if (request.lastZxidSeen > lastProcessedZxid) {
      this.#log(
        'info',
        `connect from ${connection.remoteAddress}: it has seen zxid 0x${hexZxid(request.lastZxidSeen)}, ours is ` +
          `0x${hexZxid(lastProcessedZxid)} -> close, it must try another server`,
      );
      this.#close(connection, 'client_zxid_ahead', false);
      return;
    }
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#options;
    const timeoutMs = Math.min(Math.max(request.timeOut, minSessionTimeoutMs), maxSessionTimeoutMs);
    connection.timeoutMs = timeoutMs;
    connection.phase = 'establishing';
    if (request.sessionId !== 0n) {
      this.#reopen(connection, request, timeoutMs);
      return;
    }
    if (this.#isStopping) {
      this.#close(connection, 'server_shutdown', false);
      return;
    }
    const session = this.sessions.create(timeoutMs, this.#now);
    session.owner = connection;
    connection.bind(session);
    this.#proposed(connection, this.#writes.createSession(connection, timeoutMs, this.#now));
  }

  /** The password is checked before the connection the session has is touched (Java closes that first). */
  #reopen(connection: Connection, request: ConnectRequest, timeoutMs: number): void {
    this.stats.sessionsReopened++;
    const { sessionId } = request;
    const session = this.sessions.get(sessionId);
    const isOwner = request.passwd !== null && isPassword(sessionId, request.passwd);
    if (!isOwner || session === undefined || session.closing) {
      const why = isOwner ? 'it is gone' : 'wrong password';
      this.#log(
        'info',
        `reopen of session 0x${hexZxid(sessionId)} from ${connection.remoteAddress}: ${why} -> refuse`,
      );
      this.#outbox.refuse(connection);
      this.#close(connection, 'session_reopen_failed', true);
      return;
    }
    if (session.owner instanceof Connection && session.owner !== connection) {
      this.#close(session.owner, 'client_reconnect', false);
    }
    session.owner = connection;
    session.timeoutMs = timeoutMs;
    this.sessions.touch(session, this.#now);
    connection.bind(session);
    this.#established(connection);
  }

  #established(connection: Connection): void {
    if (connection.isGone) return;
    connection.phase = 'open';
    this.#outbox.welcome(connection);
  }

  /** The session's end was applied: reply and close if its client asked, else its client is cut off. */
  #sessionClosed(id: bigint, asker: Connection | undefined, xid: number, receivedAt: number): void {
    const session: Session | undefined = this.sessions.get(id);
    this.sessions.remove(id);
    if (asker !== undefined && !asker.isGone) {
      const { zxidHigh, zxidLow } = this.database;
      writeHeaderReply(asker.out, xid, zxidHigh, zxidLow, ErrorCode.Ok);
      this.#outbox.answered(asker, xid, OpCode.closeSession, receivedAt, headerReplyLength);
      this.#close(asker, 'client_closed_session', true);
    }
    const owner = session?.owner;
    if (owner instanceof Connection && owner !== asker) this.#close(owner, 'session_closed', false);
  }

  #authenticate(connection: Connection, xid: number, type: number, reader: Reader): void {
    let ids: readonly Id[] | undefined;
    if (type === OpCode.auth) {
      try {
        const packet = AuthPacket.read(reader);
        ids = authenticate(packet.scheme, packet.auth, this.#options.auth);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        this.#close(connection, 'malformed_frame', false);
        return;
      }
    }
    const isKnown = ids !== undefined && connection.addAuthIds(ids);
    const err = isKnown ? ErrorCode.Ok : ErrorCode.AuthFailed;
    writeHeaderReply(connection.out, xid, 0, 0, err);
    this.#outbox.sent(connection);
    if (err === ErrorCode.Ok) return;
    this.stats.authFailed++;
    this.#log('warn', `auth from ${connection.remoteAddress} failed -> AuthFailed, close`);
    this.#close(connection, 'auth_failed', true);
  }

  #timeout(wallTime: number): void {
    const now = this.#now;
    if (!this.#isStopping) {
      this.#throttle.excuse(now);
      for (const session of this.sessions.expireDue(now)) {
        this.stats.sessionsExpired++;
        this.#log(
          'info',
          `session 0x${hexZxid(session.id)} was silent for ${session.timeoutMs} ms -> close it`,
        );
        this.#writeInternal(OpCode.closeSession, requesterFor(session.id), emptyBytes);
      }
      for (const path of this.#sweep.takeDue(now, wallTime)) this.#deleteContainer(path);
    }
    if (now < this.#nextSilenceCheckAt) return;
    this.#nextSilenceCheckAt = now + silenceCheckMs;
    for (const connection of this.connections) {
      if (now - connection.lastInputAt > connection.timeoutMs && !connection.isPaused) {
        this.#close(connection, 'connection_expired', false);
      }
    }
  }

  /**
   * Ephemerals whose session is not in the table, as a fuzzy snapshot may leave them: a closeSession transaction takes
   * them away, where Java changes the tree of one server alone.
   */
  #closeOrphans(): void {
    for (const id of [...this.database.tree.ephemerals.keys()]) {
      if (this.database.sessions.has(id)) continue;
      this.#log('warn', `ephemerals of session 0x${hexZxid(id)}, which is not open -> close it`);
      this.#writeInternal(OpCode.closeSession, requesterFor(id), emptyBytes);
    }
  }

  #deleteContainer(path: string): void {
    this.#log('info', `container or TTL node ${path} is due -> delete`);
    this.#writeInternal(OpCode.deleteContainer, requesterFor(0n), encodeUtf8(path));
  }

  #endTurn(): void {
    const connections = this.#outbox.takeDirty();
    if (connections !== undefined) this.#effects.push({ kind: 'flush', connections });
    const batch = this.#writes.takeBatch(this.#now);
    if (batch !== undefined) this.#effects.push({ kind: 'append', batch });
  }

  #event(connection: Connection, type: EventType, path: string, aclId: number): void {
    if (connection.isGone) return;
    // Whoever may not read the node is not told (CVE-2024-23944); a one-shot watch is spent all the same.
    const acl = this.database.tree.aclCache.listOf(aclId);
    if (!this.#options.skipAcl && !allows(acl, Perms.READ, connection.authIds)) return;
    this.#outbox.notify(connection, type, path, this.#commits.zxidHigh, this.#commits.zxidLow);
  }

  #close(connection: Connection, reason: CloseReason, afterFlush: boolean): void {
    if (connection.isGone) return;
    this.stats.noteClosed(reason);
    this.#forget(connection);
    connection.phase = 'closing';
    this.#effects.push({ kind: 'close', connection, reason, afterFlush });
  }

  #forget(connection: Connection): void {
    connection.phase = 'closed';
    this.connections.delete(connection);
    this.watches.removeWatcher(connection);
    if (connection.session?.owner === connection) connection.session.owner = undefined;
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    this.#effects.push({ kind: 'log', level, message });
  }
}
