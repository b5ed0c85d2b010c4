// The quorum port on a network in memory: who is handed to a leader, when, and who never is. In: learners, callers that
// are none, roles that begin and end. Out: what the leader was given, which connections were closed, what was said
// of it in the log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType } from '../../src/proto/quorum.ts';
import { concatBytes, copyBytes } from '../../src/util/bytes.ts';
import type { FakeCaller } from './election-fake-net.ts';
import { FakeNetwork } from './election-fake-net.ts';
import type { PortNode } from './quorum-port-node.ts';
import { address, bound, info, PortNode as Node, port } from './quorum-port-node.ts';

const none = new Uint8Array(0);

function call(node: PortNode, bytes: Uint8Array, from = '10.0.0.2'): FakeCaller {
  const caller = node.network.call(from, address, port, bytes);
  node.network.run(5);
  return caller;
}

test('a learner that comes while we look waits, and is handed over when we lead', () => {
  const node = bound();
  assert.deepEqual(node.ready, [undefined]);
  assert.equal(node.port.port, port);
  const caller = call(node, info(2));
  assert.equal(node.port.waiting, 1);
  node.lead();
  assert.equal(node.learners.length, 0, 'not inside the call');
  node.network.run(0);
  const [learner] = node.learners;
  assert(learner !== undefined);
  assert.deepEqual(learner.heard, info(2));
  assert.equal(learner.socket.link.remoteAddress, `10.0.0.2:${port}`);
  assert.equal(node.port.waiting, 0);
  caller.say(new Uint8Array([1, 2, 3]));
  learner.socket.link.out.int(77);
  learner.socket.flush();
  node.network.run(60_000);
  assert.deepEqual(learner.heard, concatBytes([info(2), new Uint8Array([1, 2, 3])]));
  assert.deepEqual(concatBytes(caller.chunks), new Uint8Array([0, 0, 0, 77]));
  assert(!caller.isClosed);
});

test('a learner that comes while we lead is handed over when its introduction is whole', () => {
  const node = bound();
  node.lead();
  const bytes = info(3, PacketType.OBSERVERINFO);
  const caller = call(node, none);
  for (let i = 0; i < bytes.length; i++) {
    assert.equal(node.learners.length, 0);
    caller.say(copyBytes(bytes, i, i + 1));
    node.network.run(5);
  }
  assert.deepEqual(node.learners[0]?.heard, bytes);
});

test('while somebody else leads, callers are closed, those that wait and those that come', () => {
  const node = bound();
  const early = call(node, info(2));
  node.port.refuse();
  node.network.run(5);
  assert(early.isClosed);
  assert(call(node, info(2)).isClosed);
  node.port.unlead();
  const late = call(node, info(2));
  assert(!late.isClosed);
  node.lead();
  node.network.run(5);
  assert.equal(node.learners.length, 1);
  assert.deepEqual(node.lines.slice(1), []);
});

test('the end of a term: who was handed over stays with it, who comes waits for the next', () => {
  const node = bound();
  node.lead();
  const first = call(node, info(2));
  node.port.unlead();
  call(node, info(3));
  assert.equal(node.learners.length, 1);
  assert(!first.isClosed);
  node.lead();
  node.network.run(5);
  assert.equal(node.learners.length, 2);
  assert.deepEqual(node.learners[1]?.heard, info(3));
});

test('a term that ends in the turn it began gets nobody', () => {
  const node = bound();
  call(node, info(2));
  node.lead();
  node.port.unlead();
  node.network.run(5);
  assert.equal(node.learners.length, 0);
  assert.equal(node.port.waiting, 1);
});

test('a leader that closes a learner in the moment it is handed over', () => {
  const node = bound();
  const caller = call(node, info(2));
  node.port.lead((socket) => {
    const handlers = {
      received: () => assert.fail('nothing comes from a socket that was destroyed'),
      drained: () => undefined,
      closed: () => undefined,
    };
    socket.attach(handlers);
    socket.destroy();
  });
  node.network.run(5);
  assert(caller.isClosed);
});

test('a learner that goes before we lead is forgotten', () => {
  const node = bound();
  const caller = call(node, info(2));
  caller.socket.destroy();
  node.network.run(5);
  assert.equal(node.port.waiting, 0);
  node.lead();
  node.network.run(5);
  assert.equal(node.learners.length, 0);
});

test('what is no introduction is closed and never reaches a leader', () => {
  const text = (words: string): Uint8Array => new TextEncoder().encode(words);
  const negative = info(2);
  new DataView(negative.buffer).setInt32(12, -1);
  const endless = info(2);
  new DataView(endless.buffer).setInt32(12, 1 << 30);
  const garbage = {
    'a four-letter word': text('ruok'.repeat(4)),
    'a request of HTTP': text('GET / HTTP/1.1\r\n\r\n'),
    'a hello of TLS': new Uint8Array([22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3, 4, 5, 6]),
    'another packet': info(2, PacketType.ACKEPOCH),
    'no data': negative,
    'data without end': endless,
    'too much': concatBytes([info(2), new Uint8Array(2_000)]),
  };
  for (const [what, bytes] of Object.entries(garbage)) {
    const node = bound();
    node.lead();
    const caller = call(node, bytes);
    assert(caller.isClosed, what);
    assert.equal(node.port.waiting, 0, what);
    assert.equal(node.learners.length, 0, what);
    assert(node.lines.at(-1)?.endsWith('-> close'), what);
  }
});

test('the silent, and those for whom nobody leads, are closed in time', () => {
  const node = bound({ waitMs: 3_000 });
  const silent = call(node, none);
  const dribbling = call(node, copyBytes(info(2), 0, 8));
  const learner = call(node, info(2));
  node.network.run(2_900);
  dribbling.say(new Uint8Array([0]));
  node.network.run(50);
  assert.deepEqual(
    [silent, dribbling, learner].map(({ isClosed }) => isClosed),
    [false, false, false],
  );
  node.network.run(200);
  assert.deepEqual(
    [silent, dribbling, learner].map(({ isClosed }) => isClosed),
    [true, true, true],
  );
  assert.equal(node.port.waiting, 0);
});

test('callers are few: the one that has waited longest goes, silent ones first', () => {
  const node = bound();
  const learner = call(node, info(2));
  const silent = Array.from({ length: 100 }, () => call(node, none, '10.6.6.6'));
  assert.deepEqual(
    silent.map(({ isClosed }) => isClosed),
    silent.map((_, i) => i < 68),
  );
  const many = Array.from({ length: 100 }, (_, i) => call(node, none, `10.7.7.${i}`));
  assert.equal(node.port.waiting, 64);
  assert(silent.every(({ isClosed }) => isClosed));
  assert(many.slice(-63).every(({ isClosed }) => !isClosed));
  assert(!learner.isClosed);
  node.lead();
  node.network.run(5);
  assert.deepEqual(node.learners[0]?.heard, info(2));
  assert.equal(
    node.lines.filter((line) => line.includes('too many')).length,
    1,
    'one line a minute',
  );
});

test('a flood of introductions while we look: the earliest of that address go', () => {
  const node = bound();
  const learner = call(node, info(2));
  for (let i = 0; i < 200; i++) call(node, info(3), '10.6.6.6');
  assert.equal(node.port.waiting, 33);
  assert(!learner.isClosed);
});

test('an address in use is tried again, and is ready when it is bound', () => {
  const network = new FakeNetwork();
  const other = new Node(network);
  other.listen();
  network.run(1);
  const node = new Node(network);
  node.listen();
  network.run(1_500);
  assert.deepEqual(node.ready, []);
  let isFree = false;
  other.port.close(() => {
    isFree = true;
  });
  network.run(1);
  assert(isFree);
  network.run(1_000);
  assert.deepEqual(node.ready, [undefined]);
  assert.deepEqual(node.lines, [
    'cannot bind quorum address 10.0.0.1:2888: EADDRINUSE -> try again',
    'cannot bind quorum address 10.0.0.1:2888: EADDRINUSE -> try again',
    'bound quorum address 10.0.0.1:2888 -> accept',
  ]);
});

test('an address that stays in use is an error', () => {
  const network = new FakeNetwork();
  const other = new Node(network);
  other.listen();
  network.run(1);
  const node = new Node(network);
  node.listen();
  network.run(60_000);
  assert.equal(node.ready.length, 1);
  assert.equal(node.ready[0]?.code, 'EADDRINUSE');
  assert.equal(node.ready[0]?.message, 'cannot bind a quorum address (10.0.0.1:2888): EADDRINUSE');
  node.port.close(() => undefined);
});

test('of several addresses one is enough, and a name that is known later is bound later', () => {
  const network = new FakeNetwork();
  const addresses = [
    { host: 'later', port: 2889 },
    { host: address, port },
  ];
  const node = new Node(network, { addresses, bindTries: 0 });
  node.listen();
  network.run(10_000);
  assert.deepEqual(node.ready, [undefined]);
  assert.equal(node.port.port, port);
  network.names.set('later', ['10.0.0.9']);
  network.run(1_000);
  assert.deepEqual(node.ready, [undefined]);
  assert(network.listeners.has('10.0.0.9:2889'));
});

test('close: the port is free, callers are gone, learners stay', () => {
  const node = bound();
  node.lead();
  const learner = call(node, info(2));
  const silent = call(node, none);
  let isClosed = false;
  node.port.close(() => {
    isClosed = true;
  });
  node.network.run(5);
  assert(isClosed);
  assert.equal(node.network.listeners.size, 0);
  assert(silent.isClosed);
  assert(!learner.isClosed);
  assert.equal(node.learners[0]?.closed, undefined);
});

test('close while the port is not bound yet', () => {
  const node = new Node();
  node.listen();
  node.port.close(() => undefined);
  node.network.run(10_000);
  assert.deepEqual(node.ready, []);
  assert.equal(node.network.listeners.size, 0);
});

test('close while the port is being bound', () => {
  const node = new Node();
  node.listen();
  // Behind the look-up of the name, before the answer of the system.
  node.network.after(0, () => node.port.close(() => undefined));
  node.network.run(10_000);
  assert.deepEqual(node.ready, []);
  assert.equal(node.network.listeners.size, 0);
});
