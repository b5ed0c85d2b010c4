// The way to a leader on a network in memory: which addresses are dialled when, and when it is given up. In: leaders
// that listen, refuse, keep silent, move, and a clock that moves when told. Out: the dials the network has seen, and
// what `ready` was called with, once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Link } from '../../src/core/zab/link.ts';
import type { HostPort } from '../../src/net/host-port.ts';
import type { LeaderDialOptions } from '../../src/net/leader-dial.ts';
import { LeaderDial } from '../../src/net/leader-dial.ts';
import type { LinkSocket } from '../../src/net/link-socket.ts';
import type { Socket } from '../../src/ports.ts';
import { FakeCaller, FakeNetwork, FakeSocket } from './election-fake-net.ts';

const port = 2888;
const leader = '10.0.0.3';

interface Dialling {
  readonly dial: LeaderDial<Link>;
  /** What `ready` was called with, and when. */
  readonly results: { readonly at: number; readonly result: LinkSocket<Link> | string }[];
}

function dialFrom(
  network: FakeNetwork,
  addresses: readonly HostPort[],
  more: Partial<LeaderDialOptions<Link>> = {},
): Dialling {
  const ports = { net: network.netOf('10.0.0.1'), dns: network.dns, clock: network.clock };
  const results: Dialling['results'] = [];
  const options = {
    addresses,
    timeoutMs: 20_000,
    keepAlive: false,
    makeLink: (remoteAddress: string) => new Link(remoteAddress, 1 << 20),
    ...more,
  };
  const dial = new LeaderDial<Link>(ports, options, (result) => {
    results.push({ at: network.now, result });
    if (typeof result !== 'string') {
      result.attach({
        received: () => undefined,
        drained: () => undefined,
        closed: () => undefined,
      });
    }
  });
  return { dial, results };
}

/** A leader's port; returns the callers it gets. */
function listenAt(network: FakeNetwork, address: string): FakeCaller[] {
  const callers: FakeCaller[] = [];
  network.listeners.set(`${address}:${port}`, (socket: Socket) => {
    assert(socket instanceof FakeSocket);
    const caller = new FakeCaller(socket);
    callers.push(caller);
    return caller;
  });
  return callers;
}

test('a leader that listens is reached at once, and hears what is written', () => {
  const network = new FakeNetwork();
  const callers = listenAt(network, leader);
  const { results } = dialFrom(network, [{ host: leader, port }]);
  assert.equal(results.length, 0, 'not inside the call');
  network.run(5);
  const result = results[0]?.result;
  assert(result !== undefined && typeof result !== 'string');
  assert.equal(result.link.remoteAddress, `${leader}:${port}`);
  result.link.out.int(5);
  result.flush();
  network.run(60_000);
  assert.deepEqual([...(callers[0]?.chunks[0] ?? [])], [0, 0, 0, 5]);
  assert.equal(results.length, 1);
  assert.equal(network.dials.length, 1);
});

test('one that refuses is dialled again, soon and then less often, until it leads', () => {
  const network = new FakeNetwork();
  const { results } = dialFrom(network, [{ host: leader, port }]);
  network.run(1_000);
  assert.equal(network.dials.length, 6);
  listenAt(network, leader);
  network.run(700);
  assert.equal(results.length, 1);
  assert.notEqual(typeof results[0]?.result, 'string');
});

test('one that refuses for longer does not lead', () => {
  const network = new FakeNetwork();
  const { results } = dialFrom(network, [{ host: leader, port }]);
  network.run(60_000);
  assert.equal(results.length, 1);
  const [{ at, result }] = results as [Dialling['results'][0]];
  assert(at >= 2_000 && at <= 3_100, `${at}`);
  assert.match(
    `${result}`,
    /^no connection to the leader in \d+ ms: 10\.0\.0\.3:2888 ECONNREFUSED$/,
  );
  assert(network.dials.length < 10);
});

test('one that keeps silent may still answer: until the time is over', () => {
  const network = new FakeNetwork();
  network.black.add(leader);
  const { results } = dialFrom(network, [{ host: leader, port }], { timeoutMs: 9_000 });
  network.run(60_000);
  assert.deepEqual(results, [
    { at: 9_000, result: 'no connection to the leader in 9000 ms: 10.0.0.3:2888 ETIMEDOUT' },
  ]);
});

test('a host that comes back after a silence is reached', () => {
  const network = new FakeNetwork();
  network.black.add(leader);
  const { results } = dialFrom(network, [{ host: leader, port }]);
  network.run(5_000);
  network.black.delete(leader);
  listenAt(network, leader);
  network.run(3_000);
  assert.notEqual(typeof results[0]?.result, 'string');
});

test('all addresses at once: a dead one costs nothing, and the first that connects wins', () => {
  const network = new FakeNetwork();
  const other = '10.1.0.3';
  const third = '10.2.0.3';
  network.black.add(leader);
  const addresses = [leader, other, third].map((host) => ({ host, port }));
  const { results } = dialFrom(network, addresses, { timeoutMs: 20_000 });
  network.run(1_000);
  assert.equal(results.length, 0);
  // The silent address does not hold up the one that refused a moment ago.
  const [otherCallers, thirdCallers] = [listenAt(network, other), listenAt(network, third)];
  network.run(1_000);
  assert.equal(results.length, 1);
  assert.notEqual(typeof results[0]?.result, 'string');
  network.run(60_000);
  const open = [...otherCallers, ...thirdCallers].filter(({ isClosed }) => !isClosed);
  assert.equal(open.length, 1, 'a second connection is dropped');
});

test('one address that keeps silent: refusals of the other are not the end', () => {
  const network = new FakeNetwork();
  network.black.add(leader);
  const addresses = [leader, '10.1.0.3'].map((host) => ({ host, port }));
  const { results } = dialFrom(network, addresses, { timeoutMs: 8_000 });
  network.run(60_000);
  assert.deepEqual(
    results.map(({ at }) => at),
    [8_000],
  );
});

test('names are looked up anew for each dial', () => {
  const network = new FakeNetwork();
  network.names.set('leader', ['10.9.9.9']);
  const { results } = dialFrom(network, [{ host: 'leader', port }]);
  network.run(300);
  listenAt(network, leader);
  network.names.set('leader', [leader]);
  network.run(1_000);
  assert.notEqual(typeof results[0]?.result, 'string');
});

test('a name that nobody knows counts as refused', () => {
  const network = new FakeNetwork();
  const { results } = dialFrom(network, [{ host: 'nobody', port }], { refusedMs: 500 });
  network.run(60_000);
  assert.equal(results.length, 1);
  assert.match(`${results[0]?.result}`, /nobody:2888 ENOTFOUND$/);
});

test('the limit is the whole dial’s, also when it is shorter than one attempt', () => {
  const network = new FakeNetwork();
  network.black.add(leader);
  const { results } = dialFrom(network, [{ host: leader, port }], { timeoutMs: 400 });
  network.run(60_000);
  assert.deepEqual(
    results.map(({ at }) => at),
    [400],
  );
});

test('cancel: nothing is told and nothing is dialled any more', () => {
  for (const ms of [0, 1, 30, 1_500]) {
    const network = new FakeNetwork();
    if (ms === 1) listenAt(network, leader);
    const { dial, results } = dialFrom(network, [{ host: leader, port }]);
    if (ms > 1) network.run(ms);
    dial.cancel();
    const dials = network.dials.length;
    const callers = listenAt(network, leader);
    network.run(60_000);
    assert.deepEqual(results, []);
    assert.equal(network.dials.length, dials);
    assert(callers.every(({ isClosed }) => isClosed));
  }
});
