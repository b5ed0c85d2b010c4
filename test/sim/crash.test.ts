// A share of the disks that a loss of power may leave (`npm run sim:crash` starts them all): each starts, with
// everything that was acknowledged and nothing that never was, and can be gone on from (PS1 to PS8, EP1 to EP5). And a
// share of the calls that may fail.
//
// QUOLL_CRASH_EVERY: one image of so many (20).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { runCrashEnsemble } from '../../src/sim/crash-ensemble.ts';
import { runDiskErrors } from '../../src/sim/crash-errors.ts';
import { runCrashWorkload } from '../../src/sim/crash-runner.ts';
import { crashWorkloads, javaFileNames } from '../../src/sim/crash-workloads.ts';
import { fixture } from '../storage/support/world.ts';

const every = Number(process.env.QUOLL_CRASH_EVERY ?? 20);
const javaFiles = new Map(
  javaFileNames.map((name) => [`/data/version-2/${name}`, fixture(`java-3.8.0/${name}`)]),
);

const options = { codec: nodeCodec, javaFiles, every, restartEvery: 40, failuresMax: 5 };

for (const workload of crashWorkloads) {
  test(`power lost at any call: ${workload.name}`, () => {
    const { calls, images, failures } = runCrashWorkload(workload, options);
    assert.deepEqual(failures, []);
    assert.ok(calls > 20 && images > 2, `${calls} calls, ${images} images`);
  });

  test(`an error at any call: ${workload.name}`, () => {
    const { runs, failures } = runDiskErrors(workload, options);
    assert.deepEqual(failures, []);
    assert.ok(runs > 4, `${runs} runs`);
  });
}

for (const seed of [1, 2]) {
  test(`all three servers lose power at once, seed ${seed}`, () => {
    const { pictures, failures } = runCrashEnsemble({
      ...{ seed, codec: nodeCodec, hash: nodeHash, operations: 400, every: 7, picturesMax: 125 },
    });
    assert.deepEqual(failures, []);
    assert.ok(pictures > 50, `${pictures} pictures`);
  });
}
