// Reads: op code -> tree -> bytes (FinalRequestProcessor's read half). Each writes the body of its
// reply into `out` and returns the error code; it allocates nothing beyond what it must answer.
// Watches are set here, in the same step as the read, so that no change falls between.

import type { Reader } from '../../jute/reader.ts';
import { DecodeError } from '../../jute/reader.ts';
import { decodeUtf8 } from '../../jute/utf8.ts';
import type { Writer } from '../../jute/writer.ts';
import type { SetWatches2 } from '../../proto/client.ts';
import { WhoAmIResponse } from '../../proto/client.ts';
import type { Id } from '../../proto/data.ts';
import { AclList, Perms } from '../../proto/data.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { AddWatchMode, EventType, OpCode, WatcherType } from '../../proto/opcodes.ts';
import type { Connection } from '../session/connection.ts';
import type { Watches } from '../session/watches.ts';
import { allows, maskDigestIds } from '../tree/acl.ts';
import type { Database } from '../tree/database.ts';

/** Far more than a client's jute.maxbuffer, far less than would stall or exhaust the process. */
const multiReadLengthMax = 64 << 20;

export interface ReadOptions {
  readonly skipAcl: boolean;
}

export class Reads {
  readonly #database: Database;
  readonly #watches: Watches<Connection>;
  readonly #options: ReadOptions;
  /** Delivers an event that setWatches found to be due. */
  readonly #notify: (connection: Connection, type: EventType, path: string) => void;

  constructor(
    database: Database,
    watches: Watches<Connection>,
    options: ReadOptions,
    notify: (connection: Connection, type: EventType, path: string) => void,
  ) {
    this.#database = database;
    this.#watches = watches;
    this.#options = options;
    this.#notify = notify;
  }

  /** Answers the read whose body is at `reader`. Throws DecodeError for a body that is no such request. */
  read(
    type: number,
    connection: Connection,
    authIds: readonly Id[],
    reader: Reader,
    out: Writer,
  ): number {
    switch (type) {
      case OpCode.getData:
        return this.#getData(connection, authIds, reader, out);
      case OpCode.exists:
        return this.#exists(connection, authIds, reader, out);
      case OpCode.getChildren:
      case OpCode.getChildren2:
        return this.#getChildren(type, connection, authIds, reader, out);
      case OpCode.getACL:
        return this.#getAcl(authIds, reader, out);
      case OpCode.sync: {
        const length = reader.lengthOfBytes();
        out.int(length);
        out.raw(reader.bytes, reader.at - Math.max(0, length), reader.at);
        return ErrorCode.Ok;
      }
      case OpCode.multiRead:
        return this.#multiRead(connection, authIds, reader, out);
      case OpCode.setWatches:
      case OpCode.setWatches2:
        return this.#setWatches(connection, authIds, readSetWatches(reader, type));
      case OpCode.addWatch:
        return this.#addWatch(connection, reader, out);
      case OpCode.checkWatches:
      case OpCode.removeWatches:
        return this.#watchesOf(type, connection, reader);
      case OpCode.getEphemerals:
        return this.#getEphemerals(connection, reader, out);
      case OpCode.getAllChildrenNumber:
        return this.#getAllChildrenNumber(authIds, reader, out);
      case OpCode.whoAmI:
        WhoAmIResponse.write(out, {
          clientInfo: authIds.map(({ scheme, id }) => ({
            authScheme: scheme,
            user: userOf(scheme, id),
          })),
        });
        return ErrorCode.Ok;
      default:
        throw new DecodeError(`op ${type} is no read`, reader.at);
    }
  }

  #getData(
    connection: Connection,
    authIds: readonly Id[],
    reader: Reader,
    out: Writer,
    mayWatch = true,
  ): number {
    const length = pathLength(reader);
    const pathEnd = reader.at;
    const watch = reader.boolean() && mayWatch;
    const tree = this.#database.tree;
    const slot = tree.find(reader.bytes, pathEnd - length, pathEnd);
    if (slot < 0) return ErrorCode.NoNode;
    if (!this.#may(slot, Perms.READ, authIds)) return ErrorCode.NoAuth;
    if (watch)
      this.#watches.addData(decodeUtf8(reader.bytes, pathEnd - length, pathEnd), connection);
    tree.writeData(slot, out);
    tree.writeStat(slot, out);
    return ErrorCode.Ok;
  }

  #exists(connection: Connection, authIds: readonly Id[], reader: Reader, out: Writer): number {
    const bytes = reader.bytes;
    const length = pathLength(reader);
    const pathEnd = reader.at;
    const watch = reader.boolean();
    for (let at = pathEnd - length; at < pathEnd; at++)
      if (bytes[at] === 0) return ErrorCode.BadArguments;
    const tree = this.#database.tree;
    const slot = tree.find(bytes, pathEnd - length, pathEnd);
    if (slot >= 0 && !this.#may(slot, Perms.READ, authIds)) return ErrorCode.NoAuth;
    // Also where there is no node: the watch then waits for its creation.
    if (watch) this.#watches.addData(decodeUtf8(bytes, pathEnd - length, pathEnd), connection);
    if (slot < 0) return ErrorCode.NoNode;
    tree.writeStat(slot, out);
    return ErrorCode.Ok;
  }

  #getChildren(
    type: number,
    connection: Connection,
    authIds: readonly Id[],
    reader: Reader,
    out: Writer,
    mayWatch = true,
  ): number {
    const length = pathLength(reader);
    const pathEnd = reader.at;
    const watch = reader.boolean() && mayWatch;
    const tree = this.#database.tree;
    const slot = tree.find(reader.bytes, pathEnd - length, pathEnd);
    if (slot < 0) return ErrorCode.NoNode;
    if (!this.#may(slot, Perms.READ, authIds)) return ErrorCode.NoAuth;
    if (watch)
      this.#watches.addChild(decodeUtf8(reader.bytes, pathEnd - length, pathEnd), connection);
    out.int(tree.numChildren(slot));
    for (let child = tree.firstChild(slot); child >= 0; child = tree.nextSibling(child)) {
      tree.writeName(child, out);
    }
    if (type === OpCode.getChildren2) tree.writeStat(slot, out);
    return ErrorCode.Ok;
  }

  #getAcl(authIds: readonly Id[], reader: Reader, out: Writer): number {
    const slot = this.#slotAt(reader);
    if (slot < 0) return ErrorCode.NoNode;
    if (!this.#may(slot, Perms.READ | Perms.ADMIN, authIds)) return ErrorCode.NoAuth;
    const tree = this.#database.tree;
    const acl = [...tree.acl(slot)];
    // Digests are for administrators: whoever may only read sees the users (CVE-2019-0201).
    AclList.write(out, this.#may(slot, Perms.ADMIN, authIds) ? acl : maskDigestIds(acl));
    tree.writeStat(slot, out);
    return ErrorCode.Ok;
  }

  /**
   * The watch flags in it mean nothing (Op.getData, Op.getChildren drop them). A frame can name one large node many
   * thousand times: an answer longer than any client takes is MarshallingError, where Java runs out of memory.
   */
  #multiRead(connection: Connection, authIds: readonly Id[], reader: Reader, out: Writer): number {
    checkMultiRead(reader);
    const begin = out.at;
    for (;;) {
      const type = reader.int();
      const done = reader.boolean();
      reader.int();
      if (done) break;
      const start = out.at;
      out.int(type);
      out.boolean(false);
      out.int(0);
      const err =
        type === OpCode.getData
          ? this.#getData(connection, authIds, reader, out, false)
          : this.#getChildren(type, connection, authIds, reader, out, false);
      if (err !== ErrorCode.Ok) {
        out.at = start;
        writeErrorResult(out, err);
      }
      if (out.at - begin > multiReadLengthMax) return ErrorCode.MarshallingError;
    }
    writeMultiEnd(out);
    return ErrorCode.Ok;
  }

  /**
   * Catch-up after a reconnect: what changed since `relativeZxid` is told now, the rest is watched
   * (DataTree.setWatches).
   */
  #setWatches(connection: Connection, authIds: readonly Id[], request: SetWatches2): number {
    const { tree } = this.#database;
    const since = request.relativeZxid;
    const due = (type: EventType, path: string, slot: number) => {
      // Without READ the client is not told; Java tells it (see docs/DIFFERENCES.md).
      if (slot < 0 || this.#may(slot, Perms.READ, authIds)) this.#notify(connection, type, path);
    };
    for (const path of request.dataWatches) {
      const slot = tree.findPath(path);
      if (slot < 0) due(EventType.NodeDeleted, path, slot);
      else if (tree.mzxid(slot) > since) due(EventType.NodeDataChanged, path, slot);
      else this.#watches.addData(path, connection);
    }
    for (const path of request.existWatches) {
      const slot = tree.findPath(path);
      if (slot >= 0) due(EventType.NodeCreated, path, slot);
      else this.#watches.addData(path, connection);
    }
    for (const path of request.childWatches) {
      const slot = tree.findPath(path);
      if (slot < 0) due(EventType.NodeDeleted, path, slot);
      else if (tree.pzxid(slot) > since) due(EventType.NodeChildrenChanged, path, slot);
      else this.#watches.addChild(path, connection);
    }
    for (const path of request.persistentWatches)
      this.#watches.addPersistent(path, connection, false);
    for (const path of request.persistentRecursiveWatches) {
      this.#watches.addPersistent(path, connection, true);
    }
    return ErrorCode.Ok;
  }

  #addWatch(connection: Connection, reader: Reader, out: Writer): number {
    const path = reader.ustring();
    const mode = reader.int();
    if (mode !== AddWatchMode.PERSISTENT && mode !== AddWatchMode.PERSISTENT_RECURSIVE) {
      return ErrorCode.MarshallingError;
    }
    this.#watches.addPersistent(path, connection, mode === AddWatchMode.PERSISTENT_RECURSIVE);
    out.int(0);
    return ErrorCode.Ok;
  }

  #watchesOf(type: number, connection: Connection, reader: Reader): number {
    const path = reader.nullableString();
    const watcherType = watcherTypeOf(reader.int());
    if (watcherType === undefined) return ErrorCode.MarshallingError;
    if (path === null) {
      return type === OpCode.checkWatches ? ErrorCode.MarshallingError : ErrorCode.NoWatcher;
    }
    const found =
      type === OpCode.checkWatches
        ? this.#watches.has(path, watcherType, connection)
        : this.#watches.remove(path, watcherType, connection);
    return found ? ErrorCode.Ok : ErrorCode.NoWatcher;
  }

  /** Blank or "/" means all; Java trims what is no more than a space, and nothing else. */
  #getEphemerals(connection: Connection, reader: Reader, out: Writer): number {
    const prefix = reader.ustring();
    const all = /^[\0-\x20]*\/?[\0-\x20]*$/.test(prefix);
    const tree = this.#database.tree;
    const countAt = out.at;
    out.int(0);
    let count = 0;
    for (const slot of tree.ephemerals.get(connection.sessionId) ?? []) {
      const path = tree.pathOf(slot);
      if (!all && !path.startsWith(prefix)) continue;
      out.ustring(path);
      count++;
    }
    out.view.setInt32(countAt, count);
    return ErrorCode.Ok;
  }

  #getAllChildrenNumber(authIds: readonly Id[], reader: Reader, out: Writer): number {
    const isEmpty = reader.remaining >= 4 && reader.view.getInt32(reader.at) === 0;
    const slot = this.#slotAt(reader);
    if (slot < 0) return ErrorCode.NoNode;
    if (!this.#may(slot, Perms.READ, authIds)) return ErrorCode.NoAuth;
    const tree = this.#database.tree;
    // Below '' Java finds '/' too, as its map holds the root under both names.
    if (slot === tree.root) out.int(isEmpty ? tree.nodeCount : tree.nodeCount - 1);
    else out.int(tree.countDescendants(slot));
    return ErrorCode.Ok;
  }

  #slotAt(reader: Reader): number {
    const length = pathLength(reader);
    return this.#database.tree.find(reader.bytes, reader.at - length, reader.at);
  }

  #may(slot: number, perms: number, authIds: readonly Id[]): boolean {
    return this.#options.skipAcl || allows(this.#database.tree.acl(slot), perms, authIds);
  }
}

/** The length of a path that ends where the reader then stands; a null path is none (Java fails on it). */
function pathLength(reader: Reader): number {
  const length = reader.lengthOfBytes();
  if (length < 0) throw new DecodeError('a null path', reader.at - 4);
  return length;
}

function readSetWatches(reader: Reader, type: number): SetWatches2 {
  const isSecond = type === OpCode.setWatches2;
  return {
    relativeZxid: reader.long(),
    dataWatches: readPaths(reader),
    existWatches: readPaths(reader),
    childWatches: readPaths(reader),
    persistentWatches: isSecond ? readPaths(reader) : [],
    persistentRecursiveWatches: isSecond ? readPaths(reader) : [],
  };
}

/** A null list is none, nor is a null path in it. */
function readPaths(reader: Reader): string[] {
  const count = reader.count(4);
  if (count < 0) throw new DecodeError('a null list', reader.at - 4);
  const paths: string[] = [];
  for (let i = 0; i < count; i++) {
    const length = pathLength(reader);
    paths.push(decodeUtf8(reader.bytes, reader.at - length, reader.at));
  }
  return paths;
}

/** Reads a multiRead to its end before anything is answered: one operation of another kind spoils it all. */
function checkMultiRead(reader: Reader): void {
  const start = reader.at;
  for (;;) {
    const type = reader.int();
    const done = reader.boolean();
    reader.int();
    if (done) break;
    if (type !== OpCode.getData && type !== OpCode.getChildren) {
      throw new DecodeError(`op ${type} in a multiRead`, reader.at);
    }
    reader.lengthOfBytes();
    reader.boolean();
  }
  reader.at = start;
}

/** One failed operation in a multi's or multiRead's answer. */
export function writeErrorResult(out: Writer, err: number): void {
  out.int(OpCode.error);
  out.boolean(false);
  out.int(err);
  out.int(err);
}

export function writeMultiEnd(out: Writer): void {
  out.int(-1);
  out.boolean(true);
  out.int(-1);
}

function watcherTypeOf(type: number): WatcherType | undefined {
  return Object.values(WatcherType).find((known) => known === type);
}

/** What a provider calls the user of an id (AuthUtil.getUser). */
function userOf(scheme: string, id: string): string {
  if (scheme === 'super') return '';
  return scheme === 'digest' ? (id.split(':')[0] ?? '') : id;
}
