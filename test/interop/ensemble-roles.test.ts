/**
 * One ensemble of Java and of Quoll servers: two and one, one and two, with observers of either kind. Under load
 * every voter leads once and follows the others; nothing that was acknowledged is lost, sessions and their
 * ephemerals stay through all of it, and in the end every server has the same state.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '../../src/index.ts';
import { skipWithout } from './harness/debian.ts';
import { Ensemble } from './harness/ensemble.ts';
import type { MemberPlan } from './harness/ensemble-member.ts';
import { Load } from './harness/load.ts';
import { lead } from './harness/roles.ts';
import { assertSameState } from './harness/same-state.ts';
import { subject } from './harness/server.ts';

const there = subject();
const skip = skipWithout('libzookeeper-java', 'libslf4j-java');
const WRITERS = 4;

interface Mix {
  readonly name: string;
  readonly members: readonly MemberPlan[];
}

const mixes: readonly Mix[] = [
  {
    name: `2 java, 1 ${there}`,
    members: [{ kind: 'java' }, { kind: there }, { kind: 'java' }],
  },
  {
    name: `1 java, 2 ${there}`,
    members: [{ kind: there }, { kind: 'java' }, { kind: there }],
  },
  {
    name: `2 java, 1 ${there}, observers of both kinds`,
    members: [
      { kind: 'java' },
      { kind: 'java' },
      { kind: there },
      { kind: there, role: 'observer' },
      { kind: 'java', role: 'observer' },
    ],
  },
  {
    name: `1 java, 2 ${there}, observers of both kinds`,
    members: [
      { kind: there },
      { kind: there },
      { kind: 'java' },
      { kind: 'java', role: 'observer' },
      { kind: there, role: 'observer' },
    ],
  },
];

describe(`java and ${there} in one ensemble`, { skip }, () => {
  for (const { name, members } of mixes) {
    it(`${name}: each of them leads`, async () => {
      await everybodyLeads(members);
    });
  }
});

async function everybodyLeads(members: readonly MemberPlan[]): Promise<void> {
  const ensemble = await Ensemble.start({ name: 'roles', members });
  let load: Load | undefined;
  try {
    // One writer for each server first, so that every server forwards or proposes something.
    load = await Load.start({
      connectStrings: ensemble.members.map((member) => member.address),
      writers: ensemble.members.length,
      seed: 'each server',
      root: '/each',
    });
    await load.goesOn(20);
    await load.stop();
    await verified(ensemble, load);
    await load.close();

    load = await Load.start({
      connectStrings: [ensemble.connectString()],
      writers: WRITERS,
      seed: 'roles',
    });
    for (const voter of ensemble.voters) {
      await load.stop();
      await lead(ensemble, voter);
      load.resume();
      await load.goesOn(20);
      assert.equal(await ensemble.settled(), voter);
    }
    await load.stop();
    await verified(ensemble, load);
    const ephemerals = load.writers.map((writer) => writer.ephemeral);
    await load.close();
    await assertSameState(ensemble, { javaMismatches: false });
    const zk = await connect(ensemble.connectString());
    for (const path of ephemerals) assert.equal(await zk.exists(path), null, path);
    await zk.close();
  } catch (error) {
    throw new Error(`${String(error)}\n${await ensemble.report()}`, { cause: error });
  } finally {
    const clients = load?.close();
    await ensemble.close();
    await clients;
  }
}

async function verified(ensemble: Ensemble, load: Load): Promise<void> {
  const zk = await connect(ensemble.connectString());
  await load.verify(zk);
  await load.verifySessions(zk);
  await zk.close();
  const nodes = await assertSameState(ensemble, { javaMismatches: false });
  assert(nodes > 20, `only ${nodes} znodes`);
}
