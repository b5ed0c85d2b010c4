// Are the simulators awake? Every mutant's patch still fits the code as it is built, and a share of the mutants, those
// that fall within the first seeds, is really hunted. All of them: `npm run sim:mutants`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { allMutants } from '../../scripts/mutants/all-mutants.ts';
import { hunt } from '../../scripts/mutants/hunt.ts';
import { PatchError, PatchedCopy, patched, patchesOf } from '../../scripts/mutants/patched-copy.ts';
import { projectFile } from '../support/project-file.ts';

const built = fileURLToPath(new URL('../..', import.meta.url));
const skip = import.meta.url.endsWith('.ts') ? 'only the compiled code can be patched' : false;
const seedsMost = 20;

test('every patch stands exactly once', { skip }, () => {
  for (const mutant of allMutants) {
    for (const patch of patchesOf(mutant)) {
      const text = readFileSync(join(built, 'src', `${patch.file}.js`), 'utf8');
      assert.notEqual(patched(text, mutant.name, patch), text);
    }
  }
});

test('names are told apart, and there are enough of them', () => {
  assert.equal(new Set(allMutants.map(({ name }) => name)).size, allMutants.length);
  assert.ok(allMutants.length >= 40);
});

test('a patch that fits twice or nowhere is an error', () => {
  const patch = { file: 'x', find: 'a', replace: 'b' };
  assert.throws(() => patched('aa', 'one', patch), PatchError);
  assert.throws(() => patched('', 'one', patch), PatchError);
  assert.equal(patched('xax', 'one', { ...patch, replace: '$&' }), 'x$&x');
});

test('quick mutants are caught', { skip }, async (t) => {
  const copy = new PatchedCopy(built, projectFile(`.build-mutants-${process.pid}`));
  after(() => copy.remove());
  for (const mutant of allMutants.filter(({ quick }) => quick === true)) {
    await t.test(mutant.name, () => {
      const { caught, failure, seeds } = hunt(copy, mutant, seedsMost);
      assert.equal(failure, undefined);
      assert.ok(caught !== undefined, `${mutant.name} survives ${seeds} seeds`);
    });
  }
});
