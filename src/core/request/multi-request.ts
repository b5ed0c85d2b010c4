// The operations of a multi (MultiOperationRecord): where each stands in the request and what it
// is. In: a reader at the request's body; out: types and places, in order. Every operation is
// decoded before any is tried, so one that cannot be read spoils the whole multi.

import type { Reader } from '../../jute/reader.ts';
import { DecodeError } from '../../jute/reader.ts';
import { AclList } from '../../proto/data.ts';
import { CreateFlag, OpCode } from '../../proto/opcodes.ts';
import { isOpenAcl } from './open-acl.ts';

/** One operation of a multi: its type and where its record stands. */
export interface MultiOp {
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Throws DecodeError for operations that a multi must not hold and for bodies cut short. What kind
 * of node a create makes follows its op code, but flags that say container or TTL overrule it
 * (Op.Create).
 */
export function decodeMulti(reader: Reader): MultiOp[] {
  const ops: MultiOp[] = [];
  for (;;) {
    const type = reader.int();
    const done = reader.boolean();
    reader.int();
    if (done) return ops;
    const start = reader.at;
    let actual = type;
    if (reader.lengthOfBytes() < 0) throw nullPath(reader);
    switch (type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        actual = decodeCreate(reader, type);
        break;
      case OpCode.delete:
      case OpCode.check:
        reader.int();
        break;
      case OpCode.setData:
        reader.lengthOfBytes();
        reader.int();
        break;
      default:
        throw new DecodeError(`op ${type} in a multi`, start);
    }
    ops.push({ type: actual, start, end: reader.at });
  }
}

/** Behind the path; returns the type it is treated as. */
function decodeCreate(reader: Reader, type: number): number {
  reader.lengthOfBytes();
  if (isOpenAcl(reader) < 0) AclList.read(reader);
  const flags = reader.int();
  if (type === OpCode.createTTL) {
    reader.long();
    if (flags === CreateFlag.CONTAINER) return OpCode.createContainer;
    // Without a TTL's flags the ttl means nothing; flags that are none fail as this operation's
    // result.
    return flags < CreateFlag.PERSISTENT_WITH_TTL ? OpCode.create : type;
  }
  if (flags < 0 || flags >= CreateFlag.PERSISTENT_WITH_TTL) {
    throw new DecodeError(`create flags ${flags}`, reader.at - 4);
  }
  return flags === CreateFlag.CONTAINER ? OpCode.createContainer : type;
}

/** What Java does with a null path: it fails on it, and answers MarshallingError. */
export function nullPath(reader: Reader): DecodeError {
  return new DecodeError('a null path', reader.at);
}
