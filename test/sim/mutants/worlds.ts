// The simulated worlds a mutant has to survive, each by a number: a seed, or which text. In: the world's name and the
// number. Out: what was caught, undefined when all went well. The first violation ends a simulated world, as nothing
// behind it says more.

import { readdirSync, readFileSync } from 'node:fs';
import { nodeCodec } from '../../../src/node/node-codec.ts';
import { nodeHash } from '../../../src/node/node-hash.ts';
import { runCrashWorkload } from '../../../src/sim/crash-runner.ts';
import { crashWorkloads, javaFileNames } from '../../../src/sim/crash-workloads.ts';
import { runEnsemble } from '../../../src/sim/ensemble-scenario.ts';
import { runStandalone } from '../../../src/sim/standalone-scenario.ts';
import { World } from '../../../src/sim/world.ts';
import { playElection } from '../../core/election/play-election.ts';
import { playEnsemble } from '../../core/zab/play-ensemble.ts';
import { EnsembleStory } from '../../support/ensemble-story.ts';
import { played } from '../../support/play-texts.ts';
import { projectFile } from '../../support/project-file.ts';
import { Scenario } from '../../support/scenario.ts';

export const worldNames = ['lone', 'ensemble', 'zab', 'election', 'crash', 'texts'] as const;
export type WorldName = (typeof worldNames)[number];

export interface Caught {
  /** The invariant by its name in the specification, or how else it showed. */
  readonly by: string;
  readonly what: string;
}

const invariant = /\b((?:EP|LD|HI|PS|ST|SE|WA|CL|LV)\d+):? [^\n]*/;
/** As `npm run sim` has them; fewer for ensembles, for more seeds in the same time. */
const operations = { lone: 400, ensemble: 150 };

/** `caught`: told at once of a violation, and need not come back. */
export function enterWorld(
  name: WorldName,
  seed: number,
  caught: (caught: Caught) => void,
): Caught | undefined {
  World.prototype.violation = (invariant, what) => caught({ by: invariant, what });
  try {
    switch (name) {
      case 'lone':
        runStandalone({ seed, operations: operations.lone, codec: nodeCodec, hash: nodeHash });
        return undefined;
      case 'ensemble':
        runEnsemble({ seed, operations: operations.ensemble, codec: nodeCodec, hash: nodeHash });
        return undefined;
      case 'zab':
        playEnsemble(seed);
        return undefined;
      case 'election':
        playElection(seed);
        return undefined;
      case 'crash':
        return crashOf(seed);
      case 'texts':
        return differenceOf(seed);
    }
  } catch (error) {
    return caughtError(error);
  }
}

/** How many there are; a seed may be any number. */
export function sizeOf(name: WorldName): number {
  if (name === 'crash') return crashWorkloads.length;
  return name === 'texts' ? textNames().length : Number.MAX_SAFE_INTEGER;
}

/** A share of the disks that a loss of power may leave of one workload. */
function crashOf(number: number): Caught | undefined {
  const workload = crashWorkloads[number - 1];
  if (workload === undefined) return undefined;
  const javaFiles = new Map(
    javaFileNames.map((name) => {
      const path = projectFile(`test/fixtures/storage/java-3.8.0/${name}`);
      return [`/data/version-2/${name}`, new Uint8Array(readFileSync(path))];
    }),
  );
  const share = { every: 11, restartEvery: 40, failuresMax: 1 };
  const [failure] = runCrashWorkload(workload, { codec: nodeCodec, javaFiles, ...share }).failures;
  if (failure === undefined) return undefined;
  const { violation } = failure;
  return { by: invariant.exec(violation)?.[1] ?? 'crash', what: `${workload.name}: ${violation}` };
}

function textNames(): string[] {
  const names = readdirSync(projectFile('test/scenarios'));
  return names.filter((file) => file.endsWith('.txt')).sort();
}

function differenceOf(number: number): Caught | undefined {
  const name = textNames()[number - 1];
  if (name === undefined) return undefined;
  const text = readFileSync(projectFile(`test/scenarios/${name}`), 'utf8');
  const now = played(text, (options) => {
    if (name.startsWith('ensemble-')) return new EnsembleStory(options);
    const numbers = Object.entries(options).map(([key, value]) => [key, Number(value)]);
    return new Scenario(Object.fromEntries(numbers));
  });
  const expected = text.split('\n');
  const found = now.split('\n');
  const line = expected.findIndex((one, i) => one !== found[i]);
  if (line < 0 && expected.length === found.length) return undefined;
  const at = line < 0 ? expected.length : line;
  return { by: `text ${name}`, what: `line ${at + 1}: ${found[at]}, expected ${expected[at]}` };
}

/** Assertions name their invariant at the beginning of a line: `HI13: …`. */
function caughtError(error: unknown): Caught {
  const text = error instanceof Error ? `${error.message}` : String(error);
  const named = invariant.exec(text);
  if (named !== null) return { by: named[1] ?? '', what: named[0] };
  return { by: 'assertion', what: text.split('\n')[0] ?? '' };
}
