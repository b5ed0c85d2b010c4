/**
 * A copy of the built code with one mutant in it at a time.
 *
 * Input: the folder scripts/build.ts made (src/ and test/ compiled side by side) and the folder of
 * the copy, inside the project so that packages are found. The built code itself is never touched.
 * `apply` refuses a patch that does not match exactly once.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant, Patch } from './mutant.ts';

/** The worlds are in both. */
const folders = ['src', 'test'];

export class PatchError extends Error {}

export class PatchedCopy {
  readonly folder: string;
  readonly #undo: (() => void)[] = [];

  constructor(built: string, folder: string) {
    this.folder = folder;
    rmSync(folder, { recursive: true, force: true });
    for (const name of folders) {
      cpSync(join(built, name), join(folder, name), {
        recursive: true,
        filter: (path) => !path.endsWith('.map') && !path.endsWith('.test.js'),
      });
    }
  }

  apply(mutant: Mutant): void {
    this.restore();
    for (const patch of patchesOf(mutant)) {
      const path = join(this.folder, 'src', `${patch.file}.js`);
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, patched(text, mutant.name, patch));
      this.#undo.push(() => writeFileSync(path, text));
    }
  }

  restore(): void {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) undo();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function patchesOf(mutant: Mutant): readonly Patch[] {
  return [mutant, ...(mutant.and ?? [])];
}

/** Throws PatchError. */
export function patched(text: string, name: string, { file, find, replace }: Patch): string {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new PatchError(`${name}: its text stands ${count} times in ${file}.js`);
  if (find === replace) throw new PatchError(`${name}: changes nothing`);
  return text.replace(find, () => replace);
}
