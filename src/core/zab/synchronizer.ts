// The leader's synchronization of all its learners (LearnerHandler.syncFollower, LearnerSyncThrottler): asks the
// log files where that may help, plans, feeds, and says when a learner has everything committed. In: handlers whose
// ACKEPOCH counts, answers of the driver. Out: packets, effects, `caughtUp`.
//
// A plan that failed is not tried twice: who came back from a TRUNC with the same history, or whose log files could
// not be read, gets a snapshot.

import type { Sid } from '../../proto/sid.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import type { Pin } from './committed-log.ts';
import type { LeaderEffect, LeaderHost, LeaderOptions, LogRead } from './leader-events.ts';
import { LearnerFeed } from './learner-feed.ts';
import type { LearnerHandler } from './learner-handler.ts';
import type { LogCover, SyncPlan } from './learner-sync.ts';
import { planSync } from './learner-sync.ts';
import type { NoteFacts, SyncNote } from './zab-notes.ts';
import { hex } from './zab-notes.ts';

/** LearnerSyncThrottler's defaults. */
const snapSyncsMax = 10;
const diffSyncsMax = 100;
/** Images of the tree are few: of those that are no members one may have one at a time. */
const strangersSnapSyncsMax = 1;

export interface SyncCallbacks {
  /** The handler was sent everything committed. */
  caughtUp(handler: LearnerHandler, now: number): void;
  drop(handler: LearnerHandler, reason: string): void;
  want(effect: LeaderEffect): void;
  note(facts: NoteFacts): void;
}

export class Synchronizer {
  readonly #options: LeaderOptions;
  readonly #host: LeaderHost;
  /** Where our history ended when the term began. */
  readonly #startZxid: Zxid;
  /** The currentEpoch the leader was elected with. */
  readonly #previousEpoch: number;
  readonly #callbacks: SyncCallbacks;
  readonly #handlers = new Set<LearnerHandler>();
  /** What is kept for learners while the log files are looked at. */
  readonly #surveys = new Map<LearnerHandler, Pin>();
  /** What a learner's history ended with when it was told to cut it; it has not said yet that it did. */
  readonly #truncs = new Map<Sid, Zxid>();
  #isLogTrusted = true;

  constructor(
    options: LeaderOptions,
    host: LeaderHost,
    startZxid: Zxid,
    previousEpoch: number,
    callbacks: SyncCallbacks,
  ) {
    this.#options = options;
    this.#host = host;
    this.#startZxid = startZxid;
    this.#previousEpoch = previousEpoch;
    this.#callbacks = callbacks;
  }

  begin(handler: LearnerHandler, now: number): void {
    assert(handler.phase.kind === 'epochAcked', 'a learner is synchronized behind its ACKEPOCH');
    this.#plan(handler, this.#isLogTrusted ? 'unknown' : undefined, now);
  }

  surveyed(handler: LearnerHandler, cover: LogCover | undefined, now: number): void {
    const pin = this.#surveys.get(handler);
    if (handler.phase.kind !== 'surveying' || pin === undefined) return;
    this.#plan(handler, pin.isBroken ? undefined : cover, now);
    this.#endSurvey(handler);
  }

  logRead(handler: LearnerHandler, read: LogRead, now: number): void {
    if (handler.phase.kind !== 'syncing') return;
    handler.phase.feed.logRead(read);
    this.pump(handler, now);
  }

  /** The link has room again, or an image may be had. */
  pump(handler: LearnerHandler, now: number): void {
    const { phase } = handler;
    if (phase.kind !== 'syncing') return;
    const before = handler.link.out.at;
    const state = phase.feed.pump();
    if (handler.link.out.at !== before) handler.movedAt = now;
    if (state === 'going') return;
    if (state !== 'complete') {
      if (phase.feed.plan.kind !== 'SNAP' && phase.feed.plan.logTo !== undefined) {
        this.#isLogTrusted = false;
      }
      this.#callbacks.drop(handler, `cannot be brought up to date: ${state.failure}`);
      return;
    }
    this.#handlers.delete(handler);
    this.#note(handler, phase.feed, now);
    this.#callbacks.caughtUp(handler, now);
  }

  pumpAll(now: number): void {
    for (const handler of this.#handlers) this.pump(handler, now);
  }

  /** It has our history on disk. */
  acknowledged(handler: LearnerHandler): void {
    this.#truncs.delete(handler.sid);
  }

  /** Its link is gone: whatever was kept for it goes too. */
  dropped(handler: LearnerHandler): void {
    this.#handlers.delete(handler);
    this.#endSurvey(handler);
  }

  #plan(handler: LearnerHandler, log: LogCover | 'unknown' | undefined, now: number): void {
    const { committedLog, forceSnapshotSync = false, logBytesMax } = this.#options;
    const learnerZxid = handler.summary.lastZxid;
    const failed = this.#truncs.get(handler.sid) === learnerZxid;
    const plan = planSync({
      ...{ learnerZxid, lastZxid: this.#lastZxid },
      previousEpoch: this.#previousEpoch,
      committed: committedLog,
      log,
      logBytesMax: logBytesMax(),
      forceSnapshot: forceSnapshotSync || failed,
    });
    if (plan.kind === 'SURVEY') {
      const { from, to } = plan;
      this.#surveys.set(handler, committedLog.pin(to));
      handler.enter({ kind: 'surveying' }, now);
      this.#callbacks.want({ kind: 'surveyLog', link: handler.link, from, to });
      return;
    }
    if (plan.kind === 'SNAP' && this.#isStrangerTooMany(handler)) {
      this.#callbacks.drop(handler, 'is one stranger too many to synchronize at once');
      return;
    }
    if (handler.role === 'observer' && this.#isCrowded(plan.kind)) {
      this.#callbacks.drop(handler, 'is one observer too many to synchronize at once');
      return;
    }
    if (plan.kind === 'TRUNC') this.#truncs.set(handler.sid, learnerZxid);
    this.#handlers.add(handler);
    const want = (effect: LeaderEffect): void => this.#callbacks.want(effect);
    const feed = new LearnerFeed(plan, handler.link, this.#host, committedLog, want, now);
    handler.enter({ kind: 'syncing', feed }, now);
    this.#note(handler, feed, undefined);
    this.pump(handler, now);
  }

  /** The last transaction of our tree. */
  get #lastZxid(): Zxid {
    return this.#options.committedLog.max ?? this.#startZxid;
  }

  #endSurvey(handler: LearnerHandler): void {
    const pin = this.#surveys.get(handler);
    if (pin !== undefined) this.#options.committedLog.release(pin);
    this.#surveys.delete(handler);
  }

  #isStrangerTooMany(handler: LearnerHandler): boolean {
    if (this.#isMember(handler)) return false;
    let strangers = 0;
    for (const one of this.#handlers) {
      const isSnap = one.phase.kind === 'syncing' && one.phase.feed.plan.kind === 'SNAP';
      if (isSnap && !this.#isMember(one)) strangers++;
    }
    return strangers >= strangersSnapSyncsMax;
  }

  #isMember({ sid }: LearnerHandler): boolean {
    const { committed, lastSeen } = this.#options;
    return committed.config.members.has(sid) || lastSeen?.config.members.has(sid) === true;
  }

  #isCrowded(kind: SyncPlan['kind']): boolean {
    const { maxConcurrentSnapSyncs, maxConcurrentDiffSyncs } = this.#options;
    let same = 0;
    for (const { phase } of this.#handlers) {
      if (phase.kind === 'syncing' && (phase.feed.plan.kind === 'SNAP') === (kind === 'SNAP')) {
        same++;
      }
    }
    const max =
      kind === 'SNAP'
        ? (maxConcurrentSnapSyncs ?? snapSyncsMax)
        : (maxConcurrentDiffSyncs ?? diffSyncsMax);
    return same >= max;
  }

  #note(handler: LearnerHandler, feed: LearnerFeed, doneAt: number | undefined): void {
    const { plan, cursor, bytes } = feed;
    const from = hex(handler.summary.lastZxid);
    const isDone = doneAt !== undefined;
    const sync: SyncNote = {
      mode: plan.kind,
      from,
      to: hex(isDone ? cursor : this.#lastZxid),
      why: plan.why,
      bytes: isDone ? bytes : undefined,
      ms: isDone ? doneAt - feed.startedAt : undefined,
    };
    this.#callbacks.note({
      event: 'sync',
      peer: handler.sid,
      sync,
      what: isDone
        ? `${plan.kind} of ${bytes} bytes for ${handler.name} up to ${sync.to}`
        : `${handler.role} ${handler.name} ends with ${from}: ${plan.why}`,
      decision: isDone ? 'send NEWLEADER' : `send ${plan.kind}`,
    });
  }
}
