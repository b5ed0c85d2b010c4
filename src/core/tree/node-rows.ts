// The memory of a node: a row of 128 bytes in pages of 16,384 rows (the first begins small), named by
// its slot. The first 68 bytes are the Stat as it goes on the wire, big-endian, so that a reply copies
// it as it stands. What else a node has (name, data, place among its siblings, checksums) follows.
// Rows never move; a freed row is linked into the free list and used again.
//
// Layout, in bytes. Big-endian, the Stat: 0 czxid, 8 mzxid, 16 ctime, 24 mtime, 32 version,
// 36 cversion as clients see it, 40 aversion, 44 ephemeralOwner as clients see it, 52 dataLength,
// 56 numChildren, 60 pzxid; 68 stored cversion, 72 stored ephemeralOwner. Machine words: 80 parent,
// 84 first child, 88 next and 92 previous sibling, 96 name and 100 data block, 104 ACL id, 108 hash
// of the path, 112 CRC register behind the path, 116 behind path and data, 120 digest, 124 flags.

const rowShift = 14;
const rowsPerPage = 1 << rowShift;
const rowMask = rowsPerPage - 1;
/** A new tree has a handful of nodes, and a start may make several. */
const rowsAtFirst = 128;
export const rowLength = 128;
const wordsPerRow = rowLength / 4;

export const noSlot = -1;

/** Big-endian fields: byte offsets in the row. */
export const At = {
  czxid: 0,
  mzxid: 8,
  ctime: 16,
  mtime: 24,
  version: 32,
  cversion: 36,
  aversion: 40,
  ephemeralOwner: 44,
  dataLength: 52,
  numChildren: 56,
  pzxid: 60,
  storedCversion: 68,
  storedOwner: 72,
} as const;

/** Machine words: word offsets in the row. */
export const Word = {
  parent: 20,
  firstChild: 21,
  nextSibling: 22,
  previousSibling: 23,
  name: 24,
  data: 25,
  acl: 26,
  hash: 27,
  pathCrc: 28,
  dataCrc: 29,
  digest: 30,
  flags: 31,
} as const;

export const Flag = { live: 1, nullData: 2, outsideDigest: 4 } as const;
/** The upper bits of the flags tell which images have this node already (image-marks.ts). */
export const generationShift = 8;
export const generationMask = 0xffffff;

export const statLength = 68;

export class NodeRows {
  readonly #views: DataView[] = [];
  readonly #words: Int32Array[] = [];
  readonly #bytes: Uint8Array[] = [];
  #freeSlot = noSlot;
  /** Slots ever used: every live slot is below. */
  #used = 0;
  /** Slots there is memory for. */
  #room = 0;
  /** The 60 bytes of a node that its digest covers, in the digest's order. */
  readonly #digestWords = new Int32Array(15);
  readonly #digestBytes = new Uint8Array(this.#digestWords.buffer);

  get used(): number {
    return this.#used;
  }

  get allocated(): number {
    return this.#room * rowLength;
  }

  /** A zeroed row. */
  take(): number {
    let slot = this.#freeSlot;
    if (slot !== noSlot) {
      this.#freeSlot = this.word(slot, Word.nextSibling);
      const base = (slot & rowMask) * wordsPerRow;
      (this.#words[slot >>> rowShift] as Int32Array).fill(0, base, base + wordsPerRow);
      return slot;
    }
    slot = this.#used++;
    if (slot === this.#room) this.#grow();
    return slot;
  }

  /** One more page, or the first one twice as long. */
  #grow(): void {
    const isFirst = this.#room < rowsPerPage;
    const rows = isFirst ? Math.max(rowsAtFirst, 2 * this.#room) : rowsPerPage;
    const index = isFirst ? 0 : this.#views.length;
    const page = new ArrayBuffer(rows * rowLength);
    const words = new Int32Array(page);
    if (isFirst && this.#room > 0) words.set(this.#words[0] as Int32Array);
    this.#views[index] = new DataView(page);
    this.#words[index] = words;
    this.#bytes[index] = new Uint8Array(page);
    this.#room += isFirst ? rows - this.#room : rows;
  }

  give(slot: number): void {
    this.setWord(slot, Word.flags, 0);
    this.setWord(slot, Word.nextSibling, this.#freeSlot);
    this.#freeSlot = slot;
  }

  word(slot: number, word: number): number {
    return (this.#words[slot >>> rowShift] as Int32Array)[
      (slot & rowMask) * wordsPerRow + word
    ] as number;
  }

  setWord(slot: number, word: number, value: number): void {
    (this.#words[slot >>> rowShift] as Int32Array)[(slot & rowMask) * wordsPerRow + word] = value;
  }

  int(slot: number, at: number): number {
    return (this.#views[slot >>> rowShift] as DataView).getInt32((slot & rowMask) * rowLength + at);
  }

  setInt(slot: number, at: number, value: number): void {
    (this.#views[slot >>> rowShift] as DataView).setInt32((slot & rowMask) * rowLength + at, value);
  }

  long(slot: number, at: number): bigint {
    return (this.#views[slot >>> rowShift] as DataView).getBigInt64(
      (slot & rowMask) * rowLength + at,
    );
  }

  setLong(slot: number, at: number, high: number, low: number): void {
    const view = this.#views[slot >>> rowShift] as DataView;
    const base = (slot & rowMask) * rowLength + at;
    view.setInt32(base, high);
    view.setInt32(base + 4, low);
  }

  /** Copies the 68 bytes of the Stat to `into[at]`. */
  copyStat(slot: number, into: Uint8Array, at: number): void {
    const bytes = this.#bytes[slot >>> rowShift] as Uint8Array;
    const base = (slot & rowMask) * rowLength;
    for (let i = 0; i < statLength; i++) into[at + i] = bytes[base + i] as number;
  }

  /** The bytes a node's digest covers behind path and data; valid until the next call (DigestCalculator.java). */
  digestBytes(slot: number): Uint8Array {
    const words = this.#words[slot >>> rowShift] as Int32Array;
    const base = (slot & rowMask) * wordsPerRow;
    const to = this.#digestWords;
    // czxid, mzxid
    to[0] = words[base] as number;
    to[1] = words[base + 1] as number;
    to[2] = words[base + 2] as number;
    to[3] = words[base + 3] as number;
    // pzxid: third here, last in the Stat
    to[4] = words[base + 15] as number;
    to[5] = words[base + 16] as number;
    // ctime, mtime, version
    to[6] = words[base + 4] as number;
    to[7] = words[base + 5] as number;
    to[8] = words[base + 6] as number;
    to[9] = words[base + 7] as number;
    to[10] = words[base + 8] as number;
    // stored cversion, aversion, stored owner
    to[11] = words[base + 17] as number;
    to[12] = words[base + 10] as number;
    to[13] = words[base + 18] as number;
    to[14] = words[base + 19] as number;
    return this.#digestBytes;
  }
}
