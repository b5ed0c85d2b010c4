/**
 * The client library and whole ensembles of either kind: it moves between servers with its session, takes no server
 * that is behind what it has seen, and with `readOnly` reads from a server that lost its majority, until there is one
 * that takes writes.
 *
 * What is checked is what a program sees. Servers have local sessions, without which Java has no read-only service.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect, KeeperError } from '../../src/index.ts';
import { isError, soon, watcher } from './client-fixture.ts';
import { skipWithout } from './harness/debian.ts';
import { Ensemble } from './harness/ensemble.ts';
import type { ServerKind } from './harness/server.ts';
import { subject } from './harness/server.ts';

const there = subject();
const sessionTimeoutMs = 12_000;

function threeOf(kind: ServerKind): Promise<Ensemble> {
  return Ensemble.start({
    name: `client-${kind}`,
    members: [{ kind }, { kind }, { kind }],
    config: { localSessionsEnabled: 'true', localSessionsUpgradingEnabled: 'true' },
    properties: {
      java: { 'readonlymode.enabled': 'true' },
      [there]: { 'readonlymode.enabled': 'true' },
    },
  });
}

/** Until it does not fall into a lost connection: the server we moved to may not know yet that its leader is gone. */
async function insist<T>(request: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof KeeperError && error.code === 'ConnectionLoss')) throw error;
    }
  }
}

for (const kind of new Set<ServerKind>([there, 'java'])) {
  const skip = kind === 'java' ? skipWithout('libzookeeper-java', 'libslf4j-java') : false;
  describe(`a client of three ${kind} servers`, { skip }, () => {
    it('moves with its session, its ephemeral and its watch, and never back in time', async () => {
      const ensemble = await threeOf(kind);
      try {
        const everywhere = ensemble.connectString();
        await using zk = await connect(everywhere, { sessionTimeoutMs });
        const { sessionId } = zk;
        await zk.create('/a', '1');
        // Makes it a session of the ensemble.
        await zk.create('/mine', '', { mode: 'EPHEMERAL' });
        const changed = watcher();
        await zk.getData('/a', { watch: changed.watch });
        const here = ensemble.members.find(({ address }) => address === zk.server);
        assert.ok(here !== undefined, `${zk.server} of ${everywhere}`);
        const suspended = zk.once('suspended');
        const connected = zk.once('connected');
        const { lastZxid } = zk;
        await here.kill();
        await soon(suspended, 'suspended');
        const { server } = await soon(connected, 'connected');
        assert.notEqual(server, here.address);
        assert.equal(zk.sessionId, sessionId);
        const mine = await insist(() => zk.exists('/mine'));
        assert.equal(mine?.ephemeralOwner, sessionId);
        await insist(() => zk.setData('/a', '2'));
        assert.equal((await changed.next()).type, 'NodeDataChanged');
        assert.ok(zk.lastZxid > lastZxid);

        await using next = await connect(everywhere, { sessionTimeoutMs, lastZxid: zk.lastZxid });
        assert.equal((await next.getData('/a')).text, '2');
        const ahead = zk.lastZxid + (1n << 32n);
        const refused = connect(everywhere, { lastZxid: ahead, connectTimeoutMs: 1000 });
        await assert.rejects(refused, isError('ConnectionLoss'));
      } finally {
        await ensemble.close();
      }
    });

    it('reads where there is no majority, if it asks for it, and moves to one', async () => {
      const ensemble = await threeOf(kind);
      try {
        const everywhere = ensemble.connectString();
        const writer = await connect(everywhere, { sessionTimeoutMs });
        await writer.create('/a', 'before');
        const { lastZxid } = writer;
        await writer.close();
        const [rest, ...gone] = ensemble.members;
        assert.ok(rest !== undefined);
        await ensemble.until('the write on the server that stays', async () => {
          const status = await rest.status();
          return status !== undefined && status.zxid >= lastZxid ? true : undefined;
        });
        for (const member of gone) await member.kill();
        await ensemble.inMode(rest, 'read-only');

        const strict = connect(everywhere, { sessionTimeoutMs, connectTimeoutMs: 1000 });
        await assert.rejects(strict, isError('ConnectionLoss'));
        await using zk = await connect(everywhere, { sessionTimeoutMs, readOnly: true });
        assert.deepEqual([zk.state, zk.server], ['CONNECTEDREADONLY', rest.address]);
        const changed = watcher();
        assert.equal((await zk.getData('/a', { watch: changed.watch })).text, 'before');
        await assert.rejects(zk.setData('/a', 'x'), isError('NotReadOnly', '/a'));
        const connected = zk.once('connected');
        for (const member of gone) await member.start();
        await ensemble.settled();
        assert.equal((await soon(connected, 'connected')).readOnly, false);
        assert.equal(zk.state, 'CONNECTED');
        await insist(() => zk.setData('/a', 'after'));
        assert.equal((await changed.next()).type, 'NodeDataChanged');
      } finally {
        await ensemble.close();
      }
    });
  });
}
