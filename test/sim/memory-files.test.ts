// What the simulated disk keeps when a process is killed, when the power goes and when a sync fails: the three are not
// the same. A killed process leaves its writes in the system's cache, unsynced; a power loss takes any part of what is
// unsynced; a failed sync leaves what looks clean and is not on the disk (fsyncgate).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileError, OpenFile } from '../../src/ports.ts';
import { DiskCrash, MemoryFiles } from '../../src/sim/memory-files.ts';
import { VirtualClock } from '../../src/sim/virtual-clock.ts';
import { hexOf } from '../../src/util/bytes.ts';
import { Prng } from '../../src/util/prng.ts';

interface Disk {
  readonly clock: VirtualClock;
  readonly files: MemoryFiles;
  readonly file: OpenFile;
}

/** With a file of one durable sector of 1s. */
function makeDisk(): Disk {
  const clock = new VirtualClock();
  const files = new MemoryFiles({ clock });
  files.makeDirectories('/d');
  files.syncDirectoryNow('/');
  const file = files.open('/d/f', 'create');
  file.write(sector(1), 0);
  file.sync();
  files.syncDirectoryNow('/d');
  return { clock, files, file };
}

const sector = (value: number): Uint8Array => new Uint8Array(512).fill(value);

/** What is in the file after each of many power losses: first bytes of its sectors. */
function afterPowerLosses(files: MemoryFiles): Set<string> {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const contents = files.afterPowerLoss(new Prng(seed)).contents('/d/f');
    seen.add(contents === undefined ? 'none' : hexOf(contents.filter((_, i) => i % 512 === 0)));
  }
  return seen;
}

test('a kill keeps unsynced writes and leaves them unsynced', () => {
  const { files, file } = makeDisk();
  file.write(sector(2), 0);
  files.kill(new Prng(1));
  assert.equal(files.contents('/d/f')?.[0], 2);
  assert.deepEqual(afterPowerLosses(files), new Set(['01', '02']));
  files.open('/d/f', 'read').sync();
  assert.deepEqual(afterPowerLosses(files), new Set(['02']));
});

test('a kill ends locks, open files and callbacks; background calls are done or not', () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const { clock, files, file } = makeDisk();
    assert.ok(files.lock('/d') !== undefined);
    assert.equal(files.lock('/d'), undefined);
    let told = 0;
    file.writeLater(sector(3), 512, () => told++);
    file.datasync(() => told++);
    files.kill(new Prng(seed));
    clock.run();
    assert.equal(told, 0);
    assert.throws(() => file.write(sector(4), 0), DiskCrash);
    assert.ok(files.lock('/d') !== undefined);
    outcomes.add(
      hexOf(files.contents('/d/f')?.filter((_, i) => i % 512 === 0) ?? new Uint8Array(0)),
    );
  }
  assert.deepEqual(outcomes, new Set(['01', '0103']));
});

test('a failed sync: the cache shows the write, the disk never gets it, not by another sync either', () => {
  const { clock, files, file } = makeDisk();
  file.write(sector(2), 0);
  files.fault = () => 'EIO';
  let error: FileError | undefined;
  file.datasync((result) => {
    error = result;
  });
  clock.run();
  files.fault = undefined;
  assert.equal(error?.code, 'EIO');
  file.sync();
  assert.equal(files.contents('/d/f')?.[0], 2);
  assert.deepEqual(afterPowerLosses(files), new Set(['01']));
  file.write(sector(2), 0);
  file.sync();
  assert.deepEqual(afterPowerLosses(files), new Set(['02']), 'written again it is');
});

test('a directory sync makes durable what was there when it began', () => {
  const { clock, files } = makeDisk();
  files.rename('/d/f', '/d/g');
  files.syncDirectory('/d', () => undefined);
  files.rename('/d/g', '/d/h');
  clock.run();
  const seen = new Set<string>();
  for (let seed = 1; seed <= 40; seed++)
    seen.add(files.afterPowerLoss(new Prng(seed)).list('/d').join());
  assert.deepEqual(seen, new Set(['g', 'h']));
});

test('a write during a sync is not part of it', () => {
  const { clock, files, file } = makeDisk();
  file.write(sector(2), 0);
  file.datasync(() => undefined);
  file.write(sector(3), 0);
  clock.run();
  assert.deepEqual(afterPowerLosses(files), new Set(['02', '03']));
});
