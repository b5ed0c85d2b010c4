// A synchronous streaming gunzip for concatenated members (Node's own streams answer later). fflate decodes; it looks
// at neither checksum nor length of a member and takes a file that ends in a header for complete. So both are checked
// here: where a member ends, its CRC-32 and length must be those of what came out, and bytes that are no member at the
// end are an error. (Java's GZIPInputStream passes over such bytes; it never writes any.)
//
// Input: pieces of any size, valid during the call only. Output: what could be decoded so far.
import { crc32 } from 'node:zlib';
import { Gunzip } from 'fflate';
import type { Inflater } from '../ports.ts';

/** Input handed to fflate at once; it calls itself once a member, so this bounds its depth too. */
const pieceLength = 16 * 1024;
/** CRC-32 and length, little-endian, at the end of each member. */
const trailerLength = 8;
/** Bytes kept from before a piece: the trailer may lie there when the next header has just been understood. */
const keptLength = 1024;
/** The shortest member: header, an empty deflate block, trailer. */
const memberLengthMin = 10 + 2 + trailerLength;

export class GunzipInflater implements Inflater {
  #pieces: Uint8Array[] = [];
  /** Of the member under way. */
  #crc = 0;
  #length = 0;
  /** The input's last bytes; `#end` is the offset behind them. */
  #recent = new Uint8Array(0);
  #end = 0;
  readonly #gunzip: Gunzip;

  constructor() {
    this.#gunzip = new Gunzip((piece) => {
      if (piece.length === 0) return;
      this.#crc = crc32(piece, this.#crc);
      this.#length += piece.length;
      this.#pieces.push(piece);
    });
    this.#gunzip.onmember = (offset) => this.#memberEnds(offset);
  }

  push(bytes: Uint8Array): Uint8Array {
    for (let at = 0; at < bytes.length; at += pieceLength) {
      // A copy: fflate keeps what it could not decode yet.
      const piece = new Uint8Array(bytes.subarray(at, at + pieceLength));
      const before = this.#recent.subarray(Math.max(0, this.#recent.length - keptLength));
      this.#recent = new Uint8Array(before.length + piece.length);
      this.#recent.set(before);
      this.#recent.set(piece, before.length);
      this.#end += piece.length;
      this.#gunzip.push(piece, false);
    }
    return this.#take();
  }

  finish(): Uint8Array {
    if (this.#end < memberLengthMin) throw new Error(`gzip: cut short after ${this.#end} bytes`);
    this.#gunzip.push(new Uint8Array(0), true);
    this.#memberEnds(this.#end);
    return this.#take();
  }

  #memberEnds(offset: number): void {
    const at = offset - trailerLength - (this.#end - this.#recent.length);
    if (at < 0) throw new Error(`gzip: member ends before offset ${offset}`);
    const { buffer, byteOffset } = this.#recent;
    const trailer = new DataView(buffer, byteOffset + at, trailerLength);
    if (trailer.getUint32(0, true) !== this.#crc) {
      throw new Error(`gzip: wrong checksum before offset ${offset}`);
    }
    if (trailer.getUint32(4, true) !== this.#length % 2 ** 32) {
      throw new Error(`gzip: wrong length before offset ${offset}`);
    }
    this.#crc = 0;
    this.#length = 0;
  }

  #take(): Uint8Array {
    const pieces = this.#pieces;
    this.#pieces = [];
    const [only] = pieces;
    if (only !== undefined && pieces.length === 1) return only;
    const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}
