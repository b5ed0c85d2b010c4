// LD4's checker, awake? What servers say of a term, by hand: with and without the quorum that their configuration asks
// for, in plain ensembles, with weights, with groups.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import type { QuorumShape } from '../../src/sim/checkers/check-quorum.ts';
import { QuorumChecker } from '../../src/sim/checkers/check-quorum.ts';
import { World } from '../../src/sim/world.ts';

/** What is found when `leader` is established in epoch 5 with these acknowledgements. */
function verdict(shape: QuorumShape, leader: number, acknowledged: readonly number[]): string {
  const world = new World({ seed: 1, codec: nodeCodec, hash: nodeHash });
  const checker = new QuorumChecker(world, shape);
  checker.said(2, 'currentEpoch 0x4 is on disk -> send ACK of NEWLEADER');
  for (const sid of acknowledged) {
    checker.said(sid, 'currentEpoch 0x5 is on disk -> send ACK of NEWLEADER');
  }
  checker.said(leader, 'quorum of NEWLEADER: 2 of 3 -> established in epoch 0x5');
  return world.violations.map((line) => line.split(' ')[0]).join();
}

test('more than half of the voters, and no one twice', () => {
  assert.equal(verdict({ voters: 3 }, 1, [3]), '');
  assert.equal(verdict({ voters: 1 }, 1, []), '');
  assert.equal(verdict({ voters: 3 }, 1, []), 'LD4');
  assert.equal(verdict({ voters: 3 }, 1, [1, 1]), 'LD4');
  assert.equal(verdict({ voters: 4 }, 1, [2]), 'LD4');
  assert.equal(verdict({ voters: 4 }, 1, [2, 4]), '');
});

test('observers do not count', () => {
  assert.equal(verdict({ voters: 3 }, 1, [4, 5]), 'LD4');
});

test('weights count', () => {
  const lines = ['group.1=1:2:3', 'weight.1=5', 'weight.2=1', 'weight.3=1'];
  assert.equal(verdict({ voters: 3, lines }, 1, []), '');
  assert.equal(verdict({ voters: 3, lines }, 2, [3]), 'LD4');
});

test('groups count, and those without a weight do not', () => {
  const lines = ['group.1=1:2', 'group.2=3:4', 'group.3=5', 'weight.5=0'];
  assert.equal(verdict({ voters: 5, lines }, 1, [2, 3, 4]), '');
  assert.equal(verdict({ voters: 5, lines }, 1, [2, 3]), 'LD4');
  assert.equal(verdict({ voters: 5, lines }, 1, [2, 5]), 'LD4');
});
