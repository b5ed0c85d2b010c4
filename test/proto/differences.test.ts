/**
 * The table of differences as a table: ids are names, every text is a sentence, and
 * docs/DIFFERENCES.md shows exactly these rows.
 * `npm test -- --rewrite differences` writes the page.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Difference } from '../../src/proto/differences.ts';
import { differences } from '../../src/proto/differences.ts';
import { projectFile } from '../support/project-file.ts';

const page = projectFile('docs/DIFFERENCES.md');

const sections: ReadonlyArray<readonly [Difference['tested'], string]> = [
  ['beside Java', 'Met in every full run of the differential test'],
  ['patched', 'The same in the Java we compare with'],
  ['alone', 'Asked of this server only'],
  ['ensemble', 'In an ensemble'],
];

const introductions: Readonly<Record<Difference['tested'], string>> = {
  'beside Java':
    '`npm run test:interop -- differential` sends the same 20,000 random operations to Java 3.8.0 and ' +
    'to this server. Every answer, stat, error code, watch event and end of a connection must be the ' +
    'same or fit exactly one of these rows. `QUOLL_DIFF_SEED=n` draws other operations, ' +
    '`QUOLL_DIFF_OPS=n` more or fewer.',
  patched:
    'Java 3.8.0 as released differs; the package of Debian that the tests use, 3.8.0-11+deb12u2, ' +
    'carries the newer behaviour as a security patch, so that no difference is seen.',
  alone:
    'These requests damage a Java 3.8.0 server, or the two would not have the same tree after them. ' +
    '`test/core/requests-apart.test.ts` asks them of this server alone.',
  ensemble:
    'What clients see of servers that elect and follow leaders: `test/interop/ensemble-sessions.test.ts` ' +
    'takes the same steps with three servers of Java’s and three of ours, `test/server/client-front.test.ts` ' +
    'and `test/core` have these rows.',
};

function text(): string {
  const lines = [
    '# Differences from Java ZooKeeper 3.8.0',
    '',
    'What a client can see that is not as Java 3.8.0 has it, each on purpose. Where newer Java changed',
    'an answer and clients of 3.8 do not mind, this server gives the newer one. Everything not named',
    'here is the same, byte for byte but for times and session ids. The table is',
    '`src/proto/differences.ts`; this page is written from it.',
  ];
  for (const [tested, title] of sections) {
    lines.push('', `## ${title}`, '', introductions[tested], '');
    lines.push('| | Java 3.8.0 | here | why |', '|---|---|---|---|');
    for (const row of differences as readonly Difference[]) {
      if (row.tested !== tested) continue;
      lines.push(`| \`${row.id}\` | ${cell(row.java)} | ${cell(row.quoll)} | ${cell(row.why)} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function cell(sentence: string): string {
  return sentence.replaceAll('|', '\\|');
}

test('the page shows the table', () => {
  if (process.env.QUOLL_REWRITE !== undefined) writeFileSync(page, text());
  assert.equal(readFileSync(page, 'utf8'), text());
});

test('each row is a name, and what it says are sentences', () => {
  const ids = new Set<string>();
  for (const row of differences as readonly Difference[]) {
    assert.match(row.id, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    assert.ok(!ids.has(row.id), `${row.id} is there twice`);
    ids.add(row.id);
    for (const sentence of [row.java, row.quoll, row.why]) {
      assert.match(sentence, /\.$/, `${row.id}: ${sentence}`);
    }
  }
});
