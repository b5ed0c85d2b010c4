// Whether the body of a write can be read to its end, before a learner forwards it: a Java leader from 3.9 on that
// cannot read one spends a zxid a second time. In: a reader at the body. Out: the reader where it stood, or a
// DecodeError. What the request asks for is not judged here, and bytes behind it are nobody's business.

import type { Reader } from '../../jute/reader.ts';
import { AclList } from '../../proto/data.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { decodeMulti } from './multi-request.ts';
import { isOpenAcl } from './open-acl.ts';

/** Throws DecodeError. */
export function assertReadable(type: number, reader: Reader): void {
  const { at, end } = reader;
  try {
    skipBody(type, reader);
  } finally {
    reader.at = at;
    reader.end = end;
  }
}

function skipBody(type: number, reader: Reader): void {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
      reader.lengthOfBytes();
      reader.lengthOfBytes();
      skipAcl(reader);
      reader.int();
      if (type === OpCode.createTTL) reader.long();
      return;
    case OpCode.setData:
      reader.lengthOfBytes();
      reader.lengthOfBytes();
      reader.int();
      return;
    case OpCode.setACL:
      reader.lengthOfBytes();
      skipAcl(reader);
      reader.int();
      return;
    case OpCode.delete:
    case OpCode.check:
      reader.lengthOfBytes();
      reader.int();
      return;
    case OpCode.multi:
      decodeMulti(reader);
      return;
  }
}

function skipAcl(reader: Reader): void {
  if (isOpenAcl(reader) < 0) AclList.read(reader);
}
