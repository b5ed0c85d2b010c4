// Watches: who is told, once for each trigger; every mixture of the four kinds at one path under
// every removal and trigger (ZOOKEEPER-4466, 4471, 4472, 4475); long random runs against a plain
// model; nothing left behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Watches } from '../../../src/core/session/watches.ts';
import { EventType, WatcherType } from '../../../src/proto/opcodes.ts';

const { NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged } = EventType;

interface Client {
  readonly name: string;
}

interface Told {
  readonly to: string;
  readonly type: EventType;
  readonly path: string;
  readonly aclId: number;
}

function newWatches(): { watches: Watches<Client>; take: () => Told[] } {
  let told: Told[] = [];
  const watches = new Watches<Client>(({ name }, type, path, aclId) => {
    told.push({ to: name, type, path, aclId });
  });
  const take = () => {
    const before = told;
    told = [];
    return before;
  };
  return { watches, take };
}

const a: Client = { name: 'a' };
const b: Client = { name: 'b' };

test('one-shot watches fire once, each for its kind of change', () => {
  const { watches, take } = newWatches();
  assert.equal(watches.isEmpty, true);
  watches.addData('/x', a);
  watches.addChild('/', a);
  assert.equal(watches.isEmpty, false);
  watches.nodeCreated('/x', 7, 8);
  assert.deepEqual(take(), [
    { to: 'a', type: NodeCreated, path: '/x', aclId: 7 },
    { to: 'a', type: NodeChildrenChanged, path: '/', aclId: 8 },
  ]);
  assert.equal(watches.isEmpty, true);
  watches.addChild('/x', a);
  watches.nodeDataChanged('/x', 7);
  assert.deepEqual(take(), []);
  watches.nodeCreated('/x/y', 1, 2);
  assert.deepEqual(take(), [{ to: 'a', type: NodeChildrenChanged, path: '/x', aclId: 2 }]);
});

test('a deletion tells each watcher of the node once, and the parent by itself', () => {
  const { watches, take } = newWatches();
  watches.addData('/p/x', a);
  watches.addChild('/p/x', a);
  watches.addChild('/p/x', b);
  watches.addChild('/p', a);
  watches.nodeDeleted('/p/x', 1, 2);
  assert.deepEqual(take(), [
    { to: 'a', type: NodeDeleted, path: '/p/x', aclId: 1 },
    { to: 'b', type: NodeDeleted, path: '/p/x', aclId: 1 },
    { to: 'a', type: NodeChildrenChanged, path: '/p', aclId: 2 },
  ]);
  assert.equal(watches.isEmpty, true);
});

test('recursive watches see whole subtrees, and never NodeChildrenChanged', () => {
  const { watches, take } = newWatches();
  watches.addPersistent('/', a, true);
  watches.addPersistent('/p', a, true);
  watches.addPersistent('/p', b, true);
  watches.nodeCreated('/p/x/y', 1, 2);
  watches.nodeDataChanged('/p', 1);
  watches.nodeDeleted('/pp', 1, 2);
  watches.nodeDataChanged('/', 1);
  assert.deepEqual(
    take().map(({ to, type, path }) => [to, type, path]),
    [
      ['a', NodeCreated, '/p/x/y'],
      ['b', NodeCreated, '/p/x/y'],
      ['a', NodeDataChanged, '/p'],
      ['b', NodeDataChanged, '/p'],
      ['a', NodeDeleted, '/pp'],
      ['a', NodeDataChanged, '/'],
    ],
  );
});

test('watchers are told in the order in which they came', () => {
  const { watches, take } = newWatches();
  const clients = Array.from({ length: 40 }, (_, i) => ({ name: `${i}` }));
  for (const client of clients) watches.addData('/x', client);
  for (const i of [0, 7, 39]) watches.removeWatcher(clients[i]!);
  watches.nodeDataChanged('/x', 1);
  const expected = clients.filter((_, i) => ![0, 7, 39].includes(i)).map(({ name }) => name);
  assert.deepEqual(
    take().map(({ to }) => to),
    expected,
  );
  assert.equal(watches.isEmpty, true);
});

test('a watcher may be removed while events are delivered', () => {
  const watches: Watches<Client> = new Watches((client) => watches.removeWatcher(client));
  watches.addPersistent('/x', a, false);
  watches.addPersistent('/x', b, true);
  watches.addData('/y', b);
  watches.nodeDeleted('/x', 1, 2);
  assert.equal(watches.isEmpty, true);
  assert.deepEqual(watches.counts(), { connections: 0, paths: 0, watches: 0 });
});

// The plain model: table -> path -> client -> set of modes.
type Mode = 'standard' | 'persistent' | 'recursive';
type Table = Map<string, Map<string, Set<Mode>>>;

class Model {
  readonly data: Table = new Map();
  readonly child: Table = new Map();

  add(table: Table, path: string, client: string, mode: Mode): void {
    const at = table.get(path) ?? new Map<string, Set<Mode>>();
    table.set(path, at);
    at.set(client, (at.get(client) ?? new Set<Mode>()).add(mode));
  }

  modes(table: Table, path: string, client: string): Set<Mode> {
    return table.get(path)?.get(client) ?? new Set();
  }

  take(table: Table, path: string, client: string, modes: readonly Mode[]): boolean {
    const had = this.modes(table, path, client);
    const found = modes.filter((mode) => had.delete(mode)).length > 0;
    if (had.size === 0) table.get(path)?.delete(client);
    return found;
  }

  fire(table: Table, path: string): Set<string> {
    const told = new Set<string>();
    for (const [client, modes] of table.get(path) ?? []) {
      told.add(client);
      modes.delete('standard');
      if (modes.size === 0) table.get(path)?.delete(client);
    }
    for (const [other, clients] of table) {
      if (!`${path}/`.startsWith(other === '/' ? '/' : `${other}/`)) continue;
      for (const [client, modes] of clients) if (modes.has('recursive')) told.add(client);
    }
    return told;
  }
}

const parentOf = (path: string) => path.substring(0, path.lastIndexOf('/')) || '/';
const everyMode: readonly Mode[] = ['standard', 'persistent', 'recursive'];

/** Runs the same on the model and says who must be told what, as sorted text. */
function expectedEvents(
  model: Model,
  change: 'created' | 'deleted' | 'changed',
  path: string,
): string[] {
  const events: string[] = [];
  const note = (told: Iterable<string>, type: EventType, at: string) => {
    for (const client of told) events.push(`${client} ${type} ${at}`);
  };
  if (change === 'changed') {
    note(model.fire(model.data, path), NodeDataChanged, path);
    return events.sort();
  }
  const told = model.fire(model.data, path);
  if (change === 'created') note(told, NodeCreated, path);
  else note(new Set([...told, ...model.fire(model.child, path)]), NodeDeleted, path);
  note(model.fire(model.child, parentOf(path)), NodeChildrenChanged, parentOf(path));
  return events.sort();
}

const text = (told: readonly Told[]) =>
  told.map(({ to, type, path }) => `${to} ${type} ${path}`).sort();

type Kind = 'data' | 'child' | 'persistent' | 'recursive';

class Both {
  readonly model = new Model();
  readonly watches: Watches<Client>;
  readonly #take: () => Told[];

  constructor() {
    const { watches, take } = newWatches();
    this.watches = watches;
    this.#take = take;
  }

  add(kind: Kind, path: string, client: Client): void {
    const { data, child } = this.model;
    if (kind === 'data') {
      this.watches.addData(path, client);
      this.model.add(data, path, client.name, 'standard');
    } else if (kind === 'child') {
      this.watches.addChild(path, client);
      this.model.add(child, path, client.name, 'standard');
    } else if (kind === 'recursive') {
      this.watches.addPersistent(path, client, true);
      this.model.add(data, path, client.name, 'recursive');
    } else {
      this.watches.addPersistent(path, client, false);
      this.model.add(data, path, client.name, 'persistent');
      this.model.add(child, path, client.name, 'persistent');
    }
  }

  remove(type: WatcherType, path: string, client: Client): void {
    const { data, child } = this.model;
    const take = (table: Table, modes: readonly Mode[]) =>
      this.model.take(table, path, client.name, modes);
    const fromData = {
      [WatcherType.Children]: [],
      [WatcherType.Data]: ['standard'],
      [WatcherType.Any]: everyMode,
      [WatcherType.Persistent]: ['persistent'],
      [WatcherType.PersistentRecursive]: ['recursive'],
    } satisfies Record<WatcherType, readonly Mode[]>;
    const fromChild = { ...fromData, [WatcherType.Children]: ['standard'], [WatcherType.Data]: [] };
    assert.equal(this.watches.has(path, type, client), this.has(type, path, client));
    const removed = [take(data, fromData[type]), take(child, fromChild[type] as Mode[])].includes(
      true,
    );
    assert.equal(this.watches.remove(path, type, client), removed);
    assert.equal(this.watches.has(path, type, client), false);
  }

  has(type: WatcherType, path: string, client: Client): boolean {
    const data = this.model.modes(this.model.data, path, client.name);
    const child = this.model.modes(this.model.child, path, client.name);
    if (type === WatcherType.Children) return child.has('standard');
    if (type === WatcherType.Data) return data.has('standard');
    if (type === WatcherType.Persistent) return data.has('persistent');
    if (type === WatcherType.PersistentRecursive) return data.has('recursive');
    return data.size + child.size > 0;
  }

  fire(change: 'created' | 'deleted' | 'changed', path: string): void {
    if (change === 'created') this.watches.nodeCreated(path, 1, 2);
    else if (change === 'deleted') this.watches.nodeDeleted(path, 1, 2);
    else this.watches.nodeDataChanged(path, 1);
    assert.deepEqual(text(this.#take()), expectedEvents(this.model, change, path));
  }

  gone(client: Client): void {
    this.watches.removeWatcher(client);
    for (const table of [this.model.data, this.model.child]) {
      for (const clients of table.values()) clients.delete(client.name);
    }
  }

  /** Counts and listings are those of the model's data table. */
  check(): void {
    const paths = [...this.model.data].filter(([, clients]) => clients.size > 0);
    const pairs = paths.flatMap(([path, clients]) =>
      [...clients.keys()].map((name) => `${path} ${name}`),
    );
    const connections = new Set(paths.flatMap(([, clients]) => [...clients.keys()]));
    assert.deepEqual(this.watches.counts(), {
      connections: connections.size,
      paths: paths.length,
      watches: pairs.length,
    });
    const byPath = [...this.watches.byPath()].flatMap(([path, list]) =>
      list.map(({ name }) => `${path} ${name}`),
    );
    assert.deepEqual(byPath.sort(), [...pairs].sort());
    const byWatcher = [...this.watches.byWatcher()].flatMap(([{ name }, list]) =>
      list.map((path) => `${path} ${name}`),
    );
    assert.deepEqual(byWatcher.sort(), [...pairs].sort());
    const inChild = [...this.model.child.values()].some((clients) => clients.size > 0);
    assert.equal(this.watches.isEmpty, pairs.length === 0 && !inChild);
  }
}

const kinds: readonly Kind[] = ['data', 'child', 'persistent', 'recursive'];
const types = Object.values(WatcherType);
const changes = ['created', 'deleted', 'changed'] as const;

function* orders<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (const [i, item] of items.entries()) {
    const rest = items.filter((_, at) => at !== i);
    for (const order of orders(rest)) yield [item, ...order];
  }
}

test('every mixture of kinds at one path, in every order, under every removal and trigger', () => {
  for (let subset = 0; subset < 16; subset++) {
    const chosen = kinds.filter((_, i) => (subset >> i) & 1);
    for (const order of orders(chosen)) {
      for (const removal of [undefined, ...types]) {
        for (const change of changes) {
          for (const path of ['/p', '/p/x', '/p/x/y', '/other']) {
            for (const removeFirst of [true, false]) {
              const both = new Both();
              for (const kind of order) both.add(kind, '/p/x', a);
              both.add('data', '/p/x', b);
              if (removeFirst && removal !== undefined) both.remove(removal, '/p/x', a);
              both.fire(change, path);
              if (!removeFirst && removal !== undefined) both.remove(removal, '/p/x', a);
              for (const again of changes) both.fire(again, path);
              both.check();
            }
          }
        }
      }
    }
  }
});

test('long random runs against the model', () => {
  const clients = Array.from({ length: 30 }, (_, i): Client => ({ name: `c${i}` }));
  const path = fc.constantFrom('/', '/p', '/p/x', '/p/x/y', '/q', '/p/y', '/pp');
  const client = fc.nat(clients.length - 1);
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('add'),
        kind: fc.constantFrom(...kinds),
        path,
        client,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('remove'),
        type: fc.constantFrom(...types),
        path,
        client,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('fire'), change: fc.constantFrom(...changes), path }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('gone'), client }) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 250 }), (steps) => {
      const both = new Both();
      for (const one of steps) {
        if ('kind' in one) both.add(one.kind, one.path, clients[one.client]!);
        else if ('type' in one) both.remove(one.type, one.path, clients[one.client]!);
        else if ('change' in one) both.fire(one.change, one.path);
        else both.gone(clients[one.client]!);
      }
      both.check();
      for (const one of clients) both.gone(one);
      both.check();
      assert.equal(both.watches.isEmpty, true);
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('a hundred thousand watchers at one path, and a hundred thousand paths of one watcher', () => {
  let events = 0;
  const watches = new Watches<Client>(() => events++);
  const clients = Array.from({ length: 100_000 }, (_, i): Client => ({ name: `${i}` }));
  for (const client of clients) watches.addData('/one', client);
  for (const client of clients) watches.addData('/one', client);
  assert.deepEqual(watches.counts(), { connections: 100_000, paths: 1, watches: 100_000 });
  for (const client of clients.slice(0, 50_000)) watches.removeWatcher(client);
  watches.nodeDataChanged('/one', 1);
  assert.equal(events, 50_000);
  for (let i = 0; i < 100_000; i++) watches.addPersistent(`/many/${i}`, a, i % 2 === 0);
  assert.equal(watches.counts().watches, 100_000);
  watches.removeWatcher(a);
  assert.equal(watches.isEmpty, true);
});

test('a recursive watch far above a very deep node', () => {
  const { watches, take } = newWatches();
  watches.addPersistent('/x', a, true);
  watches.nodeDataChanged('/x'.repeat(50_000), 1);
  assert.equal(take().length, 1);
});
