/**
 * A read-only server between two terms leaves no trace in the history: Java's gave zxids to the
 * sessions it opened, put them among the committed transactions it would serve as a leader, and so
 * had good logs of learners cut away.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planSync } from '../../src/core/zab/learner-sync.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import { emptyDatabase, FakeServer, FakeWorld } from '../support/fake-server.ts';
import type { Body } from '../support/fake-session.ts';
import { createBody, FakeSession } from '../support/fake-session.ts';
import { historyOf } from './zab/hand-made-packets.ts';

const readAndWatch: Body = (out) => {
  out.ustring('/a');
  out.boolean(true);
};

const options = { localSessions: true, localSessionsUpgrading: true };

test('row 19 (ZOOKEEPER-3526): a server that was read-only uses up no zxid, and cuts nobody’s log', () => {
  const world = new FakeWorld();
  const database = emptyDatabase();
  const place = { world, database, serverId: 3 };
  const before = new FakeServer(options, { ...place, role: { kind: 'lone' } });
  const writer = new FakeSession(before);
  for (const path of ['/a', '/b', '/c']) {
    assert.equal(writer.err(OpCode.create, createBody(path, null)), 0);
  }
  before.driver.stop();
  const last = database.lastProcessedZxid;
  assert.equal(last, BigInt(before.txns.length));

  const { sessions } = before;
  const readOnly = new FakeServer(options, { ...place, sessions, role: { kind: 'readOnly' } });
  const readers = [1, 2, 3].map(() => new FakeSession(readOnly, { readOnly: true }));
  for (const reader of readers) {
    const [read, refused] = reader.askAll([
      [OpCode.getData, readAndWatch],
      [OpCode.create, createBody('/d', null, 1)],
    ]);
    assert.deepEqual([read?.zxid, refused?.zxid], [last, last], 'what replies show');
  }
  readers[0]?.err(OpCode.closeSession);
  readOnly.advance(60_000);
  assert.ok(!readers.some(({ isOpen }) => isOpen), 'one closed, two expired');
  readOnly.driver.stop();
  assert.deepEqual(readOnly.txns, []);
  assert.equal(database.lastProcessedZxid, last, 'what it votes with, and tells its next leader');

  const after = new FakeServer(options, { ...place, sessions, role: { kind: 'lone' } });
  const again = new FakeSession(after);
  const reply = again.ask(OpCode.create, createBody('/d', null));
  assert.equal(reply?.zxid, last + 1n, 'the next, without a gap');
});

test('row 19: whatever a leader has left in memory, it cuts nobody short of what it has committed', () => {
  for (let end = 1n; end <= 5n; end++) {
    for (let kept = 0n; kept <= end; kept++) {
      const committed = historyOf(...range(end - kept + 1n, end));
      for (const learnerZxid of range(1n, end)) {
        for (const hasFrom of [true, false]) {
          const situation = { learnerZxid, lastZxid: end, previousEpoch: 0, committed };
          const bounds = { from: learnerZxid, to: end, bytes: 1 };
          const next = learnerZxid < end ? learnerZxid + 1n : undefined;
          const log = hasFrom ? { ...bounds, hasFrom, before: learnerZxid, next } : undefined;
          const plan = planSync({ ...situation, log, logBytesMax: 1000, forceSnapshot: false });
          assert.notEqual(plan.kind, 'TRUNC', `${learnerZxid} of ${end}, ${kept} in memory`);
        }
      }
    }
  }
});

function range(from: bigint, to: bigint): bigint[] {
  const zxids: bigint[] = [];
  for (let zxid = from; zxid <= to; zxid++) zxids.push(zxid);
  return zxids;
}
