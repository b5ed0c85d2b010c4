/**
 * Requests that must not be sent to a Java 3.8.0 server because they damage it: what this server
 * answers. One test for each row of src/proto/differences.ts that is tested alone; none may be
 * missing. After each, everything that was logged must be readable again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../src/core/tree/apply.ts';
import { containerOwner } from '../../src/core/tree/ephemeral-type.ts';
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import { Writer } from '../../src/jute/writer.ts';
import { AuthPacket, SetSASLRequest } from '../../src/proto/client.ts';
import { Stat } from '../../src/proto/data.ts';
import { differences } from '../../src/proto/differences.ts';
import { ErrorCode } from '../../src/proto/errors.ts';
import { CreateFlag, OpCode } from '../../src/proto/opcodes.ts';
import { present } from '../../src/util/assert.ts';
import { emptyDatabase, FakeServer } from '../support/fake-server.ts';
import { createBody, FakeSession, whole, writeOpenAcl } from '../support/fake-session.ts';

type Apart = Extract<(typeof differences)[number], { readonly tested: 'alone' }>['id'];
type Ask = (session: FakeSession, server: FakeServer) => void;

const { BadArguments, MarshallingError, Ok, Unimplemented } = ErrorCode;

function createTtl(path: string, flags: number, ttl: bigint) {
  return (out: Writer) => {
    out.ustring(path);
    out.buffer(null);
    writeOpenAcl(out);
    out.int(flags);
    out.long(ttl);
  };
}

function multi(...ops: ReadonlyArray<readonly [type: number, body: (out: Writer) => void]>) {
  return (out: Writer) => {
    for (const [type, body] of ops) {
      out.int(type);
      out.boolean(false);
      out.int(-1);
      body(out);
    }
    out.int(-1);
    out.boolean(true);
    out.int(-1);
  };
}

const rows: Readonly<Record<Apart, Ask>> = {
  'create-ttl-flags': (session) => {
    for (let flags = -1; flags <= 7; flags++) {
      const isTtl =
        flags === CreateFlag.PERSISTENT_WITH_TTL ||
        flags === CreateFlag.PERSISTENT_SEQUENTIAL_WITH_TTL;
      for (const ttl of [-1n, 0n, 1n, 2n ** 40n - 1n, 2n ** 40n]) {
        const good = isTtl && ttl > 0n && ttl < 2n ** 40n;
        const err = session.err(OpCode.createTTL, createTtl(`/t${flags}${ttl}`, flags, ttl));
        assert.equal(err, good ? Ok : BadArguments, `flags ${flags}, ttl ${ttl}`);
      }
    }
  },

  'check-at-top': (session) => {
    const reply = session.ask(OpCode.check, (out) => {
      out.ustring('/');
      out.int(-1);
    });
    assert.deepEqual([reply?.err, reply?.zxid, session.isOpen], [Unimplemented, -1n, false]);
  },

  'too-many-identities': (session) => {
    const prove = (user: number) =>
      session.err(OpCode.auth, (out) =>
        AuthPacket.write(out, { type: 0, scheme: 'digest', auth: encodeUtf8(`u${user}:p`) }),
      );
    // The address is the first of them.
    for (let user = 1; user < 1024; user++) assert.equal(prove(user), Ok);
    assert.equal(prove(1), Ok, 'a known identity adds nothing');
    assert.deepEqual([prove(1024), session.isOpen], [ErrorCode.AuthFailed, false]);
  },

  'create-session-request': (session) => {
    const reply = session.ask(OpCode.createSession, (out) => out.int(30_000));
    assert.deepEqual([reply?.err, reply?.zxid, session.isOpen], [Unimplemented, -1n, false]);
  },

  'sasl-without-login': (session) => {
    const reply = session.ask(OpCode.sasl, (out) =>
      SetSASLRequest.write(out, { token: new Uint8Array(3) }),
    );
    assert.deepEqual([reply?.err, session.isOpen], [ErrorCode.AuthFailed, false]);
  },

  'multi-null-path': (session) => {
    const before = session.ask(OpCode.ping)?.zxid ?? 0n;
    const remove = (out: Writer) => {
      out.ustring(null);
      out.int(-1);
    };
    const reply = session.ask(OpCode.multi, multi([OpCode.delete, remove]));
    assert.deepEqual([reply?.err, reply?.body.remaining], [MarshallingError, 0]);
    assert.equal(reply?.zxid, before + 1n);
  },

  'multi-container-flags': (session, server) => {
    const { tree } = server.database;
    for (const flags of [0, 1, 4]) {
      const path = `/c${flags}`;
      const body = createBody(path, null, flags) as (out: Writer) => void;
      assert.equal(session.err(OpCode.multi, multi([OpCode.createContainer, body])), Ok);
      assert.equal(tree.owner(tree.findPath(path)), containerOwner);
    }
    const wrong = createBody('/c5', null, 5) as (out: Writer) => void;
    const err = session.err(OpCode.multi, multi([OpCode.createContainer, wrong]));
    assert.equal(err, MarshallingError);
  },

  'transaction-too-long': () => {
    const server = new FakeServer({ txnLengthMax: 1000 });
    const session = new FakeSession(server);
    const long = new Uint8Array(990);
    assert.equal(session.err(OpCode.create, createBody('/a', long)), MarshallingError);
    assert.equal(session.err(OpCode.create, createBody('/a', null)), Ok);
    const setLong = (out: Writer) => {
      out.ustring('/a');
      out.buffer(long);
      out.int(-1);
    };
    assert.equal(session.err(OpCode.setData, setLong), MarshallingError);
    const parts = [1, 2, 3].map(
      (i) =>
        [
          OpCode.create,
          createBody(`/b${i}`, new Uint8Array(400)) as (out: Writer) => void,
        ] as const,
    );
    // The operation that is too much fails, and with it all of them.
    const { body } = present(session.ask(OpCode.multi, multi(...parts)), 'an answer');
    body.at = body.end - 9 - 4;
    assert.equal(body.int(), MarshallingError);
    assert.equal(session.err(OpCode.create, createBody('/b1', null)), Ok, 'nothing is left of it');
    replayed(server);
  },

  'quota-text': (session) => {
    const texts = ['', 'none', 'count=x,bytes=1', 'count', '=', ';;', 'count=1'.repeat(1000)];
    for (const [i, text] of texts.entries()) {
      const quota = `/zookeeper/quota/a${i}`;
      assert.equal(session.err(OpCode.create, createBody(`/a${i}`, null)), Ok);
      assert.equal(session.err(OpCode.create, createBody(quota, null)), Ok);
      for (const name of ['zookeeper_limits', 'zookeeper_stats']) {
        const body = createBody(`${quota}/${name}`, encodeUtf8(text));
        assert.equal(session.err(OpCode.create, body), Ok);
      }
      assert.equal(session.err(OpCode.create, createBody(`/a${i}/b`, new Uint8Array(9))), Ok, text);
    }
  },

  'version-wrap': (session, server) => {
    assert.equal(session.err(OpCode.create, createBody('/v', null)), Ok);
    // Two thousand million setData would take some time: the transaction before the last of them.
    const zxid = session.ask(OpCode.ping)?.zxid ?? 0n;
    const txn = new Writer(64);
    txn.long(0n);
    txn.int(0);
    txn.long(zxid);
    txn.long(0n);
    txn.int(OpCode.setData);
    txn.ustring('/v');
    txn.buffer(null);
    txn.int(-2);
    applyTxn(server.database, txn.copy(), 0, txn.at);
    const reply = session.ask(OpCode.setData, (out) => {
      out.ustring('/v');
      out.buffer(null);
      out.int(-2);
    });
    assert.equal(whole(reply, (reader) => Stat.read(reader)).version, 0);
  },

  'multi-read-too-long': (session) => {
    assert.equal(session.err(OpCode.create, createBody('/big', new Uint8Array(1_000_000))), Ok);
    const read = (out: Writer) => {
      out.ustring('/big');
      out.boolean(false);
    };
    const ops = Array.from({ length: 80 }, () => [OpCode.getData, read] as const);
    const few = session.ask(OpCode.multiRead, multi(...ops.slice(0, 8)));
    assert.equal(few?.err, Ok);
    const many = session.ask(OpCode.multiRead, multi(...ops));
    assert.deepEqual([many?.err, many?.body.remaining], [MarshallingError, 0]);
  },
};

/** What was logged leads a fresh tree to the same state. */
function replayed(server: FakeServer): void {
  const again = emptyDatabase();
  for (const txn of server.txns) applyTxn(again, txn, 0, txn.length);
  assert.equal(again.digestMismatches, 0);
  assert.equal(again.tree.nodeCount, server.database.tree.nodeCount);
}

for (const { id, tested, quoll } of differences) {
  if (tested !== 'alone') continue;
  test(`${id}: ${quoll}`, () => {
    const server = new FakeServer();
    rows[id](new FakeSession(server), server);
    if (id !== 'version-wrap') replayed(server);
    assert.equal(
      new FakeSession(server).err(OpCode.getData, (out) => {
        out.ustring('/');
        out.boolean(false);
      }),
      Ok,
      'others are served',
    );
  });
}
