/**
 * The network between the servers is cut in two: the smaller side acknowledges nothing that was
 * written after the cut and hangs up on its clients within (syncLimit + 2) ticks, the larger side goes
 * on, and after healing all servers are one ensemble with the same state. Cuts are silent (bytes
 * vanish, connections seem to live) or refused (connections break); the leader is on the smaller side
 * or on the larger.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '../../src/index.ts';
import { ClosedIn } from './harness/closed-in.ts';
import { skipWithout } from './harness/debian.ts';
import { Ensemble } from './harness/ensemble.ts';
import type { EnsembleMember, MemberPlan } from './harness/ensemble-member.ts';
import { Load } from './harness/load.ts';
import type { CutMode } from './harness/pair-network.ts';
import { assertSameState } from './harness/same-state.ts';
import type { ServerKind } from './harness/server.ts';
import { subject } from './harness/server.ts';

const there = subject();
const skip = skipWithout('libzookeeper-java', 'libslf4j-java');

const tickTime = 300;
const syncLimit = 8;
const LIMIT_MS = (syncLimit + 2) * tickTime;
/** What two cores shared by a dozen processes may add; the limit itself is measured and told. */
const ALLOWANCE_MS = 1500;
const WRITES = 20;

interface Case {
  readonly name: string;
  readonly voters: readonly ServerKind[];
  readonly observers: readonly ServerKind[];
  readonly mode: CutMode;
  readonly leaderIs: 'cut off' | 'with most';
  /** Voters on the smaller side. */
  readonly few: number;
}

const cases: readonly Case[] = [
  {
    name: 'the leader alone, silent',
    voters: [there, there, there],
    observers: [],
    mode: 'silent',
    leaderIs: 'cut off',
    few: 1,
  },
  {
    name: 'the leader alone, refused',
    voters: [there, there, there],
    observers: [],
    mode: 'refused',
    leaderIs: 'cut off',
    few: 1,
  },
  {
    name: 'a follower alone, silent',
    voters: [there, there, there],
    observers: [],
    mode: 'silent',
    leaderIs: 'with most',
    few: 1,
  },
  {
    name: 'two of five with the leader, silent',
    voters: [there, there, there, there, there],
    observers: [],
    mode: 'silent',
    leaderIs: 'cut off',
    few: 2,
  },
  {
    name: 'the leader and the observers, silent',
    voters: [there, there, there],
    observers: [there],
    mode: 'silent',
    leaderIs: 'cut off',
    few: 1,
  },
  {
    name: 'java and the other kind: the leader alone, silent',
    voters: ['java', there, there],
    observers: [],
    mode: 'silent',
    leaderIs: 'cut off',
    few: 1,
  },
  {
    name: 'java and the other kind: a follower alone, refused',
    voters: ['java', 'java', there],
    observers: [there],
    mode: 'refused',
    leaderIs: 'with most',
    few: 1,
  },
];

describe(`partitions of an ensemble of ${there}`, { skip }, () => {
  for (const what of cases) {
    it(what.name, async (t) => {
      const line = await partition(what);
      t.diagnostic(line);
    });
  }
});

async function partition(what: Case): Promise<string> {
  const members: MemberPlan[] = [
    ...what.voters.map((kind) => ({ kind })),
    ...what.observers.map((kind): MemberPlan => ({ kind, role: 'observer' })),
  ];
  const config = { tickTime, syncLimit, initLimit: 20 };
  const ensemble = await Ensemble.start({ name: 'partition', members, proxied: true, config });
  const clients: { close(): Promise<void> }[] = [];
  try {
    const leader = await ensemble.settled();
    const { few, most } = sides(ensemble, leader, what);
    const load = await Load.start({
      connectStrings: [ensemble.connectString(most)],
      writers: 3,
      seed: what.name,
    });
    clients.push(load);
    const closedIn: ClosedIn[] = [];
    for (const member of few) {
      const client = await ClosedIn.start(member.address, `/closed-in-${member.sid}`);
      closedIn.push(client);
      clients.push(client);
    }
    await load.goesOn(WRITES);

    const sidsOf = (side: readonly EnsembleMember[]): number[] => side.map(({ sid }) => sid);
    ensemble.network.cut(sidsOf(few), sidsOf(most), what.mode);
    const hungUp = closedIn.map((client) => client.hungUp(LIMIT_MS + ALLOWANCE_MS));
    const took = (await Promise.all(hungUp)).map(Math.round);
    await ensemble.settled(most);
    await load.goesOn(WRITES);
    for (const member of few) assert.notEqual((await member.status())?.mode, 'leader', member.name);

    for (const client of closedIn) client.stop();
    const attempts = closedIn.reduce((sum, client) => sum + client.attempts, 0);
    // Before the healing: what is acknowledged afterwards is another matter.
    for (const client of closedIn) assert.deepEqual(client.acknowledged, []);
    ensemble.network.heal();
    await ensemble.settled();
    await load.goesOn(WRITES);
    await load.stop();
    const zk = await connect(ensemble.connectString());
    await load.verify(zk);
    await load.verifySessions(zk);
    await zk.close();
    for (const client of closedIn) await client.close();
    await load.close();
    await assertSameState(ensemble);
    return `hung up after ${took} ms of ${LIMIT_MS}, ${attempts} writes tried in vain`;
  } catch (error) {
    throw new Error(`${String(error)}\n${await ensemble.report()}`, { cause: error });
  } finally {
    ensemble.network.heal();
    await ensemble.close();
    await Promise.allSettled(clients.map((client) => client.close()));
  }
}

/** Observers are cut off with the few. */
function sides(
  ensemble: Ensemble,
  leader: EnsembleMember,
  { leaderIs, few: count }: Case,
): { few: EnsembleMember[]; most: EnsembleMember[] } {
  const others = ensemble.voters.filter((voter) => voter !== leader);
  const order = leaderIs === 'cut off' ? [leader, ...others] : [...others, leader];
  const observers = ensemble.members.filter(({ role }) => role === 'observer');
  return { few: [...order.slice(0, count), ...observers], most: order.slice(count) };
}
