/**
 * Requests of clients at a learner and at its leader: a write goes to the leader and is answered when it is committed
 * here; reads wait behind the writes and syncs of their own connection and nobody else's; what others commit is
 * applied, and watchers hear of it; what is refused is refused in its place.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorCode } from '../../src/proto/errors.ts';
import { EventType, OpCode } from '../../src/proto/opcodes.ts';
import { FakeEnsemble } from '../support/fake-ensemble.ts';
import type { Body } from '../support/fake-session.ts';
import { createBody, FakeSession } from '../support/fake-session.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const pathBody =
  (path: string): Body =>
  (out) =>
    out.ustring(path);

const readBody =
  (path: string, watch = false): Body =>
  (out) => {
    out.ustring(path);
    out.boolean(watch);
  };

const setBody =
  (path: string, data: string, version = -1): Body =>
  (out) => {
    out.ustring(path);
    out.buffer(bytes(data));
    out.int(version);
  };

function dataOf(session: FakeSession, path: string): string {
  const reply = session.ask(OpCode.getData, readBody(path));
  assert.equal(reply?.err, 0, path);
  return new TextDecoder().decode(reply.body.buffer() ?? undefined);
}

function xids(session: FakeSession): number[] {
  return session.replies().map(({ xid }) => xid);
}

describe('a write at a learner that cannot be read', () => {
  const whole = [0, 0, 0, 2, 0x2f, 0x61, 0, 0, 0, 1, 7, 0, 0, 0, 0];
  for (const [name, type] of Object.entries(OpCode)) {
    if (!['create', 'create2', 'createTTL', 'setData', 'setACL', 'delete', 'multi'].includes(name))
      continue;
    it(`${name}: is MarshallingError in its place, and spends one zxid`, () => {
      const ensemble = new FakeEnsemble();
      const { server } = ensemble.learner();
      const session = new FakeSession(server);
      const before = server.replica.database.lastProcessedZxid;
      const err = session.err(type, (out) => {
        for (const byte of whole.slice(0, 5)) out.byte(byte);
      });
      assert.equal(err, ErrorCode.MarshallingError);
      assert.equal(server.replica.database.lastProcessedZxid, before + 1n);
      assert.equal(session.err(OpCode.create, createBody('/after', bytes('x'))), 0);
    });
  }
});

describe('a write at a learner', () => {
  it('is answered with the zxid that its leader gave it, once it is committed here', () => {
    const ensemble = new FakeEnsemble();
    const { server, down } = ensemble.learner();
    const session = new FakeSession(server);
    down.hold();
    assert.equal(session.ask(OpCode.create, createBody('/a', bytes('1'))), undefined);
    // The leader has it, and so has the other learner.
    assert.equal(dataOf(new FakeSession(ensemble.leader), '/a'), '1');
    assert.equal(dataOf(new FakeSession(ensemble.learner(1).server), '/a'), '1');
    down.release();
    ensemble.run();
    const [reply] = session.replies();
    assert.equal(reply?.err, 0);
    assert.equal(reply.body.ustring(), '/a');
    // The sessions took a counter each, the one of the leader's own client came behind the create.
    assert.equal(reply.zxid, (1n << 32n) + 2n);
    assert.equal(server.replica.outstanding, 0);
    assert.equal(ensemble.leader.replica.outstanding, 0);
  });

  it('of any kind becomes the same transaction everywhere', () => {
    const ensemble = new FakeEnsemble();
    const { server } = ensemble.learner();
    const session = new FakeSession(server);
    const create2 = session.ask(OpCode.create2, createBody('/b', bytes('x'), 1));
    assert.equal(create2?.err, 0);
    assert.equal(create2.body.ustring(), '/b');
    assert.equal(session.err(OpCode.setData, setBody('/b', 'y', 0)), 0);
    assert.equal(session.err(OpCode.setData, setBody('/b', 'y', 0)), ErrorCode.BadVersion);
    assert.equal(
      session.err(OpCode.delete, (out) => {
        out.ustring('/none');
        out.int(-1);
      }),
      ErrorCode.NoNode,
    );
    const digests = ensemble.servers.map(({ database }) => database.tree.digest);
    assert.deepEqual(digests, [digests[0], digests[0], digests[0]]);
    for (const { database } of ensemble.servers) {
      assert.equal(database.digestMismatches, 0);
      assert.equal(database.lastProcessedZxid, ensemble.leader.database.lastProcessedZxid);
    }
    // Errors were transactions: create session, create, set, and two that failed.
    assert.equal(ensemble.leader.txns.length, 5);
  });

  it('that cannot be read is refused in its place', () => {
    const ensemble = new FakeEnsemble();
    const session = new FakeSession(ensemble.learner().server);
    const replies = session.askAll([
      [OpCode.create, createBody('/a', null)],
      [OpCode.create, new Uint8Array([0, 0])],
      [OpCode.create, createBody('/a', null)],
    ]);
    const { MarshallingError, NodeExists } = ErrorCode;
    assert.deepEqual(
      replies.map(({ err }) => err),
      [0, MarshallingError, NodeExists],
    );
  });

  it('of a container sweep is refused in the order of writes, at the leader as at a learner', () => {
    const ensemble = new FakeEnsemble();
    for (const server of ensemble.servers) {
      const session = new FakeSession(server);
      const path = `/x${server.sessions.count}`;
      const replies = session.askAll([
        [OpCode.create, createBody(path, null)],
        [OpCode.deleteContainer, pathBody(path)],
        [OpCode.exists, readBody(path)],
        [
          OpCode.delete,
          (out) => {
            out.ustring(path);
            out.int(-1);
          },
        ],
      ]);
      assert.deepEqual(
        replies.map(({ err }) => err),
        [0, ErrorCode.BadArguments, 0, 0],
      );
    }
  });

  it('keeps its place among those of the same connection', () => {
    const ensemble = new FakeEnsemble();
    const { server, up, down } = ensemble.learner();
    const session = new FakeSession(server);
    up.hold();
    for (let i = 0; i < 20; i++) {
      session.askAll([
        [OpCode.create, createBody(`/n${i}`, null)],
        [OpCode.exists, readBody(`/n${i}`)],
      ]);
    }
    assert.deepEqual(xids(session), []);
    up.release(5);
    ensemble.run();
    assert.deepEqual(xids(session), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    down.hold();
    up.release();
    ensemble.run();
    down.release(1);
    ensemble.run();
    assert.deepEqual(xids(session), [11, 12]);
    down.release();
    ensemble.run();
    assert.deepEqual(
      xids(session),
      Array.from({ length: 28 }, (_, i) => 13 + i),
    );
    assert.equal(server.replica.outstanding, 0);
  });
});

describe('a read', () => {
  it('waits behind the writes of its own connection and nobody else’s', () => {
    const ensemble = new FakeEnsemble();
    for (const server of ensemble.servers) {
      const writer = new FakeSession(server);
      const reader = new FakeSession(server);
      ensemble.holdsCommits = true;
      const path = `/r${ensemble.servers.indexOf(server)}`;
      writer.askAll([
        [OpCode.create, createBody(path, null)],
        [OpCode.exists, readBody(path)],
      ]);
      assert.equal(reader.err(OpCode.exists, readBody(path)), ErrorCode.NoNode);
      assert.deepEqual(xids(writer), []);
      ensemble.releaseCommits();
      assert.deepEqual(
        writer.replies().map(({ err }) => err),
        [0, 0],
      );
      assert.equal(reader.err(OpCode.exists, readBody(path)), 0);
    }
  });

  it('is asked with the ids that its sender had when it came', () => {
    const ensemble = new FakeEnsemble();
    const { server, down } = ensemble.learner();
    const owner = new FakeSession(server, {}, 'user:secret');
    owner.ask(OpCode.create, (out) => {
      out.ustring('/mine');
      out.buffer(null);
      out.int(1);
      out.int(31);
      out.ustring('auth');
      out.ustring('');
      out.int(0);
    });
    const other = new FakeSession(server);
    down.hold();
    other.askAll([
      [OpCode.create, createBody('/o', null)],
      [OpCode.getData, readBody('/mine')],
    ]);
    other.client.sendFrame(authFrame('user:secret'));
    const authenticated = other.askAll([[OpCode.getData, readBody('/mine')]]);
    assert.deepEqual(
      authenticated.map(({ xid, err }) => [xid, err]),
      [[-4, 0]],
    );
    down.release();
    ensemble.run();
    assert.deepEqual(
      other.replies().map(({ xid, err }) => [xid, err]),
      [
        [1, 0],
        [2, ErrorCode.NoAuth],
        [3, 0],
      ],
    );
    // The leader was told who asks, too.
    assert.equal(other.err(OpCode.setData, setBody('/mine', 'x')), 0);
    assert.equal(
      new FakeSession(server).err(OpCode.setData, setBody('/mine', 'x')),
      ErrorCode.NoAuth,
    );
  });
});

function authFrame(auth: string): Uint8Array {
  const text = bytes(auth);
  const out = new Uint8Array(8 + 4 + 4 + 6 + 4 + text.length);
  const view = new DataView(out.buffer);
  view.setInt32(0, -4);
  view.setInt32(4, OpCode.auth);
  view.setInt32(12, 6);
  out.set(bytes('digest'), 16);
  view.setInt32(22, text.length);
  out.set(text, 26);
  return out;
}

describe('a sync', () => {
  it('at a learner brings what was committed before it was asked', () => {
    const ensemble = new FakeEnsemble();
    const { server, down } = ensemble.learner();
    const reader = new FakeSession(server);
    const writer = new FakeSession(ensemble.leader);
    down.hold();
    writer.ask(OpCode.create, createBody('/s', bytes('new')));
    assert.equal(reader.err(OpCode.exists, readBody('/s')), ErrorCode.NoNode);
    reader.askAll([
      [OpCode.sync, pathBody('/s')],
      [OpCode.getData, readBody('/s')],
    ]);
    assert.deepEqual(xids(reader), []);
    down.release();
    ensemble.run();
    const [sync, data] = reader.replies();
    assert.equal(sync?.err, 0);
    assert.equal(sync.body.ustring(), '/s');
    assert.equal(data?.err, 0);
  });

  it('waits at the leader for what is proposed; with nothing under way it waits for nothing', () => {
    const ensemble = new FakeEnsemble();
    const reader = new FakeSession(ensemble.leader);
    const writer = new FakeSession(ensemble.leader);
    assert.equal(reader.err(OpCode.sync, pathBody('/')), 0);
    ensemble.holdsCommits = true;
    writer.askAll([[OpCode.create, createBody('/s', null)]]);
    reader.askAll([
      [OpCode.sync, pathBody('/s')],
      [OpCode.exists, readBody('/s')],
    ]);
    assert.deepEqual(xids(reader), []);
    ensemble.releaseCommits();
    assert.deepEqual(
      reader.replies().map(({ err }) => err),
      [0, 0],
    );
  });

  it('of many connections are answered in the order of asking, each with its own path', () => {
    const ensemble = new FakeEnsemble();
    const { server, down } = ensemble.learner();
    const sessions = Array.from({ length: 5 }, () => new FakeSession(server));
    down.hold();
    sessions.forEach((session, i) => {
      session.askAll([
        [OpCode.sync, pathBody(`/${i}a`)],
        [OpCode.sync, pathBody(`/${i}b`)],
        [OpCode.create, createBody(`/${i}`, null)],
        [OpCode.sync, pathBody(`/${i}c`)],
        [OpCode.exists, readBody(`/${i}`)],
      ]);
    });
    // One goes in between.
    sessions[2]?.client.leave();
    down.release();
    ensemble.run();
    sessions.forEach((session, i) => {
      const replies = session.replies();
      if (i === 2) {
        assert.deepEqual(replies, []);
        return;
      }
      const exists = replies.pop();
      assert.deepEqual([exists?.xid, exists?.err], [5, 0]);
      assert.deepEqual(
        replies.map(({ xid, err, body }) => [xid, err, body.ustring()]),
        [
          [1, 0, `/${i}a`],
          [2, 0, `/${i}b`],
          [3, 0, `/${i}`],
          [4, 0, `/${i}c`],
        ],
      );
    });
    assert.equal(server.replica.outstanding, 0);
    assert.equal(server.replica.isIdle, true);
  });
});

describe('what others commit', () => {
  it('fires the watches of a learner’s clients, before any reply that shows it', () => {
    const ensemble = new FakeEnsemble();
    const watcher = new FakeSession(ensemble.learner(0).server);
    const writer = new FakeSession(ensemble.learner(1).server);
    writer.ask(OpCode.create, createBody('/w', null));
    assert.equal(watcher.err(OpCode.getData, readBody('/w', true)), 0);
    assert.equal(watcher.err(OpCode.getChildren, readBody('/w', true)), 0);
    assert.equal(watcher.err(OpCode.exists, readBody('/w/c', true)), ErrorCode.NoNode);
    writer.ask(OpCode.create, createBody('/w/c', null));
    writer.ask(OpCode.setData, setBody('/w', '2'));
    assert.equal(dataOf(watcher, '/w'), '2');
    const seen = watcher.events.map(({ type, path }) => [type, path]);
    assert.deepEqual(seen, [
      [EventType.NodeCreated, '/w/c'],
      [EventType.NodeChildrenChanged, '/w'],
      [EventType.NodeDataChanged, '/w'],
    ]);
  });

  it('is not taken for a write of our own with the same xid', () => {
    const ensemble = new FakeEnsemble();
    const here = ensemble.learner(0);
    const mine = new FakeSession(here.server);
    const theirs = new FakeSession(ensemble.learner(1).server);
    here.up.hold();
    mine.askAll([[OpCode.create, createBody('/same', bytes('mine'))]]);
    theirs.ask(OpCode.create, createBody('/same', bytes('theirs')));
    assert.deepEqual(xids(mine), []);
    here.up.release();
    ensemble.run();
    assert.deepEqual(
      mine.replies().map(({ xid, err }) => [xid, err]),
      [[1, ErrorCode.NodeExists]],
    );
  });

  it('nor, of a session that moved here and counts anew, for a write of another kind', () => {
    const ensemble = new FakeEnsemble();
    const old = new FakeSession(ensemble.learner(0).server);
    ensemble.holdsCommits = true;
    old.askAll([[OpCode.create, createBody('/moved', bytes('1'))]]);
    const moved = new FakeSession(ensemble.learner(1).server, { ...old.connected });
    assert.equal(moved.connected.sessionId, old.connected.sessionId);
    moved.askAll([[OpCode.setData, setBody('/moved', '2')]]);
    ensemble.releaseCommits();
    const [reply, ...rest] = moved.replies();
    assert.deepEqual(rest, []);
    assert.equal(reply?.err, 0);
    assert.equal(reply.body.remaining, 68, 'a Stat');
    assert.equal(dataOf(moved, '/moved'), '2');
  });

  it('nor for one that came behind a sync, which is answered first', () => {
    const ensemble = new FakeEnsemble();
    const old = new FakeSession(ensemble.learner(0).server);
    ensemble.holdsCommits = true;
    old.askAll([
      [OpCode.create, createBody('/old-1', null)],
      [OpCode.create, createBody('/old-2', null)],
    ]);
    const moved = new FakeSession(ensemble.learner(1).server, { ...old.connected });
    moved.askAll([
      [OpCode.sync, pathBody('/')],
      [OpCode.create, createBody('/new', null)],
      [OpCode.exists, readBody('/old-2')],
    ]);
    ensemble.releaseCommits();
    const replies = moved.replies();
    assert.deepEqual(
      replies.map(({ xid, err }) => [xid, err]),
      [
        [1, 0],
        [2, 0],
        [3, 0],
      ],
    );
    assert.equal(replies[1]?.body.ustring(), '/new');
    assert.equal(ensemble.learner(1).server.replica.outstanding, 0);
  });
});
