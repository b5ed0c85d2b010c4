// What nodes will look like when every proposed transaction has been applied
// (ZooKeeperServer.outstandingChanges, ChangeRecord): prep checks new requests against this, so
// that writes can be pipelined. One record a path, changed in place; it lives until the last
// transaction that touched it is applied. Records are pooled: the hot path makes none.
//
// Invariant: with no record left, the pending digest is the tree's.

import type { ACL } from '../../proto/data.ts';
import { present } from '../../util/assert.ts';
import { crc32, crcValue } from '../../util/checksums.ts';
import { Deque } from '../../util/deque.ts';
import type { DataTree } from '../tree/data-tree.ts';
import { DigestSum } from '../tree/digest-sum.ts';

/** Offsets in the 60 bytes of a node's Stat, in the order the digest wants. */
const At = {
  czxid: 0,
  mzxid: 8,
  pzxid: 16,
  ctime: 24,
  mtime: 32,
  version: 40,
  cversion: 44,
  aversion: 48,
  owner: 52,
} as const;
const statLength = 60;

export class ChangeRecord {
  path = '';
  /** The last transaction that touched it. */
  sequence = 0;
  exists = false;
  childCount = 0;
  dataLength = 0;
  acl: readonly ACL[] = [];
  outsideDigest = false;
  /** CRC registers behind the path, and behind path and data. */
  pathCrc = 0;
  dataCrc = 0;
  digest = 0;
  /** Sessions under which it is listed: those it belonged to since it was made. */
  readonly owners: bigint[] = [];
  readonly stat = new Uint8Array(statLength);
  readonly view = new DataView(this.stat.buffer);

  get version(): number {
    return this.view.getInt32(At.version);
  }

  get cversion(): number {
    return this.view.getInt32(At.cversion);
  }

  get aversion(): number {
    return this.view.getInt32(At.aversion);
  }

  get owner(): bigint {
    return this.view.getBigInt64(At.owner);
  }

  get hasOwner(): boolean {
    return this.view.getInt32(At.owner) !== 0 || this.view.getInt32(At.owner + 4) !== 0;
  }

  setVersion(version: number): void {
    this.view.setInt32(At.version, version);
  }

  setCversion(cversion: number): void {
    this.view.setInt32(At.cversion, cversion);
  }

  setAversion(aversion: number): void {
    this.view.setInt32(At.aversion, aversion);
  }

  setModified(zxidHigh: number, zxidLow: number, timeHigh: number, timeLow: number): void {
    const view = this.view;
    view.setInt32(At.mzxid, zxidHigh);
    view.setInt32(At.mzxid + 4, zxidLow);
    view.setInt32(At.mtime, timeHigh);
    view.setInt32(At.mtime + 4, timeLow);
  }

  setPzxid(zxidHigh: number, zxidLow: number): void {
    this.view.setInt32(At.pzxid, zxidHigh);
    this.view.setInt32(At.pzxid + 4, zxidLow);
  }

  setCreated(
    zxidHigh: number,
    zxidLow: number,
    timeHigh: number,
    timeLow: number,
    owner: bigint,
  ): void {
    const view = this.view;
    this.stat.fill(0);
    this.setModified(zxidHigh, zxidLow, timeHigh, timeLow);
    view.setInt32(At.czxid, zxidHigh);
    view.setInt32(At.czxid + 4, zxidLow);
    this.setPzxid(zxidHigh, zxidLow);
    view.setInt32(At.ctime, timeHigh);
    view.setInt32(At.ctime + 4, timeLow);
    if (owner !== 0n) view.setBigInt64(At.owner, owner);
  }

  /** All but the owners: the list under a session may name more than are its own. */
  copyFrom(other: ChangeRecord): void {
    this.path = other.path;
    this.sequence = other.sequence;
    this.exists = other.exists;
    this.childCount = other.childCount;
    this.dataLength = other.dataLength;
    this.acl = other.acl;
    this.outsideDigest = other.outsideDigest;
    this.pathCrc = other.pathCrc;
    this.dataCrc = other.dataCrc;
    this.digest = other.digest;
    this.stat.set(other.stat);
  }
}

/** Of a transaction: its zxid and time, in halves. */
interface Moment {
  readonly zxidHigh: number;
  readonly zxidLow: number;
  readonly timeHigh: number;
  readonly timeLow: number;
}

interface Touch {
  readonly sequence: number;
  readonly record: ChangeRecord;
}

/** What a multi must put back when one of its operations fails. */
interface Savepoint {
  readonly digestHigh: number;
  readonly digestLow: number;
  /** State before the multi of each record it touched; undefined: there was no record. */
  readonly before: Map<string, ChangeRecord | undefined>;
}

/** Records kept for the next use; a burst of more goes back to the heap. */
const poolMax = 4096;

export class OutstandingChanges {
  readonly #tree: DataTree;
  readonly #byPath = new Map<string, ChangeRecord>();
  /** Records that belong or belonged to a session: its end must know them without looking through all. */
  readonly #byOwner = new Map<bigint, Set<ChangeRecord>>();
  readonly #touches = new Deque<Touch>();
  readonly #pool: ChangeRecord[] = [];
  readonly #digest = new DigestSum();
  #savepoint: Savepoint | undefined;

  constructor(tree: DataTree) {
    this.#tree = tree;
    this.#followTree();
  }

  get isEmpty(): boolean {
    return this.#byPath.size === 0;
  }

  /** The digest of the tree after every proposed transaction. */
  get digestHigh(): number {
    return this.#digest.high;
  }

  get digestLow(): number {
    return this.#digest.low;
  }

  /**
   * The node's state after everything proposed; undefined when it will not exist. `bytes[start, end)` is the path too
   * (of a parent, of the node): strings name records, bytes find nodes.
   */
  find(
    path: string,
    bytes: Uint8Array,
    start: number,
    end: number,
    sequence: number,
  ): ChangeRecord | undefined {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known.exists ? known : undefined;
    const tree = this.#tree;
    const slot = tree.find(bytes, start, end);
    if (slot < 0) return undefined;
    const record = this.#take(path, sequence);
    record.exists = true;
    record.childCount = tree.numChildren(slot);
    record.dataLength = tree.dataLength(slot);
    record.acl = tree.acl(slot);
    record.outsideDigest = tree.isOutsideDigest(slot);
    record.pathCrc = tree.pathCrc(slot);
    record.dataCrc = tree.dataCrc(slot);
    record.digest = tree.nodeDigest(slot);
    tree.digestStat(slot, record.stat);
    return record;
  }

  /** Whether the path will exist, without making a record. */
  exists(path: string, bytes: Uint8Array, start: number, end: number): boolean {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known.exists;
    return this.#tree.find(bytes, start, end) >= 0;
  }

  /** A record for a node that will be created: whatever was known of the path before is forgotten. */
  create(path: string, parent: ChangeRecord, sequence: number): ChangeRecord {
    const record = this.#byPath.get(path) ?? this.#take(path, sequence);
    this.touch(record, sequence);
    record.exists = true;
    record.childCount = 0;
    record.outsideDigest = parent.outsideDigest || parent.path === '/zookeeper';
    record.digest = 0;
    return record;
  }

  /** The node of `create`, with all but its data. */
  setCreated(record: ChangeRecord, proposal: Moment, owner: bigint): void {
    const { zxidHigh, zxidLow, timeHigh, timeLow } = proposal;
    record.setCreated(zxidHigh, zxidLow, timeHigh, timeLow, owner);
    if (owner !== 0n) this.#list(record, owner);
  }

  /** Must come before a record is changed: remembers which transaction it waits for, and how to undo a multi. */
  touch(record: ChangeRecord, sequence: number): void {
    this.#save(record);
    if (record.exists && record.hasOwner) this.#list(record, record.owner);
    if (record.sequence !== sequence) {
      record.sequence = sequence;
      this.#touches.push({ sequence, record });
    }
  }

  /** Takes the record's new state into the pending digest. */
  updateDigest(record: ChangeRecord): void {
    if (record.outsideDigest || !this.#tree.options.digestEnabled) return;
    const digest = record.exists ? crcValue(crc32(record.dataCrc, record.stat, 0, statLength)) : 0;
    this.#digest.add(digest - record.digest);
    record.digest = digest;
  }

  /** The transaction was applied: records that waited for it alone are done. */
  applied(sequence: number): void {
    for (let first = this.#touches.peek(); first !== undefined; first = this.#touches.peek()) {
      if (first.sequence > sequence) break;
      this.#touches.shift();
      const record = first.record;
      if (record.sequence === first.sequence && this.#byPath.get(record.path) === record) {
        this.#byPath.delete(record.path);
        this.#release(record);
      }
    }
    if (this.#byPath.size === 0) this.#followTree();
  }

  /** Forgets everything: the role ended, or the tree was replaced. */
  clear(): void {
    this.#byPath.clear();
    this.#byOwner.clear();
    this.#touches.clear();
    this.#savepoint = undefined;
    this.#followTree();
  }

  /**
   * Paths whose future concerns the end of a session: they will be its own, or (false) were and will be gone or
   * somebody else's. Paths it has in the tree and nobody is about to change are not among them.
   */
  *ephemeralsOf(session: bigint): Generator<readonly [path: string, isOwn: boolean]> {
    for (const record of this.#byOwner.get(session) ?? []) {
      yield [record.path, record.exists && record.owner === session];
    }
  }

  // ---- multi: all or nothing ----

  begin(): void {
    const { high, low } = this.#digest;
    this.#savepoint = { digestHigh: high, digestLow: low, before: new Map() };
  }

  commit(): void {
    for (const saved of this.#savepoint?.before.values() ?? [])
      if (saved !== undefined) this.#release(saved);
    this.#savepoint = undefined;
  }

  /**
   * Undoes what was changed since `begin`. A record that was not there before stays, as one of a node that does not
   * exist or as the tree has it, until this transaction is applied: simpler than unlinking it, and never wrong.
   */
  rollback(): void {
    const savepoint = present(this.#savepoint, 'a multi to roll back');
    this.#savepoint = undefined;
    this.#digest.set(savepoint.digestHigh, savepoint.digestLow);
    for (const [path, saved] of savepoint.before) {
      const record = this.#byPath.get(path);
      if (record === undefined || saved === undefined) continue;
      record.copyFrom(saved);
      this.#release(saved);
    }
  }

  // ---- inside ----

  #take(path: string, sequence: number): ChangeRecord {
    const record = this.#pool.pop() ?? new ChangeRecord();
    record.path = path;
    record.exists = false;
    record.sequence = sequence;
    this.#byPath.set(path, record);
    this.#touches.push({ sequence, record });
    return record;
  }

  #save(record: ChangeRecord): void {
    const savepoint = this.#savepoint;
    if (savepoint === undefined || savepoint.before.has(record.path)) return;
    const saved = this.#pool.pop() ?? new ChangeRecord();
    saved.copyFrom(record);
    savepoint.before.set(record.path, saved);
  }

  #list(record: ChangeRecord, owner: bigint): void {
    if (record.owners.includes(owner)) return;
    record.owners.push(owner);
    const records = this.#byOwner.get(owner);
    if (records === undefined) this.#byOwner.set(owner, new Set([record]));
    else records.add(record);
  }

  #unlist(record: ChangeRecord): void {
    for (const owner of record.owners) {
      const records = this.#byOwner.get(owner);
      records?.delete(record);
      if (records?.size === 0) this.#byOwner.delete(owner);
    }
    record.owners.length = 0;
  }

  #release(record: ChangeRecord): void {
    if (record.owners.length > 0) this.#unlist(record);
    if (this.#pool.length < poolMax) this.#pool.push(record);
  }

  #followTree(): void {
    this.#digest.set(this.#tree.digestHigh, this.#tree.digestLow);
  }
}
