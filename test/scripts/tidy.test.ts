/**
 * The rules of `tidy`: each fires on what it forbids and keeps still on what only looks like it.
 * The table of imports is tested as a table, allowed and forbidden pairs side by side; the scanner
 * on the constructs that fool simple ones (escapes, nested templates, patterns holding quotes).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImports, cyclesOf, isPure, zoneOf } from '../../scripts/import-rules.ts';
import { codeOnly, importsOf } from '../../scripts/source-text.ts';
import { checkFile } from '../../scripts/tidy-rules.ts';

const head = '// One\n// two\n// three.\n';

function rulesBrokenBy(path: string, text: string): string[] {
  return checkFile(path, text).map(({ rule }) => rule);
}

test('the scanner keeps code and offsets, and blanks comments, strings, patterns', () => {
  const cases: readonly (readonly [text: string, code: string])[] = [
    ["a('x.slice(') // Date", "a('        ')        "],
    ["'it\\'s' + b", "'     ' + b"],
    ['/* a\n b */c', '    \n     c'],
    ['x = a / b / c', 'x = a / b / c'],
    ['x = /\'[/]"/.test(y)', 'x =        .test(y)'],
    ["return /'/;", 'return    ;'],
    ["a[0] / 2; '/'", "a[0] / 2; ' '"],
  ];
  for (const [text, code] of cases) {
    const got = codeOnly(text);
    assert.equal(got.length, text.length, text);
    assert.equal(got, code, text);
  }
  const nested = codeOnly(['`Date $', '{now({ a: `Date` })} Date`; late'].join(''));
  assert.match(nested, /now\(\{ a: /);
  assert.match(nested, /; late$/);
  assert.doesNotMatch(nested, /Date/);
});

test('imports are found in every form, and not in comments or strings', () => {
  const text = [
    "import { a,\n  b } from './b.ts';",
    "import type { C } from './c.ts';",
    "import * as d from './d.ts';",
    "import './e.ts';",
    "export { f } from './f.ts';",
    "export * from './g.ts';",
    "const h = await import('./h.ts');",
    "// import './no.ts';",
    'const i = "import \'./no.ts\'";',
    "export const from = 'no';",
  ].join('\n');
  assert.deepEqual(
    importsOf(text).map(({ specifier, line }) => `${specifier}:${line}`),
    ['./b.ts:2', './c.ts:3', './d.ts:4', './e.ts:5', './f.ts:6', './g.ts:7', './h.ts:8'],
  );
});

test('the longest row of the import table speaks for a file', () => {
  const rows = [
    ['util/deque.ts', 'util'],
    ['core/replica.ts', 'core'],
    ['core/zab/leader.ts', 'core/zab'],
    ['server/start.ts', 'server/start'],
    ['server/driver.ts', 'server'],
    ['index.ts', 'index'],
    ['odd/one.ts', undefined],
  ] as const;
  for (const [file, zone] of rows) assert.equal(zoneOf(file), zone, file);
  assert.equal(isPure('core/tree/acl.ts'), true);
  for (const file of ['node/files.ts', 'cli/main.ts', 'index.ts', 'sim/main.ts']) {
    assert.equal(isPure(file), false, file);
  }
});

test('imports against the table', () => {
  const allowed = [
    ['core/tree/apply.ts', './data-tree.ts'],
    ['core/request/prep.ts', '../tree/path.ts'],
    ['core/replica.ts', './zab/peer.ts'],
    ['core/zab/peer.ts', '../election/vote.ts'],
    ['storage/recovery.ts', '../core/tree/data-tree.ts'],
    ['server/driver.ts', '../core/replica.ts'],
    ['client/zookeeper.ts', '../net/framing.ts'],
    ['server/start.ts', '../node/files.ts'],
    ['server/start.ts', './driver.ts'],
    ['cli/main.ts', '../server/start.ts'],
    ['cli/main.ts', 'node:fs'],
    ['cli/main.ts', 'commander'],
    ['node/log.ts', 'pino'],
    ['sim/world.ts', '../server/driver.ts'],
  ] as const;
  const forbidden = [
    ['util/deque.ts', '../jute/reader.ts'],
    ['core/tree/apply.ts', '../session/watches.ts'],
    ['core/tree/apply.ts', '../request/prep.ts'],
    ['core/tree/apply.ts', '../../ports.ts'],
    ['core/tree/apply.ts', 'node:fs'],
    ['core/zab/peer.ts', '../request/prep.ts'],
    ['storage/recovery.ts', '../core/zab/peer.ts'],
    ['net/listener.ts', '../core/replica.ts'],
    ['client/zookeeper.ts', '../net/listener.ts'],
    ['node/files.ts', '../server/config.ts'],
    ['server/driver.ts', 'node:fs'],
    ['server/driver.ts', './start.ts'],
    ['server/start.ts', 'pino'],
    ['sim/world.ts', '../node/files.ts'],
    ['sim/world.ts', '../server/start.ts'],
    ['util/deque.ts', './heap.js'],
    ['util/deque.ts', '../../test/x.ts'],
  ] as const;
  const complaintsOf = (file: string, specifier: string) =>
    checkImports(new Map([[file, [{ specifier, line: 4 }]]]));
  for (const [file, specifier] of allowed) {
    assert.deepEqual(complaintsOf(file, specifier), [], `${file} <- ${specifier}`);
  }
  for (const [file, specifier] of forbidden) {
    const complaints = complaintsOf(file, specifier);
    assert.equal(complaints.length, 1, `${file} <- ${specifier}`);
    assert.equal(complaints[0]!.line, 4);
  }
});

test('a knot of files is reported once, by a shortest cycle', () => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', ['a', 'b']],
    ['d', []],
    ['e', ['e']],
  ]);
  assert.deepEqual(cyclesOf(graph), [
    ['a', 'b', 'c', 'a'],
    ['e', 'e'],
  ]);
});

test('pure code: no view-or-copy, no clock, no chance; other code may', () => {
  const bad = `${head}const a = b.slice(1) + Date.now() + Math.random();\n`;
  assert.deepEqual(rulesBrokenBy('src/util/x.ts', bad), ['slice', 'date', 'random']);
  assert.deepEqual(rulesBrokenBy('src/node/x.ts', bad), []);
  assert.deepEqual(rulesBrokenBy('test/util/x.ts', bad), []);
  const good = `${head}// Date, a.slice(1)\nconst a = 'Date' + b.subarray(1) + c.sliceTime(now);\n`;
  assert.deepEqual(rulesBrokenBy('src/util/x.ts', good), []);
});

test('size, head, notes and machine paths', () => {
  const path = 'src/util/x.ts';
  assert.deepEqual(rulesBrokenBy(path, 'export const a = 1;\n'), ['head']);
  assert.deepEqual(rulesBrokenBy(path, '/**\n * One line.\n */\n'), ['head']);
  assert.deepEqual(rulesBrokenBy(path, `#!/usr/bin/env node\n${head}`), []);
  assert.deepEqual(rulesBrokenBy(path, `${head}// ${'x'.repeat(117)}\n`), []);
  assert.deepEqual(rulesBrokenBy(path, `${head}// ${'x'.repeat(118)}\n`), ['columns']);
  const ofLength = (lines: number) =>
    checkFile(path, `${head}${'//\n'.repeat(lines - 3)}`).map(({ level }) => level);
  assert.deepEqual(ofLength(400), []);
  assert.deepEqual(ofLength(401), ['warning']);
  assert.deepEqual(ofLength(600), ['warning']);
  assert.deepEqual(ofLength(601), ['error']);
  const note = ['TO', 'DO'].join('');
  const place = ['', 'home', 'me'].join('/');
  assert.deepEqual(rulesBrokenBy('docs/x.md', `${note}: see ${place}\n`), [
    'note-to-self',
    'machine-path',
  ]);
  assert.deepEqual(rulesBrokenBy('docs/x.md', `todo lists in ./home/me, $HOME/work/x\n`), []);
  assert.deepEqual(rulesBrokenBy('package-lock.json', '{\n "resolved": "" }'), ['lockfile']);
});
