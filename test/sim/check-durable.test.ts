// PS1's checker, awake? A write that goes to the disk, its sync, its answer, in the right order and in others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../src/jute/writer.ts';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import { TxnHeader } from '../../src/proto/txn.ts';
import { DurabilityChecker } from '../../src/sim/checkers/check-durable.ts';
import { Invocation } from '../../src/sim/invocation.ts';
import { World } from '../../src/sim/world.ts';

const file = {};
const other = {};

/** One log entry, as far as anybody looks at it: checksum, length, transaction, end mark. */
function entry(zxid: bigint): Uint8Array {
  const txn = new Writer();
  TxnHeader.write(txn, { clientId: 1n, cxid: 1, zxid, time: 0n, type: OpCode.delete });
  const out = new Writer();
  out.long(0n);
  out.int(txn.at);
  out.raw(txn.bytes, 0, txn.at);
  out.byte(0x42);
  return out.copy();
}

function verdict(steps: (checker: DurabilityChecker) => void): string {
  const world = new World({ seed: 1, codec: nodeCodec, hash: nodeHash });
  const checker = new DurabilityChecker(world);
  const call = { kind: 'write', path: '/data/version-2/log.1', position: 16, file } as const;
  checker.diskCalled({ ...call, index: 7, bytes: entry(5n) });
  steps(checker);
  const answer = new Invocation('c', { type: 'delete', path: '/a', version: -1 }, 0);
  answer.outcome = { kind: 'ok', zxid: 5n, result: {} };
  checker.answered(answer);
  return world.violations.map((line) => line.split(' ')[0]).join();
}

test('a write is answered behind its sync', () => {
  assert.equal(
    verdict((checker) => checker.diskSynced(file, 7)),
    '',
  );
  assert.equal(
    verdict(() => undefined),
    'PS1',
  );
});

test('a sync that began before, or of another file, does not count', () => {
  assert.equal(
    verdict((checker) => checker.diskSynced(file, 6)),
    'PS1',
  );
  assert.equal(
    verdict((checker) => checker.diskSynced(other, 9)),
    'PS1',
  );
});

test('what a loss of power may have taken is for recovery to find', () => {
  assert.equal(
    verdict((checker) => checker.lost()),
    '',
  );
});

test('a start stands on nothing that is in the page cache alone', () => {
  const start = (upTo: bigint, snapshot: bigint) =>
    verdict((checker) => checker.recovered(upTo, snapshot));
  assert.equal(start(5n, 4n), 'PS1,PS1');
  assert.equal(start(5n, 5n), '');
  assert.equal(start(4n, 0n), '');
});
