// The simulated network against what the Net port promises and what node/node-net.ts does: order, pieces of any length,
// back-pressure, refusals, silence, resets, links that break and heal, machines that lose power. And the traps it sets:
// received bytes that are kept, given bytes that are changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Net, Socket } from '../../src/ports.ts';
import { NetError } from '../../src/ports.ts';
import { SimClock } from '../../src/sim/sim-clock.ts';
import type { NetHost, NetOptions } from '../../src/sim/sim-net.ts';
import { SimNet, usualNet } from '../../src/sim/sim-net.ts';
import { SimProcess, usualSpeed } from '../../src/sim/sim-process.ts';
import { concatBytes, copyBytes } from '../../src/util/bytes.ts';
import { Prng } from '../../src/util/prng.ts';

interface Place {
  readonly host: NetHost;
  readonly process: SimProcess;
  readonly net: Net;
}

/** What one end saw. */
interface End {
  socket: Socket | undefined;
  error: string | undefined;
  readonly chunks: Uint8Array[];
  closed: string | undefined;
}

class Town {
  readonly clock = new SimClock();
  readonly net: SimNet;
  readonly server: Place;
  readonly client: Place;

  constructor(seed = 1, options: Partial<NetOptions> = {}) {
    this.net = new SimNet(this.clock, new Prng(seed), { ...usualNet, ...options }, () => undefined);
    this.server = this.place('server');
    this.client = this.place('client');
  }

  place(name: string): Place {
    const host = this.net.addHost(name);
    const process = new SimProcess(name, this.clock, new Prng(7), usualSpeed, (now) => now);
    return { host, process, net: this.net.portsFor(host, process).net };
  }

  listen(keep = true): End {
    const end: End = { socket: undefined, error: undefined, chunks: [], closed: undefined };
    this.server.net.listen(
      { address: undefined, port: 7 },
      (socket) => {
        end.socket = socket;
        return keep ? handlersOf(end) : undefined;
      },
      () => undefined,
    );
    return end;
  }

  dial(timeoutMs = 5000, host = 'server', port = 7): End {
    const end: End = { socket: undefined, error: undefined, chunks: [], closed: undefined };
    this.client.net.dial({ host, port, timeoutMs }, (result) => {
      if (result instanceof NetError) {
        end.error = result.code;
        return undefined;
      }
      end.socket = result;
      return handlersOf(end);
    });
    return end;
  }

  /** Both ends of a connection. */
  connect(): { near: End; far: End } {
    const far = this.listen();
    const near = this.dial();
    const isThere = () => near.socket !== undefined && far.socket !== undefined;
    assert.equal(this.clock.run({ until: isThere, time: this.clock.now + 5000 }), 'reached');
    assert.ok(near.socket !== undefined && far.socket !== undefined);
    return { near, far };
  }

  run(ms = 60_000): void {
    this.clock.run({ time: this.clock.now + ms });
  }
}

function handlersOf(end: End) {
  return {
    received: (bytes: Uint8Array) => {
      end.chunks.push(copyBytes(bytes));
    },
    closed: (reason: string) => {
      assert.equal(end.closed, undefined, 'closed is called once');
      end.closed = reason;
    },
  };
}

function text(end: End): string {
  return String.fromCharCode(...concatBytes(end.chunks));
}

const bytes = (value: string): Uint8Array => Uint8Array.from(value, (c) => c.charCodeAt(0));
const ignore = (): void => undefined;

test('bytes arrive in order, whatever pieces they are torn into', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const town = new Town(seed, { pieceBytes: 50, jitterMs: 20 });
    const { near, far } = town.connect();
    let sent = '';
    for (let i = 0; i < 40; i++) {
      const line = `${i}:${'x'.repeat((i * 13) % 97)};`;
      sent += line;
      town.clock.after(i * 3, () => near.socket?.write(bytes(line), ignore));
    }
    town.run();
    assert.equal(text(far), sent);
    assert.ok(far.chunks.every(({ length }) => length <= 50));
  }
});

test('received bytes are overwritten after the callback', () => {
  const town = new Town();
  const kept: Uint8Array[] = [];
  town.server.net.listen(
    { address: undefined, port: 7 },
    () => ({ received: (chunk) => void kept.push(chunk), closed: ignore }),
    ignore,
  );
  const near = town.dial();
  town.run(50);
  near.socket?.write(bytes('keep me'), ignore);
  town.run();
  assert.ok(kept.length > 0);
  assert.ok(kept.every((chunk) => chunk.every((byte) => byte === 0xdb)));
});

test('bytes that change before the write is done are found', () => {
  const town = new Town();
  const { near } = town.connect();
  const errors: unknown[] = [];
  town.client.process.onThrown = (error) => errors.push(error);
  const given = bytes('steady');
  near.socket?.write(given, ignore);
  given[0] = 0;
  town.run();
  assert.match(String(errors[0]), /do not change before done/);
});

test('who does not read holds up the writer; reading on sets it free', () => {
  const town = new Town(3, { windowBytes: 1000, pieceBytes: 300 });
  const { near, far } = town.connect();
  far.socket?.pause();
  let done = 0;
  for (let i = 0; i < 10; i++) near.socket?.write(new Uint8Array(500).fill(i), () => done++);
  town.run();
  assert.equal(done, 2, 'only what fits the window was taken');
  assert.equal(far.chunks.length, 0);
  far.socket?.resume();
  town.run();
  assert.equal(done, 10);
  assert.equal(concatBytes(far.chunks).length, 5000);
});

test('nobody listens: refused; an unknown name: not found; a deaf host: no answer in time', () => {
  const town = new Town();
  const refused = town.dial(5000, 'server', 8);
  const unknown = town.dial(5000, 'nowhere');
  town.run(100);
  assert.deepEqual([refused.error, unknown.error], ['ECONNREFUSED', 'ENOTFOUND']);
  town.listen();
  town.server.host.isDeaf = true;
  const silent = town.dial(2500);
  town.run(2400);
  assert.equal(silent.error, undefined);
  town.run(200);
  assert.equal(silent.error, 'ETIMEDOUT');
});

test('a port is bound once, and free again when its process is gone', () => {
  const town = new Town();
  const results: string[] = [];
  const listen = (): void =>
    town.server.net.listen(
      { address: undefined, port: 7 },
      () => undefined,
      (result) => {
        results.push(result instanceof NetError ? result.code : 'bound');
      },
    );
  listen();
  listen();
  town.run(10);
  town.server.host.processDied(town.server.process);
  listen();
  town.run(10);
  assert.deepEqual(results, ['bound', 'EADDRINUSE', 'bound']);
});

test('an end comes behind all that was written, and the answer to it still gets through', () => {
  const town = new Town();
  const { near, far } = town.connect();
  near.socket?.write(bytes('question'), ignore);
  near.socket?.end();
  town.run();
  assert.equal(text(far), 'question');
  assert.equal(far.closed, 'end');
  assert.equal(near.closed, 'local');
});

test('destroyed with unread input: the peer sees a reset, its writes fail', () => {
  const town = new Town(2);
  const { near, far } = town.connect();
  far.socket?.pause();
  near.socket?.write(bytes('never read'), ignore);
  town.run(100);
  far.socket?.destroy();
  town.run(100);
  assert.equal(far.closed, 'local');
  assert.equal(near.closed, 'ECONNRESET');
  let ok: boolean | undefined;
  near.socket?.write(bytes('late'), (result) => {
    ok = result;
  });
  town.run(10);
  assert.equal(ok, false);
});

test('a killed process: its peers are told by the kernel; a machine without power tells nobody', () => {
  const killed = new Town();
  const first = killed.connect();
  killed.server.process.kill();
  killed.server.host.processDied(killed.server.process);
  killed.run();
  assert.equal(first.near.closed, 'end');

  const dark = new Town();
  const second = dark.connect();
  dark.server.process.kill();
  dark.server.host.powerOff();
  second.near.socket?.write(bytes('anybody?'), ignore);
  dark.run();
  assert.equal(second.near.closed, undefined, 'half-open');
  dark.net.powerOn(dark.server.host);
  dark.run();
  assert.equal(second.near.closed, 'ECONNRESET', 'the rebooted kernel knows nothing of it');
});

test('a cut link holds everything back, each way by itself; healed, nothing is lost', () => {
  const town = new Town();
  const { near, far } = town.connect();
  town.net.cut(town.client.host, town.server.host);
  near.socket?.write(bytes('there'), ignore);
  far.socket?.write(bytes('back'), ignore);
  town.run(1000);
  assert.deepEqual([text(far), text(near)], ['', 'back']);
  assert.equal(town.dial(3000).error, undefined);
  town.net.heal(town.client.host, town.server.host);
  near.socket?.write(bytes(' again'), ignore);
  town.run(1000);
  assert.equal(text(far), 'there again');
});

test('a connect request that was lost is sent again', () => {
  const town = new Town();
  town.listen();
  town.net.cut(town.server.host, town.client.host);
  const near = town.dial(10_000);
  town.run(500);
  town.net.healAll();
  town.run(2000);
  assert.ok(near.socket !== undefined);
});

test('connections of a host can be held while new ones work, or reset at once', () => {
  const town = new Town();
  const { near, far } = town.connect();
  town.net.holdConnections(town.client.host, 500);
  near.socket?.write(bytes('slow'), ignore);
  const other = town.dial();
  town.run(400);
  assert.equal(text(far), '');
  assert.ok(other.socket !== undefined);
  town.run(200);
  town.net.resetConnections(town.client.host);
  town.run(100);
  assert.equal(near.closed, 'ECONNRESET');
});

test('a dropped connection is closed by the listener', () => {
  const town = new Town();
  town.listen(false);
  const near = town.dial();
  town.run(100);
  assert.equal(near.closed, 'end');
});

test('what comes late on a connection that was given up is not heard of its host any more', () => {
  const town = new Town();
  const { near } = town.connect();
  const { server, client } = town;
  const heardAt = (): number => server.host.heardFrom(client.host.address);
  near.socket?.write(bytes('first'), ignore);
  town.run(10);
  assert.ok(heardAt() > 0);
  town.net.holdConnections(client.host, 500);
  near.socket?.write(bytes('late'), ignore);
  const newer = town.dial();
  town.run(10);
  newer.socket?.write(bytes('hello'), ignore);
  town.run(10);
  const at = heardAt();
  assert.ok(at > town.clock.now - 10);
  town.run(1000);
  assert.equal(heardAt(), at);
});
