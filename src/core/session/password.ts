// The password of a session (ZooKeeperServer.generatePasswd): 16 bytes that any server of an
// ensemble computes from the id alone, so that a client may reconnect to another one. It is
// java.util.Random's, seeded with the id; whoever knows an id can compute it, so it guards against
// mistakes and not against attackers.

import { equalSecret } from '../../util/bytes.ts';

/** What Java mixes into the id. */
const salt = 0xb3415c00n;

/** java.util.Random: a linear congruence of 48 bits, of which each draw gives the upper 32. */
const multiplier = 0x5deece66dn;
const increment = 0xbn;
const stateMask = (1n << 48n) - 1n;

export const passwordLength = 16;

export function sessionPassword(id: bigint): Uint8Array {
  const bytes = new Uint8Array(passwordLength);
  const view = new DataView(bytes.buffer);
  let state = (id ^ salt ^ multiplier) & stateMask;
  for (let at = 0; at < passwordLength; at += 4) {
    state = (state * multiplier + increment) & stateMask;
    view.setInt32(at, Number(BigInt.asIntN(32, state >> 16n)), true);
  }
  return bytes;
}

/** Takes as long for a wrong password as for the right one. Id 0 is no session and has none. */
export function isPassword(id: bigint, bytes: Uint8Array): boolean {
  return equalSecret(bytes, sessionPassword(id)) && id !== 0n;
}
