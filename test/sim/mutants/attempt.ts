// A process of its own for one mutant in one world: the program it runs from is the changed copy. Arguments: the
// world, the first seed, the last. Output: one line of JSON, `seeds` tried and `caught` with its seed; then it ends.

import { writeSync } from 'node:fs';
import type { Caught, WorldName } from './worlds.ts';
import { enterWorld, sizeOf } from './worlds.ts';

const [, , name = '', from = '', to = ''] = process.argv;
const world = name as WorldName;
const first = Number(from);
const last = Math.min(Number(to), sizeOf(world));

function report(seed: number, caught: Caught | undefined): never {
  writeSync(1, `${JSON.stringify({ seeds: seed - first + 1, seed, caught })}\n`);
  process.exit(0);
}

for (let seed = first; seed <= last; seed++) {
  const caught = enterWorld(world, seed, (violation) => report(seed, violation));
  if (caught !== undefined) report(seed, caught);
}
report(last, undefined);
