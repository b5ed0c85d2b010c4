// Who falls due when, in buckets as wide as a tick (ExpiryQueue.java). In: items with a timeout,
// and the monotonic clock; out: the items of every bucket whose time has come, in order of time.
//
// Invariants: an item is in one bucket or none; a bucket's time is a multiple of the interval and
// lies later than the update that chose it; no bucket is ever passed over, whatever the clock does.
// Buckets without items cost nothing.
// Differs from Java on purpose: buckets nobody is in are skipped at once instead of one by one, so
// a clock that jumps ten years is caught up with in one step; a clock that runs backwards cannot
// put an item behind the bucket that is due next.

import { Heap } from '../../util/heap.ts';

/** What an item carries for the queue: where it is, and its neighbours there. The queue alone writes them. */
export interface Expiring<E> {
  /** When its bucket falls due; −1: in no bucket. */
  expiresAt: number;
  previousToExpire: E | undefined;
  nextToExpire: E | undefined;
}

interface Bucket<E> {
  readonly at: number;
  first: E | undefined;
  count: number;
}

export class ExpiryQueue<E extends Expiring<E>> {
  readonly #intervalMs: number;
  readonly #buckets = new Map<number, Bucket<E>>();
  readonly #order = new Heap<Bucket<E>>((a, b) => a.at < b.at);
  /** Everything before this has been polled. */
  #nextAt: number;
  #count = 0;

  constructor(intervalMs: number, now: number) {
    this.#intervalMs = intervalMs;
    this.#nextAt = this.#roundUp(now);
  }

  get count(): number {
    return this.#count;
  }

  /** When the first bucket with an item falls due. */
  get deadline(): number | undefined {
    return this.#first()?.at;
  }

  /** Puts `item` where `now + timeoutMs` belongs, always rounding up. False: it is there already. */
  update(item: E, timeoutMs: number, now: number): boolean {
    const at = Math.max(this.#roundUp(now + timeoutMs), this.#nextAt);
    if (item.expiresAt === at) return false;
    this.remove(item);
    let bucket = this.#buckets.get(at);
    if (bucket === undefined) {
      bucket = { at, first: undefined, count: 0 };
      this.#buckets.set(at, bucket);
      this.#order.push(bucket);
    }
    item.expiresAt = at;
    item.previousToExpire = undefined;
    item.nextToExpire = bucket.first;
    if (bucket.first !== undefined) bucket.first.previousToExpire = item;
    bucket.first = item;
    bucket.count++;
    this.#count++;
    return true;
  }

  remove(item: E): void {
    const bucket = this.#buckets.get(item.expiresAt);
    if (item.expiresAt === -1 || bucket === undefined) return;
    const { previousToExpire: previous, nextToExpire: next } = item;
    if (previous === undefined) bucket.first = next;
    else previous.nextToExpire = next;
    if (next !== undefined) next.previousToExpire = previous;
    item.expiresAt = -1;
    item.previousToExpire = undefined;
    item.nextToExpire = undefined;
    bucket.count--;
    this.#count--;
  }

  /** Takes out every item whose bucket is due. May be called early, late or twice. */
  takeDue(now: number): E[] {
    const due: E[] = [];
    for (let bucket = this.#first(); bucket !== undefined && bucket.at <= now; ) {
      for (let item = bucket.first; item !== undefined; item = bucket.first) {
        this.remove(item);
        due.push(item);
      }
      bucket = this.#first();
    }
    this.#nextAt = Math.max(this.#nextAt, this.#roundUp(now));
    return due;
  }

  /** The earliest bucket with an item; forgets the empty ones before it. */
  #first(): Bucket<E> | undefined {
    for (let bucket = this.#order.peek(); bucket !== undefined; bucket = this.#order.peek()) {
      if (bucket.count > 0) return bucket;
      this.#order.pop();
      this.#buckets.delete(bucket.at);
    }
    return undefined;
  }

  #roundUp(time: number): number {
    return (Math.floor(time / this.#intervalMs) + 1) * this.#intervalMs;
  }
}
