// Packets by hand, for tests of one machine alone: made from words, and read back as words as the machine writes them.
// `PROPOSAL 0x100000001` is how a packet is written; data is beside it where it matters. `z(1, 2)` is the zxid
// 0x100000002, and its transaction is a function of it.

import { CommittedLog } from '../../../src/core/zab/committed-log.ts';
import type { Link } from '../../../src/core/zab/link.ts';
import { PacketStream } from '../../../src/core/zab/packet-stream.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { packetName } from '../../../src/proto/packets.ts';
import type { PacketName } from '../../../src/proto/quorum.ts';
import { PacketType, QuorumPacket } from '../../../src/proto/quorum.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { makeZxid } from '../../../src/proto/zxid.ts';
import { copyBytes } from '../../../src/util/bytes.ts';
import { encodeTxn } from '../../support/zab-host.ts';

export const term = 7;
export const tickTimeMs = 100;
export const [initLimit, syncLimit] = [10, 5];
export const lengthMax = 1 << 20;

export function z(epoch: number, counter: number): Zxid {
  return makeZxid(epoch, counter);
}

/** Of one epoch, counters `from` to `to`. */
export function range(epoch: number, from: number, to: number): Zxid[] {
  return Array.from({ length: to - from + 1 }, (_, i) => z(epoch, from + i));
}

/** The transaction of that zxid; `id` tells it from another with the same zxid. */
export function txnBytes(zxid: Zxid, id = Number(zxid & 0xffffn)): Uint8Array {
  return encodeTxn({ zxid, id });
}

export function packet(
  name: PacketName,
  zxid: Zxid,
  data: Uint8Array | null = null,
  authinfo: QuorumPacket['authinfo'] = null,
): Uint8Array {
  const out = new Writer();
  QuorumPacket.write(out, { type: PacketType[name], zxid, data, authinfo });
  return out.copy();
}

export function proposal(zxid: Zxid, id?: number): Uint8Array {
  return packet('PROPOSAL', zxid, txnBytes(zxid, id));
}

export function int(value: number): Uint8Array {
  const out = new Writer();
  out.int(value);
  return out.copy();
}

export function learnerInfo(sid: Sid, version = 0x10000, configVersion = 0n): Uint8Array {
  const out = new Writer();
  out.long(sid);
  out.int(version);
  out.long(configVersion);
  return out.copy();
}

export function leaderInfo(epoch: number): Uint8Array {
  return packet('LEADERINFO', z(epoch, 0), int(0x10000));
}

export function newLeader(epoch: number, data: Uint8Array | null = null): Uint8Array {
  return packet('NEWLEADER', z(epoch, 0), data);
}

export function commit(zxid: Zxid): Uint8Array {
  return packet('COMMIT', zxid);
}

export function inform(zxid: Zxid): Uint8Array {
  return packet('INFORM', zxid, txnBytes(zxid));
}

export const upToDate = packet('UPTODATE', -1n);

/** A history in memory: these transactions, the last ones of the tree. */
export function historyOf(...zxids: Zxid[]): CommittedLog {
  const log = new CommittedLog({ count: 500 });
  for (const zxid of zxids) log.add(log.copy(zxid, txnBytes(zxid), 0, txnBytes(zxid).length));
  return log;
}

/** Reads what a machine has written since the last call. */
export class Tap {
  readonly #link: Link;
  readonly #stream = new PacketStream(1 << 24);
  data: Uint8Array[] = [];

  constructor(link: Link) {
    this.#link = link;
  }

  /** What follows a SNAP and is no packet; `packets` stops before it. */
  skip(length: number): void {
    this.#stream.skip(length);
  }

  packets(): string[] {
    const { out } = this.#link;
    const words: string[] = [];
    this.#stream.push(out.copy());
    out.clear();
    this.data = [];
    while (this.#stream.next()) {
      const { type, zxid, dataStart, dataEnd } = this.#stream.view;
      const unsigned = BigInt.asUintN(64, zxid);
      words.push(`${packetName(type)} 0x${unsigned.toString(16)}`);
      this.data.push(copyBytes(this.#stream.bytes, dataStart, dataEnd));
      if (type === PacketType.SNAP) break;
    }
    return words;
  }
}
