// The names of nodes, and the paths they make: a block in a slab for each name (length, bytes), and
// the walk from a node up to the root. A path is nowhere kept as a whole. In: slots; out: bytes,
// texts, jute strings, and whether a path given as bytes is a node's.
//
// The root has an empty name; its path is '' on disk and '/' to clients. A walk costs the depth of
// the node and no stack.

import { decodeUtf8 } from '../../jute/utf8.ts';
import type { Writer } from '../../jute/writer.ts';
import { Slab } from '../../util/slab.ts';
import type { NodeRows } from './node-rows.ts';
import { Word } from './node-rows.ts';

const slash = 0x2f;
const fnvPrime = 0x01000193;
/** In front of the name in its block. */
const lengthSize = 4;

export class NodeNames {
  readonly #rows: NodeRows;
  readonly #root: number;
  readonly #slab = new Slab();

  constructor(rows: NodeRows, root: number) {
    this.#rows = rows;
    this.#root = root;
    rows.setWord(root, Word.name, this.#slab.take(lengthSize));
  }

  get allocated(): number {
    return this.#slab.allocated;
  }

  get used(): number {
    return this.#slab.used;
  }

  /** Gives a new node the name `bytes[start, end)`. */
  set(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const name = this.#slab.take(length + lengthSize);
    const page = this.#slab.pageOf(name);
    const block = Slab.offsetOf(name);
    page[block] = length >>> 24;
    page[block + 1] = length >>> 16;
    page[block + 2] = length >>> 8;
    page[block + 3] = length;
    for (let i = 0; i < length; i++) page[block + lengthSize + i] = bytes[start + i] as number;
    this.#rows.setWord(slot, Word.name, name);
  }

  drop(slot: number): void {
    const name = this.#rows.word(slot, Word.name);
    this.#slab.give(name, this.lengthOf(slot) + lengthSize);
  }

  lengthOf(slot: number): number {
    const name = this.#rows.word(slot, Word.name);
    return lengthAt(this.#slab.pageOf(name), Slab.offsetOf(name));
  }

  /** Whether the node's name is `bytes[start, end)`. */
  isNamed(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const name = this.#rows.word(slot, Word.name);
    const page = this.#slab.pageOf(name);
    const block = Slab.offsetOf(name);
    const length = lengthAt(page, block);
    if (length !== end - start) return false;
    const from = block + lengthSize;
    for (let i = 0; i < length; i++) if (page[from + i] !== bytes[start + i]) return false;
    return true;
  }

  /** Whether the node's path is `bytes[start, end)`; asked by the index for nodes with the right hash. */
  matches(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const rows = this.#rows;
    let node = slot;
    let at = end;
    while (node !== this.#root) {
      const name = rows.word(node, Word.name);
      const page = this.#slab.pageOf(name);
      const block = Slab.offsetOf(name);
      const length = lengthAt(page, block);
      const from = at - length;
      if (from <= start || bytes[from - 1] !== slash) return false;
      for (let i = 0; i < length; i++) {
        if (page[block + lengthSize + i] !== bytes[from + i]) return false;
      }
      at = from - 1;
      node = rows.word(node, Word.parent);
    }
    return at === start;
  }

  text(slot: number): string {
    const name = this.#rows.word(slot, Word.name);
    const page = this.#slab.pageOf(name);
    const block = Slab.offsetOf(name);
    return decodeUtf8(page, block + lengthSize, block + lengthSize + lengthAt(page, block));
  }

  /** The name as a jute string, which is how it lies in its block. */
  write(slot: number, writer: Writer): void {
    const name = this.#rows.word(slot, Word.name);
    const page = this.#slab.pageOf(name);
    const block = Slab.offsetOf(name);
    writer.raw(page, block, block + lengthSize + lengthAt(page, block));
  }

  pathLength(slot: number): number {
    let length = 0;
    for (let node = slot; node !== this.#root; node = this.#rows.word(node, Word.parent)) {
      length += 1 + this.lengthOf(node);
    }
    return length;
  }

  pathBytes(slot: number): Uint8Array {
    const bytes = new Uint8Array(this.pathLength(slot));
    this.#copyPath(slot, bytes, bytes.length);
    return bytes;
  }

  /** The path as a jute string. */
  writePath(slot: number, writer: Writer): void {
    const length = this.pathLength(slot);
    writer.int(length);
    writer.ensure(length);
    this.#copyPath(slot, writer.bytes, writer.at + length);
    writer.at += length;
  }

  #copyPath(slot: number, into: Uint8Array, end: number): void {
    let at = end;
    for (let node = slot; node !== this.#root; node = this.#rows.word(node, Word.parent)) {
      const name = this.#rows.word(node, Word.name);
      const page = this.#slab.pageOf(name);
      const block = Slab.offsetOf(name);
      const length = lengthAt(page, block);
      at -= length;
      for (let i = 0; i < length; i++) into[at + i] = page[block + lengthSize + i] as number;
      into[--at] = slash;
    }
  }
}

function lengthAt(page: Uint8Array, block: number): number {
  return (
    ((page[block] as number) << 24) |
    ((page[block + 1] as number) << 16) |
    ((page[block + 2] as number) << 8) |
    (page[block + 3] as number)
  );
}

/** Continues the hash of a path over more of its bytes (FNV-1a from a secret start). */
export function hashOn(hash: number, bytes: Uint8Array, start: number, end: number): number {
  let h = hash;
  for (let i = start; i < end; i++) h = Math.imul(h ^ (bytes[i] as number), fnvPrime);
  return h;
}
