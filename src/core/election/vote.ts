// A vote, when two votes are the same, and which of two is better (Vote.equals of Java, and
// FastLeaderElection.totalOrderPredicate).
//
// The order is by epoch, then zxid, then sid, whole and strict: the best of any set of votes is one vote, so servers
// that have heard the same agree. A candidate that weighs 0 is never better.

import type { ServerState } from '../../proto/notification.ts';
import type { Sid } from '../../proto/sid.ts';

/** What is voted for. */
export interface Proposal {
  /** The server proposed as leader (Java: id). */
  readonly leader: Sid;
  readonly zxid: bigint;
  /** Its currentEpoch when the vote was made; once synced, the epoch it leads. */
  readonly peerEpoch: bigint;
}

export interface Vote extends Proposal {
  /** The round in which it was cast. */
  readonly electionEpoch: bigint;
  /** The state of whoever cast it. */
  readonly state: ServerState;
  /** Of the notification it came in; 0 for votes of our own and those of the running round. */
  readonly version: number;
}

/** True when `a` is better: higher epoch, else higher zxid, else higher sid. `weight` is that of `a.leader`. */
export function totalOrderPredicate(a: Proposal, b: Proposal, weight: number): boolean {
  if (weight === 0) return false;
  if (a.peerEpoch !== b.peerEpoch) return a.peerEpoch > b.peerEpoch;
  if (a.zxid !== b.zxid) return a.zxid > b.zxid;
  return a.leader > b.leader;
}

/**
 * Whether two votes count together. Of a server that is still LOOKING everything must be equal. Settled servers agree
 * when they name the same leader of the same epoch: the zxid and round they report differ honestly (ZOOKEEPER-1805);
 * and by the leader alone when just one of the two came without a version, because such a server reports the epoch
 * before its sync (ZOOKEEPER-1732).
 */
export function isSameVote(a: Vote, b: Vote): boolean {
  if (a.leader !== b.leader) return false;
  if (a.state === 'LOOKING' || b.state === 'LOOKING') {
    return a.zxid === b.zxid && a.electionEpoch === b.electionEpoch && a.peerEpoch === b.peerEpoch;
  }
  return a.version > 0 !== b.version > 0 || a.peerEpoch === b.peerEpoch;
}
