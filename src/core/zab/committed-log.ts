// The last committed transactions as bytes (ZKDatabase.committedLog): what a learner that fell behind a little is
// brought up to date from. A ring of copies with one limit on their number and one on their bytes.
//
// Invariant: zxids rise from the oldest to the newest, without a gap inside an epoch (equal neighbours, which a Java
// leader may have logged, are kept as one: the later).

import type { Zxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { copyBytes } from '../../util/bytes.ts';
import { Deque } from '../../util/deque.ts';

export interface CommittedTxn {
  readonly zxid: Zxid;
  /** Header, record and digest, as in the log and in PROPOSAL. */
  readonly bytes: Uint8Array;
}

/** Whatever commitLogCount says, the copies take no more than this. */
const bytesMax = 64 << 20;

export class CommittedLog {
  readonly #txns = new Deque<CommittedTxn>();
  readonly #countMax: number;
  #bytes = 0;

  /** `commitLogCount`: how many are kept; ZooKeeper's least is 500. */
  constructor(countMax: number) {
    this.#countMax = Math.max(1, countMax);
  }

  get length(): number {
    return this.#txns.length;
  }

  /** The oldest and the newest zxid; undefined when nothing is kept. */
  get min(): Zxid | undefined {
    return this.#txns.peek()?.zxid;
  }

  get max(): Zxid | undefined {
    return this.#txns.peekLast()?.zxid;
  }

  at(index: number): CommittedTxn | undefined {
    return this.#txns.at(index);
  }

  /** Adds a copy of `bytes[start, end)`. */
  add(zxid: Zxid, bytes: Uint8Array, start: number, end: number): void {
    const max = this.max;
    assert(max === undefined || zxid >= max, 'committed zxids rise');
    this.#txns.push({ zxid, bytes: copyBytes(bytes, start, end) });
    this.#bytes += end - start;
    while (
      this.#txns.length > this.#countMax ||
      (this.#bytes > bytesMax && this.#txns.length > 1)
    ) {
      this.#bytes -= this.#txns.shift()?.bytes.length ?? 0;
    }
  }

  clear(): void {
    this.#txns.clear();
    this.#bytes = 0;
  }

  /** How many of the kept are at or below `zxid`: the index of the first above it. */
  indexAbove(zxid: Zxid): number {
    let low = 0;
    let high = this.#txns.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#txns.at(middle)?.zxid ?? 0n) <= zxid) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
