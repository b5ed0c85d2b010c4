/**
 * Where things are, for tests that run from two places: straight from test/ with tsx, and
 * compiled from dist-test/test/. Scripts in other languages are never compiled, so they are
 * always read from the source folder.
 *
 * Inputs: the place of this module. Outputs: the project's root, source files, scratch folders.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json. */
export const projectRoot: string = findRoot();

/** A file of test/interop, in its source form. */
export function interopFile(...parts: readonly string[]): string {
  return join(projectRoot, 'test', 'interop', ...parts);
}

const scratchFolders: string[] = [];

/**
 * A fresh folder for one test. It goes when the process ends, unless QUOLL_INTEROP_KEEP is set,
 * which keeps data directories for a look after a failure.
 */
export function scratchFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `quoll-interop-${name}-`));
  scratchFolders.push(folder);
  return folder;
}

process.on('exit', () => {
  if (process.env.QUOLL_INTEROP_KEEP !== undefined) {
    for (const folder of scratchFolders) console.log(`kept ${folder}`);
    return;
  }
  for (const folder of scratchFolders) rmSync(folder, { recursive: true, force: true });
});

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json above the interop harness');
    folder = parent;
  }
  return folder;
}
