/**
 * Compiles one TypeScript project into a fresh folder and puts it in place of the old one.
 *
 * tsc never removes the output of a source file that is gone, so the output folder has to start
 * empty; but wiping it first would leave nothing behind after a type error, and would pull the
 * files from under a server that runs from it. So: compile into a folder beside it (same depth,
 * for the source maps), and swap by two renames only when the compiler is content.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** The compiler, run by this Node: no shell, no PATH. */
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

/** Runs tsc with the given arguments in the project's root; its messages go to our output. */
export function runTsc(...args: readonly string[]): boolean {
  return spawnSync(process.execPath, [tsc, ...args], { cwd: root, stdio: 'inherit' }).status === 0;
}

/**
 * Compiles `project` (a file name in the root) into `outDir` (a folder name in the root).
 * Returns false, with the old folder untouched, when the compiler found an error.
 */
export function compileInto(outDir: string, project: string): boolean {
  const fresh = `.build-${outDir}-${process.pid}`;
  const old = `${fresh}-old`;
  try {
    if (!runTsc('-p', project, '--outDir', fresh)) return false;
    if (existsSync(join(root, outDir))) renameSync(join(root, outDir), join(root, old));
    renameSync(join(root, fresh), join(root, outDir));
    return true;
  } finally {
    for (const name of [fresh, old]) rmSync(join(root, name), { recursive: true, force: true });
  }
}

/** Removes what an interrupted compile of a process that is gone has left behind. */
export function removeLeftovers(): void {
  for (const name of readdirSync(root)) {
    const pid = /^\.build-[a-z-]+-(\d+)(?:-old)?$/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) {
      rmSync(join(root, name), { recursive: true, force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
