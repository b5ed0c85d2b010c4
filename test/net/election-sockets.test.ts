// Elections over real sockets: the machine and the mesh behind the Node ports, three and five servers in one process.
// What is asked is the same as in memory: one leader, the same for all, found again when it is gone; and that garbage
// on the port stops nobody.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { Sid } from '../../src/proto/sid.ts';
import { ensemble } from '../core/election/configs.ts';
import { ElectionServer } from './election-server.ts';

const deadlineMs = 30_000;

async function listening(count: number): Promise<ElectionServer[]> {
  const ports = new Map<Sid, number>();
  const verifier = ensemble(count);
  const servers = [...verifier.voters].map(
    (mySid) => new ElectionServer({ mySid, verifier, ports }),
  );
  for (const server of servers) await server.listen();
  return servers;
}

async function assertAllDecide(
  servers: readonly ElectionServer[],
  number: number,
  leader: Sid,
): Promise<void> {
  for (const server of servers) {
    const decision = await server.decision(number, deadlineMs);
    assert.equal(decision.leader, leader);
    assert.equal(decision.state, server.sid === leader ? 'LEADING' : 'FOLLOWING');
  }
}

test('three servers: the best leads; it goes, and the others agree on the next', async () => {
  const servers = await listening(3);
  try {
    for (const server of servers) server.look(server.sid === 2n ? 5n : 4n);
    await assertAllDecide(servers, 0, 2n);
    const [one, two, three] = servers;
    assert(one !== undefined && two !== undefined && three !== undefined);
    await two.stop();
    for (const server of [one, three]) {
      const gone = (): boolean => !server.isConnected(2n);
      await server.until('the link to 2 to break', gone, deadlineMs);
    }
    for (const server of [one, three]) server.look(4n);
    await assertAllDecide([one, three], 1, 3n);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
});

test('five servers, one of which comes late and joins', async () => {
  const servers = await listening(5);
  try {
    const [late, ...rest] = servers;
    assert(late !== undefined);
    for (const server of rest) server.look();
    await assertAllDecide(rest, 0, 5n);
    late.look(99n);
    await assertAllDecide([late], 0, 5n);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
});

test('B.2 rows 35 and 36: garbage on the ports before, while and after', async () => {
  const ports = new Map<Sid, number>();
  const verifier = ensemble(3);
  const servers = [...verifier.voters].map(
    (mySid) => new ElectionServer({ mySid, verifier, ports }),
  );
  for (const server of servers) await server.listen();
  const attack = (): Promise<unknown> => {
    const bodies = [new Uint8Array(100).fill(0xff), new TextEncoder().encode('ruok'.repeat(30))];
    return Promise.all(
      [...ports.values()].flatMap((port) =>
        bodies.map((body) => {
          return new Promise<void>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => socket.end(body));
            socket.on('error', () => undefined);
            socket.on('close', () => resolve());
            socket.resume();
          });
        }),
      ),
    );
  };
  try {
    await attack();
    const during = attack();
    for (const server of servers) server.look();
    await assertAllDecide(servers, 0, 3n);
    await during;
    await attack();
    for (const server of servers) server.look();
    await assertAllDecide(servers, 1, 3n);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
});
