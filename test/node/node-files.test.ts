// The Files port on a real disk: whole writes, failures with the system's name and the path, a close that waits
// for the fsync under way, directories in order.
// The directory lock across processes, `kill -9` included, and what holds it where there is no flock.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { lockDirectory } from '../../src/node/directory-lock.ts';
import { nodeFiles } from '../../src/node/node-files.ts';
import type { FileError } from '../../src/ports.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'quoll-files-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function done(start: (done: (error: FileError | undefined) => void) => void) {
  return new Promise<FileError | undefined>((resolve) => start(resolve));
}

test('writes where told, reads back, extends with zeros, cuts', () => {
  const path = nodeFiles.join(directory, 'a');
  const file = nodeFiles.open(path, 'create');
  file.write(bytesOf('hello'), 3);
  file.sync();
  assert.equal(file.length(), 8);
  const into = new Uint8Array(20);
  assert.equal(file.read(into, 0), 8);
  assert.deepEqual([...into.subarray(0, 8)], [0, 0, 0, ...bytesOf('hello')]);
  assert.equal(file.read(into, 8), 0);
  file.setLength(16);
  assert.equal(file.length(), 16);
  file.setLength(4);
  file.close();
  file.close();
  assert.deepEqual([...readFileSync(path)], [0, 0, 0, 104]);
  assert.deepEqual(nodeFiles.status(path), { kind: 'file', length: 4 });
});

test('background writes and syncs answer after the call; close waits for them', async () => {
  const path = nodeFiles.join(directory, 'a');
  const file = nodeFiles.open(path, 'create');
  const order: string[] = [];
  const large = new Uint8Array(5_000_000).fill(7);
  const both = Promise.all([
    done((answer) => file.writeLater(large, 0, answer)).then(() => order.push('written')),
    done((answer) => file.datasync(answer)).then(() => order.push('synced')),
  ]);
  order.push('called');
  file.close();
  assert.throws(() => file.length(), { name: 'FileError', code: 'EBADF' });
  assert.equal((await done((answer) => file.datasync(answer)))?.code, 'EBADF');
  await both;
  assert.equal(order[0], 'called');
  assert.deepEqual([...order].sort(), ['called', 'synced', 'written']);
  assert.equal(readFileSync(path).length, 5_000_000);
});

test('failures carry the name of the system and the path', async () => {
  const missing = nodeFiles.join(directory, 'no', 'such');
  const failure = { name: 'FileError', code: 'ENOENT', path: missing };
  assert.throws(() => nodeFiles.open(missing, 'read'), failure);
  assert.throws(() => nodeFiles.open(missing, 'update'), failure);
  assert.throws(() => nodeFiles.open(missing, 'create'), failure);
  assert.throws(() => nodeFiles.list(missing), failure);
  assert.throws(() => nodeFiles.remove(missing), failure);
  assert.throws(() => nodeFiles.rename(missing, directory), failure);
  assert.throws(() => nodeFiles.syncDirectoryNow(missing), failure);
  assert.throws(() => nodeFiles.lock(missing), { name: 'FileError', code: 'ENOENT' });
  const error = await done((answer) => nodeFiles.syncDirectory(missing, answer));
  assert.equal(error?.code, 'ENOENT');
  assert.equal(nodeFiles.status(missing), undefined);
  writeFileSync(join(directory, 'file'), '');
  assert.equal(nodeFiles.status(join(directory, 'file', 'below')), undefined);
});

test('directories: made whole, listed in order, synced', async () => {
  const deep = nodeFiles.join(directory, 'x', 'y');
  nodeFiles.makeDirectories(deep);
  nodeFiles.makeDirectories(deep);
  for (const name of ['b', 'a', 'B']) nodeFiles.open(nodeFiles.join(deep, name), 'create').close();
  assert.deepEqual(nodeFiles.list(deep), ['B', 'a', 'b']);
  nodeFiles.rename(nodeFiles.join(deep, 'b'), nodeFiles.join(deep, 'c'));
  nodeFiles.remove(nodeFiles.join(deep, 'a'));
  nodeFiles.syncDirectoryNow(deep);
  assert.equal(await done((answer) => nodeFiles.syncDirectory(deep, answer)), undefined);
  assert.deepEqual(nodeFiles.list(deep), ['B', 'c']);
  assert.deepEqual(nodeFiles.status(deep)?.kind, 'directory');
});

test('a lock is held once, and free after its release', () => {
  const first = nodeFiles.lock(directory);
  assert.ok(first);
  assert.equal(nodeFiles.lock(directory), undefined);
  mkdirSync(join(directory, 'other'));
  nodeFiles.lock(join(directory, 'other'))?.release();
  first.release();
  const second = nodeFiles.lock(directory);
  assert.ok(second);
  second.release();
});

test('without flock a socket holds the lock, and that is said', async () => {
  const warnings: string[] = [];
  const lock = () => lockDirectory(directory, (text) => warnings.push(text), 'no-such-flock');
  const first = lock();
  assert.ok(first);
  assert.equal(lock(), undefined);
  assert.match(warnings[0] ?? '', /no flock command/);
  first.release();
  lock()?.release();
});

/** Locks the directory given as its argument, says how that went, and waits to be killed. */
const holder = `
const { nodeFiles } = await import(process.argv[1]);
const lock = nodeFiles.lock(process.argv[2]);
process.stdout.write(lock === undefined ? 'refused\\n' : 'held\\n');
if (lock !== undefined) setInterval(() => undefined, 1000);
`;

function startHolder() {
  const module = new URL('../../src/node/node-files', import.meta.url).href;
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv.filter((arg, i, all) => arg === '--import' || all[i - 1] === '--import'),
      '--input-type=module',
      '-e',
      holder,
      `${module}${extension}`,
      directory,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const said = new Promise<string>((resolve) => {
    child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim()));
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return { child, said, exited };
}

test('another process is refused, and let in after kill -9', { timeout: 60_000 }, async () => {
  const first = startHolder();
  try {
    assert.equal(await first.said, 'held');
    assert.equal(nodeFiles.lock(directory), undefined);
    const second = startHolder();
    assert.equal(await second.said, 'refused');
    await second.exited;
  } finally {
    first.child.kill('SIGKILL');
  }
  await first.exited;
  const lock = nodeFiles.lock(directory);
  assert.ok(lock, 'the kernel dropped the lock with the process');
  lock.release();
});

test('a directory that cannot be made is an error at once', () => {
  const deep = join(directory, 'a', 'b', 'c');
  nodeFiles.makeDirectories(deep);
  nodeFiles.makeDirectories(deep);
  assert.equal(nodeFiles.status(deep)?.kind, 'directory');
  writeFileSync(join(directory, 'file'), '');
  assert.throws(() => nodeFiles.makeDirectories(join(directory, 'file', 'below')), {
    name: 'FileError',
  });
  // Node's recursive mkdir does not come back from here.
  if (process.platform === 'linux') {
    assert.throws(() => nodeFiles.makeDirectories('/proc/none/below'), { name: 'FileError' });
  }
});
