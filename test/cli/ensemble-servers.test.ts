// `quoll ensemble` with real servers, and the client library on all of them: three start and elect; a leader that is
// killed is replaced and comes back as a follower; a client goes on with its session, its ephemeral node, its watch and
// all it wrote; the record of elections tells it; nothing is left in the end, and a second start finds the data.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Election } from '../../src/cli/election-history.ts';
import type { ServerStatus } from '../../src/cli/server-status.ts';
import { connect } from '../../src/index.ts';
import type { Told } from './launcher.ts';
import { ended, freeBasePort, Launcher, pidsOf } from './launcher.ts';
import { killAll, run, start } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'quoll-ensemble-'));
after(async () => {
  await killAll();
  rmSync(folder, { recursive: true, force: true });
});

function statuses({ servers }: Told): readonly ServerStatus[] {
  return servers as readonly ServerStatus[];
}

function isSettled(told: Told): boolean {
  const states = statuses(told).map(({ state }) => state);
  return states.sort().join() === 'follower,follower,leader';
}

test('an ensemble on this machine survives its leader, and a client does not mind', {
  timeout: 120_000,
}, async () => {
  const basePort = await freeBasePort(3);
  const command = ['ensemble', '--base-port', `${basePort}`, '--data', join(folder, 'e'), '--json'];
  const launcher = new Launcher(start(...command));
  const ready = await launcher.told('ready');
  const settled = await launcher.told('status', isSettled);
  const leader = statuses(settled).find(({ state }) => state === 'leader')?.sid ?? 0;
  assert.equal(ready.leader, leader);
  const { connectString } = await launcher.told('planned');
  const zk = await connect(String(connectString), { sessionTimeoutMs: 10_000 });
  const { sessionId } = zk;
  await zk.create('/kept', 'before');
  await zk.create('/mine', '', { mode: 'EPHEMERAL' });
  const pids = await pidsOf(launcher, 3);
  const { lastZxid } = zk;
  const pid = pids[leader - 1] ?? 0;
  process.kill(pid, 'SIGKILL');
  // Until the next leader: what was sent may be lost with its connection, what was not waits.
  for (let isWritten = false; !isWritten; ) {
    isWritten = await zk.setData('/kept', 'after').then(
      () => true,
      (error: { code?: string }) => {
        assert.equal(error.code, 'ConnectionLoss');
        return false;
      },
    );
  }
  assert.equal(zk.sessionId, sessionId);
  assert.ok(zk.lastZxid >> 32n > lastZxid >> 32n, 'a new epoch');
  assert.equal((await zk.exists('/mine'))?.ephemeralOwner, sessionId);
  const again = await launcher.told('started', (told) => told.sid === leader && told.pid !== pid);
  await launcher.told(
    'status',
    (told) => isSettled(told) && statuses(told)[leader - 1]?.state === 'follower',
  );
  const asked = await run('election-log', ...String(connectString).split(','), '--json');
  assert.deepEqual([asked.code, asked.stderr], [0, '']);
  const { elections } = JSON.parse(asked.stdout) as { elections: readonly Election[] };
  const leaders = elections.map((election) => election.leader);
  assert.ok(
    leaders.at(-1) !== null && leaders.at(-1) !== leader,
    `${leaders.join()} after ${leader}`,
  );
  await zk.close();
  launcher.running.child.kill('SIGINT');
  const { code, stderr } = await launcher.running.ended;
  assert.deepEqual([code, stderr], [0, '']);
  await ended([...pids, again.pid ?? 0]);

  const second = new Launcher(start(...command));
  await second.told('ready');
  const reader = await connect(String(connectString), { lastZxid: zk.lastZxid });
  assert.equal((await reader.getData('/kept')).text, 'after');
  assert.equal(await reader.exists('/mine'), null);
  await reader.close();
  const secondPids = await pidsOf(second, 3);
  second.running.child.kill('SIGKILL');
  await second.running.ended;
  await ended(secondPids);
});
