// One file of the simulated disk: what the system has in memory and what is on the platter, told apart by 512-byte
// sector. In: writes, cuts, syncs. Out: the contents now, and the contents some crash would leave. Invariant: a
// sector is on disk as it was at a sync that completed, or as any unsynced write left it: a crash chooses for each
// dirty sector by itself, so writes may tear and be reordered, never mix within a sector.

import type { Prng } from '../util/prng.ts';

export const sectorLength = 512;

/** What a sync that is under way will have made durable. */
export interface SyncImage {
  readonly sectors: ReadonlyMap<number, Uint8Array>;
  readonly length: number;
  /** The number of the last change it holds. */
  readonly change: number;
}

export class MemoryInode {
  length = 0;
  /** Sectors that take room; the rest are holes. */
  readonly allocated = new Set<number>();
  #bytes = new Uint8Array(sectorLength);
  #durable = new Uint8Array(sectorLength);
  #durableLength = 0;
  /** Sectors that differ from the platter, and the number of the last change to each. */
  readonly #dirty = new Map<number, number>();
  #change = 0;
  #synced = 0;

  static of(bytes: Uint8Array): MemoryInode {
    const inode = new MemoryInode();
    inode.write(bytes, 0);
    inode.sync();
    return inode;
  }

  /** The contents now, a copy. */
  get contents(): Uint8Array {
    const all = new Uint8Array(this.length);
    all.set(this.#bytes.subarray(0, this.length));
    return all;
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.length - position));
    const held = this.#bytes.subarray(position, Math.min(position + count, this.#bytes.length));
    into.set(held);
    into.fill(0, held.length, count);
    return count;
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    this.#bytes = grown(this.#bytes, end);
    this.#bytes.set(bytes, position);
    this.#change++;
    for (const sector of sectorsOf(position, end)) {
      this.#dirty.set(sector, this.#change);
      this.allocated.add(sector);
    }
    this.length = Math.max(this.length, end);
  }

  /** Sectors a write would newly take. */
  newSectors(position: number, length: number): number {
    let count = 0;
    for (const sector of sectorsOf(position, position + length)) {
      if (!this.allocated.has(sector)) count++;
    }
    return count;
  }

  setLength(length: number): void {
    if (length < this.length) {
      this.#bytes.fill(0, length);
      this.#change++;
      for (const sector of sectorsOf(length, this.length)) this.#dirty.set(sector, this.#change);
      for (const sector of this.allocated) {
        if (sector * sectorLength >= length) this.allocated.delete(sector);
      }
    }
    this.length = length;
  }

  beginSync(): SyncImage {
    const sectors = new Map<number, Uint8Array>();
    for (const sector of this.#dirty.keys()) {
      sectors.set(sector, this.#sector(this.#bytes, sector));
    }
    return { sectors, length: this.length, change: this.#change };
  }

  endSync(image: SyncImage): void {
    // A later one ended first: the platter has newer sectors.
    if (image.change < this.#synced) return;
    this.#synced = image.change;
    for (const [sector, bytes] of image.sectors) {
      this.#setDurable(sector, bytes);
      if ((this.#dirty.get(sector) ?? 0) <= image.change) this.#dirty.delete(sector);
    }
    this.#durableLength = image.length;
  }

  /** A sync that failed: the system calls the sectors clean, and they never reach the platter (fsyncgate). */
  failSync(): void {
    this.#dirty.clear();
  }

  sync(): void {
    this.endSync(this.beginSync());
  }

  /** The contents after a power loss: each dirty sector and the length old or new, by chance. */
  afterPowerLoss(chance: Prng): MemoryInode {
    const newShare = chance.pick([0, 0.5, 0.9, 1]);
    const disk = this.#durable.subarray(0, this.#durable.length);
    let image = new Uint8Array(Math.max(disk.length, this.#bytes.length));
    image.set(disk);
    for (const sector of this.#dirty.keys()) {
      if (chance.chance(newShare)) {
        image.set(this.#sector(this.#bytes, sector), sector * sectorLength);
      }
    }
    const length = chance.chance(newShare) ? this.length : this.#durableLength;
    image = grown(image, length);
    return MemoryInode.#image(image, length);
  }

  /** The contents after the process was killed: the system still has every write. */
  afterKill(): MemoryInode {
    return MemoryInode.#image(grown(this.#bytes, this.length), this.length);
  }

  static #image(bytes: Uint8Array, length: number): MemoryInode {
    const inode = new MemoryInode();
    inode.#bytes = new Uint8Array(bytes);
    inode.#bytes.fill(0, length);
    inode.length = length;
    for (let at = 0; at < length; at += sectorLength) {
      if (!isZero(bytes, at, at + sectorLength)) inode.allocated.add(at / sectorLength);
    }
    inode.#durable = new Uint8Array(inode.#bytes);
    inode.#durableLength = length;
    return inode;
  }

  #sector(bytes: Uint8Array, sector: number): Uint8Array {
    const copy = new Uint8Array(sectorLength);
    copy.set(bytes.subarray(sector * sectorLength, (sector + 1) * sectorLength));
    return copy;
  }

  #setDurable(sector: number, bytes: Uint8Array): void {
    this.#durable = grown(this.#durable, (sector + 1) * sectorLength);
    this.#durable.set(bytes, sector * sectorLength);
  }
}

/** At least `length` bytes, in whole sectors. */
function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const same = bytes as Uint8Array<ArrayBuffer>;
  if (length <= bytes.length) return same;
  let capacity = bytes.length;
  while (capacity < length) capacity *= 2;
  const bigger = new Uint8Array(capacity);
  bigger.set(bytes);
  return bigger;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0 && at < bytes.length) return false;
  return true;
}

function* sectorsOf(start: number, end: number): Generator<number> {
  for (let at = start - (start % sectorLength); at < end; at += sectorLength) {
    yield at / sectorLength;
  }
}
