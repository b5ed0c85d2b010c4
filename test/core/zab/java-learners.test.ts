// Followers of all Java releases join our leader while it works (rows 3, 4 and 5 from the leader's side): whatever
// falls between DIFF or SNAP, NEWLEADER and UPTODATE, and however slow the learner's log is, it stays, it has
// everything, and its acknowledgements count. Each schedule comes from a seed; the learner is the model of
// java-learner.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../../src/jute/writer.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { Prng } from '../../../src/util/prng.ts';
import { ensemble } from '../election/configs.ts';
import { historyOf, packet, z } from './hand-made-packets.ts';
import type { Era } from './java-learner.ts';
import { eras, JavaLearner } from './java-learner.ts';
import type { Peer } from './scripted-leader.ts';
import { ScriptedLeader } from './scripted-leader.ts';

const seeds = 200;
const history = [z(1, 1), z(1, 2), z(1, 3), z(1, 4)];

/** In epoch 2, with server 2; the third voter is the one under test. */
function established(): [ScriptedLeader, Peer] {
  const script = new ScriptedLeader({
    verifier: ensemble(3),
    options: { committedLog: historyOf(...history) },
    start: { acceptedEpoch: 1, currentEpoch: 1 },
  });
  script.snapshot.zxid = z(1, 4);
  const two = script.connect().info(2n, 1).ackEpoch(1, z(1, 4)).ack(z(2, 0));
  return [script, two];
}

function play(era: Era, seed: number): void {
  const chance = new Prng(seed);
  const [script, two] = established();
  const has = chance.below(history.length + 1);
  const peer = script.connect();
  let learner: JavaLearner | undefined;
  const [unsynced, unacked]: [Zxid[], Zxid[]] = [[], []];
  const propose = (): void => {
    const zxids = script.propose(1 + chance.below(2));
    unsynced.push(...zxids);
    unacked.push(...zxids);
  };
  const sync = (): void => {
    const zxid = unsynced.splice(0, 1 + chance.below(3)).at(-1);
    if (zxid !== undefined) script.synced(zxid);
  };
  const join = (): JavaLearner => {
    const committed = [...history, ...script.delivered];
    script.snapshot.zxid = committed.at(-1) ?? 0n;
    peer.info(3n, 1).ackEpoch(1, history[has - 1] ?? 0n);
    return new JavaLearner(era, peer, has === 0 ? committed : history.slice(0, has));
  };
  const moves: readonly (() => void)[] = [
    propose,
    sync,
    () => two.ack(...unacked.splice(0, 1 + chance.below(3))),
    () => learner?.flush(),
    () => learner?.read(chance.chance(0.5), 1 + chance.below(4)),
    () => {
      learner ??= join();
    },
  ];
  for (let left = 60; left > 0; left--) chance.pick(moves)();
  learner ??= join();
  script.synced(script.leader.status().lastProposed);
  two.ack(...unacked);
  for (let left = 4; left > 0; left--) {
    learner.read(true);
    learner.flush();
  }
  const what = `a learner that ${era}, seed ${seed}`;
  assert.equal(learner.end, undefined, what);
  assert.ok(learner.isServing && !peer.isClosed, what);
  assert.deepEqual(learner.applied, [...history, ...script.delivered], what);
  assert.equal(script.leader.status().outstanding, 0, what);
  // And it counts: with it there is a quorum without server 2.
  const [next = 0n] = script.propose();
  script.synced(next);
  learner.read(true);
  learner.flush();
  assert.equal(script.delivered.at(-1), next, what);
}

for (const era of eras) {
  test(`rows 3, 4 and 5 (ZOOKEEPER-4685, 4785, 4394): a learner that ${era}, ${seeds} schedules`, () => {
    for (let seed = 1; seed <= seeds; seed++) play(era, seed);
  });
}

test('a 3.4 server says who it is in twelve bytes, and is led', () => {
  const [script] = established();
  const info = new Writer();
  info.long(3n);
  info.int(0x10000);
  const peer = script.connect().send(packet('FOLLOWERINFO', z(1, 0), info.copy()));
  peer.ackEpoch(1, z(1, 4));
  const learner = new JavaLearner('keeps them', peer, history);
  learner.read(false);
  learner.read(false);
  assert.ok(learner.isServing);
  assert.equal(script.leader.status().learners.length, 2);
});
