// For each operation: what is checked before anything is sent, which record carries it, what its reply becomes. In: the
// caller's arguments, paths as the client names them. Out: a call's specification with the server's paths, or the
// KeeperError that refuses it. No state but the chroot.

import type { Chroot } from '../core/client/chroot.ts';
import type { WatchIntent, WatchTable } from '../core/client/watch-tables.ts';
import { pathError } from '../core/tree/path.ts';
import type { Reader } from '../jute/reader.ts';
import * as records from '../proto/client.ts';
import type { ACL, ClientInfo, Stat } from '../proto/data.ts';
import { ErrorCode } from '../proto/errors.ts';
import { AddWatchMode, OpCode, WatcherType } from '../proto/opcodes.ts';
import type { CallSpec } from './call.ts';
import type { KeeperError } from './keeper-error.ts';
import { operationError } from './keeper-error.ts';
import type { MultiOp, MultiReadOp } from './multi.ts';
import { readMulti, readMultiRead, throwIfFailed, writeMulti, writeMultiRead } from './multi.ts';
import type {
  Created,
  CreateOptions,
  Data,
  MultiReadResult,
  MultiResult,
  NodeData,
  VersionOptions,
  WatchOptions,
} from './operations.ts';
import {
  createBody,
  createError,
  dataBytes,
  dataError,
  isSequential,
  readNodeData,
  versionError,
} from './operations.ts';
import type { Watcher } from './watch-event.ts';

type Spec<T> = CallSpec<T> | KeeperError;

/** AddWatchMode by name. */
export type WatchMode = keyof typeof AddWatchMode;
/** WatcherType by name: 'Children', 'Data', 'Any'; 'Persistent' and 'PersistentRecursive' from 3.9 on. */
export type WatcherTypeName = keyof typeof WatcherType;

export interface ACLResult {
  readonly acl: ACL[];
  readonly stat: Stat;
}

export interface ChildrenResult {
  /** Names, not paths, in no particular order. */
  readonly children: string[];
  readonly stat: Stat;
}

/** Not under any chroot. */
const configPath = '/zookeeper/config';

const readNothing = (): void => undefined;
const readStat = (reader: Reader): Stat => records.StatResponse.read(reader).stat;

export class Calls {
  readonly #chroot: Chroot;

  constructor(chroot: Chroot) {
    this.#chroot = chroot;
  }

  create(path: string, data: Data | undefined, options: CreateOptions): Spec<string> {
    const bad = refuseCreate('create', path, data, options);
    if (bad !== undefined) return bad;
    const { op, body, value } = createBody(this.#chroot.toServer(path), data, options, false);
    return spec({
      op,
      path,
      body,
      value,
      // Whatever the op code, the reply begins with the path.
      decode: (reader) => this.#chroot.toClient(records.PathResponse.read(reader).path),
    });
  }

  create2(path: string, data: Data | undefined, options: CreateOptions): Spec<Created> {
    const bad = refuseCreate('create2', path, data, options);
    if (bad !== undefined) return bad;
    const { op, body, value } = createBody(this.#chroot.toServer(path), data, options, true);
    const decode = (reader: Reader) => {
      const created = records.Create2Response.read(reader);
      return { path: this.#chroot.toClient(created.path), stat: created.stat };
    };
    return spec({ op, path, body, value, decode });
  }

  delete(path: string, { version = -1 }: VersionOptions): Spec<void> {
    const bad = refuse('delete', path) ?? refuseVersion('delete', path, version);
    if (bad !== undefined) return bad;
    const value = { path: this.#chroot.toServer(path), version };
    const body = records.DeleteRequest;
    return spec({ op: OpCode.delete, path, body, value, decode: readNothing });
  }

  exists(path: string, options: WatchOptions): Spec<Stat | null> {
    return this.#read(OpCode.exists, 'exists', 'exist', path, options, (reader, err) =>
      err === ErrorCode.NoNode ? null : readStat(reader),
    );
  }

  getData(path: string, options: WatchOptions): Spec<NodeData> {
    return this.#read(OpCode.getData, 'getData', 'data', path, options, readNodeData);
  }

  getChildren(path: string, options: WatchOptions): Spec<string[]> {
    const decode = (reader: Reader) => records.GetChildrenResponse.read(reader).children;
    return this.#read(OpCode.getChildren, 'getChildren', 'child', path, options, decode);
  }

  getChildren2(path: string, options: WatchOptions): Spec<ChildrenResult> {
    const decode = (reader: Reader) => records.GetChildren2Response.read(reader);
    return this.#read(OpCode.getChildren2, 'getChildren2', 'child', path, options, decode);
  }

  getConfig(options: WatchOptions): Spec<NodeData> {
    const bad = refuse('getConfig', configPath, options);
    return bad ?? readSpec(OpCode.getData, 'data', configPath, configPath, options, readNodeData);
  }

  setData(path: string, data: Data, { version = -1 }: VersionOptions): Spec<Stat> {
    const bad =
      refuse('setData', path) ??
      refuseVersion('setData', path, version) ??
      refuseFor('setData', path, dataError(data));
    if (bad !== undefined) return bad;
    const value = { path: this.#chroot.toServer(path), data: dataBytes(data), version };
    const body = records.SetDataRequest;
    return spec({ op: OpCode.setData, path, body, value, decode: readStat });
  }

  getACL(path: string): Spec<ACLResult> {
    const decode = (reader: Reader) => records.GetACLResponse.read(reader);
    return this.#byPath(OpCode.getACL, 'getACL', path, decode);
  }

  setACL(path: string, acl: readonly ACL[], { version = -1 }: VersionOptions): Spec<Stat> {
    const bad = refuse('setACL', path) ?? refuseVersion('setACL', path, version);
    if (bad !== undefined) return bad;
    // The list is only read on its way to the wire.
    const value = { path: this.#chroot.toServer(path), acl: acl as ACL[], version };
    const body = records.SetACLRequest;
    return spec({ op: OpCode.setACL, path, body, value, decode: readStat });
  }

  sync(path: string): Spec<void> {
    return this.#byPath(OpCode.sync, 'sync', path, readNothing);
  }

  getEphemerals(prefix: string): Spec<string[]> {
    return this.#byPath(OpCode.getEphemerals, 'getEphemerals', prefix, (reader) => {
      const { ephemerals } = records.GetEphemeralsResponse.read(reader);
      // The server compares strings: a chroot /app would also find /apple.
      const mine = ephemerals.filter((path) => this.#chroot.holds(path));
      return mine.map((path) => this.#chroot.toClient(path));
    });
  }

  getAllChildrenNumber(path: string): Spec<number> {
    return this.#byPath(OpCode.getAllChildrenNumber, 'getAllChildrenNumber', path, (reader) => {
      return records.GetAllChildrenNumberResponse.read(reader).totalNumber;
    });
  }

  whoAmI(): Spec<ClientInfo[]> {
    const decode = (reader: Reader) => records.WhoAmIResponse.read(reader).clientInfo;
    return { op: OpCode.whoAmI, decode };
  }

  multi(ops: readonly MultiOp[]): Spec<MultiResult[]> {
    for (const op of ops) {
      const bad = refuseOp(op);
      if (bad !== undefined) return bad;
    }
    // Both are used after this turn: the caller may change the list meanwhile.
    const copy = [...ops];
    return {
      op: OpCode.multi,
      body: { write: (writer) => writeMulti(writer, copy, this.#chroot) },
      decode: (reader) => throwIfFailed(readMulti(reader, this.#chroot), copy),
    };
  }

  multiRead(ops: readonly MultiReadOp[]): Spec<MultiReadResult[]> {
    for (const { type, path } of ops) {
      const unknown = type === 'getData' || type === 'getChildren' ? undefined : `type ${type}`;
      const bad = refuse('multiRead', path) ?? refuseFor('multiRead', path, unknown);
      if (bad !== undefined) return bad;
    }
    const copy = [...ops];
    return {
      op: OpCode.multiRead,
      body: { write: (writer) => writeMultiRead(writer, copy, this.#chroot) },
      decode: readMultiRead,
    };
  }

  addWatch(path: string, mode: WatchMode, watcher: Watcher): Spec<void> {
    const known = AddWatchMode[mode] === undefined ? `unknown mode ${mode}` : undefined;
    const bad = refuse('addWatch', path, { watch: watcher }) ?? refuseFor('addWatch', path, known);
    if (bad !== undefined) return bad;
    const serverPath = this.#chroot.toServer(path);
    const table = mode === 'PERSISTENT' ? 'persistent' : 'persistentRecursive';
    return spec({
      op: OpCode.addWatch,
      path,
      body: records.AddWatchRequest,
      value: { path: serverPath, mode: AddWatchMode[mode] },
      decode: readNothing,
      watch: { table, path: serverPath, watcher },
    });
  }

  checkWatches(path: string, type: WatcherTypeName): Spec<boolean> {
    const bad = refuse('checkWatches', path) ?? refuseType('checkWatches', path, type);
    if (bad !== undefined) return bad;
    return spec({
      op: OpCode.checkWatches,
      path,
      body: records.WatchTypeRequest,
      value: { path: this.#chroot.toServer(path), type: WatcherType[type] },
      decode: (_reader, err) => err === ErrorCode.Ok,
      accepts: ErrorCode.NoWatcher,
    });
  }

  /** `askType` is what the server is asked for, `type` what is forgotten here. */
  removeWatches(
    path: string,
    type: WatcherType,
    askType: WatcherType,
    watcher: Watcher | undefined,
    local: boolean,
  ): Spec<void> {
    const serverPath = this.#chroot.toServer(path);
    return spec({
      op: OpCode.removeWatches,
      path,
      body: records.WatchTypeRequest,
      value: { path: serverPath, type: askType },
      decode: readNothing,
      removal: { path: serverPath, type, watcher, local },
    });
  }

  #read<T>(
    op: OpCode,
    name: string,
    table: WatchTable,
    path: string,
    options: WatchOptions,
    decode: (reader: Reader, err: number) => T,
  ): Spec<T> {
    const bad = refuse(name, path, options);
    return bad ?? readSpec(op, table, path, this.#chroot.toServer(path), options, decode);
  }

  #byPath<T>(op: OpCode, name: string, path: string, decode: (reader: Reader) => T): Spec<T> {
    const bad = refuse(name, path);
    if (bad !== undefined) return bad;
    const value = { path: this.#chroot.toServer(path) };
    return spec({ op, path, body: records.PathRequest, value, decode });
  }
}

/** Checks that the value fits the record; the call itself no longer cares. */
function spec<T, B>(checked: CallSpec<T, B>): CallSpec<T> {
  return checked;
}

function readSpec<T>(
  op: OpCode,
  table: WatchTable,
  path: string,
  serverPath: string,
  { watch }: WatchOptions,
  decode: (reader: Reader, err: number) => T,
): CallSpec<T> {
  const intent: WatchIntent<Watcher> | undefined =
    watch === undefined ? undefined : { table, path: serverPath, watcher: watch };
  return spec({
    op,
    path,
    body: records.PathWatchRequest,
    value: { path: serverPath, watch: watch !== undefined },
    decode,
    watch: intent,
    ...(op === OpCode.exists ? { accepts: ErrorCode.NoNode } : {}),
  });
}

function refuseFor(op: string, path: string, reason: string | undefined): KeeperError | undefined {
  return reason === undefined ? undefined : operationError(op, path, 'BadArguments', reason);
}

/** Refuses what is no path, and a watcher that cannot be called. */
export function refuse(op: string, path: string, options?: WatchOptions): KeeperError | undefined {
  const error = typeof path === 'string' ? pathError(path) : 'the path must be a string';
  if (error !== undefined) return refuseFor(op, path, error);
  const watch = options?.watch;
  if (watch === undefined || typeof watch === 'function') return undefined;
  return refuseFor(op, path, 'watch must be a function');
}

function refuseVersion(op: string, path: string, version: number): KeeperError | undefined {
  return refuseFor(op, path, versionError(version));
}

export function refuseType(
  op: string,
  path: string,
  type: WatcherTypeName,
): KeeperError | undefined {
  return refuseFor(op, path, WatcherType[type] === undefined ? `unknown type ${type}` : undefined);
}

function refuseCreate(
  op: string,
  path: string,
  data: Data | undefined,
  options: Omit<CreateOptions, 'timeoutMs' | 'signal'>,
): KeeperError | undefined {
  const error = typeof path === 'string' ? pathError(path, isSequential(options.mode)) : 'no path';
  return refuseFor(op, path, error ?? createError(options) ?? dataError(data ?? null));
}

function refuseOp(op: MultiOp): KeeperError | undefined {
  switch (op.type) {
    case 'create':
    case 'create2':
      return refuseCreate('multi', op.path, op.data, op);
    case 'setData':
      return (
        refuse('multi', op.path) ??
        refuseVersion('multi', op.path, op.version ?? -1) ??
        refuseFor('multi', op.path, dataError(op.data))
      );
    case 'delete':
    case 'check':
      return refuse('multi', op.path) ?? refuseVersion('multi', op.path, op.version ?? -1);
    default:
      return refuseFor('multi', '', `unknown operation ${JSON.stringify(op)}`);
  }
}
