// How the process ends, seen from outside: a first signal drains and gives 0, a second one quits.
// An error nobody caught gives the code and its line, and is not drained.
// Each case runs the real thing in a child; signals are sent when the child says it is ready.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';

const program = `
const { makeNodeLog, superviseProcess, makeExit } = {
  ...(await import(process.argv[1])), ...(await import(process.argv[2])),
};
const log = makeNodeLog({ format: 'json' });
const alive = setInterval(() => undefined, 1000);
const how = process.argv[3];
superviseProcess({
  log,
  unexpectedErrorCode: 7,
  drain: () => {
    process.stdout.write('draining\\n');
    if (how === 'stuck') return new Promise(() => undefined);
    if (how === 'echoed') return new Promise((resolve) => process.on('SIGINT', resolve));
    return how === 'fails' ? Promise.reject(new Error('disk gone')) : Promise.resolve();
  },
});
if (how === 'throws') setImmediate(() => { throw new Error('boom'); });
if (how === 'rejects') Promise.reject(new Error('boom'));
if (how === 'exits') makeExit(log)(10, 'fsync failed');
process.stdout.write('ready\\n');
`;

function run(how: string, ...signals: readonly NodeJS.Signals[]) {
  const url = (name: string) => {
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    return new URL(`../../src/node/${name}${extension}`, import.meta.url).href;
  };
  const imports = process.execArgv.filter(
    (arg, i, all) => arg === '--import' || all[i - 1] === '--import',
  );
  const child = spawn(
    process.execPath,
    [...imports, '--input-type=module', '-e', program, url('node-log'), url('node-process'), how],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  let logged = '';
  const waiting = [...signals];
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString();
    // Each line it says is the moment for the next signal.
    const lines = said.split('\n').length - 1;
    while (signals.length - waiting.length < lines && waiting.length > 0) {
      child.kill(waiting.shift());
    }
  });
  child.stderr.on('data', (data: Buffer) => {
    logged += data.toString();
  });
  return new Promise<{ code: number | null; said: string; logged: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, said, logged }));
  });
}

test('a signal drains, then 0', { timeout: 60_000 }, async () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const { code, said, logged } = await run('drains', signal);
    assert.equal(code, 0, logged);
    assert.equal(said, 'ready\ndraining\n');
    assert.match(logged, new RegExp(`${signal} -> draining`));
  }
});

test('a second signal quits a drain that is stuck', { timeout: 60_000 }, async () => {
  const { code, logged } = await run('stuck', 'SIGTERM', 'SIGINT');
  assert.equal(code, 130, logged);
});

test('Ctrl-C that npm passes on is not a second one', { timeout: 60_000 }, async () => {
  const { code, logged } = await run('echoed', 'SIGINT', 'SIGINT');
  assert.equal(code, 0, logged);
});

test('a drain that fails ends with the code', { timeout: 60_000 }, async () => {
  const { code, logged } = await run('fails', 'SIGTERM');
  assert.equal(code, 7);
  assert.match(logged, /drain failed -> exit 7: disk gone/);
});

test('an error nobody caught ends with the code and is not drained', {
  timeout: 60_000,
}, async () => {
  for (const [how, what] of [
    ['throws', 'uncaught error'],
    ['rejects', 'unhandled rejection'],
  ] as const) {
    const { code, said, logged } = await run(how);
    assert.equal(code, 7, logged);
    assert.match(logged, new RegExp(`${what} -> exit 7: Error: boom`));
    assert.doesNotMatch(said, /draining/);
  }
});

test('an exit says its reason first', { timeout: 60_000 }, async () => {
  const { code, logged } = await run('exits');
  assert.equal(code, 10);
  assert.match(logged, /fsync failed -> exit 10/);
});
