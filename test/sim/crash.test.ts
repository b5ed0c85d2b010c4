// A share of the disks that a loss of power may leave (`npm run sim:crash` starts them all): each starts, with
// everything that was acknowledged and nothing that never was, and can be gone on from (PS1 to PS8, EP1 to EP5).
//
// QUOLL_CRASH_EVERY: one image of so many (20).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { runCrashWorkload } from '../../src/sim/crash-runner.ts';
import { crashWorkloads, javaFileNames } from '../../src/sim/crash-workloads.ts';
import { fixture } from '../storage/support/world.ts';

const every = Number(process.env.QUOLL_CRASH_EVERY ?? 20);
const javaFiles = new Map(
  javaFileNames.map((name) => [`/data/version-2/${name}`, fixture(`java-3.8.0/${name}`)]),
);

for (const workload of crashWorkloads) {
  test(`power lost at any call: ${workload.name}`, () => {
    const { calls, images, failures } = runCrashWorkload(workload, {
      ...{ codec: nodeCodec, javaFiles, every, restartEvery: 40, failuresMax: 5 },
    });
    assert.deepEqual(failures, []);
    assert.ok(calls > 20 && images > 2, `${calls} calls, ${images} images`);
  });
}
