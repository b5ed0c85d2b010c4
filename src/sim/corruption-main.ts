// `npm run sim:corrupt`: every byte of every kind of file, by us and by Java, changed in thirteen ways. Wires in the
// codec and Java's files. Output: a line for each file, progress every ten seconds, failures with how to repeat one;
// exit code 1 when there is one.
//
// Arguments: --subject TEXT (those whose name holds it), --every N (one case of N), --case N (just this one).

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeCodec } from '../node/node-codec.ts';
import { corruptionSubjects } from './corruption-subjects.ts';
import { sweep } from './corruption-sweep.ts';

const progressEveryMs = 10_000;

const { values } = parseArgs({
  options: {
    subject: { type: 'string', default: '' },
    every: { type: 'string', default: '1' },
    case: { type: 'string' },
  },
});

const here = dirname(fileURLToPath(import.meta.url));
const fixtures = join(here, '../../test/fixtures/storage/java-3.8.0');
const java = (name: string): Uint8Array => new Uint8Array(readFileSync(join(fixtures, name)));

const started = performance.now();
let toldAt = started;
const total = { cases: 0, whole: 0, refused: 0, unprovable: 0, failures: 0 };

function progress({ cases }: { readonly cases: number }): void {
  if (performance.now() - toldAt < progressEveryMs) return;
  toldAt = performance.now();
  const seconds = Math.round((toldAt - started) / 1000);
  console.log(`  … ${total.cases + cases} cases, ${seconds} s`);
}

const subjects = corruptionSubjects({ codec: nodeCodec, java });
for (const subject of subjects.filter(({ name }) => name.includes(values.subject))) {
  const report = sweep(subject, {
    ...{ codec: nodeCodec, every: Number(values.every), failuresMax: 20, progress },
    only: values.case === undefined ? undefined : Number(values.case),
  });
  const { cases, whole, refused, unprovable, failures } = report;
  total.cases += cases;
  total.whole += whole;
  total.refused += refused;
  total.unprovable += unprovable;
  total.failures += failures.length;
  console.log(
    `${subject.name}: ${cases} cases, ${whole} whole, ${refused} refused, ${unprovable} unprovable`,
  );
  for (const { number, change, what } of failures) {
    console.log(`  FAILS: case ${number}, ${change}: ${what}`);
    console.log(`  again: npm run sim:corrupt -- --subject '${subject.name}' --case ${number}`);
  }
}
const seconds = Math.round((performance.now() - started) / 1000);
console.log(
  `${total.cases} cases: ${total.whole} whole, ${total.refused} refused, ` +
    `${total.unprovable} unprovable, ${total.failures} failures, ${seconds} s`,
);
process.exitCode = total.failures === 0 ? 0 : 1;
