// What a leader finds in its log files for learners that are far behind: what stands beside a zxid, and the history
// from there on, piece by piece, while the log is written and purged. A hole is never passed over.
// Brute force over the list of zxids says what is right.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogCover } from '../../src/core/zab/learner-sync.ts';
import type { Zxid } from '../../src/proto/zxid.ts';
import { hexZxid, makeZxid } from '../../src/proto/zxid.ts';
import type { History } from '../../src/server/history.ts';
import type { LogReadResult } from '../../src/server/log-queries.ts';
import type { World } from '../storage/support/world.ts';
import { awaited, batchOf, directory, entry, makeWorld, range } from '../storage/support/world.ts';
import { append, open, run, txnOf } from './history-world.ts';

interface Learner {
  readonly world: World;
  readonly history: History;
  readonly zxids: readonly Zxid[];
}

/** A history of three epochs in many log files. */
function longHistory(lines = ''): Learner {
  const world = makeWorld();
  const history = open(world, { lines });
  const zxids = [
    ...range(makeZxid(1, 1), makeZxid(1, 40)),
    ...range(makeZxid(2, 1), makeZxid(2, 25)),
    ...range(makeZxid(5, 1), makeZxid(5, 60)),
  ];
  run<void>(world, (done) => history.saveEpoch('acceptedEpoch', 5, done));
  zxids.forEach((zxid, i) => {
    append(world, history, [zxid]);
    if (i % 17 === 16) history.txnLog.roll();
  });
  return { world, history, zxids };
}

const survey = (world: World, history: History, from: Zxid, to: Zxid) =>
  awaited<LogCover | undefined>(world, (done) => history.surveyLog(from, to, done));

function readAll(
  world: World,
  history: History,
  after: Zxid,
  to: Zxid,
  bytes: number,
): LogReadResult[] {
  const pieces: LogReadResult[] = [];
  for (let cursor = after; ; ) {
    const piece = awaited<LogReadResult>(world, (done) => history.readLog(cursor, to, bytes, done));
    pieces.push(piece);
    if (piece.isEnd || piece.failure !== undefined) return pieces;
    cursor = piece.txns.at(-1)?.zxid ?? -1n;
    assert.ok(cursor > after);
  }
}

test('a survey says what stands beside a zxid, whichever it is', () => {
  const { world, history, zxids } = longHistory();
  const to = zxids.at(-1) ?? 0n;
  const candidates = [
    ...zxids,
    makeZxid(1, 41),
    makeZxid(1, 99),
    makeZxid(2, 0),
    makeZxid(2, 26),
    makeZxid(3, 0),
    makeZxid(4, 7),
    makeZxid(5, 0),
  ];
  for (const from of candidates) {
    if (from === to) continue;
    const cover = survey(world, history, from, to);
    const below = zxids.filter((zxid) => zxid < from);
    const above = zxids.filter((zxid) => zxid > from);
    assert.ok(cover !== undefined, hexZxid(from));
    assert.equal(cover.next, above[0], hexZxid(from));
    assert.equal(cover.hasFrom, zxids.includes(from));
    if (!cover.hasFrom) assert.equal(cover.before, below.at(-1));
    const least = above.reduce((sum, zxid) => sum + entry(txnOf(zxid)).length, 0);
    const headers = 16 * 8;
    assert.ok(
      cover.bytes >= least && cover.bytes <= least + headers,
      `${cover.bytes} for ${least}`,
    );
  }
  // Before everything: only whoever is right before it.
  assert.equal(survey(world, history, makeZxid(0, 5), to), undefined);
  assert.equal(survey(world, history, makeZxid(1, 0), to)?.next, makeZxid(1, 1));
});

test('what is read is the history, in pieces of any size, for several learners at once', () => {
  const { world, history, zxids } = longHistory();
  for (const bytes of [1, 150, 1000, 1 << 20]) {
    for (const [from, to] of [
      [0, 124],
      [3, 4],
      [38, 45],
      [60, 124],
      [16, 17],
      [17, 50],
    ] as const) {
      const after = zxids[from] ?? 0n;
      const pieces = readAll(world, history, after, zxids[to] ?? 0n, bytes);
      const txns = pieces.flatMap((piece) => piece.txns);
      assert.deepEqual(
        txns.map(({ zxid }) => zxid),
        zxids.filter((_, i) => i > from && i <= to),
      );
      for (const { zxid, bytes: all, start, end } of txns) {
        assert.deepEqual(all.subarray(start, end), txnOf(zxid));
      }
      assert.ok(
        pieces.every(({ txns: some, failure }) => some.length > 0 && failure === undefined),
      );
    }
  }
  // A zxid that is not there: from the next one on.
  const [piece] = readAll(world, history, makeZxid(1, 60), makeZxid(2, 3), 1 << 20);
  assert.deepEqual(
    piece?.txns.map(({ zxid }) => zxid),
    range(makeZxid(2, 1), makeZxid(2, 3)),
  );
});

test('a survey of what is not on disk yet waits for it; what is appended meanwhile is not looked at', () => {
  const { world, history, zxids } = longHistory();
  const last = zxids.at(-1) ?? 0n;
  const covers: (LogCover | undefined)[] = [];
  let isDurable = false;
  history.append(batchOf(last + 1n, last + 2n), () => {
    isDurable = true;
  });
  history.surveyLog(last, last + 2n, (cover) => {
    assert.ok(isDurable);
    covers.push(cover);
  });
  history.append(batchOf(last + 3n), () => undefined);
  world.clock.run();
  assert.equal(covers.length, 1);
  assert.equal(covers[0]?.next, last + 1n);
  const pieces = readAll(world, history, last, last + 2n, 1);
  assert.deepEqual(
    pieces.flatMap(({ txns }) => txns.map(({ zxid }) => zxid)),
    [last + 1n, last + 2n],
  );
});

test('files that go away, or end too early, are a failure or an end, never a hole', () => {
  const { world, history, zxids } = longHistory();
  const [first = 0n] = zxids;
  const last = zxids.at(-1) ?? 0n;
  const logs = world.files.list(directory).filter((name) => name.startsWith('log.'));
  const piece = awaited<LogReadResult>(world, (done) => history.readLog(first, last, 1, done));
  world.files.remove(`${directory}/${logs[0]}`);
  const [next] = readAll(world, history, piece.txns[0]?.zxid ?? 0n, last, 1);
  // The reader goes on with what is left; the learner's feed sees that it does not follow.
  assert.notEqual(next?.txns[0]?.zxid, zxids[2]);
  assert.equal(survey(world, history, first, last), undefined);
  const end = readAll(world, history, zxids[100] ?? 0n, last + 9n, 1 << 20);
  assert.equal(end.at(-1)?.isEnd, true);
  assert.equal(end.at(-1)?.txns.at(-1)?.zxid, last);
});

test('a snapshot of a zxid that the log passes over: the log has a hole there, and is not read over it', () => {
  const { world, history, zxids } = longHistory();
  const from = zxids[10] ?? 0n;
  const to = zxids.at(-1) ?? 0n;
  for (const zxid of [makeZxid(1, 44), makeZxid(2, 0)]) {
    const name = `${directory}/snapshot.${hexZxid(zxid)}`;
    world.files.put(name, new Uint8Array(10));
    const pieces = readAll(world, history, from, to, 1 << 20);
    assert.match(pieces.at(-1)?.failure ?? '', /is of a history that the logs do not hold/);
    assert.ok(pieces.every(({ txns }) => txns.every((txn) => txn.zxid < zxid)));
    world.files.remove(name);
  }
  world.files.put(`${directory}/snapshot.${hexZxid(makeZxid(2, 9))}`, new Uint8Array(10));
  assert.equal(readAll(world, history, from, to, 1 << 20).at(-1)?.failure, undefined);
});
