// The one clock and event queue of a simulated world. In: things to do at a virtual time. Out: the same order in every
// run: by time, and at one time in the order they were asked for, or, with `shuffle`, in an order drawn from a seed,
// since a real world promises none. Invariant: virtual time never goes back; nothing runs inside the call that asked
// for it. Servers do not see this clock: each has its own view of it (sim-process.ts).

import { Heap } from '../util/heap.ts';
import type { Prng } from '../util/prng.ts';

export interface Due {
  /** Will not run any more. */
  cancelled: boolean;
}

interface Event extends Due {
  readonly at: number;
  readonly tie: number;
  readonly order: number;
  readonly run: () => void;
}

export interface RunLimits {
  /** Asked before each event. */
  readonly until?: () => boolean;
  /** Stops before the first event later than this; the clock then stands at it. Milliseconds. */
  readonly time?: number;
  /** Throws when more events than this ran: something goes round for ever. */
  readonly eventsMax?: number;
}

const eventsMaxDefault = 50_000_000;

export class SimClock {
  /** Events that ran so far. */
  events = 0;
  /** Called after each event, for checkers. */
  onEvent: (() => void) | undefined;
  readonly #shuffle: Prng | undefined;
  readonly #due = new Heap<Event>(isBefore);
  #now = 0;
  #order = 0;

  constructor(shuffle?: Prng) {
    this.#shuffle = shuffle;
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  /** Runs once at `time`, or as soon as possible where that has passed. */
  at(time: number, run: () => void): Due {
    const event: Event = {
      at: Math.max(time, this.#now),
      tie: this.#shuffle === undefined ? 0 : this.#shuffle.next32(),
      order: this.#order++,
      run,
      cancelled: false,
    };
    this.#due.push(event);
    return event;
  }

  after(delayMs: number, run: () => void): Due {
    return this.at(this.#now + Math.max(0, delayMs), run);
  }

  /** Says why it stopped. */
  run({
    until,
    time = Infinity,
    eventsMax = eventsMaxDefault,
  }: RunLimits): 'idle' | 'reached' | 'time' {
    const last = this.events + eventsMax;
    for (;;) {
      if (until?.() === true) return 'reached';
      const event = this.#next();
      if (event === undefined || event.at > time) {
        if (time !== Infinity) this.#now = Math.max(this.#now, time);
        return event === undefined ? 'idle' : 'time';
      }
      this.#due.pop();
      this.#now = event.at;
      if (++this.events > last) throw new Error(`still busy after ${eventsMax} events`);
      event.run();
      this.onEvent?.();
    }
  }

  #next(): Event | undefined {
    for (let event = this.#due.peek(); event !== undefined; event = this.#due.peek()) {
      if (!event.cancelled) return event;
      this.#due.pop();
    }
    return undefined;
  }
}

function isBefore(a: Event, b: Event): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.tie !== b.tie ? a.tie < b.tie : a.order < b.order;
}
