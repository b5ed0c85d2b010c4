/**
 * Hunts one mutant: its world is entered seed after seed, in a process of its own, until it is
 * caught or the cap is reached. Output: what caught it at which seed, or that it got away.
 *
 * What catches it must be content with the code as it is. A process that does not come to an end,
 * or ends without a word, is no catch: a checker has to say what is wrong.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Caught, WorldName } from '../../test/sim/mutants/worlds.ts';
import type { Mutant } from './mutant.ts';
import type { PatchedCopy } from './patched-copy.ts';

export const seedsMax = 200;
const patienceMs = 900_000;

export interface Hunt {
  readonly mutant: Mutant;
  /** How many seeds were tried. */
  readonly seeds: number;
  readonly caught: Caught | undefined;
  /** Why there is no result: the process itself failed, or the world fails without any mutant. */
  readonly failure?: string;
}

interface Attempt {
  readonly seeds: number;
  readonly seed: number;
  readonly caught?: Caught;
}

/** `most`: seeds it may take. */
export function hunt(copy: PatchedCopy, mutant: Mutant, most = seedsMax): Hunt {
  const { world } = mutant;
  try {
    copy.apply(mutant);
    const { seeds, seed, caught } = attempt(copy, world, 1, most);
    if (caught === undefined) return { mutant, seeds, caught };
    copy.restore();
    if (isHealthy(copy, world, seed)) return { mutant, seeds, caught };
    const failure = `${world} ${seed} fails without any mutant`;
    return { mutant, seeds, caught: undefined, failure };
  } catch (error) {
    if (!(error instanceof AttemptError)) throw error;
    return { mutant, seeds: 0, caught: undefined, failure: error.message };
  } finally {
    copy.restore();
  }
}

class AttemptError extends Error {}

/** By world and seed: nothing is caught there in the code as it is. */
const healthy = new Map<string, boolean>();

function isHealthy(copy: PatchedCopy, world: WorldName, seed: number): boolean {
  const key = `${world} ${seed}`;
  let known = healthy.get(key);
  if (known === undefined) {
    known = attempt(copy, world, seed, seed).caught === undefined;
    healthy.set(key, known);
  }
  return known;
}

/** Throws AttemptError. */
function attempt(copy: PatchedCopy, world: WorldName, from: number, to: number): Attempt {
  const program = join(copy.folder, 'test', 'sim', 'mutants', 'attempt.js');
  const { stdout, stderr, error, signal } = spawnSync(
    process.execPath,
    [program, world, String(from), String(to)],
    { cwd: copy.folder, encoding: 'utf8', timeout: patienceMs, maxBuffer: 64 << 20 },
  );
  const line = stdout?.trim().split('\n').at(-1) ?? '';
  if (line.startsWith('{')) return JSON.parse(line) as Attempt;
  const said = stderr?.split('\n').find((one) => /Error\b/.test(one));
  throw new AttemptError(error?.message ?? signal ?? said ?? 'no answer');
}
