// The values operations take and give, and their way to and from the wire's records: data as bytes or text, create
// modes by name, node data with its stat. Defaults are decided here: open ACL, empty data, any version.
// Data that is null on the wire stays null: it is not the same as empty.

import type { Reader } from '../jute/reader.ts';
import type { Type } from '../jute/record.ts';
import { decodeUtf8, encodeUtf8 } from '../jute/utf8.ts';
import { CreateRequest, CreateTTLRequest, GetDataResponse } from '../proto/client.ts';
import type { ACL, Stat } from '../proto/data.ts';
import { openAcl } from '../proto/data.ts';
import type { ErrorName } from '../proto/errors.ts';
import { CreateFlag, OpCode } from '../proto/opcodes.ts';
import { copyBytes, emptyBytes } from '../util/bytes.ts';
import type { CallOptions } from './call-options.ts';
import type { Watcher } from './watch-event.ts';

/** Bytes as they are; text as UTF-8; null: no data at all, which ZooKeeper tells from empty data. */
export type Data = Uint8Array | string | null;

/** CreateMode: 'PERSISTENT', 'EPHEMERAL_SEQUENTIAL', 'CONTAINER' … */
export type CreateMode = keyof typeof CreateFlag;

export interface CreateOptions extends CallOptions {
  /** Default PERSISTENT. */
  readonly mode?: CreateMode | undefined;
  /** Default: everybody may do everything. */
  readonly acl?: readonly ACL[] | undefined;
  /** For the TTL modes, and only for them: milliseconds, 1 to 2^40 − 1. */
  readonly ttlMs?: number | undefined;
}

export interface VersionOptions extends CallOptions {
  /** What the node's version must be; −1, the default: any. */
  readonly version?: number | undefined;
}

export interface WatchOptions extends CallOptions {
  /** Called once, at the first change after this read. The same function at the same path is one watch. */
  readonly watch?: Watcher | undefined;
}

/** What getData gives. The bytes are the caller's. */
export class NodeData {
  readonly data: Uint8Array | null;
  readonly stat: Stat;

  constructor(data: Uint8Array | null, stat: Stat) {
    this.data = data;
    this.stat = stat;
  }

  /** `data` as UTF-8; '' for null. */
  get text(): string {
    return this.data === null ? '' : decodeUtf8(this.data, 0, this.data.length);
  }
}

export interface Created {
  /** With the digits of a sequential node. */
  readonly path: string;
  readonly stat: Stat;
}

/** Of an operation in a multi or multiRead. */
export type ErrorResult = {
  readonly type: 'error';
  readonly code: ErrorName;
  /** 0 for operations that would have succeeded, −2 for those after the failing one. */
  readonly errno: number;
};

export type MultiResult =
  | { readonly type: 'create'; readonly path: string; readonly stat: Stat | undefined }
  | { readonly type: 'delete' }
  | { readonly type: 'setData'; readonly stat: Stat }
  | { readonly type: 'check' }
  | ErrorResult;

export type MultiReadResult =
  | { readonly type: 'getData'; readonly data: Uint8Array | null; readonly stat: Stat }
  | { readonly type: 'getChildren'; readonly children: string[] }
  | ErrorResult;

export const ttlMsMax = 2 ** 40 - 1;

const sequentialModes: ReadonlySet<CreateMode> = new Set<CreateMode>([
  'PERSISTENT_SEQUENTIAL',
  'EPHEMERAL_SEQUENTIAL',
  'PERSISTENT_SEQUENTIAL_WITH_TTL',
]);

export function isSequential(mode: CreateMode | undefined): boolean {
  return mode !== undefined && sequentialModes.has(mode);
}

/** What is wrong with the options of a create, or undefined. */
export function createError({ mode = 'PERSISTENT', ttlMs }: CreateOptions): string | undefined {
  if (CreateFlag[mode] === undefined) return `unknown mode ${String(mode)}`;
  if (!mode.endsWith('WITH_TTL')) {
    return ttlMs === undefined ? undefined : `mode ${mode} takes no ttlMs`;
  }
  const isGood = Number.isInteger(ttlMs) && Number(ttlMs) >= 1 && Number(ttlMs) <= ttlMsMax;
  return isGood ? undefined : `ttlMs ${ttlMs} is not an integer from 1 to ${ttlMsMax}`;
}

/** What is wrong with a version, or undefined. */
export function versionError(version: number): string | undefined {
  return (version | 0) === version ? undefined : `version ${version} is not a 32-bit integer`;
}

/** What is wrong with data, or undefined. */
export function dataError(data: unknown): string | undefined {
  if (data === null || typeof data === 'string' || data instanceof Uint8Array) return undefined;
  return `data must be a Uint8Array, a string or null, not ${typeof data}`;
}

export function dataBytes(data: Data | undefined): Uint8Array | null {
  if (data === undefined) return emptyBytes;
  return typeof data === 'string' ? encodeUtf8(data) : data;
}

/** Op code and body of a create; `path` is the server's. Container and TTL nodes have op codes of their own. */
export function createBody(
  path: string,
  data: Data | undefined,
  { mode = 'PERSISTENT', acl = openAcl, ttlMs = 0 }: CreateOptions,
  withStat: boolean,
): {
  readonly op: OpCode;
  readonly body: Pick<Type<CreateTTLRequest>, 'write'>;
  readonly value: CreateTTLRequest;
} {
  const flags = CreateFlag[mode];
  // The list is only read on its way to the wire.
  const value = { path, data: dataBytes(data), acl: acl as ACL[], flags, ttl: BigInt(ttlMs) };
  if (mode === 'CONTAINER') return { op: OpCode.createContainer, body: CreateRequest, value };
  if (ttlMs > 0) return { op: OpCode.createTTL, body: CreateTTLRequest, value };
  return { op: withStat ? OpCode.create2 : OpCode.create, body: CreateRequest, value };
}

/** Data and stat of a node; the bytes are copied out of the frame. */
export function readNodeData(reader: Reader): NodeData {
  const { data, stat } = GetDataResponse.read(reader);
  return new NodeData(data === null ? null : copyBytes(data), stat);
}
