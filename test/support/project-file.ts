// Files of the repository by their path from its root, wherever the running test stands: in test/
// or compiled in dist-test/test/. The root is the nearest folder above that holds package.json.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const root = findRoot();

/** The absolute path of `test/fixtures/…` and the like. */
export function projectFile(path: string): string {
  return join(root, path);
}
