/**
 * `npm run check`: everything that can be said about the code without running it.
 *
 * Four stages: tsc over the whole tree; tsc over the pure part with no host types (the purity
 * gate); Biome's lint and format; tidy. All of them run even when one fails, so that one call shows
 * every complaint. Arguments are path prefixes: complaints elsewhere are left out, and do not count.
 * `--write` lets Biome repair what it safely can. Exit 1 when a stage failed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './compile.ts';

interface Result {
  readonly ok: boolean;
  readonly output: string;
}

const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const prefixes = process.argv
  .slice(2)
  .filter((argument) => !argument.startsWith('--'))
  .map((prefix) => prefix.replace(/^\.\//, ''));
const unknown = options.filter((option) => option !== '--write');
if (unknown.length > 0) {
  console.error(`check: unknown option ${unknown.join(' ')}; usage: check [--write] [path ...]`);
  process.exit(2);
}

function run(args: readonly string[]): Result {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` };
}

/** tsc cannot check one folder: the whole program is compiled and its messages are sifted. */
function compile(project: string): Result {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const result = run([tsc, '-p', project, '--noEmit', '--pretty', 'false']);
  if (result.ok || prefixes.length === 0) return result;
  const lines: string[] = [];
  let wanted = false;
  for (const line of result.output.split('\n')) {
    // A message starts at the margin with its path; indented lines belong to the one before.
    if (!line.startsWith(' ')) wanted = prefixes.some((prefix) => line.startsWith(prefix));
    if (wanted) lines.push(line);
  }
  return { ok: lines.length === 0, output: lines.join('\n') };
}

function biome(): Result {
  const paths = prefixes.filter((prefix) => existsSync(join(root, prefix)));
  if (prefixes.length > 0 && paths.length === 0) return { ok: true, output: '' };
  const command = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const given = ['--no-errors-on-unmatched', '--max-diagnostics=100', ...options, ...paths];
  return run([command, 'check', '--error-on-warnings', ...given]);
}

const stages: readonly (readonly [name: string, run: () => Result])[] = [
  ['types', () => compile('tsconfig.json')],
  ['purity', () => compile('tsconfig.pure.json')],
  ['biome', biome],
  ['tidy', () => run(['--import', 'tsx', 'scripts/tidy.ts', ...prefixes])],
];

const failed: string[] = [];
for (const [name, stage] of stages) {
  const started = performance.now();
  const { ok, output } = stage();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (output.trim() !== '' && (!ok || name === 'tidy')) console.log(output.trimEnd());
  if (!ok) failed.push(name);
}
if (failed.length > 0) {
  console.error(`check: ${failed.join(', ')} failed`);
  process.exitCode = 1;
}
