// The times a session keeps, with T the granted timeout: attempts of T/n, pings after T/4, silence after 2T/3, expiry
// after 4T/3, pauses between laps, the search for a read-write server. Each test sets the clock to the machine's
// deadline and looks at what it does there; nothing here waits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { password, ScriptedServer, TestRequest } from './scripted-server.ts';

test('servers are tried in turn; each lap of failures makes a longer pause', () => {
  const server = new ScriptedServer();
  const hosts: string[] = [];
  const pauses: number[] = [];
  for (let i = 0; i < 16; i++) {
    const from = server.now;
    server.wake();
    hosts.push(server.transcript().at(-1) ?? '');
    pauses.push(server.now - from);
    server.cut('ECONNREFUSED');
  }
  assert.deepEqual(
    hosts.map((line) => line.split(' ')[1]),
    [...'bcabcabcabcabcab'],
  );
  assert.deepEqual(pauses, [0, 0, 0, 100, 0, 0, 200, 0, 0, 400, 0, 0, 800, 0, 0, 900]);
});

test('the random part of a pause is short after a session, doubles with failures, and is bounded', () => {
  const spreads: number[] = [];
  const below = (limit: number): number => {
    spreads.push(limit - 1);
    return 0;
  };
  const server = new ScriptedServer({ below });
  server.connect();
  spreads.length = 0;
  server.cut();
  for (let i = 0; i < 6; i++) {
    server.wake();
    server.cut('ECONNREFUSED');
  }
  assert.deepEqual(spreads, [50, 100, 200, 400, 800, 900, 900]);
  server.connect();
  server.cut();
  assert.equal(spreads.at(-1), 50);
});

test('an attempt that brings no session is given up after a share of the timeout', () => {
  const server = new ScriptedServer();
  server.dialled();
  const from = server.now;
  assert.equal(server.wake(), 'no connection');
  assert.equal(server.now - from, 3_000);
  assert.ok(server.transcript().includes('hangUp'));
  assert.deepEqual(server.step({ kind: 'closed', attempt: 1, reason: 'late news' }), []);
  assert.deepEqual(server.step({ kind: 'dialled', attempt: 1 }), []);
});

test('an idle client pings after a quarter of the timeout; a busy one does not', () => {
  const server = new ScriptedServer();
  server.connect({ timeOut: 8_000 });
  const from = server.now;
  assert.equal(server.wake(), 'ping');
  assert.equal(server.now - from, 2_000);
  assert.deepEqual(server.sentOps(), ['-2 ping']);
  server.reply(-2);
  server.now += 1_500;
  server.request(new TestRequest('busy'));
  server.reply(1);
  server.now += 600;
  server.timeout();
  assert.deepEqual(server.sentOps(), ['1 getData']);
  assert.deepEqual(server.session.deadline, { at: server.now + 1_400, why: 'ping' });
  const long = new ScriptedServer();
  long.connect({ timeOut: 600_000 });
  assert.equal(long.session.deadline.at - long.now, 10_000);
});

test('a server silent for two thirds of the timeout is given up', () => {
  const server = new ScriptedServer();
  server.connect();
  const from = server.now;
  while (server.session.state === 'CONNECTED') server.wake();
  assert.equal(server.now - from, 6_000);
});

test('a wake-up that comes late gives the waiting bytes a chance, once', () => {
  const server = new ScriptedServer();
  server.connect();
  server.now += 8_000;
  server.timeout();
  assert.equal(server.session.state, 'CONNECTED');
  server.reply(-2);
  server.now += 8_000;
  server.timeout();
  assert.equal(server.session.state, 'CONNECTED');
  server.timeout();
  assert.equal(server.session.state, 'CONNECTED');
  assert.equal(server.wake(), 'server silent');
  assert.equal(server.session.state, 'CONNECTING');
});

test('timeouts too early, too late or twice do nothing more', () => {
  const server = new ScriptedServer();
  server.timeout();
  server.timeout();
  assert.deepEqual(server.transcript(), ['dial b 3000']);
  server.pickUp();
  server.timeout();
  server.grant();
  server.transcript();
  server.timeout();
  server.timeout();
  assert.deepEqual(server.transcript(), []);
  assert.deepEqual(server.sentOps(), []);
});

test('without a word for four thirds of the timeout the session is over, whoever says what', () => {
  const server = new ScriptedServer();
  server.connect();
  server.reply(-2);
  const heard = server.now;
  server.request(new TestRequest('sent'));
  server.cut();
  server.request(new TestRequest('queued'));
  server.transcript();
  while (server.session.state === 'CONNECTING') server.wake();
  assert.equal(server.now - heard, 12_000);
  assert.deepEqual(server.transcript().slice(-2), [
    'fail queued SessionExpired',
    'announce EXPIRED',
  ]);
  server.request(new TestRequest('late'));
  assert.deepEqual(server.transcript(), ['fail late SessionExpired']);
});

test('a client that never had a session looks for ever', () => {
  const server = new ScriptedServer();
  for (let i = 0; i < 100; i++) {
    server.wake();
    if (server.session.deadline.why === 'no connection') server.cut('ECONNREFUSED');
  }
  assert.equal(server.session.state, 'CONNECTING');
});

test('the server says the session has expired', () => {
  const server = new ScriptedServer();
  server.connect();
  server.cut();
  server.request(new TestRequest('queued'));
  server.dialled();
  server.transcript();
  server.grant({ timeOut: 0, id: 0n });
  assert.deepEqual(server.transcript(), [
    'hangUp',
    'fail queued SessionExpired',
    'announce EXPIRED',
  ]);
});

test('a session to go on with is shown to the first server', () => {
  const key = { id: 0x77n, password };
  const server = new ScriptedServer({ session: key });
  assert.equal(server.dialled().sessionId, 0x77n);
  server.grant({ timeOut: 0, id: 0n });
  assert.equal(server.session.state, 'EXPIRED');
});

test('the session of a read-only server is shown to nobody; a read-write server is looked for', () => {
  const server = new ScriptedServer({ readOnly: true });
  assert.equal(server.dialled().readOnly, true);
  server.grant({ readOnly: true, id: 5n });
  assert.equal(server.session.state, 'CONNECTEDREADONLY');
  server.cut();
  assert.equal(server.dialled().sessionId, 0n);
  server.grant({ readOnly: true, id: 6n });
  const pauses: number[] = [];
  const asked: string[] = [];
  while (pauses.length < 4) {
    const from = server.now;
    if (server.wake() === 'look for a read-write server') pauses.push(server.now - from);
    asked.push(...server.transcript().filter((line) => line.startsWith('probe')));
    server.reply(-2);
  }
  assert.deepEqual(pauses, [100, 200, 400, 800]);
  assert.deepEqual(asked, ['probe a', 'probe b', 'probe c', 'probe a']);
  const b = { host: 'b', port: 2 };
  server.step({ kind: 'probed', server: b, answer: 'ro' });
  assert.deepEqual(server.transcript(), []);
  server.step({ kind: 'probed', server: b, answer: 'rw' });
  assert.ok(server.transcript().includes('announce CONNECTING'));
  const from = server.now;
  assert.equal(server.dialled().sessionId, 0n);
  assert.equal(server.now, from);
  assert.deepEqual(server.transcript(), ['dial b 3000']);
  server.grant({ id: 9n });
  assert.equal(server.session.state, 'CONNECTED');
  server.cut();
  assert.equal(server.dialled().sessionId, 9n);
});
