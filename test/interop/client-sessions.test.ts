/**
 * Sessions of the client library against a real server: lost and silent connections, expiry, a session that moves,
 * limits of time, servers that are not there, close.
 *
 * A proxy makes the accidents. What is checked is what a program sees: events, errors and which requests survive.
 */
import assert from 'node:assert/strict';
import { connect, KeeperError } from '../../src/index.ts';
import { clientSuite, isError, soon, watcher } from './client-fixture.ts';

clientSuite('client sessions', (test) => {
  test('a cut connection: same session, watches set again, a gap told', async ({
    proxy,
    zk,
    root,
  }) => {
    await using client = await connect(`127.0.0.1:${proxy.port}`, { sessionTimeoutMs: 10_000 });
    const { sessionId } = client;
    const ephemeral = await client.create(`${root}/e`, '', { mode: 'EPHEMERAL' });
    const missed = watcher();
    const later = watcher();
    const persistent = watcher();
    await zk.create(`${root}/later`);
    await client.getData(root, { watch: missed.watch });
    await client.getData(`${root}/later`, { watch: later.watch });
    await client.addWatch(`${root}/later`, 'PERSISTENT_RECURSIVE', persistent.watch);
    proxy.pause();
    await zk.setData(root, 'changed behind its back');
    const suspended = client.once('suspended');
    const connected = client.once('connected');
    proxy.resume();
    await soon(suspended, 'suspended');
    assert.equal((await missed.next()).type, 'NodeDataChanged');
    await soon(connected, 'connected');
    assert.equal(client.sessionId, sessionId);
    assert.equal((await zk.exists(ephemeral))?.ephemeralOwner, sessionId);
    assert.equal((await persistent.next()).type, 'None');
    await zk.setData(`${root}/later`, 'x');
    assert.equal((await later.next()).type, 'NodeDataChanged');
    assert.equal((await persistent.next()).type, 'NodeDataChanged');
  });

  test('requests on a cut connection fail, those made afterwards wait for the next', async ({
    proxy,
    zk,
    root,
  }) => {
    await using client = await connect(`127.0.0.1:${proxy.port}`, { sessionTimeoutMs: 10_000 });
    proxy.pause();
    const sent = client.setData(root, 'perhaps');
    const failed = assert.rejects(sent, isError('ConnectionLoss', root));
    const suspended = client.once('suspended');
    proxy.resume();
    await soon(suspended, 'suspended');
    const waiting = client.setData(root, 'surely');
    await failed;
    await soon(waiting, 'write after the reconnect');
    assert.equal((await zk.getData(root)).text, 'surely');
  });

  test('a silent server is noticed', async ({ proxy }) => {
    await using client = await connect(`127.0.0.1:${proxy.port}`, { sessionTimeoutMs: 2_000 });
    const suspended = client.once('suspended');
    proxy.pause();
    await soon(suspended, 'suspended');
    const connected = client.once('connected');
    proxy.resume();
    await soon(connected, 'connected');
  });

  test('expiry, as the server says it and as the client knows it', async ({
    server,
    proxy,
    zk,
    root,
  }) => {
    await using client = await connect(`127.0.0.1:${proxy.port}`, { sessionTimeoutMs: 3_000 });
    const { session } = client;
    const path = await client.create(`${root}/e`, '', { mode: 'EPHEMERAL' });
    const iterator = client.watch(root);
    await iterator.ready;
    const gone = watcher();
    await zk.exists(path, { watch: gone.watch });
    const expired = client.once('expired');
    proxy.pause();
    assert.equal((await gone.next()).type, 'NodeDeleted');
    await soon(expired, 'expired');
    proxy.resume();
    assert.equal(client.state, 'EXPIRED');
    await assert.rejects(client.exists(root), isError('SessionExpired', root));
    await assert.rejects(async () => {
      for await (const _ of iterator);
    }, isError('SessionExpired'));
    await assert.rejects(connect(server.address, { session }), isError('SessionExpired'));
  });

  test('a session moves to another client with its key', async ({ server, zk, root }) => {
    const client = await connect(server.address, { sessionTimeoutMs: 60_000 });
    const path = await client.create(`${root}/e`, '', { mode: 'EPHEMERAL' });
    await client.close({ keepSession: true });
    assert.equal((await zk.exists(path))?.ephemeralOwner, client.sessionId);
    const other = await connect(server.address, { session: client.session });
    assert.equal(other.sessionId, client.sessionId);
    assert.deepEqual(await other.getEphemerals(), [path]);
    await other.close();
    assert.equal(await zk.exists(path), null);
    const late = connect(server.address, { session: client.session });
    await assert.rejects(late, isError('SessionExpired'));
  });

  test('a session taken away by another client is lost to the first', async ({ server, proxy }) => {
    await using client = await connect(`127.0.0.1:${proxy.port}`, { sessionTimeoutMs: 60_000 });
    // It would come back and take the session again: it stays cut off.
    proxy.pause();
    const other = await connect(server.address, { session: client.session });
    await other.close();
    const expired = client.once('expired');
    proxy.resume();
    await soon(expired, 'expired');
  });

  test('time limits and abort signals end the waiting only', async ({ proxy }) => {
    await using client = await connect(`127.0.0.1:${proxy.port}`, { sessionTimeoutMs: 10_000 });
    proxy.pause();
    const limited = client.exists('/', { timeoutMs: 50 });
    await assert.rejects(limited, isError('RequestTimeout', '/'));
    const controller = new AbortController();
    const aborted = client.exists('/', { signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/);
    const connected = client.once('connected');
    proxy.resume();
    await soon(connected, 'connected');
    assert.notEqual(await client.exists('/'), null);
  });

  test('several hosts: one that is not there is passed over', async ({ server }) => {
    await using client = await connect(`127.0.0.1:1,${server.address},127.0.0.1:1`);
    assert.equal(client.server, server.address);
    assert.equal(client.state, 'CONNECTED');
  });

  test('nobody there: connect says so', async () => {
    const tried = connect('127.0.0.1:1', { connectTimeoutMs: 300 });
    await assert.rejects(tried, (error) => {
      assert.ok(error instanceof KeeperError);
      assert.equal(error.code, 'ConnectionLoss');
      assert.match(error.message, /ECONNREFUSED/);
      return true;
    });
    const given = connect('127.0.0.1:1', { signal: AbortSignal.abort(new Error('never mind')) });
    await assert.rejects(given, /never mind/);
    await assert.rejects(connect('host:port'), isError('BadArguments'));
    await assert.rejects(connect('host/a//b'), isError('BadArguments'));
  });

  test('close: what was asked before is answered first, what comes after is refused', async ({
    zk,
    root,
  }) => {
    const write = zk.setData(root, 'last');
    const closed = zk.close();
    await assert.rejects(zk.exists(root), isError('SessionExpired'));
    assert.equal((await write).version, 1);
    await closed;
    assert.equal(zk.state, 'CLOSED');
    await zk.close();
  });
});
