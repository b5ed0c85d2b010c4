// Memory for many small byte strings: blocks of a few sizes carved out of 1 MiB pages, named by one 32-bit reference.
// A million Uint8Arrays would cost a hundred bytes each in headers and keep the garbage collector busy; here a block
// costs its bytes, rounded up by at most an eighth (16 at least). A freed block holds the link to the next free one.

const unit = 16;
const pageLength = 1 << 20;
const unitsPerPage = pageLength / unit;
/** Longer strings get a page of their own, so that freeing them gives the memory back. */
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

/** Of a reference, the high 16 bits name the page, the low 16 the unit in it. */
export class Slab {
  readonly pages: Uint8Array[] = [];
  readonly #views: DataView[] = [];
  /** By size class: the first free block, or −1. */
  readonly #free = new Int32Array(sizes.length).fill(none);
  readonly #freePages: number[] = [];
  /** The page that is being carved, and how far. */
  #carving = none;
  #carved = unitsPerPage;
  /** Bytes in pages, used or not. */
  allocated = 0;

  /** Room for `length` bytes; returns its reference. A length of 0 takes a block too. */
  take(length: number): number {
    if (length > blockMax) return this.#takePage(new Uint8Array(length)) << 16;
    const sizeClass = classOfUnits[(length + unit - 1) >>> 4] as number;
    const free = this.#free[sizeClass] as number;
    if (free !== none) {
      const view = this.#views[free >>> 16] as DataView;
      this.#free[sizeClass] = view.getInt32((free & 0xffff) << 4);
      return free;
    }
    const units = (sizes[sizeClass] as number) >>> 4;
    if (this.#carved + units > unitsPerPage) {
      this.#carving = this.#takePage(new Uint8Array(pageLength));
      this.#carved = 0;
    }
    const ref = (this.#carving << 16) | this.#carved;
    this.#carved += units;
    return ref;
  }

  /** Gives a block back; `length` is the one it was taken with. */
  give(ref: number, length: number): void {
    const page = ref >>> 16;
    if (length > blockMax) {
      this.allocated -= (this.pages[page] as Uint8Array).length;
      this.pages[page] = empty;
      this.#freePages.push(page);
      return;
    }
    const sizeClass = classOfUnits[(length + unit - 1) >>> 4] as number;
    (this.#views[page] as DataView).setInt32((ref & 0xffff) << 4, this.#free[sizeClass] as number);
    this.#free[sizeClass] = ref;
  }

  /** Whether a block taken for `before` bytes also holds `after`, without waste: then it may be written over. */
  static sameBlock(before: number, after: number): boolean {
    if (before > blockMax || after > blockMax) return before === after;
    return classOfUnits[(before + unit - 1) >>> 4] === classOfUnits[(after + unit - 1) >>> 4];
  }

  /** Where a block's bytes are: `pageOf(ref)[offsetOf(ref) + i]`. */
  pageOf(ref: number): Uint8Array {
    return this.pages[ref >>> 16] as Uint8Array;
  }

  static offsetOf(ref: number): number {
    return (ref & 0xffff) << 4;
  }

  write(ref: number, bytes: Uint8Array, start: number, end: number): void {
    const page = this.pages[ref >>> 16] as Uint8Array;
    let at = (ref & 0xffff) << 4;
    if (end - start <= 64) {
      for (let i = start; i < end; i++) page[at++] = bytes[i] as number;
    } else {
      page.set(bytes.subarray(start, end), at);
    }
  }

  #takePage(page: Uint8Array): number {
    const index = this.#freePages.pop() ?? this.pages.length;
    if (index >= 0xffff) throw new RangeError('tree memory: 65,535 pages are in use');
    this.pages[index] = page;
    this.#views[index] = new DataView(page.buffer);
    this.allocated += page.length;
    return index;
  }
}

const empty = new Uint8Array(0);
