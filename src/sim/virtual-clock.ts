// A Clock that stands still until it is told to run: callbacks in the order of their times, equal times in the order
// they were asked for. In: nothing from outside. Out: the same order in every run. Invariant: no callback runs
// inside the call that scheduled it; time never goes back.

import type { Clock, Timer } from '../ports.ts';
import { Heap } from '../util/heap.ts';

interface Due {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  readonly #wallStart: number;
  readonly #due = new Heap<Due>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  #now = 0;
  #order = 0;

  constructor(wallStart = 1_700_000_000_000) {
    this.#wallStart = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return Math.floor(this.#wallStart + this.#now);
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const due: Due = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#due.push(due);
    return {
      cancel: () => {
        due.callback = undefined;
      },
    };
  }

  endOfTurn(callback: () => void): void {
    this.schedule(0, callback);
  }

  /** Time goes by with nothing happening: what a slow call costs. */
  pass(ms: number): void {
    this.#now += ms;
  }

  /** Runs the next callback; false when none waits. */
  step(): boolean {
    for (let due = this.#due.pop(); due !== undefined; due = this.#due.pop()) {
      if (due.callback === undefined) continue;
      this.#now = Math.max(this.#now, due.at);
      due.callback();
      return true;
    }
    return false;
  }

  /** Runs until nothing waits, or `until` says so. Throws after `stepsMax` callbacks: something runs for ever. */
  run(until: () => boolean = () => false, stepsMax = 1_000_000): void {
    for (let steps = 0; !until() && this.step(); steps++) {
      if (steps === stepsMax) throw new Error(`still busy after ${stepsMax} callbacks`);
    }
  }
}
