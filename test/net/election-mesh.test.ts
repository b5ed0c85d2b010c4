// The election mesh on a network in memory: who keeps which connection, what is repeated, what happens with dead, black
// and stalled hosts, with names, with several addresses, with ports that cannot be bound. Rows of the catalogue of
// Java's known bugs are named with their JIRA. Callers who are not what they say: election-mesh-hostile.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeInitialMessage } from '../../src/net/election-initial-message.ts';
import type { HostPort } from '../../src/net/host-port.ts';
import type { Sid } from '../../src/proto/sid.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import { FakeNetwork } from './election-fake-net.ts';
import { frame, hello, Node, pair, port, setUp } from './election-mesh-node.ts';

test('the larger sid dials and its connection is kept', () => {
  const { network, one, two } = pair();
  two.send(1, 'from 2');
  network.run(10);
  assert.deepEqual(one.news(), ['+2', '2: from 2']);
  assert.deepEqual(two.news(), ['+1']);
  one.send(2, 'from 1');
  network.run(10);
  assert.deepEqual(two.news(), ['1: from 1']);
  assert.deepEqual(network.dials, ['10.0.0.2 -> 10.0.0.1:3888']);
});

test('the smaller sid dials, says who it is and is called back', () => {
  const { network, one, two } = pair();
  one.send(2, 'from 1');
  network.run(10);
  assert.deepEqual(network.dials, ['10.0.0.1 -> 10.0.0.2:3888', '10.0.0.2 -> 10.0.0.1:3888']);
  assert.deepEqual(one.news(), ['+2']);
  assert.deepEqual(two.news(), ['+1', '1: from 1']);
});

test('both at once: one connection is left', () => {
  const { network, one, two } = pair();
  one.send(2, 'from 1');
  two.send(1, 'from 2');
  network.run(3_000);
  assert.deepEqual(one.news(), ['+2', '2: from 2']);
  assert.deepEqual(two.news(), ['+1', '1: from 1']);
  one.send(2, 'again');
  network.run(5);
  assert.deepEqual(two.news(), ['1: again']);
});

test('all of five dial all others at once: every pair has one link, every message arrives', () => {
  const { network, nodes } = setUp(5);
  for (const a of nodes) {
    for (const b of nodes) if (a !== b) a.send(Number(b.sid), `${a.sid}`);
  }
  network.run(3_000);
  for (const { sid, happened } of nodes) {
    const others = nodes.map((node) => node.sid).filter((other) => other !== sid);
    const expected = others.flatMap((other) => [`+${other}`, `${other}: ${other}`]);
    assert.deepEqual(happened.toSorted(), expected.toSorted());
  }
});

test('what waits for a link is replaced by what is newer', () => {
  const { network, one, two } = pair();
  one.send(2, 'first');
  one.send(2, 'second');
  network.run(10);
  assert.deepEqual(two.news(), ['+1', '1: second']);
});

test('on a new link the last message is said again, unless a newer one waits', () => {
  const { network, one, two } = pair();
  two.send(1, 'vote');
  network.run(10);
  two.mesh.stop(() => undefined);
  network.run(10);
  assert.deepEqual(one.news(), ['+2', '2: vote', '-2']);
  const reborn = new Node(network, 2, 2);
  reborn.mesh.start();
  network.run(1);
  one.send(2, 'old');
  network.run(10);
  assert.deepEqual(reborn.news(), ['+1', '1: old']);
  reborn.mesh.stop(() => undefined);
  network.run(10);
  const third = new Node(network, 2, 2);
  third.mesh.start();
  network.run(1);
  third.send(1, 'hello');
  network.run(10);
  assert.deepEqual(third.news(), ['+1', '1: old']);
  one.send(2, 'new');
  network.run(10);
  assert.deepEqual(third.news(), ['1: new']);
});

test('a server that is not there refuses; connectAll dials whoever was to be told something', () => {
  const { network, nodes } = setUp(3, 1);
  const [one, two] = nodes;
  assert(one !== undefined && two !== undefined);
  one.send(2, 'vote');
  network.run(10);
  assert.deepEqual(one.news(), ['2 refused']);
  one.mesh.connectAll();
  network.run(10);
  assert.deepEqual(one.news(), ['2 refused']);
  two.mesh.start();
  network.run(1);
  one.mesh.connectAll();
  network.run(10);
  assert.deepEqual(two.news(), ['+1', '1: vote']);
  assert(!network.dials.some((dial) => dial.includes('10.0.0.3')));
});

test('a name that is unknown counts as refused, and is looked up anew at each dial', () => {
  const { network, one, two } = pair();
  network.names.delete('host2');
  one.send(2, 'vote');
  network.run(10);
  assert.deepEqual(one.news(), ['2 refused']);
  network.names.set('host2', ['10.0.0.2']);
  one.mesh.connect(2n);
  network.run(10);
  assert.deepEqual(two.news(), ['+1', '1: vote']);
});

test('B.2 row 34, ZOOKEEPER-3756: a host that answers no dial delays nobody, and is not refused', () => {
  const { network, nodes } = setUp(4);
  const [one, two, , four] = nodes;
  assert(one !== undefined && two !== undefined && four !== undefined);
  network.black.add('10.0.0.3');
  four.send(3, 'vote');
  four.send(2, 'vote');
  four.send(1, 'vote');
  network.run(10);
  assert.deepEqual(one.news(), ['+4', '4: vote']);
  assert.deepEqual(two.news(), ['+4', '4: vote']);
  for (let i = 0; i < 5; i++) {
    four.send(3, `vote ${i}`);
    network.run(1_000);
  }
  assert.deepEqual(four.news(), ['+2', '+1']);
  assert.equal(network.dials.filter((dial) => dial.includes('10.0.0.3')).length, 1);
  network.black.delete('10.0.0.3');
  four.mesh.connectAll();
  network.run(10);
  assert.deepEqual(nodes[2]?.news(), ['+4', '4: vote 4']);
});

test('several addresses: the one that answers first is taken, whatever the others do', () => {
  const network = new FakeNetwork();
  network.names.set('host1', ['10.0.0.1']).set('host2', ['10.0.0.2']);
  network.names.set('dead', ['10.0.9.1']).set('black', ['10.0.9.2', '10.0.9.3']);
  network.black.add('10.0.9.2').add('10.0.9.3');
  const addressesOf = (sid: Sid): HostPort[] => {
    return ['dead', 'black', `host${sid}`].map((host) => ({ host, port }));
  };
  const one = new Node(network, 1, 2);
  const two = new Node(network, 2, 2, { addressesOf, multiAddress: true });
  one.mesh.start();
  two.mesh.start();
  network.run(1);
  two.send(1, 'vote');
  network.run(5);
  assert.deepEqual(one.news(), ['+2', '2: vote']);
  network.run(10_000);
  assert.deepEqual(two.news(), ['+1']);
});

test('several addresses: a silent link is dialled anew, and its peer takes the new one', () => {
  const network = new FakeNetwork();
  network.names.set('host1', ['10.0.0.1']).set('host2', ['10.0.0.2']).set('spare', ['10.0.9.1']);
  const addressesOf = (sid: Sid): HostPort[] => {
    return [`host${sid}`, 'spare'].map((host) => ({ host, port }));
  };
  const one = new Node(network, 1, 2);
  const two = new Node(network, 2, 2, { addressesOf });
  one.mesh.start();
  two.mesh.start();
  network.run(1);
  two.send(1, 'vote');
  network.run(500);
  two.send(1, 'vote again');
  network.run(10);
  const before = network.dials.length;
  assert.deepEqual(one.news(), ['+2', '2: vote', '2: vote again']);
  network.run(2_000);
  two.mesh.connectAll();
  network.run(10);
  assert(network.dials.length > before);
  assert.deepEqual(one.news(), ['+2', '2: vote again']);
  assert.deepEqual(two.news(), ['+1', '+1']);
});

test('B.2 row 38, ZOOKEEPER-2201: a stalled peer costs one message and delays nobody', () => {
  const { network, nodes } = setUp(3);
  const [one, two, three] = nodes;
  assert(one !== undefined && two !== undefined && three !== undefined);
  three.send(1, 'a');
  three.send(2, 'a');
  network.run(10);
  one.news();
  two.news();
  network.stalled.add('10.0.0.1');
  for (let i = 0; i < 1000; i++) {
    three.send(1, `b${i}`);
    three.send(2, `b${i}`);
    network.run(2);
  }
  assert.deepEqual(one.news(), []);
  assert.equal(two.news().at(-1), '3: b999');
});

test('an introduction in pieces, and the forms of 3.4 and 3.6', () => {
  const { network, nodes } = setUp(3, 1);
  const [one] = nodes;
  assert(one !== undefined);
  const old = new Uint8Array(8);
  new DataView(old.buffer).setBigInt64(0, 3n);
  const two = [
    { host: '10.0.0.3', port },
    { host: '::1', port: 1 },
  ];
  for (const form of [hello(3n), old, encodeInitialMessage(3n, two, true)]) {
    const bytes = concatBytes([form, frame('vote')]);
    const caller = network.call('10.0.0.3', '10.0.0.1', port, bytes.subarray(0, 1));
    for (let i = 1; i < bytes.length; i++) {
      network.run(1);
      caller.say(bytes.subarray(i, i + 1));
    }
    network.run(5);
    assert.deepEqual(one.news(), ['+3', '3: vote']);
    caller.socket.reset();
    network.run(5);
    assert.deepEqual(one.news(), ['-3']);
  }
});

test('a message of 512 KiB is taken', () => {
  const { network, one, two } = pair();
  two.send(1, 'x'.repeat(512 * 1024));
  network.run(10);
  assert.equal(one.news().at(-1)?.length, 3 + 512 * 1024);
});

test('binding is tried again every second, and failing at last is reported once', () => {
  const network = new FakeNetwork();
  network.names.set('host1', ['10.0.0.1']);
  network.listeners.set('10.0.0.1:3888', () => undefined);
  const one = new Node(network, 1, 1);
  one.mesh.start();
  network.run(1_500);
  assert.equal(one.bindFailed, undefined);
  network.run(1_000);
  assert.equal(one.bindFailed, 'EADDRINUSE');

  const patient = new Node(network, 1, 1, { bindTries: 0 });
  patient.mesh.start();
  network.run(60_000);
  assert.equal(patient.bindFailed, undefined);
  network.listeners.delete('10.0.0.1:3888');
  network.run(1_100);
  assert(network.listeners.has('10.0.0.1:3888'));
});

test('quorumListenOnAllIPs: the ports are bound on every address, each once', () => {
  const network = new FakeNetwork();
  const addresses = [
    { host: 'a', port: 1 },
    { host: 'b', port: 1 },
    { host: 'c', port: 2 },
  ];
  const one = new Node(network, 1, 1, { addresses, listenOnAllIps: true });
  one.mesh.start();
  network.run(10);
  assert.deepEqual([...network.listeners.keys()], ['10.0.0.1:1', '10.0.0.1:2']);
});

test('several own addresses: as long as one is bound, the others are only missed', () => {
  const network = new FakeNetwork();
  network.names.set('a', ['10.0.0.1']);
  const addresses = ['a', 'unknown'].map((host) => ({ host, port }));
  const one = new Node(network, 1, 1, { addresses });
  one.mesh.start();
  network.run(10_000);
  assert.equal(one.bindFailed, undefined);
  assert.deepEqual([...network.listeners.keys()], ['10.0.0.1:3888']);
});

test('stopped: the port is free, links break without a word, nothing happens any more', () => {
  const { network, one, two } = pair();
  two.send(1, 'vote');
  network.run(10);
  one.news();
  let isDone = false;
  one.mesh.stop(() => {
    isDone = true;
  });
  one.send(2, 'too late');
  network.run(10_000);
  assert.equal(isDone, true);
  assert.deepEqual(one.news(), []);
  assert.equal(network.listeners.has('10.0.0.1:3888'), false);
  assert.equal(two.news().at(-1), '-1');
});
