// Runs long work a few ms at a time, so that the loop hears everybody in between. In: a generator that yields where it
// may rest, and how long it may go on at once. Out: its result or what it threw, never inside the call. Invariant:
// after `cancel` nothing of it runs any more, but what it holds open is closed.
//
// A SliceGroup is all the work of one owner, to be cancelled at once.

import type { Clock } from '../ports.ts';

export interface SliceOptions<Step, Result> {
  readonly sliceMs: number;
  /** Told of each step. */
  readonly stepped?: (step: Step, now: number) => void;
  readonly done: (result: Result) => void;
  readonly failed: (error: unknown) => void;
}

class Slices<Step, Result> {
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

export class SliceGroup {
  readonly #clock: Clock;
  readonly #running = new Set<{ cancel(): void }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  run<Step, Result>(
    steps: Generator<Step, Result>,
    { done, failed, ...options }: SliceOptions<Step, Result>,
  ): void {
    const slices: Slices<Step, Result> = new Slices(this.#clock, steps, {
      ...options,
      done: (result) => {
        this.#running.delete(slices);
        done(result);
      },
      failed: (error) => {
        this.#running.delete(slices);
        failed(error);
      },
    });
    this.#running.add(slices);
  }

  cancel(): void {
    for (const slices of this.#running) slices.cancel();
    this.#running.clear();
  }
}
