// Tree <-> bytes, for snapshot files and the SNAP stream alike (SerializeUtils,
// DataTree.serialize): the session table, the ACL map, the nodes, parents before children, then the
// string "/".
//
// A source gives an exact image of one zxid although transactions go on between its slices: a node
// is written when the walk reaches it or just before it first changes, whichever comes first, its
// ancestors before it. So a fuzzy snapshot's hazards (ZOOKEEPER-3144, 3306, 4846) cannot arise.
// Java reads it like any snapshot. Several sources may be read at once, each of its own zxid.

import { DecodeError, Reader } from '../../jute/reader.ts';
import { Writer } from '../../jute/writer.ts';
import { AclList } from '../../proto/data.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { emptyBytes } from '../../util/bytes.ts';
import { Deque } from '../../util/deque.ts';
import { openAclId } from './acl-cache.ts';
import type { DataTree } from './data-tree.ts';
import { digestVersion } from './data-tree.ts';
import type { Database } from './database.ts';
import type { TreeImage } from './image-marks.ts';

/** StatPersisted */
const statLength = 60;

export interface SnapshotDigest {
  readonly zxid: Zxid;
  readonly version: number;
  readonly value: bigint;
}

export class SnapshotSource implements TreeImage {
  readonly zxid: Zxid;
  /** The tree's digest at `zxid`; undefined when digests are off. */
  readonly digest: SnapshotDigest | undefined;
  readonly nodeCount: number;
  readonly #tree: DataTree;
  /** What is due before the walk goes on: the head, and nodes captured because they were about to change. */
  readonly #waiting = new Deque<Writer>();
  /** Where captured nodes go while the walk writes. */
  #into: Writer | undefined;
  readonly #slotLimit: number;
  #slot = 0;
  #phase: 'nodes' | 'end' | 'closed' = 'nodes';

  constructor(database: Database) {
    const tree = database.tree;
    this.#tree = tree;
    this.zxid = database.lastProcessedZxid;
    this.digest = tree.options.digestEnabled
      ? { zxid: this.zxid, version: digestVersion, value: tree.digest }
      : undefined;
    this.nodeCount = tree.nodeCount;
    this.#slotLimit = tree.slotLimit;
    tree.beginImage(this);
    const sessions = this.#room();
    sessions.int(database.sessions.size);
    for (const [id, timeout] of database.sessions) {
      const head = this.#room();
      head.long(id);
      head.int(timeout);
    }
    const acls = [...tree.aclCache.entries()];
    this.#room().int(acls.length);
    for (const [id, acl] of acls) {
      const head = this.#room();
      head.long(BigInt(id));
      AclList.write(head, [...acl]);
    }
  }

  /** The slot the walk comes to next. */
  get walked(): number {
    return this.#slot;
  }

  /** The tree calls this for a node the walk has not reached, before it changes or a child of it is written. */
  capture(slot: number): void {
    this.#tree.writePersisted(slot, this.#into ?? this.#room());
  }

  /** Writes about `atMost` bytes more into `into`; false when the body is complete. */
  next(into: Writer, atMost: number): boolean {
    assert(this.#phase !== 'closed', 'a closed snapshot source is not read');
    const stop = into.at + atMost;
    for (let due = this.#waiting.shift(); due !== undefined; due = this.#waiting.shift()) {
      into.raw(due.bytes, 0, due.at);
      if (into.at >= stop) return true;
    }
    const tree = this.#tree;
    this.#into = into;
    while (this.#slot < this.#slotLimit && into.at < stop) {
      const slot = this.#slot;
      if (tree.isLive(slot) && tree.isWanted(this, slot)) tree.writePersisted(slot, into);
      this.#slot++;
    }
    this.#into = undefined;
    if (this.#slot < this.#slotLimit) return true;
    if (this.#phase === 'nodes') {
      this.#phase = 'end';
      into.ustring('/');
      tree.endImage(this);
    }
    return false;
  }

  /** How far the walk is, 0 to 1. */
  get progress(): number {
    return this.#slotLimit === 0 ? 1 : this.#slot / this.#slotLimit;
  }

  /** Lets go of the tree; must be called, also after a failure. */
  close(): void {
    if (this.#phase === 'nodes') this.#tree.endImage(this);
    this.#phase = 'closed';
    this.#waiting.clear();
  }

  /** Where something that waits is written: in pieces, as one that grows would have to be moved. */
  #room(): Writer {
    let last = this.#waiting.peekLast();
    if (last === undefined || last.at >= waitingPiece) {
      last = new Writer(waitingPiece + waitingSpare);
      this.#waiting.push(last);
    }
    return last;
  }
}

/** Bytes in a piece of what waits, and room for one more node of a common size. */
const waitingPiece = 1 << 16;
const waitingSpare = 1 << 12;

/** Java counts up from 1 for each new list; nobody has come near this. */
const aclIdMax = 0x3fffffffn;

type SinkPhase =
  | { readonly kind: 'sessions' | 'acls'; left: number }
  | { readonly kind: 'sessionCount' | 'aclCount' | 'nodes' | 'complete' };

/** Fills a bare database from a body that comes in pieces. */
export class SnapshotSink {
  readonly #database: Database;
  readonly #reader = new Reader(emptyBytes);
  /** The beginning of an item whose end has not come yet: `#carry[0, #carried)`. */
  #carry: Uint8Array = emptyBytes;
  #carried = 0;
  #phase: SinkPhase = { kind: 'sessionCount' };
  #hasRoot = false;

  /** `lengthMax`: the longest string or buffer that is not senseless. */
  constructor(database: Database, lengthMax: number) {
    this.#database = database;
    this.#reader.lengthMax = lengthMax;
  }

  get complete(): boolean {
    return this.#phase.kind === 'complete';
  }

  /** Takes bytes; returns how many of them belong to the body. Throws DecodeError when the body is wrong. */
  push(bytes: Uint8Array): number {
    if (this.complete) return 0;
    const carried = this.#carried;
    if (carried > 0) this.#append(bytes);
    const all = carried > 0 ? this.#carry : bytes;
    const end = carried + bytes.length;
    const reader = this.#reader;
    reader.reset(all, new DataView(all.buffer, all.byteOffset, all.byteLength), 0, end);
    let done = 0;
    try {
      while (!this.complete && reader.at < end) {
        this.#item(reader);
        done = reader.at;
      }
    } catch (error) {
      if (!(error instanceof DecodeError && error.incomplete)) throw error;
    }
    if (this.complete) {
      this.#carry = emptyBytes;
      this.#database.snapshotLoaded();
      return done - carried;
    }
    this.#carried = 0;
    this.#append(all.subarray(done, end));
    return bytes.length;
  }

  /** Grows by doubling, so that an item in many small pieces costs its length and not its square. */
  #append(bytes: Uint8Array): void {
    const length = this.#carried + bytes.length;
    if (length > this.#carry.length) {
      const bigger = new Uint8Array(Math.max(length, 2 * this.#carry.length));
      bigger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = bigger;
    }
    this.#carry.set(bytes, this.#carried);
    this.#carried = length;
  }

  #item(reader: Reader): void {
    const phase = this.#phase;
    switch (phase.kind) {
      case 'sessionCount':
        this.#phase = this.#counted(reader, 'sessions', 'session');
        return;
      case 'sessions': {
        const id = reader.long();
        this.#database.sessions.set(id, reader.int());
        if (--phase.left === 0) this.#phase = { kind: 'aclCount' };
        return;
      }
      case 'aclCount':
        this.#phase = this.#counted(reader, 'acls', 'ACL');
        return;
      case 'acls':
        this.#acl(reader);
        if (--phase.left === 0) this.#phase = { kind: 'nodes' };
        return;
      case 'nodes':
        this.#node(reader);
        return;
      case 'complete':
        return;
    }
  }

  #counted(reader: Reader, then: 'sessions' | 'acls', what: string): SinkPhase {
    const count = reader.int();
    if (count < 0) throw new DecodeError(`${what} count ${count}`, reader.at - 4);
    if (count > 0) return { kind: then, left: count };
    return { kind: then === 'sessions' ? 'aclCount' : 'nodes' };
  }

  #acl(reader: Reader): void {
    const at = reader.at;
    const id = aclIdOf(reader.long(), at);
    const acl = AclList.read(reader);
    const { aclCache } = this.#database.tree;
    if (aclCache.has(id)) throw new DecodeError(`ACL id ${id} twice`, at);
    aclCache.restore(id, acl);
  }

  #node(reader: Reader): void {
    const tree = this.#database.tree;
    const itemAt = reader.at;
    const pathLength = Math.max(0, reader.lengthOfBytes());
    const pathEnd = reader.at;
    const pathStart = pathEnd - pathLength;
    if (pathLength === 1 && reader.bytes[pathStart] === 0x2f) {
      this.#phase = { kind: 'complete' };
      return;
    }
    const dataLength = reader.lengthOfBytes();
    const dataEnd = dataLength < 0 ? reader.at - 1 : reader.at;
    const dataStart = dataLength < 0 ? reader.at : reader.at - dataLength;
    // A fuzzy snapshot of Java may name an ACL that came after the map was written; the log brings
    // it.
    const aclId = aclIdOf(reader.long(), reader.at - 8);
    const statAt = reader.at;
    reader.skip(statLength);
    if (pathLength === 0) {
      if (this.#hasRoot) throw new DecodeError('root that came before', itemAt);
      this.#hasRoot = true;
      tree.aclCache.use(aclId);
      tree.restoreRoot(reader.bytes, dataStart, dataEnd, aclId);
      tree.restoreStat(tree.root, reader.view, statAt);
      return;
    }
    let cut = pathEnd - 1;
    while (cut >= pathStart && reader.bytes[cut] !== 0x2f) cut--;
    if (cut < pathStart || cut === pathStart + 1 || cut + 1 === pathEnd)
      throw new DecodeError('path with an empty name', itemAt);
    const parent = tree.find(reader.bytes, pathStart, cut);
    if (parent < 0) throw new DecodeError('node without its parent before it', itemAt);
    if (tree.findChild(parent, reader.bytes, cut + 1, pathEnd) >= 0)
      throw new DecodeError('node that came before', itemAt);
    tree.aclCache.use(aclId);
    const slot = tree.create(parent, reader.bytes, cut + 1, pathEnd, dataStart, dataEnd, aclId);
    tree.restoreStat(slot, reader.view, statAt);
    tree.childRestored(parent);
  }
}

/** −1 is the open list. Ids count up from 1, an int in memory: there must be room above the highest. */
function aclIdOf(id: bigint, at: number): number {
  if (id !== BigInt(openAclId) && (id < 1n || id > aclIdMax))
    throw new DecodeError(`ACL id ${id}`, at);
  return Number(id);
}
