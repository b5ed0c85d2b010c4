/**
 * Hunts one mutant: its world is entered seed after seed, in a process of its own, until it is
 * caught or the cap is reached. Output: what caught it at which seed, or that it got away.
 *
 * A process that does not come to an end, or ends without a word, is no catch: a checker has to
 * say what is wrong.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Caught } from '../../test/sim/mutants/worlds.ts';
import type { Mutant } from './mutant.ts';
import type { PatchedCopy } from './patched-copy.ts';

export const seedsMax = 200;
const patienceMs = 900_000;

export interface Hunt {
  readonly mutant: Mutant;
  /** How many seeds were tried. */
  readonly seeds: number;
  readonly caught: Caught | undefined;
  /** Why there is no result: the process itself failed. */
  readonly failure?: string;
}

/** `most`: seeds it may take. */
export function hunt(copy: PatchedCopy, mutant: Mutant, most = seedsMax): Hunt {
  copy.apply(mutant);
  try {
    return enter(copy, mutant, most);
  } finally {
    copy.restore();
  }
}

function enter(copy: PatchedCopy, mutant: Mutant, most: number): Hunt {
  const program = join(copy.folder, 'test', 'sim', 'mutants', 'attempt.js');
  const { stdout, stderr, error, signal } = spawnSync(
    process.execPath,
    [program, mutant.world, '1', String(most)],
    { cwd: copy.folder, encoding: 'utf8', timeout: patienceMs, maxBuffer: 64 << 20 },
  );
  const line = stdout?.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) {
    const said = stderr?.split('\n').find((one) => /Error\b/.test(one));
    const failure = error?.message ?? signal ?? said ?? 'no answer';
    return { mutant, seeds: 0, caught: undefined, failure };
  }
  const { seeds, caught } = JSON.parse(line) as { seeds: number; caught?: Caught };
  return { mutant, seeds, caught };
}
