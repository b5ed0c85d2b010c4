// docs/CONFIGURATION.md holds tables; the truth is in the code. Each table between its markers must be what the code
// says now. `npm test -- configuration-document --rewrite` writes them; read the diff as a change of behaviour.
// The exit codes are in the text, so they are compared by their numbers.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Handling } from '../../src/server/config-inactive-keys.ts';
import { inactiveKeys } from '../../src/server/config-inactive-keys.ts';
import type { UsedKey } from '../../src/server/config-key.ts';
import { usedKeys } from '../../src/server/config-keys.ts';
import { exitCodes } from '../../src/server/exit-codes.ts';

function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const document = join(projectRoot(), 'docs', 'CONFIGURATION.md');

function usedTables(): string {
  const sections = Object.entries(usedKeys).map(([title, keys]) => {
    const rows = Object.values(keys).map((key: UsedKey<unknown>) => {
      const standard = key.defaultText ?? String(key.default);
      return `| ${nameOf(key)} | ${standard} | ${key.type.wanted} | ${key.meaning} |`;
    });
    return `### ${title}\n\n| key | default | value | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return sections.join('\n');
}

function nameOf({ name, place, type }: UsedKey<unknown>): string {
  const marks = [
    ...(place === 'bare' ? ['¹'] : []),
    ...(type.wanted.startsWith('a number') && type.read('0x7fff') !== undefined ? ['²'] : []),
  ];
  return `\`${name}\`${marks.length === 0 ? '' : ` ${marks.join(' ')}`}`;
}

function inactiveTable(handling: Handling): string {
  const byFeature = new Map<string, string[]>();
  for (const { name, about } of inactiveKeys.filter((key) => key.handling === handling)) {
    const names = byFeature.get(about) ?? [];
    byFeature.set(about, [...names, `\`${name}\``]);
  }
  const rows = [...byFeature].map(([about, names]) => `| ${about} | ${names.join(', ')} |`);
  return `| about | keys |\n|---|---|\n${rows.join('\n')}\n`;
}

test('docs/CONFIGURATION.md shows the keys as they are', () => {
  const tables: Readonly<Record<string, string>> = {
    used: usedTables(),
    refused: inactiveTable('refused'),
    harmless: inactiveTable('harmless'),
  };
  const before = readFileSync(document, 'utf8');
  let after = before;
  for (const [name, table] of Object.entries(tables)) {
    const place = new RegExp(`(<!-- ${name} keys[^>]*-->\n)[^]*?(<!-- end -->)`);
    assert.match(after, place, `the marker of the ${name} keys`);
    after = after.replace(place, (_, start: string, end: string) => `${start}${table}${end}`);
  }
  if (process.env.QUOLL_REWRITE !== undefined) writeFileSync(document, after);
  else assert.equal(before, after, 'rewrite it: npm test -- configuration-document --rewrite');
});

test('docs/CONFIGURATION.md has every exit code', () => {
  const text = readFileSync(document, 'utf8');
  const named = new Set(
    [...text.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, list]) => list?.split(', ')),
  );
  assert.deepEqual([...named].sort(), Object.values(exitCodes).map(String).sort());
});
