/**
 * The differential test beside an ensemble: the same random operations to a client port of three
 * Java servers and of three of ours, a follower's and then the leader's. What a lone server may
 * differ in, an ensemble's may too; nothing else.
 *
 * QUOLL_DIFF_OPS is the number of operations at each port, QUOLL_DIFF_SEED another sequence.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { superDigest } from './differential-acls.ts';
import { Run } from './differential-run.ts';
import { skipWithout } from './harness/debian.ts';
import { Ensemble } from './harness/ensemble.ts';
import type { EnsembleMember } from './harness/ensemble-member.ts';
import { fourLetterWord } from './harness/four-letter-word.ts';
import type { ServerKind } from './harness/server.ts';

const operations = Number(process.env.QUOLL_DIFF_OPS ?? 4_000);
const seed = Number(process.env.QUOLL_DIFF_SEED ?? 2027);

const properties = {
  'zookeeper.extendedTypesEnabled': 'true',
  'zookeeper.enforceQuota': 'true',
  'zookeeper.DigestAuthenticationProvider.superDigest': superDigest,
  'zookeeper.forceSync': 'no',
  'znode.container.checkIntervalMs': 86_400_000,
};

function start(kind: ServerKind): Promise<Ensemble> {
  return Ensemble.start({
    name: `differential-${kind}`,
    members: [{ kind }, { kind }, { kind }],
    config: { tickTime: 2000 },
    properties: { java: { ...properties, 'file.encoding': 'UTF-8' }, quoll: properties },
  });
}

async function seat(ensemble: Ensemble, mode: 'leader' | 'follower'): Promise<EnsembleMember> {
  const leader = await ensemble.settled();
  if (mode === 'leader') return leader;
  const [follower] = ensemble.members.filter((member) => member !== leader);
  assert.ok(follower !== undefined);
  return follower;
}

for (const mode of ['follower', 'leader'] as const) {
  it(`a ${mode} answers ${operations} operations as Java's does (QUOLL_DIFF_SEED=${seed})`, {
    skip: skipWithout('libzookeeper-java', 'libslf4j-java', 'default-jdk-headless'),
  }, async () => {
    const java = await start('java');
    try {
      const quoll = await start('quoll');
      try {
        const [theirs, ours] = await Promise.all([seat(java, mode), seat(quoll, mode)]);
        const ports = { java: theirs.server.port, quoll: ours.server.port };
        const run = new Run({
          ports,
          seed,
          operations,
          setAclAlone: true,
          passOver: Number(process.env.QUOLL_DIFF_PASS_OVER ?? 0),
        });
        try {
          await run.go();
        } finally {
          run.close();
        }
        for (const member of quoll.members) {
          const metrics = await fourLetterWord(member.server.port, 'mntr');
          assert.match(metrics, /^zk_digest_mismatches_count\t0$/m);
        }
      } finally {
        await quoll.close();
      }
    } finally {
      await java.close();
    }
  });
}
