/**
 * Makes test/fixtures/server/four-letter-words-ensemble.json anew: what the servers of a Java ensemble, three voters
 * and an observer, answer after a little work, and what is answered without a majority, with and without read-only
 * mode. Needs the Debian packages of the interop tests. Run it as
 * `node --import tsx test/server/four-letter-words/capture-ensemble.ts`.
 *
 * Names stand for client ports and sessions, 2880 and 3880 plus the sid for quorum and election ports; every other
 * number is as Java gave it. Keys: `<who> <word>`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateFlag, OpCode } from '../../../src/proto/opcodes.ts';
import { Ensemble } from '../../interop/harness/ensemble.ts';
import type { EnsembleMember } from '../../interop/harness/ensemble-member.ts';
import { projectRoot } from '../../interop/harness/project.ts';
import { named } from './canonical.ts';
import * as frames from './frames.ts';
import type { Answers } from './script.ts';
import { SocketPlayer } from './socket-player.ts';

const words = 'ruok isro srvr stat cons conf dump wchs mntr hash wchc dirs'.split(' ');
const answers: Answers = {};
await onEnsemble('words-ensemble', {}, async (ensemble) => {
  for (const [who, member] of await members(ensemble)) await work(ensemble, who, member, words);
});
const local = { localSessionsEnabled: 'true', localSessionsUpgradingEnabled: 'true' };
await onEnsemble('words-local', local, async (ensemble) => {
  for (const [who, member] of await members(ensemble)) {
    await work(ensemble, `${who} with local sessions`, member, ['dump', 'mntr']);
  }
  const [follower = ensemble.member(1), ...others] = ensemble.voters;
  for (const other of others) await other.kill();
  await ensemble.inMode(follower, undefined);
  const player = new SocketPlayer(follower.port);
  await askAll(ensemble, 'looking', follower, player, words);
  await ensemble.inMode(follower, 'read-only');
  await askAll(ensemble, 'read-only', follower, player, words);
});

const file = join(projectRoot, 'test', 'fixtures', 'server', 'four-letter-words-ensemble.json');
writeFileSync(file, `${JSON.stringify(answers, null, 2)}\n`);

async function onEnsemble(
  name: string,
  config: Readonly<Record<string, string>>,
  use: (ensemble: Ensemble) => Promise<void>,
): Promise<void> {
  const java = { kind: 'java' } as const;
  const ensemble = await Ensemble.start({
    name,
    members: [java, java, java, { kind: 'java', role: 'observer' }],
    config: { '4lw.commands.whitelist': '*', ...config },
    properties: { java: { 'readonlymode.enabled': 'true' } },
  });
  try {
    await use(ensemble);
  } finally {
    await ensemble.close();
  }
}

/** One of each role, the leader first. */
async function members(ensemble: Ensemble): Promise<[who: string, member: EnsembleMember][]> {
  const leader = await ensemble.settled();
  const follower = ensemble.voters.find((member) => member !== leader);
  if (follower === undefined) throw new Error('no follower');
  return [
    ['leader', leader],
    ['follower', follower],
    ['observer', ensemble.member(4)],
  ];
}

async function work(
  ensemble: Ensemble,
  who: string,
  member: EnsembleMember,
  asked: readonly string[],
): Promise<void> {
  const player = new SocketPlayer(member.port);
  const path = `/${who.replaceAll(' ', '_')}`;
  await player.ask('srst');
  await player.open('a');
  await player.send('a', frames.connect(10_000));
  await player.open('b');
  await player.send('b', frames.connect(30_000));
  await player.send('a', frames.create(1, path, 'x'));
  await player.send('a', frames.create(2, `${path}/e`, '', CreateFlag.EPHEMERAL));
  await player.send('a', frames.read(3, OpCode.getData, path, true));
  await askAll(ensemble, who, member, player, asked);
  await player.sendLast('a', frames.closeSession(4));
  await player.sendLast('b', frames.closeSession(1));
}

function withEvenPorts(text: string, { ports }: Ensemble): string {
  let even = text;
  for (const [sid, { quorum, election }] of ports) {
    even = even.replace(new RegExp(`([:=])${quorum}\\b`, 'g'), `$1${2880 + sid}`);
    even = even.replace(new RegExp(`([:=])${election}\\b`, 'g'), `$1${3880 + sid}`);
  }
  return even;
}

async function askAll(
  ensemble: Ensemble,
  who: string,
  member: EnsembleMember,
  player: SocketPlayer,
  asked: readonly string[],
): Promise<void> {
  for (const word of asked) {
    const text = named(await player.ask(word), player.names);
    answers[`${who} ${word}`] = withEvenPorts(text, ensemble)
      .replaceAll(member.folder, '/folder')
      .replaceAll(String(member.port), '{client port}')
      .replaceAll('$' + '{mvngit.commit.id}', 'debian');
  }
}
