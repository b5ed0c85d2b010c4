// Our machines against what Java servers sent each other, byte for byte: each recorded connection is played twice, once
// with our Learner in the Java learner's place and once with our Leader in the Java leader's. What the other side sent
// is fed as it was; what clients, disks and clocks did is taken from the recording; what ours sends must be the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { PacketStream } from '../../../src/core/zab/packet-stream.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { writeBarePacket, writeDataPacket } from '../../../src/proto/packets.ts';
import { PacketType } from '../../../src/proto/quorum.ts';
import { copyBytes } from '../../../src/util/bytes.ts';
import { configOf } from '../election/configs.ts';
import { RecordedLeader } from './recorded-leader.ts';
import { RecordedLearner } from './recorded-learner.ts';
import { readRecordings } from './recordings.ts';

const { config, recordings } = readRecordings();

for (const { name, packets, streams } of recordings.values()) {
  test(`${name}: every packet is read and written as it was, however it is cut`, () => {
    for (const side of ['leader', 'learner'] as const) {
      for (const piece of [1, 7, 1000]) {
        const out = new Writer();
        const stream = new PacketStream(1 << 20);
        const bodies = packets.filter(({ type }) => type === PacketType.SNAP);
        let body = 0;
        for (let at = 0; at < streams[side].length; at += piece) {
          stream.push(streams[side], at, Math.min(streams[side].length, at + piece));
          for (;;) {
            if (body > 0) {
              const some = stream.rest().subarray(0, body);
              out.raw(some);
              body -= some.length;
              stream.skip(some.length);
              if (body > 0) break;
            }
            if (!stream.next()) break;
            const { type, zxid, hasData, dataStart, dataEnd, authinfo } = stream.view;
            if (!hasData && authinfo === undefined) writeBarePacket(out, type, zxid);
            else
              writeDataPacket(out, type, zxid, stream.bytes, dataStart, dataEnd, authinfo ?? null);
            if (type === PacketType.SNAP) body = (bodies.shift()?.body.length ?? 0) + 14;
          }
          stream.settle();
        }
        assert.deepEqual(
          copyBytes(out.written()),
          streams[side],
          `${side}, ${piece} bytes at a time`,
        );
      }
    }
  });

  test(`${name}: NEWLEADER carries the configuration as we print it`, () => {
    const packet = packets.find(({ type }) => type === PacketType.NEWLEADER);
    const text = new TextDecoder().decode(packet?.data);
    assert.equal(text, printQuorumConfig(configOf(config)));
  });
}

for (const recording of recordings.values()) {
  test(`${recording.name}: our learner in the place of Java's`, () => {
    const learner = new RecordedLearner(recording, configOf(config));
    learner.play();
    // Ours are on disk, and acknowledged, before UPTODATE; Java 3.8.0 logs them behind it.
    const isAck = (words: string): boolean => /^ACK 0x\d+(?!0{8})[0-9a-f]{8} /.test(words);
    const isOther = (words: string): boolean => !isAck(words);
    assert.deepEqual(learner.sent.filter(isOther), learner.expected.filter(isOther));
    assert.deepEqual(learner.sent.filter(isAck), learner.expected.filter(isAck));
    assert.ok(learner.isServing);
  });
}

test('our leader in the place of Java’s: fresh, diff, snap and outstanding, in one term', () => {
  const leader = new RecordedLeader(3n, configOf(config));
  for (const name of ['fresh', 'diff', 'snap', 'outstanding']) {
    const recording = recordings.get(name);
    assert.ok(recording !== undefined);
    const { sent, expected } = leader.play(recording);
    assert.deepEqual(sent, expected, name);
  }
});

test('our leader in the place of Java’s: trunc', () => {
  const recording = recordings.get('trunc');
  assert.ok(recording !== undefined);
  const leader = new RecordedLeader(2n, configOf(config), { epoch: 1, last: 0x10000001an });
  const { sent, expected } = leader.play(recording);
  assert.deepEqual(sent, expected);
});
