// Memory for many small byte strings: blocks of a few sizes carved out of 1 MiB pages (the first is
// smaller), named by one 32-bit reference. A million Uint8Arrays would cost a hundred bytes each in
// headers and keep the garbage collector busy; here a block costs its bytes, rounded up by at most an
// eighth (16 at least). A freed block holds the link to the next free one of its size; it is never
// split or merged, so what one size leaves free another cannot use.

const unit = 16;
const pageLength = 1 << 20;
/** Few trees are large, and a start may make several. */
const firstPageLength = 1 << 16;
/** Longer strings get memory of their own, so that freeing them gives it back. */
const blockMax = 1 << 15;

/** Block sizes in bytes: steps of 16 up to 128, then eight steps for each doubling. */
const sizes: number[] = (() => {
  const list: number[] = [];
  let size = unit;
  while (size <= blockMax) {
    list.push(size);
    size += size < 128 ? unit : 1 << (28 - Math.clz32(size));
  }
  return list;
})();

/** From a length in units (rounded up) to the index of its size. */
const classOfUnits: Uint8Array = (() => {
  const table = new Uint8Array(blockMax / unit + 1);
  let index = 0;
  for (let units = 0; units <= blockMax / unit; units++) {
    while ((sizes[index] as number) < units * unit) index++;
    table[units] = index;
  }
  return table;
})();

const none = -1;
const pagesMax = 0x8000;
const empty = new Uint8Array(0);

/**
 * A reference of 0 or more: the high 16 bits name the page, the low 16 the unit in it. Below 0:
 * ~index of a big block.
 */
export class Slab {
  readonly #pages: Uint8Array[] = [];
  /** The same memory as words, for the links of free blocks. */
  readonly #links: Int32Array[] = [];
  /** By size class: the first free block, or −1. */
  readonly #free = new Int32Array(sizes.length).fill(none);
  readonly #big: Uint8Array[] = [];
  readonly #freeBig: number[] = [];
  /** How far the last page is carved, and how long it is, in units. */
  #carved = 0;
  #carvedMax = 0;
  #allocated = 0;
  #used = 0;

  /** Bytes of memory, in use or not. */
  get allocated(): number {
    return this.#allocated;
  }

  /** Bytes in blocks that were taken and not given back, rounding included. */
  get used(): number {
    return this.#used;
  }

  /** Room for `length` bytes; returns its reference. A length of 0 takes a block too. */
  take(length: number): number {
    if (length > blockMax) return this.#takeBig(length);
    const sizeClass = classOfUnits[(length + unit - 1) >>> 4] as number;
    const size = sizes[sizeClass] as number;
    this.#used += size;
    const free = this.#free[sizeClass] as number;
    if (free !== none) {
      this.#free[sizeClass] = (this.#links[free >>> 16] as Int32Array)[
        (free & 0xffff) << 2
      ] as number;
      return free;
    }
    if (this.#carved + (size >>> 4) > this.#carvedMax) this.#addPage();
    const ref = ((this.#pages.length - 1) << 16) | this.#carved;
    this.#carved += size >>> 4;
    return ref;
  }

  /** Gives a block back; `length` is the one it was taken with. */
  give(ref: number, length: number): void {
    if (ref < 0) {
      this.#allocated -= length;
      this.#used -= length;
      this.#big[~ref] = empty;
      this.#freeBig.push(~ref);
      return;
    }
    const sizeClass = classOfUnits[(length + unit - 1) >>> 4] as number;
    this.#used -= sizes[sizeClass] as number;
    (this.#links[ref >>> 16] as Int32Array)[(ref & 0xffff) << 2] = this.#free[sizeClass] as number;
    this.#free[sizeClass] = ref;
  }

  /** Whether a block taken for `before` bytes also holds `after`, without waste: then it may be written over. */
  static sameBlock(before: number, after: number): boolean {
    if (before > blockMax || after > blockMax) return before === after;
    return classOfUnits[(before + unit - 1) >>> 4] === classOfUnits[(after + unit - 1) >>> 4];
  }

  /** Where a block's bytes are: `pageOf(ref)[offsetOf(ref) + i]`. */
  pageOf(ref: number): Uint8Array {
    return (ref < 0 ? this.#big[~ref] : this.#pages[ref >>> 16]) as Uint8Array;
  }

  static offsetOf(ref: number): number {
    return ref < 0 ? 0 : (ref & 0xffff) << 4;
  }

  write(ref: number, bytes: Uint8Array, start: number, end: number): void {
    const page = this.pageOf(ref);
    let at = Slab.offsetOf(ref);
    if (end - start <= 64) {
      for (let i = start; i < end; i++) page[at++] = bytes[i] as number;
    } else {
      page.set(bytes.subarray(start, end), at);
    }
  }

  #addPage(): void {
    if (this.#pages.length === pagesMax) throw new RangeError('slab: all 32,768 pages are in use');
    const length = this.#pages.length === 0 ? firstPageLength : pageLength;
    const page = new Uint8Array(length);
    this.#pages.push(page);
    this.#links.push(new Int32Array(page.buffer));
    this.#allocated += length;
    this.#carved = 0;
    this.#carvedMax = length / unit;
  }

  #takeBig(length: number): number {
    const index = this.#freeBig.pop() ?? this.#big.length;
    this.#big[index] = new Uint8Array(length);
    this.#allocated += length;
    this.#used += length;
    return ~index;
  }
}
