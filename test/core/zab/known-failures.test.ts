// The ways in which Java's servers lost or forked histories, as scenarios: each is named after its row in the catalogue
// and its issue, and plays what led to the loss there with our machines, at every step where the order matters. What
// may never happen is asserted by Ghost as it happens; here stands what must come out in the end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochOf } from '../../../src/proto/zxid.ts';
import { Story } from './story.ts';

test('rows 1, 4 and 26 (ZOOKEEPER-4643, 4785, 1653): a crash at each write of a synchronization', () => {
  let steps = 0;
  for (let isMore = true; isMore; steps++) {
    const story = new Story();
    story.term(1n, 2n, 3n);
    story.write(1n);
    story.leave(3n);
    story.write(1n, 4);
    story.term(1n, 2n);
    story.world.holdDisk(3n);
    story.follow(3n, 1n);
    for (let left = steps; left >= 0; left--) {
      story.run(100);
      if (left > 0) isMore = story.world.diskStep(3n);
    }
    story.lose(3n, 1n);
    story.boot(3n);
    story.elect(2n, 3n);
    assert.equal(story.tree(2n), '1.1 1.2 1.3 1.4 1.5', `after ${steps} writes`);
    story.assertEqual(2n, 3n);
  }
  assert.ok(steps > 4, 'acceptedEpoch, history, currentEpoch');
});

test('row 2 (ZOOKEEPER-4646): what a new leader serves survives the loss of every memory', () => {
  for (const survivors of [[1n, 2n] as const, [1n, 3n] as const, [2n, 3n] as const]) {
    const story = new Story();
    story.term(1n, 2n);
    story.write(1n, 5);
    // Server 3 has nothing yet: its DIFF is what must be on disk.
    story.leave(2n);
    story.leave(1n);
    story.world.lead(story.world.server(1n));
    story.follow(3n, 1n);
    const isEstablished = (): boolean => story.world.ghost.leaderOf(2) !== undefined;
    while (!isEstablished()) story.run(1);
    story.lose(1n, 2n, 3n);
    story.boot(...survivors);
    story.elect(...survivors);
    for (const sid of survivors) assert.equal(story.tree(sid), '1.1 1.2 1.3 1.4 1.5');
  }
});

test('row 6 (ZOOKEEPER-4712, 4541, 4502): an old term’s writes are over before the next role', () => {
  const story = new Story();
  story.term(1n, 2n, 3n);
  story.write(1n);
  for (const sid of [1n, 2n, 3n]) story.world.holdDisk(sid);
  story.propose(1n, 3);
  story.run(50);
  story.lose(1n, 2n);
  story.leave(3n);
  story.boot(1n, 2n);
  story.term(1n, 2n);
  story.write(1n, 2);
  assert.equal(story.world.server(3n).isLooking, false, 'three writes are on their way to disk');
  story.world.releaseDisk(3n);
  story.run(50);
  assert.equal(story.log(3n), '1.1 1.2 1.3 1.4');
  story.follow(3n, 1n);
  story.run();
  assert.equal(story.log(3n), '1.1 2.1 2.2');
  story.assertEqual(1n, 2n, 3n);
});

test('row 7 (ZOOKEEPER-5010): a closeSession, the leader dies at any moment: everywhere or nowhere', () => {
  const outcomes = new Set<string>();
  for (let moment = -1; moment < 40; moment++) {
    const story = new Story(5, moment + 2);
    story.term(1n, 2n, 3n, 4n, 5n);
    story.write(1n);
    // Before the first: it leaves nothing but its own log.
    if (moment < 0) story.partition();
    story.propose(1n);
    story.run(Math.max(0, moment));
    const isAcknowledged = story.world.acknowledged === 2;
    story.lose(1n);
    story.elect(2n, 3n, 4n, 5n);
    story.boot(1n);
    story.follow(1n, story.world.ghost.leaderOf(2) ?? 0n);
    story.run();
    story.assertEqual(1n, 2n, 3n, 4n, 5n);
    const [outcome] = new Set([1n, 2n, 3n, 4n, 5n].map((sid) => story.tree(sid)));
    outcomes.add(`${outcome} ${isAcknowledged}`);
  }
  assert.deepEqual([...outcomes].sort(), ['1.1 1.2 false', '1.1 1.2 true', '1.1 false']);
});

test('row 8 (ZOOKEEPER-4925): who was brought up to date by DIFF leads, and has no hole to pass on', () => {
  const story = new Story(5);
  story.term(1n, 2n, 3n, 4n, 5n);
  story.write(1n, 2);
  story.leave(2n);
  story.leave(3n);
  story.write(1n, 4);
  story.follow(2n, 1n);
  story.run();
  story.write(1n);
  story.lose(1n);
  story.term(2n, 4n, 5n);
  story.follow(3n, 2n);
  story.run();
  assert.equal(story.log(3n), '1.1 1.2 1.3 1.4 1.5 1.6 1.7');
  assert.equal(story.world.syncs.SNAP, 0, 'all of it by DIFF');
  story.assertEqual(2n, 3n, 4n, 5n);
});

test('row 9 (ZOOKEEPER-4882): the leader’s own write fails: the process ends, the rest goes on, no hole', () => {
  const story = new Story();
  story.term(1n, 2n, 3n);
  story.write(1n);
  story.world.holdDisk(1n);
  story.write(1n, 3);
  assert.equal(story.tree(1n), '1.1 1.2 1.3 1.4', 'committed by the others');
  assert.equal(story.log(1n), '1.1');
  story.lose(1n);
  const leader = story.elect(2n, 3n);
  story.write(leader);
  story.boot(1n);
  assert.equal(story.tree(1n), '1.1');
  story.follow(1n, leader);
  story.run();
  assert.equal(story.log(1n), '1.1 1.2 1.3 1.4 2.1');
  story.assertEqual(1n, 2n, 3n);
});

test('row 11 (ZOOKEEPER-3642): the leader is lost behind its SNAP: the learner is where its disk is', () => {
  for (const isSaved of [false, true]) {
    const story = new Story();
    story.term(1n, 2n);
    story.write(1n, 3);
    story.host(1n).committedLog.clear();
    story.world.holdDisk(3n);
    story.follow(3n, 1n);
    story.run(100);
    assert.ok(story.world.diskStep(3n), 'acceptedEpoch');
    story.run(100);
    assert.equal(story.tree(3n), '', 'the snapshot came and is not on disk');
    if (isSaved) story.world.diskStep(3n);
    story.lose(1n);
    story.leave(3n);
    story.world.releaseDisk(3n);
    story.run(50);
    assert.equal(story.tree(3n), story.log(3n));
    assert.equal(story.elect(2n, 3n), 2n);
    story.write(2n);
    story.assertEqual(2n, 3n);
  }
});

test('rows 14 and 21 (ZOOKEEPER-2845, 2832): what a leader logged alone is gone when it follows', () => {
  for (const written of [0, 2]) {
    const story = new Story();
    story.term(1n, 2n, 3n);
    story.write(1n, 5);
    story.partition();
    story.propose(1n, 4);
    story.run(100);
    story.leave(1n);
    assert.equal(story.tree(1n), '1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 1.9', 'it votes with it');
    story.term(2n, 3n);
    story.write(2n, written);
    story.follow(1n, 2n);
    story.run();
    const later = ['2.1', '2.2'].slice(0, written);
    assert.equal(story.log(1n), ['1.1 1.2 1.3 1.4 1.5', ...later].join(' '));
    const { TRUNC, SNAP } = story.world.syncs;
    assert.deepEqual([TRUNC, SNAP], written === 0 ? [1, 0] : [0, 1]);
    story.write(2n);
    story.assertEqual(1n, 2n, 3n);
  }
});

test('row 18 (ZOOKEEPER-2846): what is logged and not committed goes to a joiner as a proposal', () => {
  const story = new Story();
  story.term(1n, 2n);
  story.write(1n, 2);
  story.world.holdDisk(2n);
  story.propose(1n, 2);
  story.run(100);
  story.world.holdDisk(3n);
  story.follow(3n, 1n);
  story.run(50);
  while (story.world.diskStep(3n)) {
    const { committed } = story.world.ghost;
    assert.ok(story.host(3n).applied.length <= committed.length);
    story.run(20);
  }
  story.world.releaseDisk(2n);
  story.world.releaseDisk(3n);
  story.run();
  story.assertServing(1n, 2n, 3n);
  story.assertEqual(1n, 2n, 3n);
});

test('row 20 (ZOOKEEPER-4352): a leader that has just a snapshot, a joiner that has nothing: SNAP', () => {
  const story = new Story();
  story.term(1n, 2n);
  story.write(1n, 3);
  story.leave(1n);
  story.host(1n).committedLog.clear();
  story.term(1n, 2n);
  story.follow(3n, 1n);
  story.run();
  assert.equal(story.world.syncs.SNAP, 1);
  story.write(1n);
  story.assertEqual(1n, 2n, 3n);
});

test('row 30 (ZOOKEEPER-335, 1282): terms without a transaction, by any quorum, never share an epoch', () => {
  const story = new Story();
  const epochs: number[] = [];
  const quorums = [[1n, 2n] as const, [2n, 3n] as const, [3n, 1n] as const, [1n, 2n] as const];
  for (const quorum of quorums) {
    const leader = story.elect(...quorum);
    epochs.push(story.host(leader).durable.currentEpoch);
    story.lose(...quorum);
    story.boot(...quorum);
  }
  assert.deepEqual(epochs, [1, 2, 3, 4]);
  story.write(story.elect(1n, 2n, 3n));
  assert.equal(epochOf(story.host(3n).lastZxid), 5);
});

test('row 40 (ZOOKEEPER-1191, 1192): a leader with a minority is not established, however long it waits', () => {
  const story = new Story(5);
  story.world.lead(story.world.server(1n));
  story.follow(2n, 1n);
  story.run(900);
  assert.equal(story.world.ghost.leaderOf(1), undefined);
  assert.equal(story.world.propose(story.world.server(1n)), false);
});
