// Following a file of lines: each whole line once, however it is written; a file that comes late, is moved aside with
// lines nobody read yet, or is cut short; and lines longer than one read. Inode numbers tell a new file from the old
// one, so these run on a real file system.
import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { LineTail } from '../../src/cli/line-tail.ts';

let folder: string;
let file: string;
let tail: LineTail | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quoll-tail-'));
  file = join(folder, 'f');
});
afterEach(() => {
  tail?.close();
  rmSync(folder, { recursive: true, force: true });
});

function follow(fromEnd: boolean): LineTail {
  tail = new LineTail(file, fromEnd);
  return tail;
}

test('each line once, half ones when they are whole', () => {
  const lines = follow(true);
  assert.deepEqual(lines.read(), [], 'not there yet');
  writeFileSync(file, 'a\nb\nhal');
  assert.deepEqual(lines.read(), ['a', 'b']);
  assert.deepEqual(lines.read(), []);
  appendFileSync(file, 'f é\nc\n');
  assert.deepEqual(lines.read(), ['half é', 'c']);
});

test('what was there before is passed over, or not', () => {
  writeFileSync(file, 'old\n');
  const news = follow(true);
  appendFileSync(file, 'new\n');
  assert.deepEqual(news.read(), ['new']);
  news.close();
  assert.deepEqual(follow(false).read(), ['old', 'new']);
});

test('a file moved aside is read to its end, then the new one', () => {
  writeFileSync(file, 'a\n');
  const lines = follow(false);
  assert.deepEqual(lines.read(), ['a']);
  appendFileSync(file, 'b\n');
  renameSync(file, join(folder, 'older'));
  writeFileSync(file, 'c\n');
  assert.deepEqual(lines.read(), ['b', 'c']);
  appendFileSync(file, 'd\n');
  assert.deepEqual(lines.read(), ['d']);
});

test('a file cut short is read from its start', () => {
  writeFileSync(file, 'a long line\n');
  const lines = follow(false);
  assert.deepEqual(lines.read(), ['a long line']);
  truncateSync(file, 0);
  appendFileSync(file, 'b\n');
  assert.deepEqual(lines.read(), ['b']);
});

test('more than one read can hold comes whole', () => {
  const many = Array.from({ length: 100_000 }, (_, index) => `line ${index}`);
  writeFileSync(file, `${many.join('\n')}\n`);
  assert.deepEqual(follow(false).read(), many);
});
