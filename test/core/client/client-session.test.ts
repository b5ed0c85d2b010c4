// The session machine against a scripted server: what is sent in which order, what fails and what waits when
// connections are lost, and that no byte sequence makes it throw. Effects are compared as a transcript, one line each.
// The times it keeps (pings, silence, expiry, read-only) are in client-times.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Reader } from '../../../src/jute/reader.ts';
import { SetWatches, SetWatches2 } from '../../../src/proto/client.ts';
import { EventType, OpCode, WatcherType } from '../../../src/proto/opcodes.ts';
import { password, ScriptedServer, sessionId, TestRequest } from './scripted-server.ts';

const watcher = { name: 'w' };

function watching(name: string, table: 'data' | 'exist' | 'child' | 'persistent', path = '/p') {
  return new TestRequest(name, OpCode.getData, { watch: { table, path, watcher: { name } } });
}

test('a new client dials at once, shows no session, then sends what was asked meanwhile', () => {
  const server = new ScriptedServer();
  server.request(new TestRequest('early'));
  assert.deepEqual(server.sent(), []);
  server.wake();
  assert.deepEqual(server.transcript(), ['dial b 3000']);
  const hello = server.pickUp();
  assert.equal(hello.sessionId, 0n);
  assert.equal(hello.timeOut, 9_000);
  assert.equal(hello.lastZxidSeen, 0n);
  assert.deepEqual(hello.passwd, new Uint8Array(16));
  assert.equal(hello.readOnly, false);
  server.request(new TestRequest('also early'));
  assert.deepEqual(server.sent(), []);
  server.grant({ timeOut: 6_000 });
  assert.deepEqual(server.transcript(), ['announce CONNECTED']);
  assert.deepEqual(server.sentOps(), ['1 getData', '2 getData']);
  assert.equal(server.session.status().sessionTimeoutMs, 6_000);
  server.reply(1);
  server.reply(2, -101);
  assert.deepEqual(server.transcript(), ['settle early 0', 'settle also early -101']);
});

test('a response without the read-only byte is that of an old server', () => {
  const server = new ScriptedServer();
  server.connect({ readOnly: 'old server' });
  assert.equal(server.session.state, 'CONNECTED');
});

test('a lost connection fails what was sent; what comes after waits for the next server', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(new TestRequest('one'));
  server.request(new TestRequest('two'));
  server.sent();
  server.reply(1, 0, 50n);
  server.transcript();
  server.cut();
  assert.deepEqual(server.transcript(), [
    'hangUp',
    'log connection to b:2: ECONNRESET -> reconnect',
    'announce CONNECTING',
    'fail two ConnectionLoss',
  ]);
  server.request(new TestRequest('three'));
  const gone = server.request(new TestRequest('gone'));
  gone.abandoned = true;
  const hello = server.dialled();
  assert.equal(hello.sessionId, sessionId);
  assert.deepEqual(hello.passwd, password);
  assert.equal(hello.lastZxidSeen, 50n);
  server.grant();
  assert.deepEqual(server.sentOps(), ['3 getData']);
  server.reply(3);
  assert.ok(server.transcript().includes('settle three 0'));
});

test('the same when the connection goes between the write and the reply of the handshake', () => {
  const server = new ScriptedServer();
  server.request(new TestRequest('waits'));
  server.dialled();
  server.cut('closed by the server');
  server.connect();
  assert.deepEqual(server.sentOps(), ['1 getData']);
});

test('a reply out of turn, or to nothing, ends the connection', () => {
  for (const xid of [2, 7, 0, -3]) {
    const server = new ScriptedServer();
    server.connect();
    server.request(new TestRequest('one'));
    server.request(new TestRequest('two'));
    server.transcript();
    server.reply(xid);
    const lines = server.transcript();
    assert.ok(lines.includes('hangUp'), String(xid));
    assert.ok(
      lines.includes('fail one ConnectionLoss') && lines.includes('fail two ConnectionLoss'),
    );
  }
});

test('xids go on over connections', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(new TestRequest('one'));
  server.cut();
  server.connect();
  server.request(new TestRequest('two'));
  assert.deepEqual(server.sentOps(), ['2 getData']);
  server.reply(2);
  assert.ok(server.transcript().includes('settle two 0'));
});

test('credentials come first on every connection, watches second, requests third', () => {
  const server = new ScriptedServer();
  const info = { scheme: 'digest', auth: new Uint8Array(3) };
  const auth = new TestRequest('auth', OpCode.auth);
  server.step({ kind: 'authAdded', info, request: auth });
  server.connect();
  assert.deepEqual(server.sentOps(), ['-4 auth']);
  server.reply(-4);
  server.request(watching('d', 'data'));
  server.reply(1, 0, 9n);
  server.step({ kind: 'authAdded', info, request: undefined });
  server.cut();
  server.request(new TestRequest('later'));
  server.transcript();
  server.connect();
  assert.deepEqual(server.sentOps(), ['-4 auth', '-4 auth', '-8 setWatches', '2 getData']);
  server.reply(-4);
  server.reply(-4);
  server.reply(-8);
  server.reply(2);
  assert.deepEqual(server.transcript().slice(-1), ['settle later 0']);
});

test('an addAuth whose answer was lost is asked again', () => {
  const server = new ScriptedServer();
  server.connect();
  const info = { scheme: 'digest', auth: new Uint8Array(3) };
  server.step({ kind: 'authAdded', info, request: new TestRequest('auth', OpCode.auth) });
  server.cut();
  server.connect();
  server.transcript();
  server.reply(-4);
  assert.deepEqual(server.transcript(), ['settle auth 0']);
});

test('refused credentials are the end', () => {
  const server = new ScriptedServer();
  server.connect();
  const info = { scheme: 'x', auth: new Uint8Array(0) };
  server.step({ kind: 'authAdded', info, request: new TestRequest('auth', OpCode.auth) });
  server.request(new TestRequest('one'));
  server.transcript();
  server.reply(-4, -115);
  assert.deepEqual(server.transcript(), [
    'settle auth -115',
    'hangUp',
    'fail one AuthFailed',
    'announce AUTH_FAILED',
  ]);
  server.request(new TestRequest('two'));
  assert.deepEqual(server.transcript(), ['fail two AuthFailed']);
  assert.equal(server.session.deadline.at, Number.POSITIVE_INFINITY);
});

test('watches are registered by the reply: exist without the node, data and exists with it, none on errors', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(watching('data', 'data'));
  server.request(watching('exist', 'exist'));
  server.request(watching('exist-missing', 'exist'));
  server.request(watching('child-missing', 'child'));
  const abandoned = server.request(watching('abandoned', 'child'));
  abandoned.abandoned = true;
  server.reply(1);
  server.reply(2);
  server.reply(3, -101);
  server.reply(4, -101);
  server.reply(5);
  server.transcript();
  server.event(EventType.NodeChildrenChanged, '/p');
  assert.deepEqual(server.transcript(), []);
  server.event(EventType.NodeDataChanged, '/p');
  assert.deepEqual(server.transcript(), ['notify data exist exist-missing of 3 /p']);
  server.event(EventType.NodeDataChanged, '/p');
  assert.deepEqual(server.transcript(), []);
});

test('after a reconnect the watches are set again, with the zxid of the last reply', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(watching('d', 'data', '/d'));
  server.request(watching('e', 'exist', '/e'));
  server.request(watching('c', 'child', '/c'));
  server.reply(1, 0, 20n);
  server.reply(2, -101, 21n);
  server.reply(3, 0, 22n);
  server.event(EventType.NodeDataChanged, '/d', 30n);
  server.cut();
  const hello = server.dialled();
  // An event at 30 was seen: no server behind it will do. But of that txn other events may be missing.
  assert.equal(hello.lastZxidSeen, 30n);
  server.grant();
  const [frame] = server.sent();
  assert.equal(frame?.op, 'setWatches');
  assert.deepEqual(SetWatches.read(new Reader(frame.body)), {
    relativeZxid: 22n,
    dataWatches: [],
    existWatches: ['/e'],
    childWatches: ['/c'],
  });
});

test('persistent watches need setWatches2, and their watchers hear of the gap', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(watching('p', 'persistent', '/p'));
  server.reply(1);
  server.event(EventType.NodeDataChanged, '/p');
  server.event(EventType.NodeChildrenChanged, '/p');
  server.event(EventType.NodeDeleted, '/p');
  server.cut();
  server.transcript();
  server.connect();
  assert.ok(server.transcript().includes('notify p of -1 /p'));
  const [frame] = server.sent();
  assert.equal(frame?.op, 'setWatches2');
  assert.deepEqual(SetWatches2.read(new Reader(frame.body)).persistentWatches, ['/p']);
});

test('removed watches are gone on success, told so, and not set again', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(watching('d', 'data'));
  server.request(watching('p', 'persistent'));
  server.reply(1);
  server.reply(2);
  const removal = { path: '/p', type: WatcherType.Any, watcher: undefined, local: false };
  server.request(new TestRequest('r', OpCode.removeWatches, { removal }));
  server.transcript();
  server.reply(3);
  assert.deepEqual(server.transcript(), ['settle r 0', 'notify d of 5 /p', 'notify p of 7 /p']);
  server.sent();
  server.cut();
  server.connect();
  assert.deepEqual(server.sentOps(), []);
});

test('a removal the server cannot be told of is done here only if it is to be', () => {
  for (const local of [false, true]) {
    const server = new ScriptedServer();
    server.connect();
    server.request(watching('p', 'persistent'));
    server.reply(1);
    const removal = { path: '/p', type: WatcherType.Any, watcher: undefined, local };
    server.request(new TestRequest('r', OpCode.removeWatches, { removal }));
    server.sent();
    server.transcript();
    server.cut();
    assert.equal(server.transcript().includes('notify p of 7 /p'), local);
    server.connect();
    assert.deepEqual(server.sentOps(), local ? [] : ['-8 setWatches2']);
  }
});

test('close waits for its reply, and for nothing else', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(new TestRequest('before'));
  const request = new TestRequest('close', OpCode.closeSession);
  server.step({ kind: 'closeRequested', request });
  server.step({ kind: 'closeRequested', request: new TestRequest('again', OpCode.closeSession) });
  server.request(new TestRequest('after'));
  assert.deepEqual(server.sentOps(), ['1 getData', '2 closeSession']);
  server.transcript();
  server.reply(1);
  server.reply(2);
  assert.deepEqual(server.transcript(), [
    'settle before 0',
    'settle close 0',
    'hangUp',
    'announce CLOSED',
  ]);
});

test('a close that keeps the session says nothing to the server', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(new TestRequest('sent'));
  server.sent();
  server.transcript();
  server.step({ kind: 'closeRequested', request: undefined });
  assert.deepEqual(server.transcript(), ['hangUp', 'fail sent ConnectionLoss', 'announce CLOSED']);
  assert.deepEqual(server.sent(), []);
});

test('close ends without a reply when the server is gone, or slow, or was never there', () => {
  const request = new TestRequest('close', OpCode.closeSession);
  const gone = new ScriptedServer();
  gone.connect();
  gone.request(new TestRequest('sent'));
  gone.step({ kind: 'closeRequested', request });
  gone.transcript();
  gone.cut();
  assert.deepEqual(gone.transcript(), [
    'hangUp',
    'fail sent ConnectionLoss',
    'fail close ConnectionLoss',
    'announce CLOSED',
  ]);
  const slow = new ScriptedServer();
  slow.connect();
  slow.step({ kind: 'closeRequested', request });
  assert.equal(slow.wake(), 'closing');
  assert.equal(slow.session.state, 'CLOSED');
  const never = new ScriptedServer();
  never.request(new TestRequest('queued'));
  never.step({ kind: 'closeRequested', request });
  assert.deepEqual(never.transcript(), ['fail queued SessionExpired', 'announce CLOSED']);
  const dialling = new ScriptedServer();
  dialling.dialled();
  dialling.transcript();
  dialling.step({ kind: 'closeRequested', request });
  assert.deepEqual(dialling.transcript(), ['hangUp', 'announce CLOSED']);
});

test('requests that cannot be are refused before a byte is written', () => {
  const server = new ScriptedServer({ requestsMax: 2 });
  for (const connected of [false, true]) {
    if (connected) server.connect();
    server.sent();
    server.transcript();
    server.request(new TestRequest('long', OpCode.setData, { body: new Uint8Array(993) }));
    const broken = new TestRequest('broken');
    broken.write = (writer) => {
      writer.int(1);
      throw new TypeError('no');
    };
    server.request(broken);
    assert.deepEqual(server.transcript(), ['fail long BadArguments', 'fail broken BadArguments']);
    assert.deepEqual(server.sent(), []);
  }
  server.request(new TestRequest('fits', OpCode.setData, { body: new Uint8Array(992) }));
  server.request(new TestRequest('two'));
  server.request(new TestRequest('three'));
  assert.deepEqual(server.transcript(), ['fail three ThrottledOp']);
  assert.deepEqual(server.sentOps(), ['1 setData', '2 getData']);
});

test('no bytes of a server make the machine throw, and whatever they do, requests end', () => {
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    // Frames that look right at the start.
    fc
      .tuple(fc.constantFrom(-1, -2, -4, -8, 1, 2, 3), fc.uint8Array({ maxLength: 40 }))
      .map(([xid, rest]) => {
        const bytes = new Uint8Array(4 + rest.length);
        new DataView(bytes.buffer).setInt32(0, xid);
        bytes.set(rest, 4);
        return bytes;
      }),
  );
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), fc.nat(3), (frames, handshakeFirst) => {
      const server = new ScriptedServer();
      const names = ['one', 'two', 'three'];
      for (const name of names) server.request(watching(name, 'data'));
      if (handshakeFirst > 0) server.connect();
      else server.dialled();
      for (const bytes of frames) {
        if (server.session.deadline.why === 'dial') server.dialled();
        server.receive(bytes);
      }
      const request = new TestRequest('close', OpCode.closeSession);
      server.step({ kind: 'closeRequested', request });
      while (server.session.deadline.at < Number.POSITIVE_INFINITY) server.wake();
      const ends = server.transcript().filter((line) => /^(settle|fail) /.test(line));
      for (const name of names) {
        assert.equal(ends.filter((line) => line.split(' ')[1] === name).length, 1, name);
      }
    }),
    { seed: 4711, numRuns: 400 },
  );
});

test('the machine says what it is watching', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(
    new TestRequest('w', OpCode.getData, { watch: { table: 'data', path: '/x', watcher } }),
  );
  assert.equal(server.session.isSettingWatch('/x'), true);
  assert.equal(server.session.watches.has('/x', WatcherType.Any), false);
  server.reply(1);
  assert.equal(server.session.isSettingWatch('/x'), false);
  assert.equal(server.session.watches.has('/x', WatcherType.Data, watcher), true);
  server.transcript();
  server.step({ kind: 'watchDropped', path: '/x', type: WatcherType.Any, watcher });
  assert.deepEqual(server.transcript(), ['notify w of 5 /x']);
  assert.equal(server.session.watches.has('/x', WatcherType.Any), false);
});
