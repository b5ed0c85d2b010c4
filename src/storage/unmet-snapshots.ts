// Snapshots that could not be used, while the logs are replayed in their stead. The logs make up for one when they
// hold the transaction it was taken at; where they pass over that, it came from a leader, and they do not hold what it
// held. In: those snapshots, each zxid the logs come to. Out: CorruptionError where one is missed.

import type { Zxid } from '../proto/zxid.ts';
import { CorruptionError } from './corruption-error.ts';

export interface RejectedSnapshot {
  readonly zxid: Zxid;
  readonly error: CorruptionError;
}

export class UnmetSnapshots {
  readonly #left: RejectedSnapshot[];

  /** `rejected`: by falling zxid; `from`: where the replay begins. */
  constructor(rejected: readonly RejectedSnapshot[], from: Zxid) {
    this.#left = rejected.filter(({ zxid }) => zxid > from);
  }

  get isEmpty(): boolean {
    return this.#left.length === 0;
  }

  /** The log goes on with `zxid` behind `last`. Throws CorruptionError. */
  comes(zxid: Zxid, last: Zxid): void {
    for (let next = this.#left.at(-1); next !== undefined && next.zxid <= zxid; ) {
      if (next.zxid < zxid) this.ended(last);
      this.#left.pop();
      next = this.#left.at(-1);
    }
  }

  /** The log ends with `last`. Throws CorruptionError. */
  ended(last: Zxid): void {
    const error = this.#left.at(-1)?.error;
    if (error === undefined) return;
    throw new CorruptionError(error.file, error.offset, error.reason, last);
  }
}
