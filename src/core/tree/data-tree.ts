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
import type { ReadonlyIntSet } from '../../util/int-set.ts';
import { AclCache } from './acl-cache.ts';
import { DigestSum } from './digest-sum.ts';
import type { EphemeralOptions } from './ephemeral-type.ts';
import type { TreeImage } from './image-marks.ts';
import { ImageMarks } from './image-marks.ts';
import { NodeData } from './node-data.ts';
import { hashOn, NodeNames } from './node-names.ts';
import { NodeOwners } from './node-owners.ts';
import { At, Flag, NodeRows, noSlot, rowLength, statLength, Word } from './node-rows.ts';
import { addChildren, raiseCversion, raisePzxid, showCversion } from './parent-counters.ts';
import { PathIndex } from './path-index.ts';

export interface TreeOptions extends EphemeralOptions {
  readonly digestEnabled: boolean;
  /** Seeds the hash of paths. */
  readonly hashSeed: number;
}

const slash = 0x2f;
export const digestVersion = 2;

/** What the index asks when a node is looked for by its parent and name. */
class ChildMatcher {
  readonly #rows: NodeRows;
  readonly #names: NodeNames;
  parent = noSlot;

  constructor(rows: NodeRows, names: NodeNames) {
    this.#rows = rows;
    this.#names = names;
  }

  matches(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    return (
      this.#rows.word(slot, Word.parent) === this.parent &&
      this.#names.isNamed(slot, bytes, start, end)
    );
  }
}

export class DataTree {
  readonly root: number;
  readonly aclCache = new AclCache();
  readonly options: TreeOptions;
  readonly #rows = new NodeRows();
  readonly #names: NodeNames;
  readonly #data: NodeData;
  readonly #owners: NodeOwners;
  readonly #index: PathIndex;
  readonly #children: ChildMatcher;
  readonly #digest = new DigestSum();
  readonly #marks: ImageMarks;
  #nodeCount = 1;
  /** The sum of the lengths of all paths. */
  #pathsLength = 0;
  #systemSlot = noSlot;

  constructor(options: TreeOptions) {
    this.options = options;
    const rows = this.#rows;
    const root = rows.take();
    this.root = root;
    this.#names = new NodeNames(rows, root);
    this.#data = new NodeData(rows, options.digestEnabled);
    this.#owners = new NodeOwners(rows, options);
    this.#index = new PathIndex(options.hashSeed);
    this.#children = new ChildMatcher(rows, this.#names);
    this.#marks = new ImageMarks(rows);
    rows.setWord(root, Word.parent, noSlot);
    rows.setWord(root, Word.firstChild, noSlot);
    rows.setWord(root, Word.nextSibling, noSlot);
    rows.setWord(root, Word.previousSibling, noSlot);
    rows.setWord(root, Word.acl, -1);
    rows.setWord(root, Word.hash, options.hashSeed | 0);
    rows.setWord(root, Word.pathCrc, crcStart);
    rows.setWord(root, Word.flags, Flag.live);
    this.#data.set(root, new Uint8Array(0), 0, 0);
    this.#updateDigest(root);
  }

  /** Every node, the root counted once. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  get ephemeralCount(): number {
    return this.#owners.ephemeralCount;
  }

  /** Ephemerals by session id; no set is empty. */
  get ephemerals(): ReadonlyMap<bigint, ReadonlyIntSet> {
    return this.#owners.ephemerals;
  }

  get containers(): ReadonlyIntSet {
    return this.#owners.containers;
  }

  get ttls(): ReadonlyIntSet {
    return this.#owners.ttls;
  }

  /** Sum of path and data lengths (Java's approximate_data_size). */
  get dataSize(): number {
    return this.#pathsLength + this.#data.size;
  }

  /** Bytes of memory the nodes take. */
  get allocated(): number {
    return this.#rows.allocated + this.#names.allocated + this.#data.allocated;
  }

  /** Bytes of it that hold live nodes. */
  get used(): number {
    return this.#nodeCount * rowLength + this.#names.used + this.#data.used;
  }

  get digest(): bigint {
    return this.#digest.value;
  }

  get digestHigh(): number {
    return this.#digest.high;
  }

  get digestLow(): number {
    return this.#digest.low;
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
      return end === start || bytes[start] === slash ? this.root : noSlot;
    }
    const hash = hashOn(this.options.hashSeed | 0, bytes, start, end);
    return this.#index.find(hash, bytes, start, end, this.#names);
  }

  /** The child whose name is `bytes[start, end)`, with the '/' in front at start − 1, or −1. */
  findChild(parent: number, bytes: Uint8Array, start: number, end: number): number {
    this.#children.parent = parent;
    const hash = hashOn(this.#rows.word(parent, Word.hash), bytes, start - 1, end);
    return this.#index.find(hash, bytes, start, end, this.#children);
  }

  findPath(path: string): number {
    const bytes = encodeUtf8(path);
    return this.find(bytes, 0, bytes.length);
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
    return this.#names.text(slot);
  }

  /** The path as bytes; '' for the root, as on disk. */
  pathBytes(slot: number): Uint8Array {
    return this.#names.pathBytes(slot);
  }

  /** The path as clients write it; '/' for the root. */
  pathOf(slot: number): string {
    if (slot === this.root) return '/';
    const bytes = this.#names.pathBytes(slot);
    return decodeUtf8(bytes, 0, bytes.length);
  }

  /** The name as a jute string. */
  writeName(slot: number, writer: Writer): void {
    this.#names.write(slot, writer);
  }

  /** The data as a jute buffer. */
  writeData(slot: number, writer: Writer): void {
    this.#data.write(slot, writer);
  }

  /** A copy of the data; null as stored. */
  dataOf(slot: number): Uint8Array | null {
    return this.#data.copy(slot);
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
    this.#marks.beforeChange(parent);
    const slot = rows.take();
    this.#names.set(slot, parent, bytes, nameStart, nameEnd);
    rows.setWord(slot, Word.parent, parent);
    rows.setWord(slot, Word.firstChild, noSlot);
    rows.setWord(slot, Word.acl, aclId);
    const hash = hashOn(rows.word(parent, Word.hash), bytes, nameStart - 1, nameEnd);
    rows.setWord(slot, Word.hash, hash);
    const parentFlags = rows.word(parent, Word.flags);
    let flags: number = Flag.live | this.#marks.mark;
    if (parentFlags & Flag.outsideDigest || parent === this.#systemSlot)
      flags |= Flag.outsideDigest;
    rows.setWord(slot, Word.flags, flags);
    const pathCrc = crc32(rows.word(parent, Word.pathCrc), bytes, nameStart - 1, nameEnd);
    rows.setWord(slot, Word.pathCrc, pathCrc);
    this.#data.set(slot, bytes, dataStart, dataEnd);
    const first = rows.word(parent, Word.firstChild);
    rows.setWord(slot, Word.nextSibling, first);
    rows.setWord(slot, Word.previousSibling, noSlot);
    if (first !== noSlot) rows.setWord(first, Word.previousSibling, slot);
    rows.setWord(parent, Word.firstChild, slot);
    this.#index.insert(hash, slot);
    this.#nodeCount++;
    this.#pathsLength += this.#names.pathLength(slot);
    if (parent === this.root && this.#isSystemName(bytes, nameStart, nameEnd)) {
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
    if (owner !== 0n) this.#owners.set(slot, owner);
    this.#updateDigest(slot);
  }

  /**
   * Sets the Stat of a node that comes from a file; the counters of children follow as the children come. `at`: where
   * its StatPersisted stands (czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, pzxid). No
   * record is read: a million nodes would cost nine million fields.
   */
  restoreStat(slot: number, view: DataView, at: number): void {
    const rows = this.#rows;
    rows.setLong(slot, At.czxid, view.getInt32(at), view.getInt32(at + 4));
    rows.setLong(slot, At.mzxid, view.getInt32(at + 8), view.getInt32(at + 12));
    rows.setLong(slot, At.ctime, view.getInt32(at + 16), view.getInt32(at + 20));
    rows.setLong(slot, At.mtime, view.getInt32(at + 24), view.getInt32(at + 28));
    rows.setInt(slot, At.version, view.getInt32(at + 32));
    rows.setInt(slot, At.storedCversion, view.getInt32(at + 36));
    rows.setInt(slot, At.aversion, view.getInt32(at + 40));
    rows.setLong(slot, At.pzxid, view.getInt32(at + 52), view.getInt32(at + 56));
    showCversion(rows, slot);
    const ownerHigh = view.getInt32(at + 44);
    const ownerLow = view.getInt32(at + 48);
    if (ownerHigh !== 0 || ownerLow !== 0) this.#owners.set(slot, longOf(ownerHigh, ownerLow));
    this.#updateDigest(slot);
  }

  /** Data and ACL of the root, which every tree has from the start, when a file says them. */
  restoreRoot(bytes: Uint8Array, dataStart: number, dataEnd: number, aclId: number): void {
    this.#data.replace(this.root, bytes, dataStart, dataEnd);
    this.#rows.setWord(this.root, Word.acl, aclId);
  }

  /** Removes a node without children. */
  remove(slot: number): void {
    const rows = this.#rows;
    assert(slot !== this.root && rows.int(slot, At.numChildren) === 0, 'only a leaf is removed');
    // Its parent changes too; an image that has a node has its ancestors.
    this.#marks.beforeChange(slot);
    this.#digest.add(-this.nodeDigest(slot));
    this.#owners.drop(slot);
    this.#pathsLength -= this.#names.pathLength(slot);
    this.#index.remove(rows.word(slot, Word.hash), slot);
    const parent = rows.word(slot, Word.parent);
    const next = rows.word(slot, Word.nextSibling);
    const previous = rows.word(slot, Word.previousSibling);
    if (previous === noSlot) rows.setWord(parent, Word.firstChild, next);
    else rows.setWord(previous, Word.nextSibling, next);
    if (next !== noSlot) rows.setWord(next, Word.previousSibling, previous);
    this.#data.drop(slot);
    this.#names.drop(slot);
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
    this.#marks.beforeChange(slot);
    this.#data.replace(slot, bytes, start, end);
    rows.setInt(slot, At.version, version);
    rows.setLong(slot, At.mzxid, zxidHigh, zxidLow);
    rows.setLong(slot, At.mtime, timeHigh, timeLow);
    this.#updateDigest(slot);
  }

  /** Changes the data and nothing else: quota statistics and the config node, which stand outside the digest. */
  replaceData(slot: number, bytes: Uint8Array): void {
    assert(
      this.isOutsideDigest(slot),
      'only nodes outside the digest change without a transaction',
    );
    this.#marks.beforeChange(slot);
    this.#data.replace(slot, bytes, 0, bytes.length);
  }

  /** Takes over one use of `aclId`. */
  setAcl(slot: number, aclId: number, aversion: number): void {
    this.#marks.beforeChange(slot);
    this.pointAcl(slot, aclId);
    this.#rows.setInt(slot, At.aversion, aversion);
    this.#updateDigest(slot);
  }

  /** Takes over one use of `aclId`; the Stat stays. */
  pointAcl(slot: number, aclId: number): void {
    this.#marks.beforeChange(slot);
    const before = this.#rows.word(slot, Word.acl);
    this.#rows.setWord(slot, Word.acl, aclId);
    this.aclCache.release(before);
  }

  /** After `create`, a child came: the parent's counters rise as the transaction says. */
  childCreated(parent: number, cversion: number, zxidHigh: number, zxidLow: number): void {
    addChildren(this.#rows, parent, 1);
    raiseCversion(this.#rows, parent, cversion, zxidHigh, zxidLow);
    this.#updateDigest(parent);
  }

  /** After `remove`, a child is gone. */
  childRemoved(parent: number, zxidHigh: number, zxidLow: number): void {
    addChildren(this.#rows, parent, -1);
    raisePzxid(this.#rows, parent, zxidHigh, zxidLow);
    this.#updateDigest(parent);
  }

  /** Replay only: the child was there already (or gone: no cversion), the parent's counters still rise. */
  raiseParent(
    parent: number,
    cversion: number | undefined,
    zxidHigh: number,
    zxidLow: number,
  ): void {
    this.#marks.beforeChange(parent);
    if (cversion === undefined) raisePzxid(this.#rows, parent, zxidHigh, zxidLow);
    else raiseCversion(this.#rows, parent, cversion, zxidHigh, zxidLow);
    this.#updateDigest(parent);
  }

  /** A child comes from a file: only the count is its own; the counters were restored with the parent. */
  childRestored(parent: number): void {
    addChildren(this.#rows, parent, 1);
  }

  // ---- images ----

  /** From now on `image` gets every node that its walk has not passed before it changes, once, parents first. */
  beginImage(image: TreeImage): void {
    this.#marks.begin(image);
  }

  endImage(image: TreeImage): void {
    this.#marks.end(image);
  }

  /** How many images are being taken. */
  get imageCount(): number {
    return this.#marks.count;
  }

  /** The walk of `image` comes to a live node: true when it has to write it, and has all its ancestors now. */
  isWanted(image: TreeImage, slot: number): boolean {
    return this.#marks.wants(image, slot);
  }

  /** A node as snapshots keep it: path, data, ACL id, StatPersisted. */
  writePersisted(slot: number, writer: Writer): void {
    const rows = this.#rows;
    this.#names.writePath(slot, writer);
    this.#data.write(slot, writer);
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

  #isSystemName(bytes: Uint8Array, start: number, end: number): boolean {
    return end - start === 9 && decodeUtf8(bytes, start, end) === 'zookeeper';
  }

  /** The node's Stat, data or path are new: its digest and the sum follow (DigestCalculator.java). */
  #updateDigest(slot: number): void {
    if (!this.options.digestEnabled) return;
    const rows = this.#rows;
    if (rows.word(slot, Word.flags) & Flag.outsideDigest) return;
    const digest = crcValue(crc32(rows.word(slot, Word.dataCrc), rows.digestBytes(slot), 0, 60));
    this.#digest.add(digest - (rows.word(slot, Word.digest) >>> 0));
    rows.setWord(slot, Word.digest, digest);
  }
}
