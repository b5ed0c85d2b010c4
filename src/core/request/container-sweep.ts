// Which containers and TTL nodes are due to be deleted, and how fast (ContainerManager.java). In:
// the tree and the time. Out: paths, each to become a deleteContainer transaction, which checks
// again whether the node is still deletable. Differs from Java on purpose: deletions are spread
// over the minute by count, not by sleeping between them.

import { Deque } from '../../util/deque.ts';
import type { DataTree } from '../tree/data-tree.ts';
import { ttlOf } from '../tree/ephemeral-type.ts';

export interface ContainerSweepOptions {
  readonly checkIntervalMs: number;
  readonly maxPerMinute: number;
  /** Containers that never had a child go after this long; 0: never. */
  readonly maxNeverUsedMs: number;
}

/** Nodes looked at in one go: a millisecond or two. */
const sliceLength = 10_000;
/** Deletions come in ten lots a second at the most. */
const lotIntervalMs = 100;

export class ContainerSweep {
  readonly #tree: DataTree;
  readonly #options: ContainerSweepOptions;
  readonly #due = new Deque<string>();
  /** Where the look through all containers and TTL nodes is; undefined: none is under way. */
  #scan: Iterator<number> | undefined;
  #nextCheckAt: number;
  #nextLotAt = 0;

  constructor(tree: DataTree, options: ContainerSweepOptions, now: number) {
    this.#tree = tree;
    this.#options = options;
    this.#nextCheckAt = now + options.checkIntervalMs;
  }

  get deadline(): number {
    if (this.#scan !== undefined) return 0;
    return this.#due.length > 0 ? this.#nextLotAt : this.#nextCheckAt;
  }

  /** The paths to delete now. */
  takeDue(now: number, wallTime: number): string[] {
    if (this.#scan === undefined && this.#due.length === 0 && now >= this.#nextCheckAt) {
      this.#scan = candidates(this.#tree);
      this.#nextCheckAt = now + this.#options.checkIntervalMs;
    }
    if (this.#scan !== undefined) this.#look(this.#scan, wallTime);
    if (this.#due.length === 0 || now < this.#nextLotAt) return [];
    const lot = Math.max(1, Math.floor((this.#options.maxPerMinute * lotIntervalMs) / 60_000));
    const paths: string[] = [];
    while (paths.length < lot) {
      const path = this.#due.shift();
      if (path === undefined) break;
      // It may have waited for minutes, and been written or used meanwhile.
      const slot = this.#tree.findPath(path);
      if (slot >= 0 && this.#isDue(slot, wallTime)) paths.push(path);
    }
    const lotMs = (paths.length * 60_000) / this.#options.maxPerMinute;
    this.#nextLotAt = now + Math.max(lotIntervalMs, lotMs);
    return paths;
  }

  /** Goes through some more of the nodes that might be due. */
  #look(scan: Iterator<number>, wallTime: number): void {
    for (let seen = 0; seen < sliceLength; seen++) {
      const { value: slot, done } = scan.next();
      if (done) {
        this.#scan = undefined;
        return;
      }
      if (this.#isDue(slot, wallTime)) this.#due.push(this.#tree.pathOf(slot));
    }
  }

  #isDue(slot: number, wallTime: number): boolean {
    const tree = this.#tree;
    if (tree.numChildren(slot) > 0) return false;
    const age = wallTime - Number(tree.mtime(slot));
    if (tree.ttls.has(slot)) return age > ttlOf(tree.owner(slot));
    if (!tree.containers.has(slot)) return false;
    const { maxNeverUsedMs } = this.#options;
    return tree.storedCversion(slot) > 0 || (maxNeverUsedMs > 0 && age > maxNeverUsedMs);
  }
}

function* candidates(tree: DataTree): Generator<number> {
  yield* tree.containers;
  yield* tree.ttls;
}
