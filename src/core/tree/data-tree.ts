// The tree of znodes (DataTree.java, DataNode.java): rows, names and data in slabs, an index from
// path to slot. It keeps what belongs to the structure itself: parents and children, Stat rules,
// ACL references, ephemerals by session, containers and TTL nodes, the digest. What a transaction
// means is said in apply.ts.
//
// A slot names a node until it is removed; keep none across a change. Paths are bytes; the root is
// '' or '/'. Invariants: a parent lives as long as its children; digest = sum of the digests of all
// nodes outside /zookeeper/.

import { decodeUtf8, encodeUtf8 } from '../../jute/utf8.ts';
import type { Writer } from '../../jute/writer.ts';
import type { ACL } from '../../proto/data.ts';
import { longOf } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { crc32, crcStart, crcValue } from '../../util/checksums.ts';
import { Slab } from '../../util/slab.ts';
import { AclCache } from './acl-cache.ts';
import type { EphemeralOptions } from './ephemeral-type.ts';
import { ownerKind } from './ephemeral-type.ts';
import {
  At,
  Flag,
  generationMask,
  generationShift,
  NodeRows,
  noSlot,
  statLength,
  Word,
} from './node-rows.ts';
import { PathIndex } from './path-index.ts';

export interface TreeOptions extends EphemeralOptions {
  readonly digestEnabled: boolean;
  /** Seeds the hash of paths. */
  readonly hashSeed: number;
}

/** Takes the old state of a node before it changes: how a snapshot stays exact while writes go on. */
export interface TreeImage {
  capture(slot: number): void;
}

const slash = 0x2f;
const fnvPrime = 0x01000193;
export const digestVersion = 2;

export class DataTree {
  readonly root: number;
  readonly aclCache = new AclCache();
  readonly containers = new Set<number>();
  readonly ttls = new Set<number>();
  /** Ephemerals by session id. */
  readonly ephemerals = new Map<bigint, Set<number>>();
  readonly options: TreeOptions;
  readonly #rows = new NodeRows();
  readonly #names = new Slab();
  readonly #data = new Slab();
  readonly #index: PathIndex;
  #nodeCount = 0;
  #ephemeralCount = 0;
  /** Sum of path and data lengths (Java's approximate_data_size). */
  #dataSize = 0;
  #digestHigh = 0;
  #digestLow = 0;
  #image: TreeImage | undefined;
  #generation = 1;
  #systemSlot = noSlot;

  constructor(options: TreeOptions) {
    this.options = options;
    this.#index = new PathIndex(options.hashSeed);
    const rows = this.#rows;
    const root = rows.take();
    this.root = root;
    rows.setWord(root, Word.parent, noSlot);
    rows.setWord(root, Word.firstChild, noSlot);
    rows.setWord(root, Word.nextSibling, noSlot);
    rows.setWord(root, Word.previousSibling, noSlot);
    rows.setWord(root, Word.name, this.#names.take(4));
    rows.setWord(root, Word.data, this.#data.take(0));
    rows.setWord(root, Word.acl, -1);
    rows.setWord(root, Word.hash, options.hashSeed | 0);
    rows.setWord(root, Word.pathCrc, crcStart);
    rows.setWord(root, Word.dataCrc, crcStart);
    rows.setWord(root, Word.flags, Flag.live);
    this.#nodeCount = 1;
    this.#addDigest(root);
  }

  /** Every node, the root counted once. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  get ephemeralCount(): number {
    return this.#ephemeralCount;
  }

  get dataSize(): number {
    return this.#dataSize;
  }

  /** Bytes of memory the nodes take. */
  get allocated(): number {
    return this.#rows.allocated + this.#names.allocated + this.#data.allocated;
  }

  get digest(): bigint {
    return longOf(this.#digestHigh, this.#digestLow);
  }

  get digestHigh(): number {
    return this.#digestHigh;
  }

  get digestLow(): number {
    return this.#digestLow;
  }

  /** Every live slot is below this. */
  get slotLimit(): number {
    return this.#rows.used;
  }

  isLive(slot: number): boolean {
    return (this.#rows.word(slot, Word.flags) & Flag.live) !== 0;
  }

  // ---- finding ----

  /** The node at a path given as bytes, or −1. '' and '/' are the root. */
  find(bytes: Uint8Array, start: number, end: number): number {
    if (end - start <= 1) {
      if (end === start || bytes[start] === slash) return this.root;
      return noSlot;
    }
    return this.#index.find(
      hashOn(this.options.hashSeed | 0, bytes, start, end),
      bytes,
      start,
      end,
      this,
    );
  }

  findPath(path: string): number {
    const bytes = encodeUtf8(path);
    return this.find(bytes, 0, bytes.length);
  }

  /** Whether the node's path is these bytes; asked by the index for nodes with the right hash. */
  matches(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const rows = this.#rows;
    let node = slot;
    let at = end;
    while (node !== this.root) {
      const name = rows.word(node, Word.name);
      const page = this.#names.pageOf(name);
      const block = Slab.offsetOf(name);
      const length = lengthAt(page, block);
      const from = at - length;
      if (from <= start || bytes[from - 1] !== slash) return false;
      for (let i = 0; i < length; i++) if (page[block + 4 + i] !== bytes[from + i]) return false;
      at = from - 1;
      node = rows.word(node, Word.parent);
    }
    return at === start;
  }

  parentOf(slot: number): number {
    return this.#rows.word(slot, Word.parent);
  }

  firstChild(slot: number): number {
    return this.#rows.word(slot, Word.firstChild);
  }

  nextSibling(slot: number): number {
    return this.#rows.word(slot, Word.nextSibling);
  }

  /** Nodes below a node, at any depth. */
  countDescendants(slot: number): number {
    let count = 0;
    let node = this.firstChild(slot);
    while (node !== noSlot && node !== slot) {
      count++;
      let next = this.firstChild(node);
      while (next === noSlot && node !== slot) {
        next = this.nextSibling(node);
        if (next === noSlot) node = this.parentOf(node);
      }
      node = node === slot ? noSlot : next;
    }
    return count;
  }

  // ---- reading a node ----

  nameOf(slot: number): string {
    const name = this.#rows.word(slot, Word.name);
    const page = this.#names.pageOf(name);
    const block = Slab.offsetOf(name);
    return decodeUtf8(page, block + 4, block + 4 + lengthAt(page, block));
  }

  pathLength(slot: number): number {
    let length = 0;
    for (let node = slot; node !== this.root; node = this.parentOf(node)) {
      const name = this.#rows.word(node, Word.name);
      length += 1 + lengthAt(this.#names.pageOf(name), Slab.offsetOf(name));
    }
    return length;
  }

  /** The path as bytes; '' for the root, as on disk. */
  pathBytes(slot: number): Uint8Array {
    const bytes = new Uint8Array(this.pathLength(slot));
    this.#copyPath(slot, bytes, bytes.length);
    return bytes;
  }

  /** The path as clients write it; '/' for the root. */
  pathOf(slot: number): string {
    if (slot === this.root) return '/';
    const bytes = this.pathBytes(slot);
    return decodeUtf8(bytes, 0, bytes.length);
  }

  /** The path as a jute string; '' for the root, as on disk. */
  writePath(slot: number, writer: Writer): void {
    const length = this.pathLength(slot);
    writer.int(length);
    writer.ensure(length);
    this.#copyPath(slot, writer.bytes, writer.at + length);
    writer.at += length;
  }

  /** The name as a jute string. */
  writeName(slot: number, writer: Writer): void {
    const name = this.#rows.word(slot, Word.name);
    const page = this.#names.pageOf(name);
    const block = Slab.offsetOf(name);
    const length = lengthAt(page, block);
    writer.int(length);
    writer.raw(page, block + 4, block + 4 + length);
  }

  /** The data as a jute buffer. */
  writeData(slot: number, writer: Writer): void {
    const rows = this.#rows;
    if (rows.word(slot, Word.flags) & Flag.nullData) {
      writer.int(-1);
      return;
    }
    const length = rows.int(slot, At.dataLength);
    writer.int(length);
    const data = rows.word(slot, Word.data);
    const block = Slab.offsetOf(data);
    writer.raw(this.#data.pageOf(data), block, block + length);
  }

  /** A copy of the data; null as stored. */
  dataOf(slot: number): Uint8Array | null {
    const rows = this.#rows;
    if (rows.word(slot, Word.flags) & Flag.nullData) return null;
    const data = rows.word(slot, Word.data);
    const block = Slab.offsetOf(data);
    const copy = new Uint8Array(rows.int(slot, At.dataLength));
    copy.set(this.#data.pageOf(data).subarray(block, block + copy.length));
    return copy;
  }

  /** The Stat as clients see it: 68 bytes. */
  writeStat(slot: number, writer: Writer): void {
    writer.ensure(statLength);
    this.#rows.copyStat(slot, writer.bytes, writer.at);
    writer.at += statLength;
  }

  version(slot: number): number {
    return this.#rows.int(slot, At.version);
  }

  /** Counts creations of children only; what sequence numbers and files use. */
  storedCversion(slot: number): number {
    return this.#rows.int(slot, At.storedCversion);
  }

  aversion(slot: number): number {
    return this.#rows.int(slot, At.aversion);
  }

  numChildren(slot: number): number {
    return this.#rows.int(slot, At.numChildren);
  }

  dataLength(slot: number): number {
    return this.#rows.int(slot, At.dataLength);
  }

  aclId(slot: number): number {
    return this.#rows.word(slot, Word.acl);
  }

  acl(slot: number): readonly ACL[] {
    return this.aclCache.listOf(this.#rows.word(slot, Word.acl));
  }

  /** The owner as stored: a session id, or a mark of a container or TTL node. */
  owner(slot: number): bigint {
    return this.#rows.long(slot, At.storedOwner);
  }

  czxid(slot: number): bigint {
    return this.#rows.long(slot, At.czxid);
  }

  mzxid(slot: number): bigint {
    return this.#rows.long(slot, At.mzxid);
  }

  pzxid(slot: number): bigint {
    return this.#rows.long(slot, At.pzxid);
  }

  mtime(slot: number): bigint {
    return this.#rows.long(slot, At.mtime);
  }

  nodeDigest(slot: number): number {
    return this.#rows.word(slot, Word.digest) >>> 0;
  }

  isOutsideDigest(slot: number): boolean {
    return (this.#rows.word(slot, Word.flags) & Flag.outsideDigest) !== 0;
  }

  /** The CRC register behind the node's path: where a digest of pending data starts. */
  pathCrc(slot: number): number {
    return this.#rows.word(slot, Word.pathCrc);
  }

  dataCrc(slot: number): number {
    return this.#rows.word(slot, Word.dataCrc);
  }

  /** A copy of the 60 bytes a digest covers behind path and data. */
  digestStat(slot: number, into: Uint8Array): void {
    into.set(this.#rows.digestBytes(slot));
  }

  // ---- changing ----

  /**
   * Adds a child. `bytes[nameStart, nameEnd)` is its name, with the '/' in front at nameStart − 1; the data is
   * `bytes[dataStart, dataEnd)`, or null when dataEnd < dataStart. The ACL id is counted as used.
   */
  create(
    parent: number,
    bytes: Uint8Array,
    nameStart: number,
    nameEnd: number,
    dataStart: number,
    dataEnd: number,
    aclId: number,
  ): number {
    const rows = this.#rows;
    this.#beforeChange(parent);
    const slot = rows.take();
    const nameLength = nameEnd - nameStart;
    const name = this.#names.take(nameLength + 4);
    const page = this.#names.pageOf(name);
    const block = Slab.offsetOf(name);
    page[block] = nameLength >>> 24;
    page[block + 1] = nameLength >>> 16;
    page[block + 2] = nameLength >>> 8;
    page[block + 3] = nameLength;
    for (let i = 0; i < nameLength; i++) page[block + 4 + i] = bytes[nameStart + i] as number;
    rows.setWord(slot, Word.name, name);
    rows.setWord(slot, Word.parent, parent);
    rows.setWord(slot, Word.firstChild, noSlot);
    rows.setWord(slot, Word.acl, aclId);
    const hash = hashOn(rows.word(parent, Word.hash), bytes, nameStart - 1, nameEnd);
    rows.setWord(slot, Word.hash, hash);
    const parentFlags = rows.word(parent, Word.flags);
    let flags: number = Flag.live | (this.#generation << generationShift);
    if (parentFlags & Flag.outsideDigest || parent === this.#systemSlot)
      flags |= Flag.outsideDigest;
    rows.setWord(slot, Word.flags, flags);
    const pathCrc = crc32(rows.word(parent, Word.pathCrc), bytes, nameStart - 1, nameEnd);
    rows.setWord(slot, Word.pathCrc, pathCrc);
    this.#putData(slot, bytes, dataStart, dataEnd);
    const first = rows.word(parent, Word.firstChild);
    rows.setWord(slot, Word.nextSibling, first);
    rows.setWord(slot, Word.previousSibling, noSlot);
    if (first !== noSlot) rows.setWord(first, Word.previousSibling, slot);
    rows.setWord(parent, Word.firstChild, slot);
    this.#index.insert(hash, slot);
    this.#nodeCount++;
    this.#dataSize += this.pathLength(slot);
    if (
      parent === this.root &&
      nameLength === 9 &&
      decodeUtf8(bytes, nameStart, nameEnd) === 'zookeeper'
    ) {
      this.#systemSlot = slot;
    }
    return slot;
  }

  /** Sets all of a new node's Stat but what its children and data say; then the node counts for the digest. */
  createStat(
    slot: number,
    zxidHigh: number,
    zxidLow: number,
    timeHigh: number,
    timeLow: number,
    owner: bigint,
  ): void {
    const rows = this.#rows;
    rows.setLong(slot, At.czxid, zxidHigh, zxidLow);
    rows.setLong(slot, At.mzxid, zxidHigh, zxidLow);
    rows.setLong(slot, At.pzxid, zxidHigh, zxidLow);
    rows.setLong(slot, At.ctime, timeHigh, timeLow);
    rows.setLong(slot, At.mtime, timeHigh, timeLow);
    if (owner !== 0n) this.#setOwner(slot, owner);
    this.#addDigest(slot);
  }

  /** Sets the Stat of a node that comes from a file; the counters of children follow as the children come. */
  restoreStat(
    slot: number,
    stat: {
      readonly czxid: bigint;
      readonly mzxid: bigint;
      readonly ctime: bigint;
      readonly mtime: bigint;
      readonly version: number;
      readonly cversion: number;
      readonly aversion: number;
      readonly ephemeralOwner: bigint;
      readonly pzxid: bigint;
    },
  ): void {
    const rows = this.#rows;
    const setLong = (at: number, value: bigint) =>
      rows.setLong(
        slot,
        at,
        Number(BigInt.asIntN(32, value >> 32n)),
        Number(BigInt.asIntN(32, value)),
      );
    setLong(At.czxid, stat.czxid);
    setLong(At.mzxid, stat.mzxid);
    setLong(At.pzxid, stat.pzxid);
    setLong(At.ctime, stat.ctime);
    setLong(At.mtime, stat.mtime);
    rows.setInt(slot, At.version, stat.version);
    rows.setInt(slot, At.aversion, stat.aversion);
    rows.setInt(slot, At.storedCversion, stat.cversion);
    this.#showCversion(slot);
    if (stat.ephemeralOwner !== 0n) this.#setOwner(slot, stat.ephemeralOwner);
    this.#addDigest(slot);
  }

  /** Data and ACL of the root, which every tree has from the start, when a file says them. */
  restoreRoot(bytes: Uint8Array, dataStart: number, dataEnd: number, aclId: number): void {
    this.#dropDigest(this.root);
    this.#freeData(this.root);
    this.#putData(this.root, bytes, dataStart, dataEnd);
    this.#rows.setWord(this.root, Word.acl, aclId);
  }

  /** Removes a node without children. */
  remove(slot: number): void {
    const rows = this.#rows;
    assert(slot !== this.root && rows.int(slot, At.numChildren) === 0, 'only a leaf is removed');
    this.#beforeChange(slot);
    this.#beforeChange(rows.word(slot, Word.parent));
    this.#dropDigest(slot);
    this.#dropOwner(slot);
    this.#dataSize -= this.pathLength(slot);
    this.#index.remove(rows.word(slot, Word.hash), slot);
    const parent = rows.word(slot, Word.parent);
    const next = rows.word(slot, Word.nextSibling);
    const previous = rows.word(slot, Word.previousSibling);
    if (previous === noSlot) rows.setWord(parent, Word.firstChild, next);
    else rows.setWord(previous, Word.nextSibling, next);
    if (next !== noSlot) rows.setWord(next, Word.previousSibling, previous);
    this.#freeData(slot);
    const name = rows.word(slot, Word.name);
    const nameLength = lengthAt(this.#names.pageOf(name), Slab.offsetOf(name));
    this.#names.give(name, nameLength + 4);
    this.aclCache.release(rows.word(slot, Word.acl));
    this.#nodeCount--;
    if (slot === this.#systemSlot) this.#systemSlot = noSlot;
    rows.give(slot);
  }

  /** setData: new bytes (null when end < start), version, mzxid and mtime. */
  setData(
    slot: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    version: number,
    zxidHigh: number,
    zxidLow: number,
    timeHigh: number,
    timeLow: number,
  ): void {
    const rows = this.#rows;
    this.#beforeChange(slot);
    this.#dropDigest(slot);
    this.#replaceData(slot, bytes, start, end);
    rows.setInt(slot, At.version, version);
    rows.setLong(slot, At.mzxid, zxidHigh, zxidLow);
    rows.setLong(slot, At.mtime, timeHigh, timeLow);
    this.#addDigest(slot);
  }

  /** Changes the data and nothing else: quota statistics and the config node, which stand outside the digest. */
  replaceData(slot: number, bytes: Uint8Array): void {
    assert(
      this.isOutsideDigest(slot),
      'only nodes outside the digest change without a transaction',
    );
    this.#beforeChange(slot);
    this.#replaceData(slot, bytes, 0, bytes.length);
  }

  /** Takes over one use of `aclId`. */
  setAcl(slot: number, aclId: number, aversion: number): void {
    this.#beforeChange(slot);
    this.#dropDigest(slot);
    this.pointAcl(slot, aclId);
    this.#rows.setInt(slot, At.aversion, aversion);
    this.#addDigest(slot);
  }

  /** Takes over one use of `aclId`; the Stat stays. */
  pointAcl(slot: number, aclId: number): void {
    this.#beforeChange(slot);
    const before = this.#rows.word(slot, Word.acl);
    this.#rows.setWord(slot, Word.acl, aclId);
    this.aclCache.release(before);
  }

  /**
   * After `create`, a child came: raises the parent's counters as the txn says, unless they are
   * higher already (fuzzy replay).
   */
  childCreated(parent: number, cversion: number, zxidHigh: number, zxidLow: number): void {
    const rows = this.#rows;
    this.#dropDigest(parent);
    rows.setInt(parent, At.numChildren, rows.int(parent, At.numChildren) + 1);
    this.#raise(parent, cversion, zxidHigh, zxidLow);
    this.#addDigest(parent);
  }

  /** After `remove`, a child is gone: pzxid rises, the stored cversion stays. */
  childRemoved(parent: number, zxidHigh: number, zxidLow: number): void {
    const rows = this.#rows;
    this.#dropDigest(parent);
    rows.setInt(parent, At.numChildren, rows.int(parent, At.numChildren) - 1);
    this.#raisePzxid(parent, zxidHigh, zxidLow);
    this.#showCversion(parent);
    this.#addDigest(parent);
  }

  /** Replay only: the child was there (or gone) already, the parent's counters still rise. */
  raiseParent(
    parent: number,
    cversion: number | undefined,
    zxidHigh: number,
    zxidLow: number,
  ): void {
    this.#beforeChange(parent);
    this.#dropDigest(parent);
    if (cversion === undefined) this.#raisePzxid(parent, zxidHigh, zxidLow);
    else this.#raise(parent, cversion, zxidHigh, zxidLow);
    this.#addDigest(parent);
  }

  /** A child comes from a file: only the count is its own; the counters were restored with the parent. */
  childRestored(parent: number): void {
    this.#rows.setInt(parent, At.numChildren, this.#rows.int(parent, At.numChildren) + 1);
    this.#showCversion(parent);
  }

  // ---- images ----

  /** From now on `image` gets every node before it changes, once. One image at a time. */
  beginImage(image: TreeImage): void {
    assert(this.#image === undefined, 'one image of the tree at a time');
    this.#generation = (this.#generation + 1) & generationMask;
    this.#image = image;
  }

  endImage(): void {
    this.#image = undefined;
  }

  get hasImage(): boolean {
    return this.#image !== undefined;
  }

  /** Marks the node as held by the current image; false when it was marked already. */
  markImaged(slot: number): boolean {
    const flags = this.#rows.word(slot, Word.flags);
    if (flags >>> generationShift === this.#generation) return false;
    this.#rows.setWord(slot, Word.flags, (flags & 0xff) | (this.#generation << generationShift));
    return true;
  }

  isImaged(slot: number): boolean {
    return this.#rows.word(slot, Word.flags) >>> generationShift === this.#generation;
  }

  /** A node as snapshots keep it: path, data, ACL id, StatPersisted. */
  writePersisted(slot: number, writer: Writer): void {
    const rows = this.#rows;
    this.writePath(slot, writer);
    this.writeData(slot, writer);
    const aclId = rows.word(slot, Word.acl);
    writer.longParts(aclId < 0 ? -1 : 0, aclId);
    writer.ensure(statLength);
    const base = writer.at;
    rows.copyStat(slot, writer.bytes, base);
    // czxid, mzxid, ctime, mtime and version stand as in the Stat; the rest differs.
    writer.at = base + At.cversion;
    writer.int(rows.int(slot, At.storedCversion));
    writer.int(rows.int(slot, At.aversion));
    writer.longParts(rows.int(slot, At.storedOwner), rows.int(slot, At.storedOwner + 4));
    writer.longParts(rows.int(slot, At.pzxid), rows.int(slot, At.pzxid + 4));
  }

  // ---- inside ----

  #beforeChange(slot: number): void {
    if (this.#image !== undefined && !this.isImaged(slot)) this.#image.capture(slot);
  }

  #copyPath(slot: number, into: Uint8Array, end: number): void {
    let at = end;
    for (let node = slot; node !== this.root; node = this.parentOf(node)) {
      const name = this.#rows.word(node, Word.name);
      const page = this.#names.pageOf(name);
      const block = Slab.offsetOf(name);
      const length = lengthAt(page, block);
      at -= length;
      for (let i = 0; i < length; i++) into[at + i] = page[block + 4 + i] as number;
      into[--at] = slash;
    }
  }

  #putData(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const rows = this.#rows;
    const length = end < start ? 0 : end - start;
    const data = this.#data.take(length);
    this.#data.write(data, bytes, start, start + length);
    rows.setWord(slot, Word.data, data);
    rows.setInt(slot, At.dataLength, length);
    if (end < start) rows.setWord(slot, Word.flags, rows.word(slot, Word.flags) | Flag.nullData);
    rows.setWord(slot, Word.dataCrc, this.#crcOfData(slot, bytes, start, start + length));
    this.#dataSize += length;
  }

  #freeData(slot: number): void {
    const length = this.#rows.int(slot, At.dataLength);
    this.#data.give(this.#rows.word(slot, Word.data), length);
    this.#dataSize -= length;
    this.#rows.setWord(slot, Word.flags, this.#rows.word(slot, Word.flags) & ~Flag.nullData);
  }

  #replaceData(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const rows = this.#rows;
    const before = rows.int(slot, At.dataLength);
    const length = end - start;
    const flags = rows.word(slot, Word.flags);
    if (length >= 0 && (flags & Flag.nullData) === 0 && Slab.sameBlock(before, length)) {
      this.#data.write(rows.word(slot, Word.data), bytes, start, end);
      rows.setInt(slot, At.dataLength, length);
      rows.setWord(slot, Word.dataCrc, this.#crcOfData(slot, bytes, start, end));
      this.#dataSize += length - before;
      return;
    }
    this.#freeData(slot);
    this.#putData(slot, bytes, start, end);
  }

  #crcOfData(slot: number, bytes: Uint8Array, start: number, end: number): number {
    if (!this.options.digestEnabled) return 0;
    return crc32(this.#rows.word(slot, Word.pathCrc), bytes, start, end);
  }

  #raise(parent: number, cversion: number, zxidHigh: number, zxidLow: number): void {
    const rows = this.#rows;
    const stored = rows.int(parent, At.storedCversion);
    const wanted = cversion === -1 ? (stored + 1) | 0 : cversion;
    if (wanted > stored) {
      rows.setInt(parent, At.storedCversion, wanted);
      rows.setLong(parent, At.pzxid, zxidHigh, zxidLow);
    }
    this.#showCversion(parent);
  }

  #raisePzxid(parent: number, zxidHigh: number, zxidLow: number): void {
    const rows = this.#rows;
    const high = rows.int(parent, At.pzxid);
    if (
      zxidHigh > high ||
      (zxidHigh === high && zxidLow >>> 0 > rows.int(parent, At.pzxid + 4) >>> 0)
    ) {
      rows.setLong(parent, At.pzxid, zxidHigh, zxidLow);
    }
  }

  /** Clients see creations plus deletions: twice the creations minus the children that are there. */
  #showCversion(slot: number): void {
    const rows = this.#rows;
    rows.setInt(
      slot,
      At.cversion,
      2 * rows.int(slot, At.storedCversion) - rows.int(slot, At.numChildren),
    );
  }

  #setOwner(slot: number, owner: bigint): void {
    const high = Number(BigInt.asIntN(32, owner >> 32n));
    const low = Number(BigInt.asIntN(32, owner));
    this.#rows.setLong(slot, At.storedOwner, high, low);
    const kind = ownerKind(owner, this.options);
    if (kind === 'CONTAINER') this.containers.add(slot);
    else if (kind === 'TTL') this.ttls.add(slot);
    else if (kind === 'NORMAL') {
      this.#rows.setLong(slot, At.ephemeralOwner, high, low);
      let slots = this.ephemerals.get(owner);
      if (slots === undefined) {
        slots = new Set();
        this.ephemerals.set(owner, slots);
      }
      slots.add(slot);
      this.#ephemeralCount++;
    }
  }

  #dropOwner(slot: number): void {
    if (
      this.#rows.int(slot, At.storedOwner) === 0 &&
      this.#rows.int(slot, At.storedOwner + 4) === 0
    )
      return;
    const owner = this.owner(slot);
    this.containers.delete(slot);
    this.ttls.delete(slot);
    const slots = this.ephemerals.get(owner);
    if (slots?.delete(slot)) {
      this.#ephemeralCount--;
      if (slots.size === 0) this.ephemerals.delete(owner);
    }
  }

  #addDigest(slot: number): void {
    if (!this.options.digestEnabled) return;
    const rows = this.#rows;
    if (rows.word(slot, Word.flags) & Flag.outsideDigest) return;
    const crc = crcValue(crc32(rows.word(slot, Word.dataCrc), rows.digestBytes(slot), 0, 60));
    rows.setWord(slot, Word.digest, crc);
    const low = (this.#digestLow >>> 0) + crc;
    this.#digestLow = low | 0;
    if (low > 0xffffffff) this.#digestHigh = (this.#digestHigh + 1) | 0;
  }

  #dropDigest(slot: number): void {
    const rows = this.#rows;
    const crc = rows.word(slot, Word.digest) >>> 0;
    const low = (this.#digestLow >>> 0) - crc;
    this.#digestLow = low | 0;
    if (low < 0) this.#digestHigh = (this.#digestHigh - 1) | 0;
    rows.setWord(slot, Word.digest, 0);
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
