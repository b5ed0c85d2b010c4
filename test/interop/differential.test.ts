/**
 * The same long random sequence of operations to Java ZooKeeper 3.8.0 and to this server, step by
 * step: replies, error codes, stats, watch events and their order, ends of connections. What
 * differs must fit exactly one row of src/proto/differences.ts.
 *
 * QUOLL_DIFF_OPS (20,000) is the number of operations, QUOLL_DIFF_SEED another sequence of them.
 * QUOLL_DIFF_PORT is the port of a server to take for Quoll's, already running with the properties
 * below; QUOLL_DIFF_PASS_OVER lets so many mismatches pass and prints them.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { differences } from '../../src/proto/differences.ts';
import { superDigest } from './differential-acls.ts';
import { Run } from './differential-run.ts';
import { skipWithout } from './harness/debian.ts';
import { fourLetterWord } from './harness/four-letter-word.ts';
import { scratchFolder } from './harness/project.ts';
import { startServer } from './harness/server.ts';

const operations = Number(process.env.QUOLL_DIFF_OPS ?? 20_000);
const seed = Number(process.env.QUOLL_DIFF_SEED ?? 2026);
const passOver = Number(process.env.QUOLL_DIFF_PASS_OVER ?? 0);

const properties = {
  'zookeeper.extendedTypesEnabled': 'true',
  'zookeeper.enforceQuota': 'true',
  'zookeeper.DigestAuthenticationProvider.superDigest': superDigest,
  'zookeeper.forceSync': 'no',
  // No sweep falls into the run.
  'znode.container.checkIntervalMs': 86_400_000,
};

it(`answers ${operations} operations as Java does (QUOLL_DIFF_SEED=${seed})`, {
  skip: skipWithout('libzookeeper-java', 'libslf4j-java', 'default-jdk-headless'),
}, async (t) => {
  const folder = scratchFolder('differential');
  const given = process.env.QUOLL_DIFF_PORT;
  const java = await startServer({
    kind: 'java',
    folder: join(folder, 'java'),
    properties: { ...properties, 'file.encoding': 'UTF-8' },
  });
  const quoll =
    given === undefined
      ? await startServer({ kind: 'quoll', folder: join(folder, 'quoll'), properties })
      : undefined;
  const run = new Run({
    ports: { java: java.port, quoll: quoll?.port ?? Number(given) },
    seed,
    operations,
    passOver,
  });
  try {
    await run.go();
    // Java's own count is not 0: it foretells the digest of some of these requests wrongly.
    const metrics = await fourLetterWord(quoll?.port ?? Number(given), 'mntr');
    assert.match(metrics, /^zk_digest_mismatches_count\t0$/m);
  } finally {
    run.close();
    await java.kill();
    await quoll?.stop();
  }
  const { answers, observed } = run.exchange;
  for (const [what, count] of [...answers].sort()) t.diagnostic(`${what}: ${count}`);
  const wanted = differences.filter(({ tested }) => tested === 'beside Java');
  for (const { id } of wanted) t.diagnostic(`difference ${id}: ${observed.get(id) ?? 0}`);
  const unseen = wanted.filter(({ id }) => !observed.has(id)).map(({ id }) => id);
  // A short run cannot meet everything.
  if (operations >= 20_000) assert.deepEqual(unseen, [], 'every row of differences was met');
});
