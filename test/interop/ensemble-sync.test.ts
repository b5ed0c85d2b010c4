/**
 * A Java leader brings a Quoll learner up to date, and a Quoll leader a Java one, in every way there is: DIFF from
 * memory, DIFF from the log files, SNAP to an empty disk, TRUNC of what an old leader logged alone, and
 * what becomes of such a tail when the new epoch has writes of its own. Each is forced, and both ends must
 * say in their logs that it happened. In the end all servers have the same state.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect } from '../../src/index.ts';
import { skipWithout } from './harness/debian.ts';
import type { EnsemblePlan } from './harness/ensemble.ts';
import { Ensemble } from './harness/ensemble.ts';
import type { EnsembleMember } from './harness/ensemble-member.ts';
import type { SyncMode } from './harness/roles.ts';
import { lead, synchronized } from './harness/roles.ts';
import { assertSameState } from './harness/same-state.ts';
import type { ServerKind } from './harness/server.ts';
import { subject } from './harness/server.ts';

const there = subject();
const skip = skipWithout('libzookeeper-java', 'libslf4j-java');
const LEARNER = 1;
const DEADLINE_MS = 60_000;
/** More than the 500 transactions that Java keeps in memory. */
const MANY = 1200;

const directions: readonly (readonly [leader: ServerKind, learner: ServerKind])[] = [
  ['java', there],
  [there, 'java'],
  [there, there],
];

describe('synchronization', { skip }, () => {
  for (const [leader, learner] of directions) {
    describe(`of a ${learner} learner by a ${leader} leader`, () => {
      const kinds = { leader, learner };

      it('DIFF from memory', async () => {
        await run(kinds, {}, async (ensemble) => {
          await comesBack(ensemble, 'DIFF', () => write(ensemble, 40));
        });
      });

      it('DIFF from the log files', async () => {
        // Java counts what it has allocated as the size of a log: 0 lifts its limit.
        const properties = { java: { 'zookeeper.snapshotSizeFactor': 0 } };
        await run(kinds, { properties }, async (ensemble) => {
          const back = await comesBack(ensemble, 'DIFF', () => write(ensemble, MANY));
          if (leader === 'java') await back.leader.said(/Use txnlog and committedLog/, back.mark);
        });
      });

      it('SNAP to an empty disk', async () => {
        await run(kinds, {}, async (ensemble) => {
          await comesBack(ensemble, 'SNAP', async () => {
            await write(ensemble, MANY);
            ensemble.member(LEARNER).wipe();
          });
        });
      });

      it('TRUNC of what it logged alone', async () => {
        await run(kinds, {}, async (ensemble) => {
          await proposesAlone(ensemble);
          const back = await comesBack(ensemble, 'TRUNC', async () => {});
          await assertForgotten(back.learner);
        });
      });

      it('what it logged alone is gone, too, when a new epoch has begun', async () => {
        await run(kinds, {}, async (ensemble) => {
          await proposesAlone(ensemble);
          // Not TRUNC: the cut would cross an epoch, which Java never asks for.
          const back = await comesBack(ensemble, 'SNAP', () => write(ensemble, 40));
          await assertForgotten(back.learner);
        });
      });

      it('a learner whose disk came from the other kind', async () => {
        await run(kinds, {}, async (ensemble) => {
          const other: ServerKind = learner === 'java' ? there : 'java';
          await ensemble.member(LEARNER).stop();
          await ensemble.member(LEARNER).start(other);
          await ensemble.settled();
          await write(ensemble, 40);
          await comesBack(ensemble, 'DIFF', () => write(ensemble, 40), learner);
        });
      });
    });
  }
});

/** Three servers, the learner with the lowest sid, two of the leader's kind; with something in the tree. */
async function run(
  kinds: { readonly leader: ServerKind; readonly learner: ServerKind },
  plan: Partial<EnsemblePlan>,
  body: (ensemble: Ensemble) => Promise<void>,
): Promise<void> {
  const members = [{ kind: kinds.learner }, { kind: kinds.leader }, { kind: kinds.leader }];
  const ensemble = await Ensemble.start({ name: 'sync', ...plan, members });
  try {
    const zk = await connect(ensemble.connectString(), { connectTimeoutMs: DEADLINE_MS });
    await zk.create('/tree', 'root');
    await zk.close();
    await body(ensemble);
    await write(ensemble, 5);
    await assertSameState(ensemble, { javaMismatches: false });
  } catch (error) {
    throw new Error(`${String(error)}\n${await ensemble.report()}`, { cause: error });
  } finally {
    await ensemble.close();
  }
}

/** The learner is away while something happens, and is brought up to date in this way. */
async function comesBack(
  ensemble: Ensemble,
  mode: SyncMode,
  meanwhile: () => Promise<void>,
  kind?: ServerKind,
): Promise<{ leader: EnsembleMember; learner: EnsembleMember; mark: number }> {
  const learner = ensemble.member(LEARNER);
  await learner.stop();
  const leader = await ensemble.settled();
  await meanwhile();
  const mark = leader.mark();
  await learner.start(kind);
  assert.equal(await ensemble.settled(), leader);
  await synchronized(learner, leader, mode, mark);
  return { leader, learner, mark };
}

/** Writes of most kinds, as many as are asked for. */
async function write(ensemble: Ensemble, count: number): Promise<void> {
  const zk = await connect(ensemble.connectString(ensemble.running), {
    connectTimeoutMs: DEADLINE_MS,
  });
  const base = await zk.create('/tree/w', '', { mode: 'PERSISTENT_SEQUENTIAL' });
  const writes: Promise<unknown>[] = [];
  for (let i = 0; i < count; i++) {
    if (i % 4 === 0) writes.push(zk.create(`${base}/n${i}`, `${i}`));
    else if (i % 4 === 1) writes.push(zk.setData(base, `${i}`));
    else if (i % 4 === 2) {
      writes.push(zk.transaction().create(`${base}/m${i}`, '').setData(base, `${i}`).commit());
    } else writes.push(zk.delete(`${base}/m${i - 1}`));
  }
  await Promise.all(writes);
  await zk.close();
}

const lonely = 'written by a leader that nobody follows any more';

/**
 * The learner leads, the others freeze, it logs writes that nobody acknowledges, all of them die, and the
 * others come back without it.
 */
async function proposesAlone(ensemble: Ensemble): Promise<void> {
  const leader = ensemble.member(LEARNER);
  await lead(ensemble, leader);
  const others = ensemble.members.filter((member) => member !== leader);
  const zk = await connect(leader.address, { connectTimeoutMs: DEADLINE_MS });
  await zk.create('/fence');
  for (const other of others) other.server.child.signal('SIGSTOP');
  const writes = Promise.allSettled([
    zk.create('/lonely', lonely),
    zk.setData('/tree', lonely),
    zk.create('/lonely/child', lonely),
  ]);
  await ensemble.until('the writes in its log', async () => {
    const folder = join(leader.folder, 'data', 'version-2');
    const logs = readdirSync(folder).filter((name) => name.startsWith('log.'));
    const occurrences = logs
      .map((name) => readFileSync(join(folder, name), 'latin1').split(lonely).length - 1)
      .reduce((sum, count) => sum + count, 0);
    return occurrences >= 3 ? true : undefined;
  });
  await Promise.all(ensemble.members.map((member) => member.kill()));
  for (const result of await writes) assert.equal(result.status, 'rejected');
  await zk.close();
  for (const other of others) await other.start();
  await ensemble.settled();
}

async function assertForgotten(learner: EnsembleMember): Promise<void> {
  const zk = await connect(learner.address, { connectTimeoutMs: DEADLINE_MS });
  await zk.sync('/');
  assert.equal(await zk.exists('/lonely'), null);
  assert.equal((await zk.getData('/tree')).text, 'root');
  await zk.close();
}
