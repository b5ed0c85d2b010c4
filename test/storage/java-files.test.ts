// Directories written by Java 3.8.0: every snapshot with the logs behind it leads to the state the live server showed,
// node by node, and its digests agree. Our snapshot of that state holds what Java's holds.
// The fixtures' README says what that server had been through.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database } from '../../src/core/tree/database.ts';
import { SnapshotSource } from '../../src/core/tree/snapshot-body.ts';
import { Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';
import { Stat } from '../../src/proto/data.ts';
import { writeSnapshotNow } from '../../src/storage/write-snapshot-now.ts';
import { hexOf } from '../../src/util/bytes.ts';
import {
  codec,
  directory,
  fixture,
  fixtureNames,
  javaWorld,
  makeWorld,
  recoverAll,
  stateOf,
} from './support/world.ts';

interface Expected {
  readonly zxid: string;
  readonly sessions: readonly string[];
  readonly nodes: readonly {
    readonly path: string;
    readonly data: string;
    readonly stat: readonly (string | number)[];
    readonly acl: readonly (readonly [number, string, string])[];
  }[];
}

const expected = JSON.parse(new TextDecoder().decode(fixture('java-3.8.0.json'))) as Expected;

function compareWithJava(database: Database): void {
  const { tree } = database;
  assert.equal(`0x${database.lastProcessedZxid.toString(16)}`, expected.zxid);
  assert.deepEqual([...database.sessions.keys()].map(String).sort(), [...expected.sessions].sort());
  assert.equal(tree.nodeCount, expected.nodes.length);
  for (const { path, data, stat, acl } of expected.nodes) {
    const slot = tree.findPath(path === '/' ? '' : path);
    assert.ok(slot >= 0, path);
    const bytes = tree.dataOf(slot);
    assert.equal(Buffer.from(bytes ?? new Uint8Array()).toString('base64'), data, path);
    const writer = new Writer();
    tree.writeStat(slot, writer);
    const found = Object.values(Stat.read(new Reader(writer.written())));
    assert.deepEqual(found.map(String), stat.map(String), path);
    const lists = tree.acl(slot).map(({ perms, id }) => [perms, id.scheme, id.id]);
    assert.deepEqual(lists, acl, path);
  }
}

const snapshots = fixtureNames('java-3.8.0').filter((name) => name.startsWith('snapshot.'));

for (const name of snapshots) {
  test(`${name} and the logs behind it give the state of the live server`, () => {
    const world = javaWorld((other) => other === name || other.startsWith('log.'));
    const seen = new Set<bigint>();
    const recovered = recoverAll(world, { sessionSeen: (id) => seen.add(id) });
    compareWithJava(recovered.database);
    assert.equal(recovered.database.digestMismatches, 0);
    assert.equal(recovered.snapshot?.path, `${directory}/${name}`);
    assert.deepEqual(recovered.rejected, []);
    for (const id of expected.sessions) assert.ok(seen.has(BigInt(id)));
    if (name === 'snapshot.0') {
      assert.equal(recovered.txns, 0x119);
      // Those that were closed, too.
      assert.equal(seen.size, 4);
    }
  });
}

for (const compression of ['none', 'gz', 'snappy'] as const) {
  test(`our snapshot, ${compression}, is read back to the same state`, () => {
    const java = javaWorld();
    const { database } = recoverAll(java);
    const world = makeWorld();
    const form = { compression, digestEnabled: true };
    const steps = writeSnapshotNow(
      world.files,
      codec,
      directory,
      new SnapshotSource(database),
      form,
    );
    for (const _ of steps) {
      // To its end.
    }
    const recovered = recoverAll(world);
    compareWithJava(recovered.database);
    assert.equal(stateOf(recovered.database), stateOf(database));
    assert.equal(recovered.database.digestMismatches, 0);
  });
}

test('our snapshot of a new tree is byte for byte that of Java but for the order of two siblings', () => {
  const world = makeWorld();
  recoverAll(world);
  const ours = world.files.contents(`${directory}/snapshot.0`);
  const java = fixture('java-3.8.0/snapshot.0');
  assert.ok(ours !== undefined);
  assert.equal(ours.length, 457);
  assert.equal(java.length, 457);
  // From the length of its path to the end of its Stat.
  const node = (bytes: Uint8Array, path: string): string => {
    const at = Buffer.from(bytes).indexOf(path);
    return hexOf(bytes.subarray(at - 4, at + path.length + 4 + 8 + 60));
  };
  for (const path of ['/zookeeper/config', '/zookeeper/quota']) {
    assert.equal(node(ours, path), node(java, path));
  }
  assert.deepEqual(ours.subarray(0, 0xdc), java.subarray(0, 0xdc));
  // "/" that ends the body; the digest section.
  assert.deepEqual(ours.subarray(0x195, 0x19a), java.subarray(0x195, 0x19a));
  assert.deepEqual(ours.subarray(457 - 33, 457 - 13), java.subarray(457 - 33, 457 - 13));
});
