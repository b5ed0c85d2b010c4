// The data of nodes: a block in a slab for each, its length and a "null" flag in the row, and the
// CRC register behind path and data from which the node's digest goes on. In: bytes of a
// transaction, copied here once. Out: jute buffers and copies. null is kept apart from empty, as
// clients see the difference.

import type { Writer } from '../../jute/writer.ts';
import { crc32 } from '../../util/checksums.ts';
import { Slab } from '../../util/slab.ts';
import type { NodeRows } from './node-rows.ts';
import { At, Flag, Word } from './node-rows.ts';

export class NodeData {
  readonly #rows: NodeRows;
  readonly #withCrc: boolean;
  readonly #slab = new Slab();
  #size = 0;

  /** `withCrc`: whether digests are kept. */
  constructor(rows: NodeRows, withCrc: boolean) {
    this.#rows = rows;
    this.#withCrc = withCrc;
  }

  /** The sum of all lengths. */
  get size(): number {
    return this.#size;
  }

  get allocated(): number {
    return this.#slab.allocated;
  }

  get used(): number {
    return this.#slab.used;
  }

  /** Gives a node without data `bytes[start, end)`; null when `end < start`. */
  set(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const rows = this.#rows;
    const length = end < start ? 0 : end - start;
    const data = this.#slab.take(length);
    this.#slab.write(data, bytes, start, start + length);
    rows.setWord(slot, Word.data, data);
    rows.setInt(slot, At.dataLength, length);
    if (end < start) rows.setWord(slot, Word.flags, rows.word(slot, Word.flags) | Flag.nullData);
    if (this.#withCrc) this.#setCrc(slot, bytes, start, start + length);
    this.#size += length;
  }

  drop(slot: number): void {
    const rows = this.#rows;
    const length = rows.int(slot, At.dataLength);
    this.#slab.give(rows.word(slot, Word.data), length);
    this.#size -= length;
    rows.setWord(slot, Word.flags, rows.word(slot, Word.flags) & ~Flag.nullData);
  }

  /** Puts other data in the place of what a node has. */
  replace(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const rows = this.#rows;
    const before = rows.int(slot, At.dataLength);
    const length = end - start;
    const isNull = (rows.word(slot, Word.flags) & Flag.nullData) !== 0;
    if (length < 0 || isNull || !Slab.sameBlock(before, length)) {
      this.drop(slot);
      this.set(slot, bytes, start, end);
      return;
    }
    this.#slab.write(rows.word(slot, Word.data), bytes, start, end);
    rows.setInt(slot, At.dataLength, length);
    if (this.#withCrc) this.#setCrc(slot, bytes, start, end);
    this.#size += length - before;
  }

  /** As a jute buffer. */
  write(slot: number, writer: Writer): void {
    const rows = this.#rows;
    if (rows.word(slot, Word.flags) & Flag.nullData) {
      writer.int(-1);
      return;
    }
    const length = rows.int(slot, At.dataLength);
    writer.int(length);
    const data = rows.word(slot, Word.data);
    const block = Slab.offsetOf(data);
    writer.raw(this.#slab.pageOf(data), block, block + length);
  }

  copy(slot: number): Uint8Array | null {
    const rows = this.#rows;
    if (rows.word(slot, Word.flags) & Flag.nullData) return null;
    const data = rows.word(slot, Word.data);
    const block = Slab.offsetOf(data);
    const copy = new Uint8Array(rows.int(slot, At.dataLength));
    copy.set(this.#slab.pageOf(data).subarray(block, block + copy.length));
    return copy;
  }

  #setCrc(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const rows = this.#rows;
    rows.setWord(slot, Word.dataCrc, crc32(rows.word(slot, Word.pathCrc), bytes, start, end));
  }
}
