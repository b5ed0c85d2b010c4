// The last committed transactions as bytes (ZKDatabase.committedLog): what a learner that fell behind a little is
// brought up to date from. It outlives the roles of a server: whoever applies a transaction to the tree adds it
// here, so that it always ends where the tree is (ZOOKEEPER-4925: a learner that left some out led with a hole).
//
// Limited in number and in bytes; what a learner that is being brought up to date still needs is pinned, up to a
// limit of its own. Invariant: zxids rise without a gap inside an epoch (a Java leader may have used one twice:
// both are kept).

import type { Zxid } from '../../proto/zxid.ts';
import { hexZxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { Deque } from '../../util/deque.ts';
import type { HistoryTxn } from './txn-arena.ts';
import { follows, TxnArena } from './txn-arena.ts';

/** Whatever commitLogCount says, the copies take no more than this. */
const bytesMaxDefault = 64 << 20;
/** ZooKeeper's least commitLogCount. */
const countLeast = 500;

/** Keeps everything above `after`. */
export interface Pin {
  after: Zxid;
  /** What was pinned grew too large and was let go. */
  isBroken: boolean;
}

export interface CommittedLogLimits {
  /** `commitLogCount` */
  readonly count: number;
  readonly bytes?: number;
  /** With pins. */
  readonly pinnedBytes?: number;
}

export class CommittedLog {
  readonly #txns = new Deque<HistoryTxn>();
  readonly #arena = new TxnArena();
  readonly #pins = new Set<Pin>();
  readonly #countMax: number;
  readonly #bytesMax: number;
  readonly #pinnedBytesMax: number;
  #bytes = 0;

  constructor({ count, bytes, pinnedBytes }: CommittedLogLimits) {
    this.#countMax = Math.max(countLeast, count);
    this.#bytesMax = bytes ?? bytesMaxDefault;
    this.#pinnedBytesMax = pinnedBytes ?? 4 * this.#bytesMax;
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

  at(index: number): HistoryTxn | undefined {
    return this.#txns.at(index);
  }

  /** A copy of its own of what will be proposed or added: `bytes[start, end)`. */
  copy(zxid: Zxid, bytes: Uint8Array, start: number, end: number): HistoryTxn {
    return this.#arena.copy(zxid, bytes, start, end);
  }

  /** Keeps a transaction that has just been applied to the tree. */
  add(txn: HistoryTxn): void {
    const max = this.max;
    const fits = max === undefined || txn.zxid === max || follows(max, txn.zxid);
    // The text is made only where it is wanted: this runs for every transaction.
    if (!fits) assert(false, `committed 0x${hexZxid(txn.zxid)} follows 0x${hexZxid(max ?? 0n)}`);
    this.#txns.push(txn);
    this.#bytes += txn.end - txn.start;
    if (this.#isTooLarge) this.#trim();
  }

  /** The tree was replaced: what is kept does not lead to it. */
  clear(): void {
    this.#txns.clear();
    this.#bytes = 0;
    for (const pin of this.#pins) pin.isBroken = true;
    this.#pins.clear();
  }

  pin(after: Zxid): Pin {
    const pin = { after, isBroken: false };
    this.#pins.add(pin);
    return pin;
  }

  release(pin: Pin): void {
    this.#pins.delete(pin);
    if (this.#isTooLarge) this.#trim();
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

  get #isTooLarge(): boolean {
    return this.#txns.length > this.#countMax || this.#bytes > this.#bytesMax;
  }

  #trim(): void {
    while (this.#isTooLarge && this.#txns.length > 1) {
      const oldest = this.#txns.peek();
      if (oldest === undefined) return;
      for (const pin of this.#pins) {
        if (oldest.zxid <= pin.after) continue;
        if (this.#bytes <= this.#pinnedBytesMax) return;
        pin.isBroken = true;
        this.#pins.delete(pin);
      }
      this.#txns.shift();
      this.#bytes -= oldest.end - oldest.start;
    }
  }
}
