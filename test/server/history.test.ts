// What outlives the roles of a server: state and epochs are found again, the committed log ends with the tree, a
// leader's snapshot and a cut give another database, images and snapshots go on beside each other, and learners are
// read for from the log files. Crashes are in history-crash.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SnapshotSink } from '../../src/core/tree/snapshot-body.ts';
import { Writer } from '../../src/jute/writer.ts';
import type { Zxid } from '../../src/proto/zxid.ts';
import { makeZxid } from '../../src/proto/zxid.ts';
import type { History } from '../../src/server/history.ts';
import { imagesMax } from '../../src/server/snapshot-images.ts';
import { EpochError } from '../../src/storage/epochs.ts';
import { Prng } from '../../src/util/prng.ts';
import type { World } from '../storage/support/world.ts';
import {
  bareDatabase,
  batchFrom,
  batchOf,
  directory,
  lengthMax,
  makeWorld,
  range,
  sessionTxn,
  stateOf,
} from '../storage/support/world.ts';
import {
  append,
  databaseOf,
  Exited,
  open,
  receive,
  run,
  stateOfTxns,
  txnOf,
} from './history-world.ts';

const zxidsOf = (history: History): Zxid[] => {
  const { committedLog } = history;
  return Array.from({ length: committedLog.length }, (_, i) => committedLog.at(i)?.zxid ?? -1n);
};

const close = (world: World, history: History): World => {
  run<void>(world, (done) => history.close(done));
  return makeWorld(world.files);
};

test('state, epochs and the last transactions are found again', () => {
  let world = makeWorld();
  let history = open(world);
  assert.deepEqual(history.epochs, { acceptedEpoch: 0, currentEpoch: 0 });
  assert.deepEqual([history.lastZxid, history.committedLog.length], [0n, 0]);
  run<void>(world, (done) => history.saveEpoch('acceptedEpoch', 3, done));
  run<void>(world, (done) => history.saveEpoch('currentEpoch', 3, done));
  assert.deepEqual(history.epochs, { acceptedEpoch: 3, currentEpoch: 3 });
  for (let i = 1; i <= 600; i += 50) {
    append(world, history, range(makeZxid(3, i), makeZxid(3, i + 49)));
  }
  const state = stateOf(history.database);
  world = close(world, history);
  history = open(world);
  assert.equal(stateOf(history.database), state);
  assert.deepEqual(history.epochs, { acceptedEpoch: 3, currentEpoch: 3 });
  assert.deepEqual(zxidsOf(history), range(makeZxid(3, 101), makeZxid(3, 600)));
  const last = history.committedLog.at(499);
  assert.deepEqual(last?.bytes.subarray(last.start, last.end), txnOf(makeZxid(3, 600)));
});

test('epoch files that cannot be are refused by name; a lone server does not look at them', () => {
  const world = makeWorld();
  append(world, open(world, { ensemble: undefined }), [makeZxid(2, 1)]);
  world.clock.run();
  world.files.put(`${directory}/acceptedEpoch`, Uint8Array.of(0x31));
  world.files.put(`${directory}/currentEpoch`, Uint8Array.of(0x31));
  assert.throws(() => open(makeWorld(world.files)), EpochError);
  assert.equal(open(makeWorld(world.files), { ensemble: undefined }).lastZxid, makeZxid(2, 1));
});

test('a disk that fails ends the process with code 10', () => {
  for (const kind of ['append', 'epoch', 'truncate', 'intake'] as const) {
    const world = makeWorld();
    const failing: string[] = [];
    const history = open(world, { failing: () => failing.push(kind) });
    append(world, history, [1n, 2n, 3n]);
    world.clock.run();
    world.files.fault = () => 'EIO';
    const begin = (done: () => void) => {
      if (kind === 'append') history.append(batchOf(4n), done);
      else if (kind === 'epoch') history.saveEpoch('acceptedEpoch', 1, done);
      else if (kind === 'truncate') history.truncate(1n, done);
      else history.saveIntake(receive(history, databaseOf([[1n, 1]])), done);
    };
    assert.throws(
      () => run<void>(world, begin),
      (error) => error instanceof Exited && error.code === 10,
    );
    assert.deepEqual(failing, [kind]);
  }
});

test('idle is when nothing is on its way to disk', () => {
  const world = makeWorld();
  const history = open(world);
  const during = (begin: (done: () => void) => void) => {
    assert.ok(history.isIdle);
    run<void>(world, (done) => {
      begin(done);
      assert.ok(!history.isIdle);
    });
    assert.ok(history.isIdle);
  };
  during((done) => history.append(batchOf(1n, 2n), done));
  during((done) => history.saveEpoch('acceptedEpoch', 1, done));
  during((done) => history.truncate(2n, () => done()));
  const zxid = receive(history, databaseOf([[1n, 1]]));
  during((done) => history.saveIntake(zxid, done));
});

test("a leader's snapshot is this server's state, its sessions are seen; one that is dropped leaves no trace", () => {
  const world = makeWorld();
  const seen: bigint[] = [];
  const history = open(world, { sessionSeen: (id) => seen.push(id) });
  append(world, history, [1n, 2n]);
  const mine = history.database;
  receive(history, databaseOf([[1n, 5]]));
  history.dropIntake();
  assert.equal(history.database, mine);
  const leader = databaseOf([
    [1n, 1],
    [2n, 1],
    [3n, 1],
  ]);
  leader.sessions.set(77n, 4000);
  const zxid = receive(history, leader, 33);
  run<void>(world, (done) => history.saveIntake(zxid, done));
  assert.notEqual(history.database, mine);
  assert.equal(stateOf(history.database), stateOf(leader));
  assert.deepEqual(seen, [77n]);
  assert.deepEqual([history.lastZxid, history.committedLog.length], [3n, 0]);
  append(world, history, [4n]);
  assert.deepEqual(zxidsOf(history), [4n]);
  const again = open(close(world, history));
  assert.equal(stateOf(again.database), stateOf(history.database));
});

test('a cut gives another database, and a committed log that ends where it does', () => {
  const world = makeWorld();
  const history = open(world);
  append(world, history, range(1n, 20n));
  const { logStats } = history;
  const [lastZxid, failure] = run<[Zxid, string | undefined]>(world, (done) =>
    history.truncate(12n, (...result) => done(result)),
  );
  assert.deepEqual([lastZxid, failure], [12n, undefined]);
  assert.deepEqual(zxidsOf(history), range(1n, 12n));
  assert.equal(stateOf(history.database), stateOfTxns(range(1n, 12n).map((zxid) => [zxid, 1])));
  append(world, history, [13n], 2);
  assert.equal(logStats.txns, 21);
  assert.equal(logStats, history.txnLog.stats);
});

test('several images and a snapshot on disk at once, each of its own zxid', () => {
  const world = makeWorld();
  let available = 0;
  const history = open(world, {
    lines: 'snapCount=60',
    imageAvailable: () => available++,
  });
  const images = Array.from({ length: imagesMax }, () => ({ out: new Writer(), zxid: 0n }));
  let next = 1n;
  const write = (count: number) => {
    append(world, history, range(next, next + BigInt(count) - 1n));
    next += BigInt(count);
  };
  write(40);
  for (const image of images) {
    image.zxid = history.beginImage(image) ?? -1n;
    assert.equal(image.zxid, next - 1n);
    write(7);
  }
  const another = {};
  assert.equal(history.beginImage(another), undefined);
  const chance = new Prng(3);
  const left = [...images];
  while (left.length > 0) {
    const image = chance.pick(left);
    if (!history.writeImage(image, image.out, 300)) {
      left.splice(left.indexOf(image), 1);
      history.endImage(image);
      history.endImage(image);
    }
    write(1);
  }
  assert.equal(available, 1);
  for (const { out, zxid } of images) {
    const database = bareDatabase();
    const sink = new SnapshotSink(database, lengthMax);
    assert.equal(sink.push(out.written()), out.at);
    database.lastProcessedZxid = zxid;
    assert.equal(stateOf(database), stateOfTxns(range(1n, zxid).map((one) => [one, 1])));
  }
  world.clock.run();
  const snapshots = world.files.list(directory).filter((name) => name.startsWith('snapshot.'));
  assert.ok(snapshots.length >= 2, snapshots.join());
  const again = open(close(world, history));
  assert.equal(stateOf(again.database), stateOfTxns(range(1n, next - 1n).map((one) => [one, 1])));
  assert.equal(again.beginImage(another), next - 1n);
});

test('closing gives up what is under way and waits for what is on its way to disk', () => {
  for (const kind of ['opening', 'saving', 'cutting', 'snapshot', 'append', 'epoch'] as const) {
    const world = makeWorld();
    const history = open(world, { lines: 'snapCount=2' });
    append(world, history, [1n, 2n]);
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    const mustEnd = kind === 'append' || kind === 'epoch';
    if (kind === 'saving') history.saveIntake(receive(history, databaseOf([[1n, 1]])), done);
    if (kind === 'cutting') history.truncate(1n, done);
    if (kind === 'snapshot') history.applied(100, 100);
    if (kind === 'append') history.append(batchOf(3n), done);
    if (kind === 'epoch') history.saveEpoch('acceptedEpoch', 4, done);
    for (let steps = 0; steps < 4 && kind === 'saving'; steps++) world.clock.step();
    run<void>(world, (closed) => history.close(closed));
    world.clock.run();
    if (!mustEnd) assert.ok(!isDone, kind);
    const names = world.files.list(directory);
    assert.ok(!names.some((name) => name.startsWith('tmp-')), `${kind}: ${names}`);
    const again = open(makeWorld(world.files));
    assert.equal(again.lastZxid, kind === 'append' ? 3n : 2n, kind);
    if (kind === 'epoch') assert.equal(again.epochs.acceptedEpoch, 4);
  }
});

test('sessions of the log are seen', () => {
  const world = makeWorld();
  const history = open(world);
  const batch = batchFrom([1n, 2n], (zxid) => sessionTxn(zxid, 90n + zxid));
  run<void>(world, (done) => history.append(batch, done));
  const seen: bigint[] = [];
  open(close(world, history), { sessionSeen: (id) => seen.push(id) });
  assert.deepEqual(seen, [91n, 92n]);
});
