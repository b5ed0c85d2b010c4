// What a purge keeps: the newest whole snapshots, every log they need. And the task that runs it by the clock.
// Each time recovery must find the same state as before.
// The clock is virtual, so a thousand hours pass at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../src/core/tree/apply.ts';
import { SnapshotSource } from '../../src/core/tree/snapshot-body.ts';
import { purge } from '../../src/storage/purge.ts';
import { PurgeTask } from '../../src/storage/purge-task.ts';
import { writeSnapshotNow } from '../../src/storage/write-snapshot-now.ts';
import type { World } from './support/world.ts';
import {
  bareDatabase,
  codec,
  createTxn,
  directory,
  javaWorld,
  logFile,
  makeWorld,
  range,
  recoverAll,
  stateOf,
} from './support/world.ts';

/** Snapshots at 0, 10, 20 … 60 (hex names), a log from each to the next, five behind the last. */
function filled(): World {
  const world = makeWorld();
  const database = bareDatabase().ensureSystemNodes();
  for (let from = 0n; from <= 60n; from += 10n) {
    const image = new SnapshotSource(database);
    const form = { compression: 'none', digestEnabled: true } as const;
    const steps = writeSnapshotNow(world.files, codec, directory, image, form);
    while (steps.next().done !== true) {
      // To its end.
    }
    const zxids = range(from + 1n, from + (from === 60n ? 5n : 10n));
    for (const zxid of zxids) {
      const txn = createTxn(zxid);
      applyTxn(database, txn, 0, txn.length);
    }
    world.files.put(`${directory}/log.${(from + 1n).toString(16)}`, logFile(zxids, 4096));
  }
  return world;
}

function purged(world: World, retain = 3): string[] {
  const steps = purge({ ...world, codec }, { snapshots: directory, logs: directory, retain });
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value.map((path) => path.replace(`${directory}/`, ''));
  }
}

test("what a leader's snapshot replaced goes when enough snapshots of what came after are kept", () => {
  for (const retain of [3, 9]) {
    const world = filled();
    const names = ['replaced-log.5', 'replaced-snapshot.64.gz'];
    for (const name of names) world.files.put(`${directory}/${name}`, new Uint8Array(9));
    const removed = purged(world, retain);
    assert.deepEqual(
      removed.filter((name) => name.startsWith('replaced-')),
      retain === 3 ? names : [],
    );
  }
});

test('keeps the newest three and the logs from the oldest of them on', () => {
  const world = filled();
  const before = stateOf(recoverAll(world).database);
  const removed = purged(world);
  assert.deepEqual(removed, [
    'snapshot.0',
    'snapshot.a',
    'snapshot.14',
    'snapshot.1e',
    'log.1',
    'log.b',
    'log.15',
    'log.1f',
  ]);
  assert.deepEqual(world.files.list(directory), [
    'log.29',
    'log.33',
    'log.3d',
    'snapshot.28',
    'snapshot.32',
    'snapshot.3c',
  ]);
  assert.equal(stateOf(recoverAll(world).database), before);
  assert.deepEqual(purged(world), []);
});

test('fewer than three count as three; more are kept', () => {
  const [three, five] = [filled(), filled()];
  purged(three, 1);
  purged(five, 5);
  assert.equal(three.files.list(directory).filter((name) => name.startsWith('snapshot')).length, 3);
  assert.equal(five.files.list(directory).filter((name) => name.startsWith('snapshot')).length, 5);
});

test('a log that reaches from below the oldest kept snapshot beyond it is kept', () => {
  const world = filled();
  world.files.remove(`${directory}/log.29`);
  world.files.put(`${directory}/log.1f`, logFile(range(31n, 50n), 4096));
  const before = stateOf(recoverAll(world).database);
  assert.ok(!purged(world).includes('log.1f'));
  world.files.remove(`${directory}/snapshot.3c`);
  world.files.remove(`${directory}/snapshot.32`);
  assert.equal(stateOf(recoverAll(world).database), before);
});

test('damaged snapshots do not count, however whole they look (ZOOKEEPER-3231)', () => {
  const world = filled();
  for (const name of ['snapshot.3c', 'snapshot.32', 'snapshot.28']) {
    const path = `${directory}/${name}`;
    const bytes = world.files.contents(path) ?? new Uint8Array();
    bytes[200] = (bytes[200] ?? 0) ^ 1;
    world.files.put(path, bytes);
  }
  const before = stateOf(recoverAll(world).database);
  const removed = purged(world);
  assert.deepEqual(removed, ['snapshot.0', 'log.1']);
  assert.equal(stateOf(recoverAll(world).database), before);
});

test('no whole snapshot: nothing is removed', () => {
  const world = filled();
  for (const name of world.files.list(directory)) {
    if (name.startsWith('snapshot')) world.files.put(`${directory}/${name}`, new Uint8Array(50));
  }
  assert.deepEqual(purged(world), []);
});

test('a Java directory: the same state from what is left', () => {
  const world = javaWorld((name) => !name.endsWith('.gz') && !name.endsWith('.snappy'));
  const before = stateOf(recoverAll(world).database);
  const removed = purged(world);
  assert.equal(removed.filter((name) => name.startsWith('snapshot')).length, 7);
  assert.equal(stateOf(recoverAll(world).database), before);
});

test('a removal that fails stops the purge, and what is left is still whole', () => {
  for (let at = 1; at <= 12; at++) {
    const world = filled();
    const before = stateOf(recoverAll(world).database);
    const from = world.files.calls;
    world.files.fault = ({ index }) => (index === from + at ? 'EACCES' : undefined);
    try {
      purged(world);
    } catch {
      // What recovery says counts.
    }
    world.files.fault = undefined;
    assert.equal(stateOf(recoverAll(world).database), before);
  }
});

test('the task purges at start and then every interval, and not after stop', () => {
  const world = filled();
  const ports = { ...world, codec };
  const task = new PurgeTask(ports, {
    snapshots: directory,
    logs: directory,
    retain: 3,
    intervalHours: 1000,
  });
  const left = (): number => world.files.list(directory).length;
  task.start();
  assert.equal(left(), 14, 'not inside the call');
  world.clock.run(() => left() === 6);
  assert.ok(world.clock.now() < 1000);
  world.files.put(`${directory}/snapshot.1`, new Uint8Array(50));
  world.clock.run(() => left() === 6);
  assert.ok(world.clock.now() >= 1000 * 3_600_000, 'the second comes after the interval');
  assert.ok(world.clock.now() < 1001 * 3_600_000);
  task.stop();
  world.files.put(`${directory}/snapshot.1`, new Uint8Array(50));
  world.clock.run();
  assert.equal(left(), 7);
});

test('an interval of 0 is no task', () => {
  const world = filled();
  const options = { snapshots: directory, logs: directory, retain: 3, intervalHours: 0 };
  new PurgeTask({ ...world, codec }, options).start();
  world.clock.run();
  assert.equal(world.files.list(directory).length, 14);
  assert.ok(world.log.lines.includes('info Purge task is not scheduled.'));
});
