// Cuts the bytes of a quorum connection into packets (QuorumPacket records, back to back, without framing), with the
// body of a snapshot between two of them. In: chunks as they arrive, valid during the step. Out: one packet after the
// other in `view`, pointing into `bytes`; or the raw bytes that come next.
//
// "Incomplete" is a false answer, "wrong" a DecodeError. Invariants: a packet costs its length once, however small the
// pieces it comes in; never more is kept than one packet and one chunk; no length is believed that no packet may have.

import { DecodeError, Reader } from '../../jute/reader.ts';
import type { Id } from '../../proto/data.ts';
import type { PacketView } from '../../proto/packets.ts';
import { newPacketView } from '../../proto/packets.ts';
import { AuthInfo } from '../../proto/quorum.ts';
import { copyBytes, emptyBytes } from '../../util/bytes.ts';

/** Type, zxid, no data, no authinfo. */
const shortest = 20;
/** No session has shown more identities; each costs a look at every new chunk until the packet is whole. */
const authInfoMax = 1000;

export class PacketStream {
  readonly view: PacketView = newPacketView();
  /** Where `view` points; valid until the next `push` or `settle`. */
  bytes: Uint8Array = emptyBytes;
  /** All that was ever pushed. */
  received = 0;
  readonly #lengthMax: number;
  readonly #reader = new Reader(emptyBytes);
  #data: DataView = new DataView(emptyBytes.buffer);
  #at = 0;
  #end = 0;
  /** The next packet has at least so many bytes. */
  #need = shortest;
  #lastAuthBytes: Uint8Array = emptyBytes;
  #lastAuthInfo: readonly Id[] = [];
  /** Bytes kept over the end of a step; `bytes` is this, or a chunk that is somebody else's. */
  #carry: Uint8Array = emptyBytes;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** Takes `bytes[start, end)` behind what is there. */
  push(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.received += end - start;
    if (this.#at === this.#end) {
      this.#read(bytes, start, end);
      return;
    }
    this.#keep(end - start);
    this.#carry.set(bytes.subarray(start, end), this.#end);
    this.#end += end - start;
  }

  /** The next packet is in `view`; false: it is not all there. Throws DecodeError, after which nothing makes sense. */
  next(): boolean {
    const start = this.#at;
    if (this.#end - start < this.#need) return false;
    const data = this.#data;
    const length = data.getInt32(start + 12);
    if (length < -1 || length > this.#lengthMax) {
      throw new DecodeError(`packet data of ${length} bytes`, start + 12);
    }
    const dataStart = start + 16;
    const dataEnd = dataStart + Math.max(0, length);
    if (!this.#has(dataEnd + 4)) return false;
    const count = data.getInt32(dataEnd);
    const end = this.#skipAuthInfo(dataEnd, count);
    if (end < 0) return false;
    const view = this.view;
    view.type = data.getInt32(start);
    view.zxid = data.getBigInt64(start + 4);
    view.hasData = length >= 0;
    view.dataStart = dataStart;
    view.dataEnd = dataEnd;
    view.authinfo = undefined;
    if (count >= 0) view.authinfo = this.#authInfo(dataEnd, end);
    this.#at = end;
    this.#need = shortest;
    return true;
  }

  /** Reads the data of the packet in `view`; shared, as only one is read at a time. */
  data(): Reader {
    const { dataStart, dataEnd } = this.view;
    return this.#reader.reset(this.bytes, this.#data, dataStart, dataEnd);
  }

  /** What comes next, as it is; valid as `bytes`. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.#at, this.#end);
  }

  /** Steps over the first `length` bytes of `rest`. */
  skip(length: number): void {
    this.#at += length;
  }

  /** Steps over the jute string `text` (ASCII); false: it is not all there. Throws DecodeError when it is another. */
  nextString(text: string): boolean {
    const whole = this.#end - this.#at >= 4 + text.length;
    const seen = Math.min(this.#end - this.#at, 4 + text.length);
    for (let i = 0; i < seen; i++) {
      const expected = i < 4 ? (text.length >>> (24 - 8 * i)) & 0xff : text.charCodeAt(i - 4);
      if (this.bytes[this.#at + i] !== expected) {
        throw new DecodeError(`not the string ${text}`, this.#at + i);
      }
    }
    if (whole) this.#at += 4 + text.length;
    return whole;
  }

  /** At the end of a step: keeps what was not read, as the chunk will be overwritten. */
  settle(): void {
    if (this.#at < this.#end) {
      this.#keep(0);
    } else {
      this.#read(emptyBytes, 0, 0);
      // A long packet is rare: its room is not worth keeping.
      if (this.#carry.length > 1 << 16) this.#carry = emptyBytes;
    }
  }

  /** Of packet after packet it is the same bytes: they are read once. */
  #authInfo(start: number, end: number): readonly Id[] {
    if (!this.#isLastAuthInfo(start, end)) {
      this.#lastAuthBytes = copyBytes(this.bytes, start, end);
      const reader = this.#reader.reset(this.bytes, this.#data, start, end);
      this.#lastAuthInfo = AuthInfo.read(reader) ?? [];
    }
    return this.#lastAuthInfo;
  }

  #isLastAuthInfo(start: number, end: number): boolean {
    const last = this.#lastAuthBytes;
    if (end - start !== last.length) return false;
    for (let i = 0; i < last.length; i++) if (last[i] !== this.bytes[start + i]) return false;
    return true;
  }

  /** Where the packet ends whose authinfo count stands at `at`; −1: not all there. */
  #skipAuthInfo(at: number, count: number): number {
    let end = at + 4;
    if (count < -1 || count > authInfoMax) throw new DecodeError(`authinfo of ${count}`, at);
    for (let left = 2 * count; left > 0; left--) {
      if (!this.#has(end + 4)) return -1;
      const length = this.#data.getInt32(end);
      if (length < -1 || end - at + length > this.#lengthMax) {
        throw new DecodeError(`authinfo with a string of ${length} bytes`, end);
      }
      end += 4 + Math.max(0, length);
    }
    return this.#has(end) ? end : -1;
  }

  #has(end: number): boolean {
    if (end <= this.#end) return true;
    this.#need = end - this.#at;
    return false;
  }

  #read(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.#at = start;
    this.#end = end;
  }

  /** Moves what is left to the front of the carry, with room for `more`; it grows by doubling. */
  #keep(more: number): void {
    const length = this.#end - this.#at;
    const needed = length + more;
    const isCarried = this.bytes === this.#carry;
    if (isCarried && (this.#at === 0 || more === 0) && this.#at + needed <= this.#carry.length) {
      return;
    }
    let into = this.#carry;
    if (needed > into.length) {
      into = new Uint8Array(Math.max(1 << 12, needed, 2 * into.length));
    }
    if (into === this.bytes) into.copyWithin(0, this.#at, this.#end);
    else into.set(this.bytes.subarray(this.#at, this.#end));
    this.#carry = into;
    this.#read(into, 0, length);
  }
}
