// The election port among callers who are not what they say: garbage, silence, floods, false names, false addresses,
// strangers. Whatever they do, the links of the members stand, memory and dials stay few, and the log stays readable.
// Rows of the catalogue of Java's known bugs are named with their JIRA.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namelessSid } from '../../src/proto/sid.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import { frame, hello, Node, pair, port, setUp } from './election-mesh-node.ts';

test('B.2 rows 35 and 36, ZOOKEEPER-2186: garbage closes its own connection and no other', () => {
  const { network, one, two } = pair();
  two.send(1, 'vote');
  network.run(10);
  one.news();
  const garbage: Uint8Array[] = [
    new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'.padEnd(64)),
    new Uint8Array(64).fill(0xff),
    new Uint8Array(64),
    concatBytes([Uint8Array.of(0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3), new Uint8Array(64)]),
    concatBytes([hello(2n).subarray(0, 16), new Uint8Array(4).fill(0x7f)]),
    concatBytes([hello(2n).subarray(0, 16), new Uint8Array(4)]),
    concatBytes([hello(2n).subarray(0, 16), frame('no address')]),
    concatBytes([hello(2n).subarray(0, 16), frame('host:99999')]),
  ];
  for (const bytes of garbage) {
    const caller = network.call('10.0.0.2', '10.0.0.1', port, bytes);
    network.run(2_100);
    assert.equal(caller.isClosed, true);
  }
  // Text is a positive long, so it passes for the introduction of 3.4: a stranger, gone with its next word.
  assert.deepEqual(
    one.news().filter((line) => !/^[+-]\d{10}/.test(line)),
    [],
  );
  one.send(2, 'still here');
  network.run(10);
  assert.equal(two.news().at(-1), '1: still here');
});

test('bad frames after a good introduction break that link only', () => {
  const { network, nodes } = setUp(3, 1);
  const [one] = nodes;
  assert(one !== undefined);
  for (const length of [0, -1, 512 * 1024 + 1, 0x7fffffff]) {
    const bad = new Uint8Array(12);
    new DataView(bad.buffer).setInt32(0, length);
    const bytes = concatBytes([hello(3n), frame('good'), bad, frame('lost')]);
    const caller = network.call('10.0.0.3', '10.0.0.1', port, bytes);
    network.run(5);
    assert.equal(caller.isClosed, true);
    assert.deepEqual(one.news(), ['+3', '3: good', '-3']);
  }
});

test('the address a member claims is not dialled', () => {
  const { network, two } = pair();
  network.call('10.6.6.6', '10.0.0.2', port, hello(1n, { host: '10.6.6.6', port: 22 }));
  network.run(10);
  assert.deepEqual(network.dials, ['10.0.0.2 -> 10.0.0.1:3888']);
  assert.deepEqual(two.news(), ['+1']);
});

test('a call-back request while a link stands: the link is given up only for the new one, and seldom', () => {
  const { network, one, two } = pair();
  two.send(1, 'vote');
  network.run(10);
  one.news();
  two.news();
  for (let i = 0; i < 50; i++) {
    network.call('10.6.6.6', '10.0.0.2', port, hello(1n));
    network.run(10);
  }
  assert(network.dials.length <= 2, `${network.dials.length} dials`);
  network.run(2_000);
  network.call('10.0.0.1', '10.0.0.2', port, hello(1n));
  network.run(10);
  assert.deepEqual(two.news(), ['+1']);
  assert.deepEqual(one.news(), ['+2', '2: vote']);
  assert(two.mesh.isConnected(1n) && one.mesh.isConnected(2n));
});

test('a second caller under the name of a linked larger sid: refused, and the real one asked', () => {
  const { network, one, two } = pair();
  // We have dialled 2, so we know where it lives; and it has called us back.
  one.send(2, 'vote');
  network.run(1_000);
  one.news();
  const impostor = network.call(
    '10.6.6.6',
    '10.0.0.1',
    port,
    concatBytes([hello(2n), frame('a lie')]),
  );
  network.run(1);
  assert.deepEqual(one.news(), []);
  network.run(10);
  assert.equal(impostor.isClosed, true);
  assert.deepEqual(one.news(), ['+2']);
  assert(two.mesh.isConnected(1n));
});

test('our own sid and silence are refused, and the port stays open', () => {
  const { network, one } = pair();
  const mirror = network.call('10.0.0.9', '10.0.0.1', port, hello(1n));
  const silent = network.call('10.0.0.9', '10.0.0.1', port, new Uint8Array(0));
  network.run(10);
  assert.equal(mirror.isClosed, true);
  assert.equal(silent.isClosed, false);
  network.run(2_000);
  assert.equal(silent.isClosed, true);
  assert.deepEqual(one.news(), []);
});

test('too many that do not say who they are: the oldest goes, and a server still gets in', () => {
  const { network, nodes } = setUp(3, 1);
  const [one] = nodes;
  assert(one !== undefined);
  const sameHost = Array.from({ length: 20 }, () =>
    network.call('10.6.6.6', '10.0.0.1', port, new Uint8Array(3)),
  );
  network.run(5);
  assert.equal(sameHost.filter(({ isClosed }) => !isClosed).length, 8);
  const manyHosts = Array.from({ length: 100 }, (_, i) =>
    network.call(`10.6.7.${i}`, '10.0.0.1', port, new Uint8Array(3)),
  );
  network.run(5);
  const left = [...sameHost, ...manyHosts].filter(({ isClosed }) => !isClosed);
  assert.equal(left.length, 64);
  network.call('10.0.0.3', '10.0.0.1', port, concatBytes([hello(3n), frame('vote')]));
  network.run(5);
  assert.deepEqual(one.news(), ['+3', '3: vote']);
});

test('a stranger with a larger sid is heard; strangers are few; they can be refused', () => {
  const { network, nodes } = setUp(3, 1);
  const [one] = nodes;
  assert(one !== undefined);
  const callers = Array.from({ length: 30 }, (_, i) => {
    network.run(2);
    return network.call('10.0.0.9', '10.0.0.1', port, hello(BigInt(100 + i)));
  });
  network.run(5);
  // The newest sixteen: who has been silent longest makes room.
  const open = callers.filter(({ isClosed }) => !isClosed);
  assert.deepEqual(open, callers.splice(14));
  one.mesh.send(129n, new TextEncoder().encode('answer'));
  network.run(5);
  assert.equal(open.at(-1)?.chunks.length, 1);

  const strict = new Node(network, 2, 3, { refuseStrangers: true });
  strict.mesh.start();
  network.run(1);
  const refused = network.call('10.0.0.9', '10.0.0.2', port, hello(100n));
  network.run(5);
  assert.equal(refused.isClosed, true);
  assert.deepEqual(strict.news(), []);
});

test('a stranger with a smaller sid is called back at the host it called from, or not at all', () => {
  const { network, nodes } = setUp(3, 1);
  const [one] = nodes;
  assert(one !== undefined);
  const claims: readonly (readonly [host: string, dials: readonly string[]])[] = [
    ['10.0.0.9', ['10.0.0.1 -> 10.0.0.9:77']],
    ['joiner.example', ['10.0.0.1 -> 10.0.0.9:77']],
    ['10.0.0.66', []],
    ['::1', []],
    ['0.0.0.0', []],
  ];
  for (const [host, dials] of claims) {
    network.dials.splice(0);
    network.call('10.0.0.9', '10.0.0.1', port, hello(0n, { host, port: 77 }));
    network.run(1_000);
    assert.deepEqual(network.dials, dials, host);
  }
  network.dials.splice(0);
  for (let i = 0; i < 100; i++) {
    network.call(
      '10.0.0.9',
      '10.0.0.1',
      port,
      hello(-1n * BigInt(i), { host: '10.0.0.9', port: 77 }),
    );
    network.run(1);
  }
  assert(network.dials.length <= 2, `${network.dials.length} dials in 100 ms`);
  // An observer without an id gets one of ours.
  network.run(1_000);
  network.listeners.set('10.0.0.9:77', () => ({ received: () => {}, closed: () => {} }));
  network.call('10.0.0.9', '10.0.0.1', port, hello(namelessSid, { host: '10.0.0.9', port: 77 }));
  network.run(10);
  assert.deepEqual(one.news().at(-1), '+-1');
});

test('a flood of messages: a hundred a turn, and the flood pushes out its own', () => {
  const { network, nodes } = setUp(3, 1);
  const [one] = nodes;
  assert(one !== undefined);
  const honest = network.call('10.0.0.3', '10.0.0.1', port, hello(3n));
  const talker = network.call('10.0.0.2', '10.0.0.1', port, hello(2n));
  network.run(5);
  one.news();
  honest.say(frame('vote'));
  talker.say(concatBytes(Array.from({ length: 5_000 }, (_, i) => frame(`${i}`))));
  network.run(5);
  const news = one.news();
  assert.equal(news.length, 100);
  assert(news.includes('3: vote'));
  assert.equal(news.at(-1), '2: 4999');
  assert.equal(one.mesh.dropped, 4_901);
});

test('a stranger’s flood of requests leaves few lines in the log', () => {
  const { network, one } = pair();
  for (let i = 0; i < 500; i++) {
    network.call('10.6.6.6', '10.0.0.1', port, new Uint8Array(64).fill(0xff));
    network.run(10);
  }
  assert(one.lines.length < 10, one.lines.join('\n'));
});
