// Whether what a leader proposes is a transaction at all (Learner deserializes it on arrival, SerializeUtils): a
// learner looks before it logs it, as a log that holds what cannot be applied ends the process, and the next start.
// In: bytes of a PROPOSAL or INFORM, walked in place. Out: undefined, or what is wrong with them.
//
// Invariant: what passes here applyTxn (core/tree/apply.ts) reads to its end, whatever the tree holds. Java servers
// can propose what they cannot read back: a check outside a multi (ZOOKEEPER-2623), a createTTL without a sensible
// TTL.

import { DecodeError, Reader } from '../../jute/reader.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { txnDigestLength, txnHeaderLength } from '../../proto/txn.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { emptyBytes } from '../../util/bytes.ts';
import { hex } from './zab-notes.ts';

/** EphemeralType.TTL: 40 bits of ms. */
const ttlMax = 0xff_ffff_ffffn;
/** DigestCalculator.DIGEST_VERSION: what a digest begins with. */
const digestVersion = 2;
const slash = 0x2f;

/** What is wrong with a transaction; thrown inside, with DecodeError. */
class TxnFault extends Error {}

export class TxnCheck {
  readonly #reader = new Reader(emptyBytes);

  /** `bytes[start, end)` came as `zxid`. */
  faultOf(zxid: Zxid, bytes: Uint8Array, start: number, end: number): string | undefined {
    if (end - start < txnHeaderLength) return `a transaction of ${end - start} bytes`;
    const reader = this.#reader;
    if (reader.bytes !== bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      reader.reset(bytes, view, start, end);
    }
    reader.at = start + txnHeaderLength;
    reader.end = end;
    const inside = reader.view.getBigInt64(start + 12);
    if (inside !== zxid) return `packet ${hex(zxid)} with transaction ${hex(inside)}`;
    const type = reader.view.getInt32(start + 28);
    try {
      if (type === OpCode.multi) this.#multi();
      else this.#record(type, false);
      return undefined;
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof TxnFault)) throw error;
      return `transaction ${hex(zxid)} of type ${type}: ${error.message}`;
    }
  }

  #record(type: number, isInMulti: boolean): void {
    const reader = this.#reader;
    switch (type) {
      case OpCode.setData:
      case OpCode.reconfig:
        reader.lengthOfBytes();
        reader.lengthOfBytes();
        reader.int();
        return;
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        this.#create(type);
        return;
      case OpCode.delete:
      case OpCode.deleteContainer:
        this.#nodePath();
        return;
      case OpCode.setACL:
        reader.lengthOfBytes();
        this.#acl();
        reader.int();
        return;
      case OpCode.check:
        if (!isInMulti) throw new TxnFault('a check outside a multi');
        reader.lengthOfBytes();
        reader.int();
        return;
      case OpCode.error:
      case OpCode.createSession:
        reader.int();
        return;
      case OpCode.closeSession:
        this.#closeSession();
        return;
      default:
        throw new TxnFault('no transaction has this type');
    }
  }

  #create(type: number): void {
    const reader = this.#reader;
    this.#nodePath();
    reader.lengthOfBytes();
    this.#acl();
    if (type === OpCode.create || type === OpCode.create2) reader.byte();
    // CreateTxnV0 ends here.
    if (reader.remaining >= 4) reader.int();
    if (type !== OpCode.createTTL) return;
    const ttl = reader.long();
    if (ttl <= 0n || ttl > ttlMax) throw new TxnFault(`a TTL of ${ttl} ms`);
  }

  /** Without a list where closeSessionTxn.enabled is false; a digest may follow all the same. */
  #closeSession(): void {
    const reader = this.#reader;
    const { remaining } = reader;
    if (remaining === 0) return;
    if (remaining === txnDigestLength && reader.view.getInt32(reader.at) === digestVersion) return;
    for (let left = reader.count(4); left > 0; left--) this.#nodePath();
  }

  /** One that holds an error changes nothing: the rest of it is not read. */
  #multi(): void {
    const reader = this.#reader;
    const whole = reader.end;
    const first = reader.at;
    const count = Math.max(0, reader.count(8));
    let hasFailed = false;
    for (let left = count; left > 0; left--) {
      if (reader.int() === OpCode.error) hasFailed = true;
      reader.lengthOfBytes();
    }
    reader.at = first + 4;
    for (let left = count; left > 0; left--) {
      const type = reader.int();
      const length = Math.max(0, reader.lengthOfBytes());
      const next = reader.at;
      reader.at = next - length;
      reader.end = next;
      if (!hasFailed) this.#record(type, true);
      else if (type === OpCode.error) reader.int();
      reader.at = next;
      reader.end = whole;
    }
  }

  /** A path that is created or deleted has a parent. */
  #nodePath(): void {
    const reader = this.#reader;
    const length = reader.lengthOfBytes();
    for (let at = reader.at - 1; at >= reader.at - length; at--) {
      if (reader.bytes[at] === slash) return;
    }
    throw new TxnFault('a path without a slash');
  }

  #acl(): void {
    const reader = this.#reader;
    for (let left = reader.count(12); left > 0; left--) {
      reader.skip(4);
      reader.lengthOfBytes();
      reader.lengthOfBytes();
    }
  }
}
