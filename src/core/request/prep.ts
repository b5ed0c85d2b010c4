// Request -> transaction (PrepRequestProcessor.java): checks a write against the tree and
// everything proposed before it, and writes the transaction it becomes, or an error transaction.
// Order of the checks is the precedence of the errors, as Java has it. Nothing is applied here.
//
// In: a request's body where it arrived. Out: header, record and digest in the log batch, and the
// error code. A body that cannot be decoded throws DecodeError before anything was noted; it too
// becomes an error transaction with a zxid of its own, as in Java 3.8 (3.9 uses one a second time).

import type { Reader } from '../../jute/reader.ts';
import { DecodeError } from '../../jute/reader.ts';
import { decodeAscii, decodeUtf8, encodeUtf8 } from '../../jute/utf8.ts';
import type { Writer } from '../../jute/writer.ts';
import type { ACL } from '../../proto/data.ts';
import { AclList, Perms } from '../../proto/data.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { crc32 } from '../../util/checksums.ts';
import type { Requester } from '../session/requester.ts';
import type { AclOptions } from '../tree/acl.ts';
import { allows, fixupAcl } from '../tree/acl.ts';
import { digestVersion } from '../tree/data-tree.ts';
import type { Database } from '../tree/database.ts';
import { ownerKind } from '../tree/ephemeral-type.ts';
import { isPlainPath, isSystemPath, parentPath, pathError } from '../tree/path.ts';
import {
  createKindError,
  isEphemeral,
  isSequential,
  ownerOf,
  sequenceDigits,
} from './create-kind.ts';
import { decodeMulti, nullPath } from './multi-request.ts';
import { isOpenAcl, openAclOf } from './open-acl.ts';
import type { ChangeRecord, OutstandingChanges } from './outstanding-changes.ts';

export interface PrepOptions {
  readonly extendedTypesEnabled: boolean;
  readonly enforceQuota: boolean;
  readonly skipAcl: boolean;
  readonly closeSessionTxnEnabled: boolean;
  readonly acl: AclOptions;
  /** A longer transaction could not be read back from the log: jute.maxbuffer plus the extra size. */
  readonly txnLengthMax: number;
}

/** What is the same for every operation of a request. */
export interface Proposal {
  sequence: number;
  zxidHigh: number;
  zxidLow: number;
  timeHigh: number;
  timeLow: number;
}

const digestLength = 12;
const emptyBytes = new Uint8Array(0);

export class Prep {
  readonly #database: Database;
  readonly #changes: OutstandingChanges;
  readonly #options: PrepOptions;
  /** The path of the operation at hand: as text, and as bytes wherever they stand. */
  #path = '';
  /** The request had no path at all; mostly that is as good as a wrong one. */
  #isNull = false;
  #bytes: Uint8Array = emptyBytes;
  #start = 0;
  #end = 0;

  constructor(database: Database, changes: OutstandingChanges, options: PrepOptions) {
    this.#database = database;
    this.#changes = changes;
    this.#options = options;
  }

  /** Writes the transaction of a request whose body is at `reader`; returns its error code, 0 for none. */
  prepare(
    type: number,
    cxid: number,
    requester: Requester,
    proposal: Proposal,
    reader: Reader,
    out: Writer,
  ): number {
    const start = out.at;
    out.longParts(requester.sessionHigh, requester.sessionLow);
    out.int(cxid);
    out.longParts(proposal.zxidHigh, proposal.zxidLow);
    out.longParts(proposal.timeHigh, proposal.timeLow);
    out.int(type);
    const body = out.at;
    let err: number;
    try {
      err =
        type === OpCode.multi
          ? this.#multi(requester, proposal, reader, out, start)
          : this.#operation(type, requester, proposal, reader, out, start);
    } catch (error) {
      out.at = start;
      throw error;
    }
    if (err !== ErrorCode.Ok) {
      out.at = body - 4;
      out.int(OpCode.error);
      out.int(err);
    } else if (type !== OpCode.closeSession || out.at > body) {
      this.#digest(out);
    }
    return err;
  }

  /** The transaction of a request that could not be read. */
  prepareError(
    err: number,
    cxid: number,
    requester: Requester,
    proposal: Proposal,
    out: Writer,
  ): void {
    out.longParts(requester.sessionHigh, requester.sessionLow);
    out.int(cxid);
    out.longParts(proposal.zxidHigh, proposal.zxidLow);
    out.longParts(proposal.timeHigh, proposal.timeLow);
    out.int(OpCode.error);
    out.int(err);
  }

  /** createSession's only content is the timeout. */
  prepareCreateSession(
    requester: Requester,
    timeoutMs: number,
    proposal: Proposal,
    out: Writer,
    cxid: number,
  ): void {
    out.longParts(requester.sessionHigh, requester.sessionLow);
    out.int(cxid);
    out.longParts(proposal.zxidHigh, proposal.zxidLow);
    out.longParts(proposal.timeHigh, proposal.timeLow);
    out.int(OpCode.createSession);
    out.int(timeoutMs);
    this.#digest(out);
  }

  #digest(out: Writer): void {
    if (!this.#database.tree.options.digestEnabled) return;
    out.int(digestVersion);
    out.longParts(this.#changes.digestHigh, this.#changes.digestLow);
  }

  #operation(
    type: number,
    requester: Requester,
    proposal: Proposal,
    reader: Reader,
    out: Writer,
    txnStart: number,
  ): number {
    switch (type) {
      case OpCode.setData:
        return this.#setData(requester, proposal, reader, out, txnStart);
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        return this.#create(type, requester, proposal, reader, out, txnStart);
      case OpCode.delete:
        return this.#delete(requester, proposal, reader, out);
      case OpCode.deleteContainer:
        return this.#deleteContainer(proposal, reader, out);
      case OpCode.setACL:
        return this.#setAcl(requester, proposal, reader, out, txnStart);
      case OpCode.check:
        return this.#check(requester, proposal, reader, out);
      case OpCode.closeSession:
        return this.#closeSession(requester, proposal, out, txnStart);
      case OpCode.reconfig:
        return ErrorCode.ReconfigDisabled;
      default:
        throw new DecodeError(`op ${type} makes no transaction`, reader.at);
    }
  }

  // ---- create ----

  #create(
    type: number,
    requester: Requester,
    proposal: Proposal,
    reader: Reader,
    out: Writer,
    txnStart: number,
  ): number {
    const input = reader.bytes;
    const pathLength = reader.lengthOfBytes();
    const pathEnd = reader.at;
    const dataLength = reader.lengthOfBytes();
    const dataEnd = reader.at;
    const aclStart = reader.at;
    const plainPerms = isOpenAcl(reader);
    const requestedAcl = plainPerms < 0 ? AclList.read(reader) : openAclOf(plainPerms);
    const aclEnd = reader.at;
    const flags = reader.int();
    const ttl = type === OpCode.createTTL ? reader.long() : -1n;

    const kindError = createKindError(type, flags, ttl, this.#options.extendedTypesEnabled);
    if (kindError !== ErrorCode.Ok) return kindError;
    const sequential = isSequential(flags);
    const ephemeral = isEphemeral(flags);
    const owner = ownerOf(type, flags, ttl, requester.sessionId);
    if (requester.error !== ErrorCode.Ok) return requester.error;
    if (ephemeral && requester.ephemeralError !== ErrorCode.Ok) return requester.ephemeralError;
    if (pathLength < 0) throw nullPath(reader);

    const isPlain = isPlainPath(input, pathEnd - pathLength, pathEnd);
    let path = isPlain
      ? decodeAscii(input, pathEnd - pathLength, pathEnd)
      : decodeUtf8(input, pathEnd - pathLength, pathEnd);
    const cut = path.lastIndexOf('/');
    if (cut < 0 || path.includes('\0')) return ErrorCode.BadArguments;
    const acl =
      plainPerms < 0 ? fixupAcl(requestedAcl, requester.authIds, this.#options.acl) : requestedAcl;
    if (acl === undefined) return ErrorCode.InvalidACL;

    // The record is written first: its path is then the bytes to look up.
    const recordStart = out.at;
    const parentText = cut === 0 ? '/' : path.substring(0, cut);
    const parentBytesEnd =
      pathEnd - pathLength + this.#lastSlash(input, pathEnd - pathLength, pathEnd);
    const parent = this.#changes.find(
      parentText,
      input,
      pathEnd - pathLength,
      parentBytesEnd,
      proposal.sequence,
    );
    if (parent === undefined) return ErrorCode.NoNode;
    if (!this.#may(parent.acl, Perms.CREATE, requester)) return ErrorCode.NoAuth;
    const cversion = parent.cversion;
    if (sequential) path += sequenceDigits(cversion);
    if ((sequential || !isPlain) && pathError(path) !== undefined) return ErrorCode.BadArguments;
    out.ustring(path);
    const written = out.at;
    const writtenStart = recordStart + 4;
    if (this.#changes.exists(path, out.bytes, writtenStart, written)) return ErrorCode.NodeExists;
    if (parent.hasOwner && ownerKind(parent.owner, this.#database.tree.options) === 'NORMAL') {
      return ErrorCode.NoChildrenForEphemerals;
    }
    const bytesLength = Math.max(0, dataLength);
    if (this.#overQuota(path, bytesLength, 1)) return ErrorCode.QuotaExceeded;

    const newCversion = (cversion + 1) | 0;
    if (dataLength < 0) out.int(-1);
    else {
      out.int(dataLength);
      out.raw(input, dataEnd - dataLength, dataEnd);
    }
    if (plainPerms >= 0) out.raw(input, aclStart, aclEnd);
    else AclList.write(out, [...acl]);
    if (type === OpCode.create || type === OpCode.create2) out.boolean(ephemeral);
    out.int(newCversion);
    if (type === OpCode.createTTL) out.long(ttl);
    if (out.at + digestLength - txnStart > this.#options.txnLengthMax)
      return ErrorCode.MarshallingError;

    const changes = this.#changes;
    changes.touch(parent, proposal.sequence);
    parent.childCount++;
    // Applying keeps the higher of the two cversions (DataTree.createNode); only a wrapped counter
    // makes them differ.
    if (newCversion > cversion) {
      parent.setCversion(newCversion);
      parent.setPzxid(proposal.zxidHigh, proposal.zxidLow);
    }
    changes.updateDigest(parent);
    const node = changes.create(path, parent, proposal.sequence);
    node.acl = acl;
    node.dataLength = bytesLength;
    changes.setCreated(node, proposal, owner);
    if (this.#database.tree.options.digestEnabled) {
      // The CRC of the path goes on from the parent's, over '/' and the name, which follow its
      // bytes.
      const nameAt = writtenStart + (parentBytesEnd - (pathEnd - pathLength));
      node.pathCrc = crc32(parent.pathCrc, out.bytes, nameAt, written);
      node.dataCrc = crc32(node.pathCrc, input, dataEnd - bytesLength, dataEnd);
      changes.updateDigest(node);
    }
    return ErrorCode.Ok;
  }

  // ---- delete ----

  #delete(requester: Requester, proposal: Proposal, reader: Reader, out: Writer): number {
    this.#readPath(reader);
    const expected = reader.int();
    if (requester.error !== ErrorCode.Ok) return requester.error;
    if (this.#isNull) throw nullPath(reader);
    const cut = this.#path.lastIndexOf('/');
    if (cut < 0 || this.#path.includes('\0') || isSystemPath(this.#path))
      return ErrorCode.BadArguments;
    const parent = this.#parent(proposal);
    if (parent === undefined) return ErrorCode.NoNode;
    if (!this.#may(parent.acl, Perms.DELETE, requester)) return ErrorCode.NoAuth;
    const node = this.#node(proposal);
    if (node === undefined) return ErrorCode.NoNode;
    if (expected !== -1 && expected !== node.version) return ErrorCode.BadVersion;
    if (node.childCount > 0) return ErrorCode.NotEmpty;
    this.#writePath(out);
    this.#remove(parent, node, proposal);
    return ErrorCode.Ok;
  }

  /** From the sweep of containers and TTL nodes only; the body is the path's bare bytes (DeleteContainerRequest). */
  #deleteContainer(proposal: Proposal, reader: Reader, out: Writer): number {
    this.#takePath(reader.bytes, reader.at, reader.end);
    if (!this.#path.startsWith('/') || isSystemPath(this.#path)) return ErrorCode.BadArguments;
    const node = this.#node(proposal);
    if (node === undefined) return ErrorCode.NoNode;
    if (node.childCount > 0) return ErrorCode.NotEmpty;
    const kind = ownerKind(node.owner, this.#database.tree.options);
    if (kind !== 'CONTAINER' && kind !== 'TTL') return ErrorCode.BadVersion;
    const parent = this.#parent(proposal);
    if (parent === undefined) return ErrorCode.NoNode;
    this.#writePath(out);
    this.#remove(parent, node, proposal);
    return ErrorCode.Ok;
  }

  #remove(parent: ChangeRecord, node: ChangeRecord, proposal: Proposal): void {
    const changes = this.#changes;
    changes.touch(parent, proposal.sequence);
    parent.childCount--;
    parent.setPzxid(proposal.zxidHigh, proposal.zxidLow);
    changes.updateDigest(parent);
    changes.touch(node, proposal.sequence);
    node.exists = false;
    changes.updateDigest(node);
  }

  // ---- setData, setACL, check ----

  #setData(
    requester: Requester,
    proposal: Proposal,
    reader: Reader,
    out: Writer,
    txnStart: number,
  ): number {
    const input = reader.bytes;
    const bodyStart = reader.at;
    this.#readPath(reader);
    const dataLength = reader.lengthOfBytes();
    const dataEnd = reader.at;
    const expected = reader.int();
    if (requester.error !== ErrorCode.Ok) return requester.error;
    if (!this.#hasValidPath()) return ErrorCode.BadArguments;
    const node = this.#node(proposal);
    if (node === undefined) return ErrorCode.NoNode;
    if (!this.#may(node.acl, Perms.WRITE, requester)) return ErrorCode.NoAuth;
    const bytesLength = Math.max(0, dataLength);
    if (this.#overQuota(this.#path, bytesLength - node.dataLength, 0))
      return ErrorCode.QuotaExceeded;
    if (expected !== -1 && expected !== node.version) return ErrorCode.BadVersion;
    const version = nextVersion(node.version);
    // Path and data stand in the request as in the transaction.
    out.raw(input, bodyStart, dataEnd);
    out.int(version);
    if (out.at + digestLength - txnStart > this.#options.txnLengthMax)
      return ErrorCode.MarshallingError;
    const changes = this.#changes;
    changes.touch(node, proposal.sequence);
    node.setVersion(version);
    node.setModified(proposal.zxidHigh, proposal.zxidLow, proposal.timeHigh, proposal.timeLow);
    node.dataLength = bytesLength;
    if (!node.outsideDigest && this.#database.tree.options.digestEnabled) {
      node.dataCrc = crc32(node.pathCrc, input, dataEnd - bytesLength, dataEnd);
      changes.updateDigest(node);
    }
    return ErrorCode.Ok;
  }

  #setAcl(
    requester: Requester,
    proposal: Proposal,
    reader: Reader,
    out: Writer,
    txnStart: number,
  ): number {
    this.#readPath(reader);
    const requested = AclList.read(reader);
    const expected = reader.int();
    if (requester.error !== ErrorCode.Ok) return requester.error;
    if (!this.#hasValidPath()) return ErrorCode.BadArguments;
    const acl = fixupAcl(requested, requester.authIds, this.#options.acl);
    if (acl === undefined) return ErrorCode.InvalidACL;
    const node = this.#node(proposal);
    if (node === undefined) return ErrorCode.NoNode;
    if (!this.#may(node.acl, Perms.ADMIN, requester)) return ErrorCode.NoAuth;
    if (expected !== -1 && expected !== node.aversion) return ErrorCode.BadVersion;
    const aversion = nextVersion(node.aversion);
    this.#writePath(out);
    AclList.write(out, acl);
    out.int(aversion);
    if (out.at + digestLength - txnStart > this.#options.txnLengthMax)
      return ErrorCode.MarshallingError;
    this.#changes.touch(node, proposal.sequence);
    node.acl = acl;
    node.setAversion(aversion);
    this.#changes.updateDigest(node);
    return ErrorCode.Ok;
  }

  #check(requester: Requester, proposal: Proposal, reader: Reader, out: Writer): number {
    this.#readPath(reader);
    const expected = reader.int();
    if (requester.error !== ErrorCode.Ok) return requester.error;
    if (!this.#hasValidPath()) return ErrorCode.BadArguments;
    const node = this.#node(proposal);
    if (node === undefined) return ErrorCode.NoNode;
    if (!this.#may(node.acl, Perms.READ, requester)) return ErrorCode.NoAuth;
    if (expected !== -1 && expected !== node.version) return ErrorCode.BadVersion;
    this.#writePath(out);
    out.int(nextVersion(node.version));
    return ErrorCode.Ok;
  }

  // ---- sessions ----

  /** The list of paths is decided here, with what is still on its way, so that every server deletes the same. */
  #closeSession(requester: Requester, proposal: Proposal, out: Writer, txnStart: number): number {
    const tree = this.#database.tree;
    const paths = new Set<string>();
    const slots = tree.ephemerals.get(requester.sessionId);
    if (slots !== undefined) for (const slot of slots) paths.add(tree.pathOf(slot));
    for (const [path, isOwn] of this.#changes.ephemeralsOf(requester.sessionId)) {
      if (isOwn) paths.add(path);
      else paths.delete(path);
    }
    for (const path of paths) {
      const bytes = encodeUtf8(path);
      this.#takePath(bytes, 0, bytes.length);
      const parent = this.#parent(proposal);
      const node = this.#node(proposal);
      if (parent !== undefined && node !== undefined) this.#remove(parent, node, proposal);
    }
    if (!this.#options.closeSessionTxnEnabled) return ErrorCode.Ok;
    const body = out.at;
    out.int(paths.size);
    for (const path of paths) out.ustring(path);
    // A list too long to be read back: the bare header, as before 3.6; the ephemerals go all the
    // same when it is applied, since every server knows them (ZOOKEEPER-4306).
    if (out.at + digestLength - txnStart > this.#options.txnLengthMax) out.at = body;
    return ErrorCode.Ok;
  }

  // ---- multi ----

  #multi(
    requester: Requester,
    proposal: Proposal,
    reader: Reader,
    out: Writer,
    txnStart: number,
  ): number {
    const ops = decodeMulti(reader);
    const changes = this.#changes;
    const bodyEnd = reader.end;
    out.int(ops.length);
    changes.begin();
    let failure: number = ErrorCode.Ok;
    for (const op of ops) {
      const typeAt = out.at;
      out.int(op.type);
      out.int(0);
      const recordStart = out.at;
      let err: number = ErrorCode.RuntimeInconsistency;
      if (failure === ErrorCode.Ok) {
        reader.at = op.start;
        reader.end = op.end;
        err = this.#operation(op.type, requester, proposal, reader, out, txnStart);
        if (err !== ErrorCode.Ok) {
          failure = err;
          changes.rollback();
        }
      }
      if (err !== ErrorCode.Ok) {
        out.at = typeAt;
        out.int(OpCode.error);
        out.int(4);
        out.int(err);
      } else {
        out.view.setInt32(typeAt + 4, out.at - recordStart);
      }
    }
    reader.at = bodyEnd;
    reader.end = bodyEnd;
    const isTooLong = out.at + digestLength - txnStart > this.#options.txnLengthMax;
    if (failure === ErrorCode.Ok) {
      if (isTooLong) changes.rollback();
      else changes.commit();
    }
    return isTooLong ? ErrorCode.MarshallingError : ErrorCode.Ok;
  }

  // ---- common ----

  #readPath(reader: Reader): void {
    const length = reader.lengthOfBytes();
    this.#takePath(reader.bytes, reader.at - Math.max(0, length), reader.at);
    this.#isNull = length < 0;
  }

  #takePath(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#path = decodeUtf8(bytes, start, end);
  }

  #hasValidPath(): boolean {
    return isPlainPath(this.#bytes, this.#start, this.#end) || pathError(this.#path) === undefined;
  }

  #writePath(out: Writer): void {
    out.ustring(this.#path);
  }

  #node(proposal: Proposal): ChangeRecord | undefined {
    return this.#changes.find(this.#path, this.#bytes, this.#start, this.#end, proposal.sequence);
  }

  #parent(proposal: Proposal): ChangeRecord | undefined {
    const end = this.#start + this.#lastSlash(this.#bytes, this.#start, this.#end);
    return this.#changes.find(
      parentPath(this.#path),
      this.#bytes,
      this.#start,
      end,
      proposal.sequence,
    );
  }

  #lastSlash(bytes: Uint8Array, start: number, end: number): number {
    let at = end - 1;
    while (at > start && bytes[at] !== 0x2f) at--;
    return at - start;
  }

  #may(acl: readonly ACL[], perms: number, requester: Requester): boolean {
    return this.#options.skipAcl || allows(acl, perms, requester.authIds);
  }

  #overQuota(path: string, bytes: number, count: number): boolean {
    if (!this.#options.enforceQuota || this.#database.quotas.isEmpty) return false;
    return this.#database.quotas.isExceededBy(path, bytes, count);
  }
}

/** The version after this one; −1 is never a version, as it means "any" (ZOOKEEPER-4743). */
function nextVersion(version: number): number {
  return version === -2 ? 0 : (version + 1) | 0;
}
