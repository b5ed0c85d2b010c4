// Quota limits and statistics as the text their znodes hold (StatsTrack.java), the prefixes that
// have a quota (PathTrie.java), and whether a change would pass a limit
// (ZooKeeperServer.checkQuota). In and out: strings and numbers; the nodes themselves are
// quota-book's business.
//
// Differs from Java on purpose: a malformed text reads as "nothing set" where Java throws while it
// applies a transaction; a component of blanks is a component like any other, where Java's trie
// leaves it out and so counts for another path. Numbers above 2^53 are kept roughly and written as
// the largest long; they only serve as limits nobody reaches.

export const quotaRoot = '/zookeeper/quota';
/** The node under `/zookeeper/quota<path>` that holds the limits. */
export const limitsName = 'zookeeper_limits';
/** The node beside it that holds what is used. */
export const statsName = 'zookeeper_stats';

/** Limits or use; −1 is "not set". */
export interface QuotaStats {
  readonly count: number;
  readonly bytes: number;
  readonly countHardLimit: number;
  readonly byteHardLimit: number;
  /** Keys of other programs, kept when the text is written again. */
  readonly others?: ReadonlyMap<string, number>;
}

const nothing: QuotaStats = { count: -1, bytes: -1, countHardLimit: -1, byteHardLimit: -1 };

/** The form without hard limits and other keys, which statistics nearly always have. */
const plain = /^count=(-?[0-9]{1,15}),bytes=(-?[0-9]{1,15})$/;

/**
 * Reads `key=number` pairs between runs of ',' and ';'. Of more than one '=' in a pair only the first value counts,
 * so the stray '=' that `formatStats` writes for old parsers is harmless. An empty value, a missing key: −1.
 */
export function parseStats(text: string): QuotaStats {
  const short = plain.exec(text);
  if (short !== null) return { ...nothing, count: Number(short[1]), bytes: Number(short[2]) };
  const values = parsePairs(text);
  if (values === undefined) return nothing;
  const take = (key: string): number => {
    const value = values.get(key) ?? -1;
    values.delete(key);
    return value;
  };
  const stats = {
    count: take('count'),
    bytes: take('bytes'),
    countHardLimit: take('countHardLimit'),
    byteHardLimit: take('byteHardLimit'),
  };
  return values.size === 0 ? stats : { ...stats, others: values };
}

/** Whether Java could read it; what `parseStats` takes for "nothing set" may be merely wrong. */
export function isStatsText(text: string): boolean {
  return parsePairs(text) !== undefined;
}

function parsePairs(text: string): Map<string, number> | undefined {
  const values = new Map<string, number>();
  if (text === '') return values;
  const pairs = text.split(/[,;]+/);
  while (pairs.at(-1) === '') pairs.pop();
  for (const pair of pairs) {
    const [key = '', value] = withoutEmptyEnd(pair.split('='));
    const number = value === undefined ? undefined : parseLong(value);
    if (number === undefined) return undefined;
    values.set(key, number);
  }
  return values;
}

/** Java's Long.parseLong; '' is −1. */
function parseLong(text: string): number | undefined {
  if (text === '') return -1;
  if (!/^[+-]?[0-9]{1,40}$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.substring(1) : text);
  return BigInt.asIntN(64, value) === value ? Number(value) : undefined;
}

/** Never a number that Long.parseLong would refuse. */
function longText(value: number): string {
  if (Number.isSafeInteger(value)) return `${value}`;
  return value > 0 ? '9223372036854775807' : '-9223372036854775808';
}

/** Java's split drops empty parts at the end. */
function withoutEmptyEnd(parts: string[]): string[] {
  while (parts.length > 0 && parts.at(-1) === '') parts.pop();
  return parts;
}

/**
 * `count=4,bytes=5`, and with other keys set `count=4,bytes=5=;byteHardLimit=10;countHardLimit=10`: the '=' makes
 * parsers of 3.4 overlook the rest. Keys are sorted.
 */
export function formatStats(stats: QuotaStats): string {
  const head = `count=${longText(stats.count)},bytes=${longText(stats.bytes)}`;
  const rest = new Map(stats.others ?? []);
  if (stats.byteHardLimit !== -1) rest.set('byteHardLimit', stats.byteHardLimit);
  if (stats.countHardLimit !== -1) rest.set('countHardLimit', stats.countHardLimit);
  if (rest.size === 0) return head;
  const keys = [...rest.keys()].sort();
  return `${head}=${keys.map((key) => `;${key}=${longText(rest.get(key) ?? -1)}`).join('')}`;
}

/** What a change adds; negative where it frees. */
export interface QuotaDifference {
  readonly count: number;
  readonly bytes: number;
}

export interface QuotaExcess {
  readonly kind: 'count' | 'bytes';
  /** A hard limit refuses the change (when quotas are enforced), a soft one is only logged. */
  readonly hard: boolean;
  /** What there would be, and what there may be. */
  readonly used: number;
  readonly limit: number;
}

/**
 * The limits a change would pass: count first, nothing after a hard one. Where a hard limit is set the soft one does
 * not count; a change of zero is never checked, even above the limit.
 */
export function exceeds(
  limits: QuotaStats,
  stats: QuotaStats,
  difference: QuotaDifference,
): QuotaExcess[] {
  const found: QuotaExcess[] = [];
  const check = (kind: QuotaExcess['kind'], added: number, soft: number, hardLimit: number) => {
    const hard = hardLimit > -1;
    const limit = hard ? hardLimit : soft;
    const used = stats[kind] + added;
    if (added === 0 || limit <= -1 || used <= limit) return false;
    found.push({ kind, hard, used, limit });
    return hard;
  };
  if (!check('count', difference.count, limits.count, limits.countHardLimit)) {
    check('bytes', difference.bytes, limits.bytes, limits.byteHardLimit);
  }
  return found;
}

interface TrieNode {
  readonly children: Map<string, TrieNode>;
  readonly parent: TrieNode | undefined;
  readonly name: string;
  isMarked: boolean;
}

/** The paths that have a quota, and the longest of them that leads to a path. Paths begin with '/'. */
export class PathTrie {
  readonly #root = trieNode(undefined, '');
  #size = 0;

  /** How many paths are in it. */
  get size(): number {
    return this.#size;
  }

  /** The root ('/' or '') takes part in no quota and is not kept. */
  add(path: string): void {
    let node = this.#root;
    for (const name of components(path)) {
      let child = node.children.get(name);
      if (child === undefined) {
        child = trieNode(node, name);
        node.children.set(name, child);
      }
      node = child;
    }
    if (node === this.#root || node.isMarked) return;
    node.isMarked = true;
    this.#size++;
  }

  remove(path: string): void {
    let node: TrieNode | undefined = this.#root;
    for (const name of components(path)) node = node?.children.get(name);
    if (node === undefined || !node.isMarked) return;
    node.isMarked = false;
    this.#size--;
    for (let at = node; at.parent !== undefined; at = at.parent) {
      if (at.isMarked || at.children.size > 0) return;
      at.parent.children.delete(at.name);
    }
  }

  /** The longest path in the trie that is `path` or above it; undefined: none. */
  longestPrefix(path: string): string | undefined {
    let node = this.#root;
    let found = -1;
    for (let start = 1; start <= path.length; ) {
      const cut = path.indexOf('/', start);
      const end = cut < 0 ? path.length : cut;
      const child = node.children.get(path.substring(start, end));
      if (child === undefined) break;
      node = child;
      if (node.isMarked) found = end;
      start = end + 1;
    }
    return found < 0 ? undefined : path.substring(0, found);
  }
}

function trieNode(parent: TrieNode | undefined, name: string): TrieNode {
  return { children: new Map(), parent, name, isMarked: false };
}

function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
