/**
 * What each server should remember of watches: Java 3.8.0's rules (WatchManager, one mode a path
 * and table, the last one wins) and the newer ones Quoll has (ZOOKEEPER-4466, 4471, 4472, 4475).
 *
 * In: registrations that a reply confirmed, events that were seen. Out: whether an event was to be
 * expected, what checkWatches and removeWatches should say. It only explains differences between
 * the two servers; that both told the right thing where their rules agree, the comparison shows.
 */
import { ErrorCode } from '../../src/proto/errors.ts';
import { AddWatchMode, EventType, WatcherType } from '../../src/proto/opcodes.ts';

export const Mode = { STANDARD: 1, PERSISTENT: 2, RECURSIVE: 4 } as const;
export type Table = 'data' | 'child';
type Modes = Map<string, number>;

/** What a watcher has, by table and path. */
interface Held {
  readonly data: Modes;
  readonly child: Modes;
}

export abstract class WatchBook {
  readonly #held = new Map<number, Held>();

  /** A standard watch: data for getData and exists, child for getChildren. */
  addStandard(connection: number, table: Table, path: string): void {
    this.add(this.of(connection)[table], path, Mode.STANDARD);
  }

  addPersistent(connection: number, path: string, mode: number): void {
    const recursive = mode === AddWatchMode.PERSISTENT_RECURSIVE;
    const { data, child } = this.of(connection);
    this.add(data, path, recursive ? Mode.RECURSIVE : Mode.PERSISTENT);
    if (!recursive || this.recursiveInBoth()) {
      this.add(child, path, recursive ? Mode.RECURSIVE : Mode.PERSISTENT);
    }
  }

  hasAny(connection: number): boolean {
    const held = this.#held.get(connection);
    return held !== undefined && held.data.size + held.child.size > 0;
  }

  pathsOf(connection: number): string[] {
    const { data, child } = this.of(connection);
    return [...new Set([...data.keys(), ...child.keys()])];
  }

  /** Whether the connection is to be told when this happens to the path. */
  expects(connection: number, type: number, path: string): boolean {
    const { data, child } = this.of(connection);
    if (type === EventType.NodeChildrenChanged) {
      const modes = child.get(path) ?? 0;
      return (modes & ~Mode.RECURSIVE) !== 0;
    }
    const tables = type === EventType.NodeDeleted ? [data, child] : [data];
    return tables.some((table) => {
      if (table.has(path)) return true;
      for (let at = parentOf(path); at !== undefined; at = parentOf(at)) {
        if (((table.get(at) ?? 0) & Mode.RECURSIVE) !== 0) return true;
      }
      return false;
    });
  }

  /** It happened: standard watches are used up. */
  fired(connection: number, type: number, path: string): void {
    const { data, child } = this.of(connection);
    if (type !== EventType.NodeChildrenChanged) take(data, path, Mode.STANDARD);
    if (type === EventType.NodeChildrenChanged || type === EventType.NodeDeleted) {
      take(child, path, Mode.STANDARD);
    }
  }

  forget(connection: number): void {
    this.#held.delete(connection);
  }

  /** Whether the connection itself has something in the tables that 3.8.0 looks into for the type. */
  isAt(connection: number, path: string, type: number): boolean {
    const held = this.of(connection);
    return tablesOf(type)?.some((table) => held[table].has(path)) === true;
  }

  /** The error codes that checkWatches and removeWatches should give. */
  abstract check(connection: number, path: string, type: number): number;
  abstract wouldRemove(connection: number, path: string, type: number): number;
  abstract remove(connection: number, path: string, type: number): void;
  protected abstract add(table: Modes, path: string, mode: number): void;
  protected abstract recursiveInBoth(): boolean;

  protected of(connection: number): Held {
    let held = this.#held.get(connection);
    if (held === undefined) {
      held = { data: new Map(), child: new Map() };
      this.#held.set(connection, held);
    }
    return held;
  }

  protected everybody(): Held[] {
    return [...this.#held.values()];
  }

  protected anybodyAt(table: Table, path: string): boolean {
    return this.everybody().some((held) => held[table].has(path));
  }
}

/** Java 3.8.0. Types beyond Any are unknown to it. */
export class WatchBook38 extends WatchBook {
  protected override add(table: Modes, path: string, mode: number): void {
    table.set(path, mode);
  }

  protected override recursiveInBoth(): boolean {
    return true;
  }

  /**
   * Its containsWatcher asks whether anybody watches the path, and walks up from it while there are
   * recursive watches in the table, which an empty path does not survive and a path without '/' not
   * even once.
   */
  override check(_connection: number, path: string, type: number): number {
    const tables = tablesOf(type);
    if (tables === undefined) return ErrorCode.MarshallingError;
    if (path === '') return ErrorCode.NoWatcher;
    if (!path.includes('/')) return ErrorCode.MarshallingError;
    const here = tables.map((table) => this.anybodyAt(table, path));
    const walksOff = tables.some((table, i) => here[i] === false && this.#hasRecursive(table));
    if (!path.startsWith('/') && walksOff) return ErrorCode.MarshallingError;
    return here.includes(true) ? ErrorCode.Ok : ErrorCode.NoWatcher;
  }

  override wouldRemove(connection: number, path: string, type: number): number {
    if (tablesOf(type) === undefined) return ErrorCode.MarshallingError;
    return this.isAt(connection, path, type) ? ErrorCode.Ok : ErrorCode.NoWatcher;
  }

  override remove(connection: number, path: string, type: number): void {
    const held = this.of(connection);
    for (const table of tablesOf(type) ?? []) held[table].delete(path);
  }

  #hasRecursive(table: Table): boolean {
    return this.everybody().some((held) => [...held[table].values()].includes(Mode.RECURSIVE));
  }
}

/** Java since 3.9, and Quoll. */
export class WatchBookNew extends WatchBook {
  protected override add(table: Modes, path: string, mode: number): void {
    table.set(path, (table.get(path) ?? 0) | mode);
  }

  protected override recursiveInBoth(): boolean {
    return false;
  }

  override check(connection: number, path: string, type: number): number {
    const held = this.of(connection);
    const reach = reachOf(type);
    if (reach === undefined) return ErrorCode.MarshallingError;
    const found = reach.some(([table, modes]) => ((held[table].get(path) ?? 0) & modes) !== 0);
    return found ? ErrorCode.Ok : ErrorCode.NoWatcher;
  }

  override wouldRemove(connection: number, path: string, type: number): number {
    return this.check(connection, path, type);
  }

  override remove(connection: number, path: string, type: number): void {
    const held = this.of(connection);
    for (const [table, modes] of reachOf(type) ?? []) take(held[table], path, modes);
  }
}

function tablesOf(type: number): Table[] | undefined {
  if (type === WatcherType.Children) return ['child'];
  if (type === WatcherType.Data) return ['data'];
  return type === WatcherType.Any ? ['child', 'data'] : undefined;
}

/** The tables and modes a type means. */
function reachOf(type: number): Array<readonly [Table, number]> | undefined {
  switch (type) {
    case WatcherType.Children:
      return [['child', Mode.STANDARD]];
    case WatcherType.Data:
      return [['data', Mode.STANDARD]];
    case WatcherType.Any:
      return [
        ['data', 7],
        ['child', 7],
      ];
    case WatcherType.Persistent:
      return [
        ['data', Mode.PERSISTENT],
        ['child', Mode.PERSISTENT],
      ];
    case WatcherType.PersistentRecursive:
      return [['data', Mode.RECURSIVE]];
    default:
      return undefined;
  }
}

function take(table: Modes, path: string, modes: number): void {
  const left = (table.get(path) ?? 0) & ~modes;
  if (left === 0) table.delete(path);
  else table.set(path, left);
}

/** The path above: '/' above '/a'; nothing above '/' and above what does not begin with '/'. */
function parentOf(path: string): string | undefined {
  const cut = path.lastIndexOf('/');
  if (cut < 0 || path.length <= 1) return undefined;
  return cut === 0 ? '/' : path.substring(0, cut);
}
