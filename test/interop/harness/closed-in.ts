/**
 * A client that knows only the servers of one side of a partition, and writes without waiting.
 *
 * Outputs: which of the writes it began after the cut were acknowledged (none may be), and when the
 * server hung up. It dials the same side again afterwards: those connections must lead nowhere, too.
 */
import type { ZooKeeper } from '../../../src/index.ts';
import { connect } from '../../../src/index.ts';
import { within } from './child.ts';

/** Between two writes: some are always under way. */
const WRITE_MS = 10;
const CONNECT_DEADLINE_MS = 60_000;
/** Longer than any limit of the servers here: it is they who must hang up. */
const SESSION_MS = 60_000;

export class ClosedIn {
  readonly #zk: ZooKeeper;
  readonly #root: string;
  readonly #acknowledged: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #attempts = 0;

  private constructor(zk: ZooKeeper, root: string) {
    this.#zk = zk;
    this.#root = root;
  }

  /** With a session at one of these servers, and a node to write below. */
  static async start(connectString: string, root: string): Promise<ClosedIn> {
    const zk = await connect(connectString, {
      connectTimeoutMs: CONNECT_DEADLINE_MS,
      sessionTimeoutMs: SESSION_MS,
    });
    await zk.create(root);
    return new ClosedIn(zk, root);
  }

  /** The paths written after the cut that a server acknowledged. */
  get acknowledged(): readonly string[] {
    return this.#acknowledged;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** To be called in the turn of the cut. Gives the ms until the server hung up, and goes on writing. */
  async hungUp(deadlineMs: number): Promise<number> {
    const cutAt = performance.now();
    this.#timer = setInterval(() => this.#write(), WRITE_MS);
    this.#write();
    await within(this.#zk.once('suspended'), deadlineMs, 'the end of a closed-in connection');
    return performance.now() - cutAt;
  }

  /** Begins no more writes. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async close(): Promise<void> {
    this.stop();
    await this.#zk.close();
  }

  #write(): void {
    const path = `${this.#root}/after-${this.#attempts++}`;
    this.#zk.create(path).then(
      () => this.#acknowledged.push(path),
      () => {}, // the connection is lost, as it must be
    );
  }
}
