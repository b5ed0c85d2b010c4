// A set of whole numbers that never stalls by growing: small ones are one Set, large ones 256 by
// the low bits, so that the longest rehash is that of a 256th. (A JavaScript Set of a million
// numbers rehashes in 50 to 100 ms.) While it is being iterated, numbers may come and go: those
// that stay are met exactly once, unless the set outgrows its first form meanwhile; then some may
// be met twice.

export interface ReadonlyIntSet extends Iterable<number> {
  readonly size: number;
  has(value: number): boolean;
}

const shardCount = 256;
/** Beyond this it is split, which takes about a millisecond. */
const smallMax = 8192;

export class IntSet implements ReadonlyIntSet {
  #small = new Set<number>();
  #shards: readonly Set<number>[] | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(value: number): boolean {
    return this.#setOf(value).has(value);
  }

  add(value: number): void {
    const set = this.#setOf(value);
    const before = set.size;
    set.add(value);
    this.#size += set.size - before;
    if (this.#shards === undefined && this.#size > smallMax) this.#split();
  }

  /** Whether it was there. */
  delete(value: number): boolean {
    if (!this.#setOf(value).delete(value)) return false;
    if (--this.#size === 0) this.#shards = undefined;
    return true;
  }

  *[Symbol.iterator](): Generator<number> {
    yield* this.#small;
    for (const shard of this.#shards ?? []) yield* shard;
  }

  #setOf(value: number): Set<number> {
    return this.#shards === undefined
      ? this.#small
      : (this.#shards[value & (shardCount - 1)] as Set<number>);
  }

  #split(): void {
    const shards = Array.from({ length: shardCount }, () => new Set<number>());
    for (const value of this.#small) (shards[value & (shardCount - 1)] as Set<number>).add(value);
    this.#small = new Set();
    this.#shards = shards;
  }
}
