/**
 * Several writers at once, and the proof that what they were told is true.
 *
 * Inputs: connect strings, a number of writers, a seed. Output of `verify`: nothing, or an error that names
 * what was lost. Each writer has a tree of its own; all of them live below `/load`.
 */
import assert from 'node:assert/strict';
import type { ZooKeeper } from '../../../src/index.ts';
import { connect } from '../../../src/index.ts';
import { within } from './child.ts';
import { LoadWriter } from './load-writer.ts';
import { patiently } from './patience.ts';
import { Seeded } from './seeded.ts';

const DEADLINE_MS = 60_000;

export interface LoadOptions {
  /** Writers take them in turn: one list for all, or a server each. */
  readonly connectStrings: readonly string[];
  readonly writers: number;
  readonly seed: string;
  readonly sessionTimeoutMs?: number;
  readonly pauseMs?: number;
  /** Below which everything is; `/load`. Two loads need two. */
  readonly root?: string;
}

export class Load {
  readonly writers: readonly LoadWriter[];
  readonly root: string;

  private constructor(options: LoadOptions) {
    const { connectStrings, writers, seed, sessionTimeoutMs = 30_000, pauseMs = 4 } = options;
    const root = options.root ?? '/load';
    this.root = root;
    this.writers = Array.from({ length: writers }, (_, index) => {
      const connectString = connectStrings[index % connectStrings.length] ?? '';
      const writer = { connectString, sessionTimeoutMs, pauseMs };
      return new LoadWriter(`${root}/w${index}`, writer, new Seeded(`${seed}-${index}`));
    });
  }

  /** Writes as soon as it returns. */
  static async start(options: LoadOptions): Promise<Load> {
    const load = new Load(options);
    const [first = ''] = options.connectStrings;
    const zk = await connect(first, { connectTimeoutMs: DEADLINE_MS });
    await zk.create(load.root);
    await zk.close();
    for (const writer of load.writers) writer.start();
    return load;
  }

  get acknowledgedTotal(): number {
    return this.writers.reduce((sum, { journal }) => sum + journal.acknowledged, 0);
  }

  get inDoubtTotal(): number {
    return this.writers.reduce((sum, { journal }) => sum + journal.inDoubt, 0);
  }

  get sessionsLost(): number {
    return this.writers.reduce((sum, writer) => sum + writer.sessionsLost, 0);
  }

  /** Every writer goes on: `count` more writes of each are acknowledged. */
  async goesOn(count: number, deadlineMs = DEADLINE_MS): Promise<void> {
    const all = Promise.all(this.writers.map((writer) => writer.acknowledged(count)));
    await within(all, deadlineMs, `${count} more writes of each writer; ${this.#state()}`).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; now ${this.#state()}`);
      },
    );
  }

  /** One writer at least goes on; others may be with a server that neither answers nor hangs up. */
  async someoneGoesOn(count: number, deadlineMs = DEADLINE_MS): Promise<void> {
    const first = Promise.any(this.writers.map((writer) => writer.acknowledged(count)));
    await within(first, deadlineMs, `${count} more writes of a writer; ${this.#state()}`);
  }

  /** No write is under way afterwards; sessions stay open. */
  async stop(): Promise<void> {
    const all = Promise.all(this.writers.map((writer) => writer.stop()));
    await within(all, DEADLINE_MS, `an end of every write; ${this.#state()}`);
  }

  resume(): void {
    for (const writer of this.writers) writer.resume();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.writers.map((writer) => writer.close()));
  }

  /** Compares journals with what a client of `zk`'s server sees. The load must be stopped. */
  async verify(zk: ZooKeeper): Promise<void> {
    const wrong = this.writers.flatMap((writer) => writer.faults);
    // The outcome of every write in doubt is decided before this one is done.
    await patiently(() => zk.create(`${this.root}/fence-`, '', { mode: 'PERSISTENT_SEQUENTIAL' }));
    for (const writer of this.writers) {
      const found = new Map<string, string>();
      const names = await patiently(() => zk.getChildren(writer.root));
      await Promise.all(
        names
          .filter((name) => !name.startsWith('session-'))
          .map(async (name) => {
            const path = `${writer.root}/${name}`;
            found.set(path, (await patiently(() => zk.getData(path))).text);
          }),
      );
      wrong.push(...writer.journal.contradictions(found));
    }
    assert.equal(wrong.slice(0, 10).join('\n'), '', `${wrong.length} contradictions`);
  }

  /** Every writer still has its first session and its ephemeral node. */
  async verifySessions(zk: ZooKeeper): Promise<void> {
    for (const writer of this.writers) {
      assert.equal(writer.sessionsLost, 0, `${writer.root} lost its session`);
      const stat = await patiently(() => zk.exists(writer.ephemeral));
      assert.equal(stat?.ephemeralOwner, writer.sessionId, writer.ephemeral);
    }
  }

  #state(): string {
    return this.writers
      .map(({ root, journal, faults }) => `${root}: ${journal.acknowledged} acked ${faults}`)
      .join(', ');
  }
}
