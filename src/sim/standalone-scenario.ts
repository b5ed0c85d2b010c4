// One seed of a lone server's life: a configuration, a workload and faults drawn from the seed; then the faults stop,
// everybody gets an answer, sessions end, and all that was said and is on the disk is held against one history. In: the
// seed. Out: the world with its violations, counts and trace. Invariant: nothing but the seed (and the codec and hash
// that come from outside) decides anything.

import { hexZxid } from '../proto/zxid.ts';
import { snapshotFiles } from '../storage/file-names.ts';
import type { Prng } from '../util/prng.ts';
import { DurabilityChecker } from './checkers/check-durable.ts';
import type { TreeDump } from './checkers/check-history.ts';
import { checkHistory } from './checkers/check-history.ts';
import { checkPurge } from './checkers/check-purge.ts';
import { checkExpiry } from './checkers/check-sessions.ts';
import { dumpTree } from './checkers/dump-tree.ts';
import { GhostLog } from './checkers/ghost-log.ts';
import { Monitor } from './monitor.ts';
import type { FaultSettings } from './server-faults.ts';
import { faultKinds, ServerFaults } from './server-faults.ts';
import type { ServerEnd } from './sim-server.ts';
import { SimServer } from './sim-server.ts';
import { Workload } from './workload.ts';
import type { WorldOptions } from './world.ts';
import { World } from './world.ts';

export interface ScenarioOptions extends Pick<WorldOptions, 'seed' | 'codec' | 'hash'> {
  readonly operations: number;
  /** Told of each line of the trace as it happens. */
  readonly onLine?: (line: string) => void;
}

export interface ScenarioReport {
  readonly world: World;
  readonly operations: number;
  readonly lives: number;
  readonly lastZxid: bigint;
}

const clientPort = 2181;
const snapshots = '/data/version-2';
/** Virtual time within which everything asked for must be answered once nothing fails any more. */
const settleMs = 120_000;

export function runStandalone(options: ScenarioOptions): ScenarioReport {
  return new Scenario(options).run();
}

class Scenario {
  readonly #world: World;
  readonly #server: SimServer;
  readonly #workload: Workload;
  readonly #faults: ServerFaults;
  readonly #monitor: Monitor;
  readonly #ghost: GhostLog;
  readonly #durability: DurabilityChecker;
  readonly #dumps: TreeDump[] = [];
  readonly #sessionTimeoutMs: number;

  constructor(options: ScenarioOptions) {
    const { operations, onLine } = options;
    const world = new World(options);
    world.trace.onLine = onLine;
    this.#world = world;
    const chance = world.fork('settings');
    const tickTimeMs = chance.pick([100, 500, 2000]);
    this.#sessionTimeoutMs = tickTimeMs * (4 + chance.below(8));
    const forceSync = chance.chance(0.95);
    this.#server = new SimServer(world, 's1', {
      config: configText(chance, tickTimeMs, forceSync),
      syncMs: chance.pick([0.1, 1, 20, 150]),
      speed: {
        callbackMs: chance.pick([0.005, 0.02, 0.2]),
        lookMs: chance.pick([0.001, 0.01, 1]),
        timerLateMs: 1,
        rate: chance.pick([1, 0.99, 1.01]),
      },
    });
    const address = { host: 's1', port: clientPort };
    this.#monitor = new Monitor(world, address);
    const durability = new DurabilityChecker(world);
    this.#durability = durability;
    this.#workload = new Workload(world, {
      servers: [address],
      clients: 1 + chance.below(6),
      operations,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      thinkMs: chance.pick([5, 50, 200]),
      burstMax: chance.pick([1, 5, 30]),
      readShare: chance.pick([0.1, 0.5]),
      ended: (invocation) => {
        if (forceSync) durability.answered(invocation);
      },
    });
    this.#ghost = new GhostLog(world, 's1');
    this.#faults = new ServerFaults(world, this.#server, faultSettings(chance, forceSync), () =>
      this.#workload.live.map(({ machine }) => machine.host),
    );
    this.#server.onDiskCall = (call) => {
      this.#ghost.diskCalled(call);
      durability.diskCalled(call);
      checkPurge(world, call, snapshots, (path) => this.#server.disk.list(path));
    };
    this.#server.onServing = () => this.#serving();
    this.#server.onDiskSynced = (file, upTo) => durability.diskSynced(file, upTo);
    this.#server.onEnded = (end) => {
      if (end.kind === 'power lost') durability.lost();
      this.#ended(end);
    };
    world.onLog = (line) => {
      checkExpiry(world, this.#server, this.#workload.clients, line);
      // No fault here damages what was synced.
      if (line.message.startsWith('problem reading snap file')) {
        world.violation('PS7', `${line.who}: ${line.message}`);
      }
    };
  }

  run(): ScenarioReport {
    const world = this.#world;
    const workload = this.#workload;
    this.#server.boot();
    workload.start();
    this.#monitor.start(500);
    this.#faults.start();
    const isOver = (): boolean => workload.isSpent || this.#faults.isBroken;
    if (!world.runUntil(isOver, 3_600_000)) {
      world.violation('LV3', 'the workload does not come to its end');
    }
    if (this.#faults.isBroken) return this.#report();
    this.#faults.stop();
    this.#monitor.stop();
    for (const { machine } of workload.live) machine.process?.resume();
    this.#settle();
    this.#endSessions();
    this.#restart();
    checkHistory(world, {
      entries: this.#ghost.entries,
      invocations: workload.invocations,
      dumps: this.#dumps,
    });
    return this.#report();
  }

  #report(): ScenarioReport {
    return {
      world: this.#world,
      operations: this.#workload.invocations.length,
      lives: this.#server.lives,
      lastZxid: this.#ghost.lastZxid,
    };
  }

  /** LV: whoever waits is answered, and a last look at the state by each. */
  #settle(): void {
    const { live } = this.#workload;
    for (const client of live) client.request({ type: 'getChildren', path: '/', watch: false });
    this.#expect('LV1', 'every client is answered', () =>
      live.every(
        (client) => client.isOver || client.history.every(({ outcome }) => outcome !== undefined),
      ),
    );
  }

  /** SE2, SE5: some say goodbye, the others are silent; in the end no session and no ephemeral is left. */
  #endSessions(): void {
    const { live } = this.#workload;
    live.forEach((client, i) => {
      if (i % 2 === 0) client.close();
      else client.kill();
    });
    this.#expect('SE2', 'every session ends', () => {
      const database = this.#server.parts?.replica?.database;
      return database?.sessions.size === 0 && database.tree.ephemeralCount === 0;
    });
    this.#dump('at the end');
  }

  /** A clean stop, and a start that finds it all. */
  #restart(): void {
    this.#faults.keepsRunning = false;
    this.#server.stop();
    this.#expect('LV3', 'the server stops', () => this.#server.state === 'off');
    this.#server.boot();
    this.#expect('PS4', 'the server starts again', () => this.#server.state === 'serving');
    this.#server.stop();
    this.#expect('LV3', 'the server stops again', () => this.#server.state === 'off');
  }

  #expect(invariant: string, what: string, until: () => boolean): void {
    if (this.#world.runUntil(until, settleMs)) return;
    this.#world.violation(invariant, `not within ${settleMs} ms: ${what}`);
  }

  #serving(): void {
    const database = this.#server.parts?.replica?.database;
    if (database === undefined) return;
    // Of the state as it was recovered: the first thing it does then may be to end sessions.
    this.#ghost.recovered(database.lastProcessedZxid);
    const [snapshot] = snapshotFiles(this.#server.disk.list(snapshots));
    this.#durability.recovered(database.lastProcessedZxid, snapshot?.zxid ?? 0n);
    this.#dump(`start ${this.#server.lives}`);
  }

  #ended(end: ServerEnd): void {
    const database = this.#server.parts?.replica?.database;
    if (database !== undefined) {
      this.#ghost.ended(database.lastProcessedZxid);
      const bad = database.lastDigestMismatch;
      if (bad !== undefined)
        this.#world.violation('ST1', `digest differs at 0x${hexZxid(bad.zxid)}`);
    }
    this.#faults.ended(end);
  }

  #dump(why: string): void {
    const database = this.#server.parts?.replica?.database;
    if (database === undefined) return;
    const { lastProcessedZxid: zxid } = database;
    this.#dumps.push({ zxid, why, lines: dumpTree(database) });
  }
}

function configText(chance: Prng, tickTimeMs: number, forceSync: boolean): string {
  const lines = [
    'dataDir=/data',
    `clientPort=${clientPort}`,
    '4lw.commands.whitelist=*',
    `tickTime=${tickTimeMs}`,
    `snapCount=${chance.pick([4, 20, 100])}`,
    `preAllocSize=${chance.pick([0, 1, 4, 64])}`,
    `snapshot.compression.method=${chance.pick(['none', 'gz', 'snappy'])}`,
    `forceSync=${forceSync ? 'yes' : 'no'}`,
    `autopurge.purgeInterval=${chance.pick([0, 1])}`,
    `globalOutstandingLimit=${chance.pick([5, 1000])}`,
    `digest.enabled=${chance.chance(0.9)}`,
    `closeSessionTxn.enabled=${chance.chance(0.8)}`,
  ];
  if (chance.chance(0.3)) lines.push(`txnLogSizeLimitInKb=${1 + chance.below(8)}`);
  if (chance.chance(0.3)) lines.push(`snapSizeLimitInKb=${1 + chance.below(8)}`);
  if (chance.chance(0.2)) lines.push('dataLogDir=/data/log');
  return lines.join('\n');
}

/** Swarm: each seed has some kinds of faults and not others. */
function faultSettings(chance: Prng, forceSync: boolean): FaultSettings {
  const kinds = faultKinds.filter((kind) => {
    if (!forceSync && kind.startsWith('power')) return false;
    return chance.chance(kind.startsWith('disk') ? 0.2 : 0.6);
  });
  return {
    everyMs: kinds.length === 0 ? 0 : chance.pick([200, 1000, 5000]),
    kinds,
    bootShare: chance.pick([0, 0.5]),
  };
}
