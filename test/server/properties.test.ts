// The .properties syntax: what Java's own loader said about 400 random texts made of everything that matters to it
// (test/fixtures/server/properties.json: text, then its pairs or null for an error), and by name the cases that real
// zoo.cfg files hold. The fixture is Java's output, byte for byte.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseProperties } from '../../src/server/properties.ts';

type Pairs = Readonly<Record<string, string>>;

function pairs(text: string): [string, string][] {
  return parseProperties(text).map(({ key, value }) => [key, value]);
}

/** From test/ and from dist-test/test/ alike. */
function fixture(name: string): string {
  const up = import.meta.url.endsWith('.ts') ? '..' : '../../../test';
  return readFileSync(new URL(`${up}/fixtures/${name}`, import.meta.url), 'utf8');
}

test('reads what Java reads', () => {
  const cases = JSON.parse(fixture('server/properties.json')) as [string, Pairs | null][];
  assert.equal(cases.length, 400);
  const trim = (text: string) => text.trim();
  let compared = 0;
  for (const [text, expected] of cases) {
    if (expected === null) {
      assert.throws(() => parseProperties(text), { name: 'PropertiesError' }, JSON.stringify(text));
      continue;
    }
    const wanted = new Map(
      Object.entries(expected).map(([key, value]) => [trim(key), trim(value)]),
    );
    // Keys that differ in blanks only become one, and Java's order among them is arbitrary.
    if (wanted.size !== Object.keys(expected).length) continue;
    compared++;
    const got = new Map(pairs(text));
    // A line of nothing but a backslash is an empty key to Java and nothing to us; no key is empty.
    for (const map of [got, wanted]) map.delete('');
    const inOrder = (map: Map<string, string>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(inOrder(got), inOrder(wanted), JSON.stringify(text));
  }
  assert.ok(compared > 300, `${compared} compared`);
});

test('a zoo.cfg edited on Windows, with trailing blanks', () => {
  assert.deepEqual(
    pairs('# comment\r\ntickTime=2000  \r\n\tdataDir = /var/zk\t\r\nclientPort: 2181'),
    [
      ['tickTime', '2000'],
      ['dataDir', '/var/zk'],
      ['clientPort', '2181'],
    ],
  );
});

test('server lines keep their colons, the last of equal keys wins, lines are told', () => {
  assert.deepEqual(parseProperties('a=1\nserver.1=h:2888:3888;2181\n\na=2'), [
    { key: 'server.1', value: 'h:2888:3888;2181', line: 2 },
    { key: 'a', value: '2', line: 4 },
  ]);
});

test('a bad escape names its line', () => {
  assert.throws(() => parseProperties('a=1\nb=\\u12x4'), { name: 'PropertiesError', line: 2 });
});

test('a long file of odd lines is read in one pass', () => {
  const text = `${'k\\\n'.repeat(50_000)}=v\n${'\\'.repeat(100_001)}`;
  assert.equal(pairs(text)[0]?.[1], 'v');
});
