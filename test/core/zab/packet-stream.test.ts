// The bytes of a quorum connection, cut into packets: the stream alone, fed by hand.
// Packets are found however the bytes are cut; what no packet may be is refused at once; and small pieces cost no more
// than large ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketStream } from '../../../src/core/zab/packet-stream.ts';
import { DecodeError } from '../../../src/jute/reader.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { QuorumPacket } from '../../../src/proto/quorum.ts';
import { concatBytes, copyBytes } from '../../../src/util/bytes.ts';
import { Prng } from '../../../src/util/prng.ts';
import { packet } from './hand-made-packets.ts';

function encode(value: QuorumPacket): Uint8Array {
  const out = new Writer();
  QuorumPacket.write(out, value);
  return out.copy();
}

function randomPacket(random: Prng): QuorumPacket {
  const ids = Array.from({ length: random.below(3) }, () => ({
    scheme: random.pick(['digest', 'ip', '']),
    id: 'x'.repeat(random.below(40)),
  }));
  return {
    type: random.pick([1, 2, 3, 4, 5, 99, -1]),
    zxid: BigInt.asIntN(64, BigInt(random.next32()) * BigInt(random.next32())),
    data: random.chance(0.3) ? null : random.bytes(random.pick([0, 1, 50, 3000, 70_000])),
    authinfo: random.chance(0.4) ? null : ids,
  };
}

function read(stream: PacketStream): QuorumPacket[] {
  const packets: QuorumPacket[] = [];
  while (stream.next()) {
    const { type, zxid, hasData, dataStart, dataEnd, authinfo } = stream.view;
    const data = hasData ? copyBytes(stream.bytes, dataStart, dataEnd) : null;
    packets.push({ type, zxid, data, authinfo: authinfo === undefined ? null : [...authinfo] });
  }
  return packets;
}

test('any cut gives the same packets, from buffers that are overwritten', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Prng(seed);
    const sent = Array.from({ length: 1 + random.below(12) }, () => randomPacket(random));
    const bytes = concatBytes(sent.map(encode));
    const stream = new PacketStream(1 << 20);
    const most = random.pick([1, 7, 100, 5000, 200_000]);
    const got: QuorumPacket[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, 1 + random.below(most));
      const chunk = new Uint8Array(length + 4);
      chunk.set(bytes.subarray(at, at + length), 2);
      stream.push(chunk, 2, 2 + length);
      got.push(...read(stream));
      stream.settle();
      chunk.fill(0xee);
      at += length;
    }
    assert.deepEqual(got, sent, `seed ${seed}`);
    assert.equal(stream.received, bytes.length);
  }
});

test('several chunks in one step, not read in between', () => {
  const stream = new PacketStream(1000);
  const all = concatBytes([packet('PING', 1n), packet('COMMIT', 2n), packet('ACK', 3n)]);
  for (let at = 0; at < all.length; at += 9)
    stream.push(copyBytes(all, at, Math.min(at + 9, all.length)));
  assert.deepEqual(
    read(stream).map(({ zxid }) => zxid),
    [1n, 2n, 3n],
  );
});

test('a body between packets: raw bytes, then a string, then packets again', () => {
  const body = new Prng(4).bytes(5000);
  const signature = new Writer();
  signature.ustring('BenWasHere');
  const bytes = concatBytes([packet('SNAP', 9n), body, signature.copy(), packet('PING', 10n)]);
  for (const step of [1, 13, 999, 10_000]) {
    const stream = new PacketStream(1000);
    const seen: string[] = [];
    let left = -1;
    for (let at = 0; at < bytes.length; at += step) {
      stream.push(copyBytes(bytes, at, Math.min(bytes.length, at + step)));
      for (;;) {
        if (left > 0) {
          const rest = stream.rest();
          if (rest.length === 0) break;
          const taken = Math.min(left, rest.length);
          assert.deepEqual(
            rest.subarray(0, taken),
            body.subarray(5000 - left, 5000 - left + taken),
          );
          stream.skip(taken);
          left -= taken;
        } else if (left === 0) {
          if (!stream.nextString('BenWasHere')) break;
          left = -1;
        } else {
          if (!stream.next()) break;
          seen.push(`${stream.view.type} ${stream.view.zxid}`);
          if (stream.view.type === 15) left = body.length;
        }
      }
      stream.settle();
    }
    assert.deepEqual(seen, ['15 9', '5 10']);
  }
});

function refused(bytes: Uint8Array): void {
  const stream = new PacketStream(1000);
  stream.push(bytes);
  assert.throws(() => stream.next(), DecodeError);
}

const ints = (...values: number[]): Uint8Array => {
  const out = new Writer();
  for (const value of values) out.int(value);
  return out.copy();
};

test('what no packet may be is refused as soon as it is there', () => {
  refused(ints(2, 0, 1, 1001, 0));
  refused(ints(2, 0, 1, -2, 0));
  refused(ints(2, 0, 1, 0x7fffffff, 0));
  refused(ints(2, 0, 1, -1, -2));
  refused(ints(2, 0, 1, -1, 0x7fffffff));
  refused(ints(2, 0, 1, -1, 1001));
  refused(ints(2, 0, 1, -1, 1, 1001));
  refused(ints(2, 0, 1, -1, 1, -5));
  const stream = new PacketStream(1000);
  stream.push(ints(11, 0));
  assert.throws(() => stream.nextString('BenWasHere'), DecodeError);
});

test('a packet of a megabyte in small pieces costs its length, not its square', () => {
  const stream = new PacketStream(1 << 21);
  const bytes = packet('PROPOSAL', 1n, new Uint8Array(1 << 20));
  let found = 0;
  for (let at = 0; at < bytes.length; at += 64) {
    stream.push(bytes.subarray(at, Math.min(bytes.length, at + 64)));
    if (stream.next()) found++;
    stream.settle();
  }
  assert.equal(found, 1);
});
