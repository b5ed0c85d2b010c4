// Path rules by table (the comparison with Java over the whole plane is
// test/interop/paths.test.ts), the fast check against the slow one, and paths of a hundred thousand
// components.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  isPlainPath,
  isSystemPath,
  nameOf,
  parentPath,
  pathError,
} from '../../../src/core/tree/path.ts';
import { encodeUtf8 } from '../../../src/jute/utf8.ts';

const good = [
  '/',
  '/a',
  '/a/b',
  '/...',
  '/.a',
  '/a.',
  '/a..b',
  '/a b',
  '/é',
  '/\u00a0',
  '/\uffef',
  '/__proto__',
];

const bad: ReadonlyArray<readonly [string, string]> = [
  ['', 'Path length must be > 0'],
  ['a', 'Path must start with / character'],
  ['/a/', 'Path must not end with / character'],
  ['//', 'Path must not end with / character'],
  ['//a', 'Invalid path string "//a" caused by empty node name specified @1'],
  ['/a//b', 'Invalid path string "/a//b" caused by empty node name specified @3'],
  ['/.', 'Invalid path string "/." caused by relative paths not allowed @1'],
  ['/..', 'Invalid path string "/.." caused by relative paths not allowed @2'],
  ['/a/./b', 'Invalid path string "/a/./b" caused by relative paths not allowed @3'],
  ['/a/../b', 'Invalid path string "/a/../b" caused by relative paths not allowed @4'],
  ['/\0', 'Invalid path string "/\0" caused by null character not allowed @1'],
  ['/a\x01', 'Invalid path string "/a\x01" caused by invalid character @2'],
  ['/\x7f', 'Invalid path string "/\x7f" caused by invalid character @1'],
  ['/\u{1f600}', 'Invalid path string "/\u{1f600}" caused by invalid character @1'],
  ['/\ufff0', 'Invalid path string "/\ufff0" caused by invalid character @1'],
];

test('good and bad paths', () => {
  for (const path of good) assert.equal(pathError(path), undefined, path);
  for (const [path, message] of bad) assert.equal(pathError(path), message);
});

test('a sequential create is judged with its digits', () => {
  assert.equal(pathError('/', true), undefined);
  assert.equal(pathError('/a/', true), undefined);
  assert.equal(pathError('/.', true), undefined);
  assert.equal(pathError('', true), 'Path must start with / character');
  assert.match(pathError('/a//', true) ?? '', /empty node name specified @3$/);
});

test('a plain path is always a valid one, and most ASCII paths are plain', () => {
  const part = fc.constantFrom('/', '.', '..', 'a', 'B9', ' ', '~', '\x1f', '\x7f', 'é');
  const paths = fc.array(part, { maxLength: 10 }).map((parts) => `/${parts.join('')}`);
  fc.assert(
    fc.property(paths, (path) => {
      const bytes = encodeUtf8(`..${path}..`);
      const plain = isPlainPath(bytes, 2, bytes.length - 2);
      const ascii = /^[\x20-\x7e]*$/.test(path);
      assert.equal(plain, ascii && pathError(path) === undefined, JSON.stringify(path));
    }),
    { seed: 1, numRuns: 3000 },
  );
  assert.equal(isPlainPath(new Uint8Array(0), 0, 0), false);
});

test('parents, names and system paths', () => {
  assert.deepEqual(['/a/b/c', '/a/b', '/a', '/', ''].map(parentPath), ['/a/b', '/a', '/', '', '']);
  assert.deepEqual(['/a/b', '/a', '/'].map(nameOf), ['b', 'a', '']);
  const system = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'];
  for (const path of system) assert.equal(isSystemPath(path), true);
  for (const path of ['/zookeeper/other', '/a', 'zookeeper'])
    assert.equal(isSystemPath(path), false);
});

test('a hundred thousand components', () => {
  const path = '/a'.repeat(100_000);
  assert.equal(pathError(path), undefined);
  assert.match(pathError(`${path}/..`) ?? '', /relative paths not allowed @200002$/);
  const bytes = encodeUtf8(path);
  assert.equal(isPlainPath(bytes, 0, bytes.length), true);
  assert.equal(parentPath(path).length, path.length - 2);
});
