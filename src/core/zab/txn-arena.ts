// Transactions kept in memory as bytes: proposals that wait for their quorum, and the committed ones that learners are
// brought up to date from. In: bytes that are valid during the call. Out: a copy with its zxid.
//
// Small ones share chunks, so that keeping one costs no buffer of its own; a chunk goes when the last of its
// transactions is let go. Invariant: bytes handed out never change.

import type { Zxid } from '../../proto/zxid.ts';
import { copyBytes, emptyBytes } from '../../util/bytes.ts';

/** Header, record and digest stand in `bytes[start, end)`, as in the log and in PROPOSAL. */
export interface HistoryTxn {
  readonly zxid: Zxid;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const chunkLength = 1 << 18;
/** Longer ones get a buffer of their own: in a chunk they would waste its end. */
const sharedMax = 1 << 14;

export class TxnArena {
  #chunk: Uint8Array = emptyBytes;
  #at = 0;

  copy(zxid: Zxid, bytes: Uint8Array, start: number, end: number): HistoryTxn {
    const length = end - start;
    if (length > sharedMax) {
      return { zxid, bytes: copyBytes(bytes, start, end), start: 0, end: length };
    }
    if (this.#at + length > this.#chunk.length) {
      this.#chunk = new Uint8Array(chunkLength);
      this.#at = 0;
    }
    const at = this.#at;
    this.#chunk.set(bytes.subarray(start, end), at);
    this.#at = at + length;
    return { zxid, bytes: this.#chunk, start: at, end: this.#at };
  }
}

/** Whether `next` may stand behind `last` in a history: the next counter, or the first of a later epoch. */
export function follows(last: Zxid, next: Zxid): boolean {
  if (next === last + 1n) return true;
  return next >> 32n > last >> 32n && (next & 0xffffffffn) === 1n;
}
