// One seed of elections on the bus of simulated-ensemble.ts: servers with histories of their own start together, and
// the winner is not behind anybody whose vote it counted; leaders are killed, and no round has two; then chaos, and
// after it one leader, soon. In: the seed. Out: nothing, or an error that names the invariant.

import assert from 'node:assert/strict';
import type { Sid } from '../../../src/proto/sid.ts';
import { ensemble } from './configs.ts';
import { SimulatedEnsemble } from './simulated-ensemble.ts';

export function playElection(seed: number): void {
  playStart(seed);
  playKills(seed);
  playChaos(seed);
}

/** LD5: the winner's epoch, zxid and sid, in this order, are the highest among those it counted. */
function playStart(seed: number): void {
  const bus = new SimulatedEnsemble({
    seed,
    verifier: ensemble(1 + (seed % 7)),
    decidesEarly: seed % 2 === 0,
  });
  for (const server of bus.servers.values()) {
    server.currentEpoch = BigInt(bus.random.below(3));
    // Who joined an epoch without a transaction of its own is behind others by zxid, and wins.
    server.zxid = BigInt(bus.random.below(6));
  }
  const began = new Map(
    [...bus.servers].map(([sid, { currentEpoch, zxid }]) => [sid, [currentEpoch, zxid, sid]]),
  );
  for (const sid of bus.servers.keys()) bus.boot(sid);
  converge(bus);
  for (const { decision } of bus.decisions) {
    const winner = began.get(decision.leader);
    for (const sid of decision.voteSet.acks()) {
      const isBehind = winner === undefined || isLess(winner, began.get(sid) ?? []);
      assert.ok(
        !isBehind,
        `LD5: ${decision.leader} wins, and ${sid}, who was counted, is ahead of it`,
      );
    }
  }
}

/** LD1 */
function playKills(seed: number): void {
  const bus = new SimulatedEnsemble({ seed, verifier: ensemble(3 + 2 * (seed % 3)) });
  for (const sid of bus.random.shuffle([...bus.servers.keys()])) bus.boot(sid);
  converge(bus);
  for (let round = 0; round < 3; round++) {
    const leader = bus.up().find(({ decision }) => decision?.state === 'LEADING');
    assert.ok(leader !== undefined, 'LV1: somebody leads');
    bus.crash(leader.sid);
    bus.run(2_000);
    bus.boot(leader.sid);
    converge(bus);
  }
  const leaders = new Map<bigint, Sid>();
  for (const { decision } of bus.decisions) {
    const { electionEpoch } = decision.vote;
    const known = leaders.get(electionEpoch) ?? decision.leader;
    assert.equal(decision.leader, known, `LD1: round ${electionEpoch} has one leader`);
    leaders.set(electionEpoch, known);
  }
}

/** LV1 */
function playChaos(seed: number): void {
  const bus = new SimulatedEnsemble({
    seed,
    verifier: ensemble(1 + (seed % 7), seed % 2),
    decidesEarly: seed % 5 !== 0,
    delayMsMax: seed % 3 === 0 ? 400 : 20,
    loss: 0.1,
    duplication: 0.1,
  });
  const sids = [...bus.servers.keys()];
  for (const sid of sids) {
    bus.boot(sid);
    bus.run(bus.random.below(500));
  }
  for (let fault = 0; fault < 12; fault++) {
    const [a, b] = [bus.random.pick(sids), bus.random.pick(sids)];
    if (bus.random.chance(0.4)) bus.crash(a);
    else if (bus.random.chance(0.5)) bus.boot(a);
    else if (a !== b) bus.cut(a, b, bus.random.chance(0.5));
    bus.run(bus.random.below(2_000));
  }
  bus.heal();
  for (const sid of sids) bus.boot(sid);
  converge(bus, seed % 2);
}

/** And LD4: whoever decided had heard of more than half. */
function converge(bus: SimulatedEnsemble, observers = 0): void {
  try {
    bus.converge(30_000);
  } catch (error) {
    throw new Error(`LV1: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  const voters = bus.servers.size - observers;
  for (const { decision } of bus.decisions) {
    const { length } = decision.voteSet.acks();
    assert.ok(2 * length > voters, `LD4: ${decision.leader} is elected by ${length} of ${voters}`);
  }
}

function isLess(a: readonly bigint[], b: readonly bigint[]): boolean {
  for (const [i, one] of a.entries()) {
    const other = b[i] ?? one;
    if (one !== other) return one < other;
  }
  return false;
}
