// From the hash of a path to the slots of nodes that may have it: open addressing over [hash, slot
// + 1] pairs. It grows by moving a few entries at each insertion, so that no request ever pays for
// a whole rehash.

import { AssertionError, present } from '../../util/assert.ts';

/** Entries moved from the old table to the new one at each insertion while it grows. */
const movesPerInsertion = 16;
const gone = -1;

export class PathIndex {
  /** Pairs [hash, slot + 1]; 0 marks an empty place, −1 one whose entry was taken out of the old table. */
  #table = new Int32Array(2 * 1024);
  #old: Int32Array | undefined;
  #oldAt = 0;
  #count = 0;
  #seed: number;

  /** `seed` keeps strangers from choosing paths that collide. */
  constructor(seed: number) {
    this.#seed = seed | 1;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * The first slot with this hash for which `matches(slot)` holds, or −1. The callback is the tree's comparison of the
   * path; it is a method of the caller so that no closure is made.
   */
  find(
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    matcher: { matches(slot: number, bytes: Uint8Array, start: number, end: number): boolean },
  ): number {
    const slot = this.#probe(this.#table, hash, bytes, start, end, matcher);
    if (slot >= 0 || this.#old === undefined) return slot;
    return this.#probe(this.#old, hash, bytes, start, end, matcher);
  }

  insert(hash: number, slot: number): void {
    if (this.#old !== undefined) this.#move(movesPerInsertion);
    if (2 * ++this.#count > this.#table.length / 2) this.#grow();
    place(this.#table, this.#home(hash, this.#table), hash, slot + 1);
  }

  /** The pair must be there. */
  remove(hash: number, slot: number): void {
    this.#count--;
    const table = this.#table;
    const mask = table.length - 1;
    for (let at = this.#home(hash, table); table[at + 1] !== 0; at = (at + 2) & mask) {
      if (table[at + 1] === slot + 1) {
        this.#closeGap(table, at);
        return;
      }
    }
    const old = present(this.#old, `slot ${slot} in the index`);
    const oldMask = old.length - 1;
    for (let at = this.#home(hash, old); old[at + 1] !== 0; at = (at + 2) & oldMask) {
      if (old[at + 1] === slot + 1) {
        old[at + 1] = gone;
        return;
      }
    }
    throw new AssertionError(`broken invariant: slot ${slot} is in the index`);
  }

  #probe(
    table: Int32Array,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    matcher: { matches(slot: number, bytes: Uint8Array, start: number, end: number): boolean },
  ): number {
    const mask = table.length - 1;
    let at = this.#home(hash, table);
    for (;;) {
      const entry = table[at + 1] as number;
      if (entry === 0) return -1;
      if (table[at] === hash && entry > 0 && matcher.matches(entry - 1, bytes, start, end))
        return entry - 1;
      at = (at + 2) & mask;
    }
  }

  #home(hash: number, table: Int32Array): number {
    let h = Math.imul(hash ^ (hash >>> 16), this.#seed);
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    return ((h ^ (h >>> 13)) << 1) & (table.length - 1);
  }

  /** Moves later entries of the run back over the hole, so that searches may still stop at the first empty place. */
  #closeGap(table: Int32Array, hole: number): void {
    const mask = table.length - 1;
    let gap = hole;
    for (let at = (hole + 2) & mask; table[at + 1] !== 0; at = (at + 2) & mask) {
      const home = this.#home(table[at] as number, table);
      if (((at - home) & mask) >= ((at - gap) & mask)) {
        table[gap] = table[at] as number;
        table[gap + 1] = table[at + 1] as number;
        gap = at;
      }
    }
    table[gap] = 0;
    table[gap + 1] = 0;
  }

  #grow(): void {
    if (this.#old !== undefined) this.#move(Number.MAX_SAFE_INTEGER);
    this.#old = this.#table;
    this.#oldAt = 0;
    this.#table = new Int32Array(this.#table.length * 2);
  }

  #move(most: number): void {
    const old = this.#old;
    if (old === undefined) return;
    for (let moved = 0; moved < most; moved++) {
      if (this.#oldAt >= old.length) {
        this.#old = undefined;
        return;
      }
      const at = this.#oldAt;
      this.#oldAt += 2;
      const entry = old[at + 1] as number;
      if (entry <= 0) continue;
      const hash = old[at] as number;
      place(this.#table, this.#home(hash, this.#table), hash, entry);
      old[at + 1] = gone;
    }
  }
}

function place(table: Int32Array, home: number, hash: number, entry: number): void {
  const mask = table.length - 1;
  let at = home;
  while (table[at + 1] !== 0) at = (at + 2) & mask;
  table[at] = hash;
  table[at + 1] = entry;
}
