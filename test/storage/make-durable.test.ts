// What recovery leaves on disk before anybody is served: all it has read, so that no later power loss takes it away.
// Tried on the simulated disk after a kill, after a failed fsync, and with a torn tail that only a durable mark can
// tell from damage.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DurableMarkWriter } from '../../src/storage/durable-mark.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import { Prng } from '../../src/util/prng.ts';
import type { World } from './support/world.ts';
import {
  batchOf,
  createTxn,
  directory,
  entry,
  logFile,
  makeWorld,
  openLog,
  range,
  recoverAll,
} from './support/world.ts';

const seeds = range(1n, 30n).map(Number);

/** A new directory whose log holds 1 and 2, synced, and 3 and 4, which are only in the system's cache. */
function killedWorld(): World {
  const world = makeWorld();
  recoverAll(world);
  const log = openLog(world);
  let acked = 0;
  log.append(batchOf(1n, 2n), () => acked++);
  world.clock.run(() => acked === 1);
  world.files.fault = ({ kind }) => (kind === 'datasync' ? 'crash' : undefined);
  assert.throws(() => log.append(batchOf(3n, 4n), () => acked++));
  world.files.fault = undefined;
  world.files.kill(new Prng(1));
  assert.equal(acked, 1);
  return world;
}

function zxidAfterPowerLoss(world: World, seed: number): bigint {
  const disk = world.files.afterPowerLoss(new Prng(seed));
  return recoverAll(makeWorld(disk)).lastZxid;
}

test('entries a killed process left in the cache survive a power loss once they were recovered', () => {
  const world = killedWorld();
  assert.ok(
    seeds.some((seed) => zxidAfterPowerLoss(world, seed) < 4n),
    'before, they may be lost',
  );
  assert.equal(recoverAll(world).lastZxid, 4n);
  for (const seed of seeds) assert.equal(zxidAfterPowerLoss(world, seed), 4n);
});

test('entries behind a failed fsync look clean, and are written again', () => {
  const world = makeWorld();
  recoverAll(world);
  const log = openLog(world);
  const ends: (string | undefined)[] = [];
  log.append(batchOf(1n, 2n), (error) => ends.push(error?.code));
  world.clock.run(() => ends.length === 1);
  world.files.fault = ({ kind }) => (kind === 'datasync' ? 'EIO' : undefined);
  log.append(batchOf(3n, 4n), (error) => ends.push(error?.code));
  world.clock.run(() => ends.length === 2);
  assert.deepEqual(ends, [undefined, 'EIO']);
  world.files.fault = undefined;
  world.files.kill(new Prng(1));
  const { lastZxid } = recoverAll(world);
  for (const seed of seeds) assert.equal(zxidAfterPowerLoss(world, seed), lastZxid);
});

test('a torn tail that only the mark explains is gone before the mark is', () => {
  const world = makeWorld();
  recoverAll(world);
  // Entry 4 never reached the disk, 5 behind it did; neither was synced.
  const head = logFile(range(1n, 3n));
  const lost = new Uint8Array(1024 - (head.length % 512));
  const bytes = concatBytes([head, lost, entry(createTxn(5n)), new Uint8Array(512)]);
  world.files.put(`${directory}/log.1`, bytes);
  const mark = new DurableMarkWriter(world.files, directory);
  mark.write({ file: 1n, offset: head.length });
  assert.equal(recoverAll(world).lastZxid, 3n);
  // The next log file begins, and is lost with its first entry.
  mark.write({ file: 4n, offset: 16 });
  mark.close();
  assert.equal(recoverAll(world).lastZxid, 3n);
});
