/**
 * A conversation with an interactive program: say a line, hear an answer.
 *
 * Invariant: what is heard is heard in order; `hear` looks only at lines after the last one heard,
 * so an old answer never passes for a new one.
 */
import type { ChildOptions } from './child.ts';
import { Child } from './child.ts';

const DEADLINE_MS = 30_000;

export class Dialogue {
  readonly child: Child;
  #next = 0;

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    this.child = new Child(command, args, options);
  }

  /** Says a line and, if patterns are given, hears them one after the other; gives the last. */
  async say(line: string, ...patterns: readonly RegExp[]): Promise<string> {
    this.child.write(line);
    return this.hear(...patterns);
  }

  /** Waits for lines that match, in this order; gives the last. */
  async hear(...patterns: readonly RegExp[]): Promise<string> {
    let heard = '';
    for (const pattern of patterns) {
      const index = await this.child.line(pattern, { from: this.#next, deadlineMs: DEADLINE_MS });
      heard = this.child.lines[index] ?? '';
      this.#next = index + 1;
    }
    return heard;
  }

  /** Says a line and gives all lines up to the one that matches, without it. */
  async answer(line: string, end: RegExp): Promise<readonly string[]> {
    const from = this.#next;
    this.child.write(line);
    await this.hear(end);
    return this.child.lines.slice(from, this.#next - 1);
  }

  /** SIGKILL, by pid: the server must not be told. */
  async kill(): Promise<void> {
    this.child.signal('SIGKILL');
    await this.child.ended(DEADLINE_MS);
  }

  async quit(): Promise<void> {
    this.child.write('quit');
    await this.child.ended(DEADLINE_MS);
  }
}
