// How a leader brings a learner up to date (LearnerHandler.syncFollower): a pure decision from where the learner's
// history ends and what the leader still has. Out: one plan; who sends it is leader.ts.
//
// The rule is Zab's: the learner must end with exactly the leader's history. DIFF adds what is missing, TRUNC first
// takes away what the leader never had, SNAP replaces everything. When a cheaper plan is not certain to be right: SNAP.
// A zxid whose counter is 0 stands for "established in this epoch, nothing proposed": no transaction has it.

import type { Zxid } from '../../proto/zxid.ts';
import { counterOf, epochOf, hexZxid } from '../../proto/zxid.ts';

/** What the leader has, oldest first, of committed transactions. */
export interface CommittedHistory {
  readonly length: number;
  readonly min: Zxid | undefined;
  readonly max: Zxid | undefined;
  at(index: number): { readonly zxid: Zxid } | undefined;
  indexAbove(zxid: Zxid): number;
}

/** What the log files could give: the transactions from the first at or below `from` up to the committed history. */
export interface LogHistory {
  /**
   * Whether the files hold an unbroken history that begins at or before `from` and reaches `to`, and what it would
   * cost; undefined: they do not.
   */
  cover(
    from: Zxid,
    to: Zxid,
  ):
    | { readonly bytes: number; readonly hasFrom: boolean; readonly before: Zxid | undefined }
    | undefined;
}

export interface SyncSituation {
  readonly learnerZxid: Zxid;
  /** What the leader's tree has applied. */
  readonly lastProcessedZxid: Zxid;
  readonly committed: CommittedHistory;
  readonly log: LogHistory | undefined;
  /** Transactions from files may take this many bytes before a snapshot is cheaper. */
  readonly logBytesMax: number;
  readonly forceSnapshot: boolean;
}

export type SyncPlan =
  /**
   * Send the packet with `zxid`, then every committed transaction above `after`; `fromLog`: those up to the committed
   * history come from files.
   */
  | {
      readonly kind: 'DIFF' | 'TRUNC';
      readonly zxid: Zxid;
      readonly after: Zxid;
      readonly fromLog: boolean;
      readonly why: string;
    }
  | { readonly kind: 'SNAP'; readonly why: string };

export function planSync(situation: SyncSituation): SyncPlan {
  const { learnerZxid, lastProcessedZxid, committed, forceSnapshot } = situation;
  if (forceSnapshot) return snap('forceSnapshotSync');
  if (learnerZxid === lastProcessedZxid) {
    return {
      kind: 'DIFF',
      zxid: learnerZxid,
      after: learnerZxid,
      fromLog: false,
      why: 'it has everything',
    };
  }
  const min = committed.min ?? lastProcessedZxid;
  const max = committed.max ?? lastProcessedZxid;
  if (learnerZxid > max) return planAhead(learnerZxid, max);
  if (learnerZxid >= min && committed.length > 0) return planWithin(situation, max);
  return planFromLog(situation, min, max);
}

/** It has what nobody committed: an old leader's, or a minority's. */
function planAhead(learnerZxid: Zxid, max: Zxid): SyncPlan {
  if (counterOf(learnerZxid) === 0) {
    // It was in a later epoch than we have anything of; what that epoch began with is not known here.
    return snap(`it is in a later epoch than 0x${hexZxid(max)}`);
  }
  if (epochOf(learnerZxid) !== epochOf(max) || counterOf(max) === 0) {
    // A cut to a zxid its log may not hold leaves a transaction behind on Java learners, or stops them.
    return snap(`it is ahead of 0x${hexZxid(max)} in another epoch`);
  }
  return {
    kind: 'TRUNC',
    zxid: max,
    after: max,
    fromLog: false,
    why: `it is ahead of 0x${hexZxid(max)}`,
  };
}

function planWithin({ learnerZxid, committed }: SyncSituation, max: Zxid): SyncPlan {
  const above = committed.indexAbove(learnerZxid);
  const before = committed.at(above - 1)?.zxid;
  const next = committed.at(above)?.zxid;
  return planBetween(learnerZxid, before, next, max, false);
}

/** `before` and `next` are the leader's neighbours of the learner's zxid; `before` may be equal to it. */
function planBetween(
  learnerZxid: Zxid,
  before: Zxid | undefined,
  next: Zxid | undefined,
  max: Zxid,
  fromLog: boolean,
): SyncPlan {
  if (before === learnerZxid) {
    return {
      kind: 'DIFF',
      zxid: max,
      after: learnerZxid,
      fromLog,
      why: 'its last transaction is ours',
    };
  }
  if (counterOf(learnerZxid) === 0) {
    return {
      kind: 'DIFF',
      zxid: max,
      after: learnerZxid,
      fromLog,
      why: 'a new epoch without transactions',
    };
  }
  if (before === undefined || next === undefined || epochOf(next) !== epochOf(learnerZxid)) {
    return snap('its last transaction is not ours, and the next of ours is of another epoch');
  }
  if (epochOf(before) !== epochOf(learnerZxid)) {
    return snap('its last transaction is not ours, and the one before is of another epoch');
  }
  return {
    kind: 'TRUNC',
    zxid: before,
    after: before,
    fromLog,
    why: 'its last transaction is not ours',
  };
}

function planFromLog(situation: SyncSituation, min: Zxid, max: Zxid): SyncPlan {
  const { learnerZxid, log, logBytesMax } = situation;
  const cover = log?.cover(learnerZxid, min);
  if (cover === undefined)
    return snap(`it is behind 0x${hexZxid(min)}, and the log files do not reach back to it`);
  if (cover.bytes > logBytesMax) return snap(`${cover.bytes} bytes of log, a snapshot is cheaper`);
  const before = cover.hasFrom ? learnerZxid : cover.before;
  return planBetween(learnerZxid, before, min, max, true);
}

function snap(why: string): SyncPlan {
  return { kind: 'SNAP', why };
}
