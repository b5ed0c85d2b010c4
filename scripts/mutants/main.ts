/**
 * `npm run sim:mutants`: every seeded fault must be caught by the simulators.
 *
 * Arguments: words (mutants whose name or file holds one; else all); `--world NAME` only those of
 * one world; `--quick` those every test run has; `--part 1/2` the first of two parts; `--seeds N` how
 * many one may take (200); `--list` names them and runs nothing; `--built` takes dist-test/ as it
 * is; `--write` puts their rows into the table of docs/RELIABILITY.md. Output: a line for each
 * mutant. Exit 1 when one got away or a patch does not match exactly once.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compileInto, removeLeftovers, root } from '../compile.ts';
import { allMutants } from './all-mutants.ts';
import type { Hunt } from './hunt.ts';
import { hunt, seedsMax } from './hunt.ts';
import { PatchError, PatchedCopy } from './patched-copy.ts';
import { withTable } from './table.ts';

const usage = `npm run sim:mutants -- [options] [words]

  words         mutants whose name or file holds one; left out: all
  --world NAME  only those of one world
  --quick       those that every test run hunts
  --part 1/2    the first of two parts
  --seeds N     how many seeds one may take (${seedsMax})
  --list        name them and run nothing
  --built       take dist-test/ as it is
  --write       put their rows into the table of docs/RELIABILITY.md

Exit code 1 when one got away or a patch does not match exactly once.`;

const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    built: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    world: { type: 'string' },
    part: { type: 'string', default: '1/1' },
    seeds: { type: 'string', default: String(seedsMax) },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const [part = 1, parts = 1] = values.part.split('/').map(Number);
const chosen = allMutants
  .filter(({ quick }) => quick === true || !values.quick)
  .filter(({ world }) => values.world === undefined || world === values.world)
  .filter(
    ({ name, file }) => words.length === 0 || words.some((w) => `${name} ${file}`.includes(w)),
  )
  .filter((_, i) => i % parts === part - 1);

if (values.list) {
  for (const { name, file, world, breaks } of chosen) {
    console.log(`${world.padEnd(9)}${breaks.padEnd(6)}${name} (${file})`);
  }
  process.exit(0);
}

removeLeftovers();
if (!values.built && !compileInto('dist-test', 'tsconfig.test.json')) process.exit(1);
const copy = new PatchedCopy(join(root, 'dist-test'), join(root, `.build-mutants-${process.pid}`));
const hunts: Hunt[] = [];
let failures = 0;
try {
  for (const mutant of chosen) {
    try {
      const one = hunt(copy, mutant, Number(values.seeds));
      hunts.push(one);
      if (one.caught === undefined) failures++;
      console.log(lineOf(one));
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      failures++;
      console.log(`ERROR   ${error.message}`);
    }
  }
} finally {
  copy.remove();
}
const caught = hunts.filter((one) => one.caught !== undefined);
console.log(`${caught.length} of ${chosen.length} mutants caught`);
if (values.write) {
  const page = join(root, 'docs', 'RELIABILITY.md');
  writeFileSync(page, withTable(readFileSync(page, 'utf8'), allMutants, hunts));
}
process.exitCode = failures === 0 ? 0 : 1;

function lineOf({ mutant, seeds, caught, failure }: Hunt): string {
  const { name, world } = mutant;
  if (failure !== undefined) return `FAILED  ${name} (${world}): ${failure}`;
  if (caught === undefined) return `ALIVE   ${name} (${world}), ${seeds} tried`;
  return `caught  ${name} (${world} ${seeds}) by ${caught.by}: ${caught.what}`.substring(0, 220);
}
