/**
 * A whole server in this process, without a network, a disk or a clock of its own: replica, driver
 * and client links on sockets that are arrays. Time stands still until the test moves it.
 *
 * In: chunks of bytes on any number of connections. Out: the frames that came back, how connections
 * ended, and every transaction that was logged. Invariant: `run` returns when nothing more can
 * happen without input or time; the bytes of a chunk are spoiled as soon as it was handed in, so
 * that whoever kept a view of them is found out.
 */
import { createHash } from 'node:crypto';
import type { ReplicaRole } from '../../src/core/replica.ts';
import { Replica } from '../../src/core/replica.ts';
import type { ReplicaOptions } from '../../src/core/replica-options.ts';
import type { Connection } from '../../src/core/session/connection.ts';
import { SessionTracker } from '../../src/core/session/session-tracker.ts';
import { Database } from '../../src/core/tree/database.ts';
import type { ClientPortHost } from '../../src/net/client-listener.ts';
import { ClientLink } from '../../src/net/client-listener.ts';
import type { Clock, Socket } from '../../src/ports.ts';
import { Driver } from '../../src/server/driver.ts';
import type { TxnLog } from '../../src/storage/txn-log.ts';
import { Deque } from '../../src/util/deque.ts';

export const frameLengthMax = 0xfffff;
const wallTimeAtStart = 1_700_000_000_000;
/** SHA-1 of 'super:admin'. */
const superDigest = 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=';

export const replicaOptions: ReplicaOptions = {
  extendedTypesEnabled: true,
  enforceQuota: true,
  skipAcl: false,
  closeSessionTxnEnabled: true,
  acl: { digestEnabled: true },
  txnLengthMax: 2 * frameLengthMax,
  minSessionTimeoutMs: 4000,
  maxSessionTimeoutMs: 40_000,
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
    superDigest,
    hash: (_, bytes) => createHash('sha1').update(bytes).digest(),
  },
  containers: { checkIntervalMs: 60_000, maxPerMinute: 10_000, maxNeverUsedMs: 0 },
};

const treeOptions = {
  digestEnabled: true,
  hashSeed: 12_345,
  extendedTypesEnabled: true,
  emulate353TTLNodes: false,
};

export function emptyDatabase(): Database {
  const database = new Database(treeOptions);
  database.ensureSystemNodes();
  return database;
}

/** Time, and what is to happen next, of one server or of several. */
export class FakeWorld {
  now = 1000;
  readonly #soon = new Deque<() => void>();
  readonly #timers: { at: number; callback: () => void }[] = [];

  get clock(): Clock {
    return {
      now: () => this.now,
      wallTime: () => wallTimeAtStart + this.now,
      endOfTurn: (callback) => this.soon(callback),
      schedule: (delayMs, callback) => {
        const timer = { at: this.now + Math.max(0, delayMs), callback };
        this.#timers.push(timer);
        const cancel = (): void => {
          const index = this.#timers.indexOf(timer);
          if (index >= 0) this.#timers.splice(index, 1);
        };
        return { cancel };
      },
    };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Until nothing waits. */
  run(): void {
    for (let next = this.#soon.shift(); next !== undefined; next = this.#soon.shift()) next();
  }

  /** Moves time, firing what is due on the way. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.splice(this.#timers.indexOf(due), 1);
      this.now = Math.max(this.now, due.at);
      due.callback();
      this.run();
    }
    this.now = end;
  }
}

/** What clients connect to. */
export interface FakePort {
  readonly host: ClientPortHost<Connection>;
  /** The longest output any connection was given at once. */
  outputLongest: number;
  soon(callback: () => void): void;
}

/** A server among others. */
export interface FakePlace {
  readonly world: FakeWorld;
  readonly serverId: number;
  readonly database: Database;
  readonly role: ReplicaRole;
  /** What an earlier role of the same server had. */
  readonly sessions?: SessionTracker;
  /** Its batch is durable, and it was told so. */
  readonly synced?: (lastZxid: bigint) => void;
}

export class FakeServer implements FakePort {
  readonly database: Database;
  readonly sessions: SessionTracker;
  readonly replica: Replica;
  readonly driver: Driver;
  /** Each logged transaction, header and all. */
  readonly txns: Uint8Array[] = [];
  /** What the driver was told to stop for. */
  broken: unknown;
  outputLongest = 0;
  readonly #world: FakeWorld;

  constructor(options: Partial<ReplicaOptions> = {}, place?: FakePlace) {
    const world = place?.world ?? new FakeWorld();
    this.#world = world;
    this.database = place?.database ?? emptyDatabase();
    const { clock } = world;
    this.sessions =
      place?.sessions ??
      new SessionTracker({
        tickTimeMs: 2000,
        serverId: place?.serverId ?? 1,
        wallTime: wallTimeAtStart,
        now: world.now,
      });
    const isPrimary = this.#isPrimary(place?.role);
    this.sessions.startOver(isPrimary ? 'primary' : 'learner', world.now);
    this.replica = new Replica(
      this.database,
      this.sessions,
      { ...replicaOptions, ...options },
      world.now,
      place?.role,
    );
    const txnLog: Pick<TxnLog, 'append'> = {
      append: ({ bytes, lastZxid }, done) => {
        this.#keepTxns(bytes);
        world.soon(() => {
          done(undefined);
          place?.synced?.(lastZxid);
        });
      },
    };
    const fail = (error: unknown): void => {
      this.broken = error;
    };
    this.driver = new Driver(
      this.replica,
      txnLog as TxnLog,
      { clock, log: { log: () => undefined } },
      { appended: () => undefined, logFailed: fail, broken: fail, command: (word) => `${word}!` },
      10_000,
    );
    this.driver.start();
  }

  get host(): ClientPortHost<Connection> {
    return this.driver;
  }

  connect(): FakeClient {
    return new FakeClient(this);
  }

  /** Until nothing waits. */
  run(): void {
    this.#world.run();
    if (this.broken !== undefined) {
      throw new Error(`the server broke: ${String(this.broken)}`, { cause: this.broken });
    }
  }

  /** Moves time, firing what is due on the way. */
  advance(ms: number): void {
    this.#world.advance(ms);
    this.run();
  }

  soon(callback: () => void): void {
    this.#world.soon(callback);
  }

  /** Connections this server closed or refused, by whatever counter. */
  get closedByUs(): number {
    const { closed, connectionsRejected } = this.replica.stats;
    let count = connectionsRejected;
    for (const times of closed.values()) count += times;
    return count;
  }

  #isPrimary(role: ReplicaRole | undefined): boolean {
    return role === undefined || role.kind === 'lone' || role.kind === 'leader';
  }

  /** Entries are Adler-32 as a long, a length, the transaction and 'B'. */
  #keepTxns(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const length = view.getInt32(at + 8);
      this.txns.push(new Uint8Array(bytes.subarray(at + 12, at + 12 + length)));
      at += 13 + length;
    }
  }
}

export class FakeClient {
  /** Payloads received and not taken. */
  frames: Uint8Array[] = [];
  /** What came in place of frames: the answer to a four-letter word. */
  text = '';
  /** 'open', or how the server ended it. */
  end: 'open' | 'ended' | 'destroyed' = 'open';
  bytesSent = 0;
  bytesReceived = 0;
  readonly #server: FakePort;
  readonly #link: ClientLink<Connection>;
  #rest: Uint8Array = new Uint8Array(0);
  #isGone = false;
  #isPaused = false;
  readonly #waiting: Uint8Array[] = [];

  constructor(server: FakePort) {
    this.#server = server;
    const socket: Socket = {
      remoteAddress: '127.0.0.1',
      remotePort: 40_000,
      localAddress: '127.0.0.1',
      localPort: 2181,
      write: (bytes, done) => {
        this.#received(bytes);
        server.soon(() => done(true));
      },
      pause: () => {
        this.#isPaused = true;
      },
      resume: () => {
        this.#isPaused = false;
        server.soon(() => this.#deliver());
      },
      end: () => this.#ended('ended'),
      destroy: () => this.#ended('destroyed'),
    };
    this.#link = new ClientLink(socket, server.host, frameLengthMax, () => undefined);
  }

  /** One chunk, as a read of the socket would give it; waits while the server does not read. */
  send(bytes: Uint8Array): void {
    if (this.end !== 'open' || this.#isGone) return;
    this.bytesSent += bytes.length;
    this.#waiting.push(new Uint8Array(bytes));
    this.#deliver();
  }

  sendFrame(payload: Uint8Array): void {
    const bytes = new Uint8Array(4 + payload.length);
    new DataView(bytes.buffer).setInt32(0, payload.length);
    bytes.set(payload, 4);
    this.send(bytes);
  }

  /** The client goes. */
  leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#link.closed('the client went');
  }

  take(): Uint8Array[] {
    const { frames } = this;
    this.frames = [];
    return frames;
  }

  #deliver(): void {
    while (!this.#isPaused && !this.#isGone && this.end === 'open') {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) return;
      this.#link.received(chunk);
      chunk.fill(0xa5);
    }
  }

  #ended(how: 'ended' | 'destroyed'): void {
    if (this.end !== 'open') return;
    this.end = how;
    this.#waiting.length = 0;
    this.#server.soon(() => this.leave());
  }

  #received(bytes: Uint8Array): void {
    this.bytesReceived += bytes.length;
    this.#server.outputLongest = Math.max(this.#server.outputLongest, bytes.length);
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const view = new DataView(all.buffer);
    let at = 0;
    while (all.length - at >= 4) {
      const next = at + 4 + view.getInt32(at);
      if (next < at + 4 || next > all.length) break;
      this.frames.push(new Uint8Array(all.subarray(at + 4, next)));
      at = next;
    }
    this.#rest = new Uint8Array(all.subarray(at));
    this.text = Buffer.from(this.#rest).toString('latin1');
  }
}
