// How a leader brings a learner up to date (LearnerHandler.syncFollower): a pure decision from where the learner's
// history ends and what the leader still has. Out: one plan, or the question to ask the log files first; who sends it
// is learner-feed.ts.
//
// The rule is Zab's: the learner must end with exactly the leader's history. DIFF adds what is missing, TRUNC first
// takes away what the leader never had, SNAP replaces everything. When a cheaper plan is not certain to be right:
// SNAP. A zxid whose counter is 0 stands for "established in this epoch, nothing proposed": no transaction has it,
// and who is there has all that was proposed before that epoch.

import type { Zxid } from '../../proto/zxid.ts';
import { counterOf, epochOf } from '../../proto/zxid.ts';
import type { SyncMode } from './zab-notes.ts';
import { hex } from './zab-notes.ts';

/** What the leader has in memory, oldest first, of committed transactions. */
export interface CommittedHistory {
  readonly length: number;
  readonly min: Zxid | undefined;
  readonly max: Zxid | undefined;
  at(index: number): { readonly zxid: Zxid } | undefined;
  indexAbove(zxid: Zxid): number;
}

/** An unbroken history in the log files that begins at or before `from` and reaches `to`. */
export interface LogCover {
  readonly from: Zxid;
  readonly to: Zxid;
  /** What would be read, at most. */
  readonly bytes: number;
  /** A transaction with exactly the zxid `from` is among it. */
  readonly hasFrom: boolean;
  /** The last transaction below `from`, if there is one, and the first above it. */
  readonly before: Zxid | undefined;
  readonly next: Zxid | undefined;
}

export interface SyncSituation {
  /** Of the learner: ACKEPOCH's zxid. */
  readonly learnerZxid: Zxid;
  /** The last transaction of the leader's tree; all of it is this leader's history. */
  readonly lastZxid: Zxid;
  /** The epoch this leader was synchronized in or led before its term: it has all that was proposed before it. */
  readonly previousEpoch: number;
  readonly committed: CommittedHistory;
  /** 'unknown': the files were not asked yet; undefined: they do not reach back. */
  readonly log: LogCover | 'unknown' | undefined;
  /** Transactions from files may take this many bytes before a snapshot is cheaper. */
  readonly logBytesMax: number;
  readonly forceSnapshot: boolean;
}

export type SyncPlan =
  /**
   * Send the packet with `zxid`, then every committed transaction above `after`: those up to and with `logTo` from
   * files, where it is given, the rest from memory.
   */
  | {
      readonly kind: Exclude<SyncMode, 'SNAP'>;
      readonly zxid: Zxid;
      readonly after: Zxid;
      readonly logTo: Zxid | undefined;
      readonly why: string;
    }
  | { readonly kind: 'SNAP'; readonly why: string }
  /** Ask what the files hold from `from` to `to`, and plan again. */
  | { readonly kind: 'SURVEY'; readonly from: Zxid; readonly to: Zxid };

export function planSync(situation: SyncSituation): SyncPlan {
  const { learnerZxid, lastZxid, committed, forceSnapshot } = situation;
  if (forceSnapshot) return snap('forceSnapshotSync');
  const min = committed.min ?? lastZxid;
  const max = committed.max ?? lastZxid;
  if (learnerZxid === max) return diff(max, max, 'it has everything');
  // Nothing says that our log began with the same empty tree (ZOOKEEPER-4352).
  if (learnerZxid <= 0n) return snap('it has nothing');
  if (learnerZxid > max) return planAhead(situation, max);
  if (learnerZxid >= min && committed.length > 0) return planWithin(situation, max);
  return planFromLog(situation, min, max);
}

/** It has what nobody committed: an old leader's, or a minority's. */
function planAhead({ learnerZxid, previousEpoch }: SyncSituation, max: Zxid): SyncPlan {
  if (counterOf(learnerZxid) === 0) {
    // Both were in that epoch, and nothing was proposed in it.
    const both = epochOf(learnerZxid) === previousEpoch;
    if (both) return diff(max, learnerZxid, 'it has everything, and was in our last epoch');
    return snap(`it was in an epoch that we were not in, behind ${hex(max)}`);
  }
  if (epochOf(learnerZxid) !== epochOf(max) || counterOf(max) === 0) {
    // A cut to a zxid its log may not hold leaves a transaction behind on Java learners, or stops them.
    return snap(`it is ahead of ${hex(max)} in another epoch`);
  }
  return trunc(max, `it is ahead of ${hex(max)}`, undefined);
}

function planWithin({ learnerZxid, committed }: SyncSituation, max: Zxid): SyncPlan {
  const above = committed.indexAbove(learnerZxid);
  const before = committed.at(above - 1)?.zxid;
  const next = committed.at(above)?.zxid;
  return planBetween(learnerZxid, before, next, max, undefined);
}

/** `before` and `next` are the leader's neighbours of the learner's zxid; `before` may be equal to it. */
function planBetween(
  learnerZxid: Zxid,
  before: Zxid | undefined,
  next: Zxid | undefined,
  max: Zxid,
  logTo: Zxid | undefined,
): SyncPlan {
  if (before === learnerZxid) return diff(max, learnerZxid, 'its last transaction is ours', logTo);
  if (counterOf(learnerZxid) === 0) {
    return diff(max, learnerZxid, 'it ends before an epoch of ours', logTo);
  }
  if (before === undefined || next === undefined || epochOf(next) !== epochOf(learnerZxid)) {
    return snap('its last transaction is not ours, and the next of ours is of another epoch');
  }
  if (epochOf(before) !== epochOf(learnerZxid)) {
    return snap('its last transaction is not ours, and the one before is of another epoch');
  }
  return trunc(before, 'its last transaction is not ours', logTo);
}

function planFromLog(situation: SyncSituation, min: Zxid, max: Zxid): SyncPlan {
  const { learnerZxid, log, logBytesMax } = situation;
  if (logBytesMax <= 0) return snap(`it is behind ${hex(min)}, and log files are not to be read`);
  if (log === 'unknown') return { kind: 'SURVEY', from: learnerZxid, to: min };
  if (log === undefined)
    return snap(`it is behind ${hex(min)}, and the log files do not reach back`);
  if (log.bytes > logBytesMax) return snap(`${log.bytes} bytes of log: a snapshot is cheaper`);
  const before = log.hasFrom ? learnerZxid : log.before;
  return planBetween(learnerZxid, before, log.next, max, log.to);
}

function diff(zxid: Zxid, after: Zxid, why: string, logTo?: Zxid): SyncPlan {
  return { kind: 'DIFF', zxid, after, logTo, why };
}

function trunc(zxid: Zxid, why: string, logTo: Zxid | undefined): SyncPlan {
  return { kind: 'TRUNC', zxid, after: zxid, logTo, why };
}

function snap(why: string): SyncPlan {
  return { kind: 'SNAP', why };
}

/** Log files up to this size are worth reading however small the tree is. */
const logBytesLeast = 128 << 20;

/**
 * How much may be read from log files for one learner. `snapshotSizeFactor` as set (Java: the share of the
 * snapshot's size that log files may take; negative: never, 0: any amount); undefined: our own rule, as much as the
 * snapshot would take, and 128 MiB in any case. Java's default, 0.33 of the snapshot's with preallocated lengths
 * counted, means never.
 */
export function logBytesMaxOf(
  snapshotSizeFactor: number | undefined,
  snapshotBytes: number,
): number {
  if (snapshotSizeFactor === undefined) return Math.max(logBytesLeast, snapshotBytes);
  if (snapshotSizeFactor < 0) return 0;
  return snapshotSizeFactor === 0 ? Number.MAX_SAFE_INTEGER : snapshotSizeFactor * snapshotBytes;
}
