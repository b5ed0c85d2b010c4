// Quota texts as StatsTrack reads and writes them, the
// limits a change would pass, and the longest path with a
// quota against a plain search.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  exceeds,
  formatStats,
  isStatsText,
  PathTrie,
  parseStats,
} from '../../../src/core/tree/quota.ts';

const none = { count: -1, bytes: -1, countHardLimit: -1, byteHardLimit: -1 };

test('texts that Java reads', () => {
  const rows: ReadonlyArray<readonly [string, object]> = [
    ['', none],
    ['count=4,bytes=5', { ...none, count: 4, bytes: 5 }],
    [
      'count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=5',
      { ...none, byteHardLimit: 10, countHardLimit: 5 },
    ],
    ['count=4,,;;bytes=5;,', { ...none, count: 4, bytes: 5 }],
    ['bytes=+7', { ...none, bytes: 7 }],
    ['count==5', none],
    ['count=1=2', { ...none, count: 1 }],
    ['zebra=9,count=1', { ...none, count: 1, others: new Map([['zebra', 9]]) }],
  ];
  for (const [text, expected] of rows) {
    assert.deepEqual(parseStats(text), expected, text);
    assert.equal(isStatsText(text), true, text);
  }
});

test('texts on which Java fails read as nothing set', () => {
  const bad = [
    'hello',
    'count=',
    'count',
    ',count=1',
    'count=1x',
    'count=99999999999999999999',
    '=',
    'a=1;b',
  ];
  for (const text of bad) {
    assert.deepEqual(parseStats(text), none, text);
    assert.equal(isStatsText(text), false, text);
  }
});

test('texts that are written', () => {
  assert.equal(formatStats({ ...none, count: 4, bytes: 5 }), 'count=4,bytes=5');
  assert.equal(formatStats(none), 'count=-1,bytes=-1');
  assert.equal(
    formatStats({ ...none, byteHardLimit: 10, countHardLimit: 5 }),
    'count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=5',
  );
  assert.equal(
    formatStats({
      ...none,
      count: 1,
      others: new Map([
        ['zebra', 9],
        ['ant', -3],
      ]),
    }),
    'count=1,bytes=-1=;ant=-3;zebra=9',
  );
  assert.equal(formatStats({ ...none, count: 2 ** 63 }), 'count=9223372036854775807,bytes=-1');
});

test('what is written reads back', () => {
  const value = fc.integer({ min: -1, max: 2 ** 40 });
  const stats = fc.record({
    count: value,
    bytes: value,
    countHardLimit: value,
    byteHardLimit: value,
  });
  fc.assert(
    fc.property(stats, (one) => {
      assert.deepEqual(parseStats(formatStats(one)), { ...one });
    }),
    { seed: 3 },
  );
});

test('which limits a change would pass', () => {
  const used = { ...none, count: 10, bytes: 100 };
  const passes = (limits: object, count: number, bytes: number) =>
    exceeds({ ...none, ...limits }, used, { count, bytes });
  assert.deepEqual(passes({}, 1, 1000), []);
  assert.deepEqual(passes({ count: 11 }, 1, 0), []);
  assert.deepEqual(passes({ count: 10 }, 1, 0), [
    { kind: 'count', hard: false, used: 11, limit: 10 },
  ]);
  assert.deepEqual(passes({ count: 1, countHardLimit: 11 }, 1, 0), []);
  assert.deepEqual(passes({ countHardLimit: 10, bytes: 1 }, 1, 5), [
    { kind: 'count', hard: true, used: 11, limit: 10 },
  ]);
  assert.deepEqual(passes({ count: 10, byteHardLimit: 104 }, 1, 5), [
    { kind: 'count', hard: false, used: 11, limit: 10 },
    { kind: 'bytes', hard: true, used: 105, limit: 104 },
  ]);
  assert.deepEqual(passes({ byteHardLimit: 50 }, 0, 0), []);
  assert.deepEqual(passes({ byteHardLimit: 50 }, 0, -10), [
    { kind: 'bytes', hard: true, used: 90, limit: 50 },
  ]);
  assert.deepEqual(passes({ countHardLimit: 0 }, 1, 0), [
    { kind: 'count', hard: true, used: 11, limit: 0 },
  ]);
});

test('the longest path with a quota', () => {
  const trie = new PathTrie();
  assert.equal(trie.longestPrefix('/a'), undefined);
  trie.add('/a');
  trie.add('/a/b/c');
  trie.add('/a');
  trie.add('/');
  trie.add('');
  assert.equal(trie.size, 2);
  assert.equal(trie.longestPrefix('/a/b'), '/a');
  assert.equal(trie.longestPrefix('/a/b/c'), '/a/b/c');
  assert.equal(trie.longestPrefix('/a/b/c/d'), '/a/b/c');
  assert.equal(trie.longestPrefix('/ab'), undefined);
  assert.equal(trie.longestPrefix('/'), undefined);
  assert.equal(trie.longestPrefix('/__proto__'), undefined);
  trie.remove('/a/b');
  trie.remove('/x');
  trie.remove('/');
  trie.remove('/a');
  assert.equal(trie.longestPrefix('/a/b'), undefined);
  assert.equal(trie.longestPrefix('/a/b/c'), '/a/b/c');
  trie.remove('/a/b/c');
  assert.equal(trie.size, 0);
  const deep = '/x'.repeat(50_000);
  trie.add(deep);
  assert.equal(trie.longestPrefix(`${deep}/y`), deep);
  trie.remove(deep);
  assert.equal(trie.longestPrefix(deep), undefined);
});

test('against a plain search', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', ' '), { minLength: 1, maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`);
  const step = fc.record({ path, add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), path, (steps, asked) => {
      const trie = new PathTrie();
      const known = new Set<string>();
      for (const { path, add } of steps) {
        if (add) trie.add(path);
        else trie.remove(path);
        if (add) known.add(path);
        else known.delete(path);
      }
      const best = [...known]
        .filter((one) => `${asked}/`.startsWith(`${one}/`))
        .sort((x, y) => y.length - x.length)[0];
      assert.equal(trie.longestPrefix(asked), best);
      assert.equal(trie.size, known.size);
    }),
    { seed: 4, numRuns: 500 },
  );
});
