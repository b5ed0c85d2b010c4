// What simulated clients ask of servers, as data: operations and their results, and their way to and from the wire.
// In and out: the records of proto/. The same values go to the checkers, which do not know the wire. Data is text here,
// so that it can be read in a trace; system paths, TTL nodes and ACLs have no part in it.

import type { MultiOp } from '../client/multi.ts';
import { readMulti, writeMulti } from '../client/multi.ts';
import type { MultiResult } from '../client/operations.ts';
import { createBody, readNodeData } from '../client/operations.ts';
import { Chroot } from '../core/client/chroot.ts';
import type { Reader } from '../jute/reader.ts';
import { encodeUtf8 } from '../jute/utf8.ts';
import type { Writer } from '../jute/writer.ts';
import * as records from '../proto/client.ts';
import type { Stat } from '../proto/data.ts';
import { OpCode } from '../proto/opcodes.ts';

export type SingleWrite = Exclude<MultiOp, { readonly type: 'check' }>;

export type WriteOperation =
  | SingleWrite
  | { readonly type: 'multi'; readonly ops: readonly MultiOp[] }
  | { readonly type: 'closeSession' };

export type ReadOperation =
  | {
      readonly type: 'getData' | 'exists' | 'getChildren';
      readonly path: string;
      readonly watch: boolean;
    }
  | { readonly type: 'sync'; readonly path: string };

export type Operation = WriteOperation | ReadOperation;

/** Of an operation that succeeded; what is not of its kind is undefined. */
export interface Result {
  readonly path?: string;
  readonly stat?: Stat;
  /** As text: all data of the simulator is. */
  readonly data?: string;
  /** Sorted. */
  readonly children?: readonly string[];
  readonly results?: readonly MultiResult[];
}

const noChroot = new Chroot('');

export function opCodeOf(operation: Operation): OpCode {
  switch (operation.type) {
    case 'create':
    case 'create2':
      return createBody(operation.path, operation.data, operation, true).op;
    case 'getChildren':
      return OpCode.getChildren2;
    default:
      return OpCode[operation.type];
  }
}

/** What follows the request header. */
export function writeOperation(operation: Operation, writer: Writer): void {
  switch (operation.type) {
    case 'create':
    case 'create2': {
      const { body, value } = createBody(operation.path, operation.data, operation, true);
      body.write(writer, value);
      return;
    }
    case 'setData': {
      const { path, data, version = -1 } = operation;
      const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
      records.SetDataRequest.write(writer, { path, data: bytes, version });
      return;
    }
    case 'delete':
      records.DeleteRequest.write(writer, {
        path: operation.path,
        version: operation.version ?? -1,
      });
      return;
    case 'multi':
      writeMulti(writer, operation.ops, noChroot);
      return;
    case 'sync':
      records.PathRequest.write(writer, { path: operation.path });
      return;
    case 'closeSession':
      return;
    default:
      records.PathWatchRequest.write(writer, { path: operation.path, watch: operation.watch });
  }
}

/** The body of a reply without an error. */
export function readResult(operation: Operation, reader: Reader): Result {
  switch (operation.type) {
    case 'create':
    case 'create2':
      return records.Create2Response.read(reader);
    case 'setData':
    case 'exists':
      return records.StatResponse.read(reader);
    case 'multi':
      return { results: readMulti(reader, noChroot) };
    case 'getData': {
      const data = readNodeData(reader);
      return { data: data.text, stat: data.stat };
    }
    case 'getChildren': {
      const { children, stat } = records.GetChildren2Response.read(reader);
      return { children: children.sort(), stat };
    }
    default:
      return {};
  }
}

export function isWrite(operation: Operation): operation is WriteOperation {
  switch (operation.type) {
    case 'getData':
    case 'exists':
    case 'getChildren':
    case 'sync':
      return false;
    default:
      return true;
  }
}
