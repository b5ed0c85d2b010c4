// The choice of DIFF, TRUNC and SNAP as a table: where the learner's history ends against what the leader has in
// memory, in its log files, and which epochs it was in. Beside it the rule itself, on every small history: whatever
// is planned, the learner ends with the leader's history.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogCover, SyncPlan, SyncSituation } from '../../../src/core/zab/learner-sync.ts';
import { logBytesMaxOf, planSync } from '../../../src/core/zab/learner-sync.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { counterOf, epochOf } from '../../../src/proto/zxid.ts';
import { historyOf, range, z } from './hand-made-packets.ts';

interface Case {
  readonly learner: Zxid;
  /** In memory. */
  readonly memory?: readonly Zxid[];
  readonly last?: Zxid;
  readonly previousEpoch?: number;
  readonly log?: LogCover | 'unknown' | undefined;
  readonly force?: boolean;
  readonly logBytesMax?: number;
}

/** The plan in a few words. */
function plan(one: Case): string {
  const memory = one.memory ?? [...range(2, 5, 9), ...range(3, 1, 4)];
  const situation: SyncSituation = {
    learnerZxid: one.learner,
    lastZxid: one.last ?? memory.at(-1) ?? 0n,
    previousEpoch: one.previousEpoch ?? 3,
    committed: historyOf(...memory),
    log: 'log' in one ? one.log : 'unknown',
    logBytesMax: one.logBytesMax ?? 1000,
    forceSnapshot: one.force ?? false,
  };
  return words(planSync(situation));
}

function words(made: SyncPlan): string {
  if (made.kind === 'SNAP') return 'SNAP';
  if (made.kind === 'SURVEY') return `SURVEY ${text(made.from)} to ${text(made.to)}`;
  const log = made.logTo === undefined ? '' : ` log to ${text(made.logTo)}`;
  return `${made.kind} ${text(made.zxid)} after ${text(made.after)}${log}`;
}

function text(zxid: Zxid): string {
  return `${epochOf(zxid)}.${counterOf(zxid)}`;
}

const cover = (from: Zxid, before: Zxid | undefined, next: Zxid, hasFrom = false): LogCover => {
  return { from, to: z(2, 5), bytes: 500, hasFrom, before, next };
};

const table: readonly (readonly [name: string, situation: Case, expected: string])[] = [
  // Memory holds 2.5 to 2.9 and 3.1 to 3.4.
  ['it has everything', { learner: z(3, 4) }, 'DIFF 3.4 after 3.4'],
  ['one behind', { learner: z(3, 3) }, 'DIFF 3.4 after 3.3'],
  ['the oldest in memory', { learner: z(2, 5) }, 'DIFF 3.4 after 2.5'],
  ['between two epochs, at the end of one', { learner: z(2, 9) }, 'DIFF 3.4 after 2.9'],
  ['established in the last epoch', { learner: z(3, 0) }, 'DIFF 3.4 after 3.0'],
  ['one that nobody else has, at the end of an epoch', { learner: z(2, 10) }, 'SNAP'],
  ['one ahead in the same epoch', { learner: z(3, 5) }, 'TRUNC 3.4 after 3.4'],
  ['far ahead in the same epoch', { learner: z(3, 500) }, 'TRUNC 3.4 after 3.4'],
  ['ahead in another epoch', { learner: z(4, 1) }, 'SNAP'],
  ['established in an epoch we were not in', { learner: z(4, 0) }, 'SNAP'],
  [
    'established in an epoch we were in, and nothing was proposed',
    { learner: z(4, 0), previousEpoch: 4 },
    'DIFF 3.4 after 4.0',
  ],
  ['an old epoch, ahead of what it ended with', { learner: z(1, 99), log: undefined }, 'SNAP'],
  // ZOOKEEPER-4352
  ['nothing at all', { learner: 0n }, 'SNAP'],
  ['a database that is not trusted', { learner: -1n }, 'SNAP'],
  ['forceSnapshotSync', { learner: z(3, 4), force: true }, 'SNAP'],
  // ZOOKEEPER-2832: a higher epoch and a lower counter.
  ['an uncommitted end of the epoch before', { learner: z(2, 12) }, 'SNAP'],
  // Log files.
  ['behind memory', { learner: z(2, 3) }, 'SURVEY 2.3 to 2.5'],
  ['behind memory, no files wanted', { learner: z(2, 3), logBytesMax: 0 }, 'SNAP'],
  ['behind memory, files do not reach', { learner: z(2, 3), log: undefined }, 'SNAP'],
  [
    'the files have it',
    { learner: z(2, 3), log: cover(z(2, 3), z(2, 2), z(2, 4), true) },
    'DIFF 3.4 after 2.3 log to 2.5',
  ],
  [
    'the files have it, and are too long',
    { learner: z(2, 3), log: cover(z(2, 3), z(2, 2), z(2, 4), true), logBytesMax: 499 },
    'SNAP',
  ],
  [
    'the files begin an epoch behind it',
    { learner: z(2, 0), log: cover(z(2, 0), z(1, 9), z(2, 1)) },
    'DIFF 3.4 after 2.0 log to 2.5',
  ],
  [
    'the files do not have it, another epoch follows',
    { learner: z(1, 9), log: cover(z(1, 9), z(1, 7), z(2, 1)) },
    'SNAP',
  ],
  [
    'the files do not have it, the same epoch around it',
    { learner: z(2, 3), log: cover(z(2, 3), z(2, 2), z(2, 4)) },
    'TRUNC 2.2 after 2.2 log to 2.5',
  ],
  [
    'the files do not have it, another epoch stands before it',
    { learner: z(2, 3), log: cover(z(2, 3), z(1, 9), z(2, 4)) },
    'SNAP',
  ],
  [
    'nothing before it in the files',
    { learner: z(2, 3), log: cover(z(2, 3), undefined, z(2, 4)) },
    'SNAP',
  ],
  // Nothing in memory: a leader that has just loaded a snapshot.
  [
    'equal, nothing in memory',
    { learner: z(3, 4), memory: [], last: z(3, 4) },
    'DIFF 3.4 after 3.4',
  ],
  [
    'behind, nothing in memory',
    { learner: z(3, 3), memory: [], last: z(3, 4) },
    'SURVEY 3.3 to 3.4',
  ],
  [
    'ahead, nothing in memory',
    { learner: z(3, 5), memory: [], last: z(3, 4) },
    'TRUNC 3.4 after 3.4',
  ],
  [
    'ahead of a leader that has nothing of the epoch',
    { learner: z(3, 5), memory: [], last: z(3, 0) },
    'SNAP',
  ],
  ['both have nothing', { learner: 0n, memory: [], last: 0n }, 'DIFF 0.0 after 0.0'],
  ['it has something, the leader nothing', { learner: z(1, 3), memory: [], last: 0n }, 'SNAP'],
];

for (const [name, situation, expected] of table) {
  test(`plan: ${name}`, () => assert.equal(plan(situation), expected));
}

test('rows 17, 18 and 23: after any plan the learner has the leader’s history, each once', () => {
  // Histories of up to three epochs; two that agree up to somewhere and then differ only by who lost what.
  const epochs = [0, 1, 2].flatMap((a) =>
    [0, 1, 2].flatMap((b) => [0, 1, 2].map((c) => [a, b, c])),
  );
  const histories = epochs.map((counts) => counts.flatMap((count, i) => range(i + 1, 1, count)));
  let plans = 0;
  for (const leader of histories) {
    for (const learner of histories) {
      if (!isPossible(leader, learner)) continue;
      for (let kept = 0; kept <= leader.length; kept++) {
        check(leader, learner, kept);
        plans++;
      }
    }
  }
  assert.ok(plans > 300);
});

/** Who has a transaction of an epoch has the history its leader began with: before a common epoch both are equal. */
function isPossible(leader: readonly Zxid[], learner: readonly Zxid[]): boolean {
  const common = learner.findLast((zxid) => leader.some((one) => epochOf(one) === epochOf(zxid)));
  if (common === undefined) return true;
  const below = (zxids: readonly Zxid[]): string =>
    zxids.filter((zxid) => epochOf(zxid) < epochOf(common)).join();
  return below(leader) === below(learner);
}

function check(leader: readonly Zxid[], learner: readonly Zxid[], kept: number): void {
  const memory = leader.slice(leader.length - kept);
  const learnerZxid = learner.at(-1) ?? 0n;
  const ask = (log: SyncSituation['log']): SyncPlan =>
    planSync({
      ...{ learnerZxid, lastZxid: leader.at(-1) ?? 0n, previousEpoch: 0 },
      ...{ committed: historyOf(...memory), log, logBytesMax: 1000, forceSnapshot: false },
    });
  let made = ask('unknown');
  if (made.kind === 'SURVEY') {
    const { from, to } = made;
    const before = leader.findLast((zxid) => zxid < from);
    const hasFrom = leader.includes(from);
    const next = leader.find((zxid) => zxid > from);
    const isCovered = before !== undefined || hasFrom;
    made = ask(isCovered ? { from, to, bytes: 1, hasFrom, before, next } : undefined);
  }
  if (made.kind === 'SNAP' || made.kind === 'SURVEY') return;
  const { kind, zxid, after, logTo } = made;
  const base = kind === 'TRUNC' ? learner.filter((one) => one <= zxid) : [...learner];
  const fromLog = logTo === undefined ? [] : leader.filter((one) => one > after && one <= logTo);
  const behind = logTo ?? after;
  const fromMemory = memory.filter((one) => one > behind);
  const result = [...base, ...fromLog, ...fromMemory];
  const what = `leader ${leader.map(text)}, learner ${learner.map(text)}, memory ${kept}`;
  // Where histories differ below the learner's end, its last transaction is not the leader's.
  const isSameBelow = base.every((one) => leader.includes(one));
  assert.ok(isSameBelow, `${what}: ${words(made)} keeps what the leader does not have`);
  assert.deepEqual(result, leader, `${what}: ${words(made)}`);
}

test('who was in an epoch before anything was proposed in it: DIFF of the rest, or SNAP', () => {
  // The leader went through epochs 1 to 3, in some of which nothing was proposed; the learner was last seen at e.0.
  let diffs = 0;
  for (const counts of [0, 1, 2].flatMap((a) =>
    [0, 1, 2].flatMap((b) => [0, 2].map((c) => [a, b, c])),
  )) {
    const leader = counts.flatMap((count, i) => range(i + 1, 1, count));
    for (const epoch of [1, 2, 3, 4]) {
      const learner = leader.filter((zxid) => epochOf(zxid) < epoch);
      for (let kept = 0; kept <= leader.length; kept++) {
        for (const previousEpoch of [3, 4]) {
          const memory = leader.slice(leader.length - kept);
          const made = planSync({
            ...{ learnerZxid: z(epoch, 0), lastZxid: leader.at(-1) ?? 0n, previousEpoch },
            ...{ committed: historyOf(...memory), log: undefined },
            ...{ logBytesMax: 1000, forceSnapshot: false },
          });
          if (made.kind === 'SNAP') continue;
          const what = `leader ${leader.map(text)} of ${previousEpoch}, learner ${epoch}.0, ${kept}`;
          assert.ok(made.kind === 'DIFF', what);
          const result = [...learner, ...memory.filter((zxid) => zxid > made.after)];
          assert.deepEqual(result, leader, what);
          // Of an epoch behind our last transaction nothing is known but that we were in it, too.
          const isBehind = z(epoch, 0) > (leader.at(-1) ?? 0n);
          assert.ok(!isBehind || epoch === previousEpoch, what);
          diffs++;
        }
      }
    }
  }
  assert.ok(diffs > 100);
});

test('what may be read from log files', () => {
  const mib = 1 << 20;
  assert.equal(logBytesMaxOf(undefined, mib), 128 * mib);
  assert.equal(logBytesMaxOf(undefined, 300 * mib), 300 * mib);
  assert.equal(logBytesMaxOf(-1, 100 * mib), 0);
  assert.equal(logBytesMaxOf(0, 1), Number.MAX_SAFE_INTEGER);
  assert.equal(logBytesMaxOf(0.5, 100 * mib), 50 * mib);
});
