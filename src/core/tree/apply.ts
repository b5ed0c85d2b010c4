// Transaction -> tree (DataTree.processTxn). The one place that says what a committed transaction
// does, used alike by recovery, by a learner and by the server that made it. It reads the
// transaction where it stands in the log's bytes.
//
// In: one serialized transaction (header, record, optional digest). Out: changes of the database;
// what a watcher or the waiting client must hear goes to the listener, changes in order, then
// results. A change that does not fit the tree (NoNode, NodeExists) is legal only while replaying
// behind a fuzzy snapshot; it is answered as an error code.

import type { Reader } from '../../jute/reader.ts';
import { DecodeError } from '../../jute/reader.ts';
import { decodeUtf8 } from '../../jute/utf8.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { longOf } from '../../proto/zxid.ts';
import { digestVersion } from './data-tree.ts';
import type { Database } from './database.ts';
import { containerOwner, isTtl, ttlOwner } from './ephemeral-type.ts';

export interface ApplyListener {
  /** Whether anybody watches anything: otherwise no path string is made and no `node…` is called. */
  readonly watched: boolean;
  nodeCreated(path: string, aclId: number, parentAclId: number): void;
  nodeDeleted(path: string, aclId: number, parentAclId: number): void;
  nodeDataChanged(path: string, aclId: number): void;
  /** Whether `result` is wanted. */
  readonly wantsResults: boolean;
  /** One per operation, in order: its type, error, node (−1: none) and path as bytes. Valid during the call. */
  result(
    type: number,
    err: number,
    slot: number,
    bytes: Uint8Array,
    pathStart: number,
    pathEnd: number,
  ): void;
}

/** Version and sum, behind the record. */
const digestLength = 12;

/** The header of the transaction that is being applied, in halves of longs. */
interface Header {
  clientHigh: number;
  clientLow: number;
  cxid: number;
  zxidHigh: number;
  zxidLow: number;
  timeHigh: number;
  timeLow: number;
  type: number;
}

const header: Header = {
  clientHigh: 0,
  clientLow: 0,
  cxid: 0,
  zxidHigh: 0,
  zxidLow: 0,
  timeHigh: 0,
  timeLow: 0,
  type: 0,
};

/** What the last applied operation left: read at once, never kept. */
const last = { slot: -1, pathStart: 0, pathEnd: 0 };

/** A transaction that no server should have written: an unknown type, a senseless TTL, a path without a slash. */
export class BadTxnError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadTxnError';
  }
}

/**
 * Applies the transaction in `bytes[start, end)` and returns its error code. Throws DecodeError or BadTxnError when it
 * cannot be read or makes no sense; the database is then worth nothing (a multi may have gone half way). A `check` that
 * stands alone, which Java 3.8.0 to 3.8.4 logs and then cannot read back itself, changes nothing.
 */
export function applyTxn(
  database: Database,
  bytes: Uint8Array,
  start: number,
  end: number,
  listener?: ApplyListener,
): number {
  const reader = database.reader;
  if (reader.bytes !== bytes) {
    reader.reset(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), start, end);
  } else {
    reader.at = start;
    reader.end = end;
  }
  if (end - start < 32) throw new DecodeError('transaction header cut short', start);
  const view = reader.view;
  header.clientHigh = view.getInt32(start);
  header.clientLow = view.getInt32(start + 4);
  header.cxid = view.getInt32(start + 8);
  header.zxidHigh = view.getInt32(start + 12);
  header.zxidLow = view.getInt32(start + 16);
  header.timeHigh = view.getInt32(start + 20);
  header.timeLow = view.getInt32(start + 24);
  const type = view.getInt32(start + 28);
  header.type = type;
  reader.at = start + 32;
  // Old servers logged a top-level check and then could not start again (ZOOKEEPER-2623).
  if (type === OpCode.check) throw new BadTxnError('a check stands outside a multi');
  const err =
    type === OpCode.multi
      ? applyMulti(database, reader, listener)
      : applyOne(database, reader, type, listener);
  if (isNewer(header.zxidHigh, header.zxidLow, database.zxidHigh, database.zxidLow)) {
    database.zxidHigh = header.zxidHigh;
    database.zxidLow = header.zxidLow;
  }
  if (type !== OpCode.error && reader.end - reader.at >= digestLength) {
    const at = reader.at;
    database.compareDigest(view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8));
  }
  database.noteDigest();
  return err;
}

function isNewer(high: number, low: number, thanHigh: number, thanLow: number): boolean {
  return high > thanHigh || (high === thanHigh && low >>> 0 > thanLow >>> 0);
}

/** One operation; the reader stands at its record and is left behind it. */
function applyOne(
  database: Database,
  reader: Reader,
  type: number,
  listener: ApplyListener | undefined,
): number {
  let err: number = ErrorCode.Ok;
  last.slot = -1;
  last.pathStart = 0;
  last.pathEnd = 0;
  switch (type) {
    case OpCode.setData:
    case OpCode.reconfig:
      err = applySetData(database, reader, listener);
      break;
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
      err = applyCreate(database, reader, type, listener);
      break;
    case OpCode.delete:
    case OpCode.deleteContainer:
      readPath(reader);
      err = deleteNode(database, reader.bytes, last.pathStart, last.pathEnd, listener);
      break;
    case OpCode.setACL:
      err = applySetAcl(database, reader);
      break;
    case OpCode.check:
      readPath(reader);
      reader.int();
      break;
    case OpCode.error:
      err = reader.int();
      break;
    case OpCode.createSession:
      database.sessions.set(longOf(header.clientHigh, header.clientLow), reader.int());
      break;
    case OpCode.closeSession:
      applyCloseSession(database, reader, listener);
      break;
    default:
      throw new BadTxnError(`no transaction has type ${type}`);
  }
  if (listener?.wantsResults) {
    listener.result(type, err, last.slot, reader.bytes, last.pathStart, last.pathEnd);
  }
  return err;
}

function readPath(reader: Reader): void {
  const length = reader.lengthOfBytes();
  last.pathEnd = reader.at;
  last.pathStart = reader.at - Math.max(0, length);
}

function applyCreate(
  database: Database,
  reader: Reader,
  type: number,
  listener: ApplyListener | undefined,
): number {
  const bytes = reader.bytes;
  readPath(reader);
  const { pathStart, pathEnd } = last;
  const dataLength = reader.lengthOfBytes();
  const dataEnd = dataLength < 0 ? reader.at - 1 : reader.at;
  const dataStart = dataLength < 0 ? reader.at : reader.at - dataLength;
  const aclStart = reader.at;
  skipAcl(reader);
  const aclEnd = reader.at;
  let owner = 0n;
  if (type === OpCode.create || type === OpCode.create2) {
    if (reader.boolean()) owner = longOf(header.clientHigh, header.clientLow);
  } else if (type === OpCode.createContainer) {
    owner = containerOwner;
  }
  // CreateTxnV0, written before 3.4, ends here: −1 makes the parent's version count up by one.
  const parentCVersion = reader.remaining >= 4 ? reader.int() : -1;
  if (type === OpCode.createTTL) {
    const ttl = reader.long();
    if (!isTtl(ttl)) throw new BadTxnError(`createTTL with ttl ${ttl}, not 1 to 2^40 - 1 ms`);
    owner = ttlOwner(ttl);
  }

  const tree = database.tree;
  const cut = lastSlash(bytes, pathStart, pathEnd);
  if (cut < pathStart) throw new BadTxnError('create of a path without a slash');
  const parent = tree.find(bytes, pathStart, cut);
  if (parent < 0) return ErrorCode.NoNode;
  const aclId = tree.aclCache.use(tree.aclCache.idOfEncoded(bytes, aclStart, aclEnd));
  const existing = tree.findChild(parent, bytes, cut + 1, pathEnd);
  if (existing >= 0) {
    // Behind a fuzzy snapshot the node may be there already, perhaps another session's: the ACL is
    // the txn's, and the parent's counters must not fall behind (DataTree.createNode, processTxn).
    tree.pointAcl(existing, aclId);
    if (type === OpCode.create)
      tree.raiseParent(parent, parentCVersion, header.zxidHigh, header.zxidLow);
    return ErrorCode.NodeExists;
  }
  const slot = tree.create(parent, bytes, cut + 1, pathEnd, dataStart, dataEnd, aclId);
  tree.createStat(slot, header.zxidHigh, header.zxidLow, header.timeHigh, header.timeLow, owner);
  tree.childCreated(parent, parentCVersion, header.zxidHigh, header.zxidLow);
  last.slot = slot;
  const quotas = database.quotas;
  if (!quotas.isEmpty || tree.isOutsideDigest(slot)) {
    quotas.created(decodeUtf8(bytes, pathStart, pathEnd), Math.max(0, dataLength));
  }
  if (listener?.watched) {
    listener.nodeCreated(decodeUtf8(bytes, pathStart, pathEnd), aclId, tree.aclId(parent));
  }
  return ErrorCode.Ok;
}

function applySetData(
  database: Database,
  reader: Reader,
  listener: ApplyListener | undefined,
): number {
  const bytes = reader.bytes;
  readPath(reader);
  const dataLength = reader.lengthOfBytes();
  const dataEnd = dataLength < 0 ? reader.at - 1 : reader.at;
  const dataStart = dataLength < 0 ? reader.at : reader.at - dataLength;
  const version = reader.int();
  const tree = database.tree;
  const slot = tree.find(bytes, last.pathStart, last.pathEnd);
  if (slot < 0) return ErrorCode.NoNode;
  const before = tree.dataLength(slot);
  tree.setData(
    slot,
    bytes,
    dataStart,
    dataEnd,
    version,
    header.zxidHigh,
    header.zxidLow,
    header.timeHigh,
    header.timeLow,
  );
  last.slot = slot;
  if (!database.quotas.isEmpty) {
    const path = decodeUtf8(bytes, last.pathStart, last.pathEnd);
    database.quotas.changed(path, Math.max(0, dataLength) - before);
  }
  if (listener?.watched) {
    listener.nodeDataChanged(pathText(bytes, last.pathStart, last.pathEnd), tree.aclId(slot));
  }
  return ErrorCode.Ok;
}

function applySetAcl(database: Database, reader: Reader): number {
  const bytes = reader.bytes;
  readPath(reader);
  const aclStart = reader.at;
  skipAcl(reader);
  const aclEnd = reader.at;
  const version = reader.int();
  const tree = database.tree;
  const slot = tree.find(bytes, last.pathStart, last.pathEnd);
  if (slot < 0) return ErrorCode.NoNode;
  tree.setAcl(slot, tree.aclCache.use(tree.aclCache.idOfEncoded(bytes, aclStart, aclEnd)), version);
  last.slot = slot;
  return ErrorCode.Ok;
}

function deleteNode(
  database: Database,
  bytes: Uint8Array,
  start: number,
  end: number,
  listener: ApplyListener | undefined,
): number {
  const tree = database.tree;
  const cut = lastSlash(bytes, start, end);
  if (cut < start) throw new BadTxnError('delete of a path without a slash');
  const slot = tree.find(bytes, start, end);
  const parent = slot > tree.root ? tree.parentOf(slot) : tree.find(bytes, start, cut);
  if (parent < 0) return ErrorCode.NoNode;
  // A node with children can only be met behind a fuzzy snapshot, whose later half held a later
  // time's children: they cannot stay without it, and the transactions that follow will name them
  // again.
  if (slot < 0 || slot === tree.root || tree.numChildren(slot) > 0) {
    tree.raiseParent(parent, undefined, header.zxidHigh, header.zxidLow);
    return ErrorCode.NoNode;
  }
  const watched = listener?.watched === true;
  const quotas = database.quotas;
  const path = watched || !quotas.isEmpty ? decodeUtf8(bytes, start, end) : '';
  const aclId = tree.aclId(slot);
  const dataLength = tree.dataLength(slot);
  // The event is filtered by the ACL the node had: keep it alive until the watches have fired.
  if (watched) tree.aclCache.use(aclId);
  tree.remove(slot);
  tree.childRemoved(parent, header.zxidHigh, header.zxidLow);
  if (!quotas.isEmpty) quotas.removed(path, dataLength);
  if (watched) {
    listener.nodeDeleted(path, aclId, tree.aclId(parent));
    tree.aclCache.release(aclId);
  }
  return ErrorCode.Ok;
}

/** First what the leader listed, in its order; then whatever else this session has here (fuzzy replay). */
function applyCloseSession(
  database: Database,
  reader: Reader,
  listener: ApplyListener | undefined,
): void {
  const session = longOf(header.clientHigh, header.clientLow);
  const bytes = reader.bytes;
  if (hasPaths(reader)) {
    const count = reader.count(4);
    for (let i = 0; i < count; i++) {
      const length = reader.lengthOfBytes();
      const end = reader.at;
      deleteNode(database, bytes, end - Math.max(0, length), end, listener);
    }
  }
  const tree = database.tree;
  const left = tree.ephemerals.get(session);
  if (left !== undefined) {
    for (const slot of [...left]) {
      const path = tree.pathBytes(slot);
      deleteNode(database, path, 0, path.length, listener);
    }
  }
  database.sessions.delete(session);
  last.slot = -1;
}

/**
 * Servers with closeSessionTxn.enabled=false write no list, but a digest all the same: 12 bytes that begin with its
 * version. As a list they would be two empty paths, which there are none.
 */
function hasPaths(reader: Reader): boolean {
  if (reader.remaining !== digestLength) return reader.remaining > 0;
  return reader.view.getInt32(reader.at) !== digestVersion;
}

/** All or nothing: a multi that holds an error changes nothing; every operation before the failed one answers Ok. */
function applyMulti(
  database: Database,
  reader: Reader,
  listener: ApplyListener | undefined,
): number {
  const first = reader.at;
  const count = Math.max(0, reader.count(8));
  let failed = false;
  for (let i = 0; i < count; i++) {
    if (reader.int() === OpCode.error) failed = true;
    reader.lengthOfBytes();
  }
  const end = reader.at;
  const whole = reader.end;
  reader.at = first + 4;
  let err: number = ErrorCode.Ok;
  let afterFailure = false;
  for (let i = 0; i < count; i++) {
    const type = reader.int();
    const length = Math.max(0, reader.lengthOfBytes());
    const next = reader.at;
    reader.at = next - length;
    reader.end = next;
    if (failed) {
      let code: number = afterFailure ? ErrorCode.RuntimeInconsistency : ErrorCode.Ok;
      if (type === OpCode.error) {
        code = reader.int();
        afterFailure = true;
      }
      if (err === ErrorCode.Ok) err = code;
      if (listener?.wantsResults) listener.result(OpCode.error, code, -1, reader.bytes, 0, 0);
    } else {
      const code = applyOne(database, reader, type, listener);
      if (err === ErrorCode.Ok) err = code;
    }
    reader.at = next;
    reader.end = whole;
  }
  reader.at = end;
  return err;
}

function skipAcl(reader: Reader): void {
  const count = reader.count(12);
  for (let i = 0; i < count; i++) {
    reader.skip(4);
    reader.lengthOfBytes();
    reader.lengthOfBytes();
  }
}

function lastSlash(bytes: Uint8Array, start: number, end: number): number {
  let at = end - 1;
  while (at >= start && bytes[at] !== 0x2f) at--;
  return at;
}

function pathText(bytes: Uint8Array, start: number, end: number): string {
  return start === end ? '/' : decodeUtf8(bytes, start, end);
}
