// The statistics of quotas against a count by hand: through random changes, multis and the ends of
// sessions, after a load from a snapshot, and when quotas themselves come and go.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../../src/core/tree/apply.ts';
import type { Database } from '../../../src/core/tree/database.ts';
import { SnapshotSink, SnapshotSource } from '../../../src/core/tree/snapshot-body.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { openAcl } from '../../../src/proto/data.ts';
import { Prng } from '../../../src/util/prng.ts';
import { makeDatabase } from './support/compare-tree.ts';
import { ModelTree } from './support/model-tree.ts';
import { RandomTxns } from './support/random-txns.ts';
import type { Txn, TxnBody } from './support/txn-bytes.ts';
import { txnBytes } from './support/txn-bytes.ts';

const text = (value: string) => new TextEncoder().encode(value);

class Scene {
  readonly database: Database;
  readonly model = new ModelTree();

  constructor() {
    this.database = makeDatabase().ensureSystemNodes();
  }

  apply(txn: Txn): void {
    this.model.apply(txn);
    const bytes = txnBytes(txn);
    applyTxn(this.database, bytes, 0, bytes.length);
  }

  do(body: TxnBody): void {
    this.apply({ clientId: 1n, zxid: this.model.zxid + 1n, time: 0n, body });
  }

  create(path: string, data: Uint8Array | null = null): void {
    this.do({ type: 'create', path, data, acl: openAcl, parentCVersion: -1 });
  }

  /** The nodes a client makes for a quota: limits first, then statistics. */
  addQuota(path: string): void {
    let parent = '/zookeeper/quota';
    for (const name of path.split('/').filter((part) => part !== '')) {
      parent += `/${name}`;
      if (!this.model.nodes.has(parent)) this.create(parent);
    }
    this.create(`${parent}/zookeeper_limits`, text('count=1000,bytes=-1'));
    this.create(`${parent}/zookeeper_stats`, text('count=0,bytes=0'));
  }
}

function countBelow(model: ModelTree, path: string): string {
  let count = 0;
  let bytes = 0;
  for (const [other, { data }] of model.nodes) {
    if (other !== path && !other.startsWith(`${path}/`)) continue;
    count++;
    bytes += data?.length ?? 0;
  }
  return `count=${count},bytes=${bytes}`;
}

test('statistics count what is below, through random changes and a load', () => {
  for (const seed of [66, 67, 68]) {
    const scene = new Scene();
    const txns = new RandomTxns(new Prng(seed), scene.model, 'committed');
    const quotas = ['/a', '/bb', '/zoë'];
    for (const path of quotas) {
      scene.create(path);
      scene.addQuota(path);
    }
    for (let round = 0; round < 500; round++) {
      const txn = txns.next();
      const touchesQuota = JSON.stringify(txn.body, (_, value) =>
        typeof value === 'bigint' ? Number(value) : value,
      ).includes('/zookeeper/quota/');
      if (touchesQuota) continue;
      scene.apply(txn);
      for (const path of quotas) {
        if (!scene.model.nodes.has(path)) continue;
        assert.equal(scene.database.quotas.statsText(path), countBelow(scene.model, path));
      }
    }
    assert.equal(scene.database.tree.digest, scene.model.digest);
    const out = new Writer();
    const source = new SnapshotSource(scene.database);
    while (source.next(out, 1 << 16));
    source.close();
    const loaded = makeDatabase();
    new SnapshotSink(loaded, 1 << 20).push(out.written());
    for (const path of quotas) {
      if (!scene.model.nodes.has(path)) continue;
      assert.equal(loaded.quotas.statsText(path), countBelow(scene.model, path));
      assert.equal(loaded.quotas.prefixOf(`${path}/x/y`), path);
    }
  }
});

test('a quota begins with its limits, counts from its statistics node, and ends with the limits', () => {
  const scene = new Scene();
  const { quotas } = scene.database;
  scene.create('/q', text('12345'));
  scene.create('/q/x', text('678'));
  assert(quotas.isEmpty);
  scene.create('/zookeeper/quota/q');
  scene.create('/zookeeper/quota/q/zookeeper_limits', text('count=3,bytes=-1'));
  assert.equal(quotas.prefixOf('/q/x'), '/q');
  assert.equal(quotas.prefixOf('/qq'), undefined);
  assert.equal(quotas.statsText('/q'), undefined);
  scene.create('/q/y');
  scene.create('/zookeeper/quota/q/zookeeper_stats', text('nonsense'));
  assert.equal(quotas.statsText('/q'), 'count=3,bytes=8');
  scene.do({ type: 'setData', path: '/q/x', data: text('6'), version: 1 });
  scene.do({ type: 'setData', path: '/q', data: null, version: 1 });
  assert.equal(quotas.statsText('/q'), 'count=3,bytes=1');
  scene.do({ type: 'delete', path: '/zookeeper/quota/q/zookeeper_limits' });
  assert(quotas.isEmpty);
  scene.create('/q/z');
  assert.equal(quotas.statsText('/q'), 'count=3,bytes=1');
  // Statistics stand outside the digest and the Stat.
  const slot = scene.database.tree.findPath('/zookeeper/quota/q/zookeeper_stats');
  assert.equal(scene.database.tree.version(slot), 0);
  assert.equal(scene.database.tree.digest, scene.model.digest);
});

test('limits: hard ones refuse, soft ones do not, the stats say how much there is', () => {
  const scene = new Scene();
  const { quotas } = scene.database;
  scene.create('/q', text('12345'));
  scene.addQuota('/q');
  const limits = '/zookeeper/quota/q/zookeeper_limits';
  const set = (value: string) =>
    scene.do({ type: 'setData', path: limits, data: text(value), version: 1 });
  set('count=1,bytes=1');
  assert(!quotas.isExceededBy('/q/x', 10, 1));
  set('count=1,bytes=1=;byteHardLimit=10;countHardLimit=2');
  assert(!quotas.isExceededBy('/q/x', 5, 1));
  assert(quotas.isExceededBy('/q/x', 6, 1));
  assert(quotas.isExceededBy('/q/x', 0, 2));
  assert(!quotas.isExceededBy('/elsewhere', 1000, 1000));
  scene.do({ type: 'setData', path: limits, data: null, version: 2 });
  assert(!quotas.isExceededBy('/q/x', 1000, 1000));
});

test('the longest path with a quota counts, whatever quotas are above it', () => {
  const scene = new Scene();
  const { quotas } = scene.database;
  for (const path of ['/q', '/q/in', '/q/in/deep']) scene.create(path);
  scene.addQuota('/q');
  scene.addQuota('/q/in/deep');
  assert.equal(quotas.statsText('/q'), 'count=3,bytes=0');
  scene.create('/q/in/deep/x', text('abc'));
  scene.create('/q/in/y', text('d'));
  assert.equal(quotas.statsText('/q/in/deep'), 'count=2,bytes=3');
  assert.equal(quotas.statsText('/q'), 'count=4,bytes=1');
  quotas.rebuild();
  assert.equal(quotas.statsText('/q'), 'count=5,bytes=4');
});
