/**
 * Are the servers of an ensemble in the same state? Every znode with data, all stat fields and ACL
 * list, the tree digest, the global sessions and the ephemerals are read from each server's client
 * port and compared.
 *
 * Left out, because two Java servers differ in them too: the stat of /zookeeper/config and the data of
 * quota statistics. Nobody else may write meanwhile.
 */
import assert from 'node:assert/strict';
import type { Stat, ZooKeeper } from '../../../src/index.ts';
import { connect, KeeperError } from '../../../src/index.ts';
import type { Ensemble } from './ensemble.ts';
import type { EnsembleMember } from './ensemble-member.ts';
import { patiently } from './patience.ts';
import type { ServerKind } from './server.ts';

/** Servers keep the digest of every 128th zxid. */
const DIGEST_INTERVAL = 128;
const DEADLINE_MS = 30_000;

/**
 * Fails with the first differences; gives the number of znodes. All running servers must be in their
 * roles. No Quoll server may have counted a digest mismatch; a Java server counts some after a leader
 * of its own kind was deposed, so of those it is asked only if `javaMismatches` is false.
 */
export async function assertSameState(
  ensemble: Ensemble,
  { javaMismatches = true }: { readonly javaMismatches?: boolean } = {},
): Promise<number> {
  const members = ensemble.running;
  await useUpZxids(ensemble.connectString(members));
  const states: State[] = [];
  for (const member of members) states.push(await stateOf(ensemble, member));
  const [first, ...others] = states;
  assert(first !== undefined, 'no server runs');
  for (const other of others) assertSame(first, other);
  for (const { name, kind, mismatches } of states) {
    if (kind === 'java' && javaMismatches) continue;
    assert.equal(mismatches, '0', `zk_digest_mismatches_count of ${name}`);
  }
  return first.tree.length;
}

interface State {
  readonly kind: ServerKind;
  readonly name: string;
  readonly tree: readonly string[];
  readonly digests: ReadonlyMap<bigint, string>;
  readonly ephemerals: string;
  readonly sessions: string;
  readonly mismatches: string | undefined;
}

function assertSame(left: State, right: State): void {
  const names = `${left.name} and ${right.name}`;
  assertEqualLines(left.tree, right.tree, `trees of ${names}`);
  assert.equal(right.ephemerals, left.ephemerals, `ephemerals of ${names}`);
  assert.equal(right.sessions, left.sessions, `sessions of ${names}`);
  const both = [...left.digests.keys()].filter((zxid) => right.digests.has(zxid));
  assert(both.length > 0, `no digest of the same zxid at ${names}`);
  for (const zxid of both) {
    const digest = `digests of ${names} at 0x${zxid.toString(16)}`;
    assert.equal(right.digests.get(zxid), left.digests.get(zxid), digest);
  }
}

async function stateOf(ensemble: Ensemble, member: EnsembleMember): Promise<State> {
  const zk = await connect(member.address, { connectTimeoutMs: DEADLINE_MS });
  let tree: string[];
  try {
    await patiently(() => zk.sync('/'));
    tree = await readTree(zk);
  } finally {
    await zk.close();
  }
  // A session of this comparison ends on every server at its own time.
  const gone = zk.sessionId;
  const dump = await ensemble.until(`the end of our session on ${member.name}`, async () => {
    const text = await member.server.ask('dump');
    return text.includes(`0x${gone.toString(16)}`) ? undefined : text;
  });
  const hash = await member.server.ask('hash');
  const mntr = await member.server.ask('mntr');
  return {
    name: member.name,
    kind: member.kind,
    tree,
    digests: new Map(
      [...hash.matchAll(/^(?:0x)?([0-9a-f]+):\s*(\S+)$/gm)].map(([, zxid, digest]) => [
        BigInt(`0x${zxid}`),
        digest ?? '',
      ]),
    ),
    ephemerals: ephemeralsIn(dump),
    sessions: sessionsIn(dump),
    mismatches: /^zk_digest_mismatches_count\t(\d+)/m.exec(mntr)?.[1],
  };
}

/** One line a node, sorted by path. */
async function readTree(zk: ZooKeeper): Promise<string[]> {
  const lines: string[] = [];
  let level = ['/'];
  while (level.length > 0) {
    const next: string[] = [];
    await Promise.all(
      level.map(async (path) => {
        const [node, { acl }, children] = await Promise.all([
          patiently(() => zk.getData(path)),
          patiently(() => zk.getACL(path)),
          patiently(() => zk.getChildren(path)),
        ]);
        lines.push(`${path} ${text(path, node)} ${JSON.stringify(acl)}`);
        next.push(...children.map((name) => (path === '/' ? `/${name}` : `${path}/${name}`)));
      }),
    );
    level = next;
  }
  return lines.sort();
}

function text(
  path: string,
  { data, stat }: { readonly data: Uint8Array | null; readonly stat: Stat },
): string {
  if (path === '/zookeeper/config') return '-';
  const isStatistics = path.startsWith('/zookeeper/quota/') && path.endsWith('/zookeeper_stats');
  if (isStatistics) return JSON.stringify({ ...stat, dataLength: 0 }, plain);
  const content = data === null ? 'null' : `'${Buffer.from(data).toString('base64')}'`;
  return `${content} ${JSON.stringify(stat, plain)}`;
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** Failing deletes change nothing and use up zxids until one is a multiple of 128. */
async function useUpZxids(connectString: string): Promise<void> {
  const zk = await connect(connectString, { connectTimeoutMs: DEADLINE_MS });
  const tries = Array.from({ length: DIGEST_INTERVAL }, () =>
    patiently(() => zk.delete('/there-is-no-such-node')).catch((error: unknown) => {
      if (!(error instanceof KeeperError && error.code === 'NoNode')) throw error;
    }),
  );
  await Promise.all(tries);
  await zk.close();
}

/** `session: path path`, sorted. */
function ephemeralsIn(dump: string): string {
  const part = /Sessions with Ephemerals[^\n]*\n([\s\S]*?)(?=Connections dump|$)/.exec(dump)?.[1];
  const sessions = new Map<string, string[]>();
  let session = '';
  for (const line of (part ?? '').split('\n')) {
    if (/^0x[0-9a-f]+:/.test(line)) {
      session = line.trim();
      sessions.set(session, []);
    } else if (line.startsWith('\t')) sessions.get(session)?.push(line.trim());
  }
  return [...sessions]
    .map(([id, paths]) => `${id} ${paths.sort().join(' ')}`)
    .sort()
    .join('\n');
}

/** The ids of the global sessions. A leader groups them by when they expire, a learner lists them. */
function sessionsIn(dump: string): string {
  const [part = ''] = dump.split('ephemeral nodes dump');
  return [...part.matchAll(/0x[0-9a-f]+/g)]
    .map(([id]) => id)
    .sort()
    .join(' ');
}

function assertEqualLines(left: readonly string[], right: readonly string[], what: string): void {
  const rights = new Set(right);
  const lefts = new Set(left);
  const differences = [
    ...left.filter((line) => !rights.has(line)).map((line) => `- ${line}`),
    ...right.filter((line) => !lefts.has(line)).map((line) => `+ ${line}`),
  ].sort((a, b) => (a.substring(2) < b.substring(2) ? -1 : 1));
  assert.equal(
    differences.slice(0, 6).join('\n'),
    '',
    `${what}: ${differences.length} lines differ`,
  );
}
