// The client on fake ports: what leaves in which write, in which order results and events arrive, what ends the
// waiting, what is refused before it is sent. Goal: a program sees ZooKeeper's order whatever chunks the bytes come in.
// Method: a scripted server and a clock that moves when told; every test ends with no timer left behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectOptions } from '../../src/client/client-options.ts';
import { KeeperError } from '../../src/client/keeper-error.ts';
import { ZooKeeper } from '../../src/client/zookeeper.ts';
import {
  Create2Response,
  GetDataResponse,
  PathResponse,
  StatResponse,
} from '../../src/proto/client.ts';
import type { Stat } from '../../src/proto/data.ts';
import { EventType } from '../../src/proto/opcodes.ts';
import { FakeServer } from './fake-ports.ts';

const stat: Stat = {
  czxid: 1n,
  mzxid: 2n,
  ctime: 3n,
  mtime: 4n,
  version: 5,
  cversion: 6,
  aversion: 7,
  ephemeralOwner: 0n,
  dataLength: 1,
  numChildren: 0,
  pzxid: 8n,
};

async function connected(
  server: FakeServer,
  options: ConnectOptions = {},
  where = 'host:1',
): Promise<ZooKeeper> {
  const promise = ZooKeeper.connect(server.ports, where, options);
  promise.catch(() => undefined);
  await server.clock.settle();
  return promise;
}

async function close(server: FakeServer, zk: ZooKeeper): Promise<void> {
  server.answer = () => ({});
  const closed = zk.close();
  await server.clock.settle();
  await closed;
  assert.equal(server.clock.timers, 0, 'timers left behind');
}

function isError(code: string, path?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof KeeperError, String(error));
    assert.equal(error.code, code, error.message);
    if (path !== undefined) assert.equal(error.path, path);
    return true;
  };
}

test('the requests of a turn leave in one write', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  const before = server.writes;
  server.answer = () => ({ body: (writer) => StatResponse.write(writer, { stat }) });
  const stats = Array.from({ length: 100 }, () => zk.exists('/a'));
  await server.clock.settle();
  assert.equal(server.writes - before, 1);
  assert.deepEqual(await Promise.all(stats), new Array(100).fill(stat));
  await close(server, zk);
});

test('what is asked while a write is under way leaves together in the next', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  const before = server.writes;
  server.stalled = true;
  const first = zk.sync();
  await server.clock.settle();
  const rest = [zk.sync(), zk.sync()];
  await server.clock.settle();
  assert.equal(server.writes - before, 1);
  server.finishWrites();
  await server.clock.settle();
  assert.equal(server.writes - before, 2);
  await Promise.all([first, ...rest]);
  await close(server, zk);
});

test('results and events of one chunk are seen in the order they stand in it', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  server.answer = () => undefined;
  const seen: string[] = [];
  void zk.getData('/a', { watch: ({ type }) => seen.push(type) }).then(() => seen.push('first'));
  void zk.getData('/a').then(() => seen.push('second'));
  await server.clock.settle();
  const data = {
    body: (writer: Parameters<typeof GetDataResponse.write>[0]) =>
      GetDataResponse.write(writer, { data: null, stat }),
  };
  const chunk = [
    server.reply(1, data),
    server.event(EventType.NodeDataChanged, '/a'),
    server.reply(2, data),
  ];
  server.send(new Uint8Array(chunk.flatMap((part) => [...part])));
  await server.clock.settle();
  assert.deepEqual(seen, ['first', 'NodeDataChanged', 'second']);
  await close(server, zk);
});

test('replies cut at any byte are the same replies, and their data is the caller’s', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  server.answer = () => undefined;
  const data = Uint8Array.of(1, 2, 3, 4, 5);
  const results = Array.from({ length: 3 }, () => zk.getData('/a'));
  await server.clock.settle();
  for (let xid = 1; xid <= 3; xid++) {
    const bytes = server.reply(xid, {
      body: (writer) => GetDataResponse.write(writer, { data, stat }),
    });
    for (const byte of bytes) server.send(Uint8Array.of(byte));
  }
  for (const result of await Promise.all(results)) {
    assert.deepEqual(result.data, data);
    assert.deepEqual(result.stat, stat);
  }
  await close(server, zk);
});

test('a reply whose body is not what it should be fails its call only', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  server.answer = ({ op }) => (op === 'getData' ? { body: (writer) => writer.int(99) } : {});
  const bad = assert.rejects(zk.getData('/a'), isError('MarshallingError', '/a'));
  const good = zk.delete('/a');
  await server.clock.settle();
  await bad;
  await good;
  assert.equal(zk.state, 'CONNECTED');
  await close(server, zk);
});

test('an error code nobody knows keeps its number', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  server.answer = () => ({ err: -9999 });
  const failed = assert.rejects(zk.getData('/a'), (error) => {
    assert.ok(error instanceof KeeperError);
    assert.deepEqual([error.code, error.errno, error.path], ['SystemError', -9999, '/a']);
    assert.match(error.message, /getData \/a: SystemError \(-9999\)/);
    return true;
  });
  await server.clock.settle();
  await failed;
  await close(server, zk);
});

test('a frame that cannot be ends the connection; the next one serves', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  const suspended = zk.once('suspended');
  server.send(Uint8Array.of(255, 255, 255, 255));
  assert.match((await suspended).reason, /-1 bytes/);
  await server.clock.advance(1_000);
  assert.equal(zk.state, 'CONNECTED');
  assert.equal(server.dials, 2);
  await close(server, zk);
});

test('connect waits for the credentials to be taken, and fails with them', async () => {
  const server = new FakeServer();
  server.answer = ({ op }) => (op === 'auth' ? undefined : {});
  const auth = [{ scheme: 'digest', auth: 'kim:secret' }];
  let done = false;
  const connecting = ZooKeeper.connect(server.ports, 'host:1', { auth });
  void connecting.then(() => {
    done = true;
  });
  await server.clock.settle();
  assert.equal(done, false);
  server.send(server.reply(-4));
  const zk = await connecting;
  await close(server, zk);
  server.answer = () => ({ err: -115 });
  await assert.rejects(connected(server, { auth }), isError('AuthFailed'));
  assert.equal(server.clock.timers, 0);
});

test('connect gives up in time and says what it met last', async () => {
  const server = new FakeServer();
  server.refuse = 'ECONNREFUSED';
  const options = { connectTimeoutMs: 5_000 };
  const connecting = ZooKeeper.connect(server.ports, 'host:1', options);
  const failed = assert.rejects(connecting, /no session within 5000 ms; host:1: ECONNREFUSED/);
  await server.clock.advance(5_000);
  await failed;
  assert.ok(server.dials > 2);
  assert.equal(server.clock.timers, 0);
});

test('limits of time and signals: the request goes on, the waiting ends', async () => {
  const server = new FakeServer();
  const zk = await connected(server, { requestTimeoutMs: 300 });
  server.answer = () => undefined;
  const byDefault = assert.rejects(zk.sync('/a'), isError('RequestTimeout', '/a'));
  const own = assert.rejects(zk.sync('/b', { timeoutMs: 100 }), isError('RequestTimeout', '/b'));
  const never = zk.sync('/c', { timeoutMs: 0 });
  const controller = new AbortController();
  const aborted = assert.rejects(zk.sync('/d', { signal: controller.signal }), /stop/);
  await server.clock.advance(100);
  await own;
  controller.abort(new Error('stop'));
  await aborted;
  await server.clock.advance(200);
  await byDefault;
  for (let xid = 1; xid <= 4; xid++) {
    const body = (writer: Parameters<typeof PathResponse.write>[0]) =>
      PathResponse.write(writer, { path: '/' });
    server.send(server.reply(xid, { body }));
  }
  await never;
  const before = server.asked.length;
  const late = zk.sync('/', { signal: AbortSignal.abort(new Error('too late')) });
  await assert.rejects(late, /too late/);
  await server.clock.settle();
  assert.equal(server.asked.length, before);
  await close(server, zk);
});

test('a request abandoned before it could be sent is not sent', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  server.close('ECONNRESET');
  const limited = assert.rejects(zk.delete('/a', { timeoutMs: 10 }), isError('RequestTimeout'));
  const waits = zk.delete('/b');
  server.refuse = 'ECONNREFUSED';
  await server.clock.advance(500);
  await limited;
  server.refuse = undefined;
  await server.clock.advance(2_000);
  await waits;
  assert.deepEqual(
    server.asked.map(({ op }) => op),
    ['delete'],
  );
  await close(server, zk);
});

test('an idle client pings until it is closed', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  await server.clock.advance(10_000);
  assert.deepEqual(
    server.asked.map(({ xid, op }) => `${xid} ${op}`),
    new Array(4).fill('-2 ping'),
  );
  await close(server, zk);
});

test('a read-only server is left for one that takes writes', async () => {
  const server = new FakeServer();
  server.readOnly = true;
  server.mode = 'ro';
  const zk = await connected(server, { readOnly: true });
  assert.equal(zk.state, 'CONNECTEDREADONLY');
  await server.clock.advance(1_000);
  assert.equal(zk.state, 'CONNECTEDREADONLY');
  server.readOnly = false;
  server.mode = 'rw';
  const now = zk.once('connected');
  await server.clock.advance(2_000);
  assert.deepEqual(await now, { server: 'host:1', readOnly: false });
  assert.equal(zk.state, 'CONNECTED');
  await close(server, zk);
});

test('nothing wrong leaves the client: it is refused with the rule it breaks', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  const asked = server.asked.length;
  const nope = (value: unknown) => value as never;
  const cases: [promise: Promise<unknown>, reason: RegExp][] = [
    [zk.getData('a'), /start with \//],
    [zk.getData('/a/'), /end with \//],
    [zk.getData('/a//b'), /empty node name/],
    [zk.exists('/a/./b'), /relative/],
    [zk.getChildren(''), /length/],
    [zk.sync('/\u0000'), /null character/],
    [zk.getACL(nope(undefined)), /must be a string/],
    [zk.create('/a/'), /end with \//],
    [zk.create('/a', nope(7)), /data must be/],
    [zk.create('/a', '', { mode: nope('EVERLASTING') }), /unknown mode/],
    [zk.create('/a', '', { ttlMs: 5 }), /takes no ttlMs/],
    [zk.create('/a', '', { mode: 'PERSISTENT_WITH_TTL' }), /ttlMs undefined/],
    [zk.create('/a', '', { mode: 'PERSISTENT_WITH_TTL', ttlMs: 2 ** 40 }), /ttlMs/],
    [zk.setData('/a', nope({})), /data must be/],
    [zk.setData('/a', '', { version: 1.5 }), /version/],
    [zk.delete('/a', { version: 2 ** 31 }), /version/],
    [zk.getData('/a', { watch: nope(true) }), /watch must be a function/],
    [zk.addWatch('/a', nope('ONCE'), () => undefined), /unknown mode/],
    [zk.checkWatches('/a', nope('Some')), /unknown type/],
    [zk.removeWatches('/a', { type: nope('Some') }), /unknown type/],
    [zk.multi([{ type: 'check', path: 'x' }]), /start with/],
    [zk.multi([{ type: 'delete', path: '/x', version: 0.1 }]), /version/],
    [zk.multi([nope({ type: 'getData', path: '/' })]), /unknown operation/],
    [zk.multiRead([{ type: 'getData', path: '/a/' }]), /end with/],
    [zk.multiRead([nope({ type: 'create', path: '/a' })]), /type create/],
  ];
  for (const [promise, reason] of cases) {
    await assert.rejects(promise, (error) => {
      assert.ok(error instanceof KeeperError, String(error));
      assert.equal(error.code, 'BadArguments');
      assert.equal(error.errno, -8);
      assert.match(error.message, reason);
      return true;
    });
  }
  await server.clock.settle();
  assert.equal(server.asked.length, asked);
  await assert.rejects(ZooKeeper.connect(server.ports, ''), /no server/);
  await close(server, zk);
});

test('paths of a chrooted client are mapped both ways', async () => {
  const server = new FakeServer();
  const zk = await connected(server, {}, 'host:1/app');
  server.answer = ({ body }) => {
    const path = body.ustring();
    return { body: (writer) => Create2Response.write(writer, { path: `${path}-1`, stat }) };
  };
  const created = zk.create2('/a', '', { mode: 'PERSISTENT_SEQUENTIAL' });
  await server.clock.settle();
  assert.deepEqual(await created, { path: '/a-1', stat });
  assert.equal(zk.chroot, '/app');
  await close(server, zk);
});

test('an iterator whose session ends ends with it', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  server.answer = () => ({ body: (writer) => writer.int(0) });
  const watch = zk.watch('/a');
  const other = zk.watch('/b', { signal: AbortSignal.timeout(1 << 30) });
  await server.clock.settle();
  await watch.ready;
  server.send(server.event(EventType.NodeDataChanged, '/a'));
  server.close('ECONNRESET');
  server.refuse = 'ECONNREFUSED';
  await server.clock.advance(20_000);
  assert.equal(zk.state, 'EXPIRED');
  assert.equal((await watch.next()).value?.type, 'NodeDataChanged');
  await assert.rejects(watch.next(), isError('SessionExpired'));
  assert.equal((await watch.next()).done, true);
  await assert.rejects(other.next(), isError('SessionExpired'));
  await zk.close();
  assert.equal(server.clock.timers, 0);
});

test('an iterator that is left takes its watch away, unless somebody else needs it', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  server.answer = ({ op }) => (op === 'addWatch' ? { body: (writer) => writer.int(0) } : {});
  const controller = new AbortController();
  const first = zk.watch('/a', { signal: controller.signal });
  const second = zk.watch('/a', { recursive: true });
  await server.clock.settle();
  controller.abort();
  assert.deepEqual(await first.next(), { done: true, value: undefined });
  await server.clock.settle();
  assert.deepEqual(
    server.asked.map(({ op }) => op),
    ['addWatch', 'addWatch'],
  );
  const left = second.return();
  await server.clock.settle();
  await left;
  assert.deepEqual(server.asked.at(-1)?.op, 'removeWatches');
  const failing = zk.watch('no path');
  await assert.rejects(failing.ready, isError('BadArguments'));
  await assert.rejects(failing.next(), isError('BadArguments'));
  await close(server, zk);
});

test('leaving an iterator does not wait for a connection', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  server.answer = ({ op }) => (op === 'addWatch' ? { body: (writer) => writer.int(0) } : {});
  const before = zk.watch('/a');
  await server.clock.settle();
  server.close('ECONNRESET');
  const meanwhile = zk.watch('/a');
  await before.return();
  await meanwhile.return();
  const asked = server.asked.length;
  await server.clock.advance(2_000);
  assert.deepEqual(
    server.asked.slice(asked).map(({ op }) => op),
    ['addWatch', 'removeWatches'],
  );
  await assert.rejects(zk.removeWatches('/a'), isError('NoWatcher'));
  await close(server, zk);
});

test('a watch removed without a connection is not set on the next server', async () => {
  const server = new FakeServer();
  const zk = await connected(server);
  server.answer = () => ({ body: (writer) => GetDataResponse.write(writer, { data: null, stat }) });
  const seen: string[] = [];
  const read = zk.getData('/a', { watch: ({ type }) => seen.push(type) });
  await server.clock.settle();
  await read;
  server.close('ECONNRESET');
  await zk.removeWatches('/a');
  assert.deepEqual(seen, ['DataWatchRemoved']);
  await server.clock.advance(2_000);
  assert.deepEqual(
    server.asked.map(({ op }) => op),
    ['getData'],
  );
  await close(server, zk);
});
