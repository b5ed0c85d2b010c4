// What a leader that loses its term keeps of it: all that was proposed, since others may have committed what its own
// disk did not have yet. In: an ensemble in a simulated world, whose leader is slow to write. Out: what stands in its
// log when it comes back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import { SimClient } from '../../src/sim/sim-client.ts';
import { SimEnsemble, servingIn } from '../../src/sim/sim-ensemble.ts';
import type { SimServer } from '../../src/sim/sim-server.ts';
import { World } from '../../src/sim/world.ts';

const withinMs = 60_000;

function pathsOf(server: SimServer): string[] {
  const tree = servingIn(server)?.history?.database.tree;
  return ['/a0', '/a1', '/a2', '/a3', '/b'].filter((path) => (tree?.findPath(path) ?? -1) >= 0);
}

test('a leader whose disk is slow logs what was committed without it before it leaves its term', () => {
  const world = new World({ seed: 1, codec: nodeCodec, hash: nodeHash });
  const shape = { voters: 3, observers: 0, tickTimeMs: 200, initLimit: 10, syncLimit: 5 };
  const ensemble = new SimEnsemble(world, shape);
  for (const server of ensemble.servers) server.boot();
  assert.ok(world.runUntil(() => ensemble.isWhole, withinMs));
  const [leader] = ensemble.leaders as [SimServer];
  const others = ensemble.servers.filter((server) => server !== leader);
  const client = (server: SimServer, name: string): SimClient => {
    const servers = [{ host: server.name, port: 2181 }];
    const one = new SimClient(world, name, { servers, sessionTimeoutMs: 4000 });
    assert.ok(world.runUntil(() => one.state === 'CONNECTED', withinMs));
    return one;
  };
  const create = (by: SimClient, path: string): void => {
    const [made] = by.request({ type: 'create', path, data: 'x', mode: 'PERSISTENT' });
    assert.ok(world.runUntil(() => made?.outcome?.kind === 'ok', withinMs));
  };

  const ann = client(leader, 'ann');
  leader.syncMs = 4000;
  for (const path of ['/a0', '/a1', '/a2', '/a3']) create(ann, path);
  assert.ok(leader.parts !== undefined && !leader.parts.replica?.isIdle, 'its log is behind');
  for (const { machine } of others) {
    world.net.cut(machine.host, leader.machine.host);
    world.net.cut(leader.machine.host, machine.host);
  }
  assert.ok(world.runUntil(() => servingIn(leader) === undefined, withinMs));
  leader.syncMs = 0.5;
  world.net.healAll();
  assert.ok(world.runUntil(() => ensemble.isLevel, withinMs));
  create(client(others[0] as SimServer, 'bob'), '/b');

  leader.kill();
  leader.boot();
  assert.ok(world.runUntil(() => ensemble.isLevel, withinMs));
  for (const server of ensemble.servers) {
    assert.deepEqual(pathsOf(server), ['/a0', '/a1', '/a2', '/a3', '/b'], server.name);
  }
});
