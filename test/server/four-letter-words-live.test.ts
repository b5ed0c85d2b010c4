// The four-letter words of a server on a real port: the script that a Java server was asked, over
// sockets, with disk and threads in play. In: the fixture; out: the same answers, but for what
// tells of the run. That the words themselves are right is shown without a server next door.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../src/server/config.ts';
import { startServer } from '../../src/server/start.ts';
import { comparable, javaAnswers } from './four-letter-words/fixture.ts';
import { play } from './four-letter-words/script.ts';
import { SocketPlayer } from './four-letter-words/socket-player.ts';

test('a live server answers what a live Java server answered', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quoll-words-'));
  const keys = {
    dataDir: folder,
    clientPort: 0,
    clientPortAddress: '127.0.0.1',
    tickTime: 500,
    minSessionTimeout: 1000,
    maxSessionTimeout: 600_000,
    maxClientCnxns: 0,
    preAllocSize: 1024,
    enforceQuota: true,
    '4lw.commands.whitelist': '*',
  };
  const text = Object.entries(keys)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
  const { config } = readConfig({ text });
  const server = await startServer({ config, log: { log: () => undefined } });
  const player = new SocketPlayer(server.clientPort);
  try {
    await player.ask('srst');
    const answers = await play(player);
    for (const [key, expected] of Object.entries(javaAnswers())) {
      const [phase = '', word = ''] = key.split(' ');
      if (phase === 'strict') continue;
      const found = comparable(word, answers[key] ?? '', player.names);
      assert.equal(found, comparable(word, expected), key);
    }
  } finally {
    player.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
