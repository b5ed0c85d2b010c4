// A server started by the command, and its end: it says where it serves and answers, a signal stops it with 0 and its
// directory is free again, a second server on the directory and a taken port are refused with their codes.
// Ports are free ones (clientPort=0), read from what the server says.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Running } from './run.ts';
import { killAll, start } from './run.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quoll-cli-'));
});
afterEach(async () => {
  await killAll();
  rmSync(folder, { recursive: true, force: true });
});

function startServer(config: string, ...args: readonly string[]): Running {
  const file = join(folder, `zoo-${config.length}.cfg`);
  writeFileSync(file, `clientPortAddress=127.0.0.1\n${config}`);
  return start('server', file, '--log-format', 'pretty', ...args);
}

async function portOf(server: Running): Promise<number> {
  const [, port] = await server.until(/serving clients on port (\d+)/);
  return Number(port);
}

/** Connects, and stays. */
function dial(port: number): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(() => socket.destroy()));
    socket.on('error', reject);
  });
}

test('serves, stops on a signal with 0, starts again', { timeout: 120_000 }, async () => {
  const config = `dataDir=${join(folder, 'data')}\nclientPort=0\n`;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const server = startServer(config, '--property', 'zookeeper.snapCount=1000');
    const close = await dial(await portOf(server));
    server.child.kill(signal);
    const { code, stderr, stdout } = await server.ended;
    close();
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`${signal} -> draining[^]*drained -> exit 0\n$`));
  }
});

test('stops when standard input ends, if that is asked for', { timeout: 120_000 }, async () => {
  // The test's children have none.
  const config = `dataDir=${join(folder, 'data')}\nclientPort=0\n`;
  const { code, stderr } = await startServer(config, '--stop-with-stdin').ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /standard input ended -> SIGTERM.*SIGTERM -> draining.*-> exit 0\n$/s);
});

test('a second server on a directory is 3, a taken port 1', { timeout: 120_000 }, async () => {
  const config = `dataDir=${join(folder, 'data')}\nclientPort=0\n`;
  const first = startServer(config);
  const port = await portOf(first);
  const second = await startServer(config).ended;
  assert.equal(second.code, 3, second.stderr);
  assert.match(second.stderr, / ERROR .*exit 3: .* in use by another process/);
  const other = await startServer(`dataDir=${join(folder, 'other')}\nclientPort=${port}\n`).ended;
  assert.equal(other.code, 1, other.stderr);
  assert.match(other.stderr, / ERROR .*exit 1: .*EADDRINUSE/);
  first.child.kill('SIGTERM');
  assert.equal((await first.ended).code, 0);
});

test('a data directory that cannot be one is 3', { timeout: 120_000 }, async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const { code, stderr } = await startServer(`dataDir=${file}\nclientPort=0\n`).ended;
  assert.equal(code, 3, stderr);
  assert.equal(stderr.split('\n').filter((line) => line.includes(' ERROR ')).length, 1, stderr);
  const locked = join(folder, 'none');
  const config = `dataDir=${locked}\nclientPort=0\ndatadir.autocreate=false\n`;
  assert.equal((await startServer(config).ended).code, 3);
});

test('standalone writes its zoo.cfg once and says where to connect', {
  timeout: 120_000,
}, async () => {
  const data = join(folder, 'my data');
  const file = join(data, 'zoo.cfg');
  const first = start('standalone', '--port', '0', '--data', data);
  const [, port] = await first.until(/serves ZooKeeper clients on 127\.0\.0\.1:(\d+)/);
  await first.until(/stop +Ctrl-C/);
  (await dial(Number(port)))();
  first.child.kill('SIGINT');
  assert.equal((await first.ended).code, 0);
  assert.match(readFileSync(file, 'latin1'), /^clientPort=0$/m);
  writeFileSync(file, readFileSync(file, 'latin1').replace('tickTime=2000', 'tickTime=1234'));
  const second = start('standalone', '--data', data, '--log-format', 'json');
  await second.until(/serves ZooKeeper clients/);
  second.child.kill('SIGTERM');
  const { code, stderr } = await second.ended;
  assert.equal(code, 0);
  assert.match(stderr, /"tickTime":1234/);
});
