// One search for a leader (FastLeaderElection.lookForLeader): from our own vote to a decision. Inputs: votes of voters,
// what became of links, the time. Outputs: messages and notes in the outbox, a deadline, and in the end `decision`.
//
// Rules: a vote of a later round is joined, of an older one answered and not counted; a better vote is adopted and sent
// on; a quorum of equal votes waits finalizeWait for a better one, unless none can come. Servers that are settled are
// counted apart: a quorum of them whose leader says itself that it leads is an ensemble to join, whatever its round.
// Invariants: the proposal only gets better within a round; after `decision` nothing changes any more.

import type { ServerState } from '../../proto/notification.ts';
import type { Sid } from '../../proto/sid.ts';
import { assert } from '../../util/assert.ts';
import { Ballot } from './ballot.ts';
import type { Deadline, Decision, ElectionOptions } from './election-events.ts';
import { sidList } from './election-notes.ts';
import type { ElectionOutbox } from './election-outbox.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';
import type { Proposal, Vote } from './vote.ts';
import { totalOrderPredicate } from './vote.ts';
import type { VoteTracker } from './vote-tracker.ts';

const finalizeWaitMs = 200;
const notificationIntervalMsMax = 60_000;
/** How often servers without a link are dialled, whatever the pause between votes has grown to. */
const connectIntervalMs = 1_000;
/** After a link broke: a server is dialled at once no more often than this. */
const redialMsMin = 200;
/** The lastProcessedZxid of a database that was never initialized: it says nothing about who has what. */
const uninitialized = -1n;

/** What the round needs to know of its server. */
export interface RoundSetting {
  readonly options: ElectionOptions;
  readonly committed: QuorumVerifier;
  readonly lastSeen: QuorumVerifier | undefined;
  readonly outbox: ElectionOutbox;
  /** What we become under another leader. */
  readonly learningState: 'FOLLOWING' | 'OBSERVING';
}

export class ElectionRound {
  readonly #mySid: Sid;
  readonly #setting: RoundSetting;
  readonly #ballot: Ballot;
  /** Our own vote, as we would cast it had we heard of nobody. */
  readonly #initial: Proposal;
  readonly #redialledAt = new Map<Sid, number>();
  /** Who answered our vote from a settled state, and so did not take it. */
  readonly #deaf = new Set<Sid>();
  readonly #finalizeWaitMs: number;
  readonly #intervalMsMin: number;
  readonly #intervalMsMax: number;
  #proposal: Proposal;
  #electionEpoch: bigint;
  #intervalMs: number;
  #resendAt: number;
  #connectAt: number;
  /** When the quorum that stands now may decide; undefined while there is none. */
  #finalizeAt: number | undefined;
  #decision: Decision | undefined;

  constructor(setting: RoundSetting, initial: Proposal, electionEpoch: bigint, now: number) {
    const { options, committed, lastSeen } = setting;
    this.#mySid = options.mySid;
    this.#setting = setting;
    this.#ballot = new Ballot(committed, lastSeen);
    this.#finalizeWaitMs = options.finalizeWaitMs ?? finalizeWaitMs;
    this.#intervalMsMin = options.minNotificationIntervalMs ?? finalizeWaitMs;
    this.#intervalMsMax = options.maxNotificationIntervalMs ?? notificationIntervalMsMax;
    this.#initial = initial;
    this.#proposal = initial;
    this.#electionEpoch = electionEpoch;
    this.#intervalMs = this.#intervalMsMin;
    this.#resendAt = now + this.#intervalMs;
    this.#connectAt = now + connectIntervalMs;
    this.#propose(initial, now);
    this.#evaluate(now);
  }

  get voters(): ReadonlySet<Sid> {
    return this.#ballot.voters;
  }

  get decision(): Decision | undefined {
    return this.#decision;
  }

  get electionEpoch(): bigint {
    return this.#electionEpoch;
  }

  /** What we vote for at the moment. */
  get vote(): Vote {
    const electionEpoch = this.#electionEpoch;
    return { ...this.#proposal, electionEpoch, state: 'LOOKING', version: 0 };
  }

  get deadline(): Deadline {
    if (this.#finalizeAt !== undefined) {
      return { at: this.#finalizeAt, why: 'a quorum agrees: decide' };
    }
    return this.#resendAt <= this.#connectAt
      ? { at: this.#resendAt, why: 'send the vote again' }
      : { at: this.#connectAt, why: 'dial who has no link' };
  }

  /** A voter's notification; returns what was made of it. */
  hear(from: Sid, vote: Vote, now: number): string {
    this.#ballot.markPresent(from);
    const round = this.#electionEpoch;
    if (vote.state === 'LOOKING' && vote.electionEpoch < round) {
      // Nobody joins a non-voter's round; and voters answer non-voters at once, so two would answer for ever.
      if (!this.voters.has(this.#mySid)) return `older than round ${round}: do not count`;
      this.#setting.outbox.send([from], this.vote, 'LOOKING');
      return `older than round ${round}: answer, do not count`;
    }
    if (!this.voters.has(vote.leader)) return `ignore: ${vote.leader} is no voter`;
    switch (vote.state) {
      case 'LOOKING':
        return this.#hearLooking(from, vote, now);
      case 'OBSERVING':
        return 'ignore: observers have no say';
      default:
        this.#deaf.add(from);
        return this.#hearSettled(from, vote, now);
    }
  }

  /** The link to a voter came up, and with it our last message. Silence so far is no reason to be slow now. */
  linkEstablished(sid: Sid, now: number): void {
    this.#ballot.markPresent(sid);
    this.#intervalMs = this.#intervalMsMin;
    this.#resendAt = Math.min(this.#resendAt, now + this.#intervalMs);
  }

  isAbsent(sid: Sid): boolean {
    return this.#ballot.isAbsent(sid);
  }

  /** A voter's link broke or it refused a dial; returns what was made of it. */
  gone(sid: Sid, linkBroke: boolean, now: number): string {
    this.#ballot.markAbsent(sid);
    const redial =
      linkBroke && now - (this.#redialledAt.get(sid) ?? Number.NEGATIVE_INFINITY) >= redialMsMin;
    if (redial) {
      this.#redialledAt.set(sid, now);
      this.#setting.outbox.push({ kind: 'connect', sid });
    }
    this.#evaluate(now);
    return `count ${sidList(this.#ballot.absent())} as absent${redial ? ', dial again' : ''}`;
  }

  /** Returns what was done; undefined when nothing was due. */
  timeout(now: number): string | undefined {
    if (this.#finalizeAt !== undefined && now >= this.#finalizeAt) {
      const tracker = this.#ballot.ofRound(this.vote);
      assert(tracker.hasAllQuorums(), 'a decision is carried by quorums of equal votes');
      this.#decide(this.vote, tracker, false);
      return `nothing better came in ${this.#finalizeWaitMs} ms: decide`;
    }
    const resend = now >= this.#resendAt;
    if (!resend && now < this.#connectAt) return undefined;
    this.#connectAt = now + connectIntervalMs;
    this.#setting.outbox.push({ kind: 'connectAll' });
    if (!resend) return 'dial who has no link';
    this.#intervalMs = Math.min(2 * this.#intervalMs, this.#intervalMsMax);
    this.#broadcast(now);
    return `send the vote again, next in ${this.#intervalMs} ms`;
  }

  #hearLooking(from: Sid, vote: Vote, now: number): string {
    if (this.#initial.zxid === uninitialized) return 'ignore: our database is not initialized';
    if (vote.zxid === uninitialized) return 'ignore: its database is not initialized';
    const wasDeaf = this.#deaf.delete(from);
    let did = 'count';
    if (vote.electionEpoch > this.#electionEpoch) {
      this.#electionEpoch = vote.electionEpoch;
      this.#ballot.clearRound();
      const theirs = this.#isBetter(vote, this.#initial);
      this.#propose(theirs ? vote : this.#initial, now);
      did = `join round ${vote.electionEpoch} with ${theirs ? 'it' : 'our own vote'}, send to all`;
    } else if (this.#isBetter(vote, this.#proposal)) {
      this.#propose(vote, now);
      did = 'better: adopt, send to all';
    } else if (wasDeaf) {
      // It looks now, and would learn of our vote only when votes are sent again. Java lets it wait.
      this.#setting.outbox.send([from], this.vote, 'LOOKING');
      did = 'count, tell it our vote again';
    }
    // The version does not matter while votes are compared in all fields.
    this.#ballot.put(from, { ...vote, version: 0 });
    const counted = this.#evaluate(now);
    return counted === undefined ? did : `${did}; ${counted}`;
  }

  #hearSettled(from: Sid, vote: Vote, now: number): string {
    const { leader, electionEpoch } = vote;
    if (electionEpoch === this.#electionEpoch) {
      // Without its version, like all votes of the round: settled votes are then compared by the leader alone.
      this.#ballot.put(from, { ...vote, version: 0 });
      const tracker = this.#ballot.ofRound(vote);
      if (
        tracker.hasAllQuorums() &&
        this.#isCredible(this.#ballot.isLeadingInRound(leader), vote)
      ) {
        this.#decide(vote, tracker, false);
        return `${sidList(tracker.acks())} of this round agree: join`;
      }
      // It may have been one of the quorum that waits; or it followed earlier what we are about to decide.
      this.#evaluate(now);
      if (this.#decision !== undefined) return 'it decided as we do: decide';
    }
    this.#ballot.putSettled(from, vote);
    const tracker = this.#ballot.settled(vote);
    if (!tracker.hasAllQuorums()) return `${sidList(tracker.acks())} follow it: no quorum`;
    if (!this.#isCredible(this.#ballot.isLeadingSettled(leader), vote)) {
      return `${sidList(tracker.acks())} follow it, but it does not say that it leads`;
    }
    this.#electionEpoch = electionEpoch;
    this.#decide(vote, tracker, false);
    return `${sidList(tracker.acks())} are at work: join`;
  }

  /**
   * Whether a leader named by others is one (checkLeader). Another must say so itself, else a crashed leader is elected
   * by hearsay for ever; that we lead ourselves we believe only of the running round.
   */
  #isCredible(saysItLeads: boolean, vote: Vote): boolean {
    if (vote.leader !== this.#mySid) return saysItLeads;
    return vote.electionEpoch === this.#electionEpoch;
  }

  #isBetter(a: Proposal, b: Proposal): boolean {
    return totalOrderPredicate(a, b, this.#setting.committed.weight(a.leader));
  }

  #propose({ leader, zxid, peerEpoch }: Proposal, now: number): void {
    this.#proposal = { leader, zxid, peerEpoch };
    this.#finalizeAt = undefined;
    this.#broadcast(now);
    // Java sends to itself as well. An uninitialized server's votes count nowhere, its own included.
    const counts = this.#ballot.voters.has(this.#mySid) && this.#initial.zxid !== uninitialized;
    if (counts) this.#ballot.put(this.#mySid, this.vote);
  }

  #broadcast(now: number): void {
    const { outbox } = this.#setting;
    const others = [...this.#ballot.voters].filter((sid) => sid !== this.#mySid);
    outbox.send(others, this.vote, 'LOOKING');
    const at = { at: now, event: 'sent', round: this.#electionEpoch, vote: this.vote } as const;
    outbox.note({ ...at, level: 'debug', peers: others, decision: 'wait for votes' });
    this.#resendAt = now + this.#intervalMs;
  }

  /** After every change of votes or of who is there. Returns what the count says, undefined when no quorum agrees. */
  #evaluate(now: number): string | undefined {
    const tracker = this.#ballot.ofRound(this.vote);
    if (this.#decision !== undefined || !tracker.hasAllQuorums()) {
      this.#finalizeAt = undefined;
      return undefined;
    }
    const who = sidList(tracker.acks());
    const early = this.#setting.options.decidesEarly ?? true;
    if (early && this.#ballot.isUnanimous(this.vote)) {
      this.#decide(this.vote, tracker, true);
      return `${who} agree and nothing better can come: decide`;
    }
    this.#finalizeAt ??= now + this.#finalizeWaitMs;
    return `${who} agree: wait ${Math.ceil(this.#finalizeAt - now)} ms for a better vote`;
  }

  #decide(vote: Vote, voteSet: VoteTracker, early: boolean): void {
    const { leader, zxid, peerEpoch } = vote;
    const electionEpoch = this.#electionEpoch;
    const state: Exclude<ServerState, 'LOOKING'> =
      leader === this.#mySid ? 'LEADING' : this.#setting.learningState;
    this.#decision = {
      vote: { leader, zxid, peerEpoch, electionEpoch, state, version: 0 },
      state,
      leader,
      voteSet,
      early,
    };
  }
}
