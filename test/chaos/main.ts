/**
 * `npm run test:chaos -- --minutes N --seed S`: ensembles of every shape, accident after accident, until
 * the time is up. The first contradiction ends it with status 1 and names the seed of its run; data
 * directories are kept then.
 *
 * Further options: `--shape words` (those whose names contain the words), `--kinds quoll,java` (servers
 * of these kinds in turn), `--accidents N` (in each run).
 */
import { parseArgs } from 'node:util';
import { message } from '../interop/harness/child.ts';
import { Seeded } from '../interop/harness/seeded.ts';
import type { ServerKind } from '../interop/harness/server.ts';
import { accidents, Chaos } from './chaos.ts';
import { shapes } from './shape.ts';

function fail(why: string): never {
  console.error(`test:chaos: ${why}`);
  process.exit(1);
}

function options() {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string', default: '5' },
        seed: { type: 'string', default: String(Date.now()) },
        shape: { type: 'string', default: '' },
        kinds: { type: 'string', default: 'quoll' },
        accidents: { type: 'string', default: '10' },
      },
    }).values;
  } catch (error) {
    return fail(message(error));
  }
}

const { minutes, seed, shape: words, kinds: kindList, accidents: number } = options();
const until = performance.now() + Number(minutes) * 60_000;
if (!(Number(minutes) > 0)) fail(`--minutes ${minutes}`);
if (!(Number(number) > 0)) fail(`--accidents ${number}`);
const kinds = kindList.split(',').map((kind): ServerKind => {
  if (kind !== 'java' && kind !== 'quoll') return fail(`--kinds ${kindList}`);
  return kind;
});
const candidates = shapes.filter(({ name }) => name.includes(words));
if (candidates.length === 0) fail(`no shape fits "${words}"`);

// What goes well removes its files at once.
process.env.QUOLL_INTEROP_KEEP ??= '';
console.log(`seed ${seed}, ${minutes} minutes`);
let run = 0;
for (; run === 0 || performance.now() < until; run++) {
  const random = new Seeded(run === 0 ? seed : `${seed}/${run}`);
  const shape = candidates[random.below(candidates.length)] ?? fail('no shape');
  const happenings = Array.from({ length: Number(number) }, () => {
    return accidents[random.below(accidents.length)] ?? 'all killed';
  });
  const begin = `run ${run}, seed ${random.seed}: ${shape.name}`;
  console.log(begin);
  const say = (line: string): void => console.log(`  ${line}`);
  try {
    await Chaos.run({ shape, kinds, random, say }, happenings);
  } catch (error) {
    console.error(message(error));
    console.error(`\nFAILED ${begin}`);
    process.exit(1);
  }
}
console.log(`${run} runs, nothing lost`);
process.exit(0);
