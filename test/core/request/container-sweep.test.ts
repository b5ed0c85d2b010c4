// Which nodes are due, when they are looked for, and that neither looking nor deleting comes all at
// once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContainerSweep } from '../../../src/core/request/container-sweep.ts';
import { applyTxn } from '../../../src/core/tree/apply.ts';
import { openAcl } from '../../../src/proto/data.ts';
import { makeDatabase } from '../tree/support/compare-tree.ts';
import type { TxnBody } from '../tree/support/txn-bytes.ts';
import { txnBytes } from '../tree/support/txn-bytes.ts';

function scene() {
  const database = makeDatabase(false).ensureSystemNodes();
  let zxid = 0n;
  const apply = (body: TxnBody, time = 0n) => {
    const bytes = txnBytes({ clientId: 1n, zxid: ++zxid, time, body });
    assert.equal(applyTxn(database, bytes, 0, bytes.length), 0);
  };
  const create = (
    type: 'create' | 'createContainer' | 'createTTL',
    path: string,
    ttl = 0n,
    time = 0n,
  ) => apply({ type, path, data: null, acl: openAcl, parentCVersion: -1, ttl }, time);
  return { database, apply, create };
}

const options = { checkIntervalMs: 1000, maxPerMinute: 60_000, maxNeverUsedMs: 0 };

test('containers that had children, TTL nodes past their time; nobody else', () => {
  const { database, apply, create } = scene();
  for (const path of ['/fresh', '/used', '/full']) create('createContainer', path);
  create('create', '/used/x');
  apply({ type: 'delete', path: '/used/x' });
  create('create', '/full/x');
  create('createTTL', '/old', 500n);
  create('createTTL', '/young', 500n, 600n);
  create('createTTL', '/parent', 1n);
  create('create', '/parent/x');
  create('create', '/plain');
  const due = (now: number, maxNeverUsedMs: number, wallTime: number) =>
    new ContainerSweep(database.tree, { ...options, maxNeverUsedMs }, now - 1000)
      .takeDue(now, wallTime)
      .sort();
  assert.deepEqual(due(5000, 0, 1000), ['/old', '/used']);
  assert.deepEqual(due(5000, 2000, 1000), ['/old', '/used']);
  assert.deepEqual(due(5000, 999, 1000), ['/fresh', '/old', '/used']);
  assert.deepEqual(due(5000, 0, 500), ['/used']);
  assert.deepEqual(due(5000, 0, 1_000_000), ['/old', '/used', '/young']);
});

test('they are looked for at intervals, some at a time, and deleted in lots', () => {
  const { database, create } = scene();
  const total = 25_000;
  for (let i = 0; i < total; i++) create('createTTL', `/t${i}`, 1n);
  const sweep = new ContainerSweep(database.tree, options, 0);
  assert.equal(sweep.deadline, 1000);
  assert.deepEqual(sweep.takeDue(999, 5000), []);
  let now = 1000;
  const seen = new Set<string>();
  let steps = 0;
  const lots: number[] = [];
  while (seen.size < total && steps++ < 10_000) {
    assert(sweep.deadline < 1000 + 60_000, 'there is more to do');
    now = Math.max(now, sweep.deadline);
    const paths = sweep.takeDue(now, 5000);
    if (paths.length > 0) lots.push(now);
    assert(paths.length <= 100, 'a tenth of a second of 60,000 a minute');
    for (const path of paths) assert(!seen.has(path) && seen.add(path));
  }
  assert.equal(seen.size, total);
  assert.equal(lots.length, 250);
  for (let i = 1; i < lots.length; i++) assert(lots[i]! - lots[i - 1]! >= 100);
});

test('a node that changes while they are looked for is judged as it is then', () => {
  const { database, apply, create } = scene();
  for (let i = 0; i < 15_000; i++) create('createTTL', `/t${i}`, 1n);
  const sweep = new ContainerSweep(database.tree, { ...options, maxPerMinute: 600_000_000 }, 0);
  const first = sweep.takeDue(1000, 5000);
  for (let i = 0; i < 15_000; i += 3) {
    if (i % 2 === 0) apply({ type: 'delete', path: `/t${i}` });
    else apply({ type: 'setData', path: `/t${i}`, data: null, version: 1 }, 5000n);
  }
  const found = new Set(first);
  for (let now = 1100; sweep.deadline <= now; now += 100) {
    for (const path of sweep.takeDue(now, 5000)) {
      assert(!found.has(path), path);
      found.add(path);
    }
  }
  assert(first.length > 0 && first.length < 15_000);
  for (let i = 0; i < 15_000; i++) if (i % 3 !== 0) assert(found.has(`/t${i}`));
  for (const path of found) {
    const isLate = !first.includes(path);
    if (isLate) assert(Number(path.substring(2)) % 3 !== 0, path);
  }
});

test('a node that was written, used or replaced while it waited for its turn stays', () => {
  const { database, apply, create } = scene();
  for (let i = 0; i < 400; i++) create('createTTL', `/t${i}`, 100n);
  const sweep = new ContainerSweep(database.tree, options, 0);
  const deleted = new Set(sweep.takeDue(1000, 5000));
  assert.equal(deleted.size, 100);
  const kept = Array.from({ length: 400 }, (_, i) => `/t${i}`).filter((path) => !deleted.has(path));
  apply({ type: 'setData', path: kept[0]!, data: null, version: 1 }, 5000n);
  create('create', `${kept[1]!}/child`);
  apply({ type: 'delete', path: kept[2]! });
  create('create', kept[2]!);
  for (let now = 1100; now < 2000; now += 100) {
    for (const path of sweep.takeDue(now, 5050)) deleted.add(path);
  }
  for (const [i, path] of kept.entries()) assert.equal(deleted.has(path), i > 2, path);
});
