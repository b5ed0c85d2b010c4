// Transactions as they stand in the log, made by hand: a header, one record, and the digest where
// the test gives one. The values are plain objects, so that a model can read what the tree gets as
// bytes.

import { Writer } from '../../../../src/jute/writer.ts';
import type { ACL } from '../../../../src/proto/data.ts';
import { OpCode } from '../../../../src/proto/opcodes.ts';
import * as txns from '../../../../src/proto/txn.ts';

export type TxnBody =
  | {
      readonly type: 'create' | 'create2' | 'createContainer' | 'createTTL';
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly ACL[];
      readonly ephemeral?: boolean;
      /** undefined: the old form without it (create only). */
      readonly parentCVersion: number | undefined;
      readonly ttl?: bigint;
    }
  | { readonly type: 'delete' | 'deleteContainer'; readonly path: string }
  | {
      readonly type: 'setData' | 'reconfig';
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly version: number;
    }
  | {
      readonly type: 'setACL';
      readonly path: string;
      readonly acl: readonly ACL[];
      readonly version: number;
    }
  | { readonly type: 'check'; readonly path: string; readonly version: number }
  | { readonly type: 'error'; readonly err: number }
  | { readonly type: 'createSession'; readonly timeOut: number }
  /** Without paths: the form before 3.6. */
  | { readonly type: 'closeSession'; readonly paths: readonly string[] | undefined }
  | { readonly type: 'multi'; readonly ops: readonly TxnBody[] };

export interface Txn {
  readonly clientId: bigint;
  readonly zxid: bigint;
  readonly time: bigint;
  readonly body: TxnBody;
}

export function writeBody(out: Writer, body: TxnBody): void {
  switch (body.type) {
    case 'create':
    case 'create2': {
      const { path, data, ephemeral = false, parentCVersion } = body;
      const acl = [...body.acl];
      if (parentCVersion === undefined) txns.CreateTxnV0.write(out, { path, data, acl, ephemeral });
      else txns.CreateTxn.write(out, { path, data, acl, ephemeral, parentCVersion });
      return;
    }
    case 'createContainer':
    case 'createTTL': {
      const { path, data, parentCVersion = -1, ttl = 1n } = body;
      const acl = [...body.acl];
      if (body.type === 'createTTL') {
        txns.CreateTTLTxn.write(out, { path, data, acl, parentCVersion, ttl });
      } else txns.CreateContainerTxn.write(out, { path, data, acl, parentCVersion });
      return;
    }
    case 'delete':
    case 'deleteContainer':
      txns.DeleteTxn.write(out, body);
      return;
    case 'setData':
    case 'reconfig':
      txns.SetDataTxn.write(out, body);
      return;
    case 'setACL':
      txns.SetACLTxn.write(out, { ...body, acl: [...body.acl] });
      return;
    case 'check':
      txns.CheckVersionTxn.write(out, body);
      return;
    case 'error':
      txns.ErrorTxn.write(out, body);
      return;
    case 'createSession':
      txns.CreateSessionTxn.write(out, body);
      return;
    case 'closeSession':
      if (body.paths !== undefined) {
        txns.CloseSessionTxn.write(out, { paths2Delete: [...body.paths] });
      }
      return;
    case 'multi':
      txns.MultiTxn.write(out, {
        txns: body.ops.map((op) => {
          const data = new Writer();
          writeBody(data, op);
          return { type: OpCode[op.type], data: data.copy() };
        }),
      });
      return;
  }
}

/** `digest`: what the transaction says of the tree behind it; undefined: it says nothing. */
export function txnBytes(txn: Txn, digest?: bigint): Uint8Array {
  const out = new Writer();
  const { clientId, zxid, time, body } = txn;
  txns.TxnHeader.write(out, { clientId, cxid: 7, zxid, time, type: OpCode[body.type] });
  writeBody(out, body);
  if (digest !== undefined) txns.TxnDigest.write(out, { version: 2, treeDigest: digest });
  return out.copy();
}
