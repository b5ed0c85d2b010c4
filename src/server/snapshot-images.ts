// The images of the tree that learners are sent (SNAP), several at a time, each of the zxid it began at. In: a key for
// each receiver, the database. Out: pieces of a snapshot's body. Limited, as each may come to hold what changes while
// a slow learner takes it; whoever was turned away is told when there is room again, never inside a call.

import type { Database } from '../core/tree/database.ts';
import { SnapshotSource } from '../core/tree/snapshot-body.ts';
import type { Writer } from '../jute/writer.ts';
import type { Clock } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { assert, present } from '../util/assert.ts';

export const imagesMax = 4;

export class SnapshotImages {
  readonly #clock: Clock;
  readonly #available: () => void;
  readonly #images = new Map<object, SnapshotSource>();
  #isRefused = false;

  constructor(clock: Clock, available: () => void) {
    this.#clock = clock;
    this.#available = available;
  }

  get count(): number {
    return this.#images.size;
  }

  /** The zxid of the image; undefined: not now. */
  begin(key: object, database: Database): Zxid | undefined {
    assert(!this.#images.has(key), 'one image at a time for a learner');
    if (this.#images.size === imagesMax) {
      this.#isRefused = true;
      return undefined;
    }
    const image = new SnapshotSource(database);
    this.#images.set(key, image);
    return image.zxid;
  }

  /** Writes about `atMost` bytes more; false: the body is complete. */
  write(key: object, into: Writer, atMost: number): boolean {
    return present(this.#images.get(key), 'the image of a learner').next(into, atMost);
  }

  /** Harmless where there is none. */
  end(key: object): void {
    this.#images.get(key)?.close();
    if (!this.#images.delete(key) || !this.#isRefused) return;
    this.#isRefused = false;
    this.#clock.endOfTurn(() => this.#available());
  }

  endAll(): void {
    for (const image of this.#images.values()) image.close();
    this.#images.clear();
    this.#isRefused = false;
  }
}
