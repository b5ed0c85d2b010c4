// Quorums, enumerated: for every small ensemble and every set of servers, against the definition; and the property that
// all of safety rests on, that two quorums always share a voter. Then the tracker that asks two configurations at
// once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QuorumVerifier } from '../../../src/core/election/quorum-verifier.ts';
import { VoteTracker } from '../../../src/core/election/vote-tracker.ts';
import { ensemble, subsets } from './configs.ts';

const sids = (count: number): bigint[] => Array.from({ length: count }, (_, i) => BigInt(i + 1));

function assertQuorumsMeet(verifier: QuorumVerifier): void {
  const quorums = subsets([...verifier.voters]).filter((set) => verifier.containsQuorum(set));
  assert(quorums.length > 0);
  for (const a of quorums) for (const b of quorums) assert(a.some((sid) => b.includes(sid)));
}

test('majority: more than half of 1 to 5 voters; observers and strangers never count', () => {
  for (let voters = 1; voters <= 5; voters++) {
    for (const observers of [0, 2]) {
      const verifier = ensemble(voters, observers);
      for (const set of subsets([...sids(voters + observers), 99n])) {
        const counted = set.filter((sid) => sid <= BigInt(voters)).length;
        assert.equal(verifier.containsQuorum(set), counted > voters / 2);
      }
      assertQuorumsMeet(verifier);
    }
  }
});

test('B.2 row 31, ZOOKEEPER-2959: one of three voters and all observers are no quorum', () => {
  assert.equal(ensemble(3, 4).containsQuorum([1n, 4n, 5n, 6n, 7n]), false);
});

test('majority: everyone weighs 1', () => {
  for (const sid of [1n, 2n, 99n]) assert.equal(ensemble(3).weight(sid), 1);
});

const groupings: readonly (readonly (readonly bigint[])[])[] = [
  [[1n, 2n, 3n, 4n, 5n]],
  [
    [1n, 2n],
    [3n, 4n, 5n],
  ],
  [[1n], [2n], [3n, 4n, 5n]],
  [[1n, 2n], [3n, 4n], [5n]],
  [[1n], [2n], [3n], [4n], [5n]],
];

test('hierarchy: majorities of weight in majorities of groups, for all weights 0 to 2 of five servers', () => {
  for (const groups of groupings) {
    const groupLines = groups.map((group, i) => `group.${i + 1}=${group.join(':')}`);
    for (let code = 1; code < 3 ** 5; code++) {
      const weights = sids(5).map((_, i) => Math.floor(code / 3 ** i) % 3);
      const weigh = (set: readonly bigint[]): number =>
        set.reduce((sum, sid) => sum + (weights[Number(sid) - 1] ?? 0), 0);
      const weightLines = weights.map((weight, i) => `weight.${i + 1}=${weight}`);
      const verifier = ensemble(5, 0, [...groupLines, ...weightLines]);
      const heavy = groups.filter((group) => weigh(group) > 0);
      for (const set of subsets(sids(5))) {
        const won = heavy.filter((group) => {
          const present = group.filter((sid) => set.includes(sid));
          return weigh(present) > weigh(group) / 2;
        });
        assert.equal(verifier.containsQuorum(set), won.length > heavy.length / 2);
      }
      if (code % 20 === 0) assertQuorumsMeet(verifier);
      for (const sid of sids(5)) assert.equal(verifier.weight(sid), weights[Number(sid) - 1]);
    }
  }
});

test('hierarchy: a weight that is not given is 1, a stranger weighs 0, an observer does not count', () => {
  const verifier = ensemble(3, 1, ['group.1=1:2:3:4', 'weight.4=9']);
  assert.equal(verifier.weight(1n), 1);
  assert.equal(verifier.weight(99n), 0);
  assert.equal(verifier.containsQuorum([4n]), false);
});

test('a tracker over two configurations needs a quorum of both', () => {
  const old = ensemble(3);
  const next = ensemble(5);
  for (const set of subsets(sids(6))) {
    const tracker = new VoteTracker([old, next]);
    for (const sid of set) assert.equal(tracker.add(sid), sid <= 5n);
    const expected = old.containsQuorum(set) && next.containsQuorum(set);
    assert.equal(tracker.hasAllQuorums(), expected);
    assert.deepEqual(
      tracker.acks(),
      set.filter((sid) => sid <= 5n),
    );
  }
  assert.equal(new VoteTracker([old, next]).isVoter(4n), false);
  assert.equal(new VoteTracker([old, next]).isVoter(3n), true);
});

test('the configuration last seen counts only while it is newer', () => {
  const committed = ensemble(3);
  const newer = ensemble(5, 0, ['version=5']);
  const count = (lastSeen: QuorumVerifier | undefined): boolean => {
    const tracker = VoteTracker.over(committed, lastSeen);
    tracker.add(1n);
    tracker.add(2n);
    tracker.add(2n);
    return tracker.hasAllQuorums();
  };
  assert.equal(count(undefined), true);
  assert.equal(count(ensemble(5)), true);
  assert.equal(count(newer), false);
});
