/**
 * Child processes of the interop tests: started, listened to, spoken to and ended by their pid.
 *
 * Inputs: a command. Outputs: its lines (stdout and stderr, in the order they came) and its exit.
 * Invariant: no child outlives the test process; what is left at exit is killed by pid.
 * Waiting is always for an event (a line, the exit) and always has a deadline.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** For a shell script: it gets a process group of its own, so that a signal reaches all of it. */
  readonly group?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<Child>();

process.on('exit', () => {
  for (const child of running) child.signal('SIGKILL');
});

export class Child {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #group: boolean;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<() => void>();
  #exit: Exit | undefined;

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    this.name = `${command.split('/').at(-1) ?? command} ${args.slice(-3).join(' ')}`;
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
      detached: options.group === true,
    });
    this.#process = child;
    this.#group = options.group === true;
    running.add(this);
    child.stdin.on('error', () => {}); // a child that ends before it has read everything is no fault here
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
        this.#lines.push(line);
        this.#changed();
      });
    }
    this.exited = new Promise((resolve, reject) => {
      child.once('error', (error) => {
        running.delete(this);
        reject(error);
      });
      child.once('close', (code, signal) => {
        running.delete(this);
        this.#exit = { code, signal };
        this.#changed();
        resolve(this.#exit);
      });
    });
    this.exited.catch(() => {}); // whoever waits sees it; nobody waiting is no crash
    this.pid = child.pid ?? -1;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Writes one line to the child's standard input. */
  write(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  endInput(): void {
    this.#process.stdin?.end();
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit !== undefined) return;
    if (!this.#group) {
      this.#process.kill(signal);
      return;
    }
    try {
      process.kill(-this.pid, signal);
    } catch {
      // the whole group is gone already; 'close' is on its way
    }
  }

  /** The last lines, for the message of a failure. */
  tail(count = 40): string {
    return this.#lines.slice(-count).join('\n');
  }

  /**
   * The first line at or after index `from` that matches, as soon as it is there.
   * Rejects when the child ends without it or the deadline passes.
   */
  async line(pattern: RegExp, options: { from?: number; deadlineMs: number }): Promise<number> {
    let next = options.from ?? 0;
    return this.#until(`a line like ${pattern}`, options.deadlineMs, () => {
      for (; next < this.#lines.length; next++) {
        if (pattern.test(this.#lines[next] ?? '')) return next;
      }
      return undefined;
    });
  }

  /** The exit, or a rejection (and SIGKILL) when it takes longer than the deadline. */
  async ended(deadlineMs: number): Promise<Exit> {
    try {
      return await within(this.exited, deadlineMs, `the end of ${this.name}`);
    } catch (error) {
      this.signal('SIGKILL');
      throw new Error(`${message(error)}; its last lines:\n${this.tail()}`);
    }
  }

  #until<T>(what: string, deadlineMs: number, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        done();
        reject(new Error(`${this.name}: ${why} ${what}; its last lines:\n${this.tail()}`));
      };
      const timer = setTimeout(() => fail(`no sign within ${deadlineMs} ms of`), deadlineMs);
      const check = (): void => {
        const found = look();
        if (found !== undefined) {
          done();
          resolve(found);
        } else if (this.#exit !== undefined) {
          fail(`ended (${this.#exit.code ?? this.#exit.signal}) without`);
        }
      };
      const done = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(check);
      };
      this.#listeners.add(check);
      check();
    });
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Runs a command to its end and gives its lines; an exit code other than 0 is an error. */
export async function run(
  command: string,
  args: readonly string[],
  options: ChildOptions & { readonly deadlineMs: number },
): Promise<readonly string[]> {
  const child = new Child(command, args, options);
  child.endInput();
  const exit = await child.ended(options.deadlineMs);
  if (exit.code !== 0) {
    throw new Error(`${child.name}: ended with ${exit.code ?? exit.signal}\n${child.tail(200)}`);
  }
  return child.lines;
}

/** The promise's value, or an error naming what was waited for. */
export async function within<T>(promise: Promise<T>, deadlineMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${deadlineMs} ms passed without ${what}`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
