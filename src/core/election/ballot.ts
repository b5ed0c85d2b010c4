// The votes one server has heard while it looks for a leader, and what they add up to (recvset and outofelection of
// FastLeaderElection.lookForLeader).
//
// Two maps, because two questions are asked. "Do we agree in this round?" counts votes of this round only. "Is there an
// ensemble at work already?" counts what settled servers say, whatever round they settled in.
// Invariants: a vote of a round other than the running one is never in `#ofRound`; a sid has one vote in each map, its
// latest; whoever votes in neither configuration counts nowhere (VoteTracker).

import type { Sid } from '../../proto/sid.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';
import type { Vote } from './vote.ts';
import { isSameVote } from './vote.ts';
import { VoteTracker } from './vote-tracker.ts';

export class Ballot {
  readonly #committed: QuorumVerifier;
  readonly #lastSeen: QuorumVerifier | undefined;
  /** Voters of either configuration. */
  readonly voters: ReadonlySet<Sid>;
  readonly #ofRound = new Map<Sid, Vote>();
  readonly #settled = new Map<Sid, Vote>();
  /** Voters whose link broke or who refused a dial, and who were not heard of since. */
  readonly #absent = new Set<Sid>();

  constructor(committed: QuorumVerifier, lastSeen: QuorumVerifier | undefined) {
    this.#committed = committed;
    this.#lastSeen = lastSeen;
    this.voters = new Set([...committed.voters, ...(lastSeen?.voters ?? [])]);
  }

  /** A vote of the running round. */
  put(from: Sid, vote: Vote): void {
    this.#ofRound.set(from, vote);
  }

  /** What a FOLLOWING or LEADING server says. */
  putSettled(from: Sid, vote: Vote): void {
    this.#settled.set(from, vote);
  }

  /** A new round was joined: votes of the old one are void. What settled servers say stays true. */
  clearRound(): void {
    this.#ofRound.clear();
  }

  markAbsent(sid: Sid): void {
    this.#absent.add(sid);
  }

  markPresent(sid: Sid): void {
    this.#absent.delete(sid);
  }

  /** Who voted like `vote` in this round. */
  ofRound(vote: Vote): VoteTracker {
    return this.#count(this.#ofRound, vote);
  }

  /** Which settled servers, of any round, say the same as `vote`. */
  settled(vote: Vote): VoteTracker {
    return this.#count(this.#settled, vote);
  }

  /** Whether the leader itself says that it leads: a crashed one must not be elected again and again by hearsay. */
  isLeadingInRound(leader: Sid): boolean {
    return this.#ofRound.get(leader)?.state === 'LEADING';
  }

  isLeadingSettled(leader: Sid): boolean {
    return this.#settled.get(leader)?.state === 'LEADING';
  }

  /**
   * True when nothing better than `vote` can come: every voter votes so in this round, in all fields (`vote` is of a
   * LOOKING server, so no field is forgiven). An absent voter is left out, if those who are there are a quorum by
   * themselves and the candidate is one of them.
   */
  isUnanimous(vote: Vote): boolean {
    if (this.#absent.has(vote.leader)) return false;
    const present = VoteTracker.over(this.#committed, this.#lastSeen);
    for (const sid of this.voters) {
      if (this.#absent.has(sid)) continue;
      const theirs = this.#ofRound.get(sid);
      if (theirs === undefined || !isSameVote(theirs, vote)) return false;
      present.add(sid);
    }
    return present.hasAllQuorums();
  }

  isAbsent(sid: Sid): boolean {
    return this.#absent.has(sid);
  }

  absent(): Sid[] {
    return [...this.#absent];
  }

  #count(votes: ReadonlyMap<Sid, Vote>, vote: Vote): VoteTracker {
    const tracker = VoteTracker.over(this.#committed, this.#lastSeen);
    for (const [sid, theirs] of votes) if (isSameVote(vote, theirs)) tracker.add(sid);
    return tracker;
  }
}
