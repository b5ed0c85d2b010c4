// A server for the launcher's tests: called as `quoll server zoo.cfg --stop-with-stdin …`, it listens on the client
// port of its configuration, answers `srvr`, tells an election in its record, and ends when standard input does. The
// lowest sid leads. A file `behaviour` in its folder makes it misbehave: `exit N`.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [, , verb, configFile = '', ...options] = process.argv;
if (verb !== 'server' || !options.includes('--stop-with-stdin')) process.exit(2);
const config = readFileSync(configFile, 'latin1');
const value = (key: string): string =>
  new RegExp(`^${key}=(.*)$`, 'm').exec(config)?.[1]?.replaceAll('\\\\', '\\') ?? '';
const folder = value('dataDir');
const sid = Number(readFileSync(join(folder, 'myid'), 'utf8'));
const behaviourFile = join(folder, 'behaviour');
const behaviour = existsSync(behaviourFile) ? readFileSync(behaviourFile, 'utf8').trim() : '';

console.error(`2026-11-22 08:00:00.000 INFO  stub ${sid} of process ${process.pid}`);
if (behaviour.startsWith('exit ')) {
  console.error('2026-11-22 08:00:00.000 ERROR the stub was told to end');
  process.exit(Number(behaviour.substring(5)));
}
process.stdin.on('end', () => process.exit(0)).resume();
const role = value('peerType') === 'observer' ? 'observer' : sid === 1 ? 'leader' : 'follower';
createServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (word) => {
    if (word.toString() !== 'srvr') socket.end();
    else socket.end(`Zxid: 0x200000005\nConnections: 1\nMode: ${role}\nNode count: 5\n`);
  });
}).listen(Number(value('clientPort')), '127.0.0.1');

const note = { level: 'info', at: 1, round: 1, peers: [], decision: 'look' };
const entry = { time: Date.now(), sid, kind: 'election', ...note, event: 'started' };
const line = `started vote ${sid} -> look`;
appendFileSync(join(folder, 'election-log.jsonl'), `${JSON.stringify({ ...entry, line })}\n`);
