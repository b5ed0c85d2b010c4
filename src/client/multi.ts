// multi and multiRead: a list of operations in one request, all or nothing (multi) or each for itself (multiRead). In:
// operations as the caller writes them; out: the framed records of MultiOperationRecord, and results in the same order.
// The reply's header says 0 even when a multi failed: the results tell (MultiResponse).
// Results say their own type: Java 3.8 answers create2 inside a multi as create, without the stat.

import type { Chroot } from '../core/client/chroot.ts';
import type { Reader } from '../jute/reader.ts';
import { DecodeError } from '../jute/reader.ts';
import type { Writer } from '../jute/writer.ts';
import * as records from '../proto/client.ts';
import { ErrorCode, errorName } from '../proto/errors.ts';
import { OpCode } from '../proto/opcodes.ts';
import { KeeperError } from './keeper-error.ts';
import type {
  CreateOptions,
  Data,
  ErrorResult,
  MultiReadResult,
  MultiResult,
} from './operations.ts';
import { createBody, dataBytes, readNodeData } from './operations.ts';

export type MultiOp =
  | ({ readonly type: 'create' | 'create2'; readonly path: string; readonly data?: Data } & Omit<
      CreateOptions,
      'timeoutMs' | 'signal'
    >)
  | { readonly type: 'delete'; readonly path: string; readonly version?: number }
  | {
      readonly type: 'setData';
      readonly path: string;
      readonly data: Data;
      readonly version?: number;
    }
  | { readonly type: 'check'; readonly path: string; readonly version?: number };

export type MultiReadOp =
  | { readonly type: 'getData'; readonly path: string }
  | { readonly type: 'getChildren'; readonly path: string };

const end = { type: -1, done: true, err: -1 };

function writeHeader(writer: Writer, type: number): void {
  records.MultiHeader.write(writer, { type, done: false, err: -1 });
}

/** Paths in `ops` are the client's, already checked. */
export function writeMulti(writer: Writer, ops: readonly MultiOp[], chroot: Chroot): void {
  for (const op of ops) {
    const path = chroot.toServer(op.path);
    const version = 'version' in op ? (op.version ?? -1) : -1;
    switch (op.type) {
      case 'create':
      case 'create2': {
        const { op: code, body, value } = createBody(path, op.data, op, op.type === 'create2');
        writeHeader(writer, code);
        body.write(writer, value);
        break;
      }
      case 'delete':
        writeHeader(writer, OpCode.delete);
        records.DeleteRequest.write(writer, { path, version });
        break;
      case 'setData':
        writeHeader(writer, OpCode.setData);
        records.SetDataRequest.write(writer, { path, data: dataBytes(op.data), version });
        break;
      default:
        writeHeader(writer, OpCode.check);
        records.CheckVersionRequest.write(writer, { path, version });
    }
  }
  records.MultiHeader.write(writer, end);
}

export function writeMultiRead(writer: Writer, ops: readonly MultiReadOp[], chroot: Chroot): void {
  for (const op of ops) {
    writeHeader(writer, op.type === 'getData' ? OpCode.getData : OpCode.getChildren);
    const value = { path: chroot.toServer(op.path), watch: false };
    records.PathWatchRequest.write(writer, value);
  }
  records.MultiHeader.write(writer, end);
}

export function readMulti(reader: Reader, chroot: Chroot): MultiResult[] {
  return readResults(reader, (type) => {
    switch (type) {
      case OpCode.create: {
        const { path } = records.PathResponse.read(reader);
        return { type: 'create', path: chroot.toClient(path), stat: undefined };
      }
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL: {
        const { path, stat } = records.Create2Response.read(reader);
        return { type: 'create', path: chroot.toClient(path), stat };
      }
      case OpCode.delete:
        return { type: 'delete' };
      case OpCode.setData:
        return { type: 'setData', stat: records.StatResponse.read(reader).stat };
      case OpCode.check:
        return { type: 'check' };
      default:
        return undefined;
    }
  });
}

export function readMultiRead(reader: Reader): MultiReadResult[] {
  return readResults(reader, (type) => {
    switch (type) {
      case OpCode.getData: {
        const { data, stat } = readNodeData(reader);
        return { type: 'getData', data, stat };
      }
      case OpCode.getChildren:
        return { type: 'getChildren', ...records.GetChildrenResponse.read(reader) };
      default:
        return undefined;
    }
  });
}

function readResults<T>(
  reader: Reader,
  readResult: (type: number) => T | undefined,
): (T | ErrorResult)[] {
  const results: (T | ErrorResult)[] = [];
  for (;;) {
    const { type, done } = records.MultiHeader.read(reader);
    if (done) return results;
    const result = type === OpCode.error ? readError(reader) : readResult(type);
    if (result === undefined) throw new DecodeError(`result of type ${type}`, reader.at);
    results.push(result);
  }
}

function readError(reader: Reader): ErrorResult {
  const { err } = records.ErrorResponse.read(reader);
  return { type: 'error', code: errorName(err) ?? 'SystemError', errno: err };
}

/** The results of a multi that succeeded; throws the error of the operation at which one failed. */
export function throwIfFailed(results: MultiResult[], ops: readonly MultiOp[]): MultiResult[] {
  for (const [index, result] of results.entries()) {
    // Those before the failing operation have 0.
    if (result.type !== 'error' || result.errno === ErrorCode.Ok) continue;
    const { code, errno } = result;
    const op = ops[index];
    const message = `multi, operation ${index} (${op?.type} ${op?.path}): ${code} (${errno})`;
    throw new KeeperError(code, message, { path: op?.path, errno, results });
  }
  return results;
}
