// `npm run sim`: seeds one after the other until a count or a time is reached, or one seed with its trace. Wires the
// simulator to the two things it takes from outside, the codec and the hash. Output: a line for each seed that fails,
// with how to repeat it, and progress; exit code 1 when one failed.
//
// Arguments: --ensemble (servers of an ensemble, not a lone one), --seeds N (default 1000), --from N (first seed, 1),
// --minutes N (ends earlier), --operations N (400), --seed N (just this one), --trace (its events, as they happen).

import { parseArgs } from 'node:util';
import { nodeCodec } from '../node/node-codec.ts';
import { nodeHash } from '../node/node-hash.ts';
import { runEnsemble } from './ensemble-scenario.ts';
import { runStandalone } from './standalone-scenario.ts';

const progressEveryMs = 10_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string', default: 'Infinity' },
    operations: { type: 'string', default: '400' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    ensemble: { type: 'boolean', default: false },
  },
});

const started = performance.now();
const until = started + Number(values.minutes) * 60_000;
const first = Number(values.seed ?? values.from);
const last = values.seed === undefined ? first + Number(values.seeds) - 1 : first;
const operations = Number(values.operations);
const kind = values.ensemble ? ' --ensemble' : '';
const counts = new Map<string, number>();
let events = 0;
let seeds = 0;
let failures = 0;
let toldAt = started;

function run(seed: number): void {
  const scenario = values.ensemble ? runEnsemble : runStandalone;
  const { world, lives } = scenario({
    seed,
    operations,
    codec: nodeCodec,
    hash: nodeHash,
    ...(values.trace ? { onLine: (line: string) => console.log(line) } : {}),
  });
  seeds++;
  events += world.clock.events;
  for (const [kind, count] of world.counts) counts.set(kind, (counts.get(kind) ?? 0) + count);
  if (values.seed !== undefined) {
    console.log(`seed ${seed}: ${lives} lives, ${world.clock.events} events, ${world.trace.hash}`);
  }
  if (world.violations.length === 0) return;
  failures++;
  console.log(`seed ${seed} fails:`);
  for (const line of world.violations) console.log(`  ${line}`);
  console.log(`  again: npm run sim --${kind} --seed ${seed} --operations ${operations} --trace`);
}

function tell(): void {
  const seconds = (performance.now() - started) / 1000;
  const rate = Math.round(events / seconds);
  const faults = [...counts.values()].reduce((sum, count) => sum + count, 0);
  console.log(
    `${seeds} seeds, ${events} events (${rate} a second), ${faults} faults, ${failures} failures`,
  );
}

for (let seed = first; seed <= last && performance.now() < until; seed++) {
  try {
    run(seed);
  } catch (error) {
    failures++;
    console.log(`seed ${seed} throws (again: npm run sim --${kind} --seed ${seed} --trace)`, error);
  }
  if (performance.now() - toldAt < progressEveryMs) continue;
  toldAt = performance.now();
  tell();
}
tell();
for (const [kind, count] of [...counts].sort()) console.log(`${String(count).padStart(9)} ${kind}`);
process.exitCode = failures === 0 ? 0 : 1;
