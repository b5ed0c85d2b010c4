// The Net port over real sockets. Both ways of reading accepted sockets (shared buffer, 'data' events) must behave
// the same, so they share their tests.
// Every write is answered once, `closed` comes once and last, replies outlive a half-closed peer.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { makeNodeNet, nodeNet, plainAddress } from '../../src/node/node-net.ts';
import type { Listener, Net, Socket, SocketHandlers } from '../../src/ports.ts';
import { NetError } from '../../src/ports.ts';

type Accepted = (socket: Socket) => SocketHandlers | undefined;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function listen(net: Net, accepted: Accepted, address = '127.0.0.1'): Promise<Listener> {
  return new Promise((resolve, reject) => {
    net.listen({ address, port: 0 }, accepted, (result) => {
      if (result instanceof NetError) reject(result);
      else {
        cleanups.push(() => result.close(() => undefined));
        resolve(result);
      }
    });
  });
}

interface Dialled {
  readonly socket: Socket;
  text(): string;
  /** Resolves once the collected text has this length. */
  length(wanted: number): Promise<void>;
  readonly closed: Promise<string>;
}

function dial(port: number, host = '127.0.0.1', timeoutMs = 10_000): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    nodeNet.dial({ host, port, timeoutMs }, (result) => {
      if (result instanceof NetError) {
        reject(result);
        return undefined;
      }
      cleanups.push(() => result.destroy());
      let text = '';
      let check = (): void => undefined;
      let close: (reason: string) => void = () => undefined;
      resolve({
        socket: result,
        text: () => text,
        length: (wanted) =>
          new Promise((reached) => {
            check = () => {
              if (text.length >= wanted) reached();
            };
            check();
          }),
        closed: new Promise((done) => {
          close = done;
        }),
      });
      return {
        received: (bytes) => {
          text += latin1(bytes);
          check();
        },
        closed: (reason) => close(reason),
      };
    });
  });
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function written(socket: Socket, text: string): Promise<boolean> {
  return new Promise((done) => socket.write(bytesOf(text), done));
}

const echo: Accepted = (socket) => ({
  received: (bytes) => socket.write(Uint8Array.from(bytes), () => undefined),
  closed: () => undefined,
});

for (const [name, net] of [
  ['shared buffer', nodeNet],
  ["'data' events", makeNodeNet({ fastRead: false })],
] as const) {
  describe(`accepted sockets read by ${name}`, () => {
    test('echoes what two clients send in many pieces', { timeout: 60_000 }, async () => {
      const { port } = await listen(net, echo);
      const clients = [await dial(port), await dial(port)];
      const sent = clients.map((_, i) => String.fromCharCode(97 + i).repeat(300_000));
      for (const [i, client] of clients.entries()) {
        const text = sent[i] ?? '';
        for (let at = 0; at < text.length; at += 7_001) {
          client.socket.write(bytesOf(text.substring(at, at + 7_001)), () => undefined);
        }
      }
      await Promise.all(clients.map((client) => client.length(300_000)));
      assert.deepEqual(
        clients.map((client) => client.text()),
        sent,
      );
    });

    test('hands out plain bytes and both addresses', { timeout: 60_000 }, async () => {
      let seen: unknown;
      const arrived = new Promise<Uint8Array>((resolve) => {
        void listen(net, (socket) => {
          seen = { remote: socket.remoteAddress, local: socket.localAddress };
          return { received: resolve, closed: () => undefined };
        }).then(async ({ port }) => {
          const client = await dial(port);
          assert.equal(client.socket.remotePort, port);
          client.socket.write(bytesOf('x'), () => undefined);
        });
      });
      const bytes = await arrived;
      assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
      assert.deepEqual(seen, { remote: '127.0.0.1', local: '127.0.0.1' });
    });

    test('a paused socket delivers nothing until it resumes', { timeout: 60_000 }, async () => {
      let text = '';
      let paused: (socket: Socket) => void = () => undefined;
      const pausedSocket = new Promise<Socket>((resolve) => {
        paused = resolve;
      });
      let all: () => void = () => undefined;
      const done = new Promise<void>((resolve) => {
        all = resolve;
      });
      const { port } = await listen(net, (socket) => ({
        received: (bytes) => {
          text += latin1(bytes);
          if (text === 'half') {
            socket.pause();
            paused(socket);
          }
          if (text.length >= 8) all();
        },
        closed: () => undefined,
      }));
      const client = await dial(port);
      await written(client.socket, 'half');
      const socket = await pausedSocket;
      await written(client.socket, 'more');
      // By the time a later connection is up, 'more' is in the kernel and could have been read.
      await dial(port);
      assert.equal(text, 'half');
      socket.resume();
      await done;
      assert.equal(text, 'halfmore');
    });

    test('a peer that ends after its question gets the answer', { timeout: 60_000 }, async () => {
      const reasons: string[] = [];
      let closed: () => void = () => undefined;
      const end = new Promise<void>((resolve) => {
        closed = resolve;
      });
      const { port } = await listen(net, (socket) => ({
        received: () => setImmediate(() => socket.write(bytesOf('imok'), () => undefined)),
        closed: (reason) => {
          reasons.push(reason);
          closed();
        },
      }));
      const text = await new Promise<string>((resolve, reject) => {
        let answer = '';
        const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        client.on('error', reject);
        client.on('data', (data) => {
          answer += data.toString('latin1');
        });
        client.on('end', () => resolve(answer));
        client.end('ruok');
      });
      await end;
      assert.equal(text, 'imok');
      assert.deepEqual(reasons, ['end']);
    });

    test('end sends a large answer whole, unread input or not', { timeout: 60_000 }, async () => {
      const { port } = await listen(net, (socket) => {
        let ended = false;
        return {
          received: () => {
            assert.equal(ended, false, 'delivered after end');
            ended = true;
            socket.write(new Uint8Array(3_000_000).fill(97), () => undefined);
            socket.end();
          },
          closed: () => undefined,
        };
      });
      const client = await dial(port);
      client.socket.write(bytesOf('stat'), () => undefined);
      client.socket.write(bytesOf('\nmore'), () => undefined);
      assert.equal(await client.closed, 'end');
      assert.equal(client.text().length, 3_000_000);
    });

    test('destroy answers every write, then closes once', { timeout: 60_000 }, async () => {
      const events: string[] = [];
      const finished = new Promise<void>((resolve) => {
        void listen(net, (socket) => {
          setImmediate(() => {
            // More than the kernel takes: the peer never reads.
            for (let i = 0; i < 3; i++) {
              socket.write(new Uint8Array(8_000_000), (ok) => {
                events.push(`write ${ok}`);
                if (events.length === 5) resolve();
              });
            }
            socket.destroy();
            socket.write(bytesOf('late'), (ok) => {
              events.push(`late ${ok}`);
              if (events.length === 5) resolve();
            });
            socket.destroy();
            socket.end();
          });
          return {
            received: () => undefined,
            closed: (reason) => {
              events.push(`closed ${reason}`);
              if (events.length === 5) resolve();
            },
          };
        }).then(({ port }) => {
          const client = connect({ port, host: '127.0.0.1' });
          client.pause();
          client.on('error', () => undefined);
          cleanups.push(() => client.destroy());
        });
      });
      await finished;
      assert.deepEqual(events.sort(), [
        'closed local',
        'late false',
        'write false',
        'write false',
        'write false',
      ]);
    });

    test('a reset is named, a dropped connection just ends', { timeout: 60_000 }, async () => {
      let reset: (reason: string) => void = () => undefined;
      const reason = new Promise<string>((resolve) => {
        reset = resolve;
      });
      let count = 0;
      const { port } = await listen(net, () => {
        count++;
        return count === 1 ? undefined : { received: () => undefined, closed: reset };
      });
      const dropped = await dial(port);
      assert.match(await dropped.closed, /^(end|ECONNRESET)$/);
      const client = connect({ port, host: '127.0.0.1' }, () => client.resetAndDestroy());
      client.on('error', () => undefined);
      assert.equal(await reason, 'ECONNRESET');
    });
  });
}

test('a taken port is an error, a free one again after close', { timeout: 60_000 }, async () => {
  const first = await listen(nodeNet, echo);
  const again = (): Promise<Listener | NetError> =>
    new Promise((resolve) => {
      nodeNet.listen({ address: '127.0.0.1', port: first.port }, echo, resolve);
    });
  const refused = await again();
  assert.ok(refused instanceof NetError);
  assert.equal(refused.code, 'EADDRINUSE');
  const open = await dial(first.port);
  await new Promise<void>((resolve) => first.close(resolve));
  const second = await again();
  assert.ok(!(second instanceof NetError), 'free after close');
  cleanups.push(() => second.close(() => undefined));
  open.socket.write(bytesOf('still here'), () => undefined);
  await open.length(10);
});

test('dial names what went wrong', { timeout: 60_000 }, async () => {
  const gone = await listen(nodeNet, echo);
  await new Promise<void>((resolve) => gone.close(resolve));
  await assert.rejects(dial(gone.port), { name: 'NetError', code: 'ECONNREFUSED' });
  await assert.rejects(dial(1, 'no-such-host.invalid'), { name: 'NetError', code: /^E[A-Z_]+$/ });
});

test('dial finds localhost whatever family answers', { timeout: 60_000 }, async () => {
  const { port } = await listen(nodeNet, echo);
  const client = await dial(port, 'localhost');
  assert.equal(client.socket.remoteAddress, '127.0.0.1');
});

test('without an address IPv4 is served too, and shown as it is', { timeout: 60_000 }, async () => {
  let seen = '';
  const accepted: Accepted = (socket) => {
    seen = socket.remoteAddress;
    return echo(socket);
  };
  const { port } = await new Promise<Listener>((resolve, reject) => {
    nodeNet.listen({ address: undefined, port: 0 }, accepted, (result) => {
      if (result instanceof NetError) return reject(result);
      cleanups.push(() => result.close(() => undefined));
      return resolve(result);
    });
  });
  const client = await dial(port);
  client.socket.write(bytesOf('x'), () => undefined);
  await client.length(1);
  assert.equal(seen, '127.0.0.1');
});

test('an address in an IPv6 coat is shown as IPv4', () => {
  assert.equal(plainAddress('::ffff:10.1.2.3'), '10.1.2.3');
  assert.equal(plainAddress('::FFFF:10.1.2.3'), '10.1.2.3');
  assert.equal(plainAddress('::1'), '::1');
  assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1%eth0');
});
