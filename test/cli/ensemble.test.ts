// `quoll ensemble` with stubs for servers: the launcher's own promises. All start and are watched; one that ends is
// shown and started again; signals end all, once, with 0; nothing outlives it, not even when it is killed; taken ports,
// foreign folders and another number of voters are refused before anything is written.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { bind, close, ended, freeBasePort, Launcher, objectsIn, pidsOf } from './launcher.ts';
import { killAll, startBeside } from './run.ts';

const timeout = 120_000;
let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quoll-ensemble-'));
  data = join(folder, 'data');
});
afterEach(async () => {
  await killAll();
  rmSync(folder, { recursive: true, force: true });
});

function launch(options: Readonly<Record<string, unknown>>): Launcher {
  return new Launcher(
    startBeside('run-stub-ensemble', JSON.stringify({ data, json: true, ...options })),
  );
}

test('starts all, tells the election and who leads, stops all on a signal with 0', {
  timeout,
}, async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const basePort = await freeBasePort(5);
    rmSync(data, { recursive: true, force: true });
    const launcher = launch({ servers: 3, observers: 2, basePort });
    const pids = await pidsOf(launcher, 5);
    const ready = await launcher.told('ready');
    assert.deepEqual([ready.leader, ready.epoch], [1, 2]);
    for (let sid = 1; sid <= 5; sid++) {
      await launcher.told('entry', ({ entry }) => (entry as { sid: number }).sid === sid);
    }
    await launcher.told('status', ({ servers }) =>
      (servers as { state: string }[]).every(({ state }, index) => {
        return state === (index === 0 ? 'leader' : index < 3 ? 'follower' : 'observer');
      }),
    );
    launcher.running.child.kill(signal);
    const { code, stderr, stdout } = await launcher.running.ended;
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(objectsIn(stdout).filter(({ event }) => event === 'stopped').length, 1);
    await ended(pids);
    const lines = readFileSync(join(data, 'server-5', 'zoo.cfg'), 'latin1').split('\n');
    assert.ok(lines.includes(`clientPort=${basePort + 4}`));
    assert.ok(lines.includes(`server.5=127.0.0.1:${basePort + 104}:${basePort + 204}:observer`));
    assert.ok(lines.includes('peerType=observer'));
    assert.match(readFileSync(join(data, 'server-5', 'server.log'), 'utf8'), /stub 5 of process/);
  }
});

test('a server that is killed is shown and started again', { timeout }, async () => {
  const launcher = launch({ servers: 3, basePort: await freeBasePort(3) });
  const [, pid = 0] = await pidsOf(launcher, 3);
  await launcher.told('ready');
  process.kill(pid, 'SIGKILL');
  const { how, againInMs } = await launcher.told('ended', ({ sid }) => sid === 2);
  assert.deepEqual([how, againInMs], ['SIGKILL', 1000]);
  const again = await launcher.told('started', (told) => told.sid === 2 && told.pid !== pid);
  launcher.running.child.kill('SIGINT');
  assert.equal((await launcher.running.ended).code, 0);
  await ended([again.pid ?? 0]);
});

test('one that ends at once is started again later and later, and says why', {
  timeout,
}, async () => {
  const basePort = await freeBasePort(3);
  mkdirSync(join(data, 'server-2'), { recursive: true });
  writeFileSync(
    join(data, 'ensemble.json'),
    JSON.stringify({ servers: 3, observers: 0, basePort }),
  );
  writeFileSync(join(data, 'server-2', 'behaviour'), 'exit 3');
  const launcher = launch({});
  const first = await launcher.told('ended');
  assert.deepEqual(
    [first.sid, first.how, first.lastError],
    [2, 'exit code 3', 'the stub was told to end'],
  );
  const second = await launcher.told('ended', ({ againInMs }) => againInMs !== first.againInMs);
  assert.deepEqual([first.againInMs, second.againInMs], [1000, 2000]);
  launcher.running.child.kill('SIGTERM');
  assert.equal((await launcher.running.ended).code, 0);
});

test('when none can be started again it ends with 1', { timeout }, async () => {
  const basePort = await freeBasePort(3);
  for (const sid of [1, 2, 3]) {
    mkdirSync(join(data, `server-${sid}`), { recursive: true });
    writeFileSync(join(data, `server-${sid}`, 'behaviour'), 'exit 2');
  }
  writeFileSync(
    join(data, 'ensemble.json'),
    JSON.stringify({ servers: 3, observers: 0, basePort }),
  );
  const { code, stdout } = await launch({}).running.ended;
  assert.equal(code, 1);
  assert.match(stdout, /no server is left that can be started/);
});

test('killed itself, it leaves no server behind', { timeout }, async () => {
  const launcher = launch({ servers: 3, basePort: await freeBasePort(3) });
  const pids = await pidsOf(launcher, 3);
  await launcher.told('ready');
  launcher.running.child.kill('SIGKILL');
  await launcher.running.ended;
  await ended(pids);
});

test('for people: lines, the connect string, and what changed', { timeout }, async () => {
  const basePort = await freeBasePort(3);
  const launcher = launch({ servers: 3, basePort, json: false });
  await launcher.running.until(/Server 1 leads in epoch 2/);
  await launcher.running.until(/Ctrl-C/);
  launcher.running.child.kill('SIGINT');
  const { code, stdout } = await launcher.running.ended;
  assert.equal(code, 0);
  const addresses = [0, 1, 2].map((index) => `127.0.0.1:${basePort + index}`).join();
  assert.ok(stdout.includes(`zkCli.sh -server ${addresses}\n`), stdout);
  assert.match(stdout, /^\d\d:\d\d:\d\d\.\d{3} {2}2 {2}started vote 2 -> look$/m);
  assert.match(stdout, /server 2: follower$/m);
  assert.match(stdout, /all servers stopped\n$/);
  assert.ok(!stdout.includes('\u001b'), 'nothing is redrawn where there is no terminal');
});

test('a taken port ends it before anything is made', { timeout }, async () => {
  const basePort = await freeBasePort(3);
  const holder = await bind(basePort + 101);
  assert.ok(holder !== undefined);
  const { code, stdout, stderr } = await launch({ basePort }).running.ended;
  await close(holder);
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    new RegExp(`taken: ${basePort + 101}, the quorum port of server 2 \\(EADDRINUSE\\)`),
  );
  assert.equal(existsSync(data), false);
});

test('a foreign folder is left alone', { timeout }, async () => {
  const basePort = await freeBasePort(3);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['zoo.cfg', 'clientPort=2181\n', /it holds zoo\.cfg: not a folder of an ensemble/],
    ['server-1/zoo.cfg', 'clientPort=2181\n', /it holds server-1 and no ensemble\.json/],
    ['ensemble.json', '{"servers":', /ensemble\.json/],
    ['ensemble.json', '{"servers":3}', /not what `quoll ensemble` writes/],
  ];
  for (const [name, text, expected] of cases) {
    rmSync(data, { recursive: true, force: true });
    mkdirSync(join(data, name, '..'), { recursive: true });
    writeFileSync(join(data, name), text);
    const before = readdirSync(data, { recursive: true });
    const { code, stderr } = await launch({ basePort }).running.ended;
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
    assert.deepEqual(readdirSync(data, { recursive: true }), before);
    assert.equal(readFileSync(join(data, name), 'utf8'), text);
  }
});

test('a server folder of somebody else is left alone', { timeout }, async () => {
  const basePort = await freeBasePort(3);
  const shape = JSON.stringify({ servers: 3, observers: 0, basePort });
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['server-2/zoo.cfg', 'clientPort=2181\n', /its zoo\.cfg was written by somebody else/],
    ['server-3/myid', '7\n', /its myid is "7"/],
    ['server-3/version-2/log.1', '', /it holds data and no zoo\.cfg/],
  ];
  for (const [name, text, expected] of cases) {
    rmSync(data, { recursive: true, force: true });
    mkdirSync(join(data, name, '..'), { recursive: true });
    writeFileSync(join(data, 'ensemble.json'), shape);
    writeFileSync(join(data, name), text);
    const before = readdirSync(data, { recursive: true });
    const { code, stderr } = await launch({}).running.ended;
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
    assert.deepEqual(readdirSync(data, { recursive: true }), before);
  }
});

test('voters cannot change in number, observers and ports can', { timeout }, async () => {
  const basePort = await freeBasePort(5);
  mkdirSync(data);
  writeFileSync(
    join(data, 'ensemble.json'),
    JSON.stringify({ servers: 3, observers: 0, basePort: 1 }),
  );
  const refused = await launch({ servers: 5, basePort }).running.ended;
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /--servers=5: .* was made for 3, whose majorities hold its data/);
  const launcher = launch({ observers: 1, basePort });
  const planned = await launcher.told('planned');
  assert.equal((planned.servers as unknown[]).length, 4);
  await launcher.told('ready');
  launcher.running.child.kill('SIGINT');
  assert.equal((await launcher.running.ended).code, 0);
});
