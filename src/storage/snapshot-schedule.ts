// When to take a snapshot (SyncRequestProcessor.shouldSnapshot): after so many transactions or so many bytes of log,
// each limit drawn anew between half and the whole, so that the servers of an ensemble do not write at the same
// time. In: what is appended. Out: whether a snapshot is due; then the log is rolled and counting begins again.
// Differs from Java: bytes are those of the entries, not of preallocated files.

import type { Random } from '../ports.ts';

export interface SnapshotLimits {
  /** `snapCount`; at least 2. */
  readonly snapCount: number;
  /** `snapSizeLimitInKb`; ≤ 0: no limit. */
  readonly snapSizeLimitKb: number;
}

export class SnapshotSchedule {
  readonly #random: Pick<Random, 'next' | 'below'>;
  readonly #countMax: number;
  readonly #bytesMax: number;
  #count = 0;
  #bytes = 0;
  #countLimit = 0;
  #bytesLimit = 0;

  /** `replayed`: transactions that recovery took from the log, since they are behind the last snapshot too. */
  constructor(random: Pick<Random, 'next' | 'below'>, limits: SnapshotLimits, replayed = 0) {
    this.#random = random;
    this.#countMax = Math.max(2, limits.snapCount);
    this.#bytesMax = limits.snapSizeLimitKb * 1024;
    this.restart();
    this.#count = replayed;
  }

  get count(): number {
    return this.#count;
  }

  /** True when a snapshot is due; it stays due until `restart`. */
  appended(count: number, bytes: number): boolean {
    this.#count += count;
    this.#bytes += bytes;
    return this.#count > this.#countLimit || (this.#bytesMax > 0 && this.#bytes > this.#bytesLimit);
  }

  /** The log was rolled and a snapshot begun. */
  restart(): void {
    this.#count = 0;
    this.#bytes = 0;
    const half = Math.floor(this.#countMax / 2);
    this.#countLimit = half + this.#random.below(half);
    this.#bytesLimit = (this.#bytesMax / 2) * (1 + this.#random.next());
  }
}
