// The one timer a machine asks for: armed for its deadline after each step, and set anew only when the deadline comes
// earlier: a machine takes an early timeout as no harm, and most deadlines only move away.
//
// It fires two turns late: after a pause of the process the packets of a peer that was never silent lie in the socket,
// and must be heard before anybody is judged.

import type { Clock, Timer } from '../ports.ts';

export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #due: () => void;
  #timer: Timer | undefined;
  #at = Number.POSITIVE_INFINITY;
  /** Counts cancellations. */
  #life = 0;

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
      const life = this.#life;
      this.#clock.endOfTurn(() => {
        this.#clock.endOfTurn(() => {
          if (this.#life === life) this.#due();
        });
      });
    });
  }

  cancel(): void {
    this.#life++;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }
}
