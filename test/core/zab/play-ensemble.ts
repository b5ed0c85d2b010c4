// One seed of an ensemble on the bus of simulated-ensemble.ts: its size, its faults and their moments are drawn from
// the seed; then the faults end, and everybody must serve the same history and commit a new write. In: the seed. Out:
// the world as it was left, or an error that names the seed, the invariant and the last that was said.

import assert from 'node:assert/strict';
import { Leader } from '../../../src/core/zab/leader.ts';
import { Prng } from '../../../src/util/prng.ts';
import { ensemble } from '../election/configs.ts';
import type { Faults } from './simulated-ensemble.ts';
import { SimulatedEnsemble } from './simulated-ensemble.ts';

const noFaults: Faults = { stall: 0, crash: 0, wildElection: 0 };

export function playEnsemble(seed: number): SimulatedEnsemble {
  const chance = new Prng(seed * 7919);
  const voters = chance.pick([1, 2, 3, 3, 3, 5]);
  const observers = chance.pick([0, 0, 1, 2]);
  const weighted = voters === 5 && chance.chance(0.3);
  const groups = weighted ? ['group.1=1:2:3', 'group.2=4:5', 'weight.1=2', 'weight.3=0'] : [];
  const world = new SimulatedEnsemble({
    verifier: ensemble(voters, observers, groups),
    seed,
    // In some worlds epochs are short.
    counterMax: seed % 5 === 0 ? 20 : undefined,
    faults: {
      stall: chance.pick([0, 0.002, 0.01]),
      crash: chance.pick([0, 0.5, 0.9]),
      wildElection: chance.pick([0, 0.1, 0.5]),
    },
  });
  try {
    run(world, chance);
  } catch (error) {
    throw new Error(`seed ${seed}: ${String(error)}\n${world.trace.slice(-60).join('\n')}`, {
      cause: error,
    });
  }
  return world;
}

function run(world: SimulatedEnsemble, chance: Prng): void {
  for (const sid of world.servers.keys()) world.boot(sid);
  world.run(200 + chance.below(600));
  for (let left = chance.below(12); left > 0; left--) {
    fault(world, chance);
    world.run(chance.below(800));
  }
  world.faults = noFaults;
  for (const sid of world.servers.keys()) world.boot(sid);
  // What was stalled comes to its end.
  world.stopWriting();
  world.run(1500);
  converge(world);
}

function fault(world: SimulatedEnsemble, chance: Prng): void {
  const sids = [...world.servers.keys()];
  if (chance.chance(world.faults.crash)) {
    const victims = chance.chance(0.15) ? sids : [chance.pick(sids)];
    for (const sid of victims) world.crash(sid);
    for (const sid of victims) world.after(chance.below(400), () => world.boot(sid));
    return;
  }
  for (const wire of world.network.wires) {
    if (chance.chance(0.5)) world.network.break(wire, 'fault');
  }
}

function converge(world: SimulatedEnsemble): void {
  const isSettled = (): boolean =>
    world.up().every(({ role }) => {
      if (role instanceof Leader) return role.canPropose && role.status().outstanding === 0;
      return role?.isServing === true;
    });
  for (let left = 400; left > 0 && !isSettled(); left--) world.run(50);
  assert.ok(isSettled(), 'LV1: everybody serves');
  const leader = world.up().find(({ role }) => role instanceof Leader);
  assert.ok(leader !== undefined);
  const isEqual = (): boolean =>
    world.up().every(({ host }) => host.applied.length === world.ghost.committed.length);
  const before = world.acknowledged;
  assert.ok(world.propose(leader), 'LV1: a new write');
  for (let left = 60; left > 0 && !(isEqual() && world.acknowledged > before); left--)
    world.run(50);
  assert.ok(world.acknowledged > before, 'LV1: a new write is committed');
  assert.ok(isEqual(), 'LV4: everybody has all of it');
  for (const { host } of world.up()) world.ghost.checkPrefix(host);
}
