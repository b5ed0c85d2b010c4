// Quotas of a tree (DataTree.java, Quotas.java): which paths have one, and the statistics nodes
// that count what lies below them. Statistics live in znodes whose data changes outside any
// transaction, the same on every server.

import { decodeUtf8, encodeUtf8 } from '../../jute/utf8.ts';
import type { DataTree } from './data-tree.ts';
import type { QuotaStats } from './quota.ts';
import {
  exceeds,
  formatStats,
  limitsName,
  PathTrie,
  parseStats,
  quotaRoot,
  statsName,
} from './quota.ts';

/** A path under `/zookeeper/quota` with what is written there. */
export interface QuotaEntry {
  readonly path: string;
  readonly limits: QuotaStats | undefined;
  readonly stats: QuotaStats | undefined;
}

export class QuotaBook {
  readonly #tree: DataTree;
  readonly #paths = new PathTrie();
  /** Refusals for a hard limit, by top-level node; only nodes with a quota get in. */
  readonly exceeded = new Map<string, number>();

  constructor(tree: DataTree) {
    this.#tree = tree;
  }

  /** No quota anywhere: the only question of the hot path. */
  get isEmpty(): boolean {
    return this.#paths.size === 0;
  }

  /** The longest path with a quota that is `path` or above it; undefined: none. */
  prefixOf(path: string): string | undefined {
    return this.isEmpty ? undefined : this.#paths.longestPrefix(path);
  }

  /** Limits and counted use of a path with a quota, as text; undefined when the node is missing. */
  limitsText(prefix: string): string | undefined {
    return this.#textOf(`${quotaRoot}${prefix}/${limitsName}`);
  }

  statsText(prefix: string): string | undefined {
    return this.#textOf(`${quotaRoot}${prefix}/${statsName}`);
  }

  /** Whether a change would pass a hard limit. Pending changes do not count, as in Java. */
  isExceededBy(path: string, bytes: number, count: number): boolean {
    const prefix = this.prefixOf(path);
    if (prefix === undefined) return false;
    const limits = parseStats(this.limitsText(prefix) ?? '');
    const stats = parseStats(this.statsText(prefix) ?? '');
    const isExceeded = exceeds(limits, stats, { count, bytes }).some((excess) => excess.hard);
    if (isExceeded) {
      const namespace = topNamespace(path);
      this.exceeded.set(namespace, (this.exceeded.get(namespace) ?? 0) + 1);
    }
    return isExceeded;
  }

  /** Counts refusals anew; who has had one stays listed, as in Java. */
  resetExceeded(): void {
    for (const namespace of this.exceeded.keys()) this.exceeded.set(namespace, 0);
  }

  /** Every path with limits or statistics. Takes time linear in the nodes below `/zookeeper/quota`. */
  *entries(): Generator<QuotaEntry> {
    const start = this.#tree.findPath(quotaRoot);
    const stack = start < 0 ? [] : [start];
    for (let slot = stack.pop(); slot !== undefined; slot = stack.pop()) {
      let limits: QuotaStats | undefined;
      let stats: QuotaStats | undefined;
      for (
        let child = this.#tree.firstChild(slot);
        child >= 0;
        child = this.#tree.nextSibling(child)
      ) {
        const name = this.#tree.nameOf(child);
        if (name === limitsName) limits = parseStats(this.#dataText(child));
        else if (name === statsName) stats = parseStats(this.#dataText(child));
        else stack.push(child);
      }
      if (limits === undefined && stats === undefined) continue;
      yield { path: this.#tree.pathOf(slot).substring(quotaRoot.length), limits, stats };
    }
  }

  /** A node came into being: it may be a quota's own node, and it counts for the quota above it. */
  created(path: string, bytes: number): void {
    if (path.startsWith(quotaRoot)) {
      const cut = path.lastIndexOf('/');
      const of = path.substring(quotaRoot.length, cut);
      const name = path.substring(cut + 1);
      if (name === limitsName) this.#paths.add(of);
      else if (name === statsName) this.#recount(of);
    }
    this.#count(path, bytes, 1);
  }

  removed(path: string, bytes: number): void {
    if (path.startsWith(quotaRoot) && path.endsWith(`/${limitsName}`)) {
      this.#paths.remove(path.substring(quotaRoot.length, path.length - limitsName.length - 1));
    }
    this.#count(path, -bytes, -1);
  }

  changed(path: string, bytesDifference: number): void {
    this.#count(path, bytesDifference, 0);
  }

  /** After a load: finds every quota again and recounts. Iterative: a tree may be deep. */
  rebuild(): void {
    const start = this.#tree.findPath(quotaRoot);
    if (start < 0) return;
    const stack = [start];
    for (let slot = stack.pop(); slot !== undefined; slot = stack.pop()) {
      for (
        let child = this.#tree.firstChild(slot);
        child >= 0;
        child = this.#tree.nextSibling(child)
      ) {
        if (this.#tree.nameOf(child) === limitsName) {
          const path = this.#tree.pathOf(slot);
          if (path.length > quotaRoot.length) this.#recount(path.substring(quotaRoot.length));
          this.#paths.add(path.substring(quotaRoot.length));
        }
        stack.push(child);
      }
    }
  }

  #textOf(path: string): string | undefined {
    const slot = this.#tree.findPath(path);
    return slot < 0 ? undefined : this.#dataText(slot);
  }

  #dataText(slot: number): string {
    const data = this.#tree.dataOf(slot);
    return data === null ? '' : decodeUtf8(data, 0, data.length);
  }

  #count(path: string, bytes: number, count: number): void {
    const prefix = this.prefixOf(path);
    if (prefix === undefined) return;
    const slot = this.#tree.findPath(`${quotaRoot}${prefix}/${statsName}`);
    if (slot < 0) return;
    const stats = parseStats(this.statsText(prefix) ?? '');
    const text = formatStats({ ...stats, count: stats.count + count, bytes: stats.bytes + bytes });
    this.#tree.replaceData(slot, encodeUtf8(text));
  }

  #recount(path: string): void {
    const stats = this.#tree.findPath(`${quotaRoot}${path}/${statsName}`);
    if (stats < 0) return;
    let count = 0;
    let bytes = 0;
    const start = this.#tree.findPath(path);
    const stack = start < 0 ? [] : [start];
    for (let slot = stack.pop(); slot !== undefined; slot = stack.pop()) {
      count++;
      bytes += this.#tree.dataLength(slot);
      for (
        let child = this.#tree.firstChild(slot);
        child >= 0;
        child = this.#tree.nextSibling(child)
      ) {
        stack.push(child);
      }
    }
    this.#tree.replaceData(
      stats,
      encodeUtf8(formatStats({ count, bytes, countHardLimit: -1, byteHardLimit: -1 })),
    );
  }
}

/** The first name of a path: what quota metrics are summed by. */
export function topNamespace(path: string): string {
  const end = path.indexOf('/', 1);
  return end < 0 ? path.substring(1) : path.substring(1, end);
}
