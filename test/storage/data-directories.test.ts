// The data directories: made, refused, measured; names of files; when a snapshot is due.
// Paths and messages as an operator meets them.
// Nothing here touches a real disk.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryFiles } from '../../src/sim/memory-files.ts';
import { VirtualClock } from '../../src/sim/virtual-clock.ts';
import {
  DataDirectoryError,
  directorySize,
  prepareDirectories,
} from '../../src/storage/data-directories.ts';
import { parseFileName, snapshotFiles } from '../../src/storage/file-names.ts';
import { SnapshotSchedule } from '../../src/storage/snapshot-schedule.ts';
import { Prng } from '../../src/util/prng.ts';

const makeFiles = (): MemoryFiles => new MemoryFiles({ clock: new VirtualClock() });
const one = { dataDir: '/a/data', dataLogDir: undefined, autocreate: true };
const two = { dataDir: '/a/data', dataLogDir: '/b/log', autocreate: true };

test('made with everything above them, and all names survive a power loss', () => {
  const files = makeFiles();
  const directories = prepareDirectories(files, two);
  assert.deepEqual(directories, {
    snapshots: '/a/data/version-2',
    logs: '/b/log/version-2',
    initialize: '/b/log/initialize',
  });
  for (let seed = 0; seed < 20; seed++) {
    const after = files.afterPowerLoss(new Prng(seed));
    assert.equal(after.status('/a/data/version-2')?.kind, 'directory');
    assert.equal(after.status('/b/log/version-2')?.kind, 'directory');
  }
});

test('datadir.autocreate=false: a missing one is refused in the words of Java', () => {
  const options = { ...one, autocreate: false };
  assert.throws(
    () => prepareDirectories(makeFiles(), options),
    /Missing data directory \/a\/data\/version-2, automatic data directory creation is disabled/,
  );
  const files = makeFiles();
  files.makeDirectories('/a/data/version-2');
  prepareDirectories(files, options);
});

test('one that cannot be written, or is a file', () => {
  for (const code of ['EACCES', 'EROFS'] as const) {
    const files = makeFiles();
    files.makeDirectories('/a/data/version-2');
    files.fault = ({ kind }) => (kind === 'open' ? code : undefined);
    assert.throws(
      () => prepareDirectories(files, one),
      (error) =>
        error instanceof DataDirectoryError && /Cannot write to data directory/.test(error.message),
    );
  }
  const files = makeFiles();
  files.put('/a/data/version-2', new Uint8Array());
  assert.throws(() => prepareDirectories(files, one), /is not a directory/);
});

test('logs among snapshots, snapshots among logs: refused when the directories differ', () => {
  const swapped = makeFiles();
  swapped.put('/b/log/version-2/snapshot.0', new Uint8Array());
  assert.throws(() => prepareDirectories(swapped, two), /Log directory .* has snapshot files/);
  const mixed = makeFiles();
  mixed.put('/a/data/version-2/log.1', new Uint8Array());
  assert.throws(() => prepareDirectories(mixed, two), /Snapshot directory .* has log files/);
  prepareDirectories(mixed, one);
});

test('sizes count every file by its length', () => {
  const files = makeFiles();
  files.put('/a/data/version-2/log.1', new Uint8Array(1000));
  files.put('/a/data/version-2/snapshot.0', new Uint8Array(457));
  files.put('/a/data/version-2/more/below', new Uint8Array(3));
  assert.equal(directorySize(files, '/a/data/version-2'), 1460);
  assert.equal(directorySize(files, '/a/none'), 0);
});

test('names', () => {
  const kinds = (names: string[]): string[] => names.map((name) => parseFileName(name).kind);
  assert.deepEqual(kinds(['log.1', 'log.ffffffff00000001', 'log.7fffffffffffffff']), [
    'log',
    'lookalike',
    'log',
  ]);
  assert.deepEqual(kinds(['snapshot.0', 'snapshot.5.gz', 'snapshot.5.snappy']), [
    'snapshot',
    'snapshot',
    'snapshot',
  ]);
  const lookalikes = ['log.', 'log.05', 'log.5.gz', 'log.5.corrupt-1', 'snapshot.5.tmp', 'log.A'];
  assert.deepEqual(new Set(kinds(lookalikes)), new Set(['lookalike']));
  assert.deepEqual(kinds(['tmp-snapshot-5', 'tmp-next-log', 'myid', 'set-aside-log.5']), [
    'leftover',
    'leftover',
    'other',
    'other',
  ]);
  const order = snapshotFiles([
    'snapshot.a',
    'snapshot.9.gz',
    'snapshot.9',
    'log.b',
    'snapshot.10',
  ]);
  assert.deepEqual(
    order.map(({ name }) => name),
    ['snapshot.10', 'snapshot.a', 'snapshot.9', 'snapshot.9.gz'],
  );
});

const random = (seed: number) => {
  const chance = new Prng(seed);
  return { next: () => chance.fraction(), below: (bound: number) => chance.below(bound) };
};

test('a snapshot is due after between half of snapCount and snapCount, each time anew', () => {
  const schedule = new SnapshotSchedule(random(1), { snapCount: 100, snapSizeLimitKb: 0 });
  const found = new Set<number>();
  for (let round = 0; round < 500; round++) {
    let count = 1;
    while (!schedule.appended(1, 1_000_000)) count++;
    assert.ok(schedule.appended(0, 0), 'it stays due');
    assert.ok(count >= 51 && count <= 100, `${count}`);
    found.add(count);
    schedule.restart();
  }
  assert.equal(found.size, 50);
});

test('or after so many bytes; and what was replayed counts', () => {
  const bySize = new SnapshotSchedule(random(2), { snapCount: 100_000, snapSizeLimitKb: 64 });
  let bytes = 0;
  do bytes += 1000;
  while (!bySize.appended(1, 1000));
  assert.ok(bytes > 32 * 1024 && bytes <= 65 * 1024 + 1000, `${bytes}`);
  const replayed = new SnapshotSchedule(random(3), { snapCount: 100, snapSizeLimitKb: 0 }, 100);
  assert.ok(replayed.appended(1, 1));
  const least = new SnapshotSchedule(random(4), { snapCount: 0, snapSizeLimitKb: 0 });
  assert.ok(!least.appended(1, 1));
  assert.ok(least.appended(1, 1));
});
