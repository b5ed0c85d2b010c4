// The client port on a network that lies in wait: chunks are poisoned as soon as they were handed over, and bytes given
// to a socket must not change until it is done with them. Limits, commands, pressure from either side, ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../src/jute/writer.ts';
import type {
  ClientLink,
  ClientPortHost,
  ClientPortOptions,
} from '../../src/net/client-listener.ts';
import { ClientListener } from '../../src/net/client-listener.ts';
import type {
  Listener,
  ListenOptions,
  Net,
  NetError,
  Socket,
  SocketHandlers,
} from '../../src/ports.ts';
import { concatBytes, equalBytes } from '../../src/util/bytes.ts';
import { Prng } from '../../src/util/prng.ts';

class FakeSocket implements Socket {
  readonly remoteAddress: string;
  readonly remotePort = 5;
  readonly localAddress = '10.0.0.100';
  readonly localPort = 2181;
  handlers: SocketHandlers | undefined;
  isPaused = false;
  state: 'open' | 'ended' | 'destroyed' = 'open';
  /** What the peer has. */
  readonly taken: Uint8Array[] = [];
  readonly #writes: {
    readonly bytes: Uint8Array;
    readonly copy: Uint8Array;
    readonly done: (ok: boolean) => void;
  }[] = [];

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress;
  }

  get inFlight(): number {
    return this.#writes.length;
  }

  write(bytes: Uint8Array, done: (ok: boolean) => void): void {
    assert.equal(this.state, 'open', 'nothing is written behind the end');
    assert(bytes.length > 0);
    this.#writes.push({ bytes, copy: Uint8Array.from(bytes), done });
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    assert.equal(this.state, 'open');
    this.state = 'ended';
  }

  destroy(): void {
    this.state = 'destroyed';
  }

  /** The system takes the oldest writes; `ok` false: the peer is gone. */
  take(count = Number.POSITIVE_INFINITY, ok = true): void {
    for (let i = 0; i < count; i++) {
      const write = this.#writes.shift();
      if (write === undefined) return;
      assert(equalBytes(write.bytes, write.copy), 'bytes in flight are not touched');
      this.taken.push(write.copy);
      write.bytes.fill(0xaa);
      write.done(ok);
    }
  }

  get text(): string {
    return new TextDecoder().decode(concatBytes(this.taken));
  }

  /** One chunk, in memory that is used again at once. */
  receive(bytes: Uint8Array): void {
    const shared = new Uint8Array(bytes.length + 16).fill(0x55);
    shared.set(bytes, 8);
    this.handlers?.received(shared.subarray(8, 8 + bytes.length));
    shared.fill(0xdd);
  }

  close(reason = 'end'): void {
    this.state = 'destroyed';
    this.handlers?.closed(reason);
  }
}

class FakeNet implements Net {
  accepted: ((socket: Socket) => SocketHandlers | undefined) | undefined;
  isClosed = false;
  options: ListenOptions | undefined;
  failure: NetError | undefined;

  listen(
    options: ListenOptions,
    accepted: (socket: Socket) => SocketHandlers | undefined,
    ready: (result: Listener | NetError) => void,
  ): void {
    this.options = options;
    this.accepted = accepted;
    const close = (done: () => void) => {
      this.isClosed = true;
      done();
    };
    ready(this.failure ?? { address: '10.0.0.100', port: 4711, close });
  }

  dial(): void {
    assert.fail('a server does not dial');
  }

  /** undefined: dropped by the listener. */
  connect(address = '10.0.0.1'): FakeSocket | undefined {
    const socket = new FakeSocket(address);
    socket.handlers = this.accepted?.(socket);
    return socket.handlers === undefined ? undefined : socket;
  }
}

/** What the host keeps beside a link. */
class Peer {
  readonly link: ClientLink<Peer>;
  readonly out = new Writer(8);
  readonly frames: string[] = [];
  isConnected = false;
  reason: string | undefined;
  taking = 0;

  constructor(link: ClientLink<Peer>) {
    this.link = link;
  }

  say(text: string): void {
    this.out.raw(new TextEncoder().encode(text));
    this.link.flush(this.out);
  }
}

class Host implements ClientPortHost<Peer> {
  readonly peers: Peer[] = [];
  readonly rejections: string[] = [];
  readonly commands: string[] = [];
  answer = 'answer';

  connected(link: ClientLink<Peer>): Peer {
    const peer = new Peer(link);
    this.peers.push(peer);
    return peer;
  }

  frame(peer: Peer, bytes: Uint8Array, view: DataView, start: number, end: number): void {
    assert.equal(peer.reason, undefined, 'no frame after the end');
    assert.equal(view.byteLength, bytes.length);
    if (end > start) assert.equal(view.getUint8(start), bytes[start]);
    peer.isConnected = true;
    peer.frames.push(new TextDecoder().decode(bytes.subarray(start, end)));
  }

  taking(peer: Peer): void {
    peer.taking++;
  }

  disconnected(peer: Peer, reason: string): void {
    assert.equal(peer.reason, undefined, 'told once');
    peer.reason = reason;
  }

  awaitsConnect(peer: Peer): boolean {
    return !peer.isConnected;
  }

  command(word: string, argument: Uint8Array): string {
    this.commands.push(`${word}${argument.length > 0 ? ` ${[...argument].join(' ')}` : ''}`);
    return this.answer;
  }

  rejected(remoteAddress: string, why: string): void {
    this.rejections.push(`${remoteAddress}: ${why}`);
  }

  get last(): Peer {
    return this.peers.at(-1)!;
  }
}

function start(options: Partial<ClientPortOptions> = {}) {
  const net = new FakeNet();
  const host = new Host();
  const defaults = { address: undefined, port: 0, backlog: undefined, keepAlive: false };
  const limits = { frameLengthMax: 100_000, maxClientCnxns: 0, maxCnxns: 0 };
  const listener = new ClientListener(net, { ...defaults, ...limits, ...options }, host);
  let error: NetError | undefined;
  listener.listen((failure) => {
    error = failure;
  });
  assert.equal(error, undefined);
  return { net, host, listener };
}

function frame(text: string): Uint8Array {
  const out = new Writer();
  out.buffer(new TextEncoder().encode(text));
  return out.copy();
}

const ascii = (text: string) => new TextEncoder().encode(text);

test('frames in any chunks, answers in any pace: nothing is lost, mixed up or touched', () => {
  const prng = new Prng(70);
  const { net, host } = start();
  const socket = net.connect()!;
  const peer = host.last;
  const sent: string[] = [];
  const said: string[] = [];
  let stream = new Uint8Array(0);
  for (let round = 0; round < 4000; round++) {
    if (prng.chance(0.5)) {
      const text = `${round}:${'x'.repeat(prng.pick([0, 3, 70, 4000]))}`;
      sent.push(text);
      stream = Uint8Array.from(concatBytes([stream, frame(text)]));
    }
    if (prng.chance(0.7)) {
      const length = Math.min(stream.length, prng.pick([1, 3, 50, 5000]));
      socket.receive(stream.subarray(0, length));
      stream = Uint8Array.from(stream.subarray(length));
    }
    if (prng.chance(0.6)) {
      const text = `${round};${'y'.repeat(prng.pick([0, 9, 300, 20_000, prng.chance(0.05) ? 400_000 : 1]))}`;
      said.push(text);
      peer.say(text);
    }
    if (prng.chance(0.6)) socket.take(prng.below(4));
    if (socket.isPaused && prng.chance(0.3)) socket.take();
  }
  socket.receive(stream);
  socket.take();
  assert.deepEqual(peer.frames, sent);
  assert.equal(socket.text, said.join(''));
  assert.equal(socket.inFlight, 0);
  assert(!socket.isPaused);
});

test('a peer that does not take its answers is not read from, until half of them are gone', () => {
  const { net, host } = start();
  const socket = net.connect()!;
  const peer = host.last;
  socket.receive(frame('first'));
  for (let i = 0; i < 20; i++) peer.say(`${i}`.padEnd(100_000, '.'));
  assert(socket.isPaused);
  // What arrives all the same waits.
  socket.receive(concatBytes([frame('second'), frame('third')]));
  assert.deepEqual(peer.frames, ['first']);
  socket.take(10);
  assert(socket.isPaused);
  socket.take(6);
  assert(!socket.isPaused);
  assert.deepEqual(peer.frames, ['first', 'second', 'third']);
  socket.take();
  assert.equal(socket.text.length, 2_000_000);
});

test('a long answer goes in pieces, each a sign of life while nothing is read', () => {
  const { net, host } = start();
  const socket = net.connect()!;
  const peer = host.last;
  const long = 'abcdefgh'.repeat(300_000);
  peer.say(long);
  peer.say('behind it');
  assert.equal(socket.inFlight, 1);
  assert(socket.isPaused);
  socket.take(3);
  assert.equal(peer.taking, 3);
  assert.equal(socket.inFlight, 1);
  socket.take();
  assert.equal(socket.text, `${long}behind it`);
  assert(!socket.isPaused);
});

test('reading goes on only when both the host and the answers allow it', () => {
  const { net, host } = start();
  const socket = net.connect()!;
  const peer = host.last;
  peer.link.pause();
  assert(socket.isPaused);
  for (let i = 0; i < 15; i++) peer.say('.'.repeat(100_000));
  peer.link.resume();
  assert(socket.isPaused);
  peer.link.pause();
  socket.take();
  assert(socket.isPaused);
  socket.receive(frame('waits'));
  assert.deepEqual(peer.frames, []);
  peer.link.resume();
  assert(!socket.isPaused);
  assert.deepEqual(peer.frames, ['waits']);
});

test('a host that pauses in the middle of a chunk gets no frame more', () => {
  const { net, host } = start();
  const socket = net.connect()!;
  const peer = host.last;
  const take = host.frame.bind(host);
  host.frame = (...given) => {
    take(...given);
    peer.link.pause();
  };
  socket.receive(concatBytes([frame('1'), frame('2'), frame('3').subarray(0, 4)]));
  socket.receive(frame('3').subarray(4));
  assert.deepEqual(peer.frames, ['1']);
  peer.link.resume();
  assert.deepEqual(peer.frames, ['1', '2']);
  peer.link.resume();
  assert.deepEqual(peer.frames, ['1', '2', '3']);
});

test('a peer that never reads is cut off in the end', () => {
  const { net, host } = start();
  const socket = net.connect()!;
  const peer = host.last;
  peer.out.replace(new Uint8Array(513 << 20));
  peer.out.at = 513 << 20;
  peer.link.flush(peer.out);
  assert.equal(socket.state, 'destroyed');
  assert.match(host.rejections[0] ?? '', /10\.0\.0\.1: 537919488 bytes of replies unread/);
  socket.close('ECONNRESET');
  assert.equal(peer.reason, 'ECONNRESET');
});

test('connections from one address and in all are limited, and counted down again', () => {
  const { net, host, listener } = start({ maxClientCnxns: 2, maxCnxns: 3 });
  const a = net.connect('10.0.0.1')!;
  net.connect('10.0.0.1');
  assert.equal(net.connect('10.0.0.1'), undefined);
  assert.match(host.rejections.at(-1) ?? '', /10\.0\.0\.1: 2 connections, maxClientCnxns is 2/);
  const other = net.connect('10.0.0.2')!;
  assert.equal(net.connect('10.0.0.3'), undefined);
  assert.match(host.rejections.at(-1) ?? '', /3 connections in all, maxCnxns is 3/);
  a.close();
  a.close();
  assert.equal(host.peers[0]?.reason, 'end');
  assert(net.connect('10.0.0.1') !== undefined);
  assert.equal(net.connect('10.0.0.1'), undefined);
  other.close();
  assert(net.connect('10.0.0.3') !== undefined);
  assert.equal(host.peers.length, 5);
  assert.equal(listener.port, 4711);
});

test('no limits when they are 0', () => {
  const { net } = start();
  for (let i = 0; i < 500; i++) assert(net.connect() !== undefined);
});

test('four-letter words, in any chunks, before the connect request only', () => {
  for (const cuts of [[4], [1, 1, 1, 1], [2, 2]]) {
    const { net, host } = start();
    const socket = net.connect()!;
    let at = 0;
    for (const cut of cuts) {
      socket.receive(ascii('ruok').subarray(at, at + cut));
      at += cut;
    }
    assert.deepEqual(host.commands, ['ruok']);
    assert.equal(socket.state, 'ended');
    socket.take();
    assert.equal(socket.text, 'answer');
    socket.receive(ascii('ruok'));
    assert.deepEqual(host.commands, ['ruok']);
    socket.close();
    assert.equal(host.last.reason, 'end');
  }
  const { net, host } = start();
  const socket = net.connect()!;
  socket.receive(frame('connect'));
  socket.receive(ascii('ruok'));
  assert.deepEqual(host.commands, []);
  assert.equal(socket.state, 'destroyed');
  assert.match(host.rejections[0] ?? '', /frame length 1920298859/);
});

test('stmk waits for its mask; what telnet sends is passed over; a newline behind a word is nothing', () => {
  const { net, host } = start();
  const stmk = net.connect()!;
  stmk.receive(concatBytes([ascii('stmk'), Uint8Array.of(0, 1, 2)]));
  assert.deepEqual(host.commands, []);
  stmk.receive(Uint8Array.of(3, 4));
  stmk.receive(Uint8Array.of(5, 6, 7, 8, 9));
  assert.deepEqual(host.commands, ['stmk 0 1 2 3 4 5 6 7']);
  const telnet = net.connect()!;
  telnet.receive(concatBytes([Uint8Array.of(0xff, 0xf4, 0xff, 0xfd), ascii('srvr\r\n')]));
  assert.equal(host.commands.at(-1), 'srvr');
  host.answer = '';
  const silent = net.connect()!;
  silent.receive(ascii('isro'));
  assert.equal(silent.inFlight, 0);
  assert.equal(silent.state, 'ended');
});

test('lengths that are none close the connection and are counted', () => {
  const { net, host } = start({ frameLengthMax: 1000 });
  const table = [
    [-1, false],
    [1001, false],
    [0x7fffffff, false],
    [1000, true],
    [0, true],
  ] as const;
  for (const [length, isGood] of table) {
    const socket = net.connect()!;
    const rejections = host.rejections.length;
    const out = new Writer();
    out.int(length);
    socket.receive(out.copy());
    assert.equal(socket.state, isGood ? 'open' : 'destroyed', `${length}`);
    assert.equal(host.rejections.length, rejections + (isGood ? 0 : 1));
    socket.receive(frame('late'));
  }
});

test('an end sends what was flushed, and nothing is heard or said behind it', () => {
  const { net, host, listener } = start();
  const socket = net.connect()!;
  const peer = host.last;
  const long = 'z'.repeat(500_000);
  peer.say(long);
  peer.say('short');
  socket.take(1);
  peer.link.end();
  assert.equal(socket.state, 'ended');
  socket.receive(frame('ignored'));
  peer.say('lost');
  assert.equal(peer.out.at, 0);
  peer.link.end();
  peer.link.destroy();
  peer.link.pause();
  peer.link.resume();
  socket.take();
  assert.equal(socket.text, `${long}short`);
  socket.close();
  assert.deepEqual(peer.frames, []);
  assert.equal(peer.reason, 'end');
  // All at once.
  const others = [net.connect()!, net.connect()!];
  listener.endAll();
  assert.deepEqual(
    others.map(({ state }) => state),
    ['ended', 'ended'],
  );
  let stopped = 0;
  listener.stopAccepting(() => stopped++);
  listener.stopAccepting(() => stopped++);
  assert(net.isClosed);
  assert.equal(stopped, 2);
  assert.equal(listener.port, undefined);
});

test('nothing more is asked by a peer that can no longer be answered', () => {
  const { net, host } = start();
  const socket = net.connect()!;
  const peer = host.last;
  peer.say('to nobody');
  socket.take(1, false);
  socket.receive(frame('ignored'));
  assert.deepEqual(peer.frames, []);
});

test('an idle connection keeps no large buffer', () => {
  const { net, host } = start();
  const socket = net.connect()!;
  const peer = host.last;
  const turn = (length: number) => {
    peer.say('.'.repeat(length));
    socket.take();
  };
  for (let i = 0; i < 4; i++) turn(100_000);
  // Under load two buffers take turns.
  assert(peer.out.bytes.length >= 100_000);
  for (let i = 0; i < 4; i++) turn(20);
  assert(peer.out.bytes.length <= 1024);
});

test('a port that cannot be bound is told', () => {
  const net = new FakeNet();
  net.failure = Object.assign(new Error('in use'), { code: 'EADDRINUSE' }) as NetError;
  const options = { address: '::1', port: 7, backlog: 3, keepAlive: true };
  const limits = { frameLengthMax: 1, maxClientCnxns: 0, maxCnxns: 0 };
  const listener = new ClientListener(net, { ...options, ...limits }, new Host());
  let error: NetError | undefined;
  listener.listen((failure) => {
    error = failure;
  });
  assert.equal(error, net.failure);
  assert.deepEqual(net.options, options);
  assert.equal(listener.port, undefined);
});
