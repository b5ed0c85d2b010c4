// Snapshot files: written in slices while the state changes, to a name that appears only when the file is whole; read
// back in the forms of 3.4 to 3.10; cut, torn and blown-up ones refused within bounds.
// A refusal names the byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../src/core/tree/apply.ts';
import type { Database } from '../../src/core/tree/database.ts';
import { SnapshotSink, SnapshotSource } from '../../src/core/tree/snapshot-body.ts';
import { Writer } from '../../src/jute/writer.ts';
import { CorruptionError } from '../../src/storage/corruption-error.ts';
import type { Compression } from '../../src/storage/file-names.ts';
import { snapshotName } from '../../src/storage/file-names.ts';
import { readSnapshot, verifySnapshot } from '../../src/storage/snapshot-reader.ts';
import type { SnapshotResult } from '../../src/storage/snapshot-writer.ts';
import { SnapshotWriter } from '../../src/storage/snapshot-writer.ts';
import { concatBytes, copyBytes } from '../../src/util/bytes.ts';
import { adler32 } from '../../src/util/checksums.ts';
import type { World } from './support/world.ts';
import {
  awaited,
  bareDatabase,
  codec,
  createTxn,
  directory,
  lengthMax,
  makeWorld,
  range,
  recoverAll,
  stateOf,
} from './support/world.ts';

const compressions: readonly Compression[] = ['none', 'gz', 'snappy'];

function databaseOf(count: bigint, dataLength = 40): Database {
  const database = bareDatabase().ensureSystemNodes();
  for (const zxid of range(1n, count)) applyTo(database, zxid, dataLength);
  return database;
}

function applyTo(database: Database, zxid: bigint, dataLength = 40): void {
  const data = new Uint8Array(dataLength).map((_, i) => (i * Number(zxid)) & 0xff);
  const txn = createTxn(zxid, data);
  applyTxn(database, txn, 0, txn.length);
}

function write(
  world: World,
  database: Database,
  compression: Compression = 'none',
  digestEnabled = true,
): SnapshotResult {
  return awaited<SnapshotResult>(world, (done) => {
    const form = { compression, digestEnabled };
    new SnapshotWriter({ ...world, codec }, directory, new SnapshotSource(database), form, done);
  });
}

function load(world: World, name: string): { database: Database; digest: unknown } {
  const compression = name.endsWith('gz') ? 'gz' : name.endsWith('snappy') ? 'snappy' : 'none';
  const database = bareDatabase();
  const path = `${directory}/${name}`;
  const location = { files: world.files, codec, path, compression } as const;
  const steps = readSnapshot(location, new SnapshotSink(database, lengthMax));
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return { database, digest: step.value };
  }
}

function verify(world: World, name: string, compression: Compression = 'none'): void {
  const path = `${directory}/${name}`;
  for (const _ of verifySnapshot({ files: world.files, codec, path, compression })) {
    // To its end.
  }
}

/** A state's plain snapshot file. */
function bytesOf(database: Database, digestEnabled = true): Uint8Array {
  const world = makeWorld();
  write(world, database, 'none', digestEnabled);
  const name = snapshotName(database.lastProcessedZxid, 'none');
  return world.files.contents(`${directory}/${name}`) ?? new Uint8Array();
}

function put(bytes: Uint8Array, name = 'snapshot.5'): World {
  const world = makeWorld();
  world.files.put(`${directory}/${name}`, bytes);
  return world;
}

/** What a writer appended behind `before`, with a seal over everything. */
function sealed(before: Uint8Array, section: Uint8Array): Uint8Array {
  const all = concatBytes([before, section]);
  const writer = new Writer();
  writer.raw(all);
  writer.long(BigInt(adler32(1, all, 0, all.length)));
  writer.ustring('/');
  return writer.copy();
}

function section(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.copy();
}

for (const compression of compressions) {
  test(`written ${compression} while the state changes: exactly the state at its zxid`, () => {
    const world = makeWorld();
    const database = databaseOf(3000n, 300);
    const then = stateOf(database);
    let next = 3001n;
    const form = { compression, digestEnabled: true };
    const results: SnapshotResult[] = [];
    new SnapshotWriter(
      { ...world, codec },
      directory,
      new SnapshotSource(database),
      form,
      (result) => results.push(result),
    );
    const names = new Set<string>();
    let turns = 0;
    world.clock.run(() => {
      for (const name of world.files.list(directory)) names.add(name);
      applyTo(database, next++, 100);
      turns++;
      return results.length > 0;
    });
    assert.equal(results[0]?.kind, 'written');
    assert.ok(turns > 4, `${turns} turns`);
    const name = snapshotName(3000n, compression);
    assert.deepEqual([...names], ['tmp-snapshot-bb8', name]);
    assert.deepEqual(world.files.list(directory), [name]);
    verify(world, name, compression);
    const { database: loaded } = load(world, name);
    loaded.lastProcessedZxid = 3000n;
    assert.equal(stateOf(loaded), then);
  });
}

test('digests switched off: no digest section, as Java writes it', () => {
  const database = databaseOf(5n);
  const bytes = bytesOf(database, false);
  assert.equal(bytes.length, bytesOf(database).length - 33);
  const { digest } = load(put(bytes), 'snapshot.5');
  assert.equal(digest, undefined);
});

test('the forms of 3.4 to 3.10', () => {
  const database = databaseOf(5n);
  const bare = bytesOf(database, false);
  const digest = section((writer) => {
    writer.long(5n);
    writer.int(2);
    writer.long(-77n);
  });
  const hexDigest = section((writer) => {
    writer.long(5n);
    writer.int(1);
    writer.ustring('ffffffffffffffb3');
  });
  const noDigest = section((writer) => {
    writer.long(0n);
    writer.int(2);
    writer.long(0n);
  });
  const lastZxid = section((writer) => writer.long(5n));
  const value = -77n;
  const forms: readonly (readonly [string, Uint8Array, unknown])[] = [
    ['3.4, 3.5', bare, undefined],
    ['3.6 to 3.8', sealed(bare, digest), { zxid: 5n, version: 2, value }],
    ['3.6 before any transaction', sealed(bare, noDigest), undefined],
    ['a digest of version 1', sealed(bare, hexDigest), { zxid: 5n, version: 1, value }],
    ['3.9, 3.10', sealed(sealed(bare, digest), lastZxid), { zxid: 5n, version: 2, value }],
    ['3.9 without digests', sealed(bare, lastZxid), undefined],
  ];
  for (const [name, bytes, expected] of forms) {
    const world = put(bytes);
    const { database: loaded, digest: found } = load(world, 'snapshot.5');
    loaded.lastProcessedZxid = 5n;
    assert.deepEqual(found, expected, name);
    assert.equal(stateOf(loaded), stateOf(database), name);
    verify(world, 'snapshot.5');
  }
});

test('a file cut at any byte is refused, but where an older version would have ended it', () => {
  const whole = bytesOf(databaseOf(3n));
  const ends = new Set([whole.length, whole.length - 33]);
  for (let length = 0; length <= whole.length; length++) {
    const world = put(copyBytes(whole, 0, length));
    if (ends.has(length)) {
      load(world, 'snapshot.5');
      verify(world, 'snapshot.5');
      continue;
    }
    assert.throws(() => load(world, 'snapshot.5'), CorruptionError, `${length}`);
    assert.throws(() => verify(world, 'snapshot.5'), CorruptionError, `${length}`);
  }
});

test('bytes behind the last seal are refused', () => {
  const whole = bytesOf(databaseOf(3n));
  for (const extra of [1, 13, 21, 300, 100_000]) {
    const world = put(concatBytes([whole, new Uint8Array(extra)]));
    assert.throws(() => load(world, 'snapshot.5'), CorruptionError);
    assert.throws(() => verify(world, 'snapshot.5'), CorruptionError);
  }
});

test('compressed files that are cut or are something else', () => {
  for (const compression of ['gz', 'snappy'] as const) {
    const world = makeWorld();
    const database = databaseOf(2000n, 200);
    write(world, database, compression);
    const name = snapshotName(2000n, compression);
    const whole = world.files.contents(`${directory}/${name}`) ?? new Uint8Array();
    assert.ok(whole.length > 2000);
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 150)) {
      const torn = put(copyBytes(whole, 0, length), name);
      assert.throws(() => load(torn, name), CorruptionError, `${length}`);
      assert.throws(() => verify(torn, name, compression), CorruptionError, `${length}`);
    }
    const plain = put(bytesOf(database), name);
    assert.throws(() => load(plain, name), CorruptionError);
  }
});

test('snappy: streams back to back, and blocks that claim too much', () => {
  const bytes = bytesOf(databaseOf(5n));
  const header = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1);
  const block = (from: number, to: number): Uint8Array =>
    section((writer) => writer.buffer(codec.snappy(bytes.subarray(from, to))));
  const two = concatBytes([header, block(0, 100), header, block(100, bytes.length)]);
  load(put(two, 'snapshot.5.snappy'), 'snapshot.5.snappy');
  for (const length of [-1, 5 << 20, 0x7fffffff]) {
    const bad = concatBytes([header, section((writer) => writer.int(length))]);
    assert.throws(
      () => load(put(bad, 'snapshot.5.snappy'), 'snapshot.5.snappy'),
      /a snappy block of/,
    );
  }
});

test('a small file that unpacks to gigabytes is read in bounded pieces and refused', () => {
  const zeros = codec.gzip(new Uint8Array(8 << 20));
  const bomb = concatBytes(Array.from({ length: 40 }, () => zeros));
  const world = put(bomb, 'snapshot.5.gz');
  assert.throws(() => load(world, 'snapshot.5.gz'), CorruptionError);
  assert.throws(() => verify(world, 'snapshot.5.gz', 'gz'), CorruptionError);
});

test('no room: the temporary file goes, the server is told that it can go on', () => {
  const world = makeWorld();
  world.files.capacity = 10_000;
  const result = write(world, databaseOf(500n));
  assert.equal(result.kind, 'no room');
  assert.deepEqual(world.files.list(directory), []);
  world.files.capacity = 1_000_000;
  assert.equal(write(world, databaseOf(500n)).kind, 'written');
});

test('a failure at any call is told once, and leaves no final name on half a file', () => {
  const database = databaseOf(400n, 1000);
  const clean = makeWorld();
  write(clean, database);
  for (let at = 1; at <= clean.files.calls; at++) {
    const world = makeWorld();
    world.files.fault = ({ index }) => (index === at ? 'EIO' : undefined);
    const result = write(world, database);
    assert.equal(result.kind, 'failed', `call ${at}`);
    for (const name of world.files.list(directory)) {
      if (name.startsWith('snapshot.')) load(world, name);
    }
  }
});

test('cancel: nothing is left, and the state is free for the next', () => {
  const world = makeWorld();
  const database = databaseOf(3000n, 300);
  const results: SnapshotResult[] = [];
  const form = { compression: 'none', digestEnabled: true } as const;
  const image = new SnapshotSource(database);
  const ports = { ...world, codec };
  const writer = new SnapshotWriter(ports, directory, image, form, (result) =>
    results.push(result),
  );
  world.clock.step();
  world.clock.step();
  writer.cancel();
  world.clock.run();
  assert.deepEqual(results, [{ kind: 'cancelled' }]);
  assert.deepEqual(world.files.list(directory), []);
  assert.equal(write(world, database).kind, 'written');
});

test('a tree 10,000 levels deep is written and loaded', () => {
  const database = bareDatabase().ensureSystemNodes();
  const tree = database.tree;
  let path = '';
  for (let depth = 0; depth < 10_000; depth++) {
    const parent = tree.findPath(path);
    path += '/d';
    const bytes = new TextEncoder().encode(path);
    const slot = tree.create(parent, bytes, bytes.length - 1, bytes.length, 0, 0, -1);
    tree.createStat(slot, 0, 1, 0, 0, 0n);
    tree.childRestored(parent);
  }
  database.lastProcessedZxid = 1n;
  const world = makeWorld();
  assert.equal(write(world, database).kind, 'written');
  const loaded = recoverAll(world).database;
  assert.equal(loaded.tree.nodeCount, tree.nodeCount);
  assert.ok(loaded.tree.findPath(path) >= 0);
});
