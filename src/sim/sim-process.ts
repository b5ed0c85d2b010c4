// One process of a simulated world: an event loop as Node's, and the Clock port as seen from inside. In: what the
// kernel has ready for it (`post`), its own timers. Out: callbacks, a turn at a time: due timers, then all the input
// that waits, then what was asked for at the end of the turn. Its time goes by while it works, so that a long job can
// see that it is long; what arrives meanwhile waits for the next turn.
//
// Invariants: a turn ends only when the input that was ready at its beginning is handled; a timer never fires early;
// a process that is dead or paused runs nothing. The clock may run fast or slow against the world's, and the wall
// clock may jump: `now` never goes back.

import type { Clock, Timer } from '../ports.ts';
import { Deque } from '../util/deque.ts';
import type { Prng } from '../util/prng.ts';
import type { SimClock } from './sim-clock.ts';

export interface ProcessSpeed {
  /** What a callback costs, in ms. */
  readonly callbackMs: number;
  /** What a look at the clock costs: jobs that are cut into slices look often. */
  readonly lookMs: number;
  /** Timers come up to this late. */
  readonly timerLateMs: number;
  /** Ticks of its clock for each of the world's. */
  readonly rate: number;
}

export const usualSpeed: ProcessSpeed = {
  callbackMs: 0.01,
  lookMs: 0.002,
  timerLateMs: 1,
  rate: 1,
};

interface DueTimer {
  callback: (() => void) | undefined;
}

export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  /** What was thrown out of a callback: the process is dead. */
  onThrown: ((error: unknown) => void) | undefined;
  readonly #world: SimClock;
  readonly #chance: Prng;
  readonly #speed: ProcessSpeed;
  readonly #wallTime: (now: number) => number;
  readonly #startedAt: number;
  #state: 'running' | 'paused' | 'dead' = 'running';
  #timers: DueTimer[] = [];
  readonly #input = new Deque<() => void>();
  #endOfTurn: (() => void)[] = [];
  #isTurnDue = false;
  #isInTurn = false;
  /** How far this turn's work has brought its time ahead of the world's. */
  #spent = 0;
  #busyUntil = 0;

  /** `wallTime`: Unix time at a time of the world. */
  constructor(
    name: string,
    world: SimClock,
    chance: Prng,
    speed: ProcessSpeed,
    wallTime: (now: number) => number,
  ) {
    this.name = name;
    this.#world = world;
    this.#chance = chance;
    this.#speed = speed;
    this.#wallTime = wallTime;
    this.#startedAt = world.now;
    this.clock = {
      now: () => this.#look(),
      wallTime: () => Math.floor(wallTime(this.time)),
      schedule: (delayMs, callback) => this.#schedule(delayMs, callback),
      endOfTurn: (callback) => {
        this.#endOfTurn.push(callback);
        this.#turnSoon();
      },
    };
  }

  get isAlive(): boolean {
    return this.#state !== 'dead';
  }

  /** The world's time as far as this process has come: what it does happens now. */
  get time(): number {
    return Math.max(this.#world.now, this.#busyUntil) + this.#spent;
  }

  get wallTime(): number {
    return Math.floor(this.#wallTime(this.#world.now));
  }

  /** The kernel has something for it: `callback` runs in the next turn. */
  post(callback: () => void): void {
    if (this.#state === 'dead') return;
    this.#input.push(callback);
    this.#turnSoon();
  }

  /** As SIGSTOP: nothing runs until `resume`; the world goes on. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    this.#turnSoon();
  }

  /** As SIGKILL, between two callbacks or in the middle of one, which must then be left by an exception. */
  kill(): void {
    this.#state = 'dead';
    this.#timers = [];
    this.#input.clear();
    this.#endOfTurn = [];
  }

  /** It does nothing else for so long: a collection of garbage, a slow call. */
  spend(ms: number): void {
    if (this.#isInTurn) this.#spent += ms;
    else this.#busyUntil = Math.max(this.#busyUntil, this.#world.now + ms);
  }

  #look(): number {
    if (this.#isInTurn) this.#spent += this.#speed.lookMs;
    return (this.time - this.#startedAt) * this.#speed.rate;
  }

  #schedule(delayMs: number, callback: () => void): Timer {
    const timer: DueTimer = { callback };
    const late = this.#speed.timerLateMs * this.#chance.fraction();
    // Node's shortest timer is a millisecond.
    const delay = Math.max(1, delayMs) / this.#speed.rate;
    const due = this.#world.at(this.time + delay + late, () => {
      if (this.#state === 'dead') return;
      this.#timers.push(timer);
      this.#turnSoon();
    });
    return {
      cancel: () => {
        timer.callback = undefined;
        due.cancelled = true;
      },
    };
  }

  #turnSoon(): void {
    if (this.#isTurnDue || this.#isInTurn || this.#state !== 'running') return;
    this.#isTurnDue = true;
    this.#world.at(this.#busyUntil, () => this.#turn());
  }

  #turn(): void {
    this.#isTurnDue = false;
    if (this.#state !== 'running') return;
    if (this.#busyUntil > this.#world.now) {
      this.#turnSoon();
      return;
    }
    this.#isInTurn = true;
    this.#spent = 0;
    try {
      this.#runAll();
    } catch (error) {
      this.kill();
      if (this.onThrown === undefined) throw error;
      this.onThrown(error);
    } finally {
      this.#isInTurn = false;
      this.#busyUntil = this.#world.now + this.#spent;
      this.#spent = 0;
    }
    const isMore = this.#timers.length + this.#input.length + this.#endOfTurn.length > 0;
    if (isMore) this.#turnSoon();
  }

  #runAll(): void {
    if (this.#timers.length > 0) {
      const timers = this.#timers;
      this.#timers = [];
      for (const { callback } of timers) if (callback !== undefined) this.#run(callback);
    }
    for (let count = this.#input.length; count > 0 && this.#state === 'running'; count--) {
      const callback = this.#input.shift();
      if (callback !== undefined) this.#run(callback);
    }
    if (this.#endOfTurn.length > 0) {
      const callbacks = this.#endOfTurn;
      this.#endOfTurn = [];
      for (const callback of callbacks) this.#run(callback);
    }
  }

  #run(callback: () => void): void {
    if (this.#state !== 'running') return;
    this.#world.events++;
    this.#spent += this.#speed.callbackMs;
    callback();
  }
}
