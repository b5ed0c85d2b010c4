// One directory of the simulated disk: the names it has now, those that are on the platter, and the changes between.
// In: names created, renamed, removed; syncs. Out: the names now, and those some crash would leave. Invariant: of
// unsynced changes a crash keeps a beginning, in the order they were made; a rename is one change.

import type { Prng } from '../util/prng.ts';
import { MemoryInode } from './memory-inode.ts';

export type Entries = Map<string, MemoryInode | MemoryDirectory>;

interface Change {
  readonly name: string;
  readonly node: MemoryInode | MemoryDirectory | undefined;
}

export class MemoryDirectory {
  readonly entries: Entries = new Map();
  readonly #durable: Entries = new Map();
  readonly #unsynced: (readonly Change[])[] = [];
  /** Changes that are durable, since the beginning. */
  #synced = 0;

  change(...changes: Change[]): void {
    apply(this.entries, changes);
    this.#unsynced.push(changes);
  }

  /** How many changes there have been: what a sync that begins now will make durable. */
  get changes(): number {
    return this.#synced + this.#unsynced.length;
  }

  /** Makes the first `changes` changes durable. */
  sync(changes = this.changes): void {
    const count = Math.max(0, changes - this.#synced);
    for (const change of this.#unsynced.splice(0, count)) {
      apply(this.#durable, change);
      this.#synced++;
    }
  }

  /** Fills an empty directory with what `entriesOf` and `inodeOf` leave of this one, durable. */
  copyInto(
    target: MemoryDirectory,
    entriesOf: (directory: MemoryDirectory) => ReadonlyMap<string, MemoryInode | MemoryDirectory>,
    inodeOf: (inode: MemoryInode) => MemoryInode,
  ): void {
    for (const [name, node] of entriesOf(this)) {
      if (node instanceof MemoryInode) {
        target.change({ name, node: inodeOf(node) });
        continue;
      }
      const directory = new MemoryDirectory();
      target.change({ name, node: directory });
      node.copyInto(directory, entriesOf, inodeOf);
    }
    target.sync();
  }

  find(path: string): MemoryInode | MemoryDirectory | undefined {
    let at: MemoryInode | MemoryDirectory | undefined = this;
    for (const name of pathParts(path)) {
      at = at instanceof MemoryDirectory ? at.entries.get(name) : undefined;
    }
    return at;
  }

  /** Sectors that take room, in all files below. */
  get allocated(): number {
    let count = 0;
    for (const node of this.entries.values()) {
      count += node instanceof MemoryInode ? node.allocated.size : node.allocated;
    }
    return count;
  }

  /** The names a power loss leaves. */
  afterPowerLoss(chance: Prng): Entries {
    const entries: Entries = new Map(this.#durable);
    const count = chance.below(this.#unsynced.length + 1);
    for (const change of this.#unsynced.filter((_, i) => i < count)) apply(entries, change);
    return entries;
  }
}

function apply(entries: Entries, changes: readonly Change[]): void {
  for (const { name, node } of changes) {
    if (node === undefined) entries.delete(name);
    else entries.set(name, node);
  }
}

/** The names of a path, `.` and `..` resolved. */
export function pathParts(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}
