// What recovery accepts, refuses by name, and does when told to go on. Directories are made by hand, as Java's or ours
// may look; each case says which zxid is reached, or which file is named and why.
// Each refusal is then accepted, and the directory must be whole afterwards.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../src/core/tree/apply.ts';
import type { Zxid } from '../../src/proto/zxid.ts';
import { CorruptionError } from '../../src/storage/corruption-error.ts';
import { encodeLogHeader } from '../../src/storage/log-segment.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import {
  changed,
  damage,
  epoch1,
  healthy,
  padding,
  r1to3,
  s0,
  snapshotOf,
  torn,
  worldOf,
} from './support/cases.ts';
import { checkRecovered } from './support/scenario.ts';
import type { World } from './support/world.ts';
import {
  bareDatabase,
  batchOf,
  createTxn,
  directory,
  entry,
  logFile,
  makeWorld,
  openLog,
  range,
  recoverAll,
  sessionTxn,
  stateOf,
} from './support/world.ts';

for (const [name, [disk, zxids]] of Object.entries(healthy)) {
  test(`accepted: ${name}`, () => {
    const world = worldOf(disk);
    const { database, lastZxid } = recoverAll(world);
    const wanted = bareDatabase().ensureSystemNodes();
    for (const zxid of zxids) {
      const txn = createTxn(zxid);
      applyTxn(wanted, txn, 0, txn.length);
    }
    assert.equal(stateOf(database), stateOf(wanted));
    assert.equal(lastZxid, zxids.at(-1));
    // The log goes on, and what recovery left is found good again.
    const log = openLog(world, { lastZxid });
    const next = lastZxid + 1n;
    log.append(batchOf(next), (error) => assert.equal(error, undefined));
    world.clock.run();
    const again = recoverAll(makeWorld(world.files));
    assert.equal(again.lastZxid, next);
  });
}

function refusal(world: World, settings: Parameters<typeof recoverAll>[1] = {}): CorruptionError {
  try {
    recoverAll(world, settings);
  } catch (error) {
    if (error instanceof CorruptionError) return error;
    throw error;
  }
  return assert.fail('not refused');
}

for (const [name, [disk, file, offset, reason]] of Object.entries(damage)) {
  test(`refused: ${name}`, () => {
    const world = worldOf(disk);
    const before = world.files.list(directory);
    const error = refusal(world);
    assert.equal(error.file, `${directory}/${file}`);
    if (offset > 0) assert.equal(error.offset, offset);
    assert.match(error.reason, reason);
    assert.match(error.message, new RegExp(`${file} at byte \\d+: .*--accept-data-loss 0x`));
    assert.deepEqual(world.files.list(directory), before, 'nothing was touched');
    for (const name of before) {
      assert.deepEqual(world.files.contents(`${directory}/${name}`), disk[name]);
    }

    // Another zxid than the one named is no consent.
    const { lastGoodZxid } = error;
    assert.ok(lastGoodZxid !== undefined);
    refusal(worldOf(disk), { acceptDataLoss: lastGoodZxid + 1n });

    const accepted = recoverAll(world, { acceptDataLoss: lastGoodZxid });
    assert.equal(accepted.lastZxid, lastGoodZxid);
    assert.equal(accepted.database.lastProcessedZxid, lastGoodZxid);
    const setAside = world.files.list(directory).filter((other) => other.startsWith('set-aside'));
    for (const other of setAside) {
      const original = other.replace('set-aside-', '');
      assert.deepEqual(world.files.contents(`${directory}/${other}`), disk[original]);
    }
    // From here on the directory is whole, without the option.
    const log = openLog(world, { lastZxid: lastGoodZxid });
    log.append(batchOf(lastGoodZxid + 1n), (failure) => assert.equal(failure, undefined));
    world.clock.run();
    const again = recoverAll(makeWorld(world.files));
    assert.equal(again.lastZxid, lastGoodZxid + 1n);
    assert.ok(!world.log.lines.some((line) => line.includes('undefined')));
  });
}

test('an unreadable file is damage with its name', () => {
  const world = worldOf({ 'snapshot.0': s0, 'log.1': logFile(r1to3, padding) });
  const open = world.files.open.bind(world.files);
  world.files.open = (path, mode) => {
    const file = open(path, mode);
    if (!path.endsWith('log.1')) return file;
    return {
      ...file,
      read: (into, position) => {
        if (position > 0 || into.length > 100) throw failure;
        return file.read(into, position);
      },
    };
  };
  const failure = (() => {
    try {
      return open('/none', 'read') as never;
    } catch (error) {
      return error;
    }
  })();
  assert.throws(() => recoverAll(world), /log\.1.*(cannot be read|ENOENT)/);
});

test('a log that was never written is removed, so that no later snapshot takes it for its own', () => {
  const world = worldOf({
    'snapshot.0': s0,
    'log.1': logFile(r1to3, padding),
    'log.9': logFile([], padding),
  });
  recoverAll(world);
  assert.deepEqual(world.files.list(directory), ['log.1', 'snapshot.0']);
});

test('a first entry torn is set aside before its name is used again', () => {
  const world = worldOf({
    'snapshot.0': s0,
    'log.1': logFile(r1to3, padding),
    'log.4': torn([], 4n, 70),
  });
  recoverAll(world);
  assert.deepEqual(world.files.list(directory), ['log.1', 'set-aside-log.4', 'snapshot.0']);
});

test('a torn tail stays as it is', () => {
  const bytes = torn(r1to3, 4n, 50);
  const world = worldOf({ 'snapshot.0': s0, 'log.1': bytes });
  recoverAll(world);
  assert.deepEqual(world.files.contents(`${directory}/log.1`), bytes);
});

test('each candidate snapshot is loaded into a fresh database', () => {
  const broken = snapshotOf(...range(1n, 6n));
  const world = worldOf({
    'snapshot.0': s0,
    'snapshot.6': changed(broken, broken.length - 40),
    'log.1': logFile([1n], padding),
    'log.2': logFile(range(2n, 6n), padding),
  });
  const { database, rejected, snapshot } = recoverAll(world);
  assert.equal(rejected.length, 1);
  assert.equal(snapshot?.zxid, 0n);
  checkRecoveredPlain(stateOf(database), range(1n, 6n));
});

function checkRecoveredPlain(state: string, zxids: Zxid[]): void {
  const wanted = bareDatabase().ensureSystemNodes();
  for (const zxid of zxids) {
    const txn = createTxn(zxid);
    applyTxn(wanted, txn, 0, txn.length);
  }
  assert.equal(state, stateOf(wanted));
}

test('an empty directory becomes a new server: snapshot.0 before the first log', () => {
  const world = makeWorld();
  const { database, lastZxid, snapshot } = recoverAll(world);
  assert.equal(lastZxid, 0n);
  assert.equal(snapshot, undefined);
  assert.deepEqual(world.files.list(directory), ['snapshot.0']);
  const life = {
    acked: 0n,
    written: 0n,
    outcome: 'ended',
    error: undefined,
    snapshots: 0,
  } as const;
  checkRecovered(life, database, lastZxid);
});

test('db.autocreate=false: an empty directory is not trusted, unless `initialize` lies beside the log', () => {
  const untrusted = makeWorld();
  const first = recoverAll(untrusted, { dbAutocreate: false });
  assert.equal(first.lastZxid, -1n);
  assert.equal(first.database.lastProcessedZxid, -1n);
  assert.deepEqual(untrusted.files.list(directory), []);

  const told = makeWorld();
  told.files.put('/data/initialize', new Uint8Array());
  assert.equal(recoverAll(told, { dbAutocreate: false }).lastZxid, 0n);
  assert.deepEqual(told.files.list('/data'), ['version-2']);
  assert.deepEqual(told.files.list(directory), ['snapshot.0']);

  const full = worldOf({ 'snapshot.0': s0 });
  full.files.put('/data/initialize', new Uint8Array());
  recoverAll(full);
  assert.deepEqual(full.files.list('/data'), ['version-2']);
});

test('snapshot.trust.empty: logs without a snapshot are taken, if they begin at the beginning', () => {
  const settings = { trustEmptySnapshot: true };
  const world = worldOf({ 'log.1': logFile(r1to3, padding) });
  assert.equal(recoverAll(world, settings).lastZxid, 3n);
  const upgraded = worldOf({ 'log.100000001': logFile([epoch1 + 1n], padding) });
  assert.equal(recoverAll(upgraded, settings).lastZxid, epoch1 + 1n);
  refusal(worldOf({ 'log.5': logFile([5n], padding) }), settings);
});

test('an empty log and no snapshot is a new server', () => {
  const world = worldOf({ 'log.1': logFile([], padding) });
  assert.equal(recoverAll(world).lastZxid, 0n);
  assert.deepEqual(world.files.list(directory), ['snapshot.0']);
});

test('what an unfinished write of ours left is removed', () => {
  const world = worldOf({
    'snapshot.0': s0,
    'tmp-snapshot-5': new Uint8Array(100),
    'tmp-next-log': logFile([], padding),
    'something-else': new Uint8Array(1),
  });
  recoverAll(world);
  assert.deepEqual(world.files.list(directory), ['snapshot.0', 'something-else']);
});

test('every session the files name is told of', () => {
  const log = concatBytes([
    encodeLogHeader(),
    entry(sessionTxn(1n, 0x100000000000001n)),
    entry(sessionTxn(2n, 0x100000000000002n)),
  ]);
  const world = worldOf({ 'snapshot.0': s0, 'log.1': log });
  const seen: bigint[] = [];
  const { database } = recoverAll(world, { sessionSeen: (id) => seen.push(id) });
  assert.deepEqual(seen, [0x100000000000001n, 0x100000000000002n]);
  assert.equal(database.sessions.size, 2);
});

test('progress is told in bytes', () => {
  const world = worldOf({ 'snapshot.0': s0, 'log.1': logFile(range(1n, 3000n)) });
  let steps = 0;
  const recovered = recoverAll(world, {
    onStep: () => {
      steps++;
    },
  });
  assert.equal(recovered.txns, 3000);
  assert.ok(steps >= 6);
});
