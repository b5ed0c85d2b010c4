// Transactions as they stand in the log and travel in PROPOSAL and INFORM: header, record, digest
// (package org.apache.zookeeper.txn of zookeeper.jute; SerializeUtils). Equal bytes in both places.

import type { AnyRecord, TypeOf } from '../jute/record.ts';
import { boolean, buffer, int, long, record, ustring, vector } from '../jute/record.ts';
import { ACL } from './data.ts';
import { OpCode } from './opcodes.ts';

/** 32 bytes. `time` is the leader's wall clock in ms. */
export const TxnHeader = record('TxnHeader', {
  clientId: long,
  cxid: int,
  zxid: long,
  time: long,
  type: int,
});
export type TxnHeader = TypeOf<typeof TxnHeader>;
export const txnHeaderLength = 32;

/** The tree's digest after the txn. Absent behind error txns and when the digest is switched off. */
export const TxnDigest = record('TxnDigest', { version: int, treeDigest: long });
export type TxnDigest = TypeOf<typeof TxnDigest>;
export const txnDigestLength = 12;

export const CreateTxn = record('CreateTxn', {
  path: ustring,
  data: buffer,
  acl: vector(ACL),
  ephemeral: boolean,
  parentCVersion: int,
});
export type CreateTxn = TypeOf<typeof CreateTxn>;
/** Before 3.4: no parentCVersion, the parent's is incremented. */
export const CreateTxnV0 = record('CreateTxnV0', {
  path: ustring,
  data: buffer,
  acl: vector(ACL),
  ephemeral: boolean,
});
export const CreateContainerTxn = record('CreateContainerTxn', {
  path: ustring,
  data: buffer,
  acl: vector(ACL),
  parentCVersion: int,
});
export const CreateTTLTxn = record('CreateTTLTxn', {
  path: ustring,
  data: buffer,
  acl: vector(ACL),
  parentCVersion: int,
  ttl: long,
});
export const DeleteTxn = record('DeleteTxn', { path: ustring });
/** `version` is the new version. */
export const SetDataTxn = record('SetDataTxn', { path: ustring, data: buffer, version: int });
/** `version` is the new aversion. */
export const SetACLTxn = record('SetACLTxn', { path: ustring, acl: vector(ACL), version: int });
/** Only inside a multi; `version` is the node's version + 1. */
export const CheckVersionTxn = record('CheckVersionTxn', { path: ustring, version: int });
export const CreateSessionTxn = record('CreateSessionTxn', { timeOut: int });
export const CloseSessionTxn = record('CloseSessionTxn', { paths2Delete: vector(ustring) });
export const ErrorTxn = record('ErrorTxn', { err: int });
export const Txn = record('Txn', { type: int, data: buffer });
export const MultiTxn = record('MultiTxn', { txns: vector(Txn) });

/** The record behind a header of this type; undefined: no such transaction exists. */
export const txnRecords: ReadonlyMap<number, AnyRecord> = new Map<number, AnyRecord>([
  [OpCode.createSession, CreateSessionTxn],
  [OpCode.closeSession, CloseSessionTxn],
  [OpCode.error, ErrorTxn],
  [OpCode.create, CreateTxn],
  [OpCode.create2, CreateTxn],
  [OpCode.createContainer, CreateContainerTxn],
  [OpCode.createTTL, CreateTTLTxn],
  [OpCode.delete, DeleteTxn],
  [OpCode.deleteContainer, DeleteTxn],
  [OpCode.setData, SetDataTxn],
  [OpCode.reconfig, SetDataTxn],
  [OpCode.setACL, SetACLTxn],
  [OpCode.multi, MultiTxn],
]);
