// The watches of one server (DataTree's dataWatches and childWatches). In: what clients watch, and
// what a transaction did to a path; out: `deliver`, called within the same call, before the
// transaction's reply is written.
//
// Invariants: one event a watcher for each trigger, however many of its watches match; a standard
// watch fires once, the others until they are removed; nothing is left of a watcher after
// `removeWatcher`. `deliver` may remove watchers: it runs after the tables have changed. For the
// deletion of a node both tables count as one trigger.
// The newer rules throughout, where 3.8.0 differs (ZOOKEEPER-4466, 4471, 4475): modes mix freely at
// one path, recursive watches live in the data table alone and never see NodeChildrenChanged,
// removal takes exactly the mode it names.

import { EventType, WatcherType } from '../../proto/opcodes.ts';
import type { Watcher } from './watch-table.ts';
import { anyMode, WatchMode, WatchTable } from './watch-table.ts';

/**
 * `aclId` names the ACL that says whether the watcher may know: the node's, for a change of children its parent's.
 */
export type Deliver<W> = (watcher: W, type: EventType, path: string, aclId: number) => void;

/** How many watchers a trigger reached, for the statistics; not called when it reached none. */
export type Fired = (type: EventType, watchers: number) => void;

export interface WatchCounts {
  readonly connections: number;
  readonly paths: number;
  readonly watches: number;
}

export class Watches<W extends object> {
  readonly #deliver: Deliver<W>;
  readonly #fired: Fired | undefined;
  readonly #data = new WatchTable<W>(0);
  readonly #child = new WatchTable<W>(1);
  readonly #watchers = new Map<W, Watcher<W>>();
  /** Counts triggers, so that a watcher knows whether this one has reached it. */
  #stamp = 0;

  constructor(deliver: Deliver<W>, fired?: Fired) {
    this.#deliver = deliver;
    this.#fired = fired;
  }

  /** Nothing is watched at all: the only question of the hot path. */
  get isEmpty(): boolean {
    return this.#data.watches === 0 && this.#child.watches === 0;
  }

  /** getData and exists; exists also where there is no node yet. */
  addData(path: string, watcher: W): void {
    this.#data.add(path, this.#of(watcher), WatchMode.STANDARD);
  }

  /** getChildren. */
  addChild(path: string, watcher: W): void {
    this.#child.add(path, this.#of(watcher), WatchMode.STANDARD);
  }

  /** addWatch. */
  addPersistent(path: string, watcher: W, recursive: boolean): void {
    const entry = this.#of(watcher);
    if (recursive) {
      this.#data.add(path, entry, WatchMode.PERSISTENT_RECURSIVE);
    } else {
      this.#data.add(path, entry, WatchMode.PERSISTENT);
      this.#child.add(path, entry, WatchMode.PERSISTENT);
    }
  }

  nodeCreated(path: string, aclId: number, parentAclId: number): void {
    if (this.isEmpty) return;
    this.#fire(this.#data, path, EventType.NodeCreated, aclId, ++this.#stamp);
    this.#childrenChanged(path, parentAclId);
  }

  nodeDeleted(path: string, aclId: number, parentAclId: number): void {
    if (this.isEmpty) return;
    const stamp = ++this.#stamp;
    this.#fire(this.#data, path, EventType.NodeDeleted, aclId, stamp);
    this.#fire(this.#child, path, EventType.NodeDeleted, aclId, stamp);
    this.#childrenChanged(path, parentAclId);
  }

  nodeDataChanged(path: string, aclId: number): void {
    this.#fire(this.#data, path, EventType.NodeDataChanged, aclId, ++this.#stamp);
  }

  /** checkWatches. Data and Children ask for standard watches only. */
  has(path: string, type: WatcherType, watcher: W): boolean {
    const data = this.#modesAt(this.#data, path, watcher);
    const child = this.#modesAt(this.#child, path, watcher);
    switch (type) {
      case WatcherType.Children:
        return (child & WatchMode.STANDARD) !== 0;
      case WatcherType.Data:
        return (data & WatchMode.STANDARD) !== 0;
      case WatcherType.Persistent:
        return (data & WatchMode.PERSISTENT) !== 0;
      case WatcherType.PersistentRecursive:
        return (data & WatchMode.PERSISTENT_RECURSIVE) !== 0;
      case WatcherType.Any:
        return (data | child) !== 0;
    }
  }

  /** removeWatches; false: there was none. */
  remove(path: string, type: WatcherType, watcher: W): boolean {
    switch (type) {
      case WatcherType.Children:
        return this.#take(path, watcher, 0, WatchMode.STANDARD);
      case WatcherType.Data:
        return this.#take(path, watcher, WatchMode.STANDARD, 0);
      case WatcherType.Persistent:
        return this.#take(path, watcher, WatchMode.PERSISTENT, WatchMode.PERSISTENT);
      case WatcherType.PersistentRecursive:
        return this.#take(path, watcher, WatchMode.PERSISTENT_RECURSIVE, 0);
      case WatcherType.Any:
        return this.#take(path, watcher, anyMode, anyMode);
    }
  }

  /** The connection is gone. Takes as long as it has watches. */
  removeWatcher(watcher: W): void {
    const entry = this.#watchers.get(watcher);
    if (entry === undefined) return;
    for (let watch = entry.first; watch !== undefined; watch = entry.first) {
      watch.table.remove(watch, anyMode);
    }
    this.#watchers.delete(watcher);
  }

  /** All watches, those of both tables (the metric watch_count). */
  get size(): number {
    return this.#data.watches + this.#child.watches;
  }

  /** The data table, as the four-letter word `wchs` and the metrics have it. */
  counts(): WatchCounts {
    const { watchers, paths, watches } = this.#data;
    return { connections: watchers, paths, watches };
  }

  /** The data table by path (`wchp`). */
  byPath(): Generator<readonly [path: string, watchers: W[]]> {
    return this.#data.byPath();
  }

  /** The data table by watcher (`wchc`); watchers without data watches are left out. */
  *byWatcher(): Generator<readonly [watcher: W, paths: string[]]> {
    for (const entry of this.#watchers.values()) {
      const paths = this.#data.pathsOf(entry);
      if (paths.length > 0) yield [entry.owner, paths];
    }
  }

  #of(watcher: W): Watcher<W> {
    let entry = this.#watchers.get(watcher);
    if (entry === undefined) {
      entry = { owner: watcher, stamp: 0, first: undefined, counts: [0, 0] };
      this.#watchers.set(watcher, entry);
    }
    return entry;
  }

  #childrenChanged(path: string, parentAclId: number): void {
    if (this.#child.watches === 0) return;
    const parent = path.substring(0, path.lastIndexOf('/')) || '/';
    this.#fire(this.#child, parent, EventType.NodeChildrenChanged, parentAclId, ++this.#stamp);
  }

  #fire(table: WatchTable<W>, path: string, type: EventType, aclId: number, stamp: number): void {
    if (table.watches === 0) return;
    const told: W[] = [];
    table.trigger(path, stamp, told);
    if (told.length > 0) this.#fired?.(type, told.length);
    for (const watcher of told) this.#deliver(watcher, type, path, aclId);
  }

  #modesAt(table: WatchTable<W>, path: string, watcher: W): number {
    const entry = this.#watchers.get(watcher);
    return entry === undefined ? 0 : (table.find(path, entry)?.modes ?? 0);
  }

  #take(path: string, watcher: W, dataModes: number, childModes: number): boolean {
    const entry = this.#watchers.get(watcher);
    if (entry === undefined) return false;
    const data = this.#data.find(path, entry);
    const child = this.#child.find(path, entry);
    const fromData = data !== undefined && this.#data.remove(data, dataModes);
    const fromChild = child !== undefined && this.#child.remove(child, childModes);
    return fromData || fromChild;
  }
}
