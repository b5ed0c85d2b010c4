// The first half of a leader's term (Leader.getEpochToPropose, waitForEpochAck): a quorum shows up, the epoch is fixed
// above all it had accepted, and the quorum promises to follow no earlier one. In: handlers as they are introduced and
// as they acknowledge the epoch. Out: LEADERINFO, `saveEpoch`, and `elected` when the promise of a quorum is there.
//
// Invariants: LEADERINFO leaves after our own acceptedEpoch is on disk; of a quorum of voters nobody has a history
// that is ahead of ours (epoch first, then zxid), so ours has everything that was ever committed. Different from
// Java on purpose: a voter that is ahead ends the term soon; a voter that accepted a later epoch ends it once a
// minute; of learners only those count that are still there.

import type { Sid } from '../../proto/sid.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { EpochProposal, epochLeapMax, epochMax } from './epoch-proposal.ts';
import type { LeaderEffect, LeaderOptions, LeaderStart } from './leader-events.ts';
import type { LearnerHandler, StateSummary } from './learner-handler.ts';
import { Learners } from './learners.ts';
import type { NoteFacts } from './zab-notes.ts';
import { countText, hex } from './zab-notes.ts';

/** A voter that cannot join before the next epoch gets one when a term is established for so long: once a minute. */
const stuckVoterGraceTicks = 30;

/** What the parts of a leader do through it. */
export interface Term {
  want(effect: LeaderEffect): void;
  note(facts: NoteFacts): void;
  drop(handler: LearnerHandler, reason: string): void;
  abandon(reason: string): void;
  /** The epoch is fixed, and nothing was sent yet. */
  epochFixed(epoch: number): void;
  /** A quorum follows us into the epoch. */
  elected(now: number): void;
  /** A learner's ACKEPOCH counts, and the quorum is there: bring it up to date. */
  synchronize(handler: LearnerHandler, now: number): void;
}

type Phase = 'idle' | 'collecting' | 'saving' | 'electing' | 'done';

export class Discovery {
  readonly #options: LeaderOptions;
  readonly #learners: Learners;
  readonly #term: Term;
  readonly #epochs: EpochProposal;
  /** What we were elected with. */
  readonly #summary: StateSummary;
  #phase: Phase = 'idle';
  #epoch: number | undefined;
  #startedAt = 0;
  #endsAt = Number.POSITIVE_INFINITY;
  #knownAcceptedEpoch = -1;

  constructor(options: LeaderOptions, start: LeaderStart, term: Term) {
    const { lastProcessedZxid, currentEpoch, acceptedEpoch, knownAcceptedEpoch = -1 } = start;
    assert(currentEpoch <= acceptedEpoch, 'currentEpoch is at most acceptedEpoch');
    const { committed, lastSeen } = options;
    this.#options = options;
    this.#term = term;
    this.#summary = { currentEpoch, lastZxid: lastProcessedZxid };
    this.#epochs = new EpochProposal(
      Math.max(acceptedEpoch, knownAcceptedEpoch),
      lastSeen === undefined ? [committed] : [committed, lastSeen],
    );
    this.#learners = new Learners(options, (sid) => this.#epochs.isMember(sid));
  }

  get learners(): Learners {
    return this.#learners;
  }

  /** undefined: not fixed yet. */
  get epoch(): number | undefined {
    return this.#epoch;
  }

  get isDone(): boolean {
    return this.#phase === 'done';
  }

  /** When the quorum that is awaited must be there. */
  get endsAt(): number {
    return this.#endsAt;
  }

  /** The highest accepted epoch of a voter that cannot join this term; −1: there is none. */
  get knownAcceptedEpoch(): number {
    return this.#knownAcceptedEpoch;
  }

  start(now: number): void {
    assert(this.#phase === 'idle', 'a term begins once');
    this.#phase = 'collecting';
    this.#startedAt = now;
    this.#wait(now);
    const { currentEpoch, lastZxid } = this.#summary;
    const what = `lead with epoch ${hex(currentEpoch)}, zxid ${hex(lastZxid)}`;
    this.#term.note({ event: 'phase', what, decision: 'wait for a quorum of FOLLOWERINFO' });
    this.#tryFixEpoch();
  }

  /** FOLLOWERINFO or OBSERVERINFO came. `establishedAt`: since when the leader serves. */
  introduced(handler: LearnerHandler, now: number, establishedAt: number | undefined): void {
    const { sid, acceptedEpoch, role } = handler;
    const refusal = this.#refusal(handler, now);
    if (refusal !== undefined) {
      this.#term.drop(handler, refusal);
      return;
    }
    const rival = this.#learners.rivalOf(handler);
    if (rival !== undefined) {
      this.#term.drop(rival, `is replaced by ${handler.link.remoteAddress} with the same sid`);
    }
    const info = role === 'observer' ? 'OBSERVERINFO' : 'FOLLOWERINFO';
    const stranger = this.#epochs.isMember(sid) ? '' : ', not in the configuration';
    const what = `recv ${info} from ${sid}${stranger} (accepted epoch ${hex(acceptedEpoch)})`;
    if (this.#phase === 'collecting') {
      this.#epochs.hear(sid, acceptedEpoch);
      const count = countText(this.#options.committed, this.#quorum(isAny));
      const decision = `epoch ${hex(this.#epochs.epoch)} so far, ${count}`;
      this.#term.note({ event: 'received', peer: sid, what, decision });
      this.#tryFixEpoch();
    } else if (this.#phase === 'saving') {
      this.#term.note({ event: 'received', peer: sid, what, decision: 'wait for acceptedEpoch' });
    } else {
      this.#term.note({ event: 'received', peer: sid, what, decision: 'send LEADERINFO' });
      this.#sendLeaderInfo(handler, now, establishedAt);
    }
  }

  acceptedEpochSaved(now: number): void {
    assert(this.#phase === 'saving', 'acceptedEpoch is saved behind the quorum');
    this.#phase = 'electing';
    this.#wait(now);
    const what = `acceptedEpoch ${hex(this.#fixed)} is on disk`;
    this.#term.note({ event: 'saved', what, decision: 'send LEADERINFO' });
    for (const handler of [...this.#learners]) {
      if (handler.phase.kind === 'introduced') this.#sendLeaderInfo(handler, now, undefined);
    }
    this.#tryElect(now);
  }

  epochAcked(handler: LearnerHandler, now: number): void {
    const { summary, sid } = handler;
    const { currentEpoch, lastZxid } = summary;
    const what = `recv ACKEPOCH from ${sid} (epoch ${hex(currentEpoch)}, zxid ${hex(lastZxid)})`;
    if (this.#phase !== 'electing') {
      this.#term.note({ event: 'received', peer: sid, what, decision: 'synchronize' });
      this.#term.synchronize(handler, now);
      return;
    }
    if (currentEpoch !== -1 && isMoreRecent(summary, this.#summary)) {
      const { committed, tickTimeMs } = this.#options;
      // The election would choose it: nobody needs to wait for initLimit.
      if (committed.voters.has(sid)) this.#endsAt = Math.min(this.#endsAt, now + tickTimeMs);
      this.#term.drop(handler, `is ahead: epoch ${hex(currentEpoch)}, zxid ${hex(lastZxid)}`);
      return;
    }
    const count = countText(this.#options.committed, this.#quorum(hasAckedEpoch));
    this.#term.note({ event: 'received', peer: sid, what, decision: count });
    this.#tryElect(now);
  }

  /** Leader.reportLookingSid: a voter that elected us has changed its mind, and we still wait for epochs. */
  lookingSid(sid: Sid, now: number): void {
    const { maxTimeToWaitForEpochMs = -1, voteSet } = this.#options;
    if (this.#phase !== 'collecting' || maxTimeToWaitForEpochMs < 0) return;
    if (voteSet?.isVoter(sid) !== true || now - this.#startedAt <= maxTimeToWaitForEpochMs) return;
    this.#term.abandon(`voter ${sid} is LOOKING again`);
  }

  /** The election thinks its decision void; once the quorum is there it is too late. */
  reconsidered(reason: string): void {
    if (this.#phase === 'collecting' || this.#phase === 'electing') this.#term.abandon(reason);
  }

  timeout(now: number): void {
    if (this.#phase === 'done' || now < this.#endsAt) return;
    const waited = this.#phase === 'electing' ? 'ACKEPOCH' : 'FOLLOWERINFO';
    const fits = this.#phase === 'electing' ? hasAckedEpoch : isAny;
    const count = countText(this.#options.committed, this.#quorum(fits));
    this.#term.abandon(`no quorum of ${waited} in time: ${count}`);
  }

  #refusal(handler: LearnerHandler, now: number): string | undefined {
    const { sid, acceptedEpoch, configVersion } = handler;
    const { mySid, committed } = this.#options;
    if (sid === mySid) return `claims our own sid ${sid}`;
    if (this.#options.refuseStrangers === true && !this.#epochs.isMember(sid)) {
      return 'is not in the configuration (quoll.refuseStrangers)';
    }
    if (configVersion > committed.version) {
      return `has configuration version ${hex(configVersion)}, ours is ${hex(committed.version)}`;
    }
    if (acceptedEpoch < -1 || acceptedEpoch >= epochMax) {
      return `has accepted epoch ${acceptedEpoch}: no later one is left`;
    }
    const rival = this.#learners.rivalOf(handler);
    if (rival === undefined || !this.#learners.isSpeaking(rival, now)) return undefined;
    return `claims sid ${sid}, as ${rival.link.remoteAddress} does, which is alive`;
  }

  #tryFixEpoch(): void {
    const { committed } = this.#options;
    const sids = this.#quorum(isAny);
    if (this.#phase !== 'collecting' || !committed.containsQuorum(sids)) return;
    const { epoch } = this.#epochs;
    if (epoch > epochMax) {
      this.#term.abandon(`no epoch is left: ${epoch} would be next`);
      return;
    }
    this.#phase = 'saving';
    this.#endsAt = Number.POSITIVE_INFINITY;
    this.#epoch = epoch;
    this.#term.epochFixed(epoch);
    const what = `quorum of FOLLOWERINFO: ${countText(committed, sids)}`;
    this.#term.note({ event: 'phase', what, decision: `save acceptedEpoch ${hex(epoch)}` });
    this.#term.want({ kind: 'saveEpoch', name: 'acceptedEpoch', epoch });
  }

  #sendLeaderInfo(handler: LearnerHandler, now: number, establishedAt: number | undefined): void {
    const { sid, acceptedEpoch, role } = handler;
    handler.sendLeaderInfo(this.#fixed, now);
    if (acceptedEpoch <= this.#fixed) return;
    // It will refuse: it has promised itself to a later term, which never came to be.
    const isSensible = acceptedEpoch - this.#fixed <= epochLeapMax;
    const isVoter = isSensible && role === 'follower' && this.#options.committed.voters.has(sid);
    const graceMs = stuckVoterGraceTicks * this.#options.tickTimeMs;
    const isDue = establishedAt !== undefined && now - establishedAt >= graceMs;
    const what = `${sid} accepted epoch ${hex(acceptedEpoch)}, ours is ${hex(this.#fixed)}`;
    const decision = isVoter && isDue ? 'a new term for its sake' : 'it cannot join this term';
    this.#term.note({ level: 'warn', event: 'received', peer: sid, what, decision });
    if (!isVoter) return;
    this.#knownAcceptedEpoch = Math.max(this.#knownAcceptedEpoch, acceptedEpoch);
    if (isDue) this.#term.abandon(what);
  }

  #tryElect(now: number): void {
    const { committed } = this.#options;
    const sids = this.#quorum(hasAckedEpoch);
    if (this.#phase !== 'electing' || !committed.containsQuorum(sids)) return;
    this.#phase = 'done';
    this.#endsAt = Number.POSITIVE_INFINITY;
    const what = `quorum of ACKEPOCH: ${countText(committed, sids)}`;
    this.#term.note({ event: 'phase', what, decision: 'save currentEpoch, synchronize' });
    this.#term.elected(now);
    for (const handler of [...this.#learners]) {
      if (handler.phase.kind === 'epochAcked') this.#term.synchronize(handler, now);
    }
  }

  get #fixed(): number {
    assert(this.#epoch !== undefined, 'the epoch is fixed');
    return this.#epoch;
  }

  /** With ourselves. */
  #quorum(fits: (handler: LearnerHandler) => boolean): Sid[] {
    const { mySid, committed } = this.#options;
    // −1: our database is not to be trusted, and a promise about it says nothing (Leader.waitForEpochAck).
    const isTrusted = this.#summary.lastZxid !== -1n || fits === isAny;
    return this.#learners.voters(isTrusted ? mySid : undefined, committed, fits);
  }

  #wait(now: number): void {
    this.#endsAt = now + this.#options.initLimit * this.#options.tickTimeMs;
  }
}

function isAny(): boolean {
  return true;
}

/** Its promise counts: it is new, and the history it goes with is one. */
function hasAckedEpoch({ phase, summary }: LearnerHandler): boolean {
  if (phase.kind === 'introduced' || phase.kind === 'promised') return false;
  return summary.currentEpoch !== -1 && summary.lastZxid !== -1n;
}

/** StateSummary.isMoreRecentThan */
function isMoreRecent(a: StateSummary, b: StateSummary): boolean {
  if (a.currentEpoch !== b.currentEpoch) return a.currentEpoch > b.currentEpoch;
  return (a.lastZxid as Zxid) > b.lastZxid;
}
