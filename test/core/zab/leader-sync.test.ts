// A leader brings learners up to date: from memory, from log files, by a snapshot, with the link's room as the only
// measure of speed; and what it does when that fails. The learner is played by hand, the files answered by the test.
// Each established leader has servers 1 and 2; server 3 is the one that comes late.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { CommittedLog } from '../../../src/core/zab/committed-log.ts';
import type { LeaderOptions } from '../../../src/core/zab/leader-events.ts';
import { backlogHigh } from '../../../src/core/zab/link.ts';
import type { HistoryTxn } from '../../../src/core/zab/txn-arena.ts';
import { encodeUtf8 } from '../../../src/jute/utf8.ts';
import { Writer } from '../../../src/jute/writer.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { ensemble } from '../election/configs.ts';
import {
  historyOf,
  initLimit,
  int,
  packet,
  range,
  tickTimeMs,
  txnBytes,
  z,
} from './hand-made-packets.ts';
import type { Peer } from './scripted-leader.ts';
import { ScriptedLeader } from './scripted-leader.ts';

/** In epoch 2, behind a history in epoch 1. */
function leaderWith(
  history: readonly Zxid[],
  options: Partial<LeaderOptions> = {},
): [ScriptedLeader, Peer] {
  const script = new ScriptedLeader({
    verifier: ensemble(3, 3),
    options: { committedLog: historyOf(...history), ...options },
    start: { acceptedEpoch: 1, currentEpoch: 1 },
  });
  const last = script.committedLog.max ?? 0n;
  script.snapshot.zxid = last;
  const two = script.connect().info(2n, 1).ackEpoch(1, last).ack(z(2, 0));
  script.wanted();
  return [script, two];
}

function txn(zxid: Zxid): HistoryTxn {
  const bytes = txnBytes(zxid);
  return { zxid, bytes, start: 0, end: bytes.length };
}

const pair = (zxid: Zxid): string[] => [
  `PROPOSAL 0x${zxid.toString(16)}`,
  `COMMIT 0x${zxid.toString(16)}`,
];

test('DIFF from memory: each missing transaction and its COMMIT, then what is on its way', () => {
  const [script] = leaderWith(range(1, 1, 5));
  script.propose(2);
  const three = script.connect().info(3n, 1).ackEpoch(1, z(1, 3));
  assert.deepEqual(three.got(), [
    'LEADERINFO 0x200000000',
    'DIFF 0x100000005',
    ...pair(z(1, 4)),
    ...pair(z(1, 5)),
    'PROPOSAL 0x200000001',
    'PROPOSAL 0x200000002',
    'NEWLEADER 0x200000000',
  ]);
  assert.match(
    script.lines.join('\n'),
    /DIFF of 80 bytes for 3 up to 0x100000005 -> send NEWLEADER/,
  );
});

test('an observer gets what is committed, not what is on its way', () => {
  const [script] = leaderWith(range(1, 1, 5));
  script.propose(2);
  const four = script.connect().info(4n, 1, 'OBSERVERINFO').ackEpoch(1, z(1, 4));
  assert.deepEqual(four.got(), [
    'LEADERINFO 0x200000000',
    'DIFF 0x100000005',
    ...pair(z(1, 5)),
    'NEWLEADER 0x200000000',
  ]);
});

test('a zxid that a Java leader used twice is sent once', () => {
  const [script] = leaderWith([z(1, 1), z(1, 2), z(1, 2), z(1, 3)]);
  const three = script.connect().info(3n, 1).ackEpoch(1, z(1, 1));
  three.got();
  assert.equal(three.data.filter((data) => data.length === 40).length, 2);
});

test('TRUNC, and when the learner comes back uncut: SNAP', () => {
  const [script] = leaderWith(range(1, 1, 5));
  const first = script.connect().info(3n, 1).ackEpoch(1, z(1, 9));
  assert.deepEqual(first.got().at(1), 'TRUNC 0x100000005');
  script.step({ kind: 'disconnected', link: first.link, reason: 'reset' });
  const again = script.connect().info(3n, 1).ackEpoch(1, z(1, 9));
  assert.deepEqual(again.got().at(1), 'SNAP 0x100000005');
  // One that did as it was told starts anew.
  const other = script.connect().info(50n, 1).ackEpoch(1, z(1, 9));
  other.ack(z(2, 0));
  script.step({ kind: 'disconnected', link: other.link, reason: 'reset' });
  const back = script.connect().info(50n, 1).ackEpoch(1, z(1, 9));
  assert.deepEqual(back.got().at(1), 'TRUNC 0x100000005');
});

test('row 15 (ZOOKEEPER-3104): SNAP, its body, the signature, what came meanwhile, NEWLEADER', () => {
  const [script] = leaderWith(range(1, 1, 5));
  script.snapshot.bytes.fill(0x5a);
  const three = script.connect().info(3n, 1).ackEpoch(1, 0n);
  const signature = new Writer();
  signature.ustring('BenWasHere');
  const config = encodeUtf8(printQuorumConfig(ensemble(3, 3).config));
  const expected = concatBytes([
    packet('LEADERINFO', z(2, 0), int(0x10000)),
    packet('SNAP', z(1, 5)),
    script.snapshot.bytes,
    signature.copy(),
    packet('NEWLEADER', z(2, 0), config),
  ]);
  assert.deepEqual(three.link.out.copy(), expected);
  assert.ok(script.calls.includes('endSnapshot'));
  assert.deepEqual(three.got(), ['LEADERINFO 0x200000000', 'SNAP 0x100000005']);
  assert.match(script.lines.join('\n'), /SNAP of 114 bytes for 3 up to 0x100000005/);
});

test('rows 39 and 38 (ZOOKEEPER-3531): a snapshot to a link that takes nothing holds up no commit', () => {
  const [script, two] = leaderWith(range(1, 1, 5));
  script.snapshot.bytes = new Uint8Array(10 * backlogHigh);
  const three = script.connect().info(3n, 1).ackEpoch(1, 0n);
  const sent = (): number => three.link.waiting;
  assert.ok(sent() >= backlogHigh && sent() < 2 * backlogHigh, 'no more than the link takes');
  for (let i = 1; i <= 50; i++) {
    const [zxid = 0n] = script.propose();
    script.synced(zxid);
    two.ack(zxid);
    assert.equal(script.delivered.length, i);
  }
  assert.ok(sent() < 2 * backlogHigh);
  // The link takes it all, piece by piece.
  let bytes = 0;
  for (let i = 0; i < 100 && script.leader.status().learners.at(-1)?.phase === 'syncing'; i++) {
    bytes += three.link.out.at;
    three.link.out.clear();
    script.step({ kind: 'drained', link: three.link });
  }
  assert.ok(bytes > 9 * backlogHigh);
  const rest = three.got();
  assert.deepEqual(rest.at(-1), 'NEWLEADER 0x200000000');
  assert.equal(rest.filter((word) => word.startsWith('COMMIT')).length, 50, 'from memory');
});

test('a learner that takes nothing for initLimit is let go; one that takes a little is not', () => {
  const [script, two] = leaderWith(range(1, 1, 5));
  script.snapshot.bytes = new Uint8Array(100 * backlogHigh);
  const ping = packet('PING', 0n, new Uint8Array(0));
  const three = script.connect().info(3n, 1).ackEpoch(1, 0n);
  script.pass(2 * initLimit * tickTimeMs, () => {
    two.send(ping);
    if (script.now % 500 !== 0) return;
    three.link.out.clear();
    script.step({ kind: 'drained', link: three.link });
  });
  assert.equal(three.isClosed, false);
  script.pass((initLimit + 1) * tickTimeMs, () => two.send(ping));
  assert.ok(three.isClosed);
  assert.match(script.lines.join('\n'), /took nothing within initLimit/);
  assert.ok(script.calls.includes('endSnapshot'), 'and the image is let go');
});

test('an image that cannot be had yet is waited for', () => {
  const [script, two] = leaderWith(range(1, 1, 5));
  script.snapshot.isFree = false;
  const three = script.connect().info(3n, 1).ackEpoch(1, 0n);
  assert.deepEqual(three.got(), ['LEADERINFO 0x200000000']);
  script.pass(3 * initLimit * tickTimeMs, () => two.send(packet('PING', 0n, new Uint8Array(0))));
  assert.equal(three.isClosed, false, 'it is not the learner that is late');
  script.snapshot.isFree = true;
  script.step({ kind: 'snapshotAvailable' });
  assert.deepEqual(three.got(), ['SNAP 0x100000005']);
});

test('row 17 (ZOOKEEPER-2418): from log files up to memory, each transaction once', () => {
  const [script] = leaderWith(range(1, 20, 25));
  const three = script.connect().info(3n, 1).ackEpoch(1, z(1, 10));
  const [survey] = script.effects.splice(0);
  assert.ok(survey?.kind === 'surveyLog');
  assert.deepEqual([survey.from, survey.to], [z(1, 10), z(1, 20)]);
  const { link } = three;
  const cover = { from: z(1, 10), to: z(1, 20), bytes: 400, hasFrom: true };
  script.step({
    kind: 'logSurveyed',
    link,
    cover: { ...cover, before: z(1, 9), next: z(1, 11) },
  });
  assert.deepEqual(three.got(), ['LEADERINFO 0x200000000', 'DIFF 0x100000019']);
  for (const [from, to] of [
    [11, 15],
    [16, 20],
  ] as const) {
    const [read] = script.effects.splice(0);
    assert.ok(read?.kind === 'readLog');
    assert.deepEqual([read.after, read.to], [z(1, from - 1), z(1, 20)]);
    const txns = range(1, from, to).map(txn);
    script.step({ kind: 'logRead', link, txns, isEnd: to === 20, failure: undefined });
  }
  assert.deepEqual(three.got(), [...range(1, 11, 25).flatMap(pair), 'NEWLEADER 0x200000000']);
});

test('row 18 (ZOOKEEPER-2846): nothing beyond what was asked for is taken from the files', () => {
  const [script] = leaderWith(range(1, 20, 21));
  const three = script.connect().info(3n, 1).ackEpoch(1, z(1, 18));
  const { link } = three;
  const cover = { from: z(1, 18), to: z(1, 20), bytes: 400, hasFrom: true };
  script.step({
    kind: 'logSurveyed',
    link,
    cover: { ...cover, before: undefined, next: z(1, 19) },
  });
  script.propose(3);
  const txns = [...range(1, 19, 21), ...range(2, 1, 3)].map(txn);
  script.step({ kind: 'logRead', link, txns, isEnd: true, failure: undefined });
  assert.deepEqual(three.got(), [
    'LEADERINFO 0x200000000',
    'DIFF 0x100000015',
    ...range(1, 19, 21).flatMap(pair),
    ...range(2, 1, 3).map((zxid) => `PROPOSAL 0x${zxid.toString(16)}`),
    'NEWLEADER 0x200000000',
  ]);
});

const broken: readonly (readonly [what: string, zxids: readonly Zxid[], failure?: string])[] = [
  ['a hole', [z(1, 11), ...range(1, 13, 20)]],
  ['an end before its time', [z(1, 11), z(1, 12)]],
  ['an error', [], 'EIO'],
];

for (const [what, zxids, failure] of broken) {
  test(`log files with ${what}: the connection ends, and the next time it is a snapshot`, () => {
    const [script] = leaderWith(range(1, 20, 25));
    const three = script.connect().info(3n, 1).ackEpoch(1, z(1, 10));
    const { link } = three;
    const cover = { from: z(1, 10), to: z(1, 20), bytes: 400, hasFrom: true };
    script.step({
      kind: 'logSurveyed',
      link,
      cover: { ...cover, before: undefined, next: z(1, 11) },
    });
    script.step({ kind: 'logRead', link, txns: zxids.map(txn), isEnd: true, failure });
    assert.ok(three.isClosed);
    const again = script.connect().info(3n, 1).ackEpoch(1, z(1, 12));
    assert.deepEqual(again.got().at(1), 'SNAP 0x100000019');
  });
}

test('files that do not reach back: SNAP', () => {
  const [script] = leaderWith(range(1, 20, 25));
  const three = script.connect().info(3n, 1).ackEpoch(1, z(1, 10));
  script.step({ kind: 'logSurveyed', link: three.link, cover: undefined });
  assert.deepEqual(three.got().at(1), 'SNAP 0x100000019');
});

test('what a learner still needs is kept in memory, up to a limit; beyond it the learner goes', () => {
  const committedLog = new CommittedLog({ count: 500, bytes: 400, pinnedBytes: 4000 });
  for (const zxid of range(1, 1, 10)) committedLog.add(txn(zxid));
  const [script, two] = leaderWith([], { committedLog });
  script.snapshot.bytes = new Uint8Array(10 * backlogHigh);
  const three = script.connect().info(3n, 1).ackEpoch(1, 0n);
  const commit = (): void => {
    const [zxid = 0n] = script.propose();
    script.synced(zxid);
    two.ack(zxid);
  };
  for (let i = 0; i < 60; i++) commit();
  assert.equal(committedLog.min, z(2, 1), 'everything behind the snapshot');
  for (let i = 0; i < 60; i++) commit();
  assert.ok((committedLog.min ?? 0n) > z(2, 1));
  three.link.out.clear();
  script.step({ kind: 'drained', link: three.link });
  assert.ok(three.isClosed);
  assert.match(script.lines.join('\n'), /it fell too far behind while it was synchronized/);
});

test('observers take turns; followers are never turned away', () => {
  const [script] = leaderWith(range(1, 1, 5), { maxConcurrentSnapSyncs: 1 });
  script.snapshot.bytes = new Uint8Array(10 * backlogHigh);
  const snap = (sid: bigint, type: 'FOLLOWERINFO' | 'OBSERVERINFO'): Peer =>
    script.connect().info(sid, 1, type).ackEpoch(1, 0n);
  assert.equal(snap(4n, 'OBSERVERINFO').isClosed, false);
  assert.equal(snap(5n, 'OBSERVERINFO').isClosed, true);
  assert.equal(snap(3n, 'FOLLOWERINFO').isClosed, false);
  assert.match(script.lines.join('\n'), /one observer too many to synchronize at once/);
});

test('strangers take turns at snapshots, whatever they say they are: members find an image', () => {
  const [script] = leaderWith(range(1, 1, 5));
  script.snapshot.bytes = new Uint8Array(10 * backlogHigh);
  const snap = (sid: bigint, type: 'FOLLOWERINFO' | 'OBSERVERINFO'): Peer =>
    script.connect().info(sid, 1, type).ackEpoch(1, 0n);
  assert.equal(snap(77n, 'FOLLOWERINFO').isClosed, false);
  assert.equal(snap(78n, 'FOLLOWERINFO').isClosed, true);
  assert.equal(snap(79n, 'OBSERVERINFO').isClosed, true);
  assert.equal(snap(3n, 'FOLLOWERINFO').isClosed, false);
  assert.equal(snap(4n, 'OBSERVERINFO').isClosed, false);
  assert.match(script.lines.join('\n'), /one stranger too many to synchronize at once/);
});

test('a follower that joins gets everything exactly once, however proposals and commits fall', () => {
  for (let at = 0; at < 6; at++) {
    const [script, two] = leaderWith(range(1, 1, 3));
    const seen: string[] = [];
    let three: Peer | undefined;
    for (let i = 0; i < 6; i++) {
      if (i === at) three = script.connect().info(3n, 1).ackEpoch(1, z(1, 2));
      script.propose();
      if (i % 2 === 1) {
        script.synced(z(2, i));
        two.ack(z(2, i));
      }
      if (i === at + 2) three?.ack(z(2, 0));
      seen.push(...(three?.got() ?? []));
    }
    three?.ack(z(2, 0));
    seen.push(...(three?.got() ?? []));
    const of = (name: string): Zxid[] =>
      seen
        .filter((word) => word.startsWith(name))
        .map((word) => BigInt(word.substring(name.length)));
    assert.deepEqual(of('PROPOSAL '), [z(1, 3), ...range(2, 1, 6)], `joins at ${at}`);
    assert.deepEqual(of('COMMIT '), [z(1, 3), ...script.delivered], `joins at ${at}`);
  }
});
