/**
 * Local sessions (localSessionsEnabled): known to one server alone, in no transaction; what they write is everybody's.
 * An ephemeral makes them global, or is refused. And the server that has no leader: it serves nothing but these, and
 * nothing but reads.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sessionPassword } from '../../src/core/session/password.ts';
import { ErrorCode } from '../../src/proto/errors.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import { FakeEnsemble } from '../support/fake-ensemble.ts';
import type { FakeClient } from '../support/fake-server.ts';
import { emptyDatabase, FakeServer, FakeWorld } from '../support/fake-server.ts';
import type { Body } from '../support/fake-session.ts';
import { createBody, FakeSession } from '../support/fake-session.ts';
import type { Connected } from '../support/raw-client.ts';
import { connectPayload, readConnected, readReply, requestPayload } from '../support/raw-client.ts';

const { Ok, EphemeralOnLocalSession, NoNode, NotReadOnly, SessionExpired } = ErrorCode;
const RuntimeInconsistency = -2;
const ephemeral = 1;
const ping = requestPayload(-2, OpCode.ping);

const readBody =
  (path: string): Body =>
  (out) => {
    out.ustring(path);
    out.boolean(false);
  };

function multiOf(...nodes: readonly (readonly [path: string, flags: number])[]): Body {
  return (out) => {
    for (const [path, flags] of nodes) {
      out.int(OpCode.create);
      out.boolean(false);
      out.int(-1);
      const body = createBody(path, null, flags);
      if (typeof body === 'function') body(out);
    }
    out.int(-1);
    out.boolean(true);
    out.int(-1);
  };
}

/** The errors of the operations of a multi that failed. */
function errorsOf(session: FakeSession, body: Body): number[] {
  const reply = session.ask(OpCode.multi, body);
  assert.equal(reply?.err, 0);
  const errors: number[] = [];
  while (reply.body.remaining > 9) {
    assert.equal(reply.body.int(), OpCode.error);
    reply.body.skip(5);
    errors.push(reply.body.int());
  }
  return errors;
}

/** What a server says to a client that comes with a session. */
function greeting(server: FakeServer, { sessionId, passwd }: Connected): Connected {
  const client = server.connect();
  client.sendFrame(connectPayload({ sessionId, passwd }));
  server.run();
  return readConnected(client.take()[0] as Uint8Array);
}

const localSessions = { localSessions: true };
const upgrading = { localSessions: true, localSessionsUpgrading: true };

describe('a local session', () => {
  it('opens and ends where it is, without a transaction', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    for (const server of ensemble.servers) {
      const session = new FakeSession(server);
      assert.notEqual(session.connected.sessionId, 0n);
      assert.equal(session.err(OpCode.exists, readBody('/')), Ok);
      assert.equal(session.err(OpCode.closeSession), Ok);
      assert.equal(session.client.end, 'ended');
      assert.equal(greeting(server, session.connected).sessionId, 0n);
    }
    assert.deepEqual(ensemble.leader.txns, []);
    for (const { forwarded } of ensemble.learners) assert.deepEqual(forwarded, []);
  });

  it('writes what is everybody’s', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    ensemble.servers.forEach((server, index) => {
      const session = new FakeSession(server);
      const path = `/n${index}`;
      const replies = session.askAll([
        [OpCode.create, createBody(path, null)],
        [OpCode.exists, readBody(path)],
        [OpCode.sync, (out) => out.ustring(path)],
        [OpCode.multi, multiOf([`${path}/m`, 0])],
      ]);
      assert.deepEqual(
        replies.map(({ err }) => err),
        [Ok, Ok, Ok, Ok],
      );
      for (const other of ensemble.servers) {
        assert.equal(new FakeSession(other).err(OpCode.exists, readBody(`${path}/m`)), Ok);
      }
    });
    assert.equal(ensemble.leader.database.sessions.size, 0);
  });

  it('comes back where it is, and nowhere else', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    const [leader, a, b] = ensemble.servers as [FakeServer, FakeServer, FakeServer];
    for (const [here, there] of [
      [leader, a],
      [a, leader],
      [a, b],
    ] as const) {
      const first = new FakeSession(here);
      assert.equal(greeting(there, first.connected).sessionId, 0n);
      assert.equal(first.isOpen, true);
      const { sessionId, passwd } = first.connected;
      const second = new FakeSession(here, { sessionId, passwd });
      assert.equal(second.connected.sessionId, sessionId);
      assert.equal(first.client.end, 'destroyed');
      assert.equal(second.err(OpCode.create, createBody(`/n${sessionId}`, null)), Ok);
    }
  });

  it('expires where it is', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    for (const server of ensemble.servers) {
      const silent = new FakeSession(server, { timeOutMs: 6000 });
      const alive = new FakeSession(server, { timeOutMs: 6000 });
      for (let passed = 0; passed < 12_000; passed += 2000) {
        ensemble.world.advance(2000);
        alive.client.sendFrame(ping);
        ensemble.run();
      }
      assert.equal(silent.client.end, 'destroyed');
      assert.equal(alive.isOpen, true);
      assert.equal(server.replica.stats.sessionsExpired, 1);
      assert.equal(server.sessions.get(silent.connected.sessionId), undefined);
    }
    assert.deepEqual(ensemble.leader.txns, []);
  });

  it('is not spoken of to the leader', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    const { server } = ensemble.learner();
    const session = new FakeSession(server);
    session.client.sendFrame(ping);
    ensemble.run();
    assert.deepEqual([...server.sessions.takeTouched()], []);
  });

  it('ends when its client said so, were it gone meanwhile', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    const { server, up } = ensemble.learner();
    const session = new FakeSession(server);
    up.hold();
    session.askAll([[OpCode.create, createBody('/a', null)], [OpCode.closeSession]]);
    session.client.leave();
    up.release();
    ensemble.run();
    assert.equal(server.sessions.count, 0);
  });

  it('writes nothing behind its end', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    ensemble.servers.forEach((server, index) => {
      const session = new FakeSession(server);
      const replies = session.askAll([
        [OpCode.create, createBody(`/a${index}`, null)],
        [OpCode.closeSession],
        [OpCode.create, createBody(`/b${index}`, null)],
      ]);
      assert.deepEqual(
        replies.map(({ err }) => err),
        [Ok, Ok],
      );
      assert.equal(session.client.end, 'ended');
      assert.equal(new FakeSession(server).err(OpCode.exists, readBody(`/b${index}`)), NoNode);
      assert.equal(server.replica.outstanding, 0);
    });
  });
});

describe('an ephemeral of a local session', () => {
  it('is refused in its turn where sessions stay local', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    ensemble.servers.forEach((server, index) => {
      const session = new FakeSession(server);
      const replies = session.askAll([
        [OpCode.create, createBody(`/p${index}`, null)],
        [OpCode.create, createBody(`/e${index}`, null, ephemeral)],
        [OpCode.create2, createBody(`/e${index}`, null, ephemeral + 2)],
        [OpCode.exists, readBody(`/e${index}`)],
        [OpCode.create, createBody(`/q${index}`, null, 2)],
      ]);
      const refused = EphemeralOnLocalSession;
      assert.deepEqual(
        replies.map(({ xid, err }) => [xid, err]),
        [
          [1, Ok],
          [2, refused],
          [3, refused],
          [4, NoNode],
          [5, Ok],
        ],
      );
    });
    assert.equal(ensemble.leader.database.sessions.size, 0);
  });

  it('in a multi is refused there, in the words of whoever makes the transaction', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    const ops = multiOf(['/a', 0], ['/b', ephemeral], ['/c', 0]);
    const [leader, learner] = [ensemble.leader, ensemble.learner().server];
    assert.deepEqual(errorsOf(new FakeSession(leader), ops), [
      Ok,
      EphemeralOnLocalSession,
      RuntimeInconsistency,
    ]);
    // The leader does not know a learner's.
    assert.deepEqual(errorsOf(new FakeSession(learner), ops), [
      Ok,
      SessionExpired,
      RuntimeInconsistency,
    ]);
    for (const { database } of ensemble.servers) assert.equal(database.tree.findPath('/a'), -1);
  });

  it('that a learner forwards all the same is refused by the leader', () => {
    const ensemble = new FakeEnsemble({ server: localSessions });
    const { server, link } = ensemble.learner();
    const { sessionId } = new FakeSession(server).connected;
    const frame = requestPayload(7, OpCode.create, createBody('/e', null, ephemeral));
    ensemble.leader.driver.forwarded({
      ...{ link, sessionId, cxid: 7, type: OpCode.create, authinfo: [] },
      ...{ bytes: frame, start: 8, end: frame.length },
    });
    ensemble.run();
    const [txn] = ensemble.leader.txns;
    assert.ok(txn !== undefined);
    assert.equal(new DataView(txn.buffer).getInt32(32), SessionExpired);
  });

  for (const [name, type, body] of [
    ['create', OpCode.create, createBody('/e', null, ephemeral)],
    ['create2', OpCode.create2, createBody('/e', null, ephemeral)],
    ['multi', OpCode.multi, multiOf(['/p', 0], ['/e', ephemeral])],
  ] as const) {
    it(`makes it global where it may: ${name}`, () => {
      for (const at of [0, 1]) {
        const ensemble = new FakeEnsemble({ server: upgrading });
        const server = ensemble.servers[at] as FakeServer;
        const session = new FakeSession(server, { timeOutMs: 6000 });
        const { sessionId, passwd } = session.connected;
        const replies = session.askAll([
          [OpCode.exists, readBody('/e')],
          [type, body],
          [OpCode.exists, readBody('/e')],
        ]);
        assert.deepEqual(
          replies.map(({ xid, err }) => [xid, err]),
          [
            [1, NoNode],
            [2, Ok],
            [3, Ok],
          ],
        );
        for (const { database } of ensemble.servers) {
          assert.equal(database.sessions.get(sessionId), 6000);
        }
        // Once.
        assert.equal(session.err(OpCode.create, createBody('/f', null, ephemeral)), Ok);
        assert.equal(ensemble.leader.txns.length, 3);
        // It lives by the leader's word now, wherever it goes.
        for (let passed = 0; passed < 12_000; passed += 2000) {
          ensemble.advance(2000);
          session.client.sendFrame(ping);
          ensemble.run();
        }
        assert.equal(session.isOpen, true);
        const moved = new FakeSession(ensemble.learner(1).server, {
          ...{ sessionId, passwd, timeOutMs: 6000 },
        });
        assert.equal(moved.connected.sessionId, sessionId);
        ensemble.advance(12_000);
        for (const { database } of ensemble.servers) {
          assert.equal(database.sessions.size, 0);
          assert.equal(database.tree.findPath('/e'), -1);
        }
        assert.equal(server.replica.outstanding, 0);
      }
    });
  }

  it('and the end of it come in one piece', () => {
    for (const at of [0, 1]) {
      const ensemble = new FakeEnsemble({ server: upgrading });
      const session = new FakeSession(ensemble.servers[at] as FakeServer);
      const replies = session.askAll([
        [OpCode.create, createBody('/a', null)],
        [OpCode.create, createBody('/b', null, ephemeral)],
        [OpCode.exists, readBody('/b')],
        [OpCode.create2, createBody('/c', null, ephemeral)],
        [OpCode.closeSession],
      ]);
      assert.deepEqual(
        replies.map(({ err }) => err),
        [Ok, Ok, Ok, Ok, Ok],
      );
      assert.equal(session.client.end, 'ended');
      assert.equal(ensemble.leader.database.sessions.size, 0);
      assert.equal(ensemble.leader.database.tree.findPath('/b'), -1);
    }
  });

  it('that fails has made it global all the same', () => {
    const ensemble = new FakeEnsemble({ server: upgrading });
    const session = new FakeSession(ensemble.learner().server);
    const { sessionId } = session.connected;
    assert.equal(session.err(OpCode.create, createBody('/none/e', null, ephemeral)), NoNode);
    assert.equal(ensemble.leader.database.sessions.has(sessionId), true);
    assert.equal(session.err(OpCode.closeSession), Ok);
    assert.equal(ensemble.leader.database.sessions.has(sessionId), false);
  });

  it('that takes the last counter of a term for its session goes no further', () => {
    const ensemble = new FakeEnsemble({ server: upgrading, counterMax: 1 });
    const session = new FakeSession(ensemble.leader);
    assert.deepEqual(session.askAll([[OpCode.create, createBody('/e', null, ephemeral)]]), []);
    assert.equal(ensemble.leader.txns.length, 1);
  });

  it('of what cannot be read changes nothing', () => {
    const ensemble = new FakeEnsemble({ server: upgrading });
    const session = new FakeSession(ensemble.learner().server);
    const cut = new Uint8Array([0, 0, 0, 1, 47, 0, 0]);
    assert.equal(session.err(OpCode.create, cut), ErrorCode.MarshallingError);
    assert.equal(session.err(OpCode.multi, cut), ErrorCode.MarshallingError);
    assert.equal(ensemble.leader.database.sessions.size, 0);
  });
});

describe('a write of a session that the leader does not know', () => {
  function forwarded(options: { localSessions: boolean }, sessionId: bigint): number {
    const ensemble = new FakeEnsemble({ server: options });
    const frame = requestPayload(1, OpCode.create, createBody('/x', null));
    ensemble.leader.driver.forwarded({
      ...{ link: ensemble.learner().link, sessionId, cxid: 1, type: OpCode.create, authinfo: [] },
      ...{ bytes: frame, start: 8, end: frame.length },
    });
    ensemble.run();
    const view = new DataView((ensemble.leader.txns[0] as Uint8Array).buffer);
    return view.getInt32(28) === OpCode.error ? view.getInt32(32) : 0;
  }

  it('is expired where there are no local sessions, and if its id is the leader’s own', () => {
    const elsewhere = 2n << 56n;
    assert.equal(forwarded({ localSessions: false }, elsewhere), SessionExpired);
    assert.equal(forwarded({ localSessions: true }, 1n << 56n), SessionExpired);
    assert.equal(forwarded({ localSessions: true }, elsewhere), Ok);
  });
});

describe('a server without a leader', () => {
  function readOnlyServer(options = localSessions): FakeServer {
    const world = new FakeWorld();
    const database = emptyDatabase();
    return new FakeServer(options, {
      ...{ world, serverId: 3, database, role: { kind: 'readOnly' } },
    });
  }

  function connect(server: FakeServer, readOnly: boolean | undefined): FakeClient {
    const client = server.connect();
    client.sendFrame(connectPayload({ readOnly }));
    server.run();
    return client;
  }

  it('takes clients that may read only, and tells them', () => {
    const server = readOnlyServer();
    const [frame] = connect(server, true).take();
    const { sessionId, readOnly } = readConnected(frame as Uint8Array);
    assert.notEqual(sessionId, 0n);
    assert.equal(readOnly, true);
    for (const wish of [false, undefined]) {
      const client = connect(server, wish);
      assert.deepEqual(client.frames, []);
      assert.equal(client.end, 'destroyed');
    }
  });

  it('makes no session where sessions are global, and calls none gone', () => {
    const server = readOnlyServer({ localSessions: false });
    const client = connect(server, true);
    assert.deepEqual(client.frames, []);
    assert.equal(client.end, 'destroyed');
    const known = new FakeSession(new FakeEnsemble().leader).connected;
    const again = server.connect();
    const { sessionId, passwd } = known;
    again.sendFrame(connectPayload({ sessionId, passwd, readOnly: true }));
    server.run();
    assert.deepEqual(again.frames, []);
    assert.equal(again.end, 'destroyed');
  });

  it('calls gone what was local here, and nothing else', () => {
    const server = readOnlyServer();
    const come = (id: bigint): FakeClient => {
      const client = server.connect();
      const passwd = sessionPassword(id);
      client.sendFrame(connectPayload({ sessionId: id, passwd, readOnly: true }));
      server.run();
      return client;
    };
    const own = 3n << 56n;
    const refused = come(own + 5n);
    assert.equal(readConnected(refused.take()[0] as Uint8Array).sessionId, 0n);
    server.database.sessions.set(own + 6n, 4000);
    for (const id of [own + 6n, 2n << 56n]) {
      const client = come(id);
      assert.deepEqual(client.frames, []);
      assert.equal(client.end, 'destroyed');
    }
  });

  it('answers reads; writes and syncs are refused in their turn', () => {
    const server = readOnlyServer();
    const session = new FakeSession(server, { readOnly: true });
    const deleteBody: Body = (out) => {
      out.ustring('/x');
      out.int(-1);
    };
    const replies = session.askAll([
      [OpCode.exists, readBody('/')],
      [OpCode.create, createBody('/x', null)],
      [OpCode.create2, createBody('/x', null, ephemeral)],
      [OpCode.delete, deleteBody],
      [OpCode.multi, multiOf(['/x', 0])],
      [OpCode.sync, (out) => out.ustring('/')],
      [OpCode.deleteContainer, (out) => out.ustring('/x')],
      [OpCode.check, deleteBody],
      [OpCode.reconfig],
      [OpCode.getChildren, readBody('/')],
      [OpCode.closeSession],
    ]);
    const no = NotReadOnly;
    assert.deepEqual(
      replies.map(({ err }) => err),
      [Ok, no, no, no, no, no, no, no, no, Ok, Ok],
    );
    assert.equal(session.client.end, 'ended');
    assert.deepEqual(server.txns, []);
    assert.equal(server.replica.outstanding, 0);
    assert.equal(server.replica.isIdle, true);
  });

  it('ends sessions that fall silent', () => {
    const server = readOnlyServer();
    const session = new FakeSession(server, { readOnly: true, timeOutMs: 4000 });
    for (let passed = 0; passed < 8000; passed += 1000) {
      session.client.sendFrame(ping);
      server.advance(1000);
    }
    assert.equal(session.isOpen, true);
    const pings = session.client.take().map((frame) => readReply(frame).xid);
    assert.deepEqual(new Set(pings), new Set([-2]));
    server.advance(8000);
    assert.equal(session.client.end, 'destroyed');
  });
});
