// All learners of a leader: who may connect, who is who, who is too late. In: links and time. Out: handlers, and
// the sids that count. Invariants: a member's sid belongs to one live link; only a follower that is a voter counts,
// each once.
//
// Of two links with one member's sid the older is kept while it speaks, the newer otherwise: a server that lost its
// connection comes back at once, two servers with the same myid do not take turns.

import type { Sid } from '../../proto/sid.ts';
import type { QuorumVerifier } from '../election/quorum-verifier.ts';
import type { LearnerHandler } from './learner-handler.ts';
import type { Link } from './link.ts';

/** Links that belong to no member, or have not said yet to whom they belong. */
const strangersMax = 100;

export interface Limits {
  readonly tickTimeMs: number;
  readonly initLimit: number;
  readonly syncLimit: number;
}

/**
 * What is proposed faster than a learner takes it, in bytes. A synchronization waits for room; proposals cannot, and
 * syncLimit alone, in which much can be proposed, would leave memory without a bound (Java's queuedPackets).
 */
const backlogMax = 256 << 20;
/** The same of one that is no member: a hundred that take nothing must not cost all there is. */
const strangersBacklogMax = 8 << 20;

export class Learners {
  readonly #limits: Limits;
  readonly #isMember: (sid: Sid) => boolean;
  readonly #handlers = new Map<Link, LearnerHandler>();

  constructor(limits: Limits, isMember: (sid: Sid) => boolean) {
    this.#limits = limits;
    this.#isMember = isMember;
  }

  of(link: Link): LearnerHandler | undefined {
    return this.#handlers.get(link);
  }

  [Symbol.iterator](): MapIterator<LearnerHandler> {
    return this.#handlers.values();
  }

  /**
   * Returns who has to go for it: of too many strangers the one that came first. The new one is not refused, as it may
   * be a member that has not said so yet.
   */
  add(handler: LearnerHandler): LearnerHandler | undefined {
    const strangers = [...this].filter((one) => !one.isIntroduced || !this.#isMember(one.sid));
    this.#handlers.set(handler.link, handler);
    return strangers.length >= strangersMax ? strangers[0] : undefined;
  }

  remove(link: Link): void {
    this.#handlers.delete(link);
  }

  /** Another link with the sid of this one, which is a member's. */
  rivalOf(handler: LearnerHandler): LearnerHandler | undefined {
    if (!this.#isMember(handler.sid)) return undefined;
    for (const other of this) {
      if (other !== handler && other.isIntroduced && other.sid === handler.sid) return other;
    }
    return undefined;
  }

  /** A serving learner is pinged twice a tick. */
  isSpeaking(handler: LearnerHandler, now: number): boolean {
    const { phase, lastReceivedAt } = handler;
    return phase.kind === 'serving' && now - lastReceivedAt <= this.#limits.tickTimeMs;
  }

  /** Sids of the followers `verifier` counts and `fits` chooses, with our own. */
  voters(
    mySid: Sid | undefined,
    verifier: QuorumVerifier,
    fits: (handler: LearnerHandler) => boolean,
  ): Sid[] {
    const sids = mySid === undefined ? [] : [mySid];
    for (const handler of this) {
      const counts = handler.role === 'follower' && handler.isIntroduced;
      if (counts && verifier.voters.has(handler.sid) && fits(handler)) sids.push(handler.sid);
    }
    return sids;
  }

  /** LearnerHandler.synced: heard of within syncLimit, or still within its time to be brought up to date. */
  isSynced(handler: LearnerHandler, now: number): boolean {
    const { tickTimeMs, initLimit, syncLimit } = this.#limits;
    if (now - handler.lastReceivedAt <= syncLimit * tickTimeMs) return true;
    if (handler.phase.kind === 'serving') return false;
    return now - handler.connectedAt <= (initLimit + syncLimit) * tickTimeMs;
  }

  /** Why this learner has to go by now; undefined: it is in time. */
  lateness(handler: LearnerHandler, now: number, isEstablished: boolean): string | undefined {
    const { tickTimeMs, initLimit, syncLimit } = this.#limits;
    const initMs = initLimit * tickTimeMs;
    const syncMs = syncLimit * tickTimeMs;
    const { phase, link, lastReceivedAt, movedAt } = handler;
    const quietMs = now - Math.max(lastReceivedAt, movedAt);
    const waitingMax = this.#isMember(handler.sid) ? backlogMax : strangersBacklogMax;
    if (link.waiting > waitingMax) return `takes too little: ${link.waiting} bytes wait`;
    switch (phase.kind) {
      case 'connected':
        // A byte now and then is not an introduction.
        return now - handler.connectedAt > syncMs ? 'did not introduce itself' : undefined;
      case 'promised':
      case 'newLeader':
        return quietMs > initMs ? `did not answer within initLimit (${phase.kind})` : undefined;
      case 'syncing':
        if (!link.isFull || now - movedAt <= initMs) return undefined;
        return 'took nothing within initLimit';
      case 'newLeaderAcked':
        // Before UPTODATE a Java learner says nothing, not even to pings.
        return isEstablished && quietMs > syncMs ? 'was silent for syncLimit' : undefined;
      case 'serving':
        if (quietMs > syncMs) return 'was silent for syncLimit';
        return handler.syncLimit.isLate(now, syncMs)
          ? 'left a proposal unacknowledged for syncLimit'
          : undefined;
      default:
        return undefined;
    }
  }
}
