// Ensembles of one to seven servers elect on a bus that delays, loses, doubles and reorders messages, cuts links and
// kills servers. Every decision is checked as it is made (simulated-ensemble.ts); here: that calm ensembles never
// decide for two leaders in one round, and that after the network heals there is one leader, soon.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sid } from '../../../src/proto/sid.ts';
import { ensemble } from './configs.ts';
import { SimulatedEnsemble } from './simulated-ensemble.ts';

function bootAll(bus: SimulatedEnsemble, withinMs: number): void {
  for (const sid of bus.random.shuffle([...bus.servers.keys()])) {
    bus.boot(sid);
    bus.run(bus.random.below(withinMs + 1));
  }
}

function assertOneLeaderARound(bus: SimulatedEnsemble): void {
  const leaders = new Map<bigint, Sid>();
  for (const { decision } of bus.decisions) {
    const { electionEpoch } = decision.vote;
    const known = leaders.get(electionEpoch) ?? decision.leader;
    assert.equal(decision.leader, known, `round ${electionEpoch}`);
    leaders.set(electionEpoch, known);
  }
}

test('all start at once: the best vote wins, in one round, with and without deciding early', () => {
  for (const decidesEarly of [true, false]) {
    for (let voters = 1; voters <= 7; voters++) {
      for (let seed = 0; seed < 10; seed++) {
        const bus = new SimulatedEnsemble({ seed, verifier: ensemble(voters), decidesEarly });
        // Links are there before anybody votes, as in an ensemble that has lost its leader.
        for (const server of bus.servers.values()) server.zxid = BigInt(bus.random.below(3));
        for (const sid of bus.servers.keys()) bus.boot(sid);
        const leader = bus.converge(30_000);
        if (!decidesEarly) {
          assertOneLeaderARound(bus);
          const best = [...bus.decisions].map(({ decision }) => decision.vote.zxid);
          assert(best.every((zxid) => zxid === best[0]));
        }
        assert(bus.servers.has(leader));
      }
    }
  }
});

test('LD1: leaders killed one after the other: no round has two leaders', () => {
  for (let seed = 100; seed < 160; seed++) {
    const bus = new SimulatedEnsemble({ seed, verifier: ensemble(3 + 2 * (seed % 3)) });
    bootAll(bus, 0);
    bus.converge(30_000);
    for (let round = 0; round < 3; round++) {
      const leader = bus.up().find(({ decision }) => decision?.state === 'LEADING');
      assert(leader !== undefined);
      bus.crash(leader.sid);
      bus.run(2_000);
      bus.boot(leader.sid);
      bus.converge(30_000);
    }
    assertOneLeaderARound(bus);
  }
});

test('the leader killed: the rest decide early and join nobody else', () => {
  let early = 0;
  for (let seed = 200; seed < 240; seed++) {
    const bus = new SimulatedEnsemble({ seed, verifier: ensemble(3), delayMsMax: 2 });
    bootAll(bus, 20);
    const leader = bus.converge(30_000);
    const before = bus.decisions.length;
    const diedAt = bus.now;
    bus.crash(leader);
    const next = bus.converge(5_000);
    assert.notEqual(next, leader);
    assert(bus.now - diedAt <= 400, `seed ${seed}: ${bus.now - diedAt} ms`);
    const after = bus.decisions.splice(before);
    early += after.filter(({ decision }) => decision.early).length;
  }
  assert(early >= 60, `${early} of 80 decisions were early`);
});

test('chaos, then peace: whatever was lost, cut and killed, one leader within 15 s of healing', () => {
  for (let seed = 300; seed < 420; seed++) {
    const voters = 1 + (seed % 7);
    const bus = new SimulatedEnsemble({
      seed,
      verifier: ensemble(voters, seed % 2),
      decidesEarly: seed % 5 !== 0,
      delayMsMax: seed % 3 === 0 ? 400 : 20,
      loss: 0.1,
      duplication: 0.1,
    });
    bootAll(bus, 500);
    const sids = [...bus.servers.keys()];
    for (let fault = 0; fault < 12; fault++) {
      const [a, b] = [bus.random.pick(sids), bus.random.pick(sids)];
      if (bus.random.chance(0.4)) bus.crash(a);
      else if (bus.random.chance(0.5)) bus.boot(a);
      else if (a !== b) bus.cut(a, b, bus.random.chance(0.5));
      bus.run(bus.random.below(2_000));
    }
    bus.heal();
    for (const sid of sids) bus.boot(sid);
    bus.converge(15_000);
  }
});

test('a minority never decides, a majority does without it', () => {
  for (let seed = 500; seed < 520; seed++) {
    const bus = new SimulatedEnsemble({ seed, verifier: ensemble(5) });
    for (const a of [1n, 2n]) for (const b of [3n, 4n, 5n]) bus.cut(a, b, true);
    bootAll(bus, 50);
    bus.run(10_000);
    for (const { by } of bus.decisions) assert(by >= 3n);
    const leaders = [3n, 4n, 5n].map((sid) => bus.server(sid).decision?.leader);
    assert(leaders[0] !== undefined && leaders.every((leader) => leader === leaders[0]));
    bus.heal();
    assert.equal(bus.converge(15_000), leaders[0]);
  }
});

test('B.2 row 33: one of three boots late into an ensemble that has elected many times', () => {
  for (let seed = 600; seed < 620; seed++) {
    const bus = new SimulatedEnsemble({ seed, verifier: ensemble(3) });
    bus.boot(1n);
    bus.boot(2n);
    for (let elections = 0; elections < 1 + (seed % 5); elections++) {
      const leader = bus.converge(30_000);
      bus.crash(leader);
      bus.run(500);
      bus.boot(leader);
    }
    const leader = bus.converge(30_000);
    const before = bus.now;
    bus.boot(3n);
    assert.equal(bus.converge(5_000), leader);
    // Its votes out, their answers back.
    assert(bus.now - before <= 300, `seed ${seed}: ${bus.now - before} ms`);
  }
});

test('groups and weights: two of three groups elect, and who weighs 0 never leads', () => {
  const groups = ['group.1=1:2:3', 'group.2=4:5:6', 'group.3=7', 'weight.3=0', 'weight.6=0'];
  for (let seed = 700; seed < 720; seed++) {
    const bus = new SimulatedEnsemble({ seed, verifier: ensemble(7, 0, groups), loss: 0.05 });
    bus.server(6n).zxid = 99n;
    bootAll(bus, 100);
    bus.crash(7n);
    bus.run(3_000);
    bus.heal();
    const leader = bus.converge(20_000);
    assert(leader !== 3n && leader !== 6n && leader !== 7n);
  }
});
