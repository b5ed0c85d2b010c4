// A persistent watch as an async iterator: `for await (const event of zk.watch('/a', { recursive: true }))`. Events
// wait in a bounded queue; leaving the loop takes the watch away. Ends by return, an AbortSignal, removeWatches or
// close; throws when the session is lost or the watch could not be set. One consumer at a time.
// Invariant: an event is delivered once, in order; a gap (reconnect, full queue) shows as an event 'None'.

import { Deque } from '../util/deque.ts';
import type { WatchEvent } from './watch-event.ts';

/** Events waiting for a slow consumer, when the caller says nothing. A few hundred bytes each. */
export const eventsMaxDefault = 10_000;

interface Waiting {
  readonly resolve: (result: IteratorResult<WatchEvent, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const over: IteratorReturnResult<undefined> = { done: true, value: undefined };

export class Watch implements AsyncIterableIterator<WatchEvent, undefined>, AsyncDisposable {
  readonly path: string;
  readonly #eventsMax: number;
  readonly #events = new Deque<WatchEvent>();
  readonly #waiting = new Deque<Waiting>();
  #ready: Promise<void> = Promise.resolve();
  #unwatch: (() => Promise<void>) | undefined;
  #ended: (() => void) | undefined;
  #end: { readonly error: unknown; readonly failed: boolean } | undefined;

  constructor(path: string, eventsMax: number) {
    this.path = path;
    this.#eventsMax = eventsMax;
  }

  /** Resolves when the server has set the watch: later changes will be seen. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** `unwatch` takes the watch away, where that is still to be done; `ended` is called once, however it ends. */
  start(ready: Promise<void>, unwatch: () => Promise<void>, ended: () => void): void {
    this.#ready = ready;
    this.#unwatch = unwatch;
    this.#ended = ended;
    ready.catch((error) => this.finish(error, true));
  }

  readonly push = (event: WatchEvent): void => {
    if (this.#end !== undefined) return;
    if (event.type === 'PersistentWatchRemoved') {
      this.finish(undefined, false);
      return;
    }
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: event });
      return;
    }
    this.#events.push(event);
    if (this.#events.length <= this.#eventsMax) return;
    // The consumer is too slow: what it would be told is worth less than the order to read again.
    this.#events.clear();
    const { state, path } = event;
    this.#events.push({ type: 'None', state, path, zxid: undefined });
  };

  /** Ends the iteration after the events that wait already; with `failed`, by throwing `error`. */
  finish(error: unknown, failed: boolean): void {
    if (this.#end !== undefined) return;
    this.#end = { error, failed };
    this.#unwatch = undefined;
    this.#ended?.();
    const first = this.#waiting.shift();
    if (first !== undefined) this.#answerEnd(first);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.resolve(over);
    }
  }

  next(): Promise<IteratorResult<WatchEvent, undefined>> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject };
      if (this.#end === undefined) this.#waiting.push(waiting);
      else this.#answerEnd(waiting);
    });
  }

  /** Takes the watch away and ends the iteration; events that wait are dropped. */
  async return(): Promise<IteratorResult<WatchEvent, undefined>> {
    const unwatch = this.#unwatch;
    this.finish(undefined, false);
    this.#events.clear();
    await unwatch?.();
    return over;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** An error is thrown once; after that the iteration is over. */
  #answerEnd({ resolve, reject }: Waiting): void {
    const end = this.#end;
    if (end?.failed === true) {
      this.#end = { error: undefined, failed: false };
      reject(end.error);
    } else {
      resolve(over);
    }
  }
}
