// What happens to the servers of a simulated ensemble while clients work: what server-faults.ts does to one of them,
// and what takes several: all powerless at once, a disk replaced, one restarted after the other. In: a seed
// and how often each may happen. Out: a world that does its worst until `stop`, then is healed. Counts are kept by the
// world.
//
// Invariants: a disk is replaced only while every other voter has what it had, promises and history, since a quorum's
// memory is what the ensemble stands on; a start that refuses, and an exit, are violations unless the disk was made to
// fail in that life.

import { FileError } from '../ports.ts';
import { exitCodes } from '../server/exit-codes.ts';
import type { Prng } from '../util/prng.ts';
import type { LinkFaultKind } from './link-faults.ts';
import { isLinkFault, LinkFaults, linkFaultKinds } from './link-faults.ts';
import type { Due } from './sim-clock.ts';
import type { SimEnsemble } from './sim-ensemble.ts';
import { servingIn } from './sim-ensemble.ts';
import type { NetHost } from './sim-net.ts';
import type { ServerEnd, SimServer } from './sim-server.ts';
import { defaultSyncMs } from './sim-server.ts';
import type { World } from './world.ts';

export const ensembleFaultKinds = [
  'kill',
  'kill at a disk call',
  'power loss',
  'power loss at a disk call',
  'clean stop',
  'pause',
  'slow turn',
  'wall clock jump',
  ...linkFaultKinds,
  'slow disk',
  'disk error',
  'disk full',
  'disk replaced',
  'all killed',
  'all powerless',
  'quorum powerless',
  'rolling restart',
] as const;
export type EnsembleFaultKind = (typeof ensembleFaultKinds)[number];
type ServerFaultKind = Exclude<EnsembleFaultKind, LinkFaultKind>;

export interface EnsembleFaultSettings {
  /** Mean ms between two faults; 0: none. */
  readonly everyMs: number;
  /** After so much silence servers give each other up. */
  readonly noticedMs: number;
  readonly kinds: readonly EnsembleFaultKind[];
  /** Share of faults that strike whoever leads. */
  readonly leaderShare: number;
  /** Mean ms a server that ended stays off. */
  readonly offMs: number;
  /** Chance that a boot is struck too. */
  readonly bootShare: number;
}

export interface EnsembleFaultHooks {
  /** Hosts of clients, for links to cut. */
  readonly clients: () => readonly NetHost[];
  readonly diskReplaced: (server: SimServer) => void;
}

const callsMax = 60;

export class EnsembleFaults {
  readonly #world: World;
  readonly #ensemble: SimEnsemble;
  readonly #settings: EnsembleFaultSettings;
  readonly #hooks: EnsembleFaultHooks;
  readonly #chance: Prng;
  readonly #links: LinkFaults;
  /** Servers whose disk failed in this life. */
  readonly #badDisks = new Set<SimServer>();
  readonly #boots = new Map<SimServer, Due>();
  #isActive = false;
  #isBroken = false;
  /** A replaced disk is not filled again yet. */
  #isRefilling: SimServer | undefined;

  constructor(
    world: World,
    ensemble: SimEnsemble,
    settings: EnsembleFaultSettings,
    hooks: EnsembleFaultHooks,
  ) {
    this.#world = world;
    this.#ensemble = ensemble;
    this.#settings = settings;
    this.#hooks = hooks;
    this.#chance = world.fork('faults');
    const { noticedMs } = settings;
    this.#links = new LinkFaults(world, ensemble, 4 * noticedMs, hooks.clients);
  }

  /** A violation ended it for good. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  start(): void {
    this.#isActive = true;
    if (this.#settings.everyMs > 0 && this.#settings.kinds.length > 0) this.#next();
  }

  /** Nothing more happens, and everything works again. */
  stop(): void {
    this.#isActive = false;
    for (const server of this.#ensemble.servers) {
      server.plan = undefined;
      server.disk.capacity = Number.POSITIVE_INFINITY;
      server.syncMs = usualSyncMs(server);
      server.resume();
      if (server.state === 'off') this.#bootWithin(server, 500);
    }
    this.#links.heal();
  }

  /** For `onEnded` of each server. */
  ended(server: SimServer, end: ServerEnd): void {
    if (!this.#isAllowed(server, end)) this.#isBroken = true;
    else this.#bootWithin(server, this.#isActive ? 2 * this.#settings.offMs : 500);
  }

  #isAllowed(server: SimServer, end: ServerEnd): boolean {
    const { name, lives } = server;
    const wasBad = this.#badDisks.has(server);
    if (end.kind === 'refused') {
      const { error } = end;
      if (error instanceof FileError && wasBad) return true;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#world.violation('PS4', `${name}, life ${lives}, does not start: ${text}`);
      return false;
    }
    if (end.kind === 'exit') {
      if (wasBad && end.code === exitCodes.txnLogFailed) return true;
      this.#world.violation('LV3', `${name}, life ${lives}, exits with ${end.code}: ${end.reason}`);
      return false;
    }
    return true;
  }

  /** Whatever was planned for it before. */
  #bootWithin(server: SimServer, ms: number): void {
    const planned = this.#boots.get(server);
    if (planned !== undefined) planned.cancelled = true;
    const boot = this.#world.clock.after(ms * this.#chance.fraction(), () => {
      if (server.state !== 'off') return;
      if (server.disk.capacity === Number.POSITIVE_INFINITY) this.#badDisks.delete(server);
      server.boot();
      if (this.#isActive && this.#chance.chance(this.#settings.bootShare)) this.#plan(server, 20);
    });
    this.#boots.set(server, boot);
  }

  #next(): void {
    const pause = -this.#settings.everyMs * Math.log(1 - this.#chance.fraction());
    this.#world.clock.after(pause, () => {
      if (!this.#isActive) return;
      this.#strike(this.#chance.pick(this.#settings.kinds), this.#victim());
      this.#next();
    });
  }

  #victim(): SimServer {
    const { servers, leaders } = this.#ensemble;
    if (leaders.length > 0 && this.#chance.chance(this.#settings.leaderShare)) {
      return this.#chance.pick(leaders);
    }
    return this.#chance.pick(servers);
  }

  #plan(server: SimServer, callsMost: number): void {
    const chance = this.#chance;
    const kinds = this.#settings.kinds.filter((kind) => kind.endsWith('at a disk call'));
    if (kinds.length === 0) return;
    const fault = chance.pick(kinds) === 'kill at a disk call' ? 'kill' : 'power';
    server.plan = { inCalls: 1 + chance.below(callsMost), fault };
  }

  /** The longest a fault lasts that goes away by itself: mostly others have drawn their conclusions. */
  get #lastingMs(): number {
    return 4 * this.#settings.noticedMs;
  }

  #later(ms: number, work: () => void): void {
    this.#world.clock.after(ms * this.#chance.fraction(), work);
  }

  #strike(kind: EnsembleFaultKind, server: SimServer): void {
    const { servers } = this.#ensemble;
    const isDown = server.state === 'off' || server.state === 'stopping';
    const isCommon = /^(?:all|quorum|partition|slow link)/.test(kind);
    if (isDown && !isCommon) return;
    this.#world.count(kind);
    this.#world.note(server.name, `fault: ${kind}`);
    if (isLinkFault(kind)) {
      this.#links.strike(kind, server);
      return;
    }
    switch (kind) {
      case 'all killed':
        for (const one of servers) if (one.state !== 'off') one.kill();
        return;
      case 'all powerless':
        for (const one of servers) if (one.state !== 'off') one.powerOff();
        return;
      case 'quorum powerless':
        this.#strikeQuorum();
        return;
      case 'rolling restart':
        servers.forEach((one, i) => {
          this.#later(i * this.#lastingMs, () => {
            if (this.#isActive) one.stop();
          });
        });
        return;
      case 'slow disk':
      case 'disk error':
      case 'disk full':
      case 'disk replaced':
        this.#strikeDisk(kind, server);
        return;
      default:
        this.#strikeProcess(kind, server);
    }
  }

  /** What a quorum has on disk is all there is: the others end too, and come back late. */
  #strikeQuorum(): void {
    const { voting } = this.#ensemble;
    const count = Math.floor(voting.length / 2) + 1;
    const quorum = new Set(this.#chance.shuffle([...voting]).filter((_, i) => i < count));
    for (const server of voting) {
      if (quorum.has(server)) {
        if (server.state !== 'off') server.powerOff();
        continue;
      }
      if (server.state !== 'off') server.kill();
      this.#bootWithin(server, 20 * this.#settings.offMs);
    }
  }

  #strikeProcess(kind: ServerFaultKind, server: SimServer): void {
    const chance = this.#chance;
    switch (kind) {
      case 'kill':
        server.kill();
        return;
      case 'power loss':
        server.powerOff();
        return;
      case 'kill at a disk call':
      case 'power loss at a disk call': {
        const fault = kind === 'kill at a disk call' ? 'kill' : 'power';
        server.plan = { inCalls: 1 + chance.below(callsMax), fault };
        return;
      }
      case 'clean stop':
        server.stop();
        return;
      case 'pause':
        server.pause();
        this.#later(this.#lastingMs, () => server.resume());
        return;
      case 'slow turn':
        server.machine.process?.spend(this.#settings.noticedMs * chance.fraction());
        return;
      case 'wall clock jump':
        server.machine.wallAheadMs += (chance.fraction() - 0.5) * chance.pick([1000, 1e6, 1e9]);
        return;
    }
  }

  #strikeDisk(kind: ServerFaultKind, server: SimServer): void {
    const chance = this.#chance;
    switch (kind) {
      case 'slow disk': {
        server.syncMs = chance.pick([20, 200, 1000]);
        this.#later(this.#lastingMs, () => {
          server.syncMs = usualSyncMs(server);
        });
        return;
      }
      case 'disk error':
        this.#badDisks.add(server);
        server.plan = chance.chance(0.5)
          ? { inCalls: 1 + chance.below(callsMax), fault: 'EIO' }
          : { inCalls: 1 + chance.below(4), fault: 'EIO', at: 'datasync' };
        return;
      case 'disk full':
        this.#badDisks.add(server);
        server.disk.capacity = server.disk.used + chance.below(20_000);
        this.#later(this.#lastingMs, () => {
          server.disk.capacity = Number.POSITIVE_INFINITY;
        });
        return;
      default:
        this.#replaceDisk(server);
    }
  }

  #replaceDisk(server: SimServer): void {
    if (this.#isRefilling !== undefined && servingIn(this.#isRefilling) === undefined) return;
    this.#isRefilling = undefined;
    if (!this.#isDispensable(server)) return;
    this.#world.count('disk really replaced');
    server.kill();
    server.replaceDisk();
    this.#isRefilling = server;
    this.#hooks.diskReplaced(server);
  }

  /** Every other voter serves, has promised as much, and has all that this one ever logged. */
  #isDispensable(server: SimServer): boolean {
    if (!this.#ensemble.voting.includes(server)) return true;
    const own = server.ensembleServer?.history;
    if (own === undefined || this.#ensemble.voters < 3) return false;
    return this.#ensemble.voting.every((other) => {
      if (other === server) return true;
      const history = servingIn(other)?.history;
      if (history === undefined || !own.isIdle) return false;
      const { lastZxid } = own.txnLog;
      const { acceptedEpoch, currentEpoch } = own.epochs;
      const { epochs } = history;
      return (
        epochs.acceptedEpoch >= acceptedEpoch &&
        epochs.currentEpoch >= currentEpoch &&
        history.lastZxid >= lastZxid
      );
    });
  }
}

function usualSyncMs({ settings }: SimServer): number {
  return settings.syncMs ?? defaultSyncMs;
}
