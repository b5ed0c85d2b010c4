// PS8's checker, awake? Removals that are in order, and some that are not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { checkPurge } from '../../src/sim/checkers/check-purge.ts';
import { World } from '../../src/sim/world.ts';

function verdict(removed: string, ...names: string[]): string {
  const world = new World({ seed: 1, codec: nodeCodec, hash: nodeHash });
  const call = { kind: 'remove', path: `/data/${removed}` } as const;
  checkPurge(world, call, '/data', () => [removed, ...names]);
  return world.violations.map((line) => line.split(' ')[0]).join();
}

test('a log may go when the oldest snapshot goes on in a later one', () => {
  assert.equal(verdict('log.1', 'log.5', 'snapshot.4', 'snapshot.9'), '');
  assert.equal(verdict('log.1', 'log.5', 'snapshot.6', 'snapshot.9'), '');
});

test('a log that holds what follows a snapshot stays', () => {
  assert.equal(verdict('log.1', 'log.6', 'snapshot.4', 'snapshot.9'), 'PS8');
  assert.equal(verdict('log.1', 'snapshot.4', 'snapshot.9'), 'PS8');
});

test('an empty log above all snapshots may go', () => {
  assert.equal(verdict('log.a', 'snapshot.9'), '');
});

test('old snapshots may go, the newest may not', () => {
  assert.equal(verdict('snapshot.4', 'snapshot.9'), '');
  assert.equal(verdict('snapshot.9.gz', 'snapshot.4'), 'PS8');
});

test('what is no log and no snapshot may go', () => {
  assert.equal(verdict('tmp-next-log', 'snapshot.9'), '');
});
