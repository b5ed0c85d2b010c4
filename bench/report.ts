// BENCHMARKS.md: the part between `<!-- name -->` and `<!-- end name -->` is written by a benchmark run with --write,
// all else by hand. In: a section's name and its lines. Out: the file with that part replaced, and nothing else
// touched.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

const file = 'BENCHMARKS.md';

export function writeSection(name: string, lines: readonly string[]): void {
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- end ${name} -->\n`];
  const text = readFileSync(file, 'utf8');
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no part named ${name}`);
  const before = text.substring(0, from + start.length);
  writeFileSync(file, `${before}${lines.join('\n')}\n${text.substring(to)}`);
}

/** Commit, versions and machine: what every table stands on. */
export function circumstances(): string {
  const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  const memory = Math.round(totalmem() / 2 ** 30);
  return (
    `Commit ${git.stdout.trim()}, Node ${process.version}, Java ZooKeeper 3.8.0 on Java ${javaVersion()}; ` +
    `${cpus().length} cores, ${memory} GiB, ${cpus()[0]?.model ?? 'unknown processor'}`
  );
}

function javaVersion(): string {
  const { stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  return /"([^"]+)"/.exec(stderr ?? '')?.[1] ?? 'none';
}
