// A computer of a simulated world: a place on the network, a wall clock that may be wrong, and at most one process that
// matters. In: start, kill, power off, pause. Out: processes whose kernel keeps its promises: connections of a dead one
// are closed, those of a machine without power just end.

import type { Clock, Random } from '../ports.ts';
import type { Prng } from '../util/prng.ts';
import type { NetHost } from './sim-net.ts';
import type { ProcessSpeed } from './sim-process.ts';
import { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

export class Machine {
  readonly name: string;
  readonly world: World;
  readonly host: NetHost;
  readonly chance: Prng;
  process: SimProcess | undefined;
  /** How far its wall clock is ahead. */
  wallAheadMs = 0;

  constructor(world: World, name: string) {
    this.name = name;
    this.world = world;
    this.host = world.net.addHost(name);
    this.chance = world.fork(`machine ${name}`);
  }

  start(speed: ProcessSpeed): SimProcess {
    const { clock, net, wallStart } = this.world;
    if (!this.host.isUp) net.powerOn(this.host);
    const wallTime = (now: number): number => wallStart + now + this.wallAheadMs;
    const process = new SimProcess(this.name, clock, this.chance, speed, wallTime);
    this.process = process;
    return process;
  }

  /** The process ends, killed or by itself; the kernel closes what it had open. */
  end(): void {
    const { process } = this;
    if (process === undefined) return;
    this.process = undefined;
    process.kill();
    this.host.processDied(process);
  }

  powerOff(): void {
    this.process?.kill();
    this.process = undefined;
    this.host.powerOff();
  }

  /** A clock for the kernel's own work: what it has done reaches the process, if that still lives, as input. */
  get kernelClock(): Clock {
    const { clock } = this.world;
    const later = (delayMs: number, callback: () => void): void => {
      const { process } = this;
      const from = process?.time ?? clock.now;
      clock.at(from + delayMs, () => {
        if (process?.isAlive === true) process.post(callback);
      });
    };
    return {
      now: () => clock.now,
      wallTime: () => this.world.wallStart + clock.now,
      schedule: (delayMs, callback) => {
        later(delayMs, callback);
        return { cancel: () => undefined };
      },
      endOfTurn: (callback) => later(0, callback),
    };
  }
}

/** The Random port from a seed. */
export function randomOf(chance: Prng): Random {
  return {
    next: () => chance.fraction(),
    below: (below) => chance.below(below),
    bytes: (length) => chance.bytes(length),
  };
}
