// What recovery accepts, refuses by name, and does when told to go on. Directories are made by hand, as Java's or ours
// may look; each case says which zxid is reached, or which file is named and why.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../src/core/tree/apply.ts';
import { SnapshotSource } from '../../src/core/tree/snapshot-body.ts';
import type { Zxid } from '../../src/proto/zxid.ts';
import { CorruptionError } from '../../src/storage/corruption-error.ts';
import { encodeLogHeader } from '../../src/storage/log-segment.ts';
import { writeSnapshotNow } from '../../src/storage/write-snapshot-now.ts';
import { concatBytes, copyBytes } from '../../src/util/bytes.ts';
import { checkRecovered } from './support/scenario.ts';
import type { World } from './support/world.ts';
import {
  bareDatabase,
  batchOf,
  codec,
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

const padding = 4096;
const epoch1 = 0x100000000n;

type Disk = Record<string, Uint8Array>;

function snapshotOf(...zxids: Zxid[]): Uint8Array {
  const database = bareDatabase().ensureSystemNodes();
  for (const zxid of zxids) {
    const txn = createTxn(zxid);
    applyTxn(database, txn, 0, txn.length);
  }
  const world = makeWorld();
  const form = { compression: 'none', digestEnabled: true } as const;
  const steps = writeSnapshotNow(world.files, codec, directory, new SnapshotSource(database), form);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return world.files.contents(step.value) ?? new Uint8Array();
  }
}

function worldOf(disk: Disk): World {
  const world = makeWorld();
  for (const [name, bytes] of Object.entries(disk)) world.files.put(`${directory}/${name}`, bytes);
  world.files.calls = 0;
  return world;
}

const cut = (bytes: Uint8Array, length: number): Uint8Array => copyBytes(bytes, 0, length);

function changed(bytes: Uint8Array, at: number, mask = 0x01): Uint8Array {
  const copy = copyBytes(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

/** These entries, and of one more only its first `kept` bytes; then zeros. */
function torn(zxids: readonly Zxid[], next: Zxid, kept: number): Uint8Array {
  const whole = logFile(zxids);
  const bytes = new Uint8Array(padding);
  bytes.set(whole);
  bytes.set(cut(entry(createTxn(next)), kept), whole.length);
  return bytes;
}

const end = (zxids: readonly Zxid[]): number => logFile(zxids).length;
const s0 = snapshotOf();
const [r1to3, r4to6] = [range(1n, 3n), range(4n, 6n)];

const healthy: Record<string, readonly [Disk, Zxid[]]> = {
  'a clean log': [{ 'snapshot.0': s0, 'log.1': logFile(r1to3, padding) }, r1to3],
  'a log without padding': [{ 'snapshot.0': s0, 'log.1': logFile(r1to3) }, r1to3],
  'two logs': [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': logFile(r4to6, padding) },
    range(1n, 6n),
  ],
  'a torn tail': [{ 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 50) }, r1to3],
  'a tail torn in its checksum': [{ 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 6) }, r1to3],
  'a last entry without its end mark': [
    { 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 90) },
    range(1n, 4n),
  ],
  'a last entry without its end mark that the next file replaces': [
    { 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 90), 'log.4': logFile(r4to6, padding) },
    range(1n, 6n),
  ],
  'a file that ends in an entry': [
    { 'snapshot.0': s0, 'log.1': cut(logFile(r1to3), 250) },
    [1n, 2n],
  ],
  'a torn tail and the next file at last good + 1': [
    { 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 50), 'log.4': logFile(r4to6, padding) },
    range(1n, 6n),
  ],
  'a torn tail and the next file at a new epoch': [
    {
      'snapshot.0': s0,
      'log.1': torn(r1to3, 4n, 50),
      'log.100000001': logFile([epoch1 + 1n, epoch1 + 2n], padding),
    },
    [...r1to3, epoch1 + 1n, epoch1 + 2n],
  ],
  'an epoch that begins inside a file': [
    { 'snapshot.0': s0, 'log.1': logFile([...r1to3, epoch1 + 1n], padding) },
    [...r1to3, epoch1 + 1n],
  ],
  'equal zxids in a row': [
    { 'snapshot.0': s0, 'log.1': logFile([1n, 2n, 2n, 2n, 3n], padding) },
    [1n, 2n, 2n, 2n, 3n],
  ],
  'entries at or below the snapshot': [
    { 'snapshot.3': snapshotOf(...r1to3), 'log.1': logFile(range(1n, 6n), padding) },
    range(1n, 6n),
  ],
  'old entries in any order below the snapshot': [
    { 'snapshot.3': snapshotOf(...r1to3), 'log.1': logFile([1n, 1n, 3n, ...r4to6], padding) },
    range(1n, 6n),
  ],
  'damage in a file whose successor the snapshot covers': [
    {
      'snapshot.3': snapshotOf(...r1to3),
      'log.1': changed(logFile(r1to3, padding), 60),
      'log.4': logFile(r4to6, padding),
    },
    range(1n, 6n),
  ],
  'a missing log below the snapshot': [
    { 'snapshot.3': snapshotOf(...r1to3), 'log.4': logFile(r4to6, padding) },
    range(1n, 6n),
  ],
  'a snapshot and no log': [{ 'snapshot.3': snapshotOf(...r1to3) }, r1to3],
  'a damaged snapshot that the logs have outrun': [
    {
      'snapshot.0': s0,
      'snapshot.2': changed(snapshotOf(1n, 2n), 100),
      'log.1': logFile(r1to3, padding),
    },
    r1to3,
  ],
  'a snapshot of no bytes': [
    { 'snapshot.0': s0, 'snapshot.3': new Uint8Array(), 'log.1': logFile(r1to3, padding) },
    r1to3,
  ],
  'only damaged snapshots, and all logs from the first': [
    { 'snapshot.0': changed(s0, 60), 'log.1': logFile(r1to3, padding) },
    r1to3,
  ],
  'a log that was created and never written': [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': logFile([], padding) },
    r1to3,
  ],
  'an empty log in the middle': [
    {
      'snapshot.0': s0,
      'log.1': logFile(r1to3, padding),
      'log.2': logFile([], padding),
      'log.4': logFile(r4to6, padding),
    },
    range(1n, 6n),
  ],
  'a log whose header never arrived': [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': new Uint8Array(padding) },
    r1to3,
  ],
  'a first entry torn': [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': torn([], 4n, 70) },
    r1to3,
  ],
  'a stray byte in the padding': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), 2000) },
    r1to3,
  ],
  'names that only look like ours': [
    {
      'snapshot.0': s0,
      'log.1': logFile(r1to3, padding),
      'log.4.corrupt-1': logFile([77n]),
      'snapshot.9.tmp': new Uint8Array(20),
      'log.04': logFile([4n]),
      'log.+4': logFile([4n]),
    },
    r1to3,
  ],
};
for (let length = 0; length < 16; length++) {
  const last = cut(logFile([4n]), length);
  healthy[`a last log of ${length} bytes`] = [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': last },
    r1to3,
  ];
}

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

const damage: Record<string, readonly [Disk, file: string, offset: number, reason: RegExp]> = {
  'a hole inside a file': [
    { 'snapshot.0': s0, 'log.1': logFile([1n, 2n, 4n], padding) },
    'log.1',
    end([1n, 2n]),
    /missing between 0x2 and 0x4/,
  ],
  'a missing log in the middle': [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.7': logFile([7n], padding) },
    'log.7',
    16,
    /missing between 0x3 and 0x7/,
  ],
  'logs that begin too late': [
    { 'snapshot.0': s0, 'log.5': logFile([5n], padding) },
    'log.5',
    16,
    /missing between 0x0 and 0x5/,
  ],
  'an epoch whose beginning is missing': [
    { 'snapshot.0': s0, 'log.1': logFile([1n, epoch1 + 2n], padding) },
    'log.1',
    end([1n]),
    /missing/,
  ],
  'zxids that go back': [
    { 'snapshot.0': s0, 'log.1': logFile([1n, 2n, 3n, 2n], padding) },
    'log.1',
    end(r1to3),
    /0x2 stands behind 0x3/,
  ],
  'a wrong byte in an entry': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n]) + 60) },
    'log.1',
    end([1n]),
    /wrong checksum/,
  ],
  'a wrong byte in the last entry': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n, 2n]) + 60) },
    'log.1',
    end([1n, 2n]),
    /wrong checksum/,
  ],
  'a wrong length': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n, 2n]) + 11) },
    'log.1',
    end([1n, 2n]),
    /fit 78 bytes/,
  ],
  'a length of zero': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n, 2n]) + 11, 78) },
    'log.1',
    end([1n, 2n]),
    /an entry of 0 bytes: its checksum and end mark fit 78 bytes/,
  ],
  'a length beyond all bounds': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n, 2n]) + 8, 0x7f) },
    'log.1',
    end([1n, 2n]),
    /an entry of \d{9,} bytes/,
  ],
  'a wrong end mark': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end(r1to3) - 1, 0x01) },
    'log.1',
    end([1n, 2n]),
    /without its end mark/,
  ],
  'a damaged last entry and then a new epoch': [
    {
      'snapshot.0': s0,
      'log.1': changed(logFile(r1to3, padding), end(r1to3) - 10),
      'log.100000001': logFile([epoch1 + 1n], padding),
    },
    'log.1',
    end([1n, 2n]),
    /wrong checksum/,
  ],
  'a last entry without its end mark and then a new epoch': [
    {
      'snapshot.0': s0,
      'log.1': torn(r1to3, 4n, 90),
      'log.100000001': logFile([epoch1 + 1n], padding),
    },
    'log.1',
    end(r1to3),
    /without its end mark/,
  ],
  'a damaged middle entry, hidden by nothing': [
    {
      'snapshot.0': s0,
      'log.1': changed(logFile(r1to3, padding), end([1n]) + 60),
      'log.4': logFile(r4to6, padding),
    },
    'log.1',
    end([1n]),
    /wrong checksum/,
  ],
  'zeros where an entry begins, and whole entries behind': [
    {
      'snapshot.0': s0,
      'log.1': (() => {
        const bytes = logFile(range(1n, 9n), padding);
        bytes.fill(0, end([1n]), end([1n, 2n]));
        return bytes;
      })(),
    },
    'log.1',
    end([1n]),
    /zeros begin, with a whole entry behind it/,
  ],
  'a wrong magic': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), 0) },
    'log.1',
    0,
    /not the header of a log/,
  ],
  'a wrong version': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), 7) },
    'log.1',
    0,
    /version 3/,
  ],
  'a wrong dbid': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), 15) },
    'log.1',
    0,
    /dbid 1/,
  ],
  'a file under another name': [
    { 'snapshot.0': s0, 'log.2': logFile(r1to3, padding) },
    'log.2',
    16,
    /begins with 0x1/,
  ],
  'a transaction no server can apply': [
    {
      'snapshot.0': s0,
      'log.1': (() => {
        const txn = createTxn(1n);
        new DataView(txn.buffer).setInt32(28, 99);
        return concatBytes([encodeLogHeader(), entry(txn)]);
      })(),
    },
    'log.1',
    16,
    /transaction 0x1: /,
  ],
  'a damaged newest snapshot that the logs do not reach': [
    {
      'snapshot.0': s0,
      'snapshot.6': changed(snapshotOf(...range(1n, 6n)), 100),
      'log.1': logFile(r1to3, padding),
    },
    'snapshot.6',
    0,
    /./,
  ],
  'only damaged snapshots and not all logs': [
    { 'snapshot.3': changed(snapshotOf(...r1to3), 100), 'log.4': logFile(r4to6, padding) },
    'snapshot.3',
    0,
    /./,
  ],
  'logs and no snapshot': [
    { 'log.1': logFile(r1to3, padding) },
    'log.1',
    0,
    /No snapshot found, but there are log entries\. Something is broken!/,
  ],
};

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
