/**
 * Any requests on open sessions: legal ones, spoiled ones, monstrous ones. Each is answered or ends
 * its connection; the tree stays what the log says; other clients are served; an answer is never
 * longer than what was asked for can be.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Writer } from '../../src/jute/writer.ts';
import { GetChildrenResponse } from '../../src/proto/client.ts';
import { ErrorCode } from '../../src/proto/errors.ts';
import { OpCode, opOf } from '../../src/proto/opcodes.ts';
import { Prng } from '../../src/util/prng.ts';
import { users } from '../interop/differential-acls.ts';
import { Effects } from '../interop/differential-effects.ts';
import { Generator } from '../interop/differential-generator.ts';
import { mangled } from '../interop/differential-malformed.ts';
import type { Request } from '../interop/differential-requests.ts';
import { describe, make } from '../interop/differential-requests.ts';
import { Names, shapeOf } from '../interop/differential-shapes.ts';
import { WatchBook38, WatchBookNew } from '../interop/differential-watch-book.ts';
import type { ConnectionState, SessionState } from '../interop/differential-world.ts';
import { World } from '../interop/differential-world.ts';
import { FakeServer, frameLengthMax } from '../support/fake-server.ts';
import { createBody, FakeSession, whole } from '../support/fake-session.ts';
import { readReply, requestPayload } from '../support/raw-client.ts';
import { assertReplays, casesOf, fuzz, seed, Witness } from './support.ts';

const cases = casesOf(20_000, 0.5);
/** Requests on one server before the next begins. */
const casesEach = 2500;
const open = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];

/** A server under fire: what the generator must know to hit it, and who shoots. */
class Range {
  readonly server = new FakeServer();
  readonly witness = new Witness(this.server);
  readonly world: World;
  readonly generator: Generator;
  readonly #effects: Effects;
  readonly #names = new Names();
  #session: FakeSession;
  #connection: ConnectionState;
  #count = 0;

  constructor(prng: Prng) {
    this.world = new World(prng);
    this.generator = new Generator(this.world);
    this.#effects = new Effects(this.world, { java: new WatchBook38(), quoll: new WatchBookNew() });
    [this.#session, this.#connection] = this.#open();
  }

  /** One request, or the legal one it was, answered or the end. */
  shoot(prng: Prng): void {
    this.world.step++;
    if (!this.#session.isOpen) [this.#session, this.#connection] = this.#open();
    const { server } = this;
    const session = this.#session;
    const request = this.#draw(prng);
    try {
      session.client.sendFrame(requestPayload(7, request.type, request.body));
      server.run();
    } catch (error) {
      throw new Error(`${describe(request)}: ${String(error)}`, { cause: error });
    }
    const frames = session.client.take().filter((frame) => readReply(frame).xid !== -1);
    assert.ok(frames.length === 1 || !session.isOpen, `${describe(request)}: no answer, no end`);
    const [frame] = frames;
    if (frame === undefined) return;
    const reply = shapeOf(frame, this.#names, request.type);
    if (reply.kind !== 'reply') throw new Error('an answer is a reply');
    if (reply.err === ErrorCode.Ok || request.type === OpCode.multi) {
      assert.ok(!JSON.stringify(reply.body).includes('"unreadable"'), describe(request));
    } else assert.equal(reply.body, null, `${describe(request)}: an error has no body`);
    const both = { java: reply, quoll: reply };
    this.#effects.take(this.#connection, request, both, { java: [], quoll: [] });
  }

  #draw(prng: Prng): Request {
    const die = prng.below(100);
    if (die < 2) return this.generator.closing();
    if (die < 4) return make.bare(OpCode.closeSession);
    if (die < 6) return { type: prng.pick([13, 20, 21, 102, -10, -1, 0]), body: prng.bytes(30) };
    let request = this.generator.one(this.#connection);
    for (let times = prng.chance(0.4) ? 1 + prng.below(4) : 0; times > 0; times--) {
      request = mangled(prng, request);
    }
    return request;
  }

  #open(): [FakeSession, ConnectionState] {
    const user = [undefined, users.alice, users.bob, users.super][this.#count++ % 4];
    const fake = new FakeSession(this.server, {}, user);
    const id = fake.connected.sessionId;
    const session: SessionState = {
      index: this.#count,
      ids: { java: id, quoll: id },
      passwords: { java: new Uint8Array(0), quoll: new Uint8Array(0) },
      ephemerals: new Set(),
      isClosed: false,
      connection: undefined,
    };
    const connection = { index: this.#count, session, authIds: [], nextXid: 1, isGone: false };
    return [fake, connection as unknown as ConnectionState];
  }
}

test(`${cases} requests: each is answered or ends its connection`, () => {
  let range = new Range(new Prng(seed));
  fuzz(cases, (prng, index) => {
    if (index % casesEach === 0 && index > 0) {
      assertReplays(range.server);
      range = new Range(prng);
    }
    range.shoot(prng);
    if (index % 10 === 0) range.witness.check();
  });
  assertReplays(range.server);
});

// ---- monsters ----

function withServer(
  name: string,
  attack: (session: FakeSession, server: FakeServer) => void,
): void {
  test(name, () => {
    const server = new FakeServer();
    const witness = new Witness(server);
    attack(new FakeSession(server), server);
    witness.check();
    assertReplays(server);
  });
}

function pathBody(path: string, watch = false): (out: Writer) => void {
  return (out) => {
    out.ustring(path);
    out.boolean(watch);
  };
}

withServer('a path of a hundred thousand components', (session) => {
  const path = '/d'.repeat(100_000);
  const { BadArguments, NoNode, NoWatcher, Ok } = ErrorCode;
  for (const type of [OpCode.exists, OpCode.getData, OpCode.getChildren, OpCode.getChildren2]) {
    assert.equal(session.err(type, pathBody(path, true)), NoNode);
  }
  assert.equal(session.err(OpCode.create, createBody(path, null)), NoNode);
  assert.equal(session.err(OpCode.create, createBody(`${path}/`, null)), NoNode);
  assert.equal(session.err(OpCode.setData, make.setData(path, null, -1).body), NoNode);
  assert.equal(
    session.err(OpCode.setData, make.setData(`${path}/..`, null, -1).body),
    BadArguments,
  );
  assert.equal(session.err(OpCode.delete, make.pathInt(OpCode.delete, path, -1).body), NoNode);
  assert.equal(session.err(OpCode.addWatch, make.pathInt(OpCode.addWatch, path, 1).body), Ok);
  assert.equal(session.err(OpCode.checkWatches, make.pathInt(17, path, 5).body), Ok);
  assert.equal(session.err(OpCode.removeWatches, make.pathInt(18, path, 1).body), NoWatcher);
  assert.equal(session.err(OpCode.getAllChildrenNumber, make.path(104, path).body), NoNode);
  const check = make.multi(OpCode.multi, [make.pathInt(OpCode.check, path, -1)]);
  assert.equal(session.err(OpCode.multi, check.body), Ok);
});

/** Twenty thousand paths of up to 20 kB take their time: the whole depth on demand. */
const depth = process.env.QUOLL_FUZZ_CASES === undefined ? 2500 : 10_000;

withServer(`a tree ${depth} levels deep is made, read and taken down`, (session) => {
  let path = '';
  for (let level = 0; level < depth; level++) {
    path += '/d';
    if (session.err(OpCode.create, createBody(path, null)) !== ErrorCode.Ok) assert.fail(path);
  }
  const count = session.ask(OpCode.getAllChildrenNumber, make.path(104, '/d').body);
  assert.equal(
    whole(count, (reader) => reader.int()),
    depth - 1,
  );
  for (let level = depth; level > 0; level--) {
    const err = session.err(OpCode.delete, make.pathInt(2, path.substring(0, 2 * level), -1).body);
    if (err !== ErrorCode.Ok) assert.fail(`level ${level}: ${err}`);
  }
});

withServer('a multi of as many operations as fit a frame', (session, server) => {
  const op = make.pathInt(OpCode.check, '/', -1);
  const count = Math.floor((frameLengthMax - 20) / (9 + op.body.length));
  const checks = make.multi(OpCode.multi, new Array<Request>(count).fill(op));
  const reply = session.ask(OpCode.multi, checks.body);
  assert.equal(reply?.err, ErrorCode.Ok);
  assert.equal(reply?.body.remaining, 9 * (count + 1));

  const before = server.database.tree.nodeCount;
  const creates = Array.from({ length: 15_000 }, (_, i) =>
    make.create(OpCode.create, `/m${i}`, null, open, 0),
  );
  const bad = make.pathInt(OpCode.delete, '/nothing', -1);
  const failed = session.ask(OpCode.multi, make.multi(OpCode.multi, [...creates, bad]).body);
  assert.equal(failed?.err, ErrorCode.Ok);
  assert.equal(server.database.tree.nodeCount, before, 'all or nothing');
  const first = make.create(OpCode.create, '/m0', null, open, 0);
  assert.equal(session.err(OpCode.create, first.body), ErrorCode.Ok, 'what failed left nothing');
});

withServer('names that mean something to JavaScript are only names', (session) => {
  const names = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    '__defineGetter__',
  ];
  for (const name of names) {
    for (const path of [`/${name}`, `/${name}/${name}`]) {
      const read = pathBody(path, true);
      assert.equal(session.err(OpCode.getData, read), ErrorCode.NoNode, path);
      assert.equal(session.err(OpCode.create, createBody(path, null)), ErrorCode.Ok, path);
      assert.equal(session.err(OpCode.create, createBody(path, null)), ErrorCode.NodeExists, path);
      assert.equal(session.err(OpCode.getData, read), ErrorCode.Ok, path);
    }
    const acl = [{ perms: 31, id: { scheme: name, id: name } }];
    const { body } = make.setAcl(`/${name}`, acl, -1);
    assert.equal(session.err(OpCode.setACL, body), ErrorCode.InvalidACL);
  }
  const children = session.ask(OpCode.getChildren, pathBody('/'));
  const found = whole(children, (reader) => GetChildrenResponse.read(reader)).children;
  for (const name of names) assert.ok(found.includes(name), name);
  const auth = make.auth('__proto__', new Uint8Array(3));
  assert.equal(session.err(OpCode.auth, auth.body), ErrorCode.AuthFailed);
});

withServer('every op code there could be, without and with a body', (_, server) => {
  const codes = [-0x80000000, 0x7fffffff, 255, 256, 1000];
  for (let code = -20; code <= 120; code++) codes.push(code);
  for (const code of codes) {
    for (const body of [new Uint8Array(0), new Uint8Array(64), new Uint8Array(64).fill(0xff)]) {
      const session = new FakeSession(server);
      const reply = session.ask(code, body);
      if (opOf(code) === undefined) {
        assert.deepEqual([reply?.err, session.isOpen], [ErrorCode.Unimplemented, false], `${code}`);
      } else assert.ok(reply !== undefined || !session.isOpen, `${code}`);
      session.client.leave();
    }
  }
});

withServer('lists of ACLs that are all alike, and all different', (session) => {
  const id = { scheme: 'digest', id: 'a:b' };
  const alike = new Array(40_000).fill({ perms: 1, id });
  const { Ok, MarshallingError } = ErrorCode;
  assert.equal(session.err(OpCode.create, make.create(1, '/alike', null, alike, 0).body), Ok);
  const different = alike.map((entry, i) => ({ ...entry, perms: i }));
  assert.equal(
    session.err(OpCode.create, make.create(1, '/different', null, different, 0).body),
    Ok,
  );
  for (const count of [-2, 0x7fffffff, -0x80000000, 0x10000000]) {
    assert.equal(
      session.err(OpCode.create, make.create(1, '/no', null, count, 0).body),
      MarshallingError,
    );
  }
});
