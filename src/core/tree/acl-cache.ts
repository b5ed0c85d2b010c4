// One small number for each distinct ACL list of the tree (ReferenceCountedACLCache.java). In:
// lists, decoded or as the bytes of their jute vector. Out: ids that nodes keep and snapshots
// write.
//
// Invariants: equal lists (order counts) get one id, save where a snapshot holds a list twice; an
// id is never given to a second list, not even an id that only a node of a fuzzy snapshot named; an
// entry lives while a node uses it.
// Differs from Java on purpose: an unknown id that a node brings along is set apart for ever, where
// Java may later give it to another list and then count that one down by mistake.

import { DecodeError, Reader } from '../../jute/reader.ts';
import { decodeAscii } from '../../jute/utf8.ts';
import { Writer } from '../../jute/writer.ts';
import type { ACL } from '../../proto/data.ts';
import { AclList, openAcl } from '../../proto/data.ts';
import { AssertionError, assert } from '../../util/assert.ts';
import { copyBytes } from '../../util/bytes.ts';

/** What stands for "no list": everyone may do everything (OPEN_UNSAFE_ACL_ID). */
export const openAclId = -1;

interface Entry {
  readonly id: number;
  readonly acl: readonly ACL[];
  /** The bytes of the jute vector, each as one character. */
  readonly key: string;
  /** How many nodes have it. */
  uses: number;
}

export class AclCache {
  readonly #byId = new Map<number, Entry>();
  readonly #byKey = new Map<string, Entry>();
  readonly #writer = new Writer();
  #idMax = 0;
  /** The encoded list asked for last, and its id; most creates repeat it. */
  #lastBytes: Uint8Array = new Uint8Array(0);
  #lastId = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** The id of a list; −1 for null. A new list gets the next id, with no use counted yet. */
  idOf(acl: readonly ACL[] | null): number {
    if (acl === null) return openAclId;
    const key = this.#keyOf(acl);
    return (this.#byKey.get(key) ?? this.#add(this.#idMax + 1, acl, key)).id;
  }

  /**
   * The same for a list as it stands on the wire: `bytes[start, end)` is a whole jute vector, count included.
   * Throws DecodeError when it is not.
   */
  idOfEncoded(bytes: Uint8Array, start: number, end: number): number {
    if (this.#lastId !== 0 && this.#isLast(bytes, start, end)) return this.#lastId;
    const known = this.#byKey.get(decodeAscii(bytes, start, end));
    const id = known === undefined ? this.#decode(bytes, start, end) : known.id;
    this.#lastBytes = copyBytes(bytes, start, end);
    this.#lastId = id;
    return id;
  }

  /** Throws AssertionError for an id that no list has. */
  listOf(id: number): readonly ACL[] {
    if (id === openAclId) return openAcl;
    const entry = this.#byId.get(id);
    if (entry === undefined) throw new AssertionError(`broken invariant: ACL id ${id} has a list`);
    return entry.acl;
  }

  has(id: number): boolean {
    return id === openAclId || this.#byId.has(id);
  }

  /**
   * Counts one more node with this id or list and returns the id. An unknown id (a node of a fuzzy snapshot, whose
   * list was cached after the lists were written) is only set apart: the replay that follows points the node
   * elsewhere.
   */
  use(acl: number | readonly ACL[] | null): number {
    const id = typeof acl === 'number' ? acl : this.idOf(acl);
    const entry = this.#byId.get(id);
    if (entry !== undefined) entry.uses++;
    else if (id > this.#idMax) this.#idMax = id;
    return id;
  }

  /** Counts one node less; the last one takes the list with it. Ids without a list are ignored, as in Java. */
  release(id: number): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    entry.uses--;
    if (entry.uses <= 0) this.#remove(entry);
  }

  /** Ids and lists, as a snapshot writes them. */
  *entries(): Generator<readonly [number, readonly ACL[]]> {
    for (const entry of this.#byId.values()) yield [entry.id, entry.acl];
  }

  /**
   * Takes one entry of a snapshot, not used by any node so far. Throws AssertionError for ids below 1 and repeated
   * ids.
   */
  restore(id: number, acl: readonly ACL[]): void {
    assert(Number.isSafeInteger(id) && id > 0, `ACL id ${id} of a snapshot is 1 or more`);
    assert(!this.#byId.has(id), `ACL id ${id} of a snapshot stands there once`);
    this.#add(id, acl, this.#keyOf(acl));
  }

  /** Forgets lists that no node has, after a load. */
  purgeUnused(): void {
    for (const entry of this.#byId.values()) if (entry.uses <= 0) this.#remove(entry);
  }

  /** Where a snapshot holds one list twice, both ids keep it and new nodes get the first. */
  #add(id: number, acl: readonly ACL[], key: string): Entry {
    const entry: Entry = { id, acl, key, uses: 0 };
    this.#byId.set(id, entry);
    if (!this.#byKey.has(key)) this.#byKey.set(key, entry);
    if (id > this.#idMax) this.#idMax = id;
    return entry;
  }

  #remove(entry: Entry): void {
    this.#byId.delete(entry.id);
    if (this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key);
    if (this.#lastId === entry.id) this.#lastId = 0;
  }

  #keyOf(acl: readonly ACL[]): string {
    const writer = this.#writer;
    writer.clear();
    AclList.write(writer, acl as ACL[]);
    return decodeAscii(writer.bytes, 0, writer.at);
  }

  #isLast(bytes: Uint8Array, start: number, end: number): boolean {
    const last = this.#lastBytes;
    if (last.length !== end - start) return false;
    for (let i = 0; i < last.length; i++) if (last[i] !== bytes[start + i]) return false;
    return true;
  }

  /** Bytes that are no entry's key: a new list, a null list, or a list written in an unusual way (null strings). */
  #decode(bytes: Uint8Array, start: number, end: number): number {
    const reader = new Reader(bytes, start, end);
    if (reader.remaining === 4 && reader.int() === -1) return openAclId;
    reader.at = start;
    const acl = AclList.read(reader);
    if (reader.at !== end) throw new DecodeError('bytes behind the ACL list', reader.at);
    return this.idOf(acl);
  }
}
