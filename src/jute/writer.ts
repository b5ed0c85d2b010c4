// Writes jute primitives (org.apache.jute.BinaryOutputArchive) into a buffer that grows by
// doubling. Used for single messages, for a connection's output and for the log batch: `bytes[0,
// at)` is what was written so far.

import { encodeUtf8Into } from './utf8.ts';

export class Writer {
  bytes: Uint8Array;
  view: DataView;
  at = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `more` bytes behind `at`. */
  ensure(more: number): void {
    if (this.at + more > this.bytes.length) this.#grow(more);
  }

  byte(value: number): void {
    this.ensure(1);
    this.view.setInt8(this.at++, value);
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  int(value: number): void {
    this.ensure(4);
    this.view.setInt32(this.at, value);
    this.at += 4;
  }

  long(value: bigint): void {
    this.ensure(8);
    this.view.setBigInt64(this.at, value);
    this.at += 8;
  }

  /** A long as its high and low 32 bits; signedness does not matter. */
  longParts(high: number, low: number): void {
    this.ensure(8);
    this.view.setInt32(this.at, high);
    this.view.setInt32(this.at + 4, low);
    this.at += 8;
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const length = end - start;
    this.ensure(length);
    if (length <= 48) {
      const into = this.bytes;
      let at = this.at;
      for (let i = start; i < end; i++) into[at++] = bytes[i] as number;
    } else {
      this.bytes.set(
        start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end),
        this.at,
      );
    }
    this.at += length;
  }

  buffer(value: Uint8Array | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    this.int(value.length);
    this.raw(value);
  }

  ustring(value: string | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    this.ensure(4 + value.length * 3);
    const length = encodeUtf8Into(value, this.bytes, this.at + 4);
    this.view.setInt32(this.at, length);
    this.at += 4 + length;
  }

  /** What was written, as a view; valid until the next write. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.at);
  }

  /** What was written, as a copy of its own. */
  copy(): Uint8Array {
    const copy = new Uint8Array(this.at);
    copy.set(this.bytes.subarray(0, this.at));
    return copy;
  }

  clear(): void {
    this.at = 0;
  }

  /** Puts another buffer under the writer and forgets what was written; the old buffer is the caller's. */
  replace(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  #grow(more: number): void {
    let capacity = Math.max(64, this.bytes.length * 2);
    while (capacity < this.at + more) capacity *= 2;
    const bigger = new Uint8Array(capacity);
    bigger.set(this.bytes.subarray(0, this.at));
    this.bytes = bigger;
    this.view = new DataView(bigger.buffer);
  }
}
