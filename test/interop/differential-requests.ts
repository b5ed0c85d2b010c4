/**
 * Requests of the differential test as bytes, and bytes back as fields. The generator writes what
 * it likes, wrong forms included (a null path, a path that is no UTF-8, vector counts below 0); the
 * run reads the fields again from the bytes alone, so that a request mangled into another legal one
 * has the effects of what it became.
 */
import { DecodeError, Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';
import type { ACL } from '../../src/proto/data.ts';
import { CreateFlag, OpCode, opName, opOf } from '../../src/proto/opcodes.ts';

/** Bytes stand for themselves. */
export type Path = string | null | Uint8Array;
export type Acls = readonly AclEntry[] | null | number;
export interface AclEntry {
  readonly perms: number;
  readonly id: { readonly scheme: string | null; readonly id: string | null };
}

export interface Request {
  readonly type: number;
  readonly body: Uint8Array;
}

/** The fields of a request, as far as they matter for what it does. */
export interface Fields {
  readonly type: number;
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly ACL[];
  readonly flags: number;
  readonly version: number;
  readonly watch: boolean;
  readonly mode: number;
  readonly watcherType: number;
  readonly relativeZxid: bigint;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
  readonly persistentWatches: readonly string[];
  readonly persistentRecursiveWatches: readonly string[];
  readonly ops: readonly Fields[];
}

const none: Fields = {
  type: 0,
  path: '',
  data: null,
  acl: [],
  flags: 0,
  version: -1,
  watch: false,
  mode: 0,
  watcherType: 0,
  relativeZxid: 0n,
  dataWatches: [],
  existWatches: [],
  childWatches: [],
  persistentWatches: [],
  persistentRecursiveWatches: [],
  ops: [],
};

export const make = {
  bare: (type: number): Request => ({ type, body: new Uint8Array(0) }),

  path: (type: number, path: Path): Request => written(type, (out) => writePath(out, path)),

  pathWatch: (type: number, path: Path, watch: boolean): Request =>
    written(type, (out) => {
      writePath(out, path);
      out.boolean(watch);
    }),

  /** delete, check, checkWatches, removeWatches, addWatch. */
  pathInt: (type: number, path: Path, value: number): Request =>
    written(type, (out) => {
      writePath(out, path);
      out.int(value);
    }),

  setData: (path: Path, data: Uint8Array | null, version: number): Request =>
    written(OpCode.setData, (out) => {
      writePath(out, path);
      out.buffer(data);
      out.int(version);
    }),

  setAcl: (path: Path, acl: Acls, version: number): Request =>
    written(OpCode.setACL, (out) => {
      writePath(out, path);
      writeAcls(out, acl);
      out.int(version);
    }),

  create: (
    type: number,
    path: Path,
    data: Uint8Array | null,
    acl: Acls,
    flags: number,
    ttl = -1n,
  ): Request =>
    written(type, (out) => {
      writePath(out, path);
      out.buffer(data);
      writeAcls(out, acl);
      out.int(flags);
      if (type === OpCode.createTTL) out.long(ttl);
    }),

  multi: (type: number, ops: readonly Request[]): Request =>
    written(type, (out) => {
      for (const op of ops) {
        out.int(op.type);
        out.boolean(false);
        out.int(-1);
        out.raw(op.body);
      }
      out.int(-1);
      out.boolean(true);
      out.int(-1);
    }),

  setWatches: (
    relativeZxid: bigint,
    lists: ReadonlyArray<readonly Path[] | null>,
    type: number = lists.length > 3 ? OpCode.setWatches2 : OpCode.setWatches,
  ): Request =>
    written(type, (out) => {
      out.long(relativeZxid);
      for (const list of lists) {
        out.int(list === null ? -1 : list.length);
        for (const path of list ?? []) writePath(out, path);
      }
    }),

  auth: (scheme: string | null, auth: Uint8Array | null): Request =>
    written(OpCode.auth, (out) => {
      out.int(0);
      out.ustring(scheme);
      out.buffer(auth);
    }),

  reconfig: (newMembers: string | null): Request =>
    written(OpCode.reconfig, (out) => {
      out.ustring(null);
      out.ustring(null);
      out.ustring(newMembers);
      out.long(-1n);
    }),
};

function written(type: number, write: (out: Writer) => void): Request {
  const out = new Writer(128);
  write(out);
  return { type, body: out.copy() };
}

function writePath(out: Writer, path: Path): void {
  if (path instanceof Uint8Array) out.buffer(path);
  else out.ustring(path);
}

function writeAcls(out: Writer, acl: Acls): void {
  if (typeof acl === 'number') {
    out.int(acl);
    return;
  }
  out.int(acl === null ? -1 : acl.length);
  for (const { perms, id } of acl ?? []) {
    out.int(perms);
    out.ustring(id.scheme);
    out.ustring(id.id);
  }
}

/** Undefined: no request can be read from these bytes. */
export function fieldsOf({ type, body }: Request): Fields | undefined {
  return read(type, new Reader(body));
}

function read(type: number, reader: Reader): Fields | undefined {
  try {
    if (type === OpCode.multi || type === OpCode.multiRead) {
      const ops: Fields[] = [];
      for (;;) {
        const op = reader.int();
        const done = reader.boolean();
        reader.int();
        if (done) return { ...none, type, ops };
        ops.push(oneOf(op, reader));
      }
    }
    return oneOf(type, reader);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function oneOf(type: number, reader: Reader): Fields {
  const record = opOf(type)?.request?.read(reader) ?? {};
  const fields = { ...none, ...record, type };
  // The records call two things `type`: the op and a kind of watcher.
  if (type === OpCode.checkWatches || type === OpCode.removeWatches) {
    return { ...fields, watcherType: (record as { type: number }).type };
  }
  return fields;
}

/**
 * A request that Java 3.8.0 would log and could not apply, or answers by damage to itself; or a
 * multi after which the two trees or zxids would not be the same.
 */
export function harmsJava(request: Request): boolean {
  switch (request.type) {
    case OpCode.check:
    case OpCode.sasl:
    case OpCode.createSession:
      return true;
    case OpCode.createTTL: {
      const flags = fieldsOf(request)?.flags;
      return (
        flags !== CreateFlag.PERSISTENT_WITH_TTL &&
        flags !== CreateFlag.PERSISTENT_SEQUENTIAL_WITH_TTL
      );
    }
    case OpCode.multi:
      return hasNullString(request) || fieldsOf(request)?.ops.some(isOddContainer) === true;
    default:
      // Twice `auth` with a null id: it fails while it looks for duplicates.
      return fieldsOf(request)?.acl.some(isAuth) === true && hasNullString(request);
  }
}

/** The flags make it a plain node there, the op code a container here. */
function isOddContainer({ type, flags }: Fields): boolean {
  return type === OpCode.createContainer && flags !== CreateFlag.CONTAINER;
}

function isAuth({ id }: ACL): boolean {
  return id.scheme === 'auth';
}

/** A path, or a scheme or an id in a list of ACLs, that is null. */
export function hasNullString({ type, body }: Request): boolean {
  const reader = new LenientReader(body);
  read(type, reader);
  return reader.nulls > 0;
}

/** Takes what our Reader refuses and Java does not: a count below −1 is an empty list. Counts oddities. */
class LenientReader extends Reader {
  negativeCounts = 0;
  nulls = 0;

  override ustring(): string {
    const text = this.nullableString();
    if (text === null) this.nulls++;
    return text ?? '';
  }

  override count(elementLeast: number): number {
    const at = this.at;
    if (this.int() < -1) {
      this.negativeCounts++;
      return 0;
    }
    this.at = at;
    return super.count(elementLeast);
  }
}

/** It can be read as Java reads it, and only so. */
export function hasNegativeCount({ type, body }: Request): boolean {
  const reader = new LenientReader(body);
  return read(type, reader) !== undefined && reader.negativeCounts > 0;
}

/**
 * A setWatches with a list or path that is none, but for the first list: Java does what stands
 * before it and then fails, so that its watches are no longer those of Quoll.
 */
export function spoilsWatches({ type, body }: Request): boolean {
  if (type !== OpCode.setWatches && type !== OpCode.setWatches2) return false;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const firstCount = body.length >= 12 ? view.getInt32(8) : 0;
  if (firstCount === -1) return false;
  for (let at = 8; at + 4 <= body.length; at++) if (view.getInt32(at) < 0) return true;
  return false;
}

/** For people. */
export function describe(request: Request): string {
  const fields = fieldsOf(request);
  const hex = Buffer.from(request.body).toString('hex');
  if (fields === undefined) return `${opName(request.type)} {${cut(hex, 400)}}`;
  return `${opName(request.type)} ${textOf(fields)}`;
}

function textOf(fields: Fields): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'type' || value === none[name as keyof Fields]) continue;
    if (name === 'ops') {
      for (const op of fields.ops) parts.push(`\n      ${opName(op.type)} ${textOf(op)}`);
    } else if (!(name in none)) {
      parts.push(`${name}=${cut(String(value), 60)}`);
    } else if (value instanceof Uint8Array) {
      parts.push(`${name}=${cut(JSON.stringify(Buffer.from(value).toString('latin1')), 60)}`);
    } else {
      parts.push(`${name}=${cut(json(value), 300)}`);
    }
  }
  return parts.join(' ');
}

export function json(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? `${item}n` : item));
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.substring(0, length)}… (${text.length})`;
}
