// One table of watches (WatchManager.java): which connections wait at which paths, and how. A
// server has two, for data and for children. In: additions, removals and triggers; out: who is to
// be told.
//
// Invariants: one Watch for each (path, watcher) of a table, its `modes` never 0; every Watch is on
// two rings, that of its path (oldest first) and that of its watcher. No Map here grows past what
// rehashes in a few ms: paths are spread over shards, and a crowd at one path is bounded by the
// connections there are.
// Differs from Java on purpose: watchers are told in the order in which they came, and one who has
// nothing left is forgotten.

import { present } from '../../util/assert.ts';

/** How a watcher waits at a path; bits, because it may wait in several ways at once (WatchStats.java). */
export const WatchMode = { STANDARD: 1, PERSISTENT: 2, PERSISTENT_RECURSIVE: 4 } as const;
export const anyMode = 7;

/** All watches of one connection. `stamp` is the last trigger that reached it: one event for each trigger. */
export interface Watcher<W> {
  readonly owner: W;
  stamp: number;
  /** The oldest watch of its ring, over both tables. */
  first: Watch<W> | undefined;
  /** How many watches it has in each table. */
  readonly counts: [data: number, child: number];
}

/** One watcher at one path, at first alone on both its rings. Kept small: there may be millions. */
export class Watch<W> {
  readonly table: WatchTable<W>;
  readonly path: string;
  readonly watcher: Watcher<W>;
  modes = 0;
  previousAtPath: Watch<W>;
  nextAtPath: Watch<W>;
  previousOfWatcher: Watch<W>;
  nextOfWatcher: Watch<W>;

  constructor(table: WatchTable<W>, path: string, watcher: Watcher<W>) {
    this.table = table;
    this.path = path;
    this.watcher = watcher;
    this.previousAtPath = this;
    this.nextAtPath = this;
    this.previousOfWatcher = this;
    this.nextOfWatcher = this;
  }
}

/** A path with so many watchers that walking the ring to find one would be slow. */
class Crowd<W> {
  first: Watch<W>;
  readonly byWatcher = new Map<Watcher<W>, Watch<W>>();

  constructor(first: Watch<W>) {
    this.first = first;
  }
}

type AtPath<W> = Watch<W> | Crowd<W>;

/** Where a ring turns into a crowd. */
const crowdAt = 12;

/** A thousand Maps: at ten million paths each holds ten thousand and grows in about a millisecond. */
const shardCount = 1024;

export class WatchTable<W> {
  readonly #shards: (Map<string, AtPath<W>> | undefined)[] = new Array(shardCount).fill(undefined);
  /**
   * Lengths of paths with recursive watches, and how many watches: an ancestor of another length need not be looked
   * up.
   */
  readonly #recursiveLengths = new Map<number, number>();
  readonly #index: 0 | 1;
  #paths = 0;
  #watches = 0;
  #watchers = 0;

  /** `index` says which of a watcher's two counts this table keeps: 0 data, 1 child. */
  constructor(index: 0 | 1) {
    this.#index = index;
  }

  /** How many watchers have a watch here. */
  get watchers(): number {
    return this.#watchers;
  }

  get paths(): number {
    return this.#paths;
  }

  get watches(): number {
    return this.#watches;
  }

  /** The watch of `watcher` at `path`. */
  find(path: string, watcher: Watcher<W>): Watch<W> | undefined {
    const at = this.#at(path);
    if (at === undefined) return undefined;
    if (at instanceof Crowd) return at.byWatcher.get(watcher);
    let watch = at;
    do {
      if (watch.watcher === watcher) return watch;
      watch = watch.nextAtPath;
    } while (watch !== at);
    return undefined;
  }

  add(path: string, watcher: Watcher<W>, mode: number): void {
    const watch = this.find(path, watcher) ?? this.#link(path, watcher);
    this.#setModes(watch, watch.modes | mode);
  }

  /** Takes `modes` away; the watch goes with its last mode. False: there was nothing to take. */
  remove(watch: Watch<W>, modes: number): boolean {
    const left = watch.modes & ~modes;
    if (left === watch.modes) return false;
    this.#setModes(watch, left);
    if (left === 0) this.#unlink(watch);
    return true;
  }

  /**
   * Appends to `told` everyone to whom a change at `path` matters and whose stamp is another one, stamps them, and
   * uses up standard watches (also of those stamped before).
   */
  trigger(path: string, stamp: number, told: W[]): void {
    if (this.#watches === 0) return;
    this.#fireAt(path, stamp, told);
    if (this.#recursiveLengths.size === 0 || path.length <= 1) return;
    for (let cut = path.lastIndexOf('/'); cut >= 0; cut = path.lastIndexOf('/', cut - 1)) {
      if (this.#recursiveLengths.has(cut === 0 ? 1 : cut)) {
        this.#fireAbove(cut === 0 ? '/' : path.substring(0, cut), stamp, told);
      }
      if (cut === 0) break;
    }
  }

  /** Each path with its watchers, oldest first. */
  *byPath(): Generator<readonly [path: string, watchers: W[]]> {
    for (const shard of this.#shards) {
      if (shard === undefined) continue;
      for (const at of shard.values()) {
        const first = firstOf(at);
        yield [first.path, [...ring(first)].map((watch) => watch.watcher.owner)];
      }
    }
  }

  /** The paths where `watcher` has a watch in this table, oldest first. */
  pathsOf(watcher: Watcher<W>): string[] {
    const paths: string[] = [];
    const first = watcher.first;
    if (first === undefined) return paths;
    let watch = first;
    do {
      if (watch.table === this) paths.push(watch.path);
      watch = watch.nextOfWatcher;
    } while (watch !== first);
    return paths;
  }

  #fireAt(path: string, stamp: number, told: W[]): void {
    const at = this.#at(path);
    if (at === undefined) return;
    let watch = firstOf(at);
    const last = watch.previousAtPath;
    for (;;) {
      const next = watch.nextAtPath;
      const isLast = watch === last;
      tell(watch.watcher, stamp, told);
      if ((watch.modes & WatchMode.STANDARD) !== 0) this.remove(watch, WatchMode.STANDARD);
      if (isLast) return;
      watch = next;
    }
  }

  #fireAbove(path: string, stamp: number, told: W[]): void {
    const at = this.#at(path);
    if (at === undefined) return;
    for (const watch of ring(firstOf(at))) {
      if ((watch.modes & WatchMode.PERSISTENT_RECURSIVE) !== 0) tell(watch.watcher, stamp, told);
    }
  }

  #setModes(watch: Watch<W>, modes: number): void {
    const before = watch.modes & WatchMode.PERSISTENT_RECURSIVE;
    const after = modes & WatchMode.PERSISTENT_RECURSIVE;
    watch.modes = modes;
    if (before === after) return;
    const length = watch.path.length;
    const count = (this.#recursiveLengths.get(length) ?? 0) + (after !== 0 ? 1 : -1);
    if (count === 0) this.#recursiveLengths.delete(length);
    else this.#recursiveLengths.set(length, count);
  }

  #at(path: string): AtPath<W> | undefined {
    return this.#shards[shardOf(path)]?.get(path);
  }

  /** A new watch, put on both its rings; the caller gives it a mode. All watches of a path share one string. */
  #link(path: string, watcher: Watcher<W>): Watch<W> {
    const index = shardOf(path);
    const shard = this.#shards[index] ?? new Map<string, AtPath<W>>();
    this.#shards[index] = shard;
    const at = shard.get(path);
    const watch = new Watch(this, at === undefined ? path : firstOf(at).path, watcher);
    this.#watches++;
    if (watcher.counts[this.#index]++ === 0) this.#watchers++;
    linkToWatcher(watch);
    if (at === undefined) {
      shard.set(path, watch);
      this.#paths++;
      return watch;
    }
    const first = firstOf(at);
    const last = first.previousAtPath;
    last.nextAtPath = watch;
    watch.previousAtPath = last;
    watch.nextAtPath = first;
    first.previousAtPath = watch;
    if (at instanceof Crowd) at.byWatcher.set(watcher, watch);
    else if (isLong(first)) shard.set(path, crowdOf(first));
    return watch;
  }

  /** Takes a watch without modes off both its rings. */
  #unlink(watch: Watch<W>): void {
    const { path, watcher } = watch;
    this.#watches--;
    if (--watcher.counts[this.#index] === 0) this.#watchers--;
    unlinkFromWatcher(watch);
    const shard = present(this.#shards[shardOf(path)], 'the shard of a watch');
    if (watch.nextAtPath === watch) {
      shard.delete(path);
      this.#paths--;
      return;
    }
    watch.previousAtPath.nextAtPath = watch.nextAtPath;
    watch.nextAtPath.previousAtPath = watch.previousAtPath;
    const at = shard.get(path);
    if (at instanceof Crowd) {
      at.byWatcher.delete(watcher);
      if (at.first === watch) at.first = watch.nextAtPath;
    } else if (at === watch) {
      shard.set(path, watch.nextAtPath);
    }
  }
}

function linkToWatcher<W>(watch: Watch<W>): void {
  const { watcher } = watch;
  const first = watcher.first;
  if (first === undefined) {
    watcher.first = watch;
    return;
  }
  const last = first.previousOfWatcher;
  last.nextOfWatcher = watch;
  watch.previousOfWatcher = last;
  watch.nextOfWatcher = first;
  first.previousOfWatcher = watch;
}

function unlinkFromWatcher<W>(watch: Watch<W>): void {
  const { watcher } = watch;
  if (watch.nextOfWatcher === watch) {
    watcher.first = undefined;
    return;
  }
  watch.previousOfWatcher.nextOfWatcher = watch.nextOfWatcher;
  watch.nextOfWatcher.previousOfWatcher = watch.previousOfWatcher;
  if (watcher.first === watch) watcher.first = watch.nextOfWatcher;
}

function tell<W>(watcher: Watcher<W>, stamp: number, told: W[]): void {
  if (watcher.stamp === stamp) return;
  watcher.stamp = stamp;
  told.push(watcher.owner);
}

function firstOf<W>(at: AtPath<W>): Watch<W> {
  return at instanceof Crowd ? at.first : at;
}

/** The watches at one path, oldest first; the ring must not change meanwhile. */
function* ring<W>(first: Watch<W>): Generator<Watch<W>> {
  let watch = first;
  do {
    yield watch;
    watch = watch.nextAtPath;
  } while (watch !== first);
}

function isLong<W>(first: Watch<W>): boolean {
  let watch = first;
  for (let count = 1; count < crowdAt; count++) {
    watch = watch.nextAtPath;
    if (watch === first) return false;
  }
  return true;
}

function crowdOf<W>(first: Watch<W>): Crowd<W> {
  const crowd = new Crowd(first);
  for (const watch of ring(first)) crowd.byWatcher.set(watch.watcher, watch);
  return crowd;
}

/**
 * FNV-1a over the characters. It only spreads paths over the shards; the Maps themselves hash with a secret seed.
 */
function shardOf(path: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < path.length; at++) {
    hash = Math.imul(hash ^ path.charCodeAt(at), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (shardCount - 1);
}
