// The ACL nearly every request carries is one entry for world:anyone. It is recognised by its
// bytes, so that the hot path neither decodes nor checks it.

import type { Reader } from '../../jute/reader.ts';
import type { ACL } from '../../proto/data.ts';

/** Behind count and perms: the strings 'world' and 'anyone' with their lengths. */
const tail = Uint8Array.of(
  0,
  0,
  0,
  5,
  0x77,
  0x6f,
  0x72,
  0x6c,
  0x64,
  0,
  0,
  0,
  6,
  0x61,
  0x6e,
  0x79,
  0x6f,
  0x6e,
  0x65,
);
const length = 8 + tail.length;

const lists = new Map<number, readonly ACL[]>();

/** The permissions of such an ACL, stepped over; −1 (and nothing read) for any other. */
export function isOpenAcl(reader: Reader): number {
  const at = reader.at;
  if (reader.remaining < length || reader.view.getInt32(at) !== 1) return -1;
  const bytes = reader.bytes;
  for (let i = 0; i < tail.length; i++) if (bytes[at + 8 + i] !== tail[i]) return -1;
  const perms = reader.view.getInt32(at + 4);
  if (perms < 0 || perms > 0xff) return -1;
  reader.at = at + length;
  return perms;
}

/** The same list for the same permissions, always. */
export function openAclOf(perms: number): readonly ACL[] {
  let list = lists.get(perms);
  if (list === undefined) {
    list = [{ perms, id: { scheme: 'world', id: 'anyone' } }];
    lists.set(perms, list);
  }
  return list;
}
