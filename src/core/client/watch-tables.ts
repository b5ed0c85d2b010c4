// What a client watches, as it believes the server knows it: five tables from path to watchers. An event takes the
// watchers it concerns (ZKWatchManager.materialize): the one-shot tables forget them, the persistent ones keep them.
// In: paths as the server names them. Invariant: no path maps to an empty set; a watcher is in a set once.
// The tables outlive connections: after a reconnect they are what setWatches tells the new server.

import { ErrorCode } from '../../proto/errors.ts';
import { EventType, WatcherType } from '../../proto/opcodes.ts';

/** 'exist': waits for a node that is not there; on the server that is a data watch too. */
export type WatchTable = 'data' | 'exist' | 'child' | 'persistent' | 'persistentRecursive';

export const watchTables: readonly WatchTable[] = [
  'data',
  'exist',
  'child',
  'persistent',
  'persistentRecursive',
];

/** The tables a WatcherType of removeWatches and checkWatches speaks of. */
const tablesOfType: Readonly<Record<WatcherType, readonly WatchTable[]>> = {
  [WatcherType.Children]: ['child'],
  [WatcherType.Data]: ['data', 'exist'],
  [WatcherType.Any]: watchTables,
  [WatcherType.Persistent]: ['persistent'],
  [WatcherType.PersistentRecursive]: ['persistentRecursive'],
};

/** A watch that a request asks for. */
export interface WatchIntent<W extends object> {
  /** 'exist': an exists request; the watch waits for the node or, if there is one, for its data. */
  readonly table: WatchTable;
  /** As the server names it. */
  readonly path: string;
  readonly watcher: W;
}

/** Whom to tell that which kind of watch is gone. */
export interface RemovedWatchers<W> {
  readonly type: EventType;
  readonly watchers: readonly W[];
}

const nobody: readonly never[] = [];

export class WatchTables<W extends object> {
  readonly #tables: Readonly<Record<WatchTable, Map<string, Set<W>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    persistentRecursive: new Map(),
  };

  add(table: WatchTable, path: string, watcher: W): void {
    const watchers = this.#tables[table].get(path);
    if (watchers === undefined) this.#tables[table].set(path, new Set([watcher]));
    else watchers.add(watcher);
  }

  /** The server's answer to a request with a watch: on success it is set, and exists sets it on NoNode too. */
  answered({ table, path, watcher }: WatchIntent<W>, err: number): void {
    if (err === ErrorCode.Ok) this.add(table === 'exist' ? 'data' : table, path, watcher);
    else if (err === ErrorCode.NoNode && table === 'exist') this.add('exist', path, watcher);
  }

  /** The watchers an event concerns, each once. One-shot watches among them are over. */
  take(type: number, path: string): readonly W[] {
    const found = new Set<W>();
    const { data, exist, child, persistent } = this.#tables;
    switch (type) {
      case EventType.NodeCreated:
      case EventType.NodeDataChanged:
        move(data, path, found);
        move(exist, path, found);
        break;
      case EventType.NodeChildrenChanged:
        move(child, path, found);
        break;
      case EventType.NodeDeleted:
        move(data, path, found);
        move(exist, path, found);
        move(child, path, found);
        break;
      default:
        return nobody;
    }
    for (const watcher of persistent.get(path) ?? nobody) found.add(watcher);
    if (type !== EventType.NodeChildrenChanged) this.#findRecursive(path, found);
    return [...found];
  }

  /** The paths a table knows, to be set again. */
  paths(table: WatchTable): Iterable<string> {
    return this.#tables[table].keys();
  }

  count(table: WatchTable): number {
    return this.#tables[table].size;
  }

  /** Every path watched persistently, with its watchers. */
  *persistent(): Generator<readonly [string, readonly W[]]> {
    for (const [path, watchers] of this.#tables.persistent) yield [path, [...watchers]];
    for (const [path, watchers] of this.#tables.persistentRecursive) yield [path, [...watchers]];
  }

  /** Whether `path` has a watch of that type: of `watcher`, or of anybody. */
  has(path: string, type: WatcherType, watcher?: W): boolean {
    return tablesOfType[type].some((table) => {
      const watchers = this.#tables[table].get(path);
      return watchers !== undefined && (watcher === undefined || watchers.has(watcher));
    });
  }

  /** Whether somebody but `watcher` has a watch of that type at `path`. */
  hasOther(path: string, type: WatcherType, watcher: W): boolean {
    return tablesOfType[type].some((table) => {
      const watchers = this.#tables[table].get(path);
      return watchers !== undefined && watchers.size > (watchers.has(watcher) ? 1 : 0);
    });
  }

  /** Whether `path` has a watch that is not of that type. */
  hasOutside(path: string, type: WatcherType): boolean {
    const inside = tablesOfType[type];
    return watchTables.some((table) => !inside.includes(table) && this.#tables[table].has(path));
  }

  /** Forgets watches of a type at `path`, all or one watcher's; says whose, by the event they are to see. */
  remove(path: string, type: WatcherType, watcher?: W): RemovedWatchers<W>[] {
    const byEvent = new Map<EventType, Set<W>>();
    for (const table of tablesOfType[type]) {
      const watchers = this.#tables[table].get(path);
      if (watchers === undefined) continue;
      const gone = watcher === undefined ? [...watchers] : watchers.has(watcher) ? [watcher] : [];
      for (const one of gone) {
        watchers.delete(one);
        const event = removalEvent(table);
        byEvent.set(event, (byEvent.get(event) ?? new Set()).add(one));
      }
      if (watchers.size === 0) this.#tables[table].delete(path);
    }
    return [...byEvent].map(([event, gone]) => ({ type: event, watchers: [...gone] }));
  }

  clear(): void {
    for (const table of watchTables) this.#tables[table].clear();
  }

  #findRecursive(path: string, found: Set<W>): void {
    const recursive = this.#tables.persistentRecursive;
    if (recursive.size === 0) return;
    let at = path;
    for (;;) {
      for (const watcher of recursive.get(at) ?? nobody) found.add(watcher);
      if (at.length <= 1) return;
      at = at.substring(0, Math.max(1, at.lastIndexOf('/')));
    }
  }
}

function move<W>(table: Map<string, Set<W>>, path: string, into: Set<W>): void {
  const watchers = table.get(path);
  if (watchers === undefined) return;
  for (const watcher of watchers) into.add(watcher);
  table.delete(path);
}

function removalEvent(table: WatchTable): EventType {
  switch (table) {
    case 'data':
    case 'exist':
      return EventType.DataWatchRemoved;
    case 'child':
      return EventType.ChildWatchRemoved;
    default:
      return EventType.PersistentWatchRemoved;
  }
}
