// An elector between its machine, its mesh and its server: elections among several of them in a simulated world, what
// the hooks are told and when, and that a hook may call back in. The machine's and the mesh's own rules are tested
// beside them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensemble } from '../core/election/configs.ts';
import type { Candidate } from './elector-town.ts';
import { Town } from './elector-town.ts';

/** All of them have made so many decisions, and the last is this one. */
function agree(town: Town, candidates: readonly Candidate[], count: number, leader: number): void {
  const haveDecided = (): boolean => candidates.every(({ decisions }) => decisions.length >= count);
  town.until(`decision ${count}`, haveDecided, candidates);
  for (const one of candidates) {
    assert.equal(one.leader, leader);
    const state = one.sid === leader ? 'LEADING' : 'FOLLOWING';
    assert.equal(one.decisions.at(-1)?.state, state);
    assert.equal(one.elector.status().state, state);
  }
}

test('three servers elect the one with the best history; when it dies, the next', () => {
  const town = new Town(3);
  const all = town.everybody();
  const [one, two, three] = all as [Candidate, Candidate, Candidate];
  for (const candidate of all) candidate.look(candidate === two ? 5n : 4n);
  agree(town, all, 1, 2);
  assert(all.every(({ isReady }) => isReady));
  two.die();
  town.until('a broken link', () => !one.elector.isConnected(2n), all);
  for (const candidate of [one, three]) {
    candidate.do((elector) => elector.left());
    candidate.look(4n);
  }
  agree(town, [one, three], 2, 3);
});

test('a later epoch beats a longer history', () => {
  const town = new Town(3);
  const all = town.everybody();
  for (const one of all)
    one.look(one.sid === 1 ? 0x300000000n : 0x200000009n, one.sid === 1 ? 3 : 2);
  agree(town, all, 1, 1);
});

test('the same seed gives the same election, line by line', () => {
  const lines = (): string[][] => {
    const town = new Town(5, { seed: 9 });
    const all = town.everybody();
    for (const one of all) one.look();
    agree(town, all, 1, 5);
    town.run(2_000);
    return all.map((one) => one.lines);
  };
  assert.deepEqual(lines(), lines());
});

test('nothing is voted before the port is bound', () => {
  const town = new Town(1);
  const taken = town.candidate(1);
  taken.start();
  town.until('the port', () => taken.isReady, [taken]);
  const [host] = town.hosts;
  assert(host !== undefined);
  const one = town.candidate(1);
  one.start();
  one.look(7n, 1);
  town.run(900);
  assert.equal(one.isReady, false);
  assert.deepEqual(one.notes, []);
  taken.do((elector) => elector.stop(() => undefined));
  town.until('a decision', () => one.decisions.length > 0, [one]);
  assert(one.isReady);
  assert.equal(one.elector.port, 3888);
  assert.equal(one.decisions[0]?.vote.zxid, 7n);
});

test('no port: bindFailed, once; a look that waited is not made', () => {
  const town = new Town(1);
  const taken = town.candidate(1);
  taken.start();
  const one = town.candidate(1);
  town.until('the port', () => taken.isReady, [taken]);
  one.start();
  one.look();
  town.run(10_000);
  assert.equal(one.bindCode, 'EADDRINUSE');
  assert.equal(one.isReady, false);
  assert.deepEqual(one.decisions, []);
});

test('a role that ends before it looks: who asks is told nothing until then', () => {
  const town = new Town(3);
  const all = town.everybody();
  for (const one of all) one.look();
  agree(town, all, 1, 3);
  const [one, two, three] = all as [Candidate, Candidate, Candidate];
  for (const candidate of all) candidate.do((elector) => elector.left());
  town.run(10);
  two.look();
  one.look();
  town.run(2_000);
  assert.equal(three.elector.status().state, 'LOOKING');
  // Two are a quorum without it.
  agree(town, [one, two], 2, 2);
  three.look();
  agree(town, [one, two], 2, 2);
  town.until('3 to follow', () => three.decisions.length === 2, all);
  assert.equal(three.leader, 2);
});

test('a hook may call back in: its event comes behind the effects of the one it was called in', () => {
  const town = new Town(1);
  const one = town.candidate(1);
  const seen: string[] = [];
  one.onDecided = () => {
    seen.push(`decided ${one.elector.status().state}`);
    if (one.decisions.length > 2) return;
    one.elector.left();
    one.elector.look(BigInt(one.decisions.length), 0);
    seen.push(`looking ${one.elector.status().state}`);
  };
  one.start();
  one.look();
  town.run(5_000);
  assert.deepEqual(seen, [
    'decided LEADING',
    'looking LEADING',
    'decided LEADING',
    'looking LEADING',
    'decided LEADING',
  ]);
  assert.deepEqual(
    one.decisions.map(({ vote }) => vote.electionEpoch),
    [1n, 2n, 3n],
  );
});

test('a leader hears who looks, and tells the epoch once it is established', () => {
  const town = new Town(3);
  const all = town.everybody();
  for (const one of all) one.look();
  agree(town, all, 1, 3);
  const [one, two, three] = all as [Candidate, Candidate, Candidate];
  for (const { elector, process } of all) process.post(() => elector.epochEstablished(4));
  town.run(10);
  one.do((elector) => elector.left());
  one.look();
  agree(town, all, 1, 3);
  town.until('1 to follow again', () => one.decisions.length === 2, all);
  assert.equal(one.decisions[1]?.vote.peerEpoch, 4n);
  assert.deepEqual(three.lookers, [1]);
  assert.deepEqual(two.lookers, []);
});

test('a leader whose voters have turned to another is advised to look again', () => {
  const town = new Town(3);
  const all = town.everybody();
  for (const one of all) one.look();
  agree(town, all, 1, 3);
  const [one, two, three] = all as [Candidate, Candidate, Candidate];
  for (const candidate of [one, two]) {
    candidate.do((elector) => elector.left());
    candidate.look(5n, 1);
  }
  agree(town, [one, two], 2, 2);
  assert.deepEqual(three.reasons, ['2 voters want another leader, 1 are no quorum']);
});

test('observers follow and are not counted', () => {
  const town = new Town(2, { observers: 2 });
  const all = town.everybody();
  for (const one of all) one.look(one.sid > 2 ? 99n : 1n);
  town.until('a decision of all', () => all.every(({ decisions }) => decisions.length > 0), all);
  assert.deepEqual(
    all.map(({ leader, decisions }) => `${leader} ${decisions[0]?.state}`),
    ['2 FOLLOWING', '2 LEADING', '2 OBSERVING', '2 OBSERVING'],
  );
});

test('lines go to the log at their level, and notes to the record', () => {
  const town = new Town(3);
  const all = town.everybody();
  for (const one of all) one.look();
  agree(town, all, 1, 3);
  for (const { notes, lines } of all) {
    assert.deepEqual(
      notes.map(({ line }) => line),
      lines.filter((line) => notes.some((note) => note.line === line)),
    );
    const events = new Set(notes.map(({ event }) => event));
    for (const event of ['started', 'received', 'sent', 'decided'] as const) {
      assert(events.has(event), event);
    }
    assert.equal(notes[0]?.event, 'started');
  }
});

test('a newer configuration with other members is refused and told; the election goes on', () => {
  for (const [newer, isTold] of [
    [ensemble(4, 0, ['version=100000001']), true],
    // A Java leader has established the configuration of all and given it a version.
    [ensemble(3, 0, ['version=100000000']), false],
  ] as const) {
    const town = new Town(3);
    const all = [town.candidate(1), town.candidate(2), town.candidate(3, { verifier: newer })];
    for (const one of all) {
      one.start();
      one.look();
    }
    agree(town, all, 1, 3);
    const [one, two, three] = all as [Candidate, Candidate, Candidate];
    const wanted = 'recv a newer configuration from 3 -> ignore it: reconfig is not enabled';
    for (const { refused, lines } of [one, two]) {
      assert.equal(refused.length > 0, isTold);
      assert(refused.every((text) => text === wanted));
      assert.equal(lines.filter((line) => line === wanted).length, isTold ? 1 : 0);
    }
    assert.deepEqual(three.refused, []);
  }
});

test('the vote of a server that was gone before we looked does not count', () => {
  const town = new Town(3);
  const all = town.everybody();
  const [one, two, three] = all as [Candidate, Candidate, Candidate];
  three.look(9n, 1);
  town.until('links', () => one.elector.isConnected(3n) && two.elector.isConnected(3n), all);
  town.run(5);
  three.die();
  town.until(
    'broken links',
    () => !one.elector.isConnected(3n) && !two.elector.isConnected(3n),
    all,
  );
  one.look();
  two.look();
  agree(town, [one, two], 1, 2);
});

test('stop: nothing is told any more, the port is free', () => {
  const town = new Town(3);
  const all = town.everybody();
  const [one, ...rest] = all as [Candidate, Candidate, Candidate];
  one.look();
  town.run(5);
  let isStopped = false;
  one.do((elector) => {
    elector.look(1n, 1);
    elector.stop(() => {
      isStopped = true;
    });
    elector.look(2n, 1);
    elector.left();
  });
  town.run(5);
  assert(isStopped);
  assert.equal(one.host.listening.size, 0);
  const said = one.notes.length;
  for (const candidate of rest) candidate.look();
  agree(town, rest, 1, 3);
  town.run(70_000);
  assert.equal(one.notes.length, said);
  assert.deepEqual(one.decisions, []);
});

test('stop inside a hook', () => {
  const town = new Town(1);
  const one = town.candidate(1);
  let isStopped = false;
  one.onDecided = () => {
    one.elector.stop(() => {
      isStopped = true;
    });
  };
  one.start();
  one.look();
  town.run(5_000);
  assert(isStopped);
  assert.equal(one.decisions.length, 1);
});
