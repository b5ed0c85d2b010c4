/**
 * Sessions of an ensemble: they open, move and end by the leader's word, wherever their clients are; whoever is left
 * behind by a move is cut off without an answer; ephemerals go with their session on every server. When they
 * expire is told in ensemble-terms.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorCode } from '../../src/proto/errors.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import { FakeEnsemble } from '../support/fake-ensemble.ts';
import type { FakeServer } from '../support/fake-server.ts';
import type { Body } from '../support/fake-session.ts';
import { createBody, FakeSession } from '../support/fake-session.ts';
import type { Connected } from '../support/raw-client.ts';
import { connectPayload, readConnected, readReply, requestPayload } from '../support/raw-client.ts';

const ephemeral = 1;
const ping = requestPayload(-2, OpCode.ping);

const readBody =
  (path: string): Body =>
  (out) => {
    out.ustring(path);
    out.boolean(false);
  };

const setBody =
  (path: string): Body =>
  (out) => {
    out.ustring(path);
    out.buffer(null);
    out.int(-1);
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

describe('a session', () => {
  it('opens at a learner when its transaction is committed there, and not before', () => {
    const ensemble = new FakeEnsemble();
    const { server, down } = ensemble.learner();
    down.hold();
    const client = server.connect();
    client.sendFrame(connectPayload({ timeOutMs: 8000 }));
    // What follows is answered behind it.
    client.sendFrame(ping);
    client.sendFrame(requestPayload(1, OpCode.exists, readBody('/')));
    ensemble.run();
    assert.deepEqual(client.frames, []);
    down.release();
    ensemble.run();
    const [connect, ...replies] = client.take();
    assert.ok(connect !== undefined);
    const connected = readConnected(connect);
    assert.equal(connected.timeOut, 8000);
    assert.equal(connected.readOnly, false);
    assert.deepEqual(
      replies.map((frame) => readReply(frame)).map(({ xid, err }) => [xid, err]),
      [
        [-2, 0],
        [1, 0],
      ],
    );
    // Its id is of the learner, and every server has it in its table.
    assert.equal(BigInt.asUintN(64, connected.sessionId) >> 56n, 2n);
    for (const { database } of ensemble.servers) {
      assert.equal(database.sessions.get(connected.sessionId), 8000);
    }
    assert.equal(known(ensemble.leader, connected)?.owner, ensemble.learner().link);
    assert.equal(known(ensemble.learner(1).server, connected), undefined);
  });

  it('ends when its client says so, on every server, with its ephemerals', () => {
    const ensemble = new FakeEnsemble();
    for (const server of ensemble.servers) {
      const session = new FakeSession(server);
      const { sessionId } = session.connected;
      assert.equal(session.err(OpCode.create, createBody('/e', null, ephemeral)), 0);
      assert.equal(session.err(OpCode.closeSession), 0);
      assert.equal(session.client.end, 'ended');
      for (const other of ensemble.servers) {
        assert.equal(other.database.sessions.has(sessionId), false);
        assert.equal(other.sessions.get(sessionId), undefined);
        assert.equal(hasNode(other, '/e'), false);
      }
    }
  });

  it('is gone for what comes behind its end', () => {
    const ensemble = new FakeEnsemble();
    const session = new FakeSession(ensemble.learner().server);
    const replies = session.askAll([
      [OpCode.create, createBody('/a', null)],
      [OpCode.closeSession],
      [OpCode.create, createBody('/b', null)],
      [OpCode.exists, readBody('/a')],
    ]);
    assert.deepEqual(
      replies.map(({ xid, err }) => [xid, err]),
      [
        [1, 0],
        [2, 0],
      ],
    );
    assert.equal(hasNode(ensemble.leader, '/b'), false);
    assert.equal(ensemble.learner().server.replica.outstanding, 0);
  });

  it('may be ended by a connection that it has left', () => {
    const ensemble = new FakeEnsemble();
    const [a, b] = [ensemble.learner(0).server, ensemble.learner(1).server];
    const old = new FakeSession(a);
    const moved = reopen(b, old.connected);
    assert.equal(old.err(OpCode.closeSession), 0);
    assert.equal(moved.client.end, 'destroyed');
    assert.equal(ensemble.leader.database.sessions.size, 0);
  });

  it('that nobody knows may be closed: a transaction all the same', () => {
    const ensemble = new FakeEnsemble();
    const session = new FakeSession(ensemble.learner().server);
    const { up } = ensemble.learner();
    up.hold();
    session.askAll([[OpCode.closeSession]]);
    // The leader thinks it has expired before that comes.
    const { sessionId } = session.connected;
    const leaders = ensemble.leader.sessions;
    const before = ensemble.leader.txns.length;
    ensemble.world.advance(60_000);
    ensemble.run();
    assert.equal(leaders.get(sessionId), undefined);
    assert.equal(ensemble.leader.txns.length, before + 1);
    assert.notEqual(session.client.end, 'open');
    up.release();
    ensemble.run();
    assert.equal(ensemble.leader.txns.length, before + 2);
    assert.equal(ensemble.learner().server.replica.outstanding, 0);
  });
});

describe('a session that moved', () => {
  const moves: readonly (readonly [string, number, number])[] = [
    ['from a learner to another', 1, 2],
    ['from a learner to the leader', 1, 0],
    ['from the leader to a learner', 0, 1],
  ];
  for (const [name, from, to] of moves) {
    it(`${name} writes there; who writes at its old place is cut off without an answer`, () => {
      const ensemble = new FakeEnsemble();
      const { servers } = ensemble;
      const [a, b] = [servers[from] as FakeServer, servers[to] as FakeServer];
      const old = new FakeSession(a);
      assert.equal(old.err(OpCode.create, createBody('/e', null, ephemeral)), 0);
      const moved = reopen(b, old.connected);
      assert.equal(moved.connected.sessionId, old.connected.sessionId);
      assert.equal(moved.err(OpCode.setData, setBody('/e')), 0);
      assert.deepEqual(old.askAll([[OpCode.setData, setBody('/e')]]), []);
      assert.notEqual(old.client.end, 'open');
      assert.equal(moved.err(OpCode.setData, setBody('/e')), 0);
      // The end of the old connection takes nothing from the session.
      assert.equal(moved.isOpen, true);
      assert.equal(hasNode(b, '/e'), true);
    });

    it(`${name} and back`, () => {
      const ensemble = new FakeEnsemble();
      const { servers } = ensemble;
      const [a, b] = [servers[from] as FakeServer, servers[to] as FakeServer];
      const old = new FakeSession(a);
      const moved = reopen(b, old.connected);
      const back = reopen(a, old.connected);
      assert.equal(old.client.end, 'destroyed', 'its server has a newer connection');
      assert.equal(back.err(OpCode.create, createBody('/e', null, ephemeral)), 0);
      assert.deepEqual(moved.askAll([[OpCode.create, createBody('/f', null)]]), []);
      assert.notEqual(moved.client.end, 'open');
      assert.equal(hasNode(a, '/f'), false);
    });
  }

  it('is not multi’s to use: cut off without an answer, nothing is done', () => {
    const ensemble = new FakeEnsemble();
    for (const from of ensemble.servers) {
      const old = new FakeSession(from);
      const to = ensemble.servers.find((server) => server !== from);
      reopen(to as FakeServer, old.connected);
      const multi: Body = (out) => {
        out.int(OpCode.create);
        out.boolean(false);
        out.int(-1);
        (createBody('/m', null) as (out: unknown) => void)(out);
        out.int(-1);
        out.boolean(true);
        out.int(-1);
      };
      assert.deepEqual(old.askAll([[OpCode.multi, multi]]), []);
      assert.notEqual(old.client.end, 'open');
      assert.equal(hasNode(from, '/m'), false);
    }
  });

  it('does not read at its old place when that is the leader, whose answers before go out', () => {
    const ensemble = new FakeEnsemble();
    const old = new FakeSession(ensemble.leader);
    ensemble.holdsCommits = true;
    old.askAll([
      [OpCode.create, createBody('/a', null)],
      [OpCode.exists, readBody('/a')],
    ]);
    reopen(ensemble.learner().server, old.connected);
    assert.deepEqual(old.askAll([[OpCode.exists, readBody('/a')]]), []);
    ensemble.releaseCommits();
    // What was asked before the move is answered before the end.
    assert.deepEqual(
      old.replies().map(({ xid, err }) => [xid, err]),
      [
        [1, 0],
        [2, 0],
      ],
    );
    assert.equal(old.client.end, 'ended');
  });

  it('has no late writes: what was under way at its old place is refused, were it to leave the new one', () => {
    const ensemble = new FakeEnsemble();
    const { server, up } = ensemble.learner();
    const old = new FakeSession(server);
    up.hold();
    old.askAll([[OpCode.create, createBody('/late', null)]]);
    const moved = reopen(ensemble.leader, old.connected);
    assert.equal(moved.err(OpCode.exists, readBody('/late')), ErrorCode.NoNode);
    moved.client.leave();
    up.release();
    ensemble.run();
    assert.notEqual(old.client.end, 'open');
    assert.equal(hasNode(ensemble.leader, '/late'), false);
    const again = reopen(ensemble.learner(1).server, old.connected);
    assert.equal(again.err(OpCode.create, createBody('/late', null)), 0);
  });

  it('tells it to who only pings at the leader', () => {
    const ensemble = new FakeEnsemble();
    const old = new FakeSession(ensemble.leader);
    reopen(ensemble.learner().server, old.connected);
    old.client.sendFrame(ping);
    ensemble.run();
    assert.deepEqual(old.replies(), []);
    assert.equal(old.client.end, 'ended');
  });

  it('takes all its connections along when it ends', () => {
    const ensemble = new FakeEnsemble();
    const [leader, a, b] = ensemble.servers as [FakeServer, FakeServer, FakeServer];
    const first = new FakeSession(leader);
    const second = reopen(a, first.connected);
    const third = reopen(b, first.connected);
    assert.equal(third.err(OpCode.closeSession), 0);
    assert.deepEqual([first.client.end, second.client.end], ['destroyed', 'destroyed']);
  });

  it('may still read at a learner it has left, which cannot know', () => {
    const ensemble = new FakeEnsemble();
    const old = new FakeSession(ensemble.learner(0).server);
    reopen(ensemble.learner(1).server, old.connected);
    assert.equal(old.err(OpCode.exists, readBody('/')), 0);
  });
});

describe('a learner asks its leader for a session that comes back', () => {
  it('and what its client sent behind the request waits for the answer', () => {
    const ensemble = new FakeEnsemble();
    const { server, up } = ensemble.learner();
    const { connected } = new FakeSession(ensemble.leader);
    up.hold();
    const client = server.connect();
    const { sessionId, passwd } = connected;
    client.sendFrame(connectPayload({ sessionId, passwd }));
    client.sendFrame(ping);
    client.sendFrame(requestPayload(1, OpCode.create, createBody('/behind', null)));
    client.sendFrame(requestPayload(2, OpCode.exists, readBody('/behind')));
    ensemble.run();
    assert.deepEqual(client.frames, []);
    assert.equal(server.replica.outstanding, 4);
    up.release();
    ensemble.run();
    const [first, ...replies] = client.take();
    assert.equal(readConnected(first as Uint8Array).sessionId, sessionId);
    assert.deepEqual(
      replies.map((frame) => readReply(frame)).map(({ xid, err }) => [xid, err]),
      [
        [-2, 0],
        [1, 0],
        [2, 0],
      ],
    );
    assert.equal(server.replica.outstanding, 0);
  });

  it('that is gone: refused, and nothing behind the request is done', () => {
    const ensemble = new FakeEnsemble();
    const { server } = ensemble.learner();
    const gone = new FakeSession(ensemble.leader);
    gone.ask(OpCode.closeSession);
    const client = server.connect();
    const { sessionId, passwd } = gone.connected;
    client.sendFrame(connectPayload({ sessionId, passwd }));
    client.sendFrame(requestPayload(1, OpCode.create, createBody('/behind', null)));
    ensemble.run();
    const [first, ...rest] = client.take();
    const refused = readConnected(first as Uint8Array);
    assert.deepEqual([refused.sessionId, refused.timeOut, rest.length], [0n, 0, 0]);
    assert.equal(client.end, 'ended');
    assert.equal(hasNode(server, '/behind'), false);
    assert.equal(server.replica.outstanding, 0);
  });

  it('that is ending: refused', () => {
    const ensemble = new FakeEnsemble();
    const ending = new FakeSession(ensemble.leader);
    ensemble.holdsCommits = true;
    ending.askAll([[OpCode.closeSession]]);
    const client = ensemble.learner().server.connect();
    const { sessionId, passwd } = ending.connected;
    client.sendFrame(connectPayload({ sessionId, passwd }));
    ensemble.run();
    assert.equal(readConnected(client.take()[0] as Uint8Array).sessionId, 0n);
    assert.equal(client.end, 'ended');
  });

  it('but not with a wrong password', () => {
    const ensemble = new FakeEnsemble();
    const { server, up } = ensemble.learner();
    const old = new FakeSession(ensemble.leader);
    up.hold();
    const client = server.connect();
    client.sendFrame(connectPayload({ sessionId: old.connected.sessionId }));
    ensemble.run();
    assert.equal(up.waiting, 0);
    assert.equal(readConnected(client.take()[0] as Uint8Array).sessionId, 0n);
    assert.equal(old.err(OpCode.exists, readBody('/')), 0);
  });

  it('for two connections at once: the later has it, the earlier is cut off', () => {
    const ensemble = new FakeEnsemble();
    const { server, up } = ensemble.learner();
    const { sessionId, passwd } = new FakeSession(ensemble.leader).connected;
    up.hold();
    const clients = [server.connect(), server.connect(), server.connect()];
    for (const client of clients) client.sendFrame(connectPayload({ sessionId, passwd }));
    ensemble.run();
    clients[1]?.leave();
    up.release();
    ensemble.run();
    assert.deepEqual(
      clients.map(({ end }) => end),
      ['destroyed', 'open', 'open'],
    );
    assert.equal(clients[2]?.take().length, 1);
    assert.equal(clients[1]?.take().length, 0);
    clients[2]?.sendFrame(requestPayload(1, OpCode.create, createBody('/a', null)));
    ensemble.run();
    assert.equal(readReply(clients[2]?.take()[0] as Uint8Array).err, 0);
    assert.equal(server.replica.outstanding, 0);
  });

  it('of its own, again', () => {
    const ensemble = new FakeEnsemble();
    const { server } = ensemble.learner();
    const first = new FakeSession(server);
    assert.equal(first.err(OpCode.create, createBody('/e', null, ephemeral)), 0);
    const second = reopen(server, first.connected);
    assert.equal(first.client.end, 'destroyed');
    assert.equal(second.err(OpCode.setData, setBody('/e')), 0);
  });

  it('unless the client has seen more than the learner has', () => {
    const ensemble = new FakeEnsemble();
    const { server, down } = ensemble.learner();
    const { connected, ...session } = new FakeSession(ensemble.leader);
    assert.ok(session);
    down.hold();
    new FakeSession(ensemble.leader).ask(OpCode.create, createBody('/ahead', null));
    const lastZxidSeen = ensemble.leader.database.lastProcessedZxid;
    const { sessionId, passwd } = connected;
    const client = server.connect();
    client.sendFrame(connectPayload({ sessionId, passwd, lastZxidSeen }));
    ensemble.run();
    assert.equal(client.end, 'destroyed');
    down.release();
    ensemble.run();
    const again = new FakeSession(server, { sessionId, passwd, lastZxidSeen });
    assert.equal(again.connected.sessionId, sessionId);
  });
});
