// Refuses votes no honest voter casts, before they can move our clock or win. One message with an epoch near the end of
// its range would otherwise make every later election start there, and an epoch beyond 31 bits is none (a zxid has no
// room for it). Input: a voter's notification. Output: what is wrong with it, undefined when nothing is.

import type { Notification } from '../../proto/notification.ts';

const epochMax = 0x7fffffffn;
/** No ensemble counts that many rounds: one a microsecond would take 146,000 years. */
const roundMax = 1n << 62n;

/** −1 means "unknown" in all three: an uninitialized database, a vote made by a reconfig. */
export function senselessVote(said: Notification): string | undefined {
  const { peerEpoch, zxid, electionEpoch } = said;
  if (peerEpoch < -1n || peerEpoch > epochMax) return `epoch ${peerEpoch} is out of range`;
  if (zxid < -1n) return `zxid ${zxid} is out of range`;
  if (electionEpoch < -1n || electionEpoch > roundMax) {
    return `round ${electionEpoch} is out of range`;
  }
  return undefined;
}
