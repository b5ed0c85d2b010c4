// The four-letter words of a live ensemble, three voters and an observer in one process on real ports: the work that
// was done on Java's (four-letter-words/capture-ensemble.ts), in the same order. In: the fixture; out: the same
// answers, but for what tells of the run, and the same counts of proposals, commits and synchronizations. Then what the
// last server says when the others are gone. Ticks are long: a busy machine must not end a term.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateFlag, OpCode } from '../../src/proto/opcodes.ts';
import { readConfig } from '../../src/server/config.ts';
import type { RunningServer } from '../../src/server/start.ts';
import { startServer } from '../../src/server/start.ts';
import { freePort } from '../interop/harness/ports.ts';
import { ensembleAnswer, sameInEnsemble } from './four-letter-words/ensemble-fixture.ts';
import { comparable } from './four-letter-words/fixture.ts';
import * as frames from './four-letter-words/frames.ts';
import { SocketPlayer } from './four-letter-words/socket-player.ts';

const deadlineMs = 30_000;
const pollMs = 10;

interface Member {
  readonly sid: number;
  readonly server: RunningServer;
}

async function startAll(folder: string, members: Member[]): Promise<void> {
  const lines: string[] = [];
  for (let sid = 1; sid <= 4; sid++) {
    const role = sid === 4 ? 'observer' : 'participant';
    lines.push(`server.${sid}=127.0.0.1:${await freePort()}:${await freePort()}:${role}`);
  }
  for (let sid = 1; sid <= 4; sid++) {
    const dataDir = join(folder, String(sid));
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'myid'), `${sid}\n`);
    const text = [
      ...[`dataDir=${dataDir}`, 'clientPort=0', 'clientPortAddress=127.0.0.1', 'tickTime=2000'],
      ...['initLimit=40', 'syncLimit=10', 'minSessionTimeout=1000', 'maxSessionTimeout=600000'],
      ...['maxClientCnxns=0', 'preAllocSize=512', '4lw.commands.whitelist=*', ...lines],
      'readonlymode.enabled=true',
    ].join('\n');
    const { config } = readConfig({ text, readMyid: () => `${sid}` });
    const server = await startServer({ config, log: { log: () => undefined } });
    members.push({ sid, server });
  }
}

function modeOf(srvr: string): string | undefined {
  return /^Mode: (.*)$/m.exec(srvr)?.[1];
}

/** By role, as soon as everybody has one: the leader, the follower with the lowest sid, the observer. */
async function settled(members: readonly Member[]): Promise<ReadonlyMap<string, Member>> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const modes = await Promise.all(
      members.map(async ({ server }) =>
        modeOf(await new SocketPlayer(server.clientPort).ask('srvr')),
      ),
    );
    const byRole = new Map<string, Member>();
    for (const [index, member] of members.entries()) {
      const mode = modes[index];
      if (mode !== undefined && !byRole.has(mode)) byRole.set(mode, member);
    }
    const leader = byRole.get('leader');
    if (leader !== undefined && !modes.includes(undefined)) {
      const mntr = await new SocketPlayer(leader.server.clientPort).ask('mntr');
      if (/^zk_synced_followers\t2$/m.test(mntr) && /^zk_synced_observers\t1$/m.test(mntr)) {
        return byRole;
      }
    }
    assert.ok(performance.now() < giveUpAt, `no ensemble after ${deadlineMs} ms: ${modes}`);
    await delay(pollMs);
  }
}

/** Waits until the second has applied what the first has: commits arrive when the client was answered already. */
async function caughtUp(first: Member, second: Member): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const [wanted, found] = await Promise.all(
      [first, second].map(async ({ server }) => {
        return /^Zxid: .*$/m.exec(await new SocketPlayer(server.clientPort).ask('srvr'))?.[0];
      }),
    );
    if (found === wanted) return;
    assert.ok(performance.now() < giveUpAt, `${found} after ${deadlineMs} ms, not ${wanted}`);
    await delay(pollMs);
  }
}

async function readOnly({ server }: Member): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs;
  while (modeOf(await new SocketPlayer(server.clientPort).ask('srvr')) !== 'read-only') {
    assert.ok(performance.now() < giveUpAt, `not read-only after ${deadlineMs} ms`);
    await delay(pollMs);
  }
}

async function work(state: string, player: SocketPlayer): Promise<void> {
  await player.ask('srst');
  await player.open('a');
  await player.send('a', frames.connect(10_000));
  await player.open('b');
  await player.send('b', frames.connect(30_000));
  await player.send('a', frames.create(1, `/${state}`, 'x'));
  await player.send('a', frames.create(2, `/${state}/e`, '', CreateFlag.EPHEMERAL));
  await player.send('a', frames.read(3, OpCode.getData, `/${state}`, true));
}

/** What is counted alike. */
const counted = [
  ...['server_state', 'peer_state', 'quorum_size', 'learners', 'synced_followers'],
  ...['synced_observers', 'synced_non_voting_followers', 'pending_syncs'],
  ...['last_proposal_size', 'min_proposal_size', 'max_proposal_size'],
  ...['global_sessions', 'local_sessions', 'ephemerals_count', 'watch_count', 'znode_count'],
  ...['proposal_count', 'commit_count', 'learner_proposal_received_count', 'looking_count'],
  ...['learner_commit_received_count', 'snap_count', 'cnt_election_time', 'cnt_unavailable_time'],
  ...['cnt_follower_sync_time', 'cnt_observer_sync_time', 'cnt_leader_unavailable_time'],
];

test('a live ensemble answers what a live Java ensemble answered', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quoll-words-'));
  const members: Member[] = [];
  try {
    await startAll(folder, members);
    const byRole = await settled(members);
    for (const state of ['leader', 'follower', 'observer']) {
      const member = byRole.get(state);
      assert.ok(member !== undefined, state);
      await caughtUp(byRole.get('leader') ?? member, member);
      const player = new SocketPlayer(member.server.clientPort);
      await work(state, player);
      for (const word of 'ruok isro srvr stat cons conf dump wchs'.split(' ')) {
        const found = comparable(word, await player.ask(word), player.names);
        const expected = ensembleAnswer(`${state} ${word}`);
        assert.equal(
          sameInEnsemble(word, found),
          sameInEnsemble(word, expected),
          `${state} ${word}`,
        );
      }
      const mntr = await player.ask('mntr');
      for (const name of counted) {
        const line = new RegExp(`^zk_${name}\t(.*)$`, 'm');
        const expected = line.exec(ensembleAnswer(`${state} mntr`))?.[1];
        assert.equal(line.exec(mntr)?.[1], expected, `${state} ${name}`);
      }
      const master = /^zk_observer_master_id\t(\d+)$/m.exec(mntr)?.[1];
      const leader = String(byRole.get('leader')?.sid);
      assert.equal(master, state === 'observer' ? leader : undefined);
      await player.sendLast('a', frames.closeSession(4));
      await player.sendLast('b', frames.closeSession(1));
    }
    const last = byRole.get('follower');
    assert.ok(last !== undefined);
    await Promise.all(members.filter((one) => one !== last).map(({ server }) => server.stop()));
    await readOnly(last);
    for (const word of 'ruok isro srvr stat cons conf wchs wchc hash dirs'.split(' ')) {
      const found = await new SocketPlayer(last.server.clientPort).ask(word);
      const expected = ensembleAnswer(`read-only ${word}`);
      assert.equal(sameInEnsemble(word, found), sameInEnsemble(word, expected), `alone ${word}`);
    }
  } finally {
    await Promise.all(members.map(({ server }) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
});
