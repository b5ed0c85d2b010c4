// Runs the command as a user does, in a process of its own: from the TypeScript when the tests run from it, from
// bin/quoll.js when they are compiled. Output: what it printed and how it ended.
// Invariant: a child that outlives its test is killed by its own pid.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves once standard output or standard error fits; rejects when the process ends before. */
  until(pattern: RegExp): Promise<RegExpMatchArray>;
  /** The same for anything that is found in standard output; undefined: not yet. */
  untilFound<T>(find: (stdout: string) => T | undefined, what: string): Promise<T>;
  readonly ended: Promise<Ended>;
}

const children = new Set<ChildProcess>();

function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const fromSource = import.meta.url.endsWith('.ts');
const command = fromSource
  ? ['--import', 'tsx', join(projectRoot(), 'src/cli/main.ts')]
  : [join(projectRoot(), 'bin/quoll.js')];

export function start(...args: readonly string[]): Running {
  return startProgram([...command, ...args]);
}

/** A program of the tests beside this one, by its name without extension. */
export function startBeside(name: string, ...args: readonly string[]): Running {
  const extension = fromSource ? 'ts' : 'js';
  const file = fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url));
  return startProgram([...(fromSource ? ['--import', 'tsx'] : []), file, ...args]);
}

function startProgram(args: readonly string[]): Running {
  // The package's root, so that tsx is found; paths in `args` are absolute.
  const child = spawn(process.execPath, args, {
    cwd: projectRoot(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watcher of [...watchers]) watcher();
  };
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
    changed();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
    changed();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      children.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
  const untilFound = <T>(find: (stdout: string) => T | undefined, what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find(stdout);
        if (found === undefined) return;
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
      void ended.then(({ code }) =>
        reject(new Error(`ended with ${code} before ${what}:\n${stdout}\n${stderr}`)),
      );
    });
  const until = (pattern: RegExp): Promise<RegExpMatchArray> =>
    untilFound(() => pattern.exec(stdout) ?? pattern.exec(stderr) ?? undefined, String(pattern));
  return { child, until, untilFound, ended };
}

export function run(...args: readonly string[]): Promise<Ended> {
  return start(...args).ended;
}

/** For afterEach. */
export async function killAll(): Promise<void> {
  for (const child of children) child.kill('SIGKILL');
}
