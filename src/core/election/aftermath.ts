// Watches, once a leader was decided on, for signs that the decision does not hold: it may have been made before a
// better vote arrived (deciding early makes that likelier), and waiting for initLimit would cost seconds. Java has no
// such watch. Input: what voters say meanwhile; output: a reason to look again, once a decision. It is advice: a peer
// whose epoch is established goes by its connections alone.

import type { Notification } from '../../proto/notification.ts';
import type { Sid } from '../../proto/sid.ts';
import { noSid } from '../../proto/sid.ts';
import type { Decision } from './election-events.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';

export class Aftermath {
  readonly #decision: Decision;
  readonly #committed: QuorumVerifier;
  /** Voters whose latest word was for another leader, in this round or a later one. */
  readonly #elsewhere = new Set<Sid>();
  #advised = false;

  constructor(decision: Decision, committed: QuorumVerifier) {
    this.#decision = decision;
    this.#committed = committed;
  }

  /** A voter's notification. Returns why the decision should be given up. */
  heard(from: Sid, said: Notification): string | undefined {
    if (this.#advised) return undefined;
    const reason =
      this.#decision.state === 'LEADING' ? this.#asLeader(from, said) : this.#asLearner(from, said);
    this.#advised = reason !== undefined;
    return reason;
  }

  /** Those who are left to follow us must be a quorum. */
  #asLeader(from: Sid, { leader, electionEpoch }: Notification): string | undefined {
    const { vote } = this.#decision;
    const isElsewhere =
      leader !== vote.leader && leader !== noSid && electionEpoch >= vote.electionEpoch;
    if (!isElsewhere) {
      this.#elsewhere.delete(from);
      return undefined;
    }
    this.#elsewhere.add(from);
    const left = [...this.#committed.voters].filter((sid) => !this.#elsewhere.has(sid));
    if (this.#committed.containsQuorum(left)) return undefined;
    return `${this.#elsewhere.size} voters want another leader, ${left.length} are no quorum`;
  }

  /** Votes only get better in a round: a server that has voted for another will not lead in it. */
  #asLearner(from: Sid, { state, leader, electionEpoch }: Notification): string | undefined {
    const { vote } = this.#decision;
    if (from !== vote.leader || state !== 'LOOKING') return undefined;
    if (electionEpoch > vote.electionEpoch) return `${from} looks for a leader in a later round`;
    if (electionEpoch < vote.electionEpoch || leader === vote.leader) return undefined;
    return `${from} votes for ${leader}`;
  }
}
