/**
 * The client port between two roles: a connect request waits a little for whoever serves next, and is
 * closed when nobody does; four-letter words are answered at any time; a role that never serves turns
 * clients away at once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OpCode } from '../../src/proto/opcodes.ts';
import { ClientFront } from '../../src/server/client-front.ts';
import type { FakePort } from '../support/fake-server.ts';
import { emptyDatabase, FakeClient, FakeServer, FakeWorld } from '../support/fake-server.ts';
import { createBody } from '../support/fake-session.ts';
import { connectPayload, readConnected, readReply, requestPayload } from '../support/raw-client.ts';

const sessionlessTimeoutMs = 10_000;
/** ClientFront's patience. */
const waitMs = 400;

class Port implements FakePort {
  readonly world = new FakeWorld();
  readonly logged: string[] = [];
  readonly host: ClientFront;
  outputLongest = 0;

  constructor() {
    this.host = new ClientFront(
      this.world.clock,
      { log: (_, message) => this.logged.push(message) },
      { sessionlessTimeoutMs, command: (word) => `${word}!` },
    );
  }

  soon(callback: () => void): void {
    this.world.soon(callback);
  }

  connect(payload?: Uint8Array): FakeClient {
    const client = new FakeClient(this);
    if (payload !== undefined) client.sendFrame(payload);
    this.world.run();
    return client;
  }

  /** A role that serves begins. */
  serve(): FakeServer {
    const server = new FakeServer(
      {},
      {
        ...{ world: this.world, serverId: 1, database: emptyDatabase(), role: { kind: 'lone' } },
      },
    );
    this.host.serve(server.driver);
    this.world.run();
    return server;
  }
}

function word(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe('while nobody serves', () => {
  it('a connect request waits, and is served by the next role', () => {
    const port = new Port();
    const client = port.connect(connectPayload({ timeOutMs: 5000 }));
    port.world.advance(waitMs - 1);
    assert.equal(client.end, 'open');
    assert.deepEqual(client.frames, []);
    const server = port.serve();
    const [frame] = client.take();
    assert.equal(readConnected(frame as Uint8Array).timeOut, 5000);
    // It is as any other from now on.
    port.world.advance(4 * waitMs);
    client.sendFrame(requestPayload(1, OpCode.create, createBody('/a', null)));
    port.world.run();
    assert.equal(readReply(client.take()[0] as Uint8Array).err, 0);
    assert.equal(server.replica.connections.size, 1);
  });

  it('what comes behind the request waits with it, in one piece or in many', () => {
    const port = new Port();
    const payloads = [
      connectPayload(),
      requestPayload(-2, OpCode.ping),
      requestPayload(1, OpCode.create, createBody('/a', null)),
    ];
    const whole = new Uint8Array(payloads.reduce((sum, { length }) => sum + 4 + length, 0));
    let at = 0;
    for (const payload of payloads) {
      new DataView(whole.buffer).setInt32(at, payload.length);
      whole.set(payload, at + 4);
      at += 4 + payload.length;
    }
    for (const pieces of [1, 3, whole.length]) {
      const client = port.connect();
      const length = Math.ceil(whole.length / pieces);
      for (let from = 0; from < whole.length; from += length) {
        client.send(whole.subarray(from, from + length));
      }
      port.world.run();
      assert.equal(client.end, 'open');
      port.serve();
      const frames = client.take();
      assert.equal(frames.length, 3);
      assert.deepEqual(
        frames.slice(1).map((frame) => readReply(frame).xid),
        [-2, 1],
      );
      port.host.suspend();
    }
  });

  it('a request is closed without an answer when its time is up', () => {
    const port = new Port();
    const client = port.connect(connectPayload());
    port.world.advance(waitMs);
    assert.equal(client.end, 'destroyed');
    assert.deepEqual(client.frames, []);
    // Nothing of it is left for the next role.
    assert.equal(port.serve().replica.connections.size, 0);
  });

  it('who has not asked yet may take longer, and be served too', () => {
    const port = new Port();
    const early = port.connect();
    const never = port.connect();
    port.world.advance(4 * waitMs);
    const server = port.serve();
    early.sendFrame(connectPayload());
    port.world.run();
    assert.equal(early.take().length, 1);
    assert.equal(server.replica.connections.size, 2);
    port.world.advance(2 * sessionlessTimeoutMs);
    assert.equal(never.end, 'destroyed');
  });

  it('who never asks is closed in the end', () => {
    const port = new Port();
    const client = port.connect();
    port.world.advance(sessionlessTimeoutMs - 1);
    assert.equal(client.end, 'open');
    port.world.advance(1);
    assert.equal(client.end, 'destroyed');
  });

  it('a four-letter word is answered', () => {
    const port = new Port();
    const client = port.connect();
    client.send(word('ruok'));
    port.world.run();
    assert.equal(client.text, 'ruok!');
    assert.equal(client.end, 'ended');
    const slow = port.connect();
    slow.send(word('sr'));
    port.world.advance(waitMs);
    slow.send(word('vr'));
    port.world.run();
    assert.equal(slow.text, 'srvr!');
  });

  it('what is no connect request is closed: too long, or no length at all', () => {
    const port = new Port();
    assert.equal(port.connect(new Uint8Array(513)).end, 'destroyed');
    const client = port.connect();
    client.send(word('\x7f\xff\xff\xff'));
    port.world.run();
    assert.equal(client.end, 'destroyed');
    assert.equal(port.logged.length, 1);
    // As long as a connect request may be, with a password nobody has: the next role says what it thinks of it.
    const odd = port.connect(new Uint8Array(512).fill(1));
    assert.equal(odd.end, 'open');
    port.serve();
    assert.equal(odd.end, 'destroyed');
  });

  it('who goes while it waits is forgotten', () => {
    const port = new Port();
    const client = port.connect(connectPayload());
    client.leave();
    assert.equal(port.serve().replica.connections.size, 0);
    assert.deepEqual(client.frames, []);
  });

  it('only so many requests wait', () => {
    const port = new Port();
    const clients = Array.from({ length: 10_001 }, () => new FakeClient(port));
    for (const client of clients) client.sendFrame(connectPayload());
    port.world.run();
    assert.equal(clients.filter(({ end }) => end === 'open').length, 10_000);
    // Who is closed makes room.
    for (const client of clients.splice(0, 10)) client.leave();
    assert.equal(port.connect(connectPayload()).end, 'open');
  });
});

describe('a role that ends', () => {
  it('cuts its clients off; who comes then waits for the next', () => {
    const port = new Port();
    port.serve();
    const old = port.connect(connectPayload());
    assert.equal(old.take().length, 1);
    port.host.suspend();
    port.world.run();
    assert.equal(old.end, 'destroyed');
    const next = port.connect(connectPayload());
    assert.deepEqual(next.frames, []);
    const server = port.serve();
    assert.equal(next.take().length, 1);
    assert.equal(server.replica.connections.size, 1);
  });

  it('forgets a connection that has not asked', () => {
    const port = new Port();
    port.serve();
    const idle = port.connect();
    port.host.suspend();
    assert.equal(idle.end, 'destroyed');
  });
});

describe('a role that never serves', () => {
  it('turns clients away at once, also those that wait; it answers words', () => {
    const port = new Port();
    const waiting = port.connect(connectPayload());
    const silent = port.connect();
    port.host.turnAway();
    port.world.run();
    assert.equal(waiting.end, 'destroyed');
    assert.equal(port.connect(connectPayload()).end, 'destroyed');
    silent.send(word('srvr'));
    port.world.run();
    assert.equal(silent.text, 'srvr!');
    // The next role is another.
    port.host.suspend();
    const later = port.connect(connectPayload());
    assert.equal(later.end, 'open');
    port.serve();
    assert.equal(later.take().length, 1);
  });
});
