// Reads jute primitives (org.apache.jute.BinaryInputArchive) out of bytes in place. Big-endian
// throughout. A read past `end` or a senseless length throws `DecodeError`; nothing is allocated
// that the input does not already hold. On streams without framing (quorum packets, snapshots)
// `incomplete` tells "more bytes may mend it" from "wrong for ever". Differs from Java on purpose:
// vector counts are bounded by the bytes that are left, and by what a whole message holds.

import { decodeUtf8 } from './utf8.ts';

/** The bytes are not what the format says. `at` is the offset in the reader's bytes. */
export class DecodeError extends Error {
  readonly at: number;
  /** True when the input merely ended too early. */
  readonly incomplete: boolean;

  constructor(message: string, at: number, incomplete = false) {
    super(`${message} at byte ${at}`);
    this.name = 'DecodeError';
    this.at = at;
    this.incomplete = incomplete;
  }
}

export class Reader {
  bytes: Uint8Array;
  view: DataView;
  /** The next byte to read. Invariant: at ≤ end ≤ bytes.length, also after a DecodeError. */
  at: number;
  end: number;
  /** The longest buffer, string or vector that is not senseless (jute.maxbuffer plus the extra size). */
  lengthMax = 0x7fffffff;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.end = end;
  }

  /** Points the reader elsewhere; `view` must span `bytes`. */
  reset(bytes: Uint8Array, view: DataView, start: number, end: number): this {
    this.bytes = bytes;
    this.view = view;
    this.at = start;
    this.end = end;
    return this;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  byte(): number {
    if (this.at >= this.end) throw this.#short(1);
    return this.view.getInt8(this.at++);
  }

  boolean(): boolean {
    return this.byte() !== 0;
  }

  int(): number {
    const at = this.at;
    if (at + 4 > this.end) throw this.#short(4);
    this.at = at + 4;
    return this.view.getInt32(at);
  }

  long(): bigint {
    const at = this.at;
    if (at + 8 > this.end) throw this.#short(8);
    this.at = at + 8;
    return this.view.getBigInt64(at);
  }

  skip(length: number): void {
    if (length < 0 || this.at + length > this.end) throw this.#short(length);
    this.at += length;
  }

  /**
   * Reads the length word of a buffer or string and steps over its bytes: they are then `bytes[at - length, at)`.
   * Returns −1 for null.
   */
  lengthOfBytes(): number {
    const length = this.int();
    if (length === -1) return -1;
    if (length < 0 || length > this.end - this.at || length > this.lengthMax) {
      const incomplete = length > 0 && length <= this.lengthMax;
      throw new DecodeError(
        `length ${length} where ${this.end - this.at} bytes are left`,
        this.at - 4,
        incomplete,
      );
    }
    this.at += length;
    return length;
  }

  /** A view of the input, valid as long as the input is; null for length −1. */
  buffer(): Uint8Array | null {
    const length = this.lengthOfBytes();
    return length < 0 ? null : this.bytes.subarray(this.at - length, this.at);
  }

  nullableString(): string | null {
    const length = this.lengthOfBytes();
    return length < 0 ? null : decodeUtf8(this.bytes, this.at - length, this.at);
  }

  /** Null reads as ''. */
  ustring(): string {
    return this.nullableString() ?? '';
  }

  /** The count of a vector; −1 for null. `elementLeast` is the fewest bytes an element takes. */
  count(elementLeast: number): number {
    const count = this.int();
    if (count === -1) return -1;
    const least = count * elementLeast;
    if (count < 0 || least > this.end - this.at || least > this.lengthMax) {
      throw new DecodeError(
        `vector of ${count} where ${this.end - this.at} bytes are left`,
        this.at - 4,
        count > 0 && least <= this.lengthMax,
      );
    }
    return count;
  }

  #short(wanted: number): DecodeError {
    return new DecodeError(
      `${wanted} bytes wanted, ${this.end - this.at} left`,
      this.at,
      wanted >= 0,
    );
  }
}
