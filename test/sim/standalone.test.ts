// A lone server under everything that may happen to it, one seed a life: kills, power losses at any disk call, full and
// failing disks, pauses, clocks that jump, links that break, while clients read, write, watch, vanish and come back.
// What they were told is held against one history; every start must succeed (PS1 to PS7, CL1 to CL7, SE1 to SE5, WA1 to
// WA4, ST1 to ST4).
//
// QUOLL_SIM_SEEDS: how many seeds (100). QUOLL_SIM_SEED: just this one, with the whole trace on failure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { faultKinds } from '../../src/sim/server-faults.ts';
import type { ScenarioReport } from '../../src/sim/standalone-scenario.ts';
import { runStandalone } from '../../src/sim/standalone-scenario.ts';

const only = process.env.QUOLL_SIM_SEED;
const seedCount = Number(process.env.QUOLL_SIM_SEEDS ?? 100);
const tailLines = 40;

function run(seed: number, operations: number): ScenarioReport {
  return runStandalone({ seed, operations, codec: nodeCodec, hash: nodeHash });
}

function check(seed: number, operations = 400): ScenarioReport {
  const report = run(seed, operations);
  const { violations, trace } = report.world;
  if (violations.length > 0) {
    const tail = trace.tail(only === undefined ? tailLines : Number.POSITIVE_INFINITY);
    const again = `QUOLL_SIM_SEED=${seed} npm test -- sim/standalone`;
    assert.fail(`seed ${seed}:\n${violations.join('\n')}\n${tail.join('\n')}\nagain: ${again}`);
  }
  return report;
}

if (only !== undefined) {
  test(`seed ${only}`, () => {
    check(Number(only));
  });
} else {
  const counts = new Map<string, number>();

  test(`${seedCount} seeds`, () => {
    for (let seed = 1; seed <= seedCount; seed++) {
      for (const [kind, count] of check(seed).world.counts) {
        counts.set(kind, (counts.get(kind) ?? 0) + count);
      }
    }
  });

  test('every kind of fault happened', { skip: seedCount < 100 }, () => {
    const missing = faultKinds.filter((kind) => (counts.get(kind) ?? 0) < 5);
    assert.deepEqual(missing, []);
    for (const what of ['disk kill at', 'disk power at', 'session expired', 'word answered']) {
      assert.ok(
        [...counts.keys()].some((kind) => kind.startsWith(what)),
        what,
      );
    }
  });

  test('one long life', () => {
    const { operations, lastZxid } = check(1001, 3000);
    assert.ok(operations >= 3000 && lastZxid > 500n);
  });

  test('the same seed gives the same trace, another seed another', () => {
    const hashes = [7, 7, 8].map((seed) => run(seed, 300).world.trace.hash);
    assert.equal(hashes[0], hashes[1]);
    assert.notEqual(hashes[0], hashes[2]);
  });
}
