/**
 * Chance with a seed, so that a failing run can be had again.
 *
 * Input: a seed. Output: numbers in [0, limit), the same for the same seed on every machine.
 * QUOLL_INTEROP_SEED overrides the seed; the test prints it.
 */
import { createHash } from 'node:crypto';

export class Seeded {
  readonly seed: string;
  #drawn = 0;

  constructor(seed: string) {
    this.seed = process.env.QUOLL_INTEROP_SEED ?? seed;
  }

  /** An integer in [0, below). */
  below(limit: number): number {
    const hash = createHash('sha256')
      .update(`${this.seed}:${this.#drawn++}`)
      .digest();
    return hash.readUInt32BE(0) % limit;
  }
}
