// One seed of an ensemble's life: its shape, a workload and faults drawn from the seed; then the faults stop, everybody
// gets an answer, sessions live on and then end, and all that was said and is in the trees is held against one history.
// In: the seed. Out: the world with its violations, counts and trace. Invariant: nothing but the seed (and the codec
// and hash that come from outside) decides anything.

import type { Prng } from '../util/prng.ts';
import type { TreeDump } from './checkers/check-history.ts';
import { checkHistory } from './checkers/check-history.ts';
import { QuorumChecker } from './checkers/check-quorum.ts';
import { checkRealTime } from './checkers/check-real-time.ts';
import { checkExpiry } from './checkers/check-sessions.ts';
import { checkSyncedReads } from './checkers/check-synced-reads.ts';
import { dumpTree } from './checkers/dump-tree.ts';
import { GhostEnsemble } from './checkers/ghost-ensemble.ts';
import type { EnsembleFaultSettings } from './ensemble-faults.ts';
import { EnsembleFaults, ensembleFaultKinds } from './ensemble-faults.ts';
import { Monitor } from './monitor.ts';
import type { EnsembleShape } from './sim-ensemble.ts';
import { SimEnsemble, servingIn } from './sim-ensemble.ts';
import type { MakeProgram, SimServer } from './sim-server.ts';
import type { ScenarioOptions, ScenarioReport } from './standalone-scenario.ts';
import { Workload } from './workload.ts';
import { World } from './world.ts';

/** Virtual time within which everything asked for must be answered once nothing fails any more. */
const settleMs = 120_000;
/** What booting and electing may take beside two synchronizations (LV1). */
const electionsMs = 10_000;
/** How often every server is looked at. */
const sampleMs = 10;

export interface EnsembleScenarioOptions extends ScenarioOptions {
  /** Servers that do something wrong, to see that it is noticed. */
  readonly program?: MakeProgram;
}

export function runEnsemble(options: EnsembleScenarioOptions): ScenarioReport {
  return new Scenario(options).run();
}

class Scenario {
  readonly #world: World;
  readonly #shape: EnsembleShape;
  readonly #ensemble: SimEnsemble;
  readonly #workload: Workload;
  readonly #faults: EnsembleFaults;
  readonly #monitor: Monitor;
  readonly #ghost: GhostEnsemble;
  readonly #dumps: TreeDump[] = [];
  /** Those that served when they were last looked at. */
  readonly #serving = new Set<SimServer>();
  readonly #sessionTimeoutMs: number;

  constructor(options: EnsembleScenarioOptions) {
    const { operations, onLine, program } = options;
    const world = new World(options);
    world.trace.onLine = onLine;
    this.#world = world;
    const chance = world.fork('settings');
    this.#shape = shapeOf(chance);
    const { tickTimeMs } = this.#shape;
    this.#sessionTimeoutMs = tickTimeMs * (4 + chance.below(12));
    this.#ensemble = new SimEnsemble(world, { ...this.#shape, program });
    this.#ghost = new GhostEnsemble(world, this.#ensemble.verifier);
    world.clock.onEvent = () => this.#ghost.look();
    const { servers, addresses } = this.#ensemble;
    this.#monitor = new Monitor(world, ...addresses);
    this.#workload = new Workload(world, {
      servers: addresses,
      clients: 1 + chance.below(6),
      operations,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      thinkMs: tickTimeMs * chance.pick([0.05, 0.3, 1, 3]),
      burstMax: chance.pick([1, 4, 20]),
      readShare: chance.pick([0.1, 0.5]),
    });
    this.#faults = new EnsembleFaults(world, this.#ensemble, faultSettings(chance, this.#shape), {
      clients: () => this.#workload.live.map(({ machine }) => machine.host),
      diskReplaced: (server) => this.#ghost.forget(server),
    });
    for (const server of servers) {
      server.onDiskCall = (call) => this.#ghost.diskCalled(server, call);
      server.onDiskSynced = (file, upTo) => this.#ghost.diskSynced(server, file, upTo);
      server.onEnded = (end) => {
        this.#ghost.sample(server);
        this.#ghost.ended(server, end);
        this.#faults.ended(server, end);
      };
    }
    const quorum = new QuorumChecker(world, this.#shape);
    const leaderServes = this.#shape.lines?.includes('leaderServes=no') !== true;
    world.onLog = (line) => {
      const sid = servers.findIndex(({ name }) => name === line.who) + 1;
      const server = servers[sid - 1];
      if (server !== undefined) {
        this.#ghost.said(server, line);
        quorum.said(sid, line.message);
        // Of whom it turned away it has heard, too.
        if (leaderServes) checkExpiry(world, server, this.#workload.clients, line);
      }
      // No fault here damages what was synced.
      if (line.message.startsWith('problem reading snap file')) {
        world.violation('PS7', `${line.who}: ${line.message}`);
      }
    };
  }

  run(): ScenarioReport {
    const world = this.#world;
    const workload = this.#workload;
    for (const server of this.#ensemble.servers) server.boot();
    this.#sample();
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
    if (!this.#settle()) return this.#report();
    this.#liveOn();
    this.#endSessions();
    checkHistory(world, {
      entries: this.#ghost.history(),
      invocations: workload.invocations,
      dumps: this.#dumps,
    });
    checkRealTime(world, workload.invocations);
    checkSyncedReads(world, workload.invocations);
    return this.#report();
  }

  #report(): ScenarioReport {
    return {
      world: this.#world,
      operations: this.#workload.invocations.length,
      lives: this.#ensemble.servers.reduce((sum, { lives }) => sum + lives, 0),
      lastZxid: this.#ghost.committed,
    };
  }

  #sample(): void {
    for (const server of this.#ensemble.servers) {
      if (this.#faults.isBroken) return;
      this.#ghost.sample(server);
      const isServing = servingIn(server) !== undefined;
      if (isServing === this.#serving.has(server)) continue;
      if (isServing) {
        this.#serving.add(server);
        this.#dump(server, 'begins to serve');
        this.#countRole(server);
      } else this.#serving.delete(server);
    }
    this.#world.clock.after(sampleMs, () => this.#sample());
  }

  #countRole(server: SimServer): void {
    const view = servingIn(server)?.view;
    if (view === undefined) return;
    this.#world.count(
      `role ${view.state}${view.syncMode === undefined ? '' : ` ${view.syncMode}`}`,
    );
  }

  /** LV1, LV4: one leader, everybody behind it, and whoever waits is answered. */
  #settle(): boolean {
    const { live } = this.#workload;
    const healedAt = this.#world.clock.now;
    const { initLimit, tickTimeMs } = this.#shape;
    const withinMs = 2 * initLimit * tickTimeMs + electionsMs;
    const isWhole = this.#expect(
      'LV1',
      'every server serves',
      () => this.#ensemble.isWhole,
      withinMs,
    );
    this.#world.note('world', 'whole after', Math.round(this.#world.clock.now - healedAt));
    if (!isWhole) return false;
    for (const client of live) client.request({ type: 'getChildren', path: '/', watch: false });
    return this.#expect('LV1', 'every client is answered', () =>
      live.every(({ isOver, state, history }) => {
        const isAnswered = history.every(({ outcome }) => outcome !== undefined);
        return isOver || (state === 'CONNECTED' && isAnswered);
      }),
    );
  }

  /** SE5: nobody's session ends while all is well. */
  #liveOn(): void {
    // The leader hears of whom its learners heard with the next ping, and a slow turn may have been before that one.
    this.#world.runFor(this.#shape.tickTimeMs * 2);
    const { live } = this.#workload;
    const epochNow = (): number | undefined =>
      this.#ensemble.leaders[0]?.ensembleServer?.view.epoch;
    const epoch = epochNow();
    this.#world.runFor(this.#sessionTimeoutMs * 3);
    for (const { name, endedAt } of live) {
      if (endedAt === undefined) continue;
      this.#world.violation('SE5', `the session of ${name} ends while all is well`);
    }
    if (!this.#ensemble.isWhole || epochNow() !== epoch) {
      this.#world.violation('LV2', `what was whole breaks without a fault: ${this.#ensemble}`);
    }
  }

  /** SE2, SE5: some say goodbye, the others are silent; in the end no session and no ephemeral is left. */
  #endSessions(): void {
    const { live } = this.#workload;
    live.forEach((client, i) => {
      if (i % 2 === 0) client.close();
      else client.kill();
    });
    const { servers } = this.#ensemble;
    this.#expect('SE2', 'every session ends', () =>
      servers.every((server) => {
        const database = servingIn(server)?.history?.database;
        return database?.sessions.size === 0 && database.tree.ephemeralCount === 0;
      }),
    );
    this.#expect('LV4', 'every server has everything', () => this.#ensemble.isLevel);
    for (const server of servers) {
      this.#ghost.sample(server);
      this.#dump(server, 'at the end');
    }
  }

  #expect(invariant: string, what: string, until: () => boolean, withinMs = settleMs): boolean {
    const world = this.#world;
    const isOver = (): boolean => this.#faults.isBroken || until();
    if (world.runUntil(isOver, withinMs)) return !this.#faults.isBroken;
    world.violation(invariant, `not within ${withinMs} ms: ${what} (${this.#ensemble})`);
    return false;
  }

  #dump(server: SimServer, why: string): void {
    const database = servingIn(server)?.history?.database;
    if (database === undefined) return;
    const { lastProcessedZxid: zxid } = database;
    const without = '/zookeeper/config';
    const lines = dumpTree(database).filter((line) => !line.startsWith(`${without} `));
    this.#dumps.push({ zxid, why: `${server.name} ${why}`, lines, without });
  }
}

function shapeOf(chance: Prng): EnsembleShape {
  const voters = chance.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 7]);
  const tickTimeMs = chance.pick([100, 500, 2000]);
  const slow = chance.pick([0, 0, 1]);
  const rates = [1, 1, 0.99, 1.01];
  const lines = [
    `preAllocSize=${chance.pick([0, 1, 4, 64])}`,
    `snapshot.compression.method=${chance.pick(['none', 'gz', 'snappy'])}`,
    `autopurge.purgeInterval=${chance.pick([0, 1])}`,
    `globalOutstandingLimit=${chance.pick([5, 1000])}`,
    `digest.enabled=${chance.chance(0.9)}`,
    `closeSessionTxn.enabled=${chance.chance(0.8)}`,
    `forceSnapshotSync=${chance.chance(0.1)}`,
  ];
  const factor = chance.pick([undefined, undefined, '0', '-1', '0.33']);
  if (factor !== undefined) lines.push(`snapshotSizeFactor=${factor}`);
  if (chance.chance(0.3)) lines.push(`txnLogSizeLimitInKb=${1 + chance.below(8)}`);
  if (chance.chance(0.2)) lines.push('dataLogDir=/data/log');
  if (chance.chance(0.2)) lines.push(...weightsOf(chance, voters));
  if (chance.chance(0.2)) lines.push('readonlymode.enabled=true');
  const observers = chance.pick([0, 0, 1, 2]);
  if (voters + observers > 1 && chance.chance(0.2)) lines.push('leaderServes=no');
  const snapCount = chance.pick([4, 20, 100]);
  return {
    voters,
    observers,
    tickTimeMs,
    initLimit: 5 + chance.below(6),
    syncLimit: 2 + chance.below(4),
    lines,
    // Not all at once.
    linesOf: (sid) => [`snapCount=${snapCount + sid}`],
    speedOf: (sid) => ({
      callbackMs: chance.pick([0.005, 0.02, 0.2]),
      lookMs: chance.pick([0.001, 0.01, sid === slow ? 1 : 0.05]),
      timerLateMs: 1,
      rate: chance.pick(rates),
    }),
    syncMsOf: () => chance.pick([0.1, 1, 20]),
  };
}

/** Weights, or groups: without a weight of its own a server counts for one. */
function weightsOf(chance: Prng, voters: number): string[] {
  const sids = Array.from({ length: voters }, (_, i) => i + 1);
  if (voters < 3) return [];
  const nobody = voters < 5 ? 0 : chance.below(voters + 1);
  const weights = sids.map((sid) => `weight.${sid}=${sid === nobody ? 0 : 1 + chance.below(2)}`);
  if (voters < 7) return [`group.1=${sids.join(':')}`, ...weights];
  return ['group.1=1:2:3', 'group.2=4:5', 'group.3=6:7', ...weights];
}

/** Swarm: each seed has some kinds of faults and not others. */
function faultSettings(
  chance: Prng,
  { tickTimeMs, syncLimit }: EnsembleShape,
): EnsembleFaultSettings {
  const rare = ['disk error', 'disk full', 'all killed', 'all powerless', 'slow link'];
  const kinds = ensembleFaultKinds.filter((kind) => {
    return chance.chance(rare.includes(kind) ? 0.2 : 0.5);
  });
  return {
    everyMs: chance.chance(0.05) ? 0 : tickTimeMs * chance.pick([0.5, 2, 6, 20]),
    noticedMs: tickTimeMs * syncLimit,
    kinds,
    leaderShare: chance.pick([0, 0.3, 0.7]),
    offMs: tickTimeMs * chance.pick([0.5, 2, 10]),
    bootShare: chance.pick([0, 0.3]),
  };
}
