// CL5's checker of syncs, awake? Small histories, good and bad, made by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { checkSyncedReads } from '../../src/sim/checkers/check-synced-reads.ts';
import { Invocation } from '../../src/sim/invocation.ts';
import type { Operation } from '../../src/sim/operation.ts';
import { World } from '../../src/sim/world.ts';

const write: Operation = { type: 'setData', path: '/a', data: 'x', version: -1 };
const sync: Operation = { type: 'sync', path: '/a' };

function asked(operation: Operation, from: number, to: number, zxid: bigint): Invocation {
  const invocation = new Invocation(`c${from}`, operation, from);
  invocation.xid = 1;
  invocation.endedAt = to;
  invocation.outcome = { kind: 'ok', zxid, result: {} };
  return invocation;
}

function verdict(...invocations: Invocation[]): string {
  const world = new World({ seed: 1, codec: nodeCodec, hash: nodeHash });
  checkSyncedReads(world, invocations);
  return world.violations.map((line) => line.split(' ')[0]).join();
}

test('a sync shows what was answered before it', () => {
  assert.equal(verdict(asked(write, 0, 5, 0x100000003n), asked(sync, 6, 9, 0x100000003n)), '');
  assert.equal(verdict(asked(write, 0, 5, 0x100000003n), asked(sync, 6, 9, 0x100000002n)), 'CL5');
});

test('what was not answered yet it need not show', () => {
  assert.equal(verdict(asked(write, 0, 7, 0x100000003n), asked(sync, 6, 9, 0x100000002n)), '');
});

test('the highest of several counts, in whatever order they come', () => {
  const writes = [asked(write, 1, 4, 0x100000004n), asked(write, 0, 5, 0x100000003n)];
  assert.equal(verdict(asked(sync, 6, 9, 0x100000003n), ...writes), 'CL5');
});

test('behind a deposed leader it may be old', () => {
  assert.equal(verdict(asked(write, 0, 5, 0x200000001n), asked(sync, 6, 9, 0x100000009n)), '');
});
