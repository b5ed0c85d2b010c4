// Quorum packets on the hot path: written from bytes where they stand and read in place, as the record QuorumPacket of
// quorum.ts says. A PROPOSAL or COMMIT costs no object here.

import type { Reader } from '../jute/reader.ts';
import type { Writer } from '../jute/writer.ts';
import type { Id } from './data.ts';
import { AuthInfo, PacketType } from './quorum.ts';
import type { Zxid } from './zxid.ts';
import { longOf } from './zxid.ts';

const absent = -1;

/** A packet without data and authinfo. */
export function writeBarePacket(out: Writer, type: number, zxid: Zxid): void {
  out.int(type);
  out.long(zxid);
  out.int(absent);
  out.int(absent);
}

/** A packet that carries `bytes[start, end)`. */
export function writeDataPacket(
  out: Writer,
  type: number,
  zxid: Zxid,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
  authinfo: readonly Id[] | null = null,
): void {
  out.int(type);
  out.long(zxid);
  out.int(end - start);
  out.raw(bytes, start, end);
  if (authinfo === null) out.int(absent);
  else AuthInfo.write(out, [...authinfo]);
}

/** A packet where it was received: valid as long as the reader's bytes are. */
export interface PacketView {
  type: number;
  zxid: Zxid;
  /** Data is `bytes[dataStart, dataEnd)`; `hasData` tells none from empty. */
  dataStart: number;
  dataEnd: number;
  hasData: boolean;
  /** undefined: absent. */
  authinfo: readonly Id[] | undefined;
}

export function newPacketView(): PacketView {
  return { type: 0, zxid: 0n, dataStart: 0, dataEnd: 0, hasData: false, authinfo: undefined };
}

/** Reads the next packet into `view`. Throws DecodeError, `incomplete` when more bytes may complete it. */
export function readPacket(reader: Reader, view: PacketView): void {
  view.type = reader.int();
  const high = reader.int();
  view.zxid = longOf(high, reader.int());
  const length = reader.lengthOfBytes();
  view.hasData = length >= 0;
  view.dataEnd = reader.at;
  view.dataStart = reader.at - Math.max(0, length);
  view.authinfo = AuthInfo.read(reader) ?? undefined;
}

const names = new Map<number, string>();
for (const [name, type] of Object.entries(PacketType)) names.set(type, name);

/** 'PROPOSAL' for 2; the number for what has no name. */
export function packetName(type: number): string {
  return names.get(type) ?? `packet ${type}`;
}
