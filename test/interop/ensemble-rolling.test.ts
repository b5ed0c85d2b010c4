/**
 * A running ensemble moves from Java to Quoll and back, one server at a time on the directory it
 * has, under load: nothing that was acknowledged is lost, no client loses its session, ephemerals
 * stay, and every server ends with the same state. On the way to Quoll servers are stopped, on the
 * way back they are killed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '../../src/index.ts';
import { skipWithout } from './harness/debian.ts';
import { Ensemble } from './harness/ensemble.ts';
import type { EnsembleMember } from './harness/ensemble-member.ts';
import { Load } from './harness/load.ts';
import { assertSameState } from './harness/same-state.ts';
import type { ServerKind } from './harness/server.ts';
import { subject } from './harness/server.ts';

const there = subject();
const skip = skipWithout('libzookeeper-java', 'libslf4j-java');
const WRITES_BETWEEN = 20;

describe(`a rolling replacement: java -> ${there} -> java`, { skip }, () => {
  it('three voters and an observer, under load', async () => {
    const ensemble = await Ensemble.start({
      name: 'rolling',
      members: [
        { kind: 'java' },
        { kind: 'java' },
        { kind: 'java' },
        { kind: 'java', role: 'observer' },
      ],
      // Snapshots and rolled logs of both kinds are among what is handed over.
      config: { snapCount: 400 },
    });
    const everybody = ensemble.connectString();
    const load = await Load.start({ connectStrings: [everybody], writers: 4, seed: 'rolling' });
    // A client that only holds on to what it has.
    const quiet = await connect(everybody, { sessionTimeoutMs: 30_000 });
    try {
      await quiet.create('/quiet', 'still here', { mode: 'EPHEMERAL' });
      const { sessionId } = quiet;
      await load.goesOn(WRITES_BETWEEN);
      await replaceAll(ensemble, load, there, 'stop');
      await verify(ensemble, load);
      load.resume();
      await replaceAll(ensemble, load, 'java', 'kill');
      await verify(ensemble, load);
      assert.equal((await quiet.exists('/quiet'))?.ephemeralOwner, sessionId);
      console.log(`${load.acknowledgedTotal} acknowledged, ${load.inDoubtTotal} in doubt`);
    } catch (error) {
      throw new Error(`${String(error)}\n${await ensemble.report()}`, { cause: error });
    } finally {
      const clients = [load.close(), quiet.close().catch(() => {})];
      await ensemble.close();
      await Promise.all(clients);
    }
  });
});

/** The leader last, as an operator would; every change is waited for. */
async function replaceAll(
  ensemble: Ensemble,
  load: Load,
  kind: ServerKind,
  end: 'stop' | 'kill',
): Promise<void> {
  const replaced = new Set<EnsembleMember>();
  while (replaced.size < ensemble.members.length) {
    const leader = await ensemble.settled();
    const left = ensemble.members.filter((member) => !replaced.has(member));
    const next = left.find((member) => member !== leader) ?? leader;
    await next[end]();
    await load.goesOn(WRITES_BETWEEN);
    await next.start(kind);
    await ensemble.settled();
    await load.goesOn(WRITES_BETWEEN);
    replaced.add(next);
  }
}

async function verify(ensemble: Ensemble, load: Load): Promise<void> {
  await load.stop();
  const zk = await connect(ensemble.connectString());
  await load.verify(zk);
  await load.verifySessions(zk);
  await zk.close();
  await assertSameState(ensemble);
}
