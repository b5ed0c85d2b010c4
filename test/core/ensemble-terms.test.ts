/**
 * Time and terms: silence ends sessions by the leader's word and by the timeout that was agreed on last; a new term
 * gives every session its whole time again; a term whose counters are used up begins nothing more. And what
 * is too much on its way at a learner.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorCode } from '../../src/proto/errors.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import { FakeEnsemble } from '../support/fake-ensemble.ts';
import { emptyDatabase, FakeServer, FakeWorld } from '../support/fake-server.ts';
import type { Body } from '../support/fake-session.ts';
import { createBody, FakeSession } from '../support/fake-session.ts';
import type { Connected } from '../support/raw-client.ts';
import { connectPayload, requestPayload } from '../support/raw-client.ts';

const ephemeral = 1;
const ping = requestPayload(-2, OpCode.ping);

const readBody =
  (path: string): Body =>
  (out) => {
    out.ustring(path);
    out.boolean(false);
  };

/** Comes back with its session. */
function reopen(server: FakeServer, { sessionId, passwd }: Connected, timeOutMs = 10_000) {
  return new FakeSession(server, { sessionId, passwd, timeOutMs });
}

/** The session as this server knows it. */
function known(server: FakeServer, { sessionId }: Connected) {
  return server.sessions.get(sessionId);
}

function hasNode(server: FakeServer, path: string): boolean {
  return new FakeSession(server).err(OpCode.exists, readBody(path)) === 0;
}

describe('silence', () => {
  it('ends a learner’s session by the leader’s word, and its connection', () => {
    const ensemble = new FakeEnsemble();
    const { server } = ensemble.learner();
    const silent = new FakeSession(server, { timeOutMs: 6000 });
    const alive = new FakeSession(server, { timeOutMs: 6000 });
    assert.equal(silent.err(OpCode.create, createBody('/e', null, ephemeral)), 0);
    for (let passed = 0; passed < 12_000; passed += 2000) {
      ensemble.advance(2000);
      alive.client.sendFrame(ping);
      ensemble.run();
    }
    assert.equal(alive.isOpen, true);
    assert.equal(silent.client.end, 'destroyed');
    assert.equal(known(server, silent.connected), undefined);
    for (const each of ensemble.servers) assert.equal(hasNode(each, '/e'), false);
    assert.equal(ensemble.leader.replica.stats.sessionsExpired, 1);
    assert.equal(server.replica.stats.sessionsExpired, 0);
  });

  it('of the learner itself ends the sessions of its clients', () => {
    const ensemble = new FakeEnsemble();
    const learner = ensemble.learner();
    const session = new FakeSession(learner.server, { timeOutMs: 6000 });
    learner.up.hold();
    for (let passed = 0; passed < 12_000; passed += 2000) {
      ensemble.advance(2000);
      session.client.sendFrame(ping);
      ensemble.run();
    }
    assert.equal(ensemble.leader.replica.stats.sessionsExpired, 1);
    assert.equal(session.client.end, 'destroyed');
  });

  it('is measured by the timeout that was agreed on where the session was opened last', () => {
    const ensemble = new FakeEnsemble();
    const first = new FakeSession(ensemble.learner(0).server, { timeOutMs: 4000 });
    const second = reopen(ensemble.learner(1).server, first.connected, 40_000);
    assert.equal(second.connected.timeOut, 40_000);
    ensemble.advance(30_000);
    assert.equal(second.isOpen, true);
    assert.equal(known(ensemble.leader, first.connected)?.timeoutMs, 40_000);
    // Whoever it has left behind has no say in that.
    ensemble.advance(30_000);
    assert.equal(second.client.end, 'destroyed');
  });

  it('a session whose connection is at a learner that hears of it lives on, however little it writes', () => {
    const ensemble = new FakeEnsemble();
    const session = new FakeSession(ensemble.learner().server, { timeOutMs: 4000 });
    for (let passed = 0; passed < 60_000; passed += 1000) {
      session.client.sendFrame(ping);
      ensemble.advance(1000);
    }
    assert.equal(session.isOpen, true);
    assert.equal(session.err(OpCode.create, createBody('/a', null)), 0);
  });
});

describe('the end of a term', () => {
  it('whose counters are used up: no session opens and no write begins', () => {
    const ensemble = new FakeEnsemble({ counterMax: 3 });
    const session = new FakeSession(ensemble.leader);
    const there = new FakeSession(ensemble.learner().server);
    assert.equal(session.err(OpCode.create, createBody('/a', null)), 0);
    assert.deepEqual(session.askAll([[OpCode.create, createBody('/b', null)]]), []);
    assert.deepEqual(there.askAll([[OpCode.create, createBody('/b', null)]]), []);
    assert.deepEqual(session.askAll([[OpCode.sync, (out) => out.ustring('/')]]), []);
    const client = ensemble.leader.connect();
    client.sendFrame(connectPayload());
    client.sendFrame(ping);
    ensemble.run();
    assert.deepEqual(client.frames, []);
    assert.equal(client.end, 'destroyed');
    const elsewhere = ensemble.learner().server.connect();
    elsewhere.sendFrame(connectPayload());
    elsewhere.sendFrame(ping);
    ensemble.run();
    assert.deepEqual(elsewhere.frames, []);
    // Nor does one end.
    ensemble.advance(60_000);
    assert.equal(ensemble.leader.database.sessions.size, 2);
    assert.equal(ensemble.leader.txns.length, 3);
  });
});

describe('too much on its way', () => {
  it('at a learner stops the reading, until half of it is done; silence meanwhile is ours', () => {
    const ensemble = new FakeEnsemble({ server: { globalOutstandingLimit: 10 } });
    const { server, up } = ensemble.learner();
    const session = new FakeSession(server, { timeOutMs: 4000 });
    up.hold();
    for (let i = 0; i < 30; i++) session.askAll([[OpCode.create, createBody(`/n${i}`, null)]]);
    assert.equal(server.replica.outstanding, 11);
    assert.equal(up.waiting, 11);
    up.release(6);
    ensemble.run();
    assert.equal(session.replies().length, 6);
    // All read at once again: beyond the limit by what one reading gives.
    assert.equal(server.replica.outstanding, 11);
    for (let passed = 0; passed < 3000; passed += 1000) ensemble.world.advance(1000);
    assert.equal(session.isOpen, true);
    up.release();
    ensemble.run();
    assert.equal(server.replica.outstanding, 0);
    assert.equal(session.replies().length, 24);
  });

  it('of large requests at a learner ends the connection that sends one more', () => {
    const server = { largeRequestThreshold: 100, largeRequestMaxBytes: 1000 };
    const ensemble = new FakeEnsemble({ server });
    const { server: there, up } = ensemble.learner();
    const session = new FakeSession(there);
    const other = new FakeSession(there);
    up.hold();
    const large = (i: number): Body => createBody(`/l${i}`, new Uint8Array(300));
    for (let i = 0; i < 2; i++) session.askAll([[OpCode.create, large(i)]]);
    other.askAll([[OpCode.create, large(2)]]);
    assert.equal(other.isOpen, false);
    assert.equal(session.isOpen, true);
    up.release();
    ensemble.run();
    assert.equal(session.replies().length, 2);
    assert.equal(session.err(OpCode.create, large(3)), 0);
  });
});

describe('expiry and a write that are both on their way', () => {
  it('what comes to the leader behind the end is refused; the learner cuts the client off', () => {
    const ensemble = new FakeEnsemble();
    const { server, up } = ensemble.learner();
    const session = new FakeSession(server, { timeOutMs: 4000 });
    up.hold();
    session.askAll([
      [OpCode.create, createBody('/late', null)],
      [OpCode.exists, readBody('/late')],
    ]);
    ensemble.world.advance(8000);
    up.release();
    ensemble.run();
    assert.equal(session.client.end, 'destroyed');
    assert.equal(hasNode(ensemble.leader, '/late'), false);
    assert.equal(server.replica.outstanding, 0);
    const errors = ensemble.leader.txns.filter((txn) => {
      const view = new DataView(txn.buffer);
      return view.getInt32(28) === OpCode.error && view.getInt32(32) === ErrorCode.SessionExpired;
    });
    assert.equal(errors.length, 1);
  });
});

describe('a new term', () => {
  /** A leader that proposes to nobody. */
  const leader = { canPropose: true, outstanding: 0, propose: () => {}, sync: () => {} };

  it('gives every session its whole time again', () => {
    const ensemble = new FakeEnsemble();
    const timeouts = [4000, 10_000, 40_000];
    const connected = timeouts.map((timeOutMs, index) => {
      const server = ensemble.servers[index] as FakeServer;
      return new FakeSession(server, { timeOutMs }).connected;
    });
    const [first] = ensemble.learners;
    assert.ok(first !== undefined);
    // Nobody leads for longer than any of them has.
    const { database, sessions } = first.server;
    const world = new FakeWorld();
    world.now = 1_000_000;
    const place = { world, serverId: 2, database, sessions };
    const next = new FakeServer({}, { ...place, role: { kind: 'leader', leader, epoch: 2 } });
    const since = world.now;
    const ends = new Map<bigint, number>();
    while (next.txns.length < 3 && world.now < since + 100_000) {
      next.advance(500);
      for (const txn of next.txns) {
        const view = new DataView(txn.buffer);
        assert.equal(view.getInt32(28), OpCode.closeSession);
        const id = view.getBigInt64(0);
        if (!ends.has(id)) ends.set(id, world.now - since);
      }
    }
    connected.forEach(({ sessionId, timeOut }) => {
      const end = ends.get(sessionId) ?? 0;
      assert.ok(end >= timeOut && end <= timeOut + 2000 + 500, `${timeOut} ms: after ${end} ms`);
    });
  });

  it('knows nothing of the connections of the last, and gives no id twice', () => {
    const world = new FakeWorld();
    const database = emptyDatabase();
    const ensemble = new FakeEnsemble();
    const { server } = ensemble.learner();
    const old = new FakeSession(server);
    old.client.sendFrame(ping);
    server.run();
    const { sessions } = server;
    const place = { world, serverId: 2, database, sessions };
    const next = new FakeServer({}, { ...place, role: { kind: 'leader', leader, epoch: 2 } });
    assert.equal(sessions.count, 0);
    assert.deepEqual([...sessions.takeTouched()], []);
    const client = next.connect();
    client.sendFrame(connectPayload());
    next.run();
    const [created] = next.txns;
    assert.ok(created !== undefined);
    const view = new DataView(created.buffer);
    assert.equal(view.getInt32(28), OpCode.createSession);
    assert.equal(view.getBigInt64(8 + 4), (2n << 32n) | 1n, 'the first zxid of its epoch');
    assert.equal(view.getBigInt64(0), old.connected.sessionId + 1n);
  });

  it('begins with the end of ephemerals whose session is nowhere', () => {
    const ensemble = new FakeEnsemble();
    const session = new FakeSession(ensemble.learner().server);
    assert.equal(session.err(OpCode.create, createBody('/orphan', null, ephemeral)), 0);
    const { database } = ensemble.leader;
    database.sessions.delete(session.connected.sessionId);
    const world = new FakeWorld();
    const role = { kind: 'leader', leader, epoch: 2 } as const;
    const next = new FakeServer({}, { world, serverId: 1, database, role });
    next.run();
    const [txn] = next.txns;
    assert.ok(txn !== undefined);
    const view = new DataView(txn.buffer);
    assert.equal(view.getInt32(28), OpCode.closeSession);
    assert.equal(view.getBigInt64(0), session.connected.sessionId);
  });
});
