// The client as programs see it: one object a session, a promise for each operation, watches as callbacks or as async
// iterators, state changes as events. In: ports and a connect string. The protocol is the session machine's business
// (core/client), the arguments are checked and mapped in calls.ts; here is what lives as long as the session.
//
// Requests of one client reach the server in the order they were made, and their results come back in that order.
// Differs from Java on purpose: state changes are events of the client, not of watchers; exists gives null for a
// missing node; a failed multi throws; persistent watchers are told of a gap (event None) after each reconnect.

import { serverText } from '../core/client/server-list.ts';
import type { ClientState, SessionKey } from '../core/client/session-events.ts';
import type { Clock } from '../ports.ts';
import type { ACL, ClientInfo, Stat } from '../proto/data.ts';
import { OpCode, WatcherType } from '../proto/opcodes.ts';
import type { Zxid } from '../proto/zxid.ts';
import type { CallSpec } from './call.ts';
import { Call } from './call.ts';
import type { CallOptions } from './call-options.ts';
import type { ACLResult, ChildrenResult, WatcherTypeName, WatchMode } from './calls.ts';
import { Calls, refuse, refuseType } from './calls.ts';
import type {
  ClientEvents,
  ClientSettings,
  ConnectOptions,
  RemoveWatchesOptions,
  WatchIteratorOptions,
} from './client-options.ts';
import { authInfo, clientSettings } from './client-options.ts';
import { Emitter, soon } from './emitter.ts';
import { KeeperError, operationError } from './keeper-error.ts';
import type { MultiOp, MultiReadOp } from './multi.ts';
import { opened } from './opening.ts';
import type {
  Created,
  CreateOptions,
  Data,
  MultiReadResult,
  MultiResult,
  NodeData,
  VersionOptions,
  WatchOptions,
} from './operations.ts';
import type { ClientPorts } from './session-driver.ts';
import { SessionDriver } from './session-driver.ts';
import { Transaction } from './transaction.ts';
import { eventsMaxDefault, Watch } from './watch.ts';
import type { Watcher } from './watch-event.ts';

export class ZooKeeper implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #settings: ClientSettings;
  readonly #calls: Calls;
  readonly #driver: SessionDriver;
  readonly #events = new Emitter<ClientEvents>();
  readonly #iterators = new Set<Watch>();
  readonly #ended: Promise<void>;
  #end: () => void = ignore;

  private constructor(ports: ClientPorts, settings: ClientSettings, log: ConnectOptions['log']) {
    this.#clock = ports.clock;
    this.#settings = settings;
    this.#calls = new Calls(settings.chroot);
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const announced = this.#announced.bind(this);
    this.#driver = new SessionDriver(ports, settings, settings.chroot, log, announced);
  }

  /**
   * Opens a session (or goes on with `options.session`) and resolves once a server has taken it and all credentials.
   * Throws KeeperError: BadArguments before anything is dialled; ConnectionLoss when no server was found in time;
   * SessionExpired; AuthFailed.
   */
  static async connect(
    ports: ClientPorts,
    connectString: string,
    options: ConnectOptions = {},
  ): Promise<ZooKeeper> {
    const settings = clientSettings(connectString, options);
    if (options.signal?.aborted === true) throw options.signal.reason;
    const client = new ZooKeeper(ports, settings, options.log);
    try {
      const lastFailure = () => client.#driver.status().lastFailure;
      const { signal } = options;
      await opened({ client, clock: client.#clock, settings, connectString, signal, lastFailure });
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  get state(): ClientState {
    return this.#driver.state;
  }

  /** What another client needs to go on with this session. Whoever has it owns the session. */
  get session(): SessionKey {
    return this.#driver.status().key;
  }

  get sessionId(): bigint {
    return this.#driver.status().key.id;
  }

  /** As the server granted it. */
  get sessionTimeoutMs(): number {
    return this.#driver.status().sessionTimeoutMs;
  }

  /** The server of the present connection, or of the last attempt. */
  get server(): string | undefined {
    const { server } = this.#driver.status();
    return server === undefined ? undefined : serverText(server);
  }

  /** The newest state of the tree this client has seen something of. */
  get lastZxid(): Zxid {
    return this.#driver.status().lastZxid;
  }

  /** '' or the path under which this client lives. */
  get chroot(): string {
    return this.#settings.chroot.path;
  }

  /** Calls `listener` at every event of that name; returns the function that takes it off. */
  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (event: ClientEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** The next event of that name. */
  once<Name extends keyof ClientEvents>(name: Name): Promise<ClientEvents[Name]> {
    return this.#events.once(name);
  }

  /** Creates a node; gives its path, with the digits of a sequential one. */
  create(path: string, data?: Data, options: CreateOptions = {}): Promise<string> {
    return this.#send(this.#calls.create(path, data, options), options);
  }

  /** The same, with the new node's stat. */
  create2(path: string, data?: Data, options: CreateOptions = {}): Promise<Created> {
    return this.#send(this.#calls.create2(path, data, options), options);
  }

  delete(path: string, options: VersionOptions = {}): Promise<void> {
    return this.#send(this.#calls.delete(path, options), options);
  }

  /** The node's stat, or null. A watch here also waits for a node that is not there yet. */
  exists(path: string, options: WatchOptions = {}): Promise<Stat | null> {
    return this.#send(this.#calls.exists(path, options), options);
  }

  getData(path: string, options: WatchOptions = {}): Promise<NodeData> {
    return this.#send(this.#calls.getData(path, options), options);
  }

  setData(path: string, data: Data, options: VersionOptions = {}): Promise<Stat> {
    return this.#send(this.#calls.setData(path, data, options), options);
  }

  getACL(path: string, options: CallOptions = {}): Promise<ACLResult> {
    return this.#send(this.#calls.getACL(path), options);
  }

  /** `version` is compared with the stat's aversion. */
  setACL(path: string, acl: readonly ACL[], options: VersionOptions = {}): Promise<Stat> {
    return this.#send(this.#calls.setACL(path, acl, options), options);
  }

  /** Names, not paths, in no particular order. */
  getChildren(path: string, options: WatchOptions = {}): Promise<string[]> {
    return this.#send(this.#calls.getChildren(path, options), options);
  }

  /** The same, with the parent's stat. */
  getChildren2(path: string, options: WatchOptions = {}): Promise<ChildrenResult> {
    return this.#send(this.#calls.getChildren2(path, options), options);
  }

  /** Waits until this client's server has caught up with the leader; reads after it see what was written before it. */
  sync(path = '/', options: CallOptions = {}): Promise<void> {
    return this.#send(this.#calls.sync(path), options);
  }

  /**
   * All operations or none. Throws KeeperError with the code and path of the operation that failed, and all `results`.
   */
  multi(ops: readonly MultiOp[], options: CallOptions = {}): Promise<MultiResult[]> {
    return this.#send(this.#calls.multi(ops), options);
  }

  /** A multi written step by step. */
  transaction(): Transaction {
    return new Transaction((ops, options) => this.multi(ops, options));
  }

  /** Many reads in one request; each fails for itself, as a result of type 'error'. */
  multiRead(ops: readonly MultiReadOp[], options: CallOptions = {}): Promise<MultiReadResult[]> {
    return this.#send(this.#calls.multiRead(ops), options);
  }

  /** Sets a watch that stays. Also kept over reconnects; then the watcher is told once with an event 'None'. */
  addWatch(
    path: string,
    mode: WatchMode,
    watcher: Watcher,
    options: CallOptions = {},
  ): Promise<void> {
    return this.#send(this.#calls.addWatch(path, mode, watcher), options);
  }

  /**
   * A persistent watch as an async iterator; the request to set it leaves at once, `ready` tells when it is set.
   * Leaving the loop takes it away.
   */
  watch(path: string, options: WatchIteratorOptions = {}): Watch {
    const { recursive = false, signal, eventsMax = eventsMaxDefault } = options;
    const watch = new Watch(path, eventsMax);
    const mode = recursive ? 'PERSISTENT_RECURSIVE' : 'PERSISTENT';
    const ready = this.addWatch(path, mode, watch.push);
    const aborted = () => void watch.return();
    let isSet = false;
    ready.then(() => {
      isSet = true;
    }, ignore);
    const remove = () => this.removeWatches(path, { watcher: watch.push, local: true });
    const unwatch = async (): Promise<void> => {
      const removed = ready.then(remove).catch(ignore);
      // Leaving a loop must not take until there is a connection.
      if (isSet) await removed;
    };
    this.#iterators.add(watch);
    watch.start(ready, unwatch, () => {
      this.#iterators.delete(watch);
      signal?.removeEventListener('abort', aborted);
    });
    if (signal?.aborted === true) aborted();
    else signal?.addEventListener('abort', aborted);
    return watch;
  }

  /** Throws NoWatcher when there is none. The watchers see a last event '…WatchRemoved'. */
  removeWatches(path: string, options: RemoveWatchesOptions = {}): Promise<void> {
    const { type: name = 'Any', watcher, local = false } = options;
    const bad = refuse('removeWatches', path) ?? refuseType('removeWatches', path, name);
    if (bad !== undefined) return Promise.reject(bad);
    const type = WatcherType[name];
    const serverPath = this.#settings.chroot.toServer(path);
    const { watches } = this.#driver;
    if (!watches.has(serverPath, type, watcher)) {
      const reason = 'this client has no such watch';
      return Promise.reject(operationError('removeWatches', path, 'NoWatcher', reason));
    }
    // The server knows one watch for all watchers of this client at a path: it must stay while somebody needs it. And
    // without a connection no server knows any: what is forgotten now will not be set again.
    const isSetting = this.#driver.isSettingWatch(serverPath);
    const isNeeded =
      watcher !== undefined && (isSetting || watches.hasOther(serverPath, type, watcher));
    if (isNeeded || (!isSetting && this.state === 'CONNECTING')) {
      this.#driver.step({ kind: 'watchDropped', path: serverPath, type, watcher });
      return Promise.resolve();
    }
    // Servers before 3.9 take persistent watches away only by 'Any'; that is the same where there are no others.
    const isOld = type === WatcherType.Persistent || type === WatcherType.PersistentRecursive;
    const ask = isOld && !watches.hasOutside(serverPath, type) ? WatcherType.Any : type;
    return this.#send(this.#calls.removeWatches(path, type, ask, watcher, local), options);
  }

  /** Whether the server knows a watch of this client at the path. */
  checkWatches(
    path: string,
    type: WatcherTypeName = 'Any',
    options: CallOptions = {},
  ): Promise<boolean> {
    return this.#send(this.#calls.checkWatches(path, type), options);
  }

  /** Paths of this session's ephemeral nodes that begin with `prefix`. */
  getEphemerals(prefix = '/', options: CallOptions = {}): Promise<string[]> {
    return this.#send(this.#calls.getEphemerals(prefix), options);
  }

  /** How many nodes there are below `path`. */
  getAllChildrenNumber(path: string, options: CallOptions = {}): Promise<number> {
    return this.#send(this.#calls.getAllChildrenNumber(path), options);
  }

  /** Who this connection is to the server: one entry for each credential. */
  whoAmI(options: CallOptions = {}): Promise<ClientInfo[]> {
    return this.#send(this.#calls.whoAmI(), options);
  }

  /** The ensemble's configuration (/zookeeper/config, whatever the chroot). */
  getConfig(options: WatchOptions = {}): Promise<NodeData> {
    return this.#send(this.#calls.getConfig(options), options);
  }

  /** Adds credentials, to this connection and all later ones. A server that refuses them ends the session. */
  addAuth(scheme: string, auth: Uint8Array | string): Promise<void> {
    const request = new Call({ op: OpCode.auth, decode: ignore });
    this.#driver.step({ kind: 'authAdded', info: authInfo(scheme, auth), request });
    return request.promise;
  }

  /**
   * Ends the session: its ephemeral nodes go. Requests made before are answered first. Never throws; without a
   * connection the servers end the session when it times out. With `keepSession` only this client ends, at once: the
   * session lives until it times out or somebody goes on with it.
   */
  close({ keepSession = false }: { readonly keepSession?: boolean } = {}): Promise<void> {
    const call = new Call({ op: OpCode.closeSession, decode: ignore });
    call.promise.catch(ignore);
    const request = keepSession ? undefined : call;
    this.#driver.step({ kind: 'closeRequested', request });
    return this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #send<T>(spec: CallSpec<T> | KeeperError, { signal, timeoutMs }: CallOptions): Promise<T> {
    if (spec instanceof KeeperError) return Promise.reject(spec);
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const call = new Call(spec);
    const limitMs = timeoutMs ?? this.#settings.requestTimeoutMs;
    if (limitMs > 0 || signal !== undefined) call.limit(this.#clock, limitMs, signal);
    this.#driver.step({ kind: 'requested', request: call });
    return call.promise;
  }

  /** Inside a step of the machine: only notes and promises here. */
  #announced(state: ClientState, reason: string): void {
    switch (state) {
      case 'CONNECTED':
      case 'CONNECTEDREADONLY': {
        const readOnly = state === 'CONNECTEDREADONLY';
        this.#events.emit('connected', { server: this.server ?? '', readOnly });
        return;
      }
      case 'CONNECTING':
        this.#events.emit('suspended', { reason });
        return;
      case 'EXPIRED':
        this.#events.emit('expired', { reason });
        this.#endIterators(new KeeperError('SessionExpired', `watch: ${reason}`));
        break;
      case 'AUTH_FAILED':
        this.#events.emit('authFailed', { reason });
        this.#endIterators(new KeeperError('AuthFailed', `watch: ${reason}`));
        break;
      default:
        this.#events.emit('closed', { reason });
        this.#endIterators(undefined);
    }
    this.#end();
  }

  #endIterators(error: KeeperError | undefined): void {
    const iterators = [...this.#iterators];
    this.#iterators.clear();
    // After the events that are on their way to them.
    soon(() => {
      for (const watch of iterators) watch.finish(error, error !== undefined);
    });
  }
}

function ignore(): void {
  // What is not waited for may fail.
}
