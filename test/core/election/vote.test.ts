// totalOrderPredicate and the equality of votes as tables: every combination of small values, against the definition
// read out loud. The order must be strict and whole, or two servers that heard the same votes could disagree; equality
// must be symmetric, or they would count differently.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Vote } from '../../../src/core/election/vote.ts';
import { isSameVote, totalOrderPredicate } from '../../../src/core/election/vote.ts';
import type { ServerState } from '../../../src/proto/notification.ts';
import { serverStates } from '../../../src/proto/notification.ts';

const small = [-1n, 0n, 1n, 2n];
const proposals = small.flatMap((peerEpoch) =>
  small.flatMap((zxid) => [1n, 2n, 3n].map((leader) => ({ peerEpoch, zxid, leader }))),
);

test('totalOrderPredicate: epoch, then zxid, then sid, over every pair', () => {
  for (const [i, a] of proposals.entries()) {
    for (const [j, b] of proposals.entries()) {
      // `proposals` is written in ascending order.
      assert.equal(totalOrderPredicate(a, b, 1), i > j, JSON.stringify([i, j]));
    }
  }
});

test('totalOrderPredicate: weight 0 never wins, any other weight is the same', () => {
  for (const a of proposals) {
    for (const b of proposals) {
      assert.equal(totalOrderPredicate(a, b, 0), false);
      assert.equal(totalOrderPredicate(a, b, 7), totalOrderPredicate(a, b, 1));
    }
  }
});

test('totalOrderPredicate: what a non-voter proposes loses to any vote, whatever the sign of its epoch', () => {
  const nobody = { leader: -(2n ** 63n), zxid: -(2n ** 63n), peerEpoch: -(2n ** 63n) };
  for (const vote of proposals) {
    assert.equal(totalOrderPredicate(vote, nobody, 1), true);
    assert.equal(totalOrderPredicate(nobody, vote, 1), false);
  }
});

test('totalOrderPredicate: zxids compare signed, as Java longs', () => {
  const a = { leader: 1n, peerEpoch: 1n, zxid: 0x1ffffffffn };
  const b = { leader: 1n, peerEpoch: 1n, zxid: 0x200000000n };
  assert.equal(totalOrderPredicate(b, a, 1), true);
  assert.equal(totalOrderPredicate(a, b, 1), false);
});

const votes: Vote[] = [1n, 2n].flatMap((leader) =>
  [5n, 6n].flatMap((zxid) =>
    [1n, 2n].flatMap((electionEpoch) =>
      [3n, 4n].flatMap((peerEpoch) =>
        serverStates.flatMap((state: ServerState) =>
          [0, 1, 2].map((version) => ({ leader, zxid, electionEpoch, peerEpoch, state, version })),
        ),
      ),
    ),
  ),
);

test('votes are the same: all fields while one is LOOKING, else leader and epoch, else leader', () => {
  for (const a of votes) {
    for (const b of votes) {
      const looking = a.state === 'LOOKING' || b.state === 'LOOKING';
      const oneIsOld = (a.version === 0) !== (b.version === 0);
      const expected =
        a.leader === b.leader &&
        (looking
          ? a.zxid === b.zxid && a.electionEpoch === b.electionEpoch && a.peerEpoch === b.peerEpoch
          : oneIsOld || a.peerEpoch === b.peerEpoch);
      assert.equal(isSameVote(a, b), expected);
      assert.equal(isSameVote(b, a), expected);
    }
  }
});
