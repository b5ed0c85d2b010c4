// `npm run sim:crash`: every workload (or one), every disk a loss of power may leave of it; an error at each; all
// three servers of an ensemble at once. Wires in codec, hash and Java's files. Output: a line for each workload,
// progress every ten seconds, failures with how to repeat one; exit code 1 when there is one.
//
// Arguments: --workload TEXT (those whose name holds it), --every N (one image or call of N), --restarts N (of the
// different disks, one of N is started under power loss, too; 0: none), --moment N (one moment, told), --together N
// (times all three servers lose power at once, 5000), --only-together, --seed N (one seed of it).

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeCodec } from '../node/node-codec.ts';
import { nodeHash } from '../node/node-hash.ts';
import { runCrashEnsemble } from './crash-ensemble.ts';
import { runDiskErrors } from './crash-errors.ts';
import type { CrashReport } from './crash-runner.ts';
import { replayImage, runCrashWorkload } from './crash-runner.ts';
import { crashWorkloads, javaFileNames } from './crash-workloads.ts';

const progressEveryMs = 10_000;

const { values } = parseArgs({
  options: {
    workload: { type: 'string', default: '' },
    every: { type: 'string', default: '1' },
    restarts: { type: 'string', default: '30' },
    moment: { type: 'string' },
    together: { type: 'string', default: '5000' },
    'only-together': { type: 'boolean', default: false },
    seed: { type: 'string' },
  },
});

function javaFiles(): Map<string, Uint8Array> {
  const folder = join(packageFolder(), 'test/fixtures/storage/java-3.8.0');
  return new Map(
    javaFileNames.map((name) => [
      `/data/version-2/${name}`,
      new Uint8Array(readFileSync(join(folder, name))),
    ]),
  );
}

function packageFolder(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '../..');
}

const started = performance.now();
let toldAt = started;
const total = { calls: 0, images: 0, disks: 0, failures: 0 };

function tell(now: CrashReport | undefined): void {
  if (performance.now() - toldAt < progressEveryMs) return;
  toldAt = performance.now();
  const images = total.images + (now?.images ?? 0);
  const disks = total.disks + (now?.disks ?? 0);
  const seconds = Math.round((toldAt - started) / 1000);
  console.log(`  … ${images} images, ${disks} different disks, ${seconds} s`);
}

const options = {
  codec: nodeCodec,
  javaFiles: javaFiles(),
  every: Number(values.every),
  restartEvery: Number(values.restarts),
  failuresMax: 20,
  progress: tell,
};

const chosen = values['only-together']
  ? []
  : crashWorkloads.filter(({ name }) => name.includes(values.workload));
for (const workload of chosen) {
  if (values.moment !== undefined) {
    for (const line of replayImage(workload, options, Number(values.moment))) console.log(line);
    continue;
  }
  const { calls, images, disks, failures } = runCrashWorkload(workload, options);
  total.calls += calls;
  total.images += images;
  total.disks += disks;
  total.failures += failures.length;
  console.log(`${workload.name}: ${calls} calls, ${images} images, ${disks} different disks`);
  for (const { moment, call, image, violation, after } of failures) {
    const restart = after === undefined ? '' : `start after ${after}: `;
    console.log(`  FAILS: ${restart}moment ${moment} (${call}), ${image}: ${violation}`);
    if (after !== undefined) continue;
    console.log(`  again: npm run sim:crash -- --workload '${workload.name}' --moment ${moment}`);
  }
}
let runs = 0;
for (const workload of values.moment === undefined ? chosen : []) {
  const report = runDiskErrors(workload, options);
  runs += report.runs;
  total.failures += report.failures.length;
  const { exits, refusals, failures } = report;
  console.log(
    `${workload.name}: ${report.runs} disk errors, ${exits} exits, ${refusals} refused starts`,
  );
  for (const failure of failures) console.log(`  FAILS: ${failure}`);
}
const together = values.workload === '' ? Number(values.together) : 0;
let pictures = 0;
for (let seed = Number(values.seed ?? 1); pictures < together; seed++) {
  const report = runCrashEnsemble({
    ...{ seed, codec: nodeCodec, hash: nodeHash, operations: 400, every: 7 },
    picturesMax: Math.min(250, together - pictures),
  });
  pictures += report.pictures;
  total.failures += report.failures.length;
  console.log(`three at once, seed ${seed}: ${report.pictures} pictures, ${pictures} in all`);
  for (const failure of report.failures) console.log(`  FAILS: ${failure}`);
  if (report.failures.length > 0)
    console.log(`  again: npm run sim:crash -- --only-together --seed ${seed}`);
  if (values.seed !== undefined) break;
}
const seconds = Math.round((performance.now() - started) / 1000);
console.log(
  `${total.calls} calls, ${total.images} images, ${total.disks} different disks started, ` +
    `${runs} disk errors, ${pictures} times three together, ${total.failures} failures, ${seconds} s`,
);
process.exitCode = total.failures === 0 ? 0 : 1;
