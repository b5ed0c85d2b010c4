/**
 * Plays the script to the machine alone: no sockets, no disk, a clock that moves a little with
 * every step. What the disk would do is done at once: an `append` is answered by `synced`, and a
 * connection that the machine closes is gone in the same step.
 */
import type { ReplicaEvent } from '../../../src/core/effects.ts';
import { Replica } from '../../../src/core/replica.ts';
import type { ReplicaOptions } from '../../../src/core/replica-options.ts';
import { Connection } from '../../../src/core/session/connection.ts';
import { SessionTracker } from '../../../src/core/session/session-tracker.ts';
import { Database } from '../../../src/core/tree/database.ts';
import type { FourLetterWord } from '../../../src/net/four-letter-codes.ts';
import { FourLetterWords } from '../../../src/server/four-letter-words.ts';
import { ServerMetrics } from '../../../src/server/metrics.ts';
import { standaloneRole } from '../../../src/server/role-view.ts';
import type { ServerView } from '../../../src/server/server-view.ts';
import { fullVersion } from '../../../src/server/server-view.ts';
import type { Names } from './canonical.ts';
import type { Player } from './script.ts';

const wallTimeAtStart = Date.UTC(2026, 10, 22, 5, 36, 43);
const sessionlessTimeoutMs = 10_000;

const options: ReplicaOptions = {
  extendedTypesEnabled: false,
  enforceQuota: true,
  skipAcl: false,
  closeSessionTxnEnabled: true,
  acl: { digestEnabled: true },
  txnLengthMax: 2 << 20,
  minSessionTimeoutMs: 1000,
  maxSessionTimeoutMs: 600_000,
  globalOutstandingLimit: 1000,
  largeRequestThreshold: Number.POSITIVE_INFINITY,
  localSessions: false,
  localSessionsUpgrading: false,
  largeRequestMaxBytes: 100 << 20,
  flushDelayMs: 0,
  maxBatchSize: 1000,
  auth: {
    digestEnabled: true,
    digestAlg: 'SHA1',
    superDigest: undefined,
    hash: () => new Uint8Array(20),
  },
  containers: { checkIntervalMs: 60_000, maxPerMinute: 10_000, maxNeverUsedMs: 0 },
};

export class MachinePlayer implements Player {
  readonly view: ServerView;
  readonly replica: Replica;
  readonly #metrics = new ServerMetrics();
  readonly #words: FourLetterWords;
  readonly #connections = new Map<string, Connection>();
  readonly #ports = new Map<number, string>();
  readonly #sessions = new Map<string, string>();
  #now = 1_000_000;
  #nextPort = 40_000;

  constructor(
    enabled: 'all' | ReadonlySet<string> = 'all',
    change: Partial<ServerView> = {},
    overrides: Partial<ReplicaOptions> = {},
  ) {
    const tree = {
      digestEnabled: true,
      extendedTypesEnabled: false,
      emulate353TTLNodes: false,
      hashSeed: 1,
    };
    const database = new Database(tree).ensureSystemNodes();
    const sessions = new SessionTracker({
      tickTimeMs: 500,
      serverId: 1,
      wallTime: wallTimeAtStart,
      now: this.#now,
    });
    this.replica = new Replica(database, sessions, { ...options, ...overrides }, this.#now);
    this.view = {
      version: fullVersion('0.1.0', wallTimeAtStart),
      isServing: true,
      role: standaloneRole,
      replica: this.replica,
      metrics: this.#metrics,
      txnLog: { stats: { slowSyncs: 0 } },
      environment: {
        properties: () => javaProperties.map((name) => [name, 'some']),
        hostName: () => 'localhost',
        openFileDescriptors: () => 38,
        maxFileDescriptors: () => 20_000,
        processors: () => 2,
        residentMemory: () => 1 << 27,
      },
      config: {
        tickTimeMs: 500,
        maxClientCnxns: 0,
        minSessionTimeoutMs: 1000,
        maxSessionTimeoutMs: 600_000,
        clientPortListenBacklog: undefined,
        ensemble: undefined,
      },
      clientPort: 2181,
      snapshotDirectory: '/folder/data/version-2',
      logDirectory: '/folder/data/version-2',
      snapshotDirectorySize: () => 457,
      logDirectorySize: () => 457,
      startedAt: this.#now,
      now: () => this.#now,
      wallTime: () => wallTimeAtStart + this.#now - 1_000_000,
      ...change,
    };
    this.#words = new FourLetterWords(this.view, enabled);
  }

  get names(): Names {
    return { ports: this.#ports, sessions: this.#sessions };
  }

  connection(name: string): Connection {
    const connection = this.#connections.get(name);
    if (connection === undefined) throw new Error(`no connection ${name}`);
    return connection;
  }

  /** A quarter of a millisecond passes with every event, so that latencies are not all 0. */
  step(event: ReplicaEvent): void {
    this.#now += 0.25;
    const wallTime = wallTimeAtStart + Math.floor(this.#now) - 1_000_000;
    for (const effect of this.replica.step(event, this.#now, wallTime)) {
      if (effect.kind === 'append') {
        this.#metrics.noteSync(0.25, effect.batch.count);
        this.step({ kind: 'synced' });
        this.step({ kind: 'turnEnded' });
      } else if (effect.kind === 'close') {
        this.step({ kind: 'disconnected', connection: effect.connection });
      } else if (effect.kind === 'flush') {
        for (const { out } of effect.connections) out.clear();
      }
    }
  }

  frame(name: string, frame: Uint8Array): void {
    const connection = this.connection(name);
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    this.step({ kind: 'received', connection, bytes: frame, view, start: 0, end: frame.length });
  }

  async open(name: string): Promise<void> {
    const connection = this.#accept();
    this.#connections.set(name, connection);
    this.#ports.set(connection.remotePort, name);
  }

  async send(name: string, frame: Uint8Array): Promise<void> {
    this.frame(name, frame);
    this.step({ kind: 'turnEnded' });
    const { sessionId } = this.connection(name);
    this.#sessions.set(sessionId.toString(16), name);
  }

  sendLast(name: string, frame: Uint8Array): Promise<void> {
    return this.send(name, frame);
  }

  async ask(word: string, argument: Uint8Array = new Uint8Array(0)): Promise<string> {
    const connection = this.#accept();
    const text = this.#words.answer(word as FourLetterWord, argument, connection);
    this.step({ kind: 'disconnected', connection });
    return text;
  }

  #accept(): Connection {
    const port = this.#nextPort++;
    const wallTime = this.view.wallTime();
    const connection = new Connection(
      port,
      '127.0.0.1',
      port,
      sessionlessTimeoutMs,
      this.#now,
      wallTime,
    );
    this.step({ kind: 'connected', connection });
    return connection;
  }
}

const javaProperties = `
  host.name java.version java.vendor java.home java.class.path java.library.path java.io.tmpdir
  java.compiler os.name os.arch os.version user.name user.home user.dir
  os.memory.free os.memory.max os.memory.total`
  .trim()
  .split(/\s+/);
