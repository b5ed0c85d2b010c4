// Entries for the transaction log, ready to be written in one call: Adler-32 as a long, length,
// transaction, 'B' (FileTxnLog). A batch is filled while the one before it is being fsynced; its
// bytes are also where transactions are applied from, so that data is copied once, from here into
// the tree.

import { Writer } from '../../jute/writer.ts';
import { entryEnd } from '../../proto/file.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { longOf } from '../../proto/zxid.ts';
import { adler32 } from '../../util/checksums.ts';

/** Checksum and length, in front of each transaction. */
const headLength = 12;
/** A batch that grew beyond this is not kept for the next use. */
const keptCapacity = 8 << 20;

export class LogBatch<T> {
  out = new Writer(1 << 18);
  /** One for each entry, in order. */
  readonly pending: T[] = [];
  #firstHigh = 0;
  #firstLow = 0;
  #lastHigh = 0;
  #lastLow = 0;

  get count(): number {
    return this.pending.length;
  }

  get firstZxid(): Zxid {
    return longOf(this.#firstHigh, this.#firstLow);
  }

  get lastZxid(): Zxid {
    return longOf(this.#lastHigh, this.#lastLow);
  }

  /** Opens an entry; the transaction goes to `out` next. Returns where it starts. */
  begin(): number {
    this.out.ensure(headLength);
    this.out.at += headLength;
    return this.out.at;
  }

  /** Closes the entry whose transaction began at `start`. */
  finish(start: number, zxidHigh: number, zxidLow: number, pending: T): void {
    const out = this.out;
    const end = out.at;
    const adler = adler32(1, out.bytes, start, end);
    out.view.setInt32(start - 12, 0);
    out.view.setInt32(start - 8, adler);
    out.view.setInt32(start - 4, end - start);
    out.byte(entryEnd);
    if (this.pending.length === 0) {
      this.#firstHigh = zxidHigh;
      this.#firstLow = zxidLow;
    }
    this.#lastHigh = zxidHigh;
    this.#lastLow = zxidLow;
    this.pending.push(pending);
  }

  clear(): void {
    if (this.out.bytes.length > keptCapacity) this.out = new Writer(1 << 18);
    else this.out.clear();
    this.pending.length = 0;
  }
}
