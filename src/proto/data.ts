// Records shared by requests, replies, transactions and files (package org.apache.zookeeper.data of
// zookeeper.jute).

import type { TypeOf } from '../jute/record.ts';
import { int, long, record, ustring, vector } from '../jute/record.ts';

export const Id = record('Id', { scheme: ustring, id: ustring });
export type Id = TypeOf<typeof Id>;

export const ACL = record('ACL', { perms: int, id: Id });
export type ACL = TypeOf<typeof ACL>;

export const AclList = vector(ACL);

/** What clients see of a node: 68 bytes. `cversion` counts creations and deletions of children. */
export const Stat = record('Stat', {
  czxid: long,
  mzxid: long,
  ctime: long,
  mtime: long,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  pzxid: long,
});
export type Stat = TypeOf<typeof Stat>;

/** What snapshots keep of a node: 60 bytes. Here `cversion` counts creations only, and pzxid comes last. */
export const StatPersisted = record('StatPersisted', {
  czxid: long,
  mzxid: long,
  ctime: long,
  mtime: long,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  pzxid: long,
});
export type StatPersisted = TypeOf<typeof StatPersisted>;

export const ClientInfo = record('ClientInfo', { authScheme: ustring, user: ustring });
export type ClientInfo = TypeOf<typeof ClientInfo>;

/** Permission bits of an ACL entry (ZooDefs.Perms). */
export const Perms = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

/** `world:anyone` with every permission. */
export const openAcl: readonly ACL[] = [
  { perms: Perms.ALL, id: { scheme: 'world', id: 'anyone' } },
];
/** `world:anyone`, read only. */
export const readAcl: readonly ACL[] = [
  { perms: Perms.READ, id: { scheme: 'world', id: 'anyone' } },
];
/** Whatever the creator is authenticated as. */
export const creatorAllAcl: readonly ACL[] = [{ perms: Perms.ALL, id: { scheme: 'auth', id: '' } }];
