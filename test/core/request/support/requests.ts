// Requests as values, and the bodies they have on the wire. A field left out has the value that
// most tests want: open ACLs, any version, no data.

import { Writer } from '../../../../src/jute/writer.ts';
import * as records from '../../../../src/proto/client.ts';
import type { ACL } from '../../../../src/proto/data.ts';
import { openAcl } from '../../../../src/proto/data.ts';
import { OpCode } from '../../../../src/proto/opcodes.ts';

export type Request =
  | {
      readonly op: 'create' | 'create2' | 'createContainer' | 'createTTL';
      readonly path: string;
      readonly data?: Uint8Array | null;
      readonly acl?: readonly ACL[];
      readonly flags?: number;
      readonly ttl?: bigint;
    }
  | { readonly op: 'delete'; readonly path: string; readonly version?: number }
  | { readonly op: 'check'; readonly path: string; readonly version?: number }
  | {
      readonly op: 'setData';
      readonly path: string;
      readonly data?: Uint8Array | null;
      readonly version?: number;
    }
  | {
      readonly op: 'setACL';
      readonly path: string;
      readonly acl?: readonly ACL[];
      readonly version?: number;
    }
  | { readonly op: 'multi'; readonly ops: readonly Request[] }
  | { readonly op: 'closeSession' }
  | { readonly op: 'deleteContainer'; readonly path: string };

/** The flags of a plain node of this kind. */
const flagsOf = { create: 0, create2: 0, createContainer: 4, createTTL: 5 } as const;

function writeBody(out: Writer, request: Request): void {
  switch (request.op) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL': {
      const { op, path, data = null, flags = flagsOf[op], ttl = 1000n } = request;
      const acl = [...(request.acl ?? openAcl)];
      if (op === 'createTTL') {
        records.CreateTTLRequest.write(out, { path, data, acl, flags, ttl });
      } else records.CreateRequest.write(out, { path, data, acl, flags });
      return;
    }
    case 'delete':
      records.DeleteRequest.write(out, { version: -1, ...request });
      return;
    case 'check':
      records.CheckVersionRequest.write(out, { version: -1, ...request });
      return;
    case 'setData':
      records.SetDataRequest.write(out, { version: -1, data: null, ...request });
      return;
    case 'setACL': {
      const acl = [...(request.acl ?? openAcl)];
      records.SetACLRequest.write(out, { version: -1, ...request, acl });
      return;
    }
    case 'multi':
      for (const op of request.ops) {
        records.MultiHeader.write(out, { type: OpCode[op.op], done: false, err: -1 });
        writeBody(out, op);
      }
      records.MultiHeader.write(out, { type: -1, done: true, err: -1 });
      return;
    case 'closeSession':
      return;
    case 'deleteContainer':
      out.raw(new TextEncoder().encode(request.path));
      return;
  }
}

export function bodyOf(request: Request): Uint8Array {
  const out = new Writer();
  writeBody(out, request);
  return out.copy();
}
