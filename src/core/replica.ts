// One whole server as one machine: requests, sessions, watches and the tree behind a single door. The driver hands in
// frames, disk completions and time; out come bytes in the connections' outputs and in the log batch, and effects.
//
// The life of a write here: frame -> write path (write-path.ts: our log, our proposals, or our leader) -> its commit
// (`synced` of a lone server, `delivered` in an ensemble: tree, watches, reply) -> `flush`. One serves one term.
// Invariants: a reply to a write is written only after its commit; transactions are applied in zxid order.

import { Reader } from '../jute/reader.ts';
import { encodeUtf8 } from '../jute/utf8.ts';
import { Perms } from '../proto/data.ts';
import type { EventType } from '../proto/opcodes.ts';
import { OpCode } from '../proto/opcodes.ts';
import { hexZxid, makeZxid } from '../proto/zxid.ts';
import { present, unreachable } from '../util/assert.ts';
import { emptyBytes } from '../util/bytes.ts';
import type { ReplicaEffect, ReplicaEvent } from './effects.ts';
import type { ReplicaOptions } from './replica-options.ts';
import type { ServingMode } from './request/admission.ts';
import { Admission } from './request/admission.ts';
import { Commits } from './request/commits.ts';
import { ContainerSweep } from './request/container-sweep.ts';
import { LearnerClients } from './request/learner-clients.ts';
import { LearnerWrites } from './request/learner-writes.ts';
import { LocalSessions } from './request/local-sessions.ts';
import type { LogBatch } from './request/log-batch.ts';
import { Outbox } from './request/outbox.ts';
import { Reads } from './request/reads.ts';
import { Requests } from './request/requests.ts';
import { WriteLog } from './request/write-log.ts';
import type { Forwarding, Proposing, WritePath } from './request/write-path.ts';
import type { CloseReason } from './session/close-reason.ts';
import type { Connection, PendingWrite } from './session/connection.ts';
import type { Requester } from './session/requester.ts';
import { requesterFor } from './session/requester.ts';
import { ServerStats } from './session/server-stats.ts';
import type { SessionTracker } from './session/session-tracker.ts';
import { Throttle } from './session/throttle.ts';
import { Watches } from './session/watches.ts';
import { allows } from './tree/acl.ts';
import type { Database } from './tree/database.ts';
import type { LearnerRequest } from './zab/leader-events.ts';
import type { HistoryTxn } from './zab/txn-arena.ts';

/** How often connections that fell silent are looked for. */
const silenceCheckMs = 1000;
/** Digests that do not match are told no more often than this. */
const alarmEveryMs = 60_000;
const noEffects: ReplicaEffect[] = [];
/** A read-only server's leader. */
const nobody: Forwarding = {
  isServing: false,
  forward: () => undefined,
  sync: () => undefined,
  revalidate: () => undefined,
};

/** Whose order the writes of this term follow. */
export type ReplicaRole =
  | { readonly kind: 'lone' }
  | { readonly kind: 'leader'; readonly leader: Proposing; readonly epoch: number }
  | { readonly kind: 'learner'; readonly leader: Forwarding; readonly epoch: number }
  /** No leader: reads, and sessions of this server alone (ReadOnlyZooKeeperServer). */
  | { readonly kind: 'readOnly' };

export class Replica {
  readonly database: Database;
  readonly sessions: SessionTracker;
  readonly watches: Watches<Connection>;
  readonly connections = new Set<Connection>();
  readonly stats = new ServerStats();
  readonly #options: ReplicaOptions;
  readonly #writes: WritePath;
  /** Where transactions are made: here, or not. */
  readonly #primary: WriteLog | undefined;
  readonly #admission: Admission;
  readonly #learnerClients: LearnerClients | undefined;
  readonly #outbox: Outbox;
  readonly #commits: Commits;
  readonly #sweep: ContainerSweep;
  readonly #throttle: Throttle;
  readonly #requests: Requests;
  readonly #reader = new Reader(emptyBytes);
  /** Of the chunk that learners' requests came in last. */
  #viewed: Uint8Array = emptyBytes;
  #view: DataView = new DataView(emptyBytes.buffer);
  #effects: ReplicaEffect[] = [];
  #nextSilenceCheckAt: number;
  #digestMismatches: number;
  #nextAlarmAt = Number.NEGATIVE_INFINITY;
  #now = 0;

  /** `sessions` is empty, or a lone server's that was just recovered. */
  constructor(
    database: Database,
    sessions: SessionTracker,
    options: ReplicaOptions,
    now: number,
    role: ReplicaRole = { kind: 'lone' },
  ) {
    this.database = database;
    this.sessions = sessions;
    this.#options = options;
    this.#now = now;
    this.#nextSilenceCheckAt = now + silenceCheckMs;
    this.#digestMismatches = database.digestMismatches;
    this.watches = new Watches(
      (watcher, type, path, aclId) => this.#event(watcher, type, path, aclId),
      (type, watchers) => this.stats.noteFired(type, watchers),
    );
    this.#primary =
      role.kind === 'lone' || role.kind === 'leader'
        ? new WriteLog(database, options, role.kind === 'leader' ? role : undefined)
        : undefined;
    this.#writes =
      this.#primary ?? new LearnerWrites(role.kind === 'learner' ? role.leader : nobody);
    if (role.kind === 'leader') {
      this.#learnerClients = new LearnerClients(
        sessions,
        present(this.#primary, 'a leader makes transactions'),
        options.localSessions,
      );
    }
    this.#outbox = new Outbox(database, this.stats);
    const mode: ServingMode =
      role.kind === 'learner' || role.kind === 'readOnly' ? role.kind : 'primary';
    const epoch = 'epoch' in role ? role.epoch : 0;
    const settings = { ...options, epochStart: makeZxid(epoch, 0) };
    this.#admission = new Admission(database, sessions, settings, mode, this.stats, this.#outbox, {
      log: (level, message) => this.#log(level, message),
      close: (connection, reason, afterFlush) => this.#close(connection, reason, afterFlush),
      createSession: (connection, timeoutMs) => {
        if (!this.#writes.isOpen) {
          // The term is about to end, and every connection with it.
          this.#close(connection, 'server_shutdown', false);
          return;
        }
        this.#requests.proposed(
          connection,
          this.#writes.createSession(connection, timeoutMs, this.#now),
        );
      },
      revalidate: (connection, sessionId, timeoutMs) => {
        if (role.kind !== 'learner') return;
        this.#requests.asked(connection);
        role.leader.revalidate(sessionId, timeoutMs);
      },
    });
    const reads = new Reads(database, this.watches, options, (connection, type, path) => {
      this.#outbox.notify(connection, type, path, -1, -1);
    });
    this.#commits = new Commits(database, this.watches);
    this.#sweep = new ContainerSweep(database.tree, options.containers, now);
    this.#throttle = new Throttle(sessions, options.globalOutstandingLimit);
    this.#requests = new Requests(
      {
        ...{ database, sessions, reads, writes: this.#writes, stats: this.stats },
        ...{ outbox: this.#outbox, commits: this.#commits, throttle: this.#throttle },
        admission: this.#admission,
        localSessions: new LocalSessions(sessions, options.localSessionsUpgrading),
        isReadOnly: role.kind === 'readOnly',
        largeRequestThreshold: options.largeRequestThreshold,
      },
      {
        log: (level, message) => this.#log(level, message),
        close: (connection, reason, afterFlush) => this.#close(connection, reason, afterFlush),
        want: (effect) => this.#effects.push(effect),
      },
    );
    // Restored sessions get their whole timeout again, from now on.
    for (const [id, timeoutMs] of database.sessions) {
      if (this.#primary === undefined) sessions.noteUsedId(id);
      else sessions.add(id, timeoutMs, now);
    }
  }

  /** Requests accepted and not yet answered. */
  get outstanding(): number {
    return this.#requests.outstanding;
  }

  /** Nothing is on its way to the disk or waits for it. */
  get isIdle(): boolean {
    return this.#writes.isIdle;
  }

  /** When `timeout` is next wanted. */
  get deadline(): number {
    let at = this.#nextSilenceCheckAt;
    if (this.#primary !== undefined) at = Math.min(at, this.#sweep.deadline);
    const expiry = this.sessions.deadline;
    if (expiry !== undefined && expiry < at) at = expiry;
    const { deadline } = this.#writes;
    if (deadline !== undefined && deadline < at) at = deadline;
    return at;
  }

  step(event: ReplicaEvent, now: number, wallTime: number): readonly ReplicaEffect[] {
    this.#now = now;
    this.#outbox.now = now;
    this.#requests.now = now;
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
      case 'delivered':
        this.#delivered(event.txn);
        break;
      case 'syncReleased':
        this.#requests.syncReleased(event.waiter as PendingWrite);
        break;
      case 'forwarded':
        this.#writes.setTime(wallTime);
        this.#forwarded(event.request);
        break;
      case 'revalidated':
        this.#revalidated(event.sessionId, event.isValid);
        break;
      case 'started':
        this.#writes.setTime(wallTime);
        if (this.#primary !== undefined) this.#closeOrphans();
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

  /** A leader's learner heard of the session. */
  touchedAtLearner(learner: object, sessionId: bigint, timeoutMs: number, now: number): void {
    this.#learnerClients?.touch(learner, sessionId, timeoutMs, now);
  }

  /** A leader's learner asks for a session that comes to it; true: it is open, and there from now on. */
  revalidateAtLearner(learner: object, sessionId: bigint, timeoutMs: number, now: number): boolean {
    return this.#learnerClients?.revalidate(learner, sessionId, timeoutMs, now) ?? false;
  }

  /** Of a leader whose term is over: proposed, and not handed to the log yet. */
  takeRest(): LogBatch<PendingWrite> | undefined {
    return this.#primary?.takeRest();
  }

  /** From now on no write begins; what is on its way is finished. */
  stop(): void {
    this.#requests.isStopping = true;
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
    if (
      length > largeRequestThreshold &&
      this.#requests.largeBytes + length > largeRequestMaxBytes
    ) {
      this.stats.largeRequestsRejected++;
      this.#log(
        'warn',
        `request of ${length} bytes with ${this.#requests.largeBytes} bytes of large requests on their way -> close`,
      );
      this.#close(connection, 'large_request', false);
      return;
    }
    const reader = this.#reader.reset(bytes, view, start, end);
    if (connection.phase === 'open') {
      this.#requests.request(connection, reader, connection.authIds);
    } else if (connection.phase === 'connecting') {
      this.#admission.connect(connection, reader, this.#now, this.#requests.isStopping);
    } else {
      this.#requests.hold(connection, reader, connection.authIds);
    }
  }

  #heard(connection: Connection): void {
    connection.lastInputAt = this.#now;
    if (connection.session !== undefined) this.sessions.touch(connection.session, this.#now);
  }

  /** A transaction of the server itself: the end of a session, the end of a container. */
  #writeInternal(type: number, requester: Requester, body: Uint8Array): void {
    const primary = this.#primary;
    if (primary === undefined || !primary.isOpen) return;
    primary.writeInternal(type, requester, body, this.#now);
    this.#requests.outstanding++;
  }

  #synced(): void {
    this.#writes.synced(this.#requests.commit);
    this.#requests.resume();
  }

  #delivered(txn: HistoryTxn): void {
    const write = this.#writes.committed(txn);
    if (write === undefined) {
      this.#commits.apply(txn);
      const id = this.#commits.closedSession;
      if (id !== undefined) this.#admission.closed(id, undefined, 0, this.#now);
    } else {
      this.#requests.commit(write, txn.bytes);
    }
    if (this.database.digestMismatches !== this.#digestMismatches) this.#alarm();
    this.#requests.resume();
  }

  /** Never an end (Java mismatches itself in known cases), but somebody should look. */
  #alarm(): void {
    this.#digestMismatches = this.database.digestMismatches;
    const last = this.database.lastDigestMismatch;
    if (last === undefined || this.#now < this.#nextAlarmAt) return;
    this.#nextAlarmAt = this.#now + alarmEveryMs;
    const { zxid, expected, found } = last;
    this.#log(
      'error',
      `digests are not matching at zxid 0x${hexZxid(zxid)}: the leader's ${expected}, ours ${found}, ` +
        `${this.#digestMismatches} times so far -> go on; compare this server's tree with the others'`,
    );
  }

  #revalidated(sessionId: bigint, isValid: boolean): void {
    const connection = this.#admission.revalidated(sessionId, isValid, this.#now);
    if (connection !== undefined) this.#requests.revalidated(connection);
  }

  /** A `sync` is not among them: it goes to the leader's machine. */
  #forwarded(request: LearnerRequest): void {
    const { bytes, start, end } = request;
    if (bytes !== this.#viewed) {
      this.#viewed = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const reader = this.#reader.reset(bytes, this.#view, start, end);
    const clients = present(this.#learnerClients, 'a leader, who alone is asked by learners');
    if (!this.#writes.isOpen) return;
    this.#requests.outstanding++;
    clients.request(request, reader, this.#now, this.#requests.undecodable);
  }

  #timeout(wallTime: number): void {
    const now = this.#now;
    if (!this.#requests.isStopping) {
      this.#throttle.excuse(now);
      for (const session of this.sessions.expireDue(now)) {
        this.stats.sessionsExpired++;
        this.#log(
          'info',
          `session 0x${hexZxid(session.id)} was silent for ${session.timeoutMs} ms -> close it`,
        );
        if (session.isLocal) this.#admission.closed(session.id, undefined, 0, now);
        else this.#writeInternal(OpCode.closeSession, requesterFor(session.id), emptyBytes);
      }
      if (this.#primary !== undefined) {
        for (const path of this.#sweep.takeDue(now, wallTime)) this.#deleteContainer(path);
      }
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
    connection.unbind();
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    this.#effects.push({ kind: 'log', level, message });
  }
}
