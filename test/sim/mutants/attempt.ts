// A process of its own for one mutant in one world: the program it runs from is the changed copy. Arguments: the
// world, the first seed, the last. Output: one line of JSON, `seeds` tried and `caught` with its seed; then it ends.

import { writeSync } from 'node:fs';
import type { Caught, WorldName } from './worlds.ts';
import { enterWorld, sizeOf } from './worlds.ts';

const [, , name = '', begin = '', end = ''] = process.argv;
const world = name as WorldName;
const from = Number(begin);
const to = Math.min(Number(end), sizeOf(world));

function report(seed: number, caught: Caught | undefined): never {
  const [what = ''] = caught?.what.split('\n') ?? [];
  const first = caught === undefined ? undefined : { by: caught.by, what };
  writeSync(1, `${JSON.stringify({ seeds: seed - from + 1, seed, caught: first })}\n`);
  process.exit(0);
}

for (let seed = from; seed <= to; seed++) {
  const caught = enterWorld(world, seed, (violation) => report(seed, violation));
  if (caught !== undefined) report(seed, caught);
}
report(to, undefined);
