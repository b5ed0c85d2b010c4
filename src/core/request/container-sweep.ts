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

/** Deletions come in ten lots a second at the most. */
const lotIntervalMs = 100;

export class ContainerSweep {
  readonly #tree: DataTree;
  readonly #options: ContainerSweepOptions;
  readonly #due = new Deque<string>();
  #nextCheckAt: number;
  #nextLotAt = 0;

  constructor(tree: DataTree, options: ContainerSweepOptions, now: number) {
    this.#tree = tree;
    this.#options = options;
    this.#nextCheckAt = now + options.checkIntervalMs;
  }

  get deadline(): number {
    return this.#due.length > 0 ? Math.max(this.#nextLotAt, 0) : this.#nextCheckAt;
  }

  /** The paths to delete now. */
  takeDue(now: number, wallTime: number): string[] {
    if (this.#due.length === 0 && now >= this.#nextCheckAt) {
      this.#collect(wallTime);
      this.#nextCheckAt = now + this.#options.checkIntervalMs;
    }
    if (this.#due.length === 0 || now < this.#nextLotAt) return [];
    const lot = Math.max(1, Math.floor((this.#options.maxPerMinute * lotIntervalMs) / 60_000));
    const paths: string[] = [];
    while (paths.length < lot) {
      const path = this.#due.shift();
      if (path === undefined) break;
      paths.push(path);
    }
    const lotMs = (paths.length * 60_000) / this.#options.maxPerMinute;
    this.#nextLotAt = now + Math.max(lotIntervalMs, lotMs);
    return paths;
  }

  #collect(wallTime: number): void {
    const tree = this.#tree;
    const { maxNeverUsedMs } = this.#options;
    for (const slot of tree.containers) {
      if (tree.numChildren(slot) > 0) continue;
      const used = tree.storedCversion(slot) > 0;
      const age = wallTime - Number(tree.mtime(slot));
      if (used || (maxNeverUsedMs > 0 && age > maxNeverUsedMs)) this.#due.push(tree.pathOf(slot));
    }
    for (const slot of tree.ttls) {
      if (tree.numChildren(slot) > 0) continue;
      const age = wallTime - Number(tree.mtime(slot));
      if (age > ttlOf(tree.owner(slot))) this.#due.push(tree.pathOf(slot));
    }
  }
}
