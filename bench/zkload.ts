// The load generator: zkload.c, compiled for each run of a benchmark. In: a folder for the program. Out: its path.
// It is in C because one thread of it must outrun three servers on the same machine; what it does is told in its head,
// and it prints one JSON line.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Compiles it into `folder`; returns the program's path. */
export function compileLoad(folder: string): string {
  const target = join(folder, 'zkload');
  const result = spawnSync('gcc', ['-O2', '-w', '-o', target, join('bench', 'zkload.c')], {
    encoding: 'utf8',
  });
  if (result.status !== 0)
    throw new Error(`gcc is needed for the load generator: ${result.stderr}`);
  return target;
}
