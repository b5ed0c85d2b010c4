// Ensembles under everything that may happen to them, one seed a life: servers killed and powerless alone and together,
// partitions, slow and failing disks, disks replaced, clocks that jump, rolling restarts, while clients read, write,
// watch, vanish and move between servers. What they were told is held against one history (LD1, LD3, HI2 to HI4, EP1 to
// EP5, PS4, PS7, CL1 to CL7, SE1 to SE5, WA1 to WA4, ST1 to ST4, LV1 to LV4).
//
// QUOLL_SIM_SEEDS: how many seeds (40). QUOLL_SIM_SEED: just this one, with the whole trace on failure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { ensembleFaultKinds } from '../../src/sim/ensemble-faults.ts';
import { runEnsemble } from '../../src/sim/ensemble-scenario.ts';
import type { ScenarioReport } from '../../src/sim/standalone-scenario.ts';

const only = process.env.QUOLL_SIM_SEED;
const seedCount = Number(process.env.QUOLL_SIM_SEEDS ?? 40);
const tailLines = 40;

function run(seed: number, operations: number): ScenarioReport {
  return runEnsemble({ seed, operations, codec: nodeCodec, hash: nodeHash });
}

function check(seed: number, operations = 400): ScenarioReport {
  const report = run(seed, operations);
  const { violations, trace } = report.world;
  if (violations.length > 0) {
    const tail = trace.tail(only === undefined ? tailLines : Number.POSITIVE_INFINITY);
    const again = `QUOLL_SIM_SEED=${seed} npm test -- sim/ensemble`;
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

  test('every kind of fault happened, and every role', { skip: seedCount < 40 }, () => {
    const roles = ['leader', 'follower DIFF', 'follower SNAP', 'observer DIFF', 'observer SNAP'];
    const wanted = [...ensembleFaultKinds, ...roles.map((role) => `role ${role}`)];
    assert.deepEqual(
      wanted.filter((kind) => !counts.has(kind)),
      [],
    );
  });

  test('the same seed gives the same trace, another seed another', () => {
    const hashes = [7, 7, 8].map((seed) => run(seed, 300).world.trace.hash);
    assert.equal(hashes[0], hashes[1]);
    assert.notEqual(hashes[0], hashes[2]);
  });
}
