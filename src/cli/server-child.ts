// One server as a child process: started, started again with back-off when it ends by itself, stopped once. In: the
// command line, the log file. Out: hooks for what happens.
//
// The child holds a pipe to us as its standard input and stops when it closes (`--stop-with-stdin`), so that it cannot
// outlive this process however this one ends; it is in a group of its own, so that Ctrl-C reaches it through us only.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { exitCodes } from '../server/exit-codes.ts';

export interface ChildOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Takes standard output and standard error; a long one is moved to `olderLogFile` first. */
  readonly logFile: string;
  readonly olderLogFile: string;
  readonly restartDelayMs: { readonly first: number; readonly max: number };
}

export interface ChildEnd {
  /** `exit code 3`, `SIGKILL` … */
  readonly how: string;
  /** Its last line that tells an error, if there is one. */
  readonly lastError: string | undefined;
  /** undefined: it will not be started again. */
  readonly againInMs: number | undefined;
}

export interface ChildHooks {
  started(pid: number | undefined): void;
  /** Not called for an end that was asked for. */
  ended(end: ChildEnd): void;
}

/** A process that lived so long is started again at once-in-the-first-delay, not at the delay reached before. */
const steadyMs = 30_000;
const logLengthMax = 16 << 20;
const tailLength = 16_384;

export class ServerChild {
  readonly #options: ChildOptions;
  readonly #hooks: ChildHooks;
  #process: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  /** Where the log of this process begins in the file. */
  #logStart = 0;
  #delayMs: number;
  #isStopping = false;
  #stopped: ((wasKilled: boolean) => void) | undefined;

  constructor(options: ChildOptions, hooks: ChildHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#delayMs = options.restartDelayMs.first;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  start(): void {
    const { command, logFile, olderLogFile } = this.#options;
    const [program = process.execPath, ...args] = command;
    this.#startedAt = performance.now();
    let log: number;
    try {
      if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > logLengthMax) {
        renameSync(logFile, olderLogFile);
      }
      log = openSync(logFile, 'a');
      this.#logStart = fstatSync(log).size;
    } catch (error) {
      this.#ended(`not started: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    const child = spawn(program, args, { stdio: ['pipe', log, log], detached: true });
    closeSync(log);
    this.#process = child;
    // Writing to nobody is no news: the end of the process is.
    child.stdin?.on('error', () => undefined);
    child.once('error', (error) => {
      if (this.#process === child) this.#ended(`not started: ${error.message}`);
    });
    child.once('exit', (code, signal) => {
      if (this.#process === child) this.#ended(signal ?? `exit code ${code}`, code);
    });
    this.#hooks.started(child.pid);
  }

  /** Resolves when no process is left; true: it had to be killed after `patienceMs`. */
  stop(patienceMs: number): Promise<boolean> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    const child = this.#process;
    if (child === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        this.#stopped = () => resolve(true);
      }, patienceMs);
      this.#stopped = () => {
        clearTimeout(timer);
        resolve(false);
      };
      child.stdin?.end();
    });
  }

  /** At once; for a process that ends itself. */
  kill(): void {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    this.#process?.kill('SIGKILL');
  }

  #ended(how: string, code?: number | null): void {
    this.#process = undefined;
    if (this.#isStopping) {
      this.#stopped?.(false);
      return;
    }
    const { first, max } = this.#options.restartDelayMs;
    if (performance.now() - this.#startedAt >= steadyMs) this.#delayMs = first;
    // It would say the same again.
    const isHopeless = code === exitCodes.invalidInvocation;
    const againInMs = isHopeless ? undefined : this.#delayMs;
    if (againInMs !== undefined) this.#timer = setTimeout(() => this.start(), againInMs);
    this.#delayMs = Math.min(max, 2 * this.#delayMs);
    this.#hooks.ended({ how, lastError: this.#lastError(), againInMs });
  }

  /** What stands behind its last ` ERROR `, in a log in the pretty format. */
  #lastError(): string | undefined {
    let file: number | undefined;
    try {
      file = openSync(this.#options.logFile, 'r');
      const { size } = fstatSync(file);
      const from = Math.max(this.#logStart, size - tailLength);
      const bytes = Buffer.alloc(Math.max(0, size - from));
      const count = readSync(file, bytes, 0, bytes.length, from);
      const lines = bytes.toString('utf8', 0, count).split('\n');
      return lines.findLast((line) => line.includes(' ERROR '))?.replace(/^.*? ERROR +/, '');
    } catch (error) {
      return `${this.#options.logFile} cannot be read: ${String(error)}`;
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
}
