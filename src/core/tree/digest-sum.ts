// The sum of node digests modulo 2^64 (AdHash.java), in two halves, so that no number on the hot
// path leaves the range V8 keeps out of the heap. Adding and taking away commute: the order of
// changes does not matter.

import { longOf } from '../../proto/zxid.ts';

export class DigestSum {
  /** Both signed 32 bits. */
  high = 0;
  low = 0;

  get value(): bigint {
    return longOf(this.high, this.low);
  }

  /** `difference`: between −(2^32 − 1) and 2^32 − 1. */
  add(difference: number): void {
    const low = (this.low >>> 0) + difference;
    this.low = low | 0;
    if (low > 0xffffffff) this.high = (this.high + 1) | 0;
    else if (low < 0) this.high = (this.high - 1) | 0;
  }

  set(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }
}
