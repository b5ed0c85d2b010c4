// Power loss, kills, errors and full disks at every file call of a server's life: boot, log, roll, snapshot, purge.
// Whatever the disk then holds, the next start finds every acknowledged transaction and an exact state.
// Each life runs on a disk of its own; a failure names the call and the seed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskFault } from '../../src/sim/memory-files.ts';
import { Prng } from '../../src/util/prng.ts';
import type { Life, LifeOptions } from './support/scenario.ts';
import { checkRecovered, live } from './support/scenario.ts';
import type { World } from './support/world.ts';
import { makeWorld, recoverAll } from './support/world.ts';

function callsOf(options: Partial<LifeOptions>): number {
  const world = makeWorld();
  const life = live(world, options);
  assert.equal(life.outcome, 'ended');
  assert.ok(life.snapshots >= 3);
  return world.files.calls;
}

/** A life that meets `fault` at its `at`th call. */
function lifeWith(fault: DiskFault, at: number, options: Partial<LifeOptions>): [World, Life] {
  const world = makeWorld();
  world.files.fault = ({ index }) => (index === at ? fault : undefined);
  const life = live(world, options);
  assert.ok(world.files.calls >= at);
  return [world, life];
}

const shapes: readonly (readonly [string, Partial<LifeOptions>])[] = [
  ['small batches', {}],
  ['batches over several sectors', { perBatch: 8, dataLength: 150, batches: 12, snapshotEvery: 3 }],
  ['entries over several pages', { perBatch: 1, dataLength: 9000, batches: 12, snapshotEvery: 3 }],
  ['gz snapshots', { compression: 'gz', batches: 18 }],
  ['snappy snapshots', { compression: 'snappy', batches: 18 }],
];

for (const [name, options] of shapes) {
  test(`power loss at every call: ${name}`, () => {
    const calls = callsOf(options);
    assert.ok(calls > 60);
    for (let at = 1; at <= calls; at++) {
      const [world, life] = lifeWith('crash', at, options);
      assert.equal(life.outcome, 'crashed', `call ${at}`);
      for (let seed = 0; seed < 3; seed++) {
        const next = makeWorld(world.files.afterPowerLoss(new Prng(at * 100 + seed)));
        try {
          const { database, lastZxid } = recoverAll(next);
          checkRecovered(life, database, lastZxid, fullOptions(options));
        } catch (error) {
          throw new Error(`call ${at}, seed ${seed}: ${String(error)}`, { cause: error });
        }
      }
    }
  });
}

test('power loss again and again, each time during the recovery from the last', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const chance = new Prng(seed);
    let world = makeWorld();
    let life: Life = { acked: 0n, written: 0n, outcome: 'ended', error: undefined, snapshots: 0 };
    for (let round = 0; round < 6; round++) {
      const at = world.files.calls + 1 + chance.below(chance.pick([8, 150]));
      world.files.fault = ({ index }) => (index === at ? 'crash' : undefined);
      const acked: bigint = life.acked;
      const written: bigint = life.written;
      const next = live(world, {}, acked, written);
      // Recovery may have been cut before it could tell how far the log reaches.
      life = { ...next, written: next.written > written ? next.written : written };
      const disk = chance.chance(0.5)
        ? world.files.afterPowerLoss(chance)
        : world.files.afterKill();
      world = makeWorld(disk);
    }
    const { database, lastZxid } = recoverAll(world);
    checkRecovered(life, database, lastZxid);
  }
});

for (const fault of ['EIO', 'ENOSPC'] as const) {
  test(`${fault} at every call: never acknowledged and lost, and the next start is a start`, () => {
    const calls = callsOf({});
    for (let at = 1; at <= calls; at++) {
      const [world, life] = lifeWith(fault, at, {});
      world.files.fault = undefined;
      for (const disk of [world.files.afterKill(), world.files.afterPowerLoss(new Prng(at))]) {
        const next = makeWorld(disk);
        const { database, lastZxid } = recoverAll(next);
        checkRecovered(life, database, lastZxid);
      }
    }
  });
}

test('a disk that fills up at any size: the server stops, and starts again once there is room', () => {
  for (let capacity = 1024; capacity <= 40_000; capacity += 1536) {
    const world = makeWorld();
    world.files.capacity = capacity;
    const life = live(world);
    world.files.capacity = Number.POSITIVE_INFINITY;
    const next = makeWorld(world.files);
    const { database, lastZxid } = recoverAll(next);
    checkRecovered(life, database, lastZxid);
    assert.ok(!next.files.list('/data/version-2').some((name) => name.startsWith('tmp-snapshot')));
  }
});

function fullOptions(options: Partial<LifeOptions>): LifeOptions {
  return {
    batches: 24,
    perBatch: 3,
    dataLength: 40,
    snapshotEvery: 5,
    compression: 'none',
    ...options,
  };
}
