// The one table of operation codes (ZooDefs.OpCode): number, name, what kind of request it is and
// its records. Everything that must know an op's nature asks here. "write" goes through a
// transaction; "read" answers from the local tree.

import type { AnyRecord } from '../jute/record.ts';
import * as records from './client.ts';

export const OpCode = {
  notification: 0,
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTTL: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  createSession: -10,
  closeSession: -11,
  error: -1,
} as const;
export type OpCode = (typeof OpCode)[keyof typeof OpCode];
export type OpName = keyof typeof OpCode;

/** 'connection': concerns the connection, not the tree. 'nested': legal only inside a multi. */
export type OpKind = 'write' | 'read' | 'session' | 'connection' | 'nested' | 'internal';

export interface Op {
  readonly code: OpCode;
  readonly name: OpName;
  readonly kind: OpKind;
  /** undefined: no body, or one with a form of its own (multi). */
  readonly request: AnyRecord | undefined;
  readonly response: AnyRecord | undefined;
}

type Row = readonly [OpName, OpKind, (AnyRecord | undefined)?, AnyRecord?];

const rows: readonly Row[] = [
  ['create', 'write', records.CreateRequest, records.PathResponse],
  ['delete', 'write', records.DeleteRequest],
  ['exists', 'read', records.PathWatchRequest, records.StatResponse],
  ['getData', 'read', records.PathWatchRequest, records.GetDataResponse],
  ['setData', 'write', records.SetDataRequest, records.StatResponse],
  ['getACL', 'read', records.PathRequest, records.GetACLResponse],
  ['setACL', 'write', records.SetACLRequest, records.StatResponse],
  ['getChildren', 'read', records.PathWatchRequest, records.GetChildrenResponse],
  ['sync', 'read', records.PathRequest, records.PathResponse],
  ['ping', 'connection'],
  ['getChildren2', 'read', records.PathWatchRequest, records.GetChildren2Response],
  ['check', 'nested', records.CheckVersionRequest],
  ['multi', 'write'],
  ['create2', 'write', records.CreateRequest, records.Create2Response],
  ['reconfig', 'write', records.ReconfigRequest, records.GetDataResponse],
  ['checkWatches', 'read', records.WatchTypeRequest],
  ['removeWatches', 'read', records.WatchTypeRequest],
  ['createContainer', 'write', records.CreateRequest, records.Create2Response],
  ['deleteContainer', 'internal'],
  ['createTTL', 'write', records.CreateTTLRequest, records.Create2Response],
  ['multiRead', 'read'],
  ['auth', 'connection', records.AuthPacket],
  ['setWatches', 'read', records.SetWatches],
  ['sasl', 'connection', records.SetSASLRequest, records.SetSASLRequest],
  ['getEphemerals', 'read', records.PathRequest, records.GetEphemeralsResponse],
  ['getAllChildrenNumber', 'read', records.PathRequest, records.GetAllChildrenNumberResponse],
  ['setWatches2', 'read', records.SetWatches2],
  ['addWatch', 'read', records.AddWatchRequest, records.ErrorResponse],
  ['whoAmI', 'read', undefined, records.WhoAmIResponse],
  ['createSession', 'session'],
  ['closeSession', 'session'],
  ['error', 'internal'],
];

const byCode = new Map<number, Op>();
for (const [name, kind, request, response] of rows) {
  const code = OpCode[name];
  byCode.set(code, {
    code,
    name,
    kind,
    request,
    response,
  });
}

/** undefined: no such operation. */
export function opOf(code: number): Op | undefined {
  return byCode.get(code);
}

export function allOps(): Iterable<Op> {
  return byCode.values();
}

/** The op's name for log lines; the number when unknown. */
export function opName(code: number): string {
  return byCode.get(code)?.name ?? `op ${code}`;
}

/** The flags word of a create request (CreateMode). */
export const CreateFlag = {
  PERSISTENT: 0,
  EPHEMERAL: 1,
  PERSISTENT_SEQUENTIAL: 2,
  EPHEMERAL_SEQUENTIAL: 3,
  CONTAINER: 4,
  PERSISTENT_WITH_TTL: 5,
  PERSISTENT_SEQUENTIAL_WITH_TTL: 6,
} as const;

/** Watcher.Event.EventType. */
export const EventType = {
  None: -1,
  NodeCreated: 1,
  NodeDeleted: 2,
  NodeDataChanged: 3,
  NodeChildrenChanged: 4,
  DataWatchRemoved: 5,
  ChildWatchRemoved: 6,
  PersistentWatchRemoved: 7,
} as const;
export type EventType = (typeof EventType)[keyof typeof EventType];

/** Watcher.Event.KeeperState. */
export const KeeperState = {
  Disconnected: 0,
  SyncConnected: 3,
  AuthFailed: 4,
  ConnectedReadOnly: 5,
  SaslAuthenticated: 6,
  Closed: 7,
  Expired: -112,
} as const;

/** Watcher.WatcherType: what checkWatches and removeWatches name. */
export const WatcherType = {
  Children: 1,
  Data: 2,
  Any: 3,
  Persistent: 4,
  PersistentRecursive: 5,
} as const;
export type WatcherType = (typeof WatcherType)[keyof typeof WatcherType];

/** AddWatchMode. */
export const AddWatchMode = { PERSISTENT: 0, PERSISTENT_RECURSIVE: 1 } as const;
