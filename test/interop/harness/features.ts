/**
 * The table of clients and features: which features there are, which client has which, and how
 * the result of a run becomes the table of docs/INTEROP.md.
 *
 * Invariant: a cell is either proved by a script or named here as something the client lacks; a
 * script that stops printing a feature fails as loudly as one that prints FAIL.
 */

/** Feature name, as scripts print it, and what it means. The order is that of the table. */
export const features = {
  session: 'session id, password, timeout between the limits',
  'read-write': 'create, get, set, delete, exists, children; versions; errors',
  'node-kinds': 'persistent, ephemeral, container, TTL (those the client knows)',
  sequences: 'sequential names',
  pipelining: 'many requests in flight, answered in order',
  watches: 'data, exist and child watches',
  'persistent-watches': 'addWatch, persistent and recursive',
  'remove-watches': 'checkWatches and removeWatches',
  'watches-over-reconnect': 'set again after a reconnect, missed changes delivered',
  ephemerals: 'gone with their session',
  'ephemerals-over-reconnect': 'kept over a cut connection',
  'session-reopened': 'taken over by id and password; wrong password refused',
  'session-expiry': 'expired after silence, ephemerals gone, client told',
  transactions: 'multi: results, rollback, sequences inside',
  'multi-read': 'getData and getChildren in one request',
  acls: 'digest, ip, auth; permissions; aversion',
  'acl-masking': 'digests hidden without ADMIN',
  'auth-failure': 'unknown scheme refused',
  'super-user': 'passes every ACL',
  quotas: 'soft and hard limits, counted',
  containers: 'swept when emptied',
  ttl: 'swept when their time has passed',
  sync: 'sync',
  'get-ephemerals': "the session's ephemerals, by prefix",
  'all-children-number': 'count of all nodes below one',
  'who-am-i': "the connection's identities",
  chroot: 'chroot or namespace',
  'large-packets': 'up to jute.maxbuffer and not beyond',
  'read-only-flag': 'a read-only client on a server that writes',
  'config-node': '/zookeeper/config',
  'four-letter-words': 'as the client sends them',
  'recipe-lock': 'mutex, read-write lock, semaphore',
  'recipe-election': 'leader election',
  'recipe-queue': 'queues',
  'recipe-counter': 'counters, compare and set',
  'recipe-barrier': 'barrier, double barrier',
  'recipe-group': 'party, group member, partitioner',
  'recipe-cache': 'caches of a tree',
  'recipe-lease': 'leases',
  'recipe-persistent-node': 'a node kept alive',
  load: 'load_gen: four cycles of some thousand asynchronous requests',
} as const;

export type Feature = keyof typeof features;

export const clients = ['kazoo', 'Java', 'Curator', 'C', 'zkCli.sh'] as const;
export type Client = (typeof clients)[number];

/** What each client's script must prove. */
export const expected: Readonly<Record<Client, readonly Feature[]>> = {
  kazoo: without(
    // Not in kazoo 2.8: it can neither ask for these nor name them.
    'persistent-watches',
    'remove-watches',
    'multi-read',
    'containers',
    'ttl',
    'get-ephemerals',
    'all-children-number',
    'who-am-i',
    'config-node',
    'recipe-persistent-node',
    'load',
  ),
  Java: without(
    'four-letter-words',
    'recipe-lock',
    'recipe-election',
    'recipe-queue',
    'recipe-counter',
    'recipe-barrier',
    'recipe-group',
    'recipe-cache',
    'recipe-lease',
    'recipe-persistent-node',
    'load',
  ),
  // Curator stands on the Java client; its row is the recipes and what it wraps in its own way.
  Curator: [
    'read-write',
    'node-kinds',
    'sequences',
    'watches',
    'persistent-watches',
    'remove-watches',
    'watches-over-reconnect',
    'ephemerals-over-reconnect',
    'session-expiry',
    'transactions',
    'acls',
    'containers',
    'ttl',
    'sync',
    'chroot',
    'recipe-lock',
    'recipe-election',
    'recipe-queue',
    'recipe-counter',
    'recipe-barrier',
    'recipe-group',
    'recipe-cache',
    'recipe-persistent-node',
  ],
  // What cli_mt and load_gen have commands for.
  C: [
    'session',
    'read-write',
    'node-kinds',
    'sequences',
    'pipelining',
    'watches',
    'watches-over-reconnect',
    'ephemerals',
    'ephemerals-over-reconnect',
    'session-expiry',
    'acls',
    'auth-failure',
    'super-user',
    'containers',
    'ttl',
    'sync',
    'chroot',
    'read-only-flag',
    'config-node',
    'load',
  ],
  'zkCli.sh': [
    'read-write',
    'node-kinds',
    'sequences',
    'watches',
    'persistent-watches',
    'remove-watches',
    'ephemerals',
    'acls',
    'super-user',
    'quotas',
    'sync',
    'get-ephemerals',
    'all-children-number',
    'who-am-i',
    'chroot',
    'read-only-flag',
    'config-node',
  ],
};

function without(...lacking: readonly Feature[]): readonly Feature[] {
  return (Object.keys(features) as Feature[]).filter((name) => !lacking.includes(name));
}

/** Feature to `undefined` (passed) or the reason of its failure. */
export type Results = ReadonlyMap<string, string | undefined>;

/** Reads the PASS and FAIL lines of a script. */
export function parseResults(lines: readonly string[]): Results {
  const results = new Map<string, string | undefined>();
  for (const line of lines) {
    const match = /^(PASS|FAIL) (\S+) ?(.*)$/.exec(line);
    if (match === null) continue;
    const [, verdict, feature = '', why = ''] = match;
    results.set(feature, verdict === 'PASS' ? undefined : why || 'no reason given');
  }
  return results;
}

export type Cell = 'passed' | 'failed' | 'not run';

/** The table in markdown; a dash where the client has no such feature. */
export function table(cell: (client: Client, feature: Feature) => Cell): string {
  const marks: Record<Cell, string> = { passed: '✓', failed: '✗', 'not run': '?' };
  const head = `| feature | ${clients.join(' | ')} |`;
  const rule = `|---|${clients.map(() => ':-:').join('|')}|`;
  const rows = (Object.keys(features) as Feature[]).map((feature) => {
    const cells = clients.map((client) =>
      expected[client].includes(feature) ? marks[cell(client, feature)] : '–',
    );
    return `| **${feature}**: ${features[feature]} | ${cells.join(' | ')} |`;
  });
  return [head, rule, ...rows].join('\n');
}
