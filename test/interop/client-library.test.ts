/**
 * The client library against a real server, feature by feature: operations, create modes, ACLs, multi, watches of all
 * kinds, chroot, limits. Sessions and lost connections are in client-sessions.test.ts.
 *
 * The wire side of every client test elsewhere is this library, so here its answers are compared with what ZooKeeper's
 * documentation promises, and its picture of watches with the server's (checkWatches).
 */
import assert from 'node:assert/strict';
import type { MultiOp } from '../../src/index.ts';
import { connect, creatorAllAcl, KeeperError, openAcl, readAcl } from '../../src/index.ts';
import { clientSuite, isError, soon, watcher } from './client-fixture.ts';

clientSuite('the client library', (test) => {
  test('create, exists, getData, setData, delete', async ({ zk, root }) => {
    const path = `${root}/a`;
    assert.equal(await zk.create(path, 'one'), path);
    const before = await zk.getData(path);
    assert.equal(before.text, 'one');
    assert.equal(before.stat.version, 0);
    assert.equal(before.stat.dataLength, 3);
    const changed = await zk.setData(path, Uint8Array.of(1, 2), { version: 0 });
    assert.equal(changed.version, 1);
    assert.deepEqual((await zk.getData(path)).data, Uint8Array.of(1, 2));
    assert.deepEqual(await zk.exists(path), changed);
    await assert.rejects(zk.setData(path, 'x', { version: 0 }), isError('BadVersion', path));
    await assert.rejects(zk.create(path), isError('NodeExists', path));
    await assert.rejects(zk.delete(root), isError('NotEmpty', root));
    await assert.rejects(zk.delete(path, { version: 7 }), isError('BadVersion', path));
    await zk.delete(path, { version: 1 });
    assert.equal(await zk.exists(path), null);
    await assert.rejects(zk.getData(path), isError('NoNode', path));
    await assert.rejects(zk.getChildren(path), isError('NoNode', path));
    await assert.rejects(zk.create(`${path}/b`), isError('NoNode'));
  });

  test('null and empty data, and text beyond ASCII', async ({ zk, root }) => {
    assert.equal((await zk.getData(await zk.create(`${root}/null`, null))).data, null);
    assert.deepEqual((await zk.getData(await zk.create(`${root}/empty`))).data, new Uint8Array(0));
    const text = 'Grüße, 世界 🌍';
    const path = await zk.create(`${root}/über-世`, text);
    assert.equal((await zk.getData(path)).text, text);
    assert.deepEqual((await zk.getChildren(root)).sort(), ['empty', 'null', 'über-世']);
  });

  test('every create mode', async ({ server, zk, root }) => {
    const { sessionId } = zk;
    const created = await zk.create2(`${root}/p`, 'x');
    assert.equal(created.path, `${root}/p`);
    assert.deepEqual(created.stat, await zk.exists(created.path));
    assert.equal(
      await zk.create(`${root}/s-`, '', { mode: 'PERSISTENT_SEQUENTIAL' }),
      `${root}/s-0000000001`,
    );
    const ephemeral = await zk.create2(`${root}/e`, '', { mode: 'EPHEMERAL' });
    assert.equal(ephemeral.stat.ephemeralOwner, sessionId);
    const sequential = await zk.create(`${root}/e-`, '', { mode: 'EPHEMERAL_SEQUENTIAL' });
    assert.equal(sequential, `${root}/e-0000000003`);
    assert.equal(
      await zk.create(`${root}/`, '', { mode: 'PERSISTENT_SEQUENTIAL' }),
      `${root}/0000000004`,
    );
    assert.equal(await zk.create(`${root}/c`, '', { mode: 'CONTAINER' }), `${root}/c`);
    const ttl = { mode: 'PERSISTENT_WITH_TTL', ttlMs: 3_600_000 } as const;
    assert.equal((await zk.create2(`${root}/t`, '', ttl)).path, `${root}/t`);
    const both = { mode: 'PERSISTENT_SEQUENTIAL_WITH_TTL', ttlMs: 1 } as const;
    assert.equal(await zk.create(`${root}/t-`, '', both), `${root}/t-0000000007`);
    await assert.rejects(zk.create(`${ephemeral.path}/x`), isError('NoChildrenForEphemerals'));
    assert.deepEqual((await zk.getEphemerals()).sort(), [ephemeral.path, sequential].sort());
    assert.deepEqual(await zk.getEphemerals(`${root}/e-`), [sequential]);
    assert.equal(await zk.getAllChildrenNumber(root), 8);
    await zk.close();
    await using later = await connect(server.address);
    assert.equal(await later.exists(ephemeral.path), null);
  });

  test('children and their stat', async ({ zk, root }) => {
    await Promise.all(['a', 'b', 'c'].map((name) => zk.create(`${root}/${name}`)));
    const { children, stat } = await zk.getChildren2(root);
    assert.deepEqual(children.sort(), ['a', 'b', 'c']);
    assert.equal(stat.numChildren, 3);
    assert.equal(stat.cversion, 3);
  });

  test('ACLs, credentials and who I am', async ({ server, zk, root }) => {
    const path = await zk.create(`${root}/acl`, 'x', { acl: readAcl });
    assert.deepEqual((await zk.getACL(path)).acl, readAcl);
    await assert.rejects(zk.setData(path, 'y'), isError('NoAuth', path));
    await assert.rejects(zk.create(`${root}/none`, '', { acl: [] }), isError('InvalidACL'));
    await assert.rejects(
      zk.create(`${root}/auth`, '', { acl: creatorAllAcl }),
      isError('InvalidACL'),
    );
    await zk.addAuth('digest', 'kim:secret');
    const mine = await zk.create(`${root}/mine`, 'x', { acl: creatorAllAcl });
    const { acl, stat } = await zk.getACL(mine);
    assert.equal(acl[0]?.id.scheme, 'digest');
    assert.ok(acl[0]?.id.id.startsWith('kim:'));
    assert.equal(stat.aversion, 0);
    const schemes = (await zk.whoAmI()).map(({ authScheme, user }) => `${authScheme}:${user}`);
    assert.deepEqual(schemes.sort(), ['digest:kim', 'ip:127.0.0.1']);
    await using other = await connect(server.address);
    await assert.rejects(other.getData(mine), isError('NoAuth', mine));
    await using same = await connect(server.address, {
      auth: [{ scheme: 'digest', auth: 'kim:secret' }],
    });
    assert.equal((await same.getData(mine)).text, 'x');
    assert.equal((await same.setACL(mine, openAcl, { version: 0 })).aversion, 1);
    assert.equal((await other.getData(mine)).text, 'x');
  });

  test('refused credentials end the session', async ({ server, zk }) => {
    const gone = zk.once('authFailed');
    await assert.rejects(zk.addAuth('nonsense', 'x'), isError('AuthFailed'));
    await soon(gone, 'authFailed');
    assert.equal(zk.state, 'AUTH_FAILED');
    await assert.rejects(zk.exists('/'), isError('AuthFailed'));
    const auth = [{ scheme: 'nonsense', auth: 'x' }];
    await assert.rejects(connect(server.address, { auth }), isError('AuthFailed'));
  });

  test('multi: all or nothing', async ({ zk, root }) => {
    const results = await zk
      .transaction()
      .create(`${root}/a`, 'one')
      .create(`${root}/s-`, '', { mode: 'EPHEMERAL_SEQUENTIAL' })
      .setData(`${root}/a`, 'two', 0)
      .check(`${root}/a`, 1)
      .create(`${root}/c`, '', { mode: 'CONTAINER' })
      .delete(`${root}/a`)
      .commit();
    assert.deepEqual(
      results.map((result) => result.type),
      ['create', 'create', 'setData', 'check', 'create', 'delete'],
    );
    const [, sequential, changed, , container] = results;
    assert.ok(sequential?.type === 'create' && sequential.path === `${root}/s-0000000001`);
    assert.ok(changed?.type === 'setData' && changed.stat.version === 1);
    assert.ok(container?.type === 'create' && container.stat !== undefined);
    const ops: MultiOp[] = [
      { type: 'create2', path: `${root}/b` },
      { type: 'check', path: `${root}/missing` },
      { type: 'delete', path: root },
    ];
    await assert.rejects(zk.multi(ops), (error) => {
      assert.ok(error instanceof KeeperError);
      assert.equal(error.code, 'NoNode');
      assert.equal(error.path, `${root}/missing`);
      assert.deepEqual(
        error.results?.map((result) => (result.type === 'error' ? result.errno : undefined)),
        [0, -101, -2],
      );
      return true;
    });
    assert.equal(await zk.exists(`${root}/b`), null);
    assert.deepEqual(await zk.multi([]), []);
  });

  test('multiRead: each for itself', async ({ zk, root }) => {
    await zk.create(`${root}/a`, 'x');
    const [data, missing, children] = await zk.multiRead([
      { type: 'getData', path: `${root}/a` },
      { type: 'getData', path: `${root}/b` },
      { type: 'getChildren', path: root },
    ]);
    assert.ok(data?.type === 'getData');
    assert.deepEqual(data.data, Uint8Array.of(0x78));
    assert.deepEqual(missing, { type: 'error', code: 'NoNode', errno: -101 });
    assert.deepEqual(children, { type: 'getChildren', children: ['a'] });
  });

  test('sync and the configuration node', async ({ zk, root }) => {
    await zk.sync(root);
    assert.equal((await zk.getConfig()).stat.version, 0);
  });

  test('one-shot watches: data, exist, child', async ({ zk, root }) => {
    const path = `${root}/a`;
    const exist = watcher();
    assert.equal(await zk.exists(path, { watch: exist.watch }), null);
    const child = watcher();
    await zk.getChildren(root, { watch: child.watch });
    await zk.create(path);
    const created = await exist.next();
    assert.deepEqual([created.type, created.path], ['NodeCreated', path]);
    assert.equal((await child.next()).type, 'NodeChildrenChanged');
    const data = watcher();
    await zk.getData(path, { watch: data.watch });
    await zk.setData(path, 'x');
    await zk.setData(path, 'y');
    assert.equal((await data.next()).type, 'NodeDataChanged');
    await zk.getData(path, { watch: data.watch });
    await zk.exists(path, { watch: data.watch });
    await zk.getChildren(path, { watch: data.watch });
    await zk.delete(path);
    assert.equal((await data.next()).type, 'NodeDeleted');
    assert.equal(await zk.checkWatches(path), false);
    await assert.rejects(zk.getData(path, { watch: data.watch }), isError('NoNode'));
    assert.equal(await zk.checkWatches(path), false);
  });

  test('a watch event comes before the result of a read made after the change', async ({
    server,
    zk,
    root,
  }) => {
    const seen: string[] = [];
    await zk.getData(root, { watch: () => seen.push('event') });
    await using other = await connect(server.address);
    await other.setData(root, 'x');
    await zk.sync(root);
    await zk.getData(root).then(({ text }) => seen.push(text));
    assert.deepEqual(seen, ['event', 'x']);
  });

  test('persistent watches, as callbacks', async ({ zk, root }) => {
    // Two modes at one path are a later feature than 3.8, so these are two paths.
    const top = await zk.create(`${root}/top`);
    const plain = watcher();
    const recursive = watcher();
    await zk.addWatch(root, 'PERSISTENT', plain.watch);
    await zk.addWatch(top, 'PERSISTENT_RECURSIVE', recursive.watch);
    const path = await zk.create(`${top}/a`);
    await zk.setData(path, 'x');
    await zk.setData(top, 'x');
    await zk.setData(root, 'x');
    await zk.delete(path);
    await zk.delete(top);
    const many = async (of: ReturnType<typeof watcher>, n: number): Promise<string[]> => {
      const events: string[] = [];
      for (let i = 0; i < n; i++) {
        const event = await of.next();
        events.push(`${event.type} ${event.path}`);
      }
      return events;
    };
    assert.deepEqual(await many(plain, 2), [
      `NodeDataChanged ${root}`,
      `NodeChildrenChanged ${root}`,
    ]);
    assert.deepEqual(await many(recursive, 5), [
      `NodeCreated ${path}`,
      `NodeDataChanged ${path}`,
      `NodeDataChanged ${top}`,
      `NodeDeleted ${path}`,
      `NodeDeleted ${top}`,
    ]);
    await zk.removeWatches(root, { watcher: plain.watch });
    assert.equal((await plain.next()).type, 'PersistentWatchRemoved');
    assert.equal(await zk.checkWatches(root), false);
    assert.equal(await zk.checkWatches(top), true);
    await zk.removeWatches(top, { type: 'PersistentRecursive' });
    assert.equal((await recursive.next()).type, 'PersistentWatchRemoved');
    assert.equal(await zk.checkWatches(top), false);
    await assert.rejects(zk.removeWatches(root), isError('NoWatcher', root));
  });

  test('a persistent watch, as an async iterator', async ({ zk, root }) => {
    const watch = zk.watch(root, { recursive: true });
    await watch.ready;
    const seen: string[] = [];
    void zk.create(`${root}/a`);
    void zk.create(`${root}/a/b`);
    void zk.delete(`${root}/a/b`);
    for await (const event of watch) {
      seen.push(`${event.type} ${event.path}`);
      if (event.type === 'NodeDeleted') break;
    }
    assert.deepEqual(seen, [
      `NodeCreated ${root}/a`,
      `NodeCreated ${root}/a/b`,
      `NodeDeleted ${root}/a/b`,
    ]);
    assert.equal(await zk.checkWatches(root), false);
    const ended = zk.watch(root);
    await ended.ready;
    await zk.close();
    assert.deepEqual(await ended.next(), { done: true, value: undefined });
  });

  test('removeWatches by type', async ({ zk, root }) => {
    const data = watcher();
    const child = watcher();
    await zk.getData(root, { watch: data.watch });
    await zk.getChildren(root, { watch: child.watch });
    assert.equal(await zk.checkWatches(root, 'Children'), true);
    await zk.removeWatches(root, { type: 'Children' });
    assert.equal((await child.next()).type, 'ChildWatchRemoved');
    assert.equal(await zk.checkWatches(root, 'Children'), false);
    assert.equal(await zk.checkWatches(root, 'Data'), true);
    await zk.setData(root, 'x');
    assert.equal((await data.next()).type, 'NodeDataChanged');
  });

  test('ten thousand requests in flight come back in order', async ({ zk, root }) => {
    const order: number[] = [];
    const writes: Promise<unknown>[] = [];
    for (let i = 0; i < 10_000; i++) {
      writes.push(zk.setData(root, `${i}`).then((stat) => order.push(stat.version)));
    }
    await Promise.all(writes);
    assert.deepEqual(
      order,
      order.map((_, i) => i + 1),
    );
    assert.equal((await zk.getData(root)).text, '9999');
  });

  test('limits: a megabyte passes, more is refused before it is sent', async ({ zk, root }) => {
    const big = new Uint8Array(1_000_000).fill(7);
    await zk.setData(root, big);
    assert.deepEqual((await zk.getData(root)).data, big);
    await assert.rejects(
      zk.setData(root, new Uint8Array(1_048_576)),
      isError('BadArguments', root),
    );
    assert.equal(zk.state, 'CONNECTED');
    await assert.rejects(zk.getData('no/slash'), isError('BadArguments', 'no/slash'));
    await assert.rejects(zk.create('/a//b'), isError('BadArguments'));
    await assert.rejects(zk.create('/a/../b'), isError('BadArguments'));
    const ttl = { mode: 'PERSISTENT_WITH_TTL', ttlMs: 0 } as const;
    await assert.rejects(zk.create(`${root}/t`, '', ttl), isError('BadArguments'));
  });

  test('a large directory: the listing is longer than jute.maxbuffer', async ({ zk, root }) => {
    const name = 'x'.repeat(150);
    const creates: Promise<unknown>[] = [];
    for (let i = 0; i < 8_000; i++) creates.push(zk.create(`${root}/${name}-${i}`));
    await Promise.all(creates);
    assert.equal((await zk.getChildren(root)).length, 8_000);
  });

  test('chroot', async ({ server, zk, root }) => {
    await using inside = await connect(`${server.address}${root}`);
    assert.equal(await inside.create('/a', 'x', { mode: 'EPHEMERAL' }), '/a');
    assert.equal((await zk.getData(`${root}/a`)).text, 'x');
    assert.deepEqual(await inside.getEphemerals(), ['/a']);
    assert.deepEqual(await inside.getChildren('/'), ['a']);
    const data = watcher();
    await inside.getData('/a', { watch: data.watch });
    const top = watcher();
    await inside.getChildren('/', { watch: top.watch });
    await zk.delete(`${root}/a`);
    assert.deepEqual((await data.next()).path, '/a');
    assert.deepEqual((await top.next()).path, '/');
    const [made] = await inside.multi([{ type: 'create', path: '/b' }]);
    assert.deepEqual(made, { type: 'create', path: '/b', stat: undefined });
    await assert.rejects(inside.getData('/none'), isError('NoNode', '/none'));
    assert.equal((await inside.getConfig()).stat.version, 0);
  });
});
