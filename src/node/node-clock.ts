// The Clock port on Node's timers. Node may fire a timer up to a millisecond early by its own cached time and fires
// at once when a delay does not fit 32 bits; the port promises "not before", so a timer that comes early is set
// again and a long delay is walked in steps. `wallTime` may jump with the system's clock, `now` never does.
import type { Clock, Timer } from '../ports.ts';

/** The longest delay `setTimeout` keeps (a larger one becomes 1 ms), about 24.8 days. */
const timeoutMsMax = 2 ** 31 - 1;

class NodeTimer implements Timer {
  readonly #at: number;
  readonly #callback: () => void;
  #timeout: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    this.#at = performance.now() + delayMs;
    this.#callback = callback;
    this.#timeout = setTimeout(this.#due, stepMs(delayMs));
  }

  readonly #due = (): void => {
    const left = this.#at - performance.now();
    if (left > 0) this.#timeout = setTimeout(this.#due, stepMs(left));
    else this.#callback();
  };

  cancel(): void {
    clearTimeout(this.#timeout);
  }
}

/** Whole milliseconds, at least 1: Node would cut the fraction off. */
function stepMs(delayMs: number): number {
  return Math.min(timeoutMsMax, Math.max(1, Math.ceil(delayMs)));
}

export const nodeClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  schedule: (delayMs, callback) => new NodeTimer(delayMs, callback),
  endOfTurn: (callback) => {
    setImmediate(callback);
  },
};
