// What happens to a server of a simulated world while its clients work: kills, power losses at chosen disk calls, clean
// stops, pauses, wrong clocks, broken links, failing and full disks. In: a seed and how often each may happen. Out: a
// world that does its worst until `stop`, then is healed; a server that ended is booted again. Counts are kept by the
// world. Invariant: a start that refuses, and an exit, are violations unless this disk was made to fail in that life.

import { FileError } from '../ports.ts';
import { exitCodes } from '../server/exit-codes.ts';
import type { Prng } from '../util/prng.ts';
import type { NetHost } from './sim-net.ts';
import type { ServerEnd, SimServer } from './sim-server.ts';
import type { World } from './world.ts';

export const faultKinds = [
  'kill',
  'kill at a disk call',
  'power loss',
  'power loss at a disk call',
  'clean stop',
  'pause',
  'slow turn',
  'wall clock jump',
  'link cut',
  'one-way cut',
  'host deaf',
  'disk error',
  'disk full',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface FaultSettings {
  /** Mean ms between two faults; 0: none. */
  readonly everyMs: number;
  /** Those that may happen. */
  readonly kinds: readonly FaultKind[];
  /** Chance that a boot is struck too. */
  readonly bootShare: number;
}

const callsMax = 60;

export class ServerFaults {
  /** A server that ended is booted again. */
  keepsRunning = true;
  readonly #world: World;
  readonly #server: SimServer;
  readonly #settings: FaultSettings;
  readonly #others: () => readonly NetHost[];
  readonly #chance: Prng;
  #isActive = false;
  #diskWasBad = false;
  #bootIsDue = false;
  #isBroken = false;

  /** `others`: the hosts a link may be cut to. */
  constructor(
    world: World,
    server: SimServer,
    settings: FaultSettings,
    others: () => readonly NetHost[],
  ) {
    this.#world = world;
    this.#server = server;
    this.#settings = settings;
    this.#others = others;
    this.#chance = world.fork(`faults ${server.name}`);
  }

  /** A violation ended it for good. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  start(): void {
    this.#isActive = true;
    if (this.#settings.everyMs > 0) this.#next();
  }

  /** Nothing more happens, and everything works again. */
  stop(): void {
    this.#isActive = false;
    const server = this.#server;
    server.plan = undefined;
    server.disk.capacity = Number.POSITIVE_INFINITY;
    server.resume();
    this.#world.net.healAll();
    if (server.state === 'off') this.#bootSoon();
  }

  /** For `onEnded` of the server. */
  ended(end: ServerEnd): void {
    if (!this.#isAllowed(end)) {
      this.#isBroken = true;
      return;
    }
    if (this.keepsRunning) this.#bootSoon();
  }

  #isAllowed(end: ServerEnd): boolean {
    const { name, lives } = this.#server;
    if (end.kind === 'refused') {
      const { error } = end;
      if (error instanceof FileError && this.#diskWasBad) return true;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#world.violation('PS4', `${name}, life ${lives}, does not start: ${text}`);
      return false;
    }
    if (end.kind === 'exit') {
      if (this.#diskWasBad && end.code === exitCodes.txnLogFailed) return true;
      this.#world.violation('LV3', `${name}, life ${lives}, exits with ${end.code}: ${end.reason}`);
      return false;
    }
    return true;
  }

  #bootSoon(): void {
    if (this.#bootIsDue || this.#isBroken) return;
    this.#bootIsDue = true;
    this.#world.clock.after(500 * this.#chance.fraction(), () => {
      this.#bootIsDue = false;
      const server = this.#server;
      if (server.state !== 'off') return;
      this.#diskWasBad = server.disk.capacity !== Number.POSITIVE_INFINITY;
      server.boot();
      if (this.#isActive && this.#chance.chance(this.#settings.bootShare)) this.#plan(20);
    });
  }

  #next(): void {
    const pause = -this.#settings.everyMs * Math.log(1 - this.#chance.fraction());
    this.#world.clock.after(pause, () => {
      if (!this.#isActive) return;
      this.#strike(this.#chance.pick(this.#settings.kinds));
      this.#next();
    });
  }

  #plan(callsMost: number): void {
    const chance = this.#chance;
    const kinds = this.#settings.kinds.filter((kind) => kind.endsWith('at a disk call'));
    if (kinds.length === 0) return;
    const fault = chance.pick(kinds) === 'kill at a disk call' ? 'kill' : 'power';
    this.#server.plan = { inCalls: 1 + chance.below(callsMost), fault };
  }

  #strike(kind: FaultKind): void {
    const world = this.#world;
    const server = this.#server;
    const chance = this.#chance;
    if (server.state === 'off' || server.state === 'stopping') return;
    world.count(kind);
    world.note(server.name, `fault: ${kind}`);
    const later = (ms: number, work: () => void) => world.clock.after(ms * chance.fraction(), work);
    switch (kind) {
      case 'kill':
        server.kill();
        return;
      case 'power loss':
        server.powerOff();
        return;
      case 'kill at a disk call':
      case 'power loss at a disk call':
        server.plan = {
          inCalls: 1 + chance.below(callsMax),
          fault: kind === 'kill at a disk call' ? 'kill' : 'power',
        };
        return;
      case 'clean stop':
        server.stop();
        return;
      case 'pause':
        server.pause();
        later(8000, () => server.resume());
        return;
      case 'slow turn':
        server.machine.process?.spend(2000 * chance.fraction());
        return;
      case 'wall clock jump':
        server.machine.wallAheadMs += (chance.fraction() - 0.5) * chance.pick([1000, 1e6, 1e9]);
        return;
      case 'link cut':
      case 'one-way cut':
        this.#cut(kind === 'one-way cut');
        return;
      case 'host deaf':
        server.machine.host.isDeaf = true;
        later(3000, () => {
          server.machine.host.isDeaf = false;
        });
        return;
      case 'disk error':
        this.#diskWasBad = true;
        server.plan = chance.chance(0.5)
          ? { inCalls: 1 + chance.below(callsMax), fault: 'EIO' }
          : { inCalls: 1 + chance.below(4), fault: 'EIO', at: 'datasync' };
        return;
      case 'disk full':
        this.#diskWasBad = true;
        server.disk.capacity = server.disk.used + chance.below(20_000);
        later(3000, () => {
          server.disk.capacity = Number.POSITIVE_INFINITY;
        });
        return;
    }
  }

  #cut(oneWay: boolean): void {
    const { net, clock } = this.#world;
    const here = this.#server.machine.host;
    const others = this.#others();
    if (others.length === 0) return;
    const there = this.#chance.pick(others);
    const isTowards = this.#chance.chance(0.5);
    if (!oneWay || isTowards) net.cut(there, here);
    if (!oneWay || !isTowards) net.cut(here, there);
    clock.after(4000 * this.#chance.fraction(), () => {
      net.heal(there, here);
      net.heal(here, there);
    });
  }
}
