// A link's socket against a socket that takes bytes only when the test says so: what is written when, and whose buffer
// it is; and that a link which was full always hears that it has room again, whatever the order of turns and
// completions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backlogHigh, Link } from '../../src/core/zab/link.ts';
import type { LinkHandlers } from '../../src/net/link-socket.ts';
import { drainedBelow, LinkSocket } from '../../src/net/link-socket.ts';
import type { Socket } from '../../src/ports.ts';
import { concatBytes, copyBytes } from '../../src/util/bytes.ts';
import { Prng } from '../../src/util/prng.ts';

interface Write {
  readonly bytes: Uint8Array;
  readonly asGiven: Uint8Array;
  readonly done: (ok: boolean) => void;
}

/** Takes the oldest write when told to, and checks that nobody has changed it meanwhile. */
class SlowSocket implements Socket {
  readonly remoteAddress = '::1';
  readonly remotePort = 40_000;
  readonly localAddress = '::1';
  readonly localPort = 2888;
  readonly calls: string[] = [];
  readonly writes: Write[] = [];
  readonly taken: Uint8Array[] = [];

  write(bytes: Uint8Array, done: (ok: boolean) => void): void {
    this.calls.push(`write ${bytes.length}`);
    this.writes.push({ bytes, asGiven: copyBytes(bytes), done });
  }

  take(ok = true): void {
    const write = this.writes.shift();
    assert(write !== undefined, 'a write to take');
    assert.deepEqual(write.bytes, write.asGiven, 'bytes belong to the socket until it is done');
    this.taken.push(write.asGiven);
    write.done(ok);
  }

  pause(): void {
    this.calls.push('pause');
  }

  resume(): void {
    this.calls.push('resume');
  }

  end(): void {
    this.calls.push('end');
  }

  destroy(): void {
    this.calls.push('destroy');
  }
}

class Heard implements LinkHandlers {
  readonly said: string[] = [];
  onDrained: (() => void) | undefined;

  received(bytes: Uint8Array, start: number, end: number): void {
    this.said.push(`received ${bytes.subarray(start, end).join(' ')}`);
  }

  drained(): void {
    this.said.push('drained');
    this.onDrained?.();
  }

  closed(reason: string): void {
    this.said.push(`closed ${reason}`);
  }
}

function setUp(): { socket: SlowSocket; link: Link; linked: LinkSocket<Link>; heard: Heard } {
  const socket = new SlowSocket();
  const linked = new LinkSocket(socket, new Link('peer', 1 << 20));
  const heard = new Heard();
  linked.attach(heard);
  return { socket, link: linked.link, linked, heard };
}

function write(link: Link, length: number, value = 7): void {
  link.out.raw(new Uint8Array(length).fill(value));
}

test('a turn is one write; the output may be written to again at once', () => {
  const { socket, link, linked } = setUp();
  linked.flush();
  assert.deepEqual(socket.calls, []);
  write(link, 10, 1);
  write(link, 20, 2);
  linked.flush();
  assert.deepEqual(socket.calls, ['write 30']);
  assert.equal(link.out.at, 0);
  assert.equal(link.backlog, 30);
  write(link, 30, 3);
  socket.take();
  assert.equal(link.backlog, 0);
  assert.equal(link.out.at, 30);
  linked.flush();
  socket.take();
  assert.deepEqual(socket.taken[1], new Uint8Array(30).fill(3));
});

test('two buffers take turns', () => {
  const { socket, link, linked } = setUp();
  const buffers = new Set<Uint8Array>();
  for (let turn = 0; turn < 20; turn++) {
    buffers.add(link.out.bytes);
    write(link, 1_000);
    linked.flush();
    socket.take();
  }
  assert.equal(buffers.size, 2);
});

test('a long buffer is kept while it is used, and given back when little is said', () => {
  const { socket, link, linked } = setUp();
  const turn = (length: number): number => {
    write(link, length);
    const capacity = link.out.bytes.length;
    linked.flush();
    socket.take();
    return capacity;
  };
  turn(1_000_000);
  turn(1_000_000);
  assert(turn(100) >= 1_000_000);
  assert(turn(100) >= 1_000_000);
  for (let i = 0; i < 1_000; i++) turn(28);
  assert(turn(28) <= 1 << 16);
});

test('behind a busy system outputs gather, and go as one write when it has taken the last', () => {
  const { socket, link, linked } = setUp();
  write(link, 5, 1);
  linked.flush();
  for (let turn = 2; turn < 6; turn++) {
    write(link, 5, turn);
    linked.flush();
  }
  assert.deepEqual(socket.calls, ['write 5']);
  assert.equal(link.waiting, 25);
  // Written in a turn that has not ended: not asked to be sent, but nothing speaks against it.
  write(link, 5, 6);
  socket.take();
  assert.deepEqual(socket.calls, ['write 5', 'write 25']);
  socket.take();
  assert.deepEqual(
    [...concatBytes(socket.taken)],
    [1, 2, 3, 4, 5, 6].flatMap((n) => Array(5).fill(n)),
  );
});

test('what was not flushed is not sent when the system has taken the last', () => {
  const { socket, link, linked } = setUp();
  write(link, 5);
  linked.flush();
  write(link, 5);
  socket.take();
  assert.deepEqual(socket.calls, ['write 5']);
});

test('a long output does not gather: it would be copied each time the buffer grows', () => {
  const { socket, link, linked } = setUp();
  write(link, 5);
  linked.flush();
  write(link, 300_000);
  linked.flush();
  assert.deepEqual(socket.calls, ['write 5', 'write 300000']);
  assert.equal(link.backlog, 300_005);
});

test('drained is told once, when half of what fills a link is taken', () => {
  const { socket, link, linked, heard } = setUp();
  assert.equal(2 * drainedBelow, backlogHigh);
  write(link, 400_000);
  linked.flush();
  socket.take();
  assert.deepEqual(heard.said, []);
  for (let i = 0; i < 4; i++) {
    write(link, 300_000);
    linked.flush();
  }
  assert(link.isFull);
  socket.take();
  socket.take();
  assert.deepEqual(heard.said, []);
  socket.take();
  assert.deepEqual(heard.said, ['drained']);
  socket.take();
  assert.deepEqual(heard.said, ['drained']);
});

test('a feed that stops when the link is full and goes on when it is drained always comes to its end', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const chance = new Prng(seed);
    const { socket, link, linked, heard } = setUp();
    let left = 8 << 20;
    const pump = (): void => {
      while (left > 0 && !link.isFull) {
        const length = Math.min(left, 1 + chance.below(chance.chance(0.5) ? 700_000 : 20_000));
        write(link, length, left & 0xff);
        left -= length;
      }
    };
    heard.onDrained = pump;
    pump();
    for (let steps = 0; left > 0 || link.waiting > 0; steps++) {
      assert(steps < 100_000, `seed ${seed} stalled with ${left} left, ${link.waiting} waiting`);
      // Other traffic, of a turn that the feed has no part in.
      if (left > 0 && chance.chance(0.1)) write(link, chance.below(600_000));
      if (socket.writes.length > 0 && chance.chance(0.5)) socket.take();
      else linked.flush();
    }
  }
});

test('bytes, and the end, once', () => {
  const { linked, heard } = setUp();
  linked.received(new Uint8Array([1, 2]));
  linked.closed('end');
  linked.closed('end');
  linked.received(new Uint8Array([3]));
  assert.deepEqual(heard.said, ['received 1 2', 'closed end']);
  assert(!linked.isOpen);
});

test('destroy: nothing is sent or received any more, and the end is told', () => {
  const { socket, link, linked, heard } = setUp();
  write(link, 600_000);
  linked.flush();
  write(link, 5);
  linked.destroy();
  linked.destroy();
  assert.equal(link.out.at, 0);
  linked.received(new Uint8Array([1]));
  socket.take(false);
  write(link, 5);
  linked.flush();
  assert.equal(link.out.at, 0);
  linked.pause();
  linked.resume();
  linked.closed('local');
  assert.deepEqual(socket.calls, ['write 600000', 'destroy']);
  assert.deepEqual(heard.said, ['closed local']);
  assert.equal(link.backlog, 0);
});

test('end: closes behind what was written, flushed or not', () => {
  const { socket, link, linked } = setUp();
  write(link, 5);
  linked.flush();
  write(link, 6);
  linked.flush();
  write(link, 7);
  linked.end();
  linked.end();
  assert.deepEqual(socket.calls, ['write 5', 'write 13', 'end']);
});

test('pause and resume are the socket’s', () => {
  const { socket, linked } = setUp();
  linked.pause();
  linked.resume();
  assert.deepEqual(socket.calls, ['pause', 'resume']);
  assert.equal(linked.remoteAddress, '[::1]:40000');
});

test('a peer that takes nothing for minutes is cut off', () => {
  const { socket, link, linked, heard } = setUp();
  link.backlog = 256 << 20;
  write(link, 300_000);
  linked.flush();
  linked.closed('local');
  assert.equal(socket.calls.at(-1), 'destroy');
  assert.deepEqual(heard.said, [`closed ${(256 << 20) + 300_000} bytes of output not taken`]);
});
