/**
 * For rows whose script is written here, in TypeScript, because the client is a program to talk to:
 * the same verdicts as the scripts in clients/ print.
 *
 * Inputs: a feature's name and body. Output: passed, or why not. Invariant: the programs a feature
 * opened are gone when it ends.
 */
import { message } from '../harness/child.ts';
import type { Dialogue } from '../harness/dialogue.ts';
import type { Feature } from '../harness/features.ts';
import type { Row } from './row.ts';

export class FeatureRunner {
  readonly #results = new Map<string, string | undefined>();
  readonly #output: string[] = [];
  #open: Dialogue[] = [];

  /** Remembers a program, to kill it when the feature ends and to show what it said if it fails. */
  with(dialogue: Dialogue): Dialogue {
    this.#open.push(dialogue);
    return dialogue;
  }

  async feature(name: Feature, body: () => Promise<void>): Promise<void> {
    try {
      await body();
      this.#results.set(name, undefined);
    } catch (error) {
      this.#results.set(name, message(error));
      this.#output.push(`FAIL ${name} ${message(error)}`);
      for (const dialogue of this.#open) this.#output.push(dialogue.child.tail());
    }
    const open = this.#open;
    this.#open = [];
    for (const dialogue of open) await dialogue.kill();
  }

  get outcome(): Awaited<ReturnType<Row['run']>> {
    return { results: this.#results, output: this.#output.join('\n') };
  }
}
