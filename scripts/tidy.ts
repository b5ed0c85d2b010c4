/**
 * `tidy`: the house rules that neither the compiler nor Biome can check, on the whole tree.
 *
 * Prints one line a finding, `path:line: rule: message`. Arguments are path prefixes: only what
 * lies under them is reported (the import graph is always read whole). Exit 1 when a rule is
 * broken; warnings do not count. Generated folders and fixtures, bytes from Java, are left alone.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './compile.ts';
import { checkImports } from './import-rules.ts';
import type { ImportLine } from './source-text.ts';
import { importsOf } from './source-text.ts';
import type { Finding } from './tidy-rules.ts';
import { checkFile } from './tidy-rules.ts';

const places = ['src', 'test', 'bench', 'scripts', 'bin', 'docs', 'examples', '.ci', '.github'];
const skipped = new Set(['node_modules', 'fixtures']);
const textFile = /(?:\.(?:ts|js|json|md|sh|txt|yml|yaml|py|java|c|cfg)|\/run)$/;

function* filesUnder(path: string): Generator<string> {
  const status = statSync(join(root, path), { throwIfNoEntry: false });
  if (status?.isFile() === true && textFile.test(path)) yield path;
  if (status?.isDirectory() !== true) return;
  for (const name of readdirSync(join(root, path)).sort()) {
    if (!skipped.has(name)) yield* filesUnder(`${path}/${name}`);
  }
}

const prefixes = process.argv.slice(2).map((prefix) => prefix.replace(/^\.\//, ''));
const findings: Finding[] = [];
const imports = new Map<string, readonly ImportLine[]>();
const topLevel = readdirSync(root).filter((name) => statSync(join(root, name)).isFile());
for (const place of [...places, ...topLevel]) {
  for (const path of filesUnder(place)) {
    const text = readFileSync(join(root, path), 'utf8');
    findings.push(...checkFile(path, text));
    if (path.startsWith('src/') && path.endsWith('.ts')) {
      imports.set(path.substring('src/'.length), importsOf(text));
    }
  }
}
for (const complaint of checkImports(imports)) findings.push({ ...complaint, level: 'error' });

const reported = findings.filter(
  ({ path }) => prefixes.length === 0 || prefixes.some((prefix) => path.startsWith(prefix)),
);
for (const { path, line, level, rule, message } of reported) {
  const mark = level === 'warning' ? 'warning: ' : '';
  console.log(`${path}:${line}: ${mark}${rule}: ${message}`);
}
const errors = reported.filter(({ level }) => level === 'error').length;
console.log(`tidy: ${imports.size} source files, ${errors} errors`);
process.exitCode = errors === 0 ? 0 : 1;
