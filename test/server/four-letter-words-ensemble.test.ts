// The four-letter words of an ensemble's servers: what three Java voters and an observer answered
// (four-letter-words/capture-ensemble.ts) must come out of our words when the same was done and
// the same is told of the role. In: the fixture, whose own membership is the configuration; out:
// equal texts, but for times, zxids and how many nodes earlier work left.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CreateFlag, OpCode } from '../../src/proto/opcodes.ts';
import type { ServerConfig } from '../../src/server/config.ts';
import { readConfig } from '../../src/server/config.ts';
import type { LearnerView, RoleState, RoleView } from '../../src/server/role-view.ts';
import { peerStateOf, standaloneRole } from '../../src/server/role-view.ts';
import { ensembleAnswer, ensembleAnswers } from './four-letter-words/ensemble-fixture.ts';
import { comparable } from './four-letter-words/fixture.ts';
import * as frames from './four-letter-words/frames.ts';
import { MachinePlayer } from './four-letter-words/machine-player.ts';

function learner(sid: bigint, role: LearnerView['role']): LearnerView {
  return { sid, role, isVoter: role === 'follower', isSynced: true, remoteAddress: '127.0.0.1' };
}

/** Of the captured ensemble: server 3 led, or whoever says so in its own words. */
function roleOf(state: RoleState, sid: bigint, leader: bigint): RoleView {
  const others = [1n, 2n, 3n].filter((one) => one !== leader);
  const sizes = / last\/min\/max: (\d+)\/(\d+)\/(\d+)$/m.exec(ensembleAnswer('leader srvr')) ?? [];
  const [, lastSize = -1, minSize = -1, maxSize = -1] = sizes.map(Number);
  return {
    ...standaloneRole,
    state,
    sid,
    leader,
    epoch: 1,
    phase: state === 'read-only' ? 'ELECTION' : 'BROADCAST',
    syncMode: 'DIFF',
    quorumSize: 3,
    proposals: { outstanding: 0, lastSize, minSize, maxSize },
    leadingSince: state === 'leader' ? 1_000_000 : undefined,
    learners:
      state === 'leader'
        ? [...others.map((one) => learner(one, 'follower')), learner(4n, 'observer')]
        : [],
  };
}

/** The configuration that prints what Java printed, read from that. */
function configIn(conf: string, localSessions: boolean): ServerConfig {
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(conf)?.[1] ?? '';
  const names = 'tickTime maxClientCnxns minSessionTimeout maxSessionTimeout initLimit syncLimit';
  const keys = names.split(' ').map((name) => `${name}=${value(name)}`);
  const membership = /^membership: \n([\s\S]*)/m.exec(ensembleAnswer('leader conf'))?.[1] ?? '';
  const text = [
    'dataDir=/folder/data',
    'clientPort=2181',
    `localSessionsEnabled=${localSessions}`,
    ...keys,
    membership,
  ];
  return readConfig({ text: text.join('\n'), readMyid: () => value('serverId') }).config;
}

function playerOf(state: RoleState, who: string, localSessions = false): MachinePlayer {
  const conf = ensembleAnswer(`${who.split(' ')[0]} conf`);
  const config = configIn(conf, localSessions);
  const leader = BigInt(/^serverId=(\d+)$/m.exec(ensembleAnswer('leader conf'))?.[1] ?? '');
  const role = roleOf(state, config.ensemble?.mySid ?? 0n, leader);
  const options = { localSessions, localSessionsUpgrading: localSessions };
  return new MachinePlayer('all', { config, role }, options);
}

/** As capture-ensemble.ts. */
async function work(player: MachinePlayer, path: string): Promise<void> {
  await player.open('a');
  await player.send('a', frames.connect(10_000));
  await player.open('b');
  await player.send('b', frames.connect(30_000));
  await player.send('a', frames.create(1, path, 'x'));
  await player.send('a', frames.create(2, `${path}/e`, '', CreateFlag.EPHEMERAL));
  await player.send('a', frames.read(3, OpCode.getData, path, true));
}

function same(word: string, text: string): string {
  return comparable(word, text)
    .replace(/\{client port\}|\b2181$/gm, '#')
    .replace(/^Zxid: 0x[0-9a-f]+$/m, 'Zxid: #')
    .replace(/\blzxid=0x[0-9a-f]+/g, 'lzxid=#')
    .replace(/^Node count: \d+$/m, 'Node count: #');
}

describe('a server in a role answers as Java', () => {
  for (const state of ['leader', 'follower', 'observer'] as const) {
    test(state, async () => {
      const player = playerOf(state, state);
      await player.ask('srst');
      await work(player, `/${state}`);
      for (const word of 'ruok isro srvr stat cons conf dump wchs'.split(' ')) {
        const found = comparable(word, await player.ask(word), player.names);
        assert.equal(same(word, found), same(word, ensembleAnswer(`${state} ${word}`)), word);
      }
      const lines = (await player.ask('mntr')).split('\n');
      assert.deepEqual(namesIn(lines.join('\n')), namesIn(ensembleAnswer(`${state} mntr`)));
      for (const name of valued) {
        const line = new RegExp(`^zk_${name}\t.*$`, 'm').exec(ensembleAnswer(`${state} mntr`))?.[0];
        assert.equal(
          lines.find((one) => one.startsWith(`zk_${name}\t`)),
          line,
        );
      }
    });

    test(`${state}, with local sessions`, async () => {
      const who = `${state} with local sessions`;
      const player = playerOf(state, who, true);
      await work(player, `/${who.replaceAll(' ', '_')}`);
      const found = comparable('dump', await player.ask('dump'), player.names);
      assert.equal(
        withoutSetCount(found),
        withoutSetCount(comparable('dump', ensembleAnswer(`${who} dump`))),
      );
      const mntr = await player.ask('mntr');
      assert.match(mntr, /^zk_local_sessions\t1$/m);
      assert.match(mntr, /^zk_global_sessions\t1$/m);
      assert.match(ensembleAnswer(`${who} mntr`), /^zk_local_sessions\t1$/m);
    });
  }

  test('read-only', async () => {
    const player = playerOf('read-only', 'read-only', true);
    for (const word of 'ruok isro conf dump wchs'.split(' ')) {
      const found = comparable(word, await player.ask(word), player.names);
      const expected = comparable(word, ensembleAnswer(`read-only ${word}`));
      assert.equal(withoutSetCount(same(word, found)), withoutSetCount(same(word, expected)), word);
    }
    const names = namesIn(await player.ask('mntr'));
    assert.deepEqual(names.sort(), namesIn(ensembleAnswer('read-only mntr')).sort());
  });

  test('looking', async () => {
    const role: RoleView = { ...roleOf('looking', 1n, 3n), leader: undefined, phase: 'ELECTION' };
    const player = new MachinePlayer('all', { role, isServing: false, replica: undefined });
    for (const [key, expected] of Object.entries(ensembleAnswers)) {
      const [who, word = ''] = key.split(' ');
      if (who === 'looking') assert.equal(await player.ask(word), expected, word);
    }
  });
});

/** Of what is the same whatever was done before. */
const valued = [
  ...['server_state', 'peer_state', 'observer_master_id', 'quorum_size', 'learners'],
  ...['synced_followers', 'synced_non_voting_followers', 'synced_observers', 'pending_syncs'],
  ...['last_proposal_size', 'min_proposal_size', 'max_proposal_size', 'local_sessions'],
  ...['global_sessions', 'ephemerals_count', 'watch_count', 'num_alive_connections'],
];

/** Java counts sets that became empty. */
function withoutSetCount(text: string): string {
  return text.replace(/^((?:Local |Global )?Session Sets) \(\S+\)\//gm, '$1 (#)/');
}

function namesIn(mntr: string): string[] {
  const own = comparable('mntr', mntr).split('\n');
  return own.map((line) => line.split('\t')[0] ?? '').filter((name) => name !== '');
}

test('peer_state tells how a learner is brought up to date, while it is', () => {
  const follower = roleOf('follower', 1n, 3n);
  assert.equal(peerStateOf(follower), 'following - broadcast');
  assert.equal(
    peerStateOf({ ...follower, phase: 'SYNCHRONIZATION', syncMode: 'SNAP' }),
    'following - synchronization - snap',
  );
  assert.equal(peerStateOf({ ...follower, phase: 'DISCOVERY' }), 'following - discovery');
  assert.equal(peerStateOf(roleOf('read-only', 1n, 3n)), 'looking');
});
