/**
 * Requests no honest client sends, and what Java 3.8.0 answers: null strings, cut bodies, flags that
 * mean nothing where they stand. Each row was seen in the differential test and is pinned here, so
 * that it holds where no Java is installed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Writer } from '../../src/jute/writer.ts';
import { GetEphemeralsResponse, PathResponse } from '../../src/proto/client.ts';
import { ErrorCode, errorName } from '../../src/proto/errors.ts';
import { CreateFlag, OpCode, opName } from '../../src/proto/opcodes.ts';
import type { Path } from '../interop/differential-requests.ts';
import { make } from '../interop/differential-requests.ts';
import { FakeServer } from '../support/fake-server.ts';
import { createBody, FakeSession, whole } from '../support/fake-session.ts';

const { BadArguments, MarshallingError, NoWatcher, Ok } = ErrorCode;
const open = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];

/** The zxid the server has reached. */
function zxidOf(session: FakeSession): bigint {
  return session.ask(OpCode.ping)?.zxid ?? -1n;
}

test('a null path is a path to some, an error to others', () => {
  const bodies = {
    watch: make.pathWatch(0, null, false).body,
    path: make.path(0, null).body,
    int: make.pathInt(0, null, 3).body,
  };
  const rows: ReadonlyArray<readonly [type: number, body: Uint8Array, err: number]> = [
    [OpCode.exists, bodies.watch, MarshallingError],
    [OpCode.getData, bodies.watch, MarshallingError],
    [OpCode.getChildren, bodies.watch, MarshallingError],
    [OpCode.getChildren2, bodies.watch, MarshallingError],
    [OpCode.getACL, bodies.path, MarshallingError],
    [OpCode.getAllChildrenNumber, bodies.path, MarshallingError],
    [OpCode.checkWatches, bodies.int, MarshallingError],
    [OpCode.removeWatches, bodies.int, NoWatcher],
    [OpCode.create, make.create(OpCode.create, null, null, open, 0).body, MarshallingError],
    [OpCode.delete, bodies.int, MarshallingError],
    [OpCode.setData, make.setData(null, null, -1).body, BadArguments],
    [OpCode.setACL, make.setAcl(null, open, -1).body, BadArguments],
    [OpCode.setWatches, make.setWatches(0n, [null, [], []]).body, MarshallingError],
    [OpCode.setWatches, make.setWatches(0n, [[null], [], []]).body, MarshallingError],
    [OpCode.getEphemerals, bodies.path, Ok],
    [OpCode.sync, bodies.path, Ok],
  ];
  const session = new FakeSession(new FakeServer());
  for (const [type, body, err] of rows) {
    const found = session.err(type, body) ?? 1;
    assert.equal(errorName(found), errorName(err), opName(type));
  }
  const synced = session.ask(OpCode.sync, bodies.path);
  assert.equal(
    whole(synced, (reader) => reader.int()),
    -1,
    'sync gives back what it was given',
  );
});

test('a write that cannot be read takes its zxid, as one that fails does', () => {
  const session = new FakeSession(new FakeServer());
  for (const type of [1, 2, 5, 7, 14, 15, 19, 21]) {
    const before = zxidOf(session);
    const reply = session.ask(type, Uint8Array.of(0, 0, 0, 9, 1));
    assert.deepEqual([reply?.err, reply?.zxid], [MarshallingError, before + 1n], opName(type));
  }
  const before = zxidOf(session);
  const container = session.ask(OpCode.deleteContainer, make.path(20, '/a').body);
  assert.deepEqual([container?.err, container?.zxid], [BadArguments, before + 1n]);
});

test('answers of a pipeline come in order, whatever fails in it', () => {
  const session = new FakeSession(new FakeServer());
  const cut = Uint8Array.of(0, 0, 0, 9);
  const read = make.pathWatch(0, '/a', false).body;
  const replies = session.askAll([
    [OpCode.create, createBody('/a', null)],
    [OpCode.getData, read],
    [OpCode.create, cut],
    [OpCode.getData, cut],
    [OpCode.deleteContainer, cut],
    [OpCode.delete, make.pathInt(2, '/a', -1).body],
    [OpCode.getData, read],
  ]);
  const { NoNode } = ErrorCode;
  assert.deepEqual(
    replies.map(({ err }) => err),
    [Ok, Ok, MarshallingError, MarshallingError, BadArguments, Ok, NoNode],
  );
  assert.deepEqual(
    replies.map(({ xid }) => xid),
    [1, 2, 3, 4, 5, 6, 7],
  );
});

test('a multiRead never watches', () => {
  const session = new FakeSession(new FakeServer());
  assert.equal(session.err(OpCode.create, createBody('/a', null)), Ok);
  const ops = [make.pathWatch(4, '/a', true), make.pathWatch(8, '/a', true)];
  assert.equal(session.err(OpCode.multiRead, make.multi(OpCode.multiRead, ops).body), Ok);
  assert.equal(session.err(OpCode.checkWatches, make.pathInt(17, '/a', 3).body), NoWatcher);
  assert.equal(session.err(OpCode.setData, make.setData('/a', null, -1).body), Ok);
  assert.deepEqual(session.events, []);
});

test('a blank prefix asks for all ephemerals: blank is what is no more than a space', () => {
  const session = new FakeSession(new FakeServer());
  assert.equal(session.err(OpCode.create, createBody('/e', null, CreateFlag.EPHEMERAL)), Ok);
  const count = (prefix: Path): number => {
    const reply = session.ask(OpCode.getEphemerals, make.path(103, prefix).body);
    return whole(reply, (reader) => GetEphemeralsResponse.read(reader)).ephemerals.length;
  };
  for (const all of ['', '/', ' ', '\0\t/\x1f ', null]) assert.equal(count(all), 1, String(all));
  for (const none of ['\u00a0', '\u2028/', '/ e', '//']) assert.equal(count(none), 0, none);
});

test('in a multi a ttl means nothing without a TTL’s flags', () => {
  const server = new FakeServer();
  const session = new FakeSession(server);
  const create = (path: string, flags: number) =>
    make.create(OpCode.createTTL, path, null, open, flags, 5n);
  const multi = (flags: number) =>
    session.ask(OpCode.multi, make.multi(OpCode.multi, [create(`/t${flags}`, flags)]).body);
  const ownerOf = (path: string) => server.database.tree.owner(server.database.tree.findPath(path));
  const reply = multi(CreateFlag.PERSISTENT);
  assert.equal(reply?.body.int(), OpCode.create);
  assert.equal(ownerOf('/t0'), 0n);
  assert.equal(multi(CreateFlag.EPHEMERAL)?.err, Ok);
  assert.equal(ownerOf('/t1'), session.connected.sessionId);
  const failed = multi(100);
  assert.deepEqual([failed?.err, failed?.body.int()], [Ok, OpCode.error], 'fails in its place');
});

test('a prefix or path of the root: both its names', () => {
  const session = new FakeSession(new FakeServer());
  const number = (path: string): number =>
    whole(session.ask(OpCode.getAllChildrenNumber, make.path(104, path).body), (reader) =>
      reader.int(),
    );
  assert.equal(number('/'), 3);
  assert.equal(number(''), 4, 'below the empty path lies / as well');
  const synced = session.ask(OpCode.sync, (out: Writer) => out.ustring(''));
  assert.equal(whole(synced, (reader) => PathResponse.read(reader)).path, '');
});

test('an auth packet without a secret fails, and ends the connection', () => {
  const session = new FakeSession(new FakeServer());
  const reply = session.ask(OpCode.auth, make.auth('digest', null).body);
  assert.deepEqual([reply?.err, session.isOpen], [ErrorCode.AuthFailed, false]);
});
