// Counts acknowledgements by sid against one or two configurations at once (SyncedLearnerTracker): while a reconfig is
// on its way, a decision needs a quorum of the committed configuration and of the one last seen.
// Invariant: a sid counts once, and in a configuration only if it votes there.

import type { Sid } from '../../proto/sid.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';

export class VoteTracker {
  readonly #sets: readonly { readonly verifier: QuorumVerifier; readonly acks: Set<Sid> }[];

  constructor(verifiers: Iterable<QuorumVerifier>) {
    this.#sets = [...verifiers].map((verifier) => ({ verifier, acks: new Set() }));
  }

  /** For the committed configuration and, if it is newer, the one last seen. */
  static over(committed: QuorumVerifier, lastSeen: QuorumVerifier | undefined): VoteTracker {
    const both = lastSeen !== undefined && lastSeen.version > committed.version;
    return new VoteTracker(both ? [committed, lastSeen] : [committed]);
  }

  /** True when `sid` votes in one of the configurations. */
  add(sid: Sid): boolean {
    let counts = false;
    for (const { verifier, acks } of this.#sets) {
      if (!verifier.voters.has(sid)) continue;
      acks.add(sid);
      counts = true;
    }
    return counts;
  }

  /** True when `sid` votes in all of the configurations, whether it has acknowledged or not (Java's hasSid). */
  isVoter(sid: Sid): boolean {
    return this.#sets.every(({ verifier }) => verifier.voters.has(sid));
  }

  hasAllQuorums(): boolean {
    return this.#sets.every(({ verifier, acks }) => verifier.containsQuorum(acks));
  }

  /** Everyone who was counted, ascending. */
  acks(): Sid[] {
    const all = new Set(this.#sets.flatMap(({ acks }) => [...acks]));
    return [...all].sort((a, b) => (a < b ? -1 : 1));
  }

  /** The sets as Java prints them: `[1, 2],[1, 2]`. */
  toString(): string {
    return this.#sets.map(({ acks }) => `[${[...acks].join(', ')}]`).join(',');
  }
}
