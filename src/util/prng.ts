// Chance from a seed: the same numbers on every machine and in every run (sfc32, 128 bits
// of state). For simulation and tests, and for jitter where it must be replayed; never
// for secrets.

export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Any number; all 53 bits of an integer count. */
  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x100000000) | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let round = 0; round < 15; round++) this.next32();
  }

  /** 32 bits, unsigned. */
  next32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((((this.#c << 21) | (this.#c >>> 11)) >>> 0) + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1), 53 bits. */
  fraction(): number {
    return ((this.next32() >>> 5) * 0x4000000 + (this.next32() >>> 6)) / 0x20000000000000;
  }

  /** A whole number in [0, bound); `bound` is 1 … 2^53. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of the items, each as likely; the list is not empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.next32() & 0xff;
    return bytes;
  }

  /** In place; every order is as likely. */
  shuffle<T>(items: T[]): T[] {
    for (let at = items.length - 1; at > 0; at--) {
      const other = this.below(at + 1);
      const item = items[at] as T;
      items[at] = items[other] as T;
      items[other] = item;
    }
    return items;
  }
}
