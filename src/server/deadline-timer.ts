// The one timer a machine asks for: armed for its deadline after each step, and set anew only when the deadline comes
// earlier: a machine takes an early timeout as no harm, and most deadlines only move away.

import type { Clock, Timer } from '../ports.ts';

export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #due: () => void;
  #timer: Timer | undefined;
  #at = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, due: () => void) {
    this.#clock = clock;
    this.#due = due;
  }

  arm(at: number): void {
    if (this.#at <= at || !Number.isFinite(at)) return;
    this.#timer?.cancel();
    this.#at = at;
    this.#timer = this.#clock.schedule(Math.max(0, at - this.#clock.now()), () => {
      this.#at = Number.POSITIVE_INFINITY;
      this.#due();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }
}
