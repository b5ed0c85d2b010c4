/**
 * Makes test/fixtures/server/four-letter-words.json anew: what a Java server answers to the
 * script. Needs the Debian packages of the interop tests. Run it as `node --import tsx
 * test/server/four-letter-words/capture.ts`.
 *
 * Names stand for ports and sessions, '#' for what tells of the machine; every other number is as
 * Java gave it.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, scratchFolder } from '../../interop/harness/project.ts';
import { startServer } from '../../interop/harness/server.ts';
import { named } from './canonical.ts';
import type { Answers } from './script.ts';
import { play } from './script.ts';
import { SocketPlayer } from './socket-player.ts';

const folder = scratchFolder('words');
const server = await startServer({
  kind: 'java',
  folder,
  config: { '4lw.commands.whitelist': '*' },
  properties: { 'zookeeper.enforceQuota': 'true' },
});
const answers: Answers = {};
try {
  const player = new SocketPlayer(server.port);
  await player.ask('srst');
  for (const [key, text] of Object.entries(await play(player))) {
    answers[key] = withoutMachine(named(text, player.names));
  }
  player.close();
} finally {
  await server.stop();
}
const strict = await startServer({
  kind: 'java',
  folder: join(folder, 'strict'),
  config: { '4lw.commands.whitelist': 'isro' },
});
try {
  const player = new SocketPlayer(strict.port);
  for (const word of ['isro', 'ruok', 'mntr']) {
    answers[`strict ${word}`] = await player.ask(word);
  }
} finally {
  await strict.stop();
}
rmSync(folder, { recursive: true, force: true });

const file = join(projectRoot, 'test', 'fixtures', 'server', 'four-letter-words.json');
writeFileSync(file, `${JSON.stringify(answers, null, 2)}\n`);

function withoutMachine(text: string): string {
  return text
    .replaceAll(folder, '/folder')
    .replaceAll('$' + '{mvngit.commit.id}', 'debian')
    .replace(/^((?:host|java|os|user)\.[\w.]+)=.*$/gm, '$1=#');
}
