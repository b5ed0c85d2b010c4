// What an ensemble's server measures of elections, synchronization and broadcast (ServerMetrics.java, BufferStats).
// In: the notes of the election and of Zab, the same that go to the log, and a call for every proposal, commit and
// revalidation; out: counters and summaries, which metrics-table.ts gives Java's names. They outlive roles; only
// proposal sizes begin anew with every term. `srst` sets all of it back.
//
// Times are ms on the clock of the notes. Different from Java: a synchronization is counted when it is done, not when
// it is decided on.

import type { ElectionNote } from '../core/election/election-events.ts';
import type { ZabNote } from '../core/zab/zab-notes.ts';
import { Summary } from '../util/summary.ts';

export type EnsembleRole = 'leader' | 'follower' | 'observer';

export interface ProposalSizes {
  /** Bytes of the serialized transaction; −1 before the first of a term. */
  readonly lastSize: number;
  readonly minSize: number;
  readonly maxSize: number;
}

export class EnsembleMetrics {
  looking = 0;
  /** Of a leader. */
  proposals = 0;
  commits = 0;
  snapsSent = 0;
  diffsSent = 0;
  /** Sessions that learners asked it about. */
  revalidations = 0;
  disloyalVoters = 0;
  /** Of a learner. */
  proposalsReceived = 0;
  commitsReceived = 0;

  readonly electionTime = new Summary();
  /** From leaving a role, or the first look for a leader, until clients are served. */
  readonly unavailableTime = new Summary();
  readonly leaderUnavailableTime = new Summary();
  readonly followerSyncTime = new Summary();
  readonly observerSyncTime = new Summary();

  #lookingSince: number | undefined;
  #unavailableSince: number | undefined;
  #lastSize = -1;
  #minSize = -1;
  #maxSize = -1;

  get proposalSizes(): ProposalSizes {
    return { lastSize: this.#lastSize, minSize: this.#minSize, maxSize: this.#maxSize };
  }

  notedElection({ event, at }: ElectionNote): void {
    if (event === 'started') {
      this.looking++;
      this.#lookingSince = at;
      this.#unavailableSince ??= at;
    } else if (event === 'decided' && this.#lookingSince !== undefined) {
      this.electionTime.add(at - this.#lookingSince);
      this.#lookingSince = undefined;
    }
  }

  notedZab(role: EnsembleRole, { sync }: ZabNote): void {
    if (sync?.ms === undefined) return;
    if (role === 'follower') this.followerSyncTime.add(sync.ms);
    else if (role === 'observer') this.observerSyncTime.add(sync.ms);
    else if (sync.mode === 'SNAP') this.snapsSent++;
    else this.diffsSent++;
  }

  /** Clients are served in this role. */
  served(role: EnsembleRole, now: number): void {
    if (this.#unavailableSince === undefined) return;
    const ms = now - this.#unavailableSince;
    this.#unavailableSince = undefined;
    this.unavailableTime.add(ms);
    if (role === 'leader') this.leaderUnavailableTime.add(ms);
  }

  /** The role was left. A leader's next term measures its proposals anew. */
  left(now: number): void {
    this.#unavailableSince ??= now;
    this.#resetSizes();
  }

  /** By a leader; `bytes`: header, record and digest. */
  proposed(bytes: number): void {
    this.proposals++;
    this.#lastSize = bytes;
    if (this.#minSize === -1 || bytes < this.#minSize) this.#minSize = bytes;
    if (bytes > this.#maxSize) this.#maxSize = bytes;
  }

  /** The four-letter word `srst`. */
  reset(): void {
    this.looking = 0;
    this.proposals = 0;
    this.commits = 0;
    this.snapsSent = 0;
    this.diffsSent = 0;
    this.revalidations = 0;
    this.disloyalVoters = 0;
    this.proposalsReceived = 0;
    this.commitsReceived = 0;
    this.electionTime.reset();
    this.unavailableTime.reset();
    this.leaderUnavailableTime.reset();
    this.followerSyncTime.reset();
    this.observerSyncTime.reset();
    this.#resetSizes();
  }

  #resetSizes(): void {
    this.#lastSize = -1;
    this.#minSize = -1;
    this.#maxSize = -1;
  }
}
