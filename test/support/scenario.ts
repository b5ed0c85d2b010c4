// Scenarios: a server's machine played from a text. Lines at the margin are commands, the indented
// lines below each are what came of it: what was written to the log, what each client got, what was
// closed, what was said. The machine, its clock and its disk are all in here, so that a scenario
// has one outcome.
//
//   ann connects timeout=6000        ann's socket, and her connect request
//   ann create /a "x"; ann getData /a    requests of one turn of the loop
//   the disk syncs                   the batch under way is durable
//   6.5 s pass                       timers fire when they are due
//   ann is gone                      her socket closed

import type { ReplicaEffect, ReplicaEvent } from '../../src/core/effects.ts';
import { Replica } from '../../src/core/replica.ts';
import type { ReplicaOptions } from '../../src/core/replica-options.ts';
import { Connection } from '../../src/core/session/connection.ts';
import { SessionTracker } from '../../src/core/session/session-tracker.ts';
import { Database } from '../../src/core/tree/database.ts';
import { Reader } from '../../src/jute/reader.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { errorName } from '../../src/proto/errors.ts';
import { OpCode, opName } from '../../src/proto/opcodes.ts';
import { ErrorTxn, MultiTxn, TxnHeader } from '../../src/proto/txn.ts';
import { ScenarioClient } from './scenario-client.ts';
import { wordsOf } from './scenario-requests.ts';

const startWallTime = 1_700_000_000_000;
const tickTimeMs = 2000;

/** What a machine of the tests is set to unless it says otherwise. */
export const defaultOptions: ReplicaOptions = {
  extendedTypesEnabled: true,
  enforceQuota: true,
  skipAcl: false,
  closeSessionTxnEnabled: true,
  acl: { digestEnabled: true },
  txnLengthMax: 1 << 21,
  flushDelayMs: 0,
  maxBatchSize: 1000,
  minSessionTimeoutMs: 4000,
  maxSessionTimeoutMs: 40_000,
  globalOutstandingLimit: 1000,
  largeRequestThreshold: Number.POSITIVE_INFINITY,
  localSessions: false,
  localSessionsUpgrading: false,
  largeRequestMaxBytes: Number.POSITIVE_INFINITY,
  auth: {
    digestEnabled: true,
    digestAlg: 'SHA1',
    superDigest: 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=',
    hash: (algorithm, bytes) => nodeHash.digest(algorithm, bytes),
  },
  containers: { checkIntervalMs: 60_000, maxPerMinute: 10_000, maxNeverUsedMs: 300_000 },
};

export class Scenario {
  readonly #clients = new Map<string, ScenarioClient>();
  readonly #byConnection = new Map<Connection, ScenarioClient>();
  readonly #sessionNames = new Map<string, string>();
  readonly #options: ReplicaOptions;
  readonly #replica: Replica;
  readonly #lines: string[] = [];
  #now = 0;
  #isStarted = false;
  /** A batch is on its way to the disk. */
  #isSyncing = false;

  /** `settings`: numbers of the options by name, as the line `with …` gives them. */
  constructor(settings: Readonly<Record<string, number>>) {
    const { checkIntervalMs, maxPerMinute, maxNeverUsedMs, ...others } = settings;
    const containers = { ...defaultOptions.containers };
    if (checkIntervalMs !== undefined) containers.checkIntervalMs = checkIntervalMs;
    if (maxPerMinute !== undefined) containers.maxPerMinute = maxPerMinute;
    if (maxNeverUsedMs !== undefined) containers.maxNeverUsedMs = maxNeverUsedMs;
    this.#options = { ...defaultOptions, ...others, containers };
    const database = new Database({
      digestEnabled: true,
      hashSeed: 1,
      extendedTypesEnabled: true,
      emulate353TTLNodes: false,
    }).ensureSystemNodes();
    const sessions = new SessionTracker({
      tickTimeMs,
      serverId: 1,
      wallTime: startWallTime,
      now: 0,
    });
    this.#replica = new Replica(database, sessions, this.#options, 0);
  }

  /** Carries out one command line; what came of it, a line each. */
  run(command: string): string[] {
    this.#lines.length = 0;
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#step({ kind: 'started' });
    }
    const [, seconds] = /^([\d.]+) s pass$/.exec(command) ?? [];
    if (seconds !== undefined) this.#pass(Math.round(Number(seconds) * 1000));
    else {
      for (const part of command.split(/;\s+/)) this.#command(wordsOf(part));
      this.#step({ kind: 'turnEnded' });
    }
    const { digestMismatches } = this.#replica.database;
    if (digestMismatches > 0) this.#lines.push(`${digestMismatches} digests differ`);
    return this.#lines.map((line) => this.#withSessionNames(line));
  }

  #command(words: readonly string[]): void {
    const [who = '', verb = '', ...rest] = words;
    const said = words.join(' ');
    if (said === 'the disk syncs') this.#sync();
    else if (said === 'the server stops') this.#replica.stop();
    else if (said === 'show the tree') this.#showTree();
    else if (said === 'show the sessions') this.#showSessions();
    else if (verb === 'connects') this.#connect(who, rest);
    else if (said === `${who} is gone`) {
      const { connection } = this.#client(who);
      this.#step({ kind: 'disconnected', connection });
    } else if (verb === 'sends') {
      this.#receive(this.#client(who), Uint8Array.from(Buffer.from(rest.join(''), 'hex')));
    } else {
      const client = this.#client(who);
      this.#receive(client, client.request([verb, ...rest]));
    }
  }

  #sync(): void {
    if (this.#isSyncing) {
      this.#isSyncing = false;
      this.#step({ kind: 'synced' });
    } else this.#lines.push('nothing is under way');
  }

  #client(name: string): ScenarioClient {
    const client = this.#clients.get(name);
    if (client === undefined) throw new Error(`${name} has not connected`);
    return client;
  }

  /** `timeout=`, `seen=`, `password=wrong`, `old` (no read-only byte), `as=` whose session to open again. */
  #connect(name: string, words: readonly string[]): void {
    const before = this.#clients.get(name);
    const address = `10.0.0.${this.#byConnection.size + 1}`;
    const connection = new Connection(0, address, 4000, 10_000, this.#now, this.#wallTime);
    const client = new ScenarioClient(name, connection);
    const of = words.find((word) => word.startsWith('as='))?.substring(3);
    const session =
      of === undefined ? undefined : (of === name ? before : this.#client(of))?.session;
    if (of !== undefined && session === undefined) throw new Error(`${of} has no session`);
    this.#clients.set(name, client);
    this.#byConnection.set(connection, client);
    this.#step({ kind: 'connected', connection });
    if (words[0] !== 'silently') this.#receive(client, client.connectRequest(words, session));
  }

  #receive(client: ScenarioClient, payload: Uint8Array): void {
    // Amid other bytes, which are gone as soon as the step is over.
    const bytes = new Uint8Array(payload.length + 7).fill(0xee);
    bytes.set(payload, 4);
    const view = new DataView(bytes.buffer);
    const { connection } = client;
    this.#step({ kind: 'received', connection, bytes, view, start: 4, end: 4 + payload.length });
    bytes.fill(0xdd);
  }

  get #wallTime(): number {
    return startWallTime + this.#now;
  }

  /** Time goes from deadline to deadline. */
  #pass(ms: number): void {
    const end = this.#now + ms;
    while (this.#replica.deadline <= end) {
      this.#now = Math.max(this.#now, this.#replica.deadline);
      const before = this.#lines.length;
      this.#step({ kind: 'timeout' });
      this.#step({ kind: 'turnEnded' });
      if (this.#lines.length > before) this.#lines.splice(before, 0, `at ${this.#now / 1000} s`);
    }
    this.#now = end;
  }

  #step(event: ReplicaEvent): void {
    const effects = this.#replica.step(event, this.#now, this.#wallTime);
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ReplicaEffect): void {
    const say = (line: string) => this.#lines.push(line);
    switch (effect.kind) {
      case 'flush':
        for (const connection of effect.connections) this.#flush(connection);
        return;
      case 'append':
        this.#isSyncing = true;
        say(`log <- ${this.#entries(effect.batch.out.copy()).join(', ')}`);
        return;
      case 'close':
        if (effect.afterFlush) this.#flush(effect.connection);
        say(`${this.#nameOf(effect.connection)} closed: ${effect.reason}`);
        return;
      case 'pause':
        say(`${this.#nameOf(effect.connection)} paused`);
        return;
      case 'resume':
        say(`resumed: ${effect.connections.map((one) => this.#nameOf(one)).join(', ')}`);
        return;
      case 'log':
        say(`${effect.level}: ${effect.message}`);
        return;
    }
  }

  #nameOf(connection: Connection): string {
    return this.#byConnection.get(connection)?.name ?? 'somebody';
  }

  #flush(connection: Connection): void {
    const client = this.#byConnection.get(connection);
    const { out } = connection;
    for (const line of client?.replies(out.copy()) ?? []) this.#lines.push(line);
    out.clear();
    if (client?.session !== undefined) this.#nameSession(client.session.id);
  }

  /** Transactions of a batch, each as zxid, type and path. */
  #entries(bytes: Uint8Array): string[] {
    const entries: string[] = [];
    const reader = new Reader(bytes);
    while (reader.remaining > 0) {
      reader.skip(8);
      const end = reader.int() + reader.at;
      const { zxid, type, clientId } = TxnHeader.read(reader);
      if (type === OpCode.createSession) this.#nameSession(clientId);
      const what = this.#record(type, clientId, reader);
      entries.push(`0x${zxid.toString(16)} ${what}`);
      reader.at = end;
      reader.skip(1);
    }
    return entries;
  }

  #record(type: number, clientId: bigint, reader: Reader): string {
    switch (type) {
      case OpCode.error:
        return `error ${errorName(ErrorTxn.read(reader).err)}`;
      case OpCode.createSession:
      case OpCode.closeSession: {
        const name = `${opName(type)} 0x${clientId.toString(16)}`;
        if (type === OpCode.createSession) return name;
        const count = reader.int();
        const paths = Array.from({ length: count }, () => reader.ustring());
        return [name, ...paths].join(' ');
      }
      case OpCode.multi: {
        const ops = MultiTxn.read(reader).txns.map((op) =>
          this.#record(op.type, clientId, new Reader(op.data ?? new Uint8Array(0))),
        );
        return `multi [${ops.join(' | ')}]`;
      }
      default:
        return `${opName(type)} ${reader.ustring()}`;
    }
  }

  #nameSession(id: bigint): void {
    const hex = `0x${id.toString(16)}`;
    if (!this.#sessionNames.has(hex)) {
      this.#sessionNames.set(hex, `#${this.#sessionNames.size + 1}`);
    }
  }

  #withSessionNames(line: string): string {
    let named = line;
    for (const [hex, name] of this.#sessionNames) named = named.replaceAll(hex, name);
    return named;
  }

  #showTree(): void {
    const { tree } = this.#replica.database;
    const paths: string[] = [];
    for (let slot = 0; slot < tree.slotLimit; slot++) {
      if (!tree.isLive(slot) || tree.isOutsideDigest(slot) || slot === tree.root) continue;
      if (tree.pathOf(slot) === '/zookeeper') continue;
      const data = tree.dataOf(slot);
      const text = data === null ? '' : ` "${new TextDecoder().decode(data)}"`;
      const owner = tree.owner(slot);
      const kind = tree.containers.has(slot) ? ' container' : tree.ttls.has(slot) ? ' TTL' : '';
      const whose = kind === '' && owner !== 0n ? ` of 0x${owner.toString(16)}` : kind;
      paths.push(`${tree.pathOf(slot)}${text}${whose}`);
    }
    this.#lines.push(...(paths.length === 0 ? ['no nodes'] : paths.sort()));
  }

  #showSessions(): void {
    const { sessions, database } = this.#replica;
    for (const { id, timeoutMs, owner, closing } of sessions) {
      const where = owner instanceof Connection ? `on ${this.#nameOf(owner)}` : 'nowhere';
      const isStored = database.sessions.has(id) ? '' : ', not in the log yet';
      const state = closing ? ', closing' : '';
      this.#lines.push(`0x${id.toString(16)} ${timeoutMs} ms ${where}${state}${isStored}`);
    }
    if (sessions.count === 0) this.#lines.push('no sessions');
  }
}
