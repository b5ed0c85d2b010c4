/**
 * Any bytes on the client port, in any pieces: at worst the connection that sent them ends, with a
 * counted reason. Nothing leaves `step`, other clients are served, and what is kept is bounded by
 * what was received, never by what it announces.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import type { Prng } from '../../src/util/prng.ts';
import { Generator } from '../interop/differential-generator.ts';
import { World } from '../interop/differential-world.ts';
import type { FakeClient } from '../support/fake-server.ts';
import { FakeServer } from '../support/fake-server.ts';
import { FakeSession } from '../support/fake-session.ts';
import { connectPayload, requestPayload } from '../support/raw-client.ts';
import { assertReplays, casesOf, fuzz, Witness } from './support.ts';

const cases = casesOf(4000, 0.5);
/** A fresh server after so many: a long life and many beginnings. */
const casesEach = 250;

const words = ['ruok', 'stat', 'srvr', 'conf', 'stmk', 'gtmk', 'wchp', 'mntr', 'isro', 'RUOK'];
const lengths = [-1, -2, 0, 1, 3, 4, 7, 8, 0x7fffffff, -0x80000000, 0xfffff, 0x100000, 0x1000000];

/** What an attacker sends, whole. */
function stream(prng: Prng, draw: () => Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  const framed = (payload: Uint8Array, length = payload.length): void => {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setInt32(0, length);
    parts.push(head, payload);
  };
  const die = prng.below(20);
  if (die === 0) parts.push(encodeUtf8(prng.pick(words)), prng.bytes(prng.below(12)));
  else if (die === 1) parts.push(Uint8Array.of(0xff, 0xf4, 0xff, 0xfd), prng.bytes(4));
  else if (die === 2) framed(damaged(prng, connectPayload()));
  else if (die === 3) framed(prng.bytes(prng.below(60)));
  else if (die > 4) {
    framed(connectPayload(prng.chance(0.5) ? {} : { readOnly: undefined, timeOutMs: -5 }));
  }
  for (let count = prng.below(12); count > 0; count--) {
    const kind = prng.below(12);
    if (kind < 6) framed(draw());
    else if (kind < 8) framed(damaged(prng, draw()));
    else if (kind === 8) framed(draw(), prng.pick(lengths));
    else if (kind === 9) framed(prng.bytes(prng.below(100)));
    else if (kind === 10) parts.push(encodeUtf8(prng.pick(words)));
    else parts.push(prng.bytes(prng.below(30)));
  }
  return Buffer.concat(parts);
}

/** Bits flipped, bytes cut off or doubled. */
function damaged(prng: Prng, bytes: Uint8Array): Uint8Array {
  const at = prng.below(bytes.length + 1);
  if (prng.chance(0.2)) return bytes.subarray(0, at);
  if (prng.chance(0.1)) return Buffer.concat([bytes, bytes.subarray(at)]);
  const copy = new Uint8Array(bytes);
  for (let flips = 1 + prng.below(4); flips > 0 && copy.length > 0; flips--) {
    const where = prng.below(copy.length);
    copy[where] = (copy[where] ?? 0) ^ (1 << prng.below(8));
  }
  return copy;
}

function sendInPieces(prng: Prng, server: FakeServer, client: FakeClient, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const length = prng.chance(0.5) ? bytes.length - at : 1 + prng.below(40);
    client.send(bytes.subarray(at, at + length));
    if (prng.chance(0.5)) server.run();
    at += length;
  }
  server.run();
}

test(`${cases} streams of bytes: one connection may end, no more`, () => {
  let server = new FakeServer();
  let witness = new Witness(server);
  const ends = new Map<string, number>();
  fuzz(cases, (prng, index) => {
    if (index % casesEach === 0) {
      assertReplays(server);
      server = new FakeServer();
      witness = new Witness(server);
    }
    const generator = new Generator(new World(prng));
    let xid = 1;
    const session = { index: 0 } as Parameters<Generator['one']>[0];
    const draw = (): Uint8Array => {
      const { type, body } = prng.chance(0.05) ? generator.closing() : generator.one(session);
      return requestPayload(xid++, type, body);
    };
    const client = server.connect();
    const closedBefore = server.closedByUs;
    sendInPieces(prng, server, client, stream(prng, draw));
    witness.check();
    if (prng.chance(0.1)) server.advance(prng.below(15_000));
    const counted = server.closedByUs - closedBefore;
    const isCommand = /^[a-z]{4}!$/.test(client.text);
    ends.set(client.end, (ends.get(client.end) ?? 0) + 1);
    if (client.end !== 'open' && !isCommand) assert.ok(counted > 0, 'an end has a counted reason');
    client.leave();
    server.run();
  });
  assertReplays(server);
  for (const end of ['open', 'ended', 'destroyed']) {
    assert.ok((ends.get(end) ?? 0) > cases / 100, `${end}: ${ends.get(end)} of ${cases}`);
  }
});

/** Bytes in buffers now, garbage gone where the runner lets us. */
function bufferBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().arrayBuffers;
}

test('memory follows what was received, not what was announced', () => {
  const server = new FakeServer();
  const witness = new Witness(server);
  const before = bufferBytes();
  const clients: FakeClient[] = [];
  for (let i = 0; i < 2000; i++) {
    const client = server.connect();
    // A frame of a megabyte is announced, and three bytes of it come.
    client.send(Uint8Array.of(0x00, 0x0f, 0xff, 0xff, 1, 2, 3));
    clients.push(client);
  }
  const session = new FakeSession(server);
  for (let i = 0; i < 2000; i++) {
    // A string of a gigabyte, a list of two thousand million: in frames of forty bytes.
    const lies = requestPayload(i, OpCode.setWatches, (out) => {
      out.long(0n);
      out.int(i % 2 === 0 ? 0x7fffffff : 5);
      out.int(0x3fffffff);
      out.long(0n);
    });
    session.client.sendFrame(lies);
  }
  server.run();
  assert.ok(session.isOpen);
  assert.ok(clients.every(({ end }) => end === 'open'));
  const grown = bufferBytes() - before;
  assert.ok(grown < 16 << 20, `${grown} bytes for ${2000 * 7 + 2000 * 40} received`);
  witness.check();
});

test('requests that wait behind a write are kept once, and given up with their connection', () => {
  const server = new FakeServer({ globalOutstandingLimit: 100 });
  const witness = new Witness(server);
  const client = server.connect();
  client.sendFrame(connectPayload());
  server.run();
  const read = requestPayload(1, OpCode.getData, (out) => {
    out.ustring('/');
    out.boolean(false);
  });
  const write = requestPayload(2, OpCode.setData, (out) => {
    out.ustring('/');
    out.buffer(null);
    out.int(-1);
  });
  for (let i = 0; i < 50; i++) client.sendFrame(write);
  for (let i = 0; i < 5000; i++) client.sendFrame(read);
  // The log has not said that anything is durable: all of it waits, but no more than the limit was taken in.
  assert.ok(server.replica.outstanding <= 101, `${server.replica.outstanding} outstanding`);
  client.leave();
  server.run();
  assert.equal(server.replica.outstanding, 0);
  witness.check();
});
