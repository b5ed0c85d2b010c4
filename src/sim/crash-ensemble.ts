// All three servers of an ensemble lose power at once (PACE's correlated crashes): the production servers in a
// simulated world, killed and brought back while clients write, and at disk calls a picture of what all three disks
// might hold then. In: a seed. Out: pictures and failures. Each server must start on its disk (PS4), with epochs that
// fit (EP3, EP5); whoever any quorum of them would elect must have everything a client ever saw (PS1, LD3, CL4); and
// one zxid stands for one state, on every disk of every picture (HI3, ST1, PS3).

import type { Codec, Hash } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { epochOf, hexZxid } from '../proto/zxid.ts';
import type { Prng } from '../util/prng.ts';
import { GhostEnsemble } from './checkers/ghost-ensemble.ts';
import { PlainFiles } from './crash-files.ts';
import { CrashServer } from './crash-server.ts';
import type { MemoryFiles } from './memory-files.ts';
import { SimEnsemble } from './sim-ensemble.ts';
import type { SimServer } from './sim-server.ts';
import { VirtualClock } from './virtual-clock.ts';
import { Workload } from './workload.ts';
import { World } from './world.ts';

export interface CrashEnsembleOptions {
  readonly seed: number;
  readonly codec: Codec;
  readonly hash: Hash;
  readonly operations: number;
  /** One disk call of so many is pictured. */
  readonly every: number;
  readonly picturesMax: number;
}

export interface CrashEnsembleReport {
  pictures: number;
  readonly failures: string[];
}

interface Found {
  readonly sid: number;
  readonly zxid: Zxid;
  readonly currentEpoch: number;
}

const voters = 3;
const failuresMax = 10;
const folders = ['/data', '/data/version-2'];

export function runCrashEnsemble(options: CrashEnsembleOptions): CrashEnsembleReport {
  return new Crashes(options).run();
}

class Crashes {
  readonly #report: CrashEnsembleReport = { pictures: 0, failures: [] };
  readonly #options: CrashEnsembleOptions;
  readonly #world: World;
  readonly #chance: Prng;
  readonly #ensemble: SimEnsemble;
  readonly #ghost: GhostEnsemble;
  readonly #workload: Workload;
  readonly #states = new Map<Zxid, string>();
  #calls = 0;

  constructor(options: CrashEnsembleOptions) {
    this.#options = options;
    const { seed, codec, hash, operations } = options;
    const world = new World({ seed, codec, hash });
    const chance = world.fork('crash');
    const lines = [
      `snapCount=${chance.pick([5, 12, 40])}`,
      `preAllocSize=${chance.pick([0, 1, 4])}`,
      `forceSnapshotSync=${chance.chance(0.25)}`,
    ];
    const shape = { voters, observers: 0, tickTimeMs: 200, initLimit: 8, syncLimit: 4, lines };
    const ensemble = new SimEnsemble(world, { ...shape, syncMsOf: () => chance.pick([0.2, 2]) });
    this.#world = world;
    this.#chance = chance;
    this.#ensemble = ensemble;
    this.#ghost = new GhostEnsemble(world, ensemble.verifier);
    this.#workload = new Workload(world, {
      ...{ servers: ensemble.addresses, clients: 4, operations, sessionTimeoutMs: 2000 },
      ...{ thinkMs: 20, burstMax: 5, readShare: 0.1 },
    });
    for (const server of ensemble.servers) {
      server.onDiskCall = (call) => {
        this.#ghost.diskCalled(server, call);
        if (this.#calls++ % options.every === 0)
          this.#picture(`${server.name}: ${call.kind} ${call.path}`);
      };
      server.onDiskSynced = (file, upTo) => this.#ghost.diskSynced(server, file, upTo);
      server.onEnded = (end) => this.#ghost.ended(server, end);
    }
    world.onLog = (line) => {
      const server = ensemble.servers.find(({ name }) => name === line.who);
      if (server !== undefined) this.#ghost.said(server, line);
    };
  }

  run(): CrashEnsembleReport {
    const world = this.#world;
    for (const server of this.#ensemble.servers) server.boot();
    this.#sample();
    this.#hurt();
    this.#workload.start();
    const { picturesMax } = this.#options;
    const isOver = (): boolean =>
      this.#workload.isSpent ||
      this.#report.pictures >= picturesMax ||
      this.#report.failures.length >= failuresMax;
    if (!world.runUntil(isOver, 600_000)) this.#fails('it never comes to an end');
    for (const violation of world.violations) this.#fails(violation);
    return this.#report;
  }

  #sample(): void {
    for (const server of this.#ensemble.servers) this.#ghost.sample(server);
    this.#world.clock.after(2, () => this.#sample());
  }

  /** Now and then one is killed or loses power, the leader more often; it comes back. */
  #hurt(): void {
    const chance = this.#chance;
    const { servers, leaders } = this.#ensemble;
    this.#world.clock.after(300 + chance.below(900), () => {
      const victim = chance.chance(0.5)
        ? (leaders[0] ?? chance.pick(servers))
        : chance.pick(servers);
      if (victim.state !== 'off') {
        if (chance.chance(0.5)) victim.kill();
        else victim.powerOff();
      }
      this.#world.clock.after(50 + chance.below(800), () => {
        if (victim.state === 'off') victim.boot();
      });
      this.#hurt();
    });
  }

  /** What clients were told is committed. */
  get #seen(): Zxid {
    let seen = this.#ghost.committed;
    for (const { outcome } of this.#workload.invocations) {
      if (outcome?.kind === 'ok' && outcome.zxid > seen) seen = outcome.zxid;
    }
    return seen;
  }

  #picture(where: string): void {
    const { picturesMax } = this.#options;
    if (this.#report.pictures >= picturesMax || this.#report.failures.length >= failuresMax) return;
    const number = ++this.#report.pictures;
    const at = `picture ${number} (${where})`;
    const found: Found[] = [];
    for (const [i, server] of this.#ensemble.servers.entries()) {
      const one = this.#start(server, i + 1, at);
      if (one !== undefined) found.push(one);
    }
    if (found.length < voters) return;
    const seen = this.#seen;
    for (const without of [0, 1, 2, 3]) {
      const quorum = found.filter(({ sid }) => sid !== without);
      const elected = quorum.reduce((best, one) => (isBetter(one, best) ? one : best));
      if (seen === 0n || this.#ghost.isOn(seen, elected.zxid)) continue;
      const votes = quorum.map(({ sid, currentEpoch, zxid }) => {
        return `s${sid} ${currentEpoch} 0x${hexZxid(zxid)}`;
      });
      this.#fails(`LD3, ${at}: 0x${hexZxid(seen)} was seen, ${votes.join(', ')}`);
    }
  }

  #start(server: SimServer, sid: number, at: string): Found | undefined {
    const clock = new VirtualClock();
    const files = filesOf(server.disk.afterPowerLoss(this.#chance));
    const disk = new PlainFiles(clock, files, folders);
    const { codec } = this.#options;
    const lines = ['preAllocSize=0'];
    const started = new CrashServer(disk, clock, { codec, lines, isEnsemble: true });
    try {
      started.start();
    } catch (error) {
      this.#fails(`PS4, ${at}: s${sid} does not start: ${String(error)}`);
      return undefined;
    }
    const { database, epochs, lastZxid: zxid } = started.history;
    const { acceptedEpoch, currentEpoch } = epochs;
    if (currentEpoch > acceptedEpoch || epochOf(zxid) > acceptedEpoch) {
      this.#fails(`EP3, EP5, ${at}: s${sid} has epochs ${acceptedEpoch} and ${currentEpoch}`);
    }
    const sessions = [...database.sessions].map(([id, timeout]) => `${id}:${timeout}`).sort();
    const state = `${database.tree.digest} ${database.tree.nodeCount} ${sessions.join()}`;
    const known = this.#states.get(zxid) ?? state;
    this.#states.set(zxid, known);
    if (known !== state) this.#fails(`ST1, ${at}: s${sid} has another state at 0x${hexZxid(zxid)}`);
    return { sid, zxid, currentEpoch };
  }

  #fails(what: string): void {
    this.#report.failures.push(`seed ${this.#options.seed}, ${what}`);
  }
}

/** The order of votes: totalOrderPredicate. */
function isBetter(one: Found, other: Found): boolean {
  if (one.currentEpoch !== other.currentEpoch) return one.currentEpoch > other.currentEpoch;
  if (one.zxid !== other.zxid) return one.zxid > other.zxid;
  return one.sid > other.sid;
}

function filesOf(disk: MemoryFiles): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const folder of folders) {
    if (disk.status(folder) === undefined) continue;
    for (const name of disk.list(folder)) {
      const bytes = disk.contents(`${folder}/${name}`);
      if (bytes !== undefined) files.set(`${folder}/${name}`, bytes);
    }
  }
  return files;
}
