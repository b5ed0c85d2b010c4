// TRUNC on files: what is left is the history up to the zxid and nothing else, wherever logs and snapshots begin; what
// cannot be cut is refused with nothing changed; and a power loss or an error at any call leaves a history the server
// had. The directories are of epoch 0, so that the state at a zxid is known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../src/core/tree/apply.ts';
import { FileError } from '../../src/ports.ts';
import type { Zxid } from '../../src/proto/zxid.ts';
import { DiskCrash } from '../../src/sim/memory-files.ts';
import type { Truncation } from '../../src/storage/truncate.ts';
import { truncate } from '../../src/storage/truncate.ts';
import { Prng } from '../../src/util/prng.ts';
import type { Disk } from './support/cases.ts';
import { changed, padding, snapshotOf, worldOf } from './support/cases.ts';
import type { World } from './support/world.ts';
import {
  bareDatabase,
  batchOf,
  codec,
  createTxn,
  directories,
  directory,
  lengthMax,
  logFile,
  makeWorld,
  openLog,
  range,
  recoverAll,
  stateOf,
} from './support/world.ts';

const states = range(0n, 10n).map((zxid) => {
  const database = bareDatabase().ensureSystemNodes();
  for (const one of range(1n, zxid)) {
    const txn = createTxn(one);
    applyTxn(database, txn, 0, txn.length);
  }
  return stateOf(database);
});

function cutTo(world: World, zxid: Zxid): Truncation {
  const steps = truncate(
    { files: world.files, codec, log: world.log },
    { directories, zxid, entryLengthMax: lengthMax },
  );
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

function contentsOf(world: World): Record<string, Uint8Array | undefined> {
  const names = world.files.list(directory);
  return Object.fromEntries(
    names.map((name) => [name, world.files.contents(`${directory}/${name}`)]),
  );
}

function snapshotAt(zxid: Zxid): Uint8Array {
  return snapshotOf(...range(1n, zxid));
}

/** Logs of 1 to 9 that begin at these zxids, snapshots at those; every log is padded, as logs are. */
function diskOf(logs: readonly Zxid[], snapshots: readonly Zxid[]): Disk {
  const disk: Disk = {};
  logs.forEach((first, i) => {
    const last = (logs[i + 1] ?? 10n) - 1n;
    disk[`log.${first}`] = logFile(range(first, last), padding);
  });
  for (const zxid of snapshots) disk[`snapshot.${zxid}`] = snapshotAt(zxid);
  return disk;
}

const layouts: readonly (readonly [logs: readonly Zxid[], snapshots: readonly Zxid[]])[] = [
  [[1n], [0n]],
  [[1n, 4n, 7n], [0n]],
  [
    [1n, 4n, 7n],
    [0n, 3n, 6n],
  ],
  [
    [1n, 4n, 7n],
    [0n, 5n, 8n, 9n],
  ],
  [
    [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n],
    [0n, 4n, 7n],
  ],
  [
    [4n, 7n],
    [3n, 8n],
  ],
];

test('rows 22 and 23 (ZOOKEEPER-1549, 1154, 1156): every cut of every layout leaves that history', () => {
  for (const [logs, snapshots] of layouts) {
    for (let zxid = snapshots[0] ?? 0n; zxid <= 10n; zxid++) {
      const world = worldOf(diskOf(logs, snapshots));
      assert.deepEqual(cutTo(world, zxid), { kind: 'truncated' });
      const { database, lastZxid } = recoverAll(world);
      const wanted = zxid > 9n ? 9n : zxid;
      assert.equal(lastZxid, wanted, `logs ${logs}, snapshots ${snapshots}, cut to ${zxid}`);
      assert.equal(stateOf(database), states[Number(wanted)]);
      // What is appended next is found again.
      const log = openLog(world, { lastZxid });
      log.append(batchOf(wanted + 1n), (error) => assert.equal(error, undefined));
      world.clock.run();
      assert.equal(recoverAll(makeWorld(world.files)).lastZxid, wanted + 1n);
    }
  }
});

test('a zxid that is not in the log: everything above goes, where Java keeps one too many', () => {
  const epoch2 = 0x200000000n;
  const world = worldOf({
    'snapshot.5': snapshotAt(5n),
    'log.200000001': logFile(range(epoch2 + 1n, epoch2 + 3n), padding),
  });
  assert.deepEqual(cutTo(world, 5n), { kind: 'truncated' });
  assert.equal(recoverAll(world).lastZxid, 5n);
  assert.deepEqual(world.files.list(directory), ['snapshot.5']);
});

test('snapshots above the cut are set aside, not removed', () => {
  const world = worldOf({ ...diskOf([1n], [0n, 8n]), 'set-aside-snapshot.8': new Uint8Array(1) });
  cutTo(world, 7n);
  const names = world.files.list(directory);
  assert.ok(names.includes('set-aside-snapshot.8-2'));
  assert.ok(!names.includes('snapshot.8'));
});

const impossible: Record<string, readonly [Disk, Zxid, RegExp]> = {
  'the state came by a snapshot above it': [
    { 'snapshot.8': snapshotAt(8n), 'log.9': logFile([9n], padding) },
    5n,
    /no snapshot at or before 0x5 is whole/,
  ],
  'the snapshot before it is damaged': [
    { ...diskOf([4n], [8n]), 'snapshot.3': changed(snapshotAt(3n), 200) },
    5n,
    /no snapshot at or before 0x5 is whole/,
  ],
  'no log goes on from the snapshot before it': [
    { ...diskOf([6n], [8n]), 'snapshot.3': snapshotAt(3n) },
    7n,
    /no log goes on from snapshot.3/,
  ],
  'no snapshot at all, and the logs begin later': [
    diskOf([4n], []),
    5n,
    /no snapshot at or before 0x5 is whole/,
  ],
  'the log is damaged before it': [
    { 'snapshot.0': snapshotAt(0n), 'log.1': changed(logFile(range(1n, 9n), padding), 60) },
    5n,
    /log.1 at byte 16: an entry with a wrong checksum/,
  ],
};

for (const [name, [disk, zxid, reason]] of Object.entries(impossible)) {
  test(`refused, with nothing changed: ${name}`, () => {
    const world = worldOf(disk);
    const result = cutTo(world, zxid);
    assert.ok(result.kind === 'impossible');
    assert.match(result.reason, reason);
    assert.equal(world.files.calls, 0);
    assert.deepEqual(contentsOf(world), disk);
  });
}

test('rows 10 and 23 (ZOOKEEPER-5094, 1489): power loss at every call leaves a history the server had', () => {
  for (const [logs, snapshots] of layouts) {
    for (const zxid of [3n, 5n, 8n]) {
      for (let at = 1; ; at++) {
        const world = worldOf(diskOf(logs, snapshots));
        world.files.fault = ({ index }) => (index === at ? 'crash' : undefined);
        try {
          cutTo(world, zxid);
          assert.ok(world.files.calls < at);
          break;
        } catch (error) {
          if (!(error instanceof DiskCrash)) throw error;
        }
        for (let seed = 0; seed < 4; seed++) {
          const next = makeWorld(world.files.afterPowerLoss(new Prng(at * 100 + seed)));
          const { database, lastZxid } = recoverAll(next);
          const where = `logs ${logs}, snapshots ${snapshots}, cut to ${zxid}, call ${at}`;
          assert.ok(lastZxid >= zxid && lastZxid <= 9n, where);
          assert.equal(stateOf(database), states[Number(lastZxid)], where);
          // And it can be cut again.
          assert.deepEqual(cutTo(next, zxid), { kind: 'truncated' }, where);
          assert.equal(recoverAll(next).lastZxid, zxid, where);
        }
      }
    }
  }
});

for (const fault of ['EIO', 'ENOSPC'] as const) {
  test(`row 28 (ZOOKEEPER-3701): ${fault} at any call is an error, never a cut that was not made`, () => {
    for (let at = 1; ; at++) {
      const world = worldOf(diskOf([1n, 4n, 7n], [0n, 5n, 8n]));
      world.files.fault = ({ index }) => (index === at ? fault : undefined);
      try {
        cutTo(world, 5n);
        assert.ok(world.files.calls < at, `call ${at} failed unnoticed`);
        return;
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        assert.equal(error.code, fault);
      }
    }
  });
}
