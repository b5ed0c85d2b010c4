// Runs long work a few ms at a time, so that the loop hears everybody in between. In: a generator that yields where it
// may rest, and how long it may go on at once. Out: its result or what it threw, never inside the call. Invariant:
// after `cancel` nothing of it runs any more, but what it holds open is closed.

import type { Clock } from '../ports.ts';

export interface SliceOptions<Step, Result> {
  readonly sliceMs: number;
  /** Told of each step. */
  readonly stepped?: (step: Step, now: number) => void;
  readonly done: (result: Result) => void;
  readonly failed: (error: unknown) => void;
}

export class Slices<Step, Result> {
  readonly #clock: Clock;
  readonly #steps: Generator<Step, Result>;
  readonly #options: SliceOptions<Step, Result>;
  #isCancelled = false;

  constructor(clock: Clock, steps: Generator<Step, Result>, options: SliceOptions<Step, Result>) {
    this.#clock = clock;
    this.#steps = steps;
    this.#options = options;
    this.#later();
  }

  cancel(): void {
    this.#isCancelled = true;
    // What never began holds nothing; what began runs its `finally`.
    this.#steps.return(undefined as never);
  }

  #later(): void {
    this.#clock.endOfTurn(() => {
      if (!this.#isCancelled) this.#slice();
    });
  }

  #slice(): void {
    const clock = this.#clock;
    const { sliceMs, stepped, done, failed } = this.#options;
    const until = clock.now() + sliceMs;
    let result: Result;
    try {
      for (;;) {
        const step = this.#steps.next();
        if (step.done === true) {
          result = step.value;
          break;
        }
        const now = clock.now();
        stepped?.(step.value, now);
        if (now < until) continue;
        this.#later();
        return;
      }
    } catch (error) {
      failed(error);
      return;
    }
    done(result);
  }
}
