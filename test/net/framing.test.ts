// Frames come out whole, in order and once, however the stream is cut; uncut ones come out without a copy; nothing is
// handed out while paused; a word that is no length reaches the sink with what follows it. Streams and cuts come from
// fast-check with a fixed seed; chunks are poisoned after each push, as a socket's read buffer is used again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader } from '../../src/net/framing.ts';
import { copyBytes } from '../../src/util/bytes.ts';

function stream(payloads: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(payloads.reduce((sum, payload) => sum + 4 + payload.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const payload of payloads) {
    view.setInt32(at, payload.length);
    bytes.set(payload, at + 4);
    at += 4 + payload.length;
  }
  return bytes;
}

class Collector {
  readonly frames: Uint8Array[] = [];
  readonly places: Uint8Array[] = [];
  readonly bad: { word: number; rest: Uint8Array }[] = [];
  onFrame: (() => void) | undefined;
  dealtWith = false;

  frame(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    assert.equal(view.buffer, bytes.buffer);
    assert.equal(view.byteOffset, bytes.byteOffset);
    assert.equal(view.getInt32(start - 4), end - start);
    this.frames.push(copyBytes(bytes, start, end));
    this.places.push(bytes);
    this.onFrame?.();
  }

  badLength(word: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.bad.push({ word, rest: copyBytes(bytes, start, end) });
    return this.dealtWith;
  }
}

const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });

test('any cut of the stream gives the same frames, pauses or not', () => {
  fc.assert(
    fc.property(
      payloads,
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 0, max: 3 }),
      (sent, cuts, pauseEvery) => {
        const collector = new Collector();
        const reader = new FrameReader(collector, 40);
        collector.onFrame = () => {
          if (pauseEvery > 0 && collector.frames.length % pauseEvery === 0) reader.pause();
        };
        const whole = stream(sent);
        // One memory for all chunks, poisoned after each push, as a socket's read buffer is.
        const chunk = new Uint8Array(30);
        for (let at = 0, i = 0; at < whole.length; i++) {
          const length = Math.min(cuts[i % cuts.length]!, whole.length - at);
          chunk.set(whole.subarray(at, at + length));
          const before = collector.frames.length;
          reader.push(chunk.subarray(0, length));
          if (pauseEvery > 0) assert.ok(collector.frames.length - before <= pauseEvery);
          chunk.fill(0xee);
          at += length;
        }
        for (let i = 0; i <= sent.length; i++) reader.resume();
        assert.deepEqual(collector.frames, sent);
        assert.equal(reader.carried, 0);
      },
    ),
    { seed: 20_000, numRuns: 500 },
  );
});

test('a frame inside one chunk is handed out in place', () => {
  const collector = new Collector();
  const reader = new FrameReader(collector, 100);
  const chunk = stream([new Uint8Array(10), new Uint8Array(20)]);
  reader.push(chunk);
  assert.deepEqual(collector.places, [chunk, chunk]);
});

test('nothing is allocated for an announced length before its bytes come', () => {
  const collector = new Collector();
  const reader = new FrameReader(collector, 0x7fffffff);
  reader.push(Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 1, 2, 3));
  assert.equal(reader.carried, 7);
  assert.equal(collector.frames.length, 0);
});

test('a word that is no length closes the reader, with what follows it in sight', () => {
  for (const cut of [1, 3, 4, 5, 12]) {
    const collector = new Collector();
    const reader = new FrameReader(collector, 8);
    const bytes = Uint8Array.of(0, 0, 0, 1, 9, 0x73, 0x74, 0x6d, 0x6b, 1, 2, 3);
    reader.push(bytes.subarray(0, cut));
    reader.push(bytes.subarray(cut));
    reader.push(Uint8Array.of(0, 0, 0, 0));
    assert.deepEqual(collector.frames, [Uint8Array.of(9)]);
    assert.deepEqual(collector.bad, [{ word: 0x73746d6b, rest: Uint8Array.of(1, 2, 3) }]);
  }
  const collector = new Collector();
  new FrameReader(collector, 8).push(Uint8Array.of(255, 255, 255, 255));
  assert.equal(collector.bad[0]?.word, -1);
});

test('a word the sink deals with is stepped over', () => {
  const collector = new Collector();
  collector.dealtWith = true;
  const reader = new FrameReader(collector, 8);
  reader.push(Uint8Array.of(0xff, 0xf4));
  reader.push(Uint8Array.of(0xff, 0xfd, 0, 0, 0, 1, 7, 0));
  reader.push(Uint8Array.of(0, 0, 0));
  assert.deepEqual(collector.frames, [Uint8Array.of(7), new Uint8Array(0)]);
  assert.equal(reader.carried, 0);
});

test('a pause inside a frame can be lifted inside the same frame', () => {
  const collector = new Collector();
  const reader = new FrameReader(collector, 8);
  collector.onFrame = () => {
    reader.pause();
    reader.resume();
  };
  reader.push(stream([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]));
  assert.equal(collector.frames.length, 3);
});

test('closing from inside a frame stops at once and forgets the rest', () => {
  const collector = new Collector();
  const reader = new FrameReader(collector, 8);
  collector.onFrame = () => reader.close();
  reader.push(stream([Uint8Array.of(1), Uint8Array.of(2)]));
  reader.push(stream([Uint8Array.of(3)]));
  assert.equal(collector.frames.length, 1);
  assert.equal(reader.carried, 0);
});
