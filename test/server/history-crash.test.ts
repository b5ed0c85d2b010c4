// Power loss, kills and disk errors at every file call while a leader's snapshot takes the place of a history, and
// while a history is cut. Whatever the disk then holds, the next start finds the old history or the new one, never a
// part of each, and goes on from there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Zxid } from '../../src/proto/zxid.ts';
import { hexZxid, makeZxid } from '../../src/proto/zxid.ts';
import type { DiskFault, MemoryFiles } from '../../src/sim/memory-files.ts';
import { DiskCrash } from '../../src/sim/memory-files.ts';
import { CorruptionError } from '../../src/storage/corruption-error.ts';
import { Prng } from '../../src/util/prng.ts';
import { changed } from '../storage/support/cases.ts';
import type { World } from '../storage/support/world.ts';
import {
  directory,
  logFile,
  makeWorld,
  range,
  recoverAll,
  stateOf,
} from '../storage/support/world.ts';
import type { HistorySettings } from './history-world.ts';
import { append, databaseOf, Exited, open, receive, run, stateOfTxns } from './history-world.ts';

type Txns = (readonly [zxid: Zxid, mark: number])[];

const of = (from: Zxid, to: Zxid, mark = 1): Txns => range(from, to).map((zxid) => [zxid, mark]);
const e1 = (counter: number) => makeZxid(1, counter);
const e2 = (counter: number) => makeZxid(2, counter);

/** A server with this history, on disk in several logs and snapshots. */
function worldWith(txns: Txns, settings: HistorySettings): World {
  const world = makeWorld();
  const history = open(world, settings);
  // What a role does first.
  run<void>(world, (done) => history.saveEpoch('acceptedEpoch', 9, done));
  for (let i = 0; i < txns.length; ) {
    const [, mark = 1] = txns[i] ?? [];
    const batch = txns.filter((_, at) => at >= i && at < i + 3).filter((one) => one[1] === mark);
    append(
      world,
      history,
      batch.map(([zxid]) => zxid),
      mark,
    );
    i += batch.length;
    world.clock.run();
  }
  run<void>(world, (done) => history.close(done));
  return makeWorld(world.files);
}

const cases: Record<string, readonly [old: Txns, leader: Txns, lines?: string]> = {
  'a new server': [[], of(e1(1), e1(9))],
  'one that is behind': [of(e1(1), e1(10)), of(e1(1), e1(40))],
  'one that is ahead, its snapshots too': [of(e1(1), e1(14)), of(e1(1), e1(5))],
  'one that was in an epoch nobody knows': [
    [...of(e1(1), e1(8)), ...of(e2(1), e2(9), 7)],
    [...of(e1(1), e1(8)), ...of(e1(9), e1(12))],
  ],
  'one that ends inside an epoch that went on, then another epoch': [
    of(e1(1), e1(10)),
    [...of(e1(1), e1(20)), ...of(e2(1), e2(2))],
  ],
  'one whose log would go on where the snapshot ends': [
    [...of(e1(1), e1(3)), ...of(e1(4), e1(9), 7)],
    of(e1(1), e1(3)),
  ],
  'the same zxid': [of(e1(1), e1(7)), of(e1(1), e1(7))],
  'compressed snapshots': [of(e1(1), e1(10)), of(e1(1), e1(6)), 'snapshot.compression.method=gz'],
};

const settings = (lines = ''): HistorySettings => ({ lines: `snapCount=4\n${lines}` });

/** Saves the leader's snapshot; false: it met the fault. */
function take(
  world: World,
  leader: Txns,
  lines?: string,
  fault: DiskFault = 'crash',
  at = Number.POSITIVE_INFINITY,
): boolean {
  try {
    const history = open(world, settings(lines));
    world.clock.run();
    meet(world, fault, at);
    const zxid = receive(history, databaseOf(leader));
    run<void>(world, (done) => history.saveIntake(zxid, done));
    assert.equal(history.lastZxid, zxid);
    assert.equal(stateOf(history.database), stateOfTxns(leader));
    assert.equal(history.committedLog.length, 0);
    assert.ok(history.isIdle);
    return world.files.calls < at;
  } catch (error) {
    if (!(error instanceof DiskCrash || error instanceof Exited)) throw error;
    if (error instanceof Exited) assert.equal(error.code, 10);
    return false;
  }
}

/** From now on the `at`th call fails. */
function meet(world: World, fault: DiskFault | undefined, at: number): void {
  world.files.calls = 0;
  world.files.fault = ({ index }) => (index === at ? fault : undefined);
}

/** One of the two, whole, and a history that can be gone on with. */
function check(files: MemoryFiles, old: Txns, leader: Txns, isSaved: boolean): 'old' | 'new' {
  const world = makeWorld(files);
  const history = open(world, settings());
  const state = stateOf(history.database);
  const isNew = state === stateOfTxns(leader);
  if (!isNew) {
    assert.equal(state, stateOfTxns(old));
    assert.ok(!isSaved, 'what was saved is there');
  }
  const txns = isNew ? leader : old;
  const { max } = history.committedLog;
  assert.equal(max ?? history.lastZxid, history.lastZxid);
  const next = makeZxid(5, 1);
  append(world, history, [next], 9);
  run<void>(world, (done) => history.close(done));
  const again = recoverAll(makeWorld(world.files));
  assert.equal(stateOf(again.database), stateOfTxns([...txns, [next, 9]]));
  return isNew ? 'new' : 'old';
}

for (const [name, [old, leader, lines]] of Object.entries(cases)) {
  test(`a leader's snapshot for ${name}: power loss at every call leaves the old or the new`, () => {
    const before = worldWith(old, settings(lines));
    const seen = { old: 0, new: 0 };
    for (let at = 1; ; at++) {
      const world = makeWorld(before.files);
      const isSaved = take(world, leader, lines, 'crash', at);
      for (let seed = 0; seed < 2; seed++) {
        const disk = world.files.afterPowerLoss(new Prng(at * 10 + seed));
        seen[check(disk, old, leader, isSaved)]++;
      }
      if (isSaved) break;
    }
    assert.ok(seen.new > 3);
    assert.ok(old.length === leader.length || seen.old > 3, JSON.stringify(seen));
  });
}

test('power loss again and again, also while the next start finishes what was decided', () => {
  const old = of(e1(1), e1(14));
  const leader = of(e1(1), e1(5));
  const before = worldWith(old, settings());
  const clean = makeWorld(before.files);
  assert.ok(take(clean, leader));
  const { calls } = clean.files;
  const seen = { old: 0, new: 0 };
  for (let seed = 1; seed <= 60; seed++) {
    const chance = new Prng(seed);
    let world = makeWorld(before.files);
    assert.ok(!take(world, leader, undefined, 'crash', calls - chance.below(20)));
    for (let round = 0; round < 5; round++) {
      world = makeWorld(world.files.afterPowerLoss(chance));
      meet(world, 'crash', 1 + chance.below(14));
      try {
        open(world, settings());
        break;
      } catch (error) {
        if (!(error instanceof DiskCrash)) throw error;
      }
    }
    world.files.fault = undefined;
    seen[check(world.files.afterPowerLoss(chance), old, leader, false)]++;
  }
  assert.ok(seen.old > 5 && seen.new > 5, JSON.stringify(seen));
});

for (const fault of ['EIO', 'ENOSPC'] as const) {
  test(`${fault} at any call ends the process with code 10, and the next start is one`, () => {
    const old = of(e1(1), e1(14));
    const leader = of(e1(1), e1(5));
    const before = worldWith(old, settings());
    for (let at = 1; at < 200; at++) {
      const world = makeWorld(before.files);
      const isSaved = take(world, leader, undefined, fault, at);
      world.files.fault = undefined;
      check(world.files.afterKill(), old, leader, isSaved);
      if (isSaved) return;
    }
    assert.fail('it never ends');
  });
}

test('a snapshot that is damaged later is missed, whatever the older files hold', () => {
  for (const [name, [old, leader]] of Object.entries(cases)) {
    const world = worldWith(old, settings());
    assert.ok(take(world, leader), name);
    world.clock.run();
    const history = open(makeWorld(world.files), settings());
    assert.equal(history.lastZxid, leader.at(-1)?.[0]);
    const last = leader.at(-1)?.[0] ?? 0n;
    const after = makeWorld(world.files);
    append(after, open(after, settings()), [makeZxid(5, 1)], 9);
    const path = `${directory}/snapshot.${hexZxid(last)}`;
    const bytes = after.files.contents(path);
    assert.ok(bytes !== undefined, name);
    after.files.put(path, changed(bytes, 60, 0xff));
    assert.throws(() => recoverAll(makeWorld(after.files)), CorruptionError, name);
  }
});

test('a decision that a Java server did not know of, and has overtaken, is dropped', () => {
  const old = of(e1(1), e1(10));
  const before = worldWith(old, settings());
  const world = makeWorld(before.files);
  const isDecided = () => world.files.list(directory).some((name) => name.startsWith('received-'));
  const history = open(world, settings());
  const zxid = receive(history, databaseOf(of(e1(1), e1(5))));
  history.saveIntake(zxid, () => undefined);
  world.files.fault = () => (isDecided() ? 'crash' : undefined);
  assert.throws(() => world.clock.run(), DiskCrash);
  world.files.fault = undefined;
  const untouched = makeWorld(world.files.afterKill());
  const overtaken = makeWorld(world.files.afterKill());
  assert.equal(open(untouched, settings()).lastZxid, e1(5));
  // It started, and logged something.
  overtaken.files.put(`${directory}/log.${hexZxid(e1(11))}`, logFile([e1(11)]));
  assert.equal(open(overtaken, settings()).lastZxid, e1(11));
  assert.ok(!overtaken.files.list(directory).some((name) => name.startsWith('received-')));
});

test('what a snapshot replaced is kept until the next one replaces it', () => {
  const world = worldWith(of(e1(1), e1(10)), settings());
  const replaced = () => world.files.list(directory).filter((name) => name.startsWith('replaced-'));
  const before = world.files.list(directory).filter((name) => /^(log|snapshot)\./.test(name));
  const history = open(world, settings());
  for (const leader of [of(e1(1), e1(20)), of(e1(1), e1(30))]) {
    const zxid = receive(history, databaseOf(leader));
    run<void>(world, (done) => history.saveIntake(zxid, done));
    if (leader.length === 20) {
      assert.deepEqual(replaced(), before.map((name) => `replaced-${name}`).sort());
    }
  }
  assert.deepEqual(replaced(), [`replaced-snapshot.${hexZxid(e1(20))}`]);
});

const txns = of(1n, 12n);

function cut(world: World, zxid: Zxid, fault?: DiskFault, at = 0): Zxid | undefined {
  try {
    const history = open(world, settings());
    world.clock.run();
    meet(world, fault, at);
    const [lastZxid, failure] = run<[Zxid, string | undefined]>(world, (done) =>
      history.truncate(zxid, (...result) => done(result)),
    );
    assert.equal(failure, undefined);
    assert.equal(stateOf(history.database), stateOfTxns(of(1n, lastZxid)));
    assert.equal(history.committedLog.max ?? lastZxid, lastZxid);
    append(world, history, [lastZxid + 1n], 7);
    run<void>(world, (done) => history.close(done));
    return fault === undefined || world.files.calls < at ? lastZxid : undefined;
  } catch (error) {
    if (!(error instanceof DiskCrash || error instanceof Exited)) throw error;
    if (error instanceof Exited) assert.equal(error.code, 10);
    return undefined;
  }
}

test('a cut, and what is appended behind it, with power loss at every call', () => {
  const before = worldWith(txns, settings());
  for (const zxid of [4n, 7n, 11n]) {
    for (let at = 1; ; at++) {
      const world = makeWorld(before.files);
      const lastZxid = cut(world, zxid, 'crash', at);
      if (lastZxid !== undefined) {
        assert.equal(lastZxid, zxid);
        break;
      }
      for (let seed = 0; seed < 2; seed++) {
        const disk = world.files.afterPowerLoss(new Prng(at * 10 + seed));
        const { database, lastZxid: found } = recoverAll(makeWorld(disk));
        const state = stateOf(database);
        const where = `cut to ${zxid}, call ${at}, seed ${seed}: ${found}`;
        assert.ok(found >= zxid && found <= 12n, where);
        const isNew = state === stateOfTxns([...of(1n, zxid), [zxid + 1n, 7]]);
        assert.ok(isNew || state === stateOfTxns(of(1n, found)), where);
      }
    }
  }
});

test('a cut that cannot be made leaves everything, and the log goes on', () => {
  const world = worldWith([], settings());
  const history = open(world, settings());
  const zxid = receive(history, databaseOf(of(e1(1), e1(9))));
  run<void>(world, (done) => history.saveIntake(zxid, done));
  append(world, history, [e1(10), e1(11)]);
  const [lastZxid, failure] = run<[Zxid, string | undefined]>(world, (done) =>
    history.truncate(e1(5), (...result) => done(result)),
  );
  assert.equal(lastZxid, e1(11));
  assert.match(failure ?? '', /no snapshot at or before 0x100000005 is whole/);
  append(world, history, [e1(12)]);
  run<void>(world, (done) => history.close(done));
  const { database } = recoverAll(makeWorld(world.files));
  assert.equal(stateOf(database), stateOfTxns(of(e1(1), e1(12))));
});
