// The client port's output side on a socket that the test plays: large output in pieces, order, backpressure, signs of
// life, and what is left when the peer goes away.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../src/jute/writer.ts';
import type { ClientLink, ClientPortHost } from '../../src/net/client-listener.ts';
import { ClientListener } from '../../src/net/client-listener.ts';
import type { Net, Socket, SocketHandlers } from '../../src/ports.ts';

class PlayedSocket implements Socket {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 1;
  readonly localAddress = '127.0.0.1';
  readonly localPort = 2;
  readonly writes: { readonly bytes: Uint8Array; readonly done: (ok: boolean) => void }[] = [];
  isPaused = false;
  hasEnded = false;

  write(bytes: Uint8Array, done: (ok: boolean) => void): void {
    this.writes.push({ bytes: Uint8Array.from(bytes), done });
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.hasEnded = true;
  }

  destroy(): void {
    this.hasEnded = true;
  }
}

function scene() {
  const told: string[] = [];
  let link: ClientLink<string> | undefined;
  const host: ClientPortHost<string> = {
    connected: (made) => {
      link = made;
      return 'client';
    },
    frame: (_client, _bytes, _view, start, end) => told.push(`frame of ${end - start}`),
    taking: () => told.push('taking'),
    disconnected: () => told.push('disconnected'),
    awaitsConnect: () => false,
    command: () => '',
    rejected: (_address, why) => told.push(why),
  };
  let accepted: ((socket: Socket) => SocketHandlers | undefined) | undefined;
  const net: Net = {
    listen: (_where, accept) => {
      accepted = accept;
    },
    dial: () => assert.fail('nobody is dialled'),
  };
  const listener = new ClientListener(
    net,
    {
      address: undefined,
      port: 0,
      backlog: undefined,
      keepAlive: false,
      frameLengthMax: 1000,
      maxClientCnxns: 0,
      maxCnxns: 0,
    },
    host,
  );
  listener.listen(() => undefined);
  const socket = new PlayedSocket();
  const handlers = accepted?.(socket);
  assert.ok(handlers && link);
  return { link, socket, handlers, told };
}

function filled(length: number, from: number): Writer {
  const out = new Writer(length);
  for (let i = 0; i < length; i++) out.byte((from + i) % 127);
  return out;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

test('large output goes out piece by piece, in order, and small output behind it waits', () => {
  const { link, socket, told } = scene();
  const large = filled(3_000_000, 0);
  const wanted = [large.copy(), filled(10, 50).copy()];
  link.flush(large);
  link.flush(filled(10, 50));
  assert.equal(socket.isPaused, true);
  for (let i = 0; i < socket.writes.length; i++) {
    assert.equal(socket.writes.length, i + 1, 'one piece at a time');
    socket.writes[i]?.done(true);
  }
  assert.deepEqual(joined(socket.writes.map(({ bytes }) => bytes)), joined(wanted));
  assert.equal(socket.isPaused, false);
  assert.ok(told.length > 10 && told.every((line) => line === 'taking'));
});

test('an end sends what waits before it', () => {
  const { link, socket } = scene();
  const large = filled(1_000_000, 3);
  const wanted = large.copy();
  link.flush(large);
  link.end();
  assert.deepEqual(joined(socket.writes.map(({ bytes }) => bytes)), wanted);
  assert.equal(socket.hasEnded, true);
});

test('a peer that is gone is asked nothing more', () => {
  const { link, socket, handlers, told } = scene();
  link.flush(filled(3_000_000, 0));
  handlers.received(Uint8Array.of(0, 0, 0, 1, 7, 0, 0, 0, 1, 8));
  assert.deepEqual(told, [], 'not read while output waits');
  socket.writes[0]?.done(false);
  assert.equal(socket.writes.length, 1);
  assert.deepEqual(told, []);
  handlers.closed('ECONNRESET');
  assert.deepEqual(told, ['disconnected']);
});
