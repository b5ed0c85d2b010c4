// A client of an ensemble: it never goes back in time. Every server is told the newest state the client has seen, by
// replies and by events, over connections and servers, and one that is behind closes the connection (as servers do);
// the client goes on to the next until one is up to date, with the same session.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType } from '../../../src/proto/opcodes.ts';
import { ScriptedServer, sessionId, TestRequest } from './scripted-server.ts';

test('each server is told the newest zxid of a reply or event, and it never sinks', () => {
  const server = new ScriptedServer();
  assert.equal(server.dialled().lastZxidSeen, 0n);
  server.grant();
  server.request(new TestRequest('a'));
  server.reply(1, 0, 0x1_0000_0005n);
  server.cut();
  assert.equal(server.dialled().lastZxidSeen, 0x1_0000_0005n);
  server.grant();
  server.event(EventType.NodeDataChanged, '/x', 0x1_0000_0009n);
  server.request(new TestRequest('b'));
  server.reply(2, 0, 0x1_0000_0007n);
  server.reply(-2, 0, 0n);
  server.event(EventType.NodeDataChanged, '/x', -1n);
  assert.equal(server.session.status().lastZxid, 0x1_0000_0009n);
  server.cut();
  assert.equal(server.dialled().lastZxidSeen, 0x1_0000_0009n);
});

test('servers that are behind close the connection: the session goes on with one that is not', () => {
  const server = new ScriptedServer();
  server.connect();
  server.request(new TestRequest('a'));
  server.reply(1, 0, 0x2_0000_0001n);
  server.request(new TestRequest('sent'));
  server.cut('closed by the server');
  server.request(new TestRequest('waits'));
  server.transcript();
  for (const host of ['c', 'a']) {
    const shown = server.dialled();
    assert.deepEqual([shown.lastZxidSeen, shown.sessionId], [0x2_0000_0001n, sessionId]);
    assert.equal(server.transcript().at(-1), `dial ${host} 3000`);
    server.cut('closed by the server');
    assert.equal(server.session.state, 'CONNECTING');
  }
  server.connect();
  assert.deepEqual(server.sentOps(), ['3 getData']);
  server.reply(3, 0, 0x2_0000_0002n);
  assert.ok(server.transcript().includes('settle waits 0'));
});

test('a read-only server is told, too, and what is read there does not sink the zxid', () => {
  const server = new ScriptedServer({ readOnly: true });
  server.connect();
  server.request(new TestRequest('a'));
  server.reply(1, 0, 9n);
  server.cut();
  const shown = server.dialled();
  assert.deepEqual([shown.lastZxidSeen, shown.readOnly, shown.sessionId], [9n, true, sessionId]);
  server.grant({ readOnly: true });
  assert.equal(server.session.state, 'CONNECTEDREADONLY');
  server.request(new TestRequest('b'));
  server.reply(2, 0, 9n);
  server.step({ kind: 'probed', server: { host: 'c', port: 3 }, answer: 'rw' });
  const again = server.dialled();
  assert.deepEqual([again.lastZxidSeen, again.sessionId], [9n, sessionId]);
  server.grant();
  assert.equal(server.session.state, 'CONNECTED');
});

test('a client may begin where another one was', () => {
  const server = new ScriptedServer({ lastZxid: 0x5n });
  assert.equal(server.dialled().lastZxidSeen, 5n);
  assert.equal(server.session.status().lastZxid, 5n);
  server.grant();
  server.request(new TestRequest('a'));
  server.reply(1, 0, 4n);
  server.cut();
  assert.equal(server.dialled().lastZxidSeen, 5n);
});
