// One client session as a machine without I/O (ClientCnxn): finds a server, opens or resumes the session, numbers
// requests, matches replies, pings, keeps the watch tables and sets them again on the next server. In: ClientEvents and
// `now` (ms, monotonic). Out: effects, in order; requests are bytes in `output`, to be flushed once a turn.
//
// Invariants: replies match the pending requests in order, or the connection is given up; a request fails with
// ConnectionLoss only if it was sent; zxids shown to a server never go back.
// Differs from Java on purpose: requests that were not sent wait for the next connection instead of failing with the
// last one; a wake-up that comes late is given a grace before the server is called silent; event zxids count as seen.

import { DecodeError, Reader } from '../../jute/reader.ts';
import type { Writer } from '../../jute/writer.ts';
import { WatcherEvent, Xid } from '../../proto/client.ts';
import type { ErrorName } from '../../proto/errors.ts';
import { ErrorCode, errorName } from '../../proto/errors.ts';
import { EventType, KeeperState, OpCode } from '../../proto/opcodes.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { hexZxid } from '../../proto/zxid.ts';
import { unreachable } from '../../util/assert.ts';
import { emptyBytes } from '../../util/bytes.ts';
import { AuthPackets } from './auth-packets.ts';
import type { Phase } from './client-phase.ts';
import { stateOf } from './client-phase.ts';
import { Handshake } from './handshake.ts';
import { Liveness } from './liveness.ts';
import { RequestPipe } from './request-pipe.ts';
import type { ServerAddress } from './server-list.ts';
import { ServerList, serverText } from './server-list.ts';
import type {
  AuthInfo,
  ClientEffect,
  ClientEvent,
  ClientSessionOptions,
  ClientState,
  ClientStatus,
  Deadline,
  EndState,
  Request,
  WatchRemoval,
} from './session-events.ts';
import { endCode } from './session-events.ts';
import { writeSetWatches } from './set-watches.ts';
import { WatchTables } from './watch-tables.ts';

type Effects<W extends object, R> = ClientEffect<W, R>[];

const nothing: readonly never[] = [];
const noBody = { write: () => undefined };

export class ClientSession<W extends object, R extends Request<W>> {
  readonly #servers: ServerList;
  readonly #liveness: Liveness;
  readonly #pipe: RequestPipe<W, R>;
  readonly #watches = new WatchTables<W>();
  readonly #reader = new Reader(emptyBytes);
  readonly #auths: AuthPackets<W, R>;
  readonly #handshake: Handshake;
  #phase: Phase = { kind: 'pausing' };
  #attempt = 0;
  #server: ServerAddress | undefined;
  #lastFailure = '';
  /** Of the last reply: what changed up to here was told. */
  #lastZxid: Zxid = 0n;
  /** Of the last reply or event: no server behind this will do. Never goes back. */
  #lastZxidSeen: Zxid;

  constructor(options: ClientSessionOptions, now: number) {
    this.#servers = new ServerList(options.servers, options.below);
    this.#liveness = new Liveness(options.sessionTimeoutMs, this.#servers.size, options.below, now);
    this.#pipe = new RequestPipe(options.juteMaxBuffer, options.requestsMax);
    this.#auths = new AuthPackets(this.#pipe);
    this.#lastZxidSeen = options.lastZxid;
    this.#handshake = new Handshake(options.sessionTimeoutMs, options.readOnly, options.session);
  }

  /** Bytes for the present connection. */
  get output(): Writer {
    return this.#pipe.output;
  }

  get deadline(): Deadline {
    return this.#liveness.deadline(this.#phase.kind, this.#handshake.hasSession);
  }

  get state(): ClientState {
    return stateOf(this.#phase);
  }

  status(): ClientStatus {
    return {
      state: this.state,
      key: this.#handshake.key,
      sessionTimeoutMs: this.#liveness.sessionTimeoutMs,
      server: this.#server,
      lastFailure: this.#lastFailure,
      lastZxid: this.#lastZxidSeen,
      pending: this.#pipe.pending,
      queued: this.#pipe.queued,
    };
  }

  /** What is watched, for whoever takes watches away. */
  get watches(): Pick<WatchTables<W>, 'has' | 'hasOther' | 'hasOutside'> {
    return this.#watches;
  }

  /** Whether a request on its way will set a watch at `path`. */
  isSettingWatch(path: string): boolean {
    return this.#pipe.isSettingWatch(path);
  }

  step(event: ClientEvent<W, R>, now: number): readonly ClientEffect<W, R>[] {
    switch (event.kind) {
      case 'received':
        if (!this.#concerns(event.attempt)) return nothing;
        this.#liveness.heard(now);
        this.#reader.reset(event.bytes, event.view, event.start, event.end);
        return this.#onFrame(now);
      case 'requested':
        return this.#onRequested(event.request, now);
      case 'dialled':
        return this.#concerns(event.attempt) ? this.#onDialled() : nothing;
      case 'closed':
        return this.#concerns(event.attempt) ? this.#lose(event.reason, now) : nothing;
      case 'authAdded':
        return this.#onAuthAdded(event.info, event.request, now);
      case 'watchDropped':
        return this.#watchesRemoved(event);
      case 'closeRequested':
        return this.#onCloseRequested(event.request, now);
      case 'probed':
        return this.#onProbed(event.server, event.answer, now);
      case 'timeout':
        return this.#onTimeout(now);
      default:
        return unreachable(event);
    }
  }

  #concerns(attempt: number): boolean {
    return 'attempt' in this.#phase && this.#phase.attempt === attempt;
  }

  #onTimeout(now: number): readonly ClientEffect<W, R>[] {
    const { kind } = this.#phase;
    switch (kind) {
      case 'pausing':
      case 'connecting':
        if (this.#handshake.hasSession && this.#liveness.isExpired(now)) {
          return this.#end('EXPIRED', 'no server was heard for too long');
        }
        if (!this.#liveness.isOver(now)) return nothing;
        if (kind === 'pausing') return this.#dial(now);
        return this.#lose(`no session within ${this.#liveness.connectTimeoutMs} ms`, now);
      case 'connected':
        return this.#liveness.isSilent(now) ? this.#lose('server silent', now) : this.#tend(now);
      case 'closing':
        return this.#liveness.isOver(now) ? this.#end('CLOSED', 'no answer to close') : nothing;
      case 'ended':
        return nothing;
      default:
        return unreachable(kind);
    }
  }

  /** Keeps a connected session alive, and looks for something better than a read-only server. */
  #tend(now: number): readonly ClientEffect<W, R>[] {
    if (this.#liveness.isPingDue(now)) {
      this.#pipe.writeFrame({ xid: Xid.PING, op: OpCode.ping }, noBody, undefined);
      this.#liveness.sent(now);
    }
    if (!this.#liveness.isProbeDue(now)) return nothing;
    this.#liveness.probing(now);
    const timeoutMs = this.#liveness.connectTimeoutMs;
    return [{ kind: 'probe', server: this.#servers.next(), timeoutMs }];
  }

  #onProbed(server: ServerAddress, answer: string, now: number): Effects<W, R> {
    if (this.#phase.kind !== 'connected' || !this.#phase.readOnly || answer !== 'rw') return [];
    const effects = this.#lose(`${serverText(server)} takes writes`, now);
    this.#servers.prefer(server);
    this.#liveness.noPause(now);
    return effects;
  }

  #dial(now: number): Effects<W, R> {
    const server = this.#servers.next();
    this.#server = server;
    this.#attempt++;
    this.#phase = { kind: 'connecting', attempt: this.#attempt };
    this.#liveness.attempt(now);
    const timeoutMs = this.#liveness.connectTimeoutMs;
    return [{ kind: 'dial', attempt: this.#attempt, server, timeoutMs }];
  }

  #onDialled(): readonly never[] {
    this.#handshake.write(this.#pipe, this.#lastZxidSeen);
    return nothing;
  }

  #onFrame(now: number): readonly ClientEffect<W, R>[] {
    try {
      return this.#phase.kind === 'connecting' ? this.#onHandshake(now) : this.#onReply(now);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return this.#lose(error.message, now);
    }
  }

  #onHandshake(now: number): Effects<W, R> {
    const hadSession = this.#handshake.hasSession;
    const { sessionTimeoutMs, readOnly } = this.#handshake.read(this.#reader);
    if (sessionTimeoutMs <= 0) {
      if (hadSession) return this.#end('EXPIRED', 'the server says so');
      return this.#lose('no session was given', now);
    }
    this.#servers.succeeded();
    this.#liveness.connected(now, sessionTimeoutMs, readOnly);
    this.#phase = { kind: 'connected', attempt: this.#attempt, readOnly };
    const id = hexZxid(this.#handshake.key.id);
    const reason = `session 0x${id}, timeout ${sessionTimeoutMs} ms`;
    const effects: Effects<W, R> = [{ kind: 'announce', state: this.state, reason }];
    this.#auths.sendAll();
    writeSetWatches(this.#pipe, this.#watches, this.#lastZxid);
    // One-shot watches fire for what was missed; persistent ones are only set again, so their watchers are told that
    // there was a gap, as Java tells every watcher.
    const state = readOnly ? KeeperState.ConnectedReadOnly : KeeperState.SyncConnected;
    for (const [path, watchers] of this.#watches.persistent()) {
      const type = EventType.None;
      effects.push({ kind: 'notify', watchers, type, state, path, zxid: undefined });
    }
    this.#pipe.sendQueued();
    return effects;
  }

  #onReply(now: number): readonly ClientEffect<W, R>[] {
    const reader = this.#reader;
    const xid = reader.int();
    const zxid = reader.long();
    const err = reader.int();
    switch (xid) {
      case Xid.NOTIFICATION:
        return this.#onNotification(zxid);
      case Xid.PING:
        return nothing;
      case Xid.AUTH:
        return this.#onAuthReply(err, now);
      case Xid.SET_WATCHES: {
        if (err === ErrorCode.Ok) return nothing;
        const message = `setWatches -> ${errorName(err) ?? err}: watches of this client may be lost`;
        return [{ kind: 'logLine', level: 'warn', message }];
      }
      default: {
        const request = this.#pipe.answered(xid);
        if (request === undefined) return this.#lose(`a reply to xid ${xid} came out of turn`, now);
        if (zxid > this.#lastZxid) this.#lastZxid = zxid;
        if (zxid > this.#lastZxidSeen) this.#lastZxidSeen = zxid;
        return this.#onAnswer(request, zxid, err);
      }
    }
  }

  #onAnswer(request: R, zxid: Zxid, err: number): Effects<W, R> {
    const effects: Effects<W, R> = [{ kind: 'settle', request, err, zxid, body: this.#reader }];
    const { watch, removal } = request;
    if (watch !== undefined && !request.abandoned) this.#watches.answered(watch, err);
    if (removal !== undefined && err === ErrorCode.Ok) {
      effects.push(...this.#watchesRemoved(removal));
    }
    if (request.op === OpCode.closeSession) effects.push(...this.#end('CLOSED', 'closed'));
    return effects;
  }

  #onNotification(zxid: Zxid): readonly ClientEffect<W, R>[] {
    const { type, state, path } = WatcherEvent.read(this.#reader);
    if (zxid > this.#lastZxidSeen) this.#lastZxidSeen = zxid;
    const watchers = this.#watches.take(type, path);
    if (watchers.length === 0) return nothing;
    const known = zxid > 0n ? zxid : undefined;
    return [{ kind: 'notify', watchers, type, state, path, zxid: known }];
  }

  /** Forgets watches and says so to whom they belonged, as the client-only removal events. */
  #watchesRemoved({ path, type, watcher }: Omit<WatchRemoval<W>, 'local'>): Effects<W, R> {
    const state = KeeperState.SyncConnected;
    return this.#watches.remove(path, type, watcher).map((removed) => {
      return { kind: 'notify', ...removed, state, path, zxid: undefined };
    });
  }

  #onRequested(request: R, now: number): readonly ClientEffect<W, R>[] {
    const ended = this.#endState;
    if (ended !== undefined) return [this.#refused(request, ended)];
    const connected = this.#phase.kind === 'connected';
    const refusal = this.#pipe.take(request, connected);
    if (refusal !== undefined) return [this.#failed(request, refusal.code, refusal.reason)];
    if (connected) this.#liveness.sent(now);
    return nothing;
  }

  #onAuthAdded(info: AuthInfo, request: R | undefined, now: number): readonly ClientEffect<W, R>[] {
    const ended = this.#endState;
    if (ended !== undefined) {
      return request === undefined ? nothing : [this.#refused(request, ended)];
    }
    const connected = this.#phase.kind === 'connected';
    this.#auths.add({ ...info, request }, connected);
    if (connected) this.#liveness.sent(now);
    return nothing;
  }

  #onAuthReply(err: number, now: number): readonly ClientEffect<W, R>[] {
    const auth = this.#auths.answered();
    if (auth === undefined) return this.#lose('an auth reply came out of turn', now);
    const effects: Effects<W, R> = [];
    if (auth.request !== undefined) {
      const { request } = auth;
      auth.request = undefined;
      effects.push({ kind: 'settle', request, err, zxid: 0n, body: this.#reader });
    }
    if (err !== ErrorCode.Ok) {
      effects.push(...this.#end('AUTH_FAILED', `the server refuses ${auth.scheme} credentials`));
    }
    return effects;
  }

  #onCloseRequested(request: R | undefined, now: number): Effects<W, R> {
    const phase = this.#phase;
    if (phase.kind === 'ended' || phase.kind === 'closing') return [];
    if (request === undefined) return this.#end('CLOSED', 'closed without its session');
    if (phase.kind !== 'connected' || this.#pipe.take(request, true) !== undefined) {
      return this.#end('CLOSED', 'closed while there was no connection');
    }
    this.#phase = { ...phase, kind: 'closing' };
    this.#liveness.closing(now);
    return [];
  }

  /** The connection, or the attempt to get one, came to nothing: on to the next server. */
  #lose(reason: string, now: number): Effects<W, R> {
    const phase = this.#phase;
    if (phase.kind === 'closing') return this.#end('CLOSED', reason);
    const effects = this.#dropConnection();
    const where = this.#server === undefined ? '' : ` ${serverText(this.#server)}`;
    this.#lastFailure = `${where.trim()}: ${reason}`;
    if (phase.kind === 'connecting') {
      this.#servers.failed();
      effects.push({ kind: 'logLine', level: 'info', message: `dial${where}: ${reason} -> next` });
    } else {
      const message = `connection to${where}: ${reason} -> reconnect`;
      effects.push({ kind: 'logLine', level: 'warn', message });
      effects.push({ kind: 'announce', state: 'CONNECTING', reason });
    }
    this.#failPending('ConnectionLoss', reason, effects);
    this.#phase = { kind: 'pausing' };
    this.#liveness.pause(now, this.#servers.failures);
    return effects;
  }

  #end(state: EndState, reason: string): Effects<W, R> {
    const effects = this.#dropConnection();
    const code = endCode[state];
    // A request that was sent and is not answered may have happened: CLOSED must not deny it.
    this.#failPending(state === 'CLOSED' ? 'ConnectionLoss' : code, reason, effects);
    for (const request of [...this.#pipe.takeQueued(), ...this.#auths.takeWaiting()]) {
      effects.push(this.#failed(request, code, reason));
    }
    this.#phase = { kind: 'ended', state };
    this.#watches.clear();
    effects.push({ kind: 'announce', state, reason });
    return effects;
  }

  #dropConnection(): Effects<W, R> {
    return 'attempt' in this.#phase ? [{ kind: 'hangUp', attempt: this.#phase.attempt }] : [];
  }

  #failPending(code: ErrorName, reason: string, effects: Effects<W, R>): void {
    for (const request of this.#pipe.takePending()) {
      effects.push(this.#failed(request, code, reason));
      const { removal } = request;
      if (removal?.local === true) effects.push(...this.#watchesRemoved(removal));
    }
  }

  /** How it ended, or is about to; undefined while requests are taken. */
  get #endState(): EndState | undefined {
    if (this.#phase.kind === 'ended') return this.#phase.state;
    return this.#phase.kind === 'closing' ? 'CLOSED' : undefined;
  }

  #refused(request: R, ended: EndState): ClientEffect<W, R> {
    return this.#failed(request, endCode[ended], `the client is ${ended}`);
  }

  #failed(request: R, code: ErrorName, reason: string): ClientEffect<W, R> {
    return { kind: 'fail', request, code, reason };
  }
}
