// The command line from outside: help and version everywhere, exit code 2 and one line for what is wrong with it or
// with the configuration, exit code 3 for directories. None of these starts a server.
// What a running server does on signals is in server.test.ts.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { propertyValue } from '../../src/cli/standalone.ts';
import { parseProperties } from '../../src/server/properties.ts';
import { killAll, run } from './run.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quoll-cli-'));
});
afterEach(async () => {
  await killAll();
  rmSync(folder, { recursive: true, force: true });
});

test('version and help answer on standard output with 0', { timeout: 60_000 }, async () => {
  const version = await run('--version');
  assert.match(version.stdout, /^\d+\.\d+\.\d+\S*\n$/);
  assert.deepEqual([version.code, version.stderr], [0, '']);
  for (const verb of [[], ['server'], ['ensemble'], ['election-log'], ['standalone'], ['purge']]) {
    const { code, stdout, stderr } = await run(...verb, '--help');
    assert.deepEqual([code, stderr], [0, ''], verb.join());
    assert.match(stdout, /^Usage: quoll/);
    assert.match(stdout, /Examples:\n {2}quoll /);
  }
});

test('a wrong command line is 2 and says why', { timeout: 60_000 }, async () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [[], /Usage: quoll/],
    [['serve'], /unknown command 'serve'/],
    [['server'], /missing required argument 'zoo.cfg'/],
    [['server', 'x', '--property', 'novalue'], /Want name=value/],
    [['server', 'x', '--accept-data-loss', 'all'], /Want a zxid/],
    [['server', 'x', '--log-level', 'loud'], /Allowed choices are debug, info, warn, error/],
    [['standalone', '--port', '65536'], /Want a number, 0 to 65535/],
    [['ensemble', '--servers', '0'], /Want a number, 1 to 15/],
    [['ensemble', '--observers', '16'], /Want a number, 0 to 15/],
    [['ensemble', '--base-port', '65500', '--data', join(folder, 'e')], /no room for the ports/],
    [['election-log'], /missing required argument 'source'/],
    [['election-log', join(folder, 'none')], /neither host:port nor a file/],
    [['purge', folder], /required option '-n, --count <count>'/],
    [['purge', folder, '-n', '2'], /Want a number, 3 to/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '', args.join(' '));
    assert.match(stderr, expected);
  }
});

test('a wrong configuration is 2, one line, before anything is made', {
  timeout: 60_000,
}, async () => {
  const file = join(folder, 'zoo.cfg');
  const data = join(folder, 'data');
  const cases: readonly (readonly [string, RegExp])[] = [
    ['clientPort=2181\n', /dataDir: is not set/],
    [`dataDir=${data}\nclientPort=port\n`, /clientPort=port: want a number, 0 to 65535/],
    [`dataDir=${data}\nclientPort=1\nsslQuorum=true\n`, /sslQuorum: TLS: not built -> refused/],
  ];
  for (const [text, expected] of cases) {
    writeFileSync(file, text);
    const { code, stdout, stderr } = await run('server', file, '--log-format', 'pretty');
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    const errors = stderr.split('\n').filter((line) => line.includes(' ERROR '));
    assert.equal(errors.length, 1, stderr);
    assert.match(errors[0] ?? '', expected);
  }
  const missing = await run('server', join(folder, 'none.cfg'));
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /none\.cfg: ENOENT/);
  const { code, stderr } = await run(
    ...['server', file, '--property', 'zookeeper.quorum.auth.enableSasl=true'],
  );
  assert.equal(code, 2);
  assert.match(stderr, /not built -> refused/);
  assert.throws(() => readFileSync(data), { code: 'ENOENT' });
});

test('purge: nothing there is 3, nothing to do is 0 and silent', { timeout: 60_000 }, async () => {
  const missing = await run('purge', join(folder, 'none'), '-n', '3');
  assert.equal(missing.code, 3);
  assert.match(missing.stderr, /^quoll purge: .*none.version-2.*\n$/);
  mkdirSync(join(folder, 'version-2'));
  assert.deepEqual(await run('purge', folder, '-n', '3'), { code: 0, stdout: '', stderr: '' });
});

test('any folder name survives the zoo.cfg that standalone writes', () => {
  for (const name of ['/plain', 'C:\\data\\zk', '/with blank/é/日本', '/a=b:c#d!e', '/tab\there']) {
    const [property] = parseProperties(`dataDir=${propertyValue(name)}\n`);
    assert.equal(property?.value, name);
  }
});
