// What a server says first on an election connection (QuorumCnxManager.InitialMessage): who it is, where it listens.
//   long −65536, long sid, int n, n bytes `host:port`                 (v1, since 3.5)
//   long −65535, long sid, int n, n bytes `host:port|host:port|…`     (v2, since 3.6, when multiAddress is on)
//   long sid ≥ 0                                                      (3.4)
// Inputs and outputs: bytes and values. The addresses are what a stranger claims: who dials them is decided elsewhere.
// Wildcard addresses say nothing and are left out. Different from Java on purpose: the message may come in pieces.

import { decodeUtf8, encodeUtf8 } from '../jute/utf8.ts';
import { Writer } from '../jute/writer.ts';
import type { Sid } from '../proto/sid.ts';
import type { HostPort } from './host-port.ts';
import { printAddress } from './host-port.ts';

const version1 = -65_536n;
const version2 = -65_535n;
/** As Java: longer address lists are garbage. */
const addressesLengthMax = 2048;
const headLength = 20;

export interface InitialMessage {
  readonly sid: Sid;
  /** As claimed, wildcards left out; empty for the form of 3.4. */
  readonly addresses: readonly HostPort[];
}

export type ParsedInitialMessage =
  /** `length`: where the next message begins. */
  | { readonly message: InitialMessage; readonly length: number }
  | { readonly bad: string }
  | 'incomplete';

/** v2 with all addresses when `multiAddress`, else v1 with the first. */
export function encodeInitialMessage(
  sid: Sid,
  addresses: readonly HostPort[],
  multiAddress: boolean,
): Uint8Array {
  const told = multiAddress ? addresses : addresses.filter((_, i) => i === 0);
  const text = encodeUtf8(told.map(printAddress).join('|'));
  const writer = new Writer(headLength + text.length);
  writer.long(multiAddress ? version2 : version1);
  writer.long(sid);
  writer.buffer(text);
  return writer.copy();
}

export function parseInitialMessage(bytes: Uint8Array): ParsedInitialMessage {
  if (bytes.length < 8) return 'incomplete';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = view.getBigInt64(0);
  if (first >= 0n) return { message: { sid: first, addresses: [] }, length: 8 };
  if (first !== version1 && first !== version2) return { bad: `protocol version ${first}` };
  if (bytes.length < headLength) return 'incomplete';
  const length = view.getInt32(16);
  if (length <= 0 || length > addressesLengthMax) return { bad: `${length} bytes of addresses` };
  if (bytes.length < headLength + length) return 'incomplete';
  const addresses: HostPort[] = [];
  for (const text of decodeUtf8(bytes, headLength, headLength + length).split('|')) {
    const address = parseAddress(text);
    if (address === undefined) return { bad: `address ${JSON.stringify(text)}` };
    if (!isWildcard(address.host)) addresses.push(address);
  }
  return { message: { sid: view.getBigInt64(8), addresses }, length: headLength + length };
}

function parseAddress(text: string): HostPort | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || (host.includes(':') && /^[0:]+$/.test(host));
}
