// Plays every text of this folder and compares what comes of each command with what stands below
// it. `npm test -- scenarios --rewrite` writes the texts anew: read the difference as a change of
// behaviour. A text begins with its title; a line `with name=number …` sets options of the machine.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { projectFile } from '../support/project-file.ts';
import { Scenario } from '../support/scenario.ts';

const folder = projectFile('test/scenarios');
const rewrites = process.env.QUOLL_REWRITE === '1';

/** The text with every transcript as it is now. */
function played(text: string): string {
  let scenario: Scenario | undefined;
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('  ')) continue;
    lines.push(line);
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('with ')) {
      assert(scenario === undefined, 'options come before the first command');
      const settings = line
        .split(/\s+/)
        .slice(1)
        .map((word) => word.split('=') as [string, string]);
      scenario = new Scenario(
        Object.fromEntries(settings.map(([key, value]) => [key, Number(value)])),
      );
      continue;
    }
    scenario ??= new Scenario({});
    for (const outcome of scenario.run(line)) lines.push(`  ${outcome}`);
  }
  return lines.join('\n');
}

for (const name of readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .sort()) {
  const path = `${folder}/${name}`;
  const text = readFileSync(path, 'utf8');
  const title = /^# (.*)/.exec(text)?.[1] ?? name;
  test(title, () => {
    const now = played(text);
    if (rewrites) writeFileSync(path, now);
    else assert.deepEqual(now.split('\n'), text.split('\n'), name);
  });
}
