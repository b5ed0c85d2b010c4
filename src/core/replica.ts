// One whole server as one machine: requests, sessions, watches and the tree behind a single door. The driver hands in
// frames, disk completions and time; out come bytes in the connections' outputs and in the log batch, and effects.
//
// The life of a write here: frame -> prep (checks, transaction into the batch) -> `append` -> `synced` -> commit (tree,
// watches, reply) -> `flush`. A batch fills while the one before it is being fsynced.
// Invariants: a reply to a write is written only after `synced` for its batch; transactions are applied in zxid order.

import { DecodeError, Reader } from '../jute/reader.ts';
import { encodeUtf8 } from '../jute/utf8.ts';
import { AuthPacket, ConnectRequest, ConnectResponse, Xid } from '../proto/client.ts';
import type { Id } from '../proto/data.ts';
import { Perms } from '../proto/data.ts';
import { ErrorCode } from '../proto/errors.ts';
import type { EventType } from '../proto/opcodes.ts';
import { OpCode, opName, opOf } from '../proto/opcodes.ts';
import { counterMax, hexZxid, highOf, lowOf } from '../proto/zxid.ts';
import { assert, present, unreachable } from '../util/assert.ts';
import { copyBytes, emptyBytes } from '../util/bytes.ts';
import type { CloseReason, ReplicaEffect, ReplicaEvent } from './effects.ts';
import type { ReplicaOptions } from './replica-options.ts';
import { Commits } from './request/commits.ts';
import { ContainerSweep } from './request/container-sweep.ts';
import { LogBatch } from './request/log-batch.ts';
import { OutstandingChanges } from './request/outstanding-changes.ts';
import type { Proposal } from './request/prep.ts';
import { Prep } from './request/prep.ts';
import { Reads } from './request/reads.ts';
import {
  beginReply,
  endReply,
  headerReplyLength,
  writeHeaderReply,
  writeNotification,
} from './request/reply.ts';
import type { PendingWrite } from './session/connection.ts';
import { Connection } from './session/connection.ts';
import { isPassword, sessionPassword } from './session/password.ts';
import type { Requester } from './session/requester.ts';
import { ServerStats } from './session/server-stats.ts';
import type { Session, SessionTracker } from './session/session-tracker.ts';
import { Watches } from './session/watches.ts';
import { allows, authenticate } from './tree/acl.ts';
import type { Database } from './tree/database.ts';

/** How often connections that fell silent are looked for. */
const silenceCheckMs = 1000;
const noEffects: ReplicaEffect[] = [];

export class Replica {
  readonly database: Database;
  readonly sessions: SessionTracker;
  readonly watches: Watches<Connection>;
  readonly connections = new Set<Connection>();
  readonly stats = new ServerStats();
  readonly #options: ReplicaOptions;
  readonly #changes: OutstandingChanges;
  readonly #prep: Prep;
  readonly #reads: Reads;
  readonly #commits: Commits;
  readonly #sweep: ContainerSweep;
  readonly #reader = new Reader(emptyBytes);
  readonly #proposal: Proposal = { sequence: 0, zxidHigh: 0, zxidLow: 0, timeHigh: 0, timeLow: 0 };
  #effects: ReplicaEffect[] = [];
  #dirty: Connection[] = [];
  #paused: Connection[] = [];
  /** Filling; then on its way to the disk; then free for the next turn. */
  #batch = new LogBatch<PendingWrite>();
  #syncing: LogBatch<PendingWrite> | undefined;
  #spare: LogBatch<PendingWrite> | undefined;
  #batchSince = 0;
  #outstanding = 0;
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
    this.#changes = new OutstandingChanges(database.tree);
    this.#prep = new Prep(database, this.#changes, options);
    this.#reads = new Reads(database, this.watches, options, (connection, type, path) => {
      this.#notify(connection, type, path, -1, -1);
    });
    this.#commits = new Commits(database, this.watches);
    this.#sweep = new ContainerSweep(database.tree, options.containers, now);
    this.#proposal.zxidHigh = database.zxidHigh;
    this.#proposal.zxidLow = database.zxidLow;
    // Restored sessions get their whole timeout again, from now on.
    for (const [id, timeoutMs] of database.sessions) sessions.add(id, timeoutMs, now);
  }

  /** Requests accepted and not yet answered. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Nothing is on its way to the disk or waits for it. */
  get isIdle(): boolean {
    return this.#syncing === undefined && this.#batch.count === 0;
  }

  /** When `timeout` is next wanted. */
  get deadline(): number {
    let at = Math.min(this.#nextSilenceCheckAt, this.#sweep.deadline);
    const expiry = this.sessions.deadline;
    if (expiry !== undefined && expiry < at) at = expiry;
    if (this.#batch.count > 0 && this.#syncing === undefined) {
      at = Math.min(at, this.#batchSince + this.#options.flushDelayMs);
    }
    return at;
  }

  step(event: ReplicaEvent, now: number, wallTime: number): readonly ReplicaEffect[] {
    this.#now = now;
    switch (event.kind) {
      case 'received':
        this.#setTime(wallTime);
        this.#received(event.connection, event.bytes, event.view, event.start, event.end);
        break;
      case 'turnEnded':
        this.#endTurn();
        break;
      case 'synced':
        this.#setTime(wallTime);
        this.#synced();
        break;
      case 'started':
        this.#setTime(wallTime);
        this.#closeOrphans();
        break;
      case 'connected':
        this.connections.add(event.connection);
        break;
      case 'disconnected':
        if (!event.connection.isGone) this.stats.connectionsDropped++;
        this.#forget(event.connection);
        break;
      case 'timeout':
        this.#setTime(wallTime);
        this.#timeout(wallTime);
        break;
      default:
        unreachable(event);
    }
    if (this.#effects.length === 0) return noEffects;
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** From now on no write begins; what is on its way is finished. */
  stop(): void {
    this.#isStopping = true;
  }

  // ---- input ----

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
        if (type === OpCode.ping) this.#answer(connection, Xid.PING, type, ErrorCode.Ok, this.#now);
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
      case 'nested':
      case undefined:
        break;
    }
    this.#log(
      'warn',
      `request of type ${type} from session 0x${hexZxid(connection.sessionId)} -> Unimplemented, close`,
    );
    writeHeaderReply(connection.out, xid, -1, -1, ErrorCode.Unimplemented);
    this.#sent(connection);
    this.#close(connection, 'unimplemented_request', true);
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

  // ---- reads ----

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
      this.#answer(connection, xid, type, refusal, receivedAt);
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
      this.#answer(connection, xid, type, err, receivedAt);
      return;
    }
    const start = beginReply(out, xid);
    try {
      err = this.#reads.read(type, connection, authIds, reader, out);
    } catch (error) {
      err = this.#marshallingError(error, type);
    }
    endReply(out, start, this.database.zxidHigh, this.database.zxidLow, err);
    this.stats.readLatency.add(this.#now - receivedAt);
    this.#answered(connection, xid, type, receivedAt, out.at - start);
  }

  #marshallingError(error: unknown, type: number): number {
    if (!(error instanceof DecodeError)) throw error;
    this.#log(
      'warn',
      `${opName(type)} request that cannot be read (${error.message}) -> MarshallingError`,
    );
    return ErrorCode.MarshallingError;
  }

  // ---- writes ----

  #write(connection: Connection, xid: number, type: number, reader: Reader): void {
    if (this.#isStopping) return;
    const { out } = this.#batch;
    const proposal = this.#nextProposal();
    const start = this.#batch.begin();
    let err: number;
    try {
      err = this.#prep.prepare(type, xid, connection, proposal, reader, out);
    } catch (error) {
      err = this.#marshallingError(error, type);
      this.#prep.prepareError(err, xid, connection, proposal, out);
    }
    if (type === OpCode.closeSession && connection.session !== undefined)
      connection.session.closing = true;
    this.#propose(connection, xid, type, err, connection.sessionId, start);
    this.#restrain(connection);
  }

  /** A write refused unread; it takes its place in the log and among the replies all the same. */
  #writeError(connection: Connection, xid: number, type: number, err: number): void {
    if (this.#isStopping) return;
    const proposal = this.#nextProposal();
    const start = this.#batch.begin();
    this.#prep.prepareError(err, xid, connection, proposal, this.#batch.out);
    this.#propose(connection, xid, type, err, connection.sessionId, start);
    this.#restrain(connection);
  }

  /** A transaction of the server itself: the end of a session, the end of a container. */
  #writeInternal(type: number, requester: Requester, body: Uint8Array): void {
    const proposal = this.#nextProposal();
    const start = this.#batch.begin();
    const reader = this.#reader.reset(
      body,
      new DataView(body.buffer, body.byteOffset, body.length),
      0,
      body.length,
    );
    const err = this.#prep.prepare(type, 0, requester, proposal, reader, this.#batch.out);
    this.#propose(undefined, 0, type, err, requester.sessionId, start);
  }

  #nextProposal(): Proposal {
    const proposal = this.#proposal;
    assert(proposal.zxidLow >>> 0 < counterMax, 'the zxid counter is not used up');
    if (this.#batch.count === 0) this.#batchSince = this.#now;
    proposal.sequence++;
    proposal.zxidLow = (proposal.zxidLow + 1) | 0;
    return proposal;
  }

  #propose(
    connection: Connection | undefined,
    xid: number,
    type: number,
    err: number,
    sessionId: bigint,
    start: number,
  ): void {
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
      receivedAt: this.#now,
      held: undefined,
    };
    this.#batch.finish(start, zxidHigh, zxidLow, write);
    this.#outstanding++;
    if (connection !== undefined) {
      connection.pendingWrites++;
      connection.lastPending = write;
    }
  }

  #synced(): void {
    const batch = present(this.#syncing, 'a batch on its way to the disk');
    this.#syncing = undefined;
    const bytes = batch.out.bytes;
    for (const write of batch.pending) this.#commit(write, bytes);
    batch.clear();
    this.#spare = batch;
    if (this.#paused.length > 0 && this.#outstanding <= this.#options.globalOutstandingLimit / 2) {
      for (const connection of this.#paused) connection.isPaused = false;
      this.#effects.push({ kind: 'resume', connections: this.#paused });
      this.#paused = [];
    }
  }

  #commit(write: PendingWrite, bytes: Uint8Array): void {
    this.#commits.commit(write, bytes);
    this.#changes.applied(write.sequence);
    this.#outstanding--;
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
      this.#noteAnswer(connection, 0, write.type, write.receivedAt);
      this.#established(connection);
    } else if (write.type !== OpCode.closeSession) {
      if (connection.isGone) this.stats.staleReplies++;
      else {
        const op = write.err === ErrorCode.Ok || write.type === OpCode.multi ? write.type : 0;
        this.#answered(connection, write.xid, op, write.receivedAt, this.#commits.replyLength);
      }
    }
    if (write.held !== undefined) this.#release(connection, write);
  }

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
        this.#request(connection, reader, authIds);
        continue;
      }
      const xid = reader.int();
      const type = reader.int();
      this.#read(connection, authIds, errThen, xid, type, reader, receivedAt);
    }
    write.held = undefined;
  }

  /** Too much is on its way: this connection's input waits until half of it is done. */
  #restrain(connection: Connection): void {
    if (this.#outstanding <= this.#options.globalOutstandingLimit || connection.isPaused) return;
    connection.isPaused = true;
    this.#paused.push(connection);
    this.#effects.push({ kind: 'pause', connection });
  }

  // ---- sessions ----

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
    const proposal = this.#nextProposal();
    const start = this.#batch.begin();
    this.#prep.prepareCreateSession(connection, timeoutMs, proposal, this.#batch.out);
    this.#propose(connection, 0, OpCode.createSession, ErrorCode.Ok, session.id, start);
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
      this.#writeConnectResponse(connection, 0, 0n, new Uint8Array(16));
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
    const session = present(connection.session, 'the session of an established connection');
    this.#writeConnectResponse(
      connection,
      connection.timeoutMs,
      session.id,
      sessionPassword(session.id),
    );
  }

  #writeConnectResponse(
    connection: Connection,
    timeOut: number,
    sessionId: bigint,
    passwd: Uint8Array,
  ): void {
    const out = connection.out;
    const start = out.at;
    out.int(0);
    ConnectResponse.write(out, { protocolVersion: 0, timeOut, sessionId, passwd });
    if (connection.hasReadOnlyByte) out.boolean(false);
    out.view.setInt32(start, out.at - start - 4);
    this.#sent(connection);
  }

  /** The session's end was applied: reply and close if its client asked, else its client is cut off. */
  #sessionClosed(id: bigint, asker: Connection | undefined, xid: number, receivedAt: number): void {
    const session: Session | undefined = this.sessions.get(id);
    this.sessions.remove(id);
    if (asker !== undefined && !asker.isGone) {
      const { zxidHigh, zxidLow } = this.database;
      writeHeaderReply(asker.out, xid, zxidHigh, zxidLow, ErrorCode.Ok);
      this.#answered(asker, xid, OpCode.closeSession, receivedAt, headerReplyLength);
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
    const err = ids === undefined ? ErrorCode.AuthFailed : ErrorCode.Ok;
    if (ids !== undefined) connection.addAuthIds(ids);
    writeHeaderReply(connection.out, xid, 0, 0, err);
    this.#sent(connection);
    if (err === ErrorCode.Ok) return;
    this.stats.authFailed++;
    this.#log('warn', `auth from ${connection.remoteAddress} failed -> AuthFailed, close`);
    this.#close(connection, 'auth_failed', true);
  }

  // ---- time ----

  #timeout(wallTime: number): void {
    const now = this.#now;
    if (!this.#isStopping) {
      for (const session of this.sessions.expireDue(now)) {
        this.stats.sessionsExpired++;
        this.#log(
          'info',
          `session 0x${hexZxid(session.id)} was silent for ${session.timeoutMs} ms -> close it`,
        );
        this.#writeInternal(OpCode.closeSession, requesterOf(session.id), emptyBytes);
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
      this.#writeInternal(OpCode.closeSession, requesterOf(id), emptyBytes);
    }
  }

  #deleteContainer(path: string): void {
    this.#log('info', `container or TTL node ${path} is due -> delete`);
    this.#writeInternal(OpCode.deleteContainer, requesterOf(0n), encodeUtf8(path));
  }

  #setTime(wallTime: number): void {
    this.#proposal.timeHigh = Math.floor(wallTime / 0x100000000);
    this.#proposal.timeLow = wallTime | 0;
  }

  #endTurn(): void {
    if (this.#dirty.length > 0) {
      const connections = this.#dirty;
      this.#dirty = [];
      for (const connection of connections) connection.isDirty = false;
      this.#effects.push({ kind: 'flush', connections });
    }
    const batch = this.#batch;
    if (batch.count === 0 || this.#syncing !== undefined) return;
    const { flushDelayMs, maxBatchSize } = this.#options;
    if (
      flushDelayMs > 0 &&
      batch.count < maxBatchSize &&
      this.#now < this.#batchSince + flushDelayMs
    )
      return;
    this.#syncing = batch;
    this.#batch = this.#spare ?? new LogBatch<PendingWrite>();
    this.#spare = undefined;
    this.#effects.push({ kind: 'append', batch });
  }

  // ---- output ----

  #event(connection: Connection, type: EventType, path: string, aclId: number): void {
    if (connection.isGone) return;
    // Whoever may not read the node is not told (CVE-2024-23944); a one-shot watch is spent all the same.
    if (
      !this.#options.skipAcl &&
      !allows(this.database.tree.aclCache.listOf(aclId), Perms.READ, connection.authIds)
    )
      return;
    this.#notify(connection, type, path, this.#commits.zxidHigh, this.#commits.zxidLow);
  }

  #notify(
    connection: Connection,
    type: EventType,
    path: string,
    zxidHigh: number,
    zxidLow: number,
  ): void {
    const start = connection.out.at;
    writeNotification(connection.out, type, path, zxidHigh, zxidLow);
    this.stats.watchBytes += connection.out.at - start - 4;
    this.#sent(connection);
  }

  /** A reply of a header alone, to what did not become a transaction. */
  #answer(
    connection: Connection,
    xid: number,
    type: number,
    err: number,
    receivedAt: number,
  ): void {
    writeHeaderReply(connection.out, xid, this.database.zxidHigh, this.database.zxidLow, err);
    this.stats.readLatency.add(this.#now - receivedAt);
    const op = err === ErrorCode.Ok ? type : 0;
    this.#answered(connection, xid, op, receivedAt, headerReplyLength);
  }

  /** A reply was written; `length` bytes with its length word. */
  #answered(
    connection: Connection,
    xid: number,
    op: number,
    receivedAt: number,
    length: number,
  ): void {
    this.stats.noteResponse(length - 4);
    this.#noteAnswer(connection, xid, op, receivedAt);
    this.#sent(connection);
  }

  #noteAnswer(connection: Connection, xid: number, op: number, receivedAt: number): void {
    const { zxidHigh, zxidLow } = this.database;
    connection.stats.noteAnswer(xid, op, zxidHigh, zxidLow, receivedAt, this.#now);
  }

  #sent(connection: Connection): void {
    this.stats.packetsSent++;
    connection.stats.sent++;
    if (connection.isDirty) return;
    connection.isDirty = true;
    this.#dirty.push(connection);
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

/** The server itself, in a session's name. */
function requesterOf(sessionId: bigint): Requester {
  return {
    sessionId,
    sessionHigh: highOf(sessionId),
    sessionLow: lowOf(sessionId),
    authIds: [],
    error: ErrorCode.Ok,
    isLocal: false,
  };
}
