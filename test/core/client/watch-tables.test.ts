// Whom an event concerns, table by table and event by event (as ZKWatchManager.materialize); what removal takes away;
// how the tables are told to a new server (no path twice, no request too long). And the chroot, which stands between
// the tables' paths and the program's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chroot } from '../../../src/core/client/chroot.ts';
import { setWatchesBatches, setWatchesLength } from '../../../src/core/client/set-watches.ts';
import { WatchTables, watchTables } from '../../../src/core/client/watch-tables.ts';
import { EventType, WatcherType } from '../../../src/proto/opcodes.ts';

interface Named {
  readonly name: string;
}

/** One watcher in every table at /a/b, named after its table; the recursive one also at /a and /. */
function filled(): WatchTables<Named> {
  const tables = new WatchTables<Named>();
  for (const table of watchTables) tables.add(table, '/a/b', { name: table });
  tables.add('persistentRecursive', '/a', { name: 'of /a' });
  tables.add('persistentRecursive', '/', { name: 'of /' });
  tables.add('persistent', '/a', { name: 'plain /a' });
  return tables;
}

const names = (watchers: readonly Named[]) => watchers.map(({ name }) => name).join(', ');
const stay = 'persistent, persistentRecursive, of /a, of /';

const matrix: [type: keyof typeof EventType, first: string, second: string][] = [
  ['NodeCreated', `data, exist, ${stay}`, stay],
  ['NodeDataChanged', `data, exist, ${stay}`, stay],
  ['NodeDeleted', `data, exist, child, ${stay}`, stay],
  ['NodeChildrenChanged', 'child, persistent', 'persistent'],
  ['None', '', ''],
  ['DataWatchRemoved', '', ''],
];

for (const [type, first, second] of matrix) {
  test(`${type}: one-shot watchers once, persistent ones again`, () => {
    const tables = filled();
    assert.equal(names(tables.take(EventType[type], '/a/b')), first);
    assert.equal(names(tables.take(EventType[type], '/a/b')), second);
  });
}

test('ancestors hear recursively, neighbours and lookalikes do not', () => {
  const tables = filled();
  const created = (path: string) => names(tables.take(EventType.NodeCreated, path));
  assert.equal(created('/a/bc'), 'of /a, of /');
  assert.equal(created('/a/b/c/d'), 'persistentRecursive, of /a, of /');
  assert.equal(created('/ab'), 'of /');
  assert.equal(created('/'), 'of /');
});

test('a watcher in many tables hears an event once', () => {
  const tables = new WatchTables<Named>();
  const one = { name: 'one' };
  for (const table of watchTables) tables.add(table, '/a', one);
  tables.add('persistentRecursive', '/', one);
  assert.deepEqual(tables.take(EventType.NodeDeleted, '/a'), [one]);
});

const removals: [type: keyof typeof WatcherType, gone: string, left: string][] = [
  ['Data', '5: data, exist', 'child persistent persistentRecursive'],
  ['Children', '6: child', 'data exist persistent persistentRecursive'],
  ['Persistent', '7: persistent', 'data exist child persistentRecursive'],
  ['PersistentRecursive', '7: persistentRecursive', 'data exist child persistent'],
  ['Any', '5: data, exist; 6: child; 7: persistent, persistentRecursive', ''],
];

for (const [type, gone, left] of removals) {
  test(`removing ${type} leaves ${left || 'nothing'}`, () => {
    const tables = filled();
    const removed = tables.remove('/a/b', WatcherType[type]);
    assert.equal(removed.map((one) => `${one.type}: ${names(one.watchers)}`).join('; '), gone);
    const here = watchTables.filter((table) => [...tables.paths(table)].includes('/a/b'));
    assert.equal(here.join(' '), left);
    assert.equal(tables.has('/a/b', WatcherType[type]), false);
    assert.equal(tables.hasOutside('/a/b', WatcherType[type]), left !== '');
    assert.deepEqual(tables.remove('/a/b', WatcherType[type]), []);
  });
}

test('removing one watcher leaves the others', () => {
  const tables = new WatchTables<Named>();
  const [one, two] = [{ name: 'one' }, { name: 'two' }];
  tables.add('data', '/a', one);
  tables.add('data', '/a', two);
  assert.equal(tables.hasOther('/a', WatcherType.Any, one), true);
  tables.remove('/a', WatcherType.Any, one);
  assert.equal(tables.has('/a', WatcherType.Any, one), false);
  assert.equal(tables.hasOther('/a', WatcherType.Any, two), false);
  assert.equal(tables.has('/a', WatcherType.Data, two), true);
});

test('many watches are set again in many requests, each path once', () => {
  const tables = new WatchTables<Named>();
  const count = 20_000;
  for (let i = 0; i < count; i++) {
    const table = watchTables[i % watchTables.length]!;
    tables.add(table, `/some/path/that/is/not/so/short/${i}`, { name: 'w' });
  }
  const batches = setWatchesBatches(tables, 7n);
  assert.ok(batches.length > 5);
  const seen = new Set<string>();
  for (const batch of batches) {
    assert.equal(batch.relativeZxid, 7n);
    const lists = Object.values(batch).filter((list): list is string[] => Array.isArray(list));
    const paths = lists.flat();
    assert.ok(paths.reduce((sum, path) => sum + 4 + path.length, 0) <= setWatchesLength);
    for (const path of paths) {
      assert.ok(!seen.has(path));
      seen.add(path);
    }
  }
  assert.equal(seen.size, count);
  assert.deepEqual(setWatchesBatches(new WatchTables<Named>(), 7n), []);
});

test('one path longer than a batch is a batch by itself', () => {
  const tables = new WatchTables<Named>();
  tables.add('data', `/${'x'.repeat(setWatchesLength)}`, { name: 'w' });
  tables.add('data', '/y', { name: 'w' });
  assert.equal(setWatchesBatches(tables, 0n).length, 2);
});

test('a chroot goes in front of requests and off replies', () => {
  const chroot = new Chroot('/app');
  assert.equal(chroot.toServer('/'), '/app');
  assert.equal(chroot.toServer('/a'), '/app/a');
  assert.equal(chroot.toClient('/app'), '/');
  assert.equal(chroot.toClient('/app/a'), '/a');
  assert.equal(chroot.toClient('/apple'), '/apple');
  assert.equal(chroot.toClient('/zookeeper/config'), '/zookeeper/config');
  const none = new Chroot('');
  assert.equal(none.toServer('/'), '/');
  assert.equal(none.toClient('/a'), '/a');
  assert.equal(none.holds('/a'), true);
});
