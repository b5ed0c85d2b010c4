// The names of nodes, and the paths they make: a block in a slab for each node, which holds the length
// of its path, then its name as a jute string. A path is nowhere kept as a whole; it is walked from
// the node to the root, which costs its depth and no stack. In: slots; out: bytes, texts, jute
// strings, and whether a path given as bytes is a node's.
//
// The root has an empty name; its path is '' on disk and '/' to clients.

import { decodeUtf8 } from '../../jute/utf8.ts';
import type { Writer } from '../../jute/writer.ts';
import { Slab } from '../../util/slab.ts';
import type { NodeRows } from './node-rows.ts';
import { Word } from './node-rows.ts';

const slash = 0x2f;
const fnvPrime = 0x01000193;
/** Offsets in a block: the length of the path, the length of the name, the name. */
const At = { pathLength: 0, length: 4, name: 8 } as const;

export class NodeNames {
  readonly #rows: NodeRows;
  readonly #root: number;
  readonly #slab = new Slab();

  constructor(rows: NodeRows, root: number) {
    this.#rows = rows;
    this.#root = root;
    rows.setWord(root, Word.name, this.#slab.take(At.name));
  }

  get allocated(): number {
    return this.#slab.allocated;
  }

  get used(): number {
    return this.#slab.used;
  }

  /** Gives a new node the name `bytes[start, end)` below its parent. */
  set(slot: number, parent: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const name = this.#slab.take(At.name + length);
    const page = this.#slab.pageOf(name);
    const block = Slab.offsetOf(name);
    putInt(page, block + At.pathLength, this.pathLength(parent) + 1 + length);
    putInt(page, block + At.length, length);
    const to = block + At.name;
    for (let i = 0; i < length; i++) page[to + i] = bytes[start + i] as number;
    this.#rows.setWord(slot, Word.name, name);
  }

  drop(slot: number): void {
    const name = this.#rows.word(slot, Word.name);
    const length = intAt(this.#slab.pageOf(name), Slab.offsetOf(name) + At.length);
    this.#slab.give(name, At.name + length);
  }

  /** Whether the node's name is `bytes[start, end)`. */
  isNamed(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const name = this.#rows.word(slot, Word.name);
    const page = this.#slab.pageOf(name);
    const block = Slab.offsetOf(name);
    const length = intAt(page, block + At.length);
    if (length !== end - start) return false;
    const from = block + At.name;
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
      const length = intAt(page, block + At.length);
      const from = at - length;
      if (from <= start || bytes[from - 1] !== slash) return false;
      for (let i = 0; i < length; i++) {
        if (page[block + At.name + i] !== bytes[from + i]) return false;
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
    return decodeUtf8(page, block + At.name, block + At.name + intAt(page, block + At.length));
  }

  /** The name as a jute string, which is how it lies in its block. */
  write(slot: number, writer: Writer): void {
    const name = this.#rows.word(slot, Word.name);
    const page = this.#slab.pageOf(name);
    const block = Slab.offsetOf(name);
    const from = block + At.length;
    writer.raw(page, from, block + At.name + intAt(page, from));
  }

  pathLength(slot: number): number {
    const name = this.#rows.word(slot, Word.name);
    return intAt(this.#slab.pageOf(name), Slab.offsetOf(name) + At.pathLength);
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
      const length = intAt(page, block + At.length);
      at -= length;
      for (let i = 0; i < length; i++) into[at + i] = page[block + At.name + i] as number;
      into[--at] = slash;
    }
  }
}

function intAt(page: Uint8Array, at: number): number {
  return (
    ((page[at] as number) << 24) |
    ((page[at + 1] as number) << 16) |
    ((page[at + 2] as number) << 8) |
    (page[at + 3] as number)
  );
}

function putInt(page: Uint8Array, at: number, value: number): void {
  page[at] = value >>> 24;
  page[at + 1] = value >>> 16;
  page[at + 2] = value >>> 8;
  page[at + 3] = value;
}

/** Continues the hash of a path over more of its bytes (FNV-1a from a secret start). */
export function hashOn(hash: number, bytes: Uint8Array, start: number, end: number): number {
  let h = hash;
  for (let i = start; i < end; i++) h = Math.imul(h ^ (bytes[i] as number), fnvPrime);
  return h;
}
