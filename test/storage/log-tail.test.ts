// How the end of a log is judged: tails torn as crashes tear them against changes that no crash makes, with and without
// a durable mark. And the arithmetic behind: another length, another byte.
// Shapes are made by hand here; byte-sweep.test.ts goes through whole directories.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainedByOneByte, fittingLength } from '../../src/storage/entry-repair.ts';
import { LogReader } from '../../src/storage/log-reader.ts';
import type { LogTail } from '../../src/storage/log-tail.ts';
import { judgeTail } from '../../src/storage/log-tail.ts';
import { copyBytes } from '../../src/util/bytes.ts';
import { adler32 } from '../../src/util/checksums.ts';
import { Prng } from '../../src/util/prng.ts';
import {
  createTxn,
  directory,
  entry,
  lengthMax,
  logFile,
  makeWorld,
  range,
} from './support/world.ts';

function judged(bytes: Uint8Array, durable?: number): { zxids: bigint[]; tail: LogTail } {
  const world = makeWorld();
  world.files.put(`${directory}/log.1`, bytes);
  const file = world.files.open(`${directory}/log.1`, 'read');
  const reader = new LogReader(file, lengthMax);
  const zxids: bigint[] = [];
  while (reader.next()) zxids.push(reader.zxid);
  assert.ok(reader.stop !== undefined);
  return { zxids, tail: judgeTail(file, reader.stop, lengthMax, durable) };
}

/** Entries 1 … 3, then one whose data is `data`, then zeros to 64 KiB. */
function withLast(data: Uint8Array): { bytes: Uint8Array; start: number; end: number } {
  const before = logFile(range(1n, 3n));
  const last = entry(createTxn(4n, data));
  const bytes = new Uint8Array(65536);
  bytes.set(before);
  bytes.set(last, before.length);
  return { bytes, start: before.length, end: before.length + last.length };
}

const noise = (length: number): Uint8Array =>
  new Prng(length).bytes(length).map((byte) => byte | 1);

test('every page of an unsynced entry may be lost, or every sector, alone or together', () => {
  for (const unit of [512, 4096]) {
    const { bytes, start, end } = withLast(noise(20_000));
    const units = Math.ceil(end / unit);
    const chance = new Prng(unit);
    for (let round = 0; round < 200; round++) {
      const torn = copyBytes(bytes);
      let lost = 0;
      for (let i = Math.floor(start / unit); i < units; i++) {
        const isLost = round < units ? i === round + Math.floor(start / unit) : chance.chance(0.5);
        if (!isLost) continue;
        const from = Math.max(start, i * unit);
        torn.fill(0, from, Math.min(end, (i + 1) * unit));
        lost++;
      }
      if (lost === 0) continue;
      const { zxids, tail } = judged(torn);
      assert.deepEqual(zxids, [1n, 2n, 3n]);
      assert.ok(
        tail.kind === 'torn' || tail.kind === 'clean',
        `${round}: ${tail.kind} ${tail.reason}`,
      );
    }
  }
});

test('cut at any byte, by the end of the file or by zeros', () => {
  const { bytes, start, end } = withLast(noise(700));
  for (let at = start; at < end; at++) {
    // The upper half of a checksum is zeros.
    const short = judged(copyBytes(bytes, 0, at));
    assert.deepEqual(short.zxids, [1n, 2n, 3n]);
    assert.equal(short.tail.kind, at - start <= 4 ? 'clean' : 'torn', `${at - start}`);
    const zeroed = copyBytes(bytes);
    zeroed.fill(0, at);
    const { zxids, tail } = judged(zeroed);
    assert.deepEqual(zxids, [1n, 2n, 3n]);
    // Of a cut inside the head little is left to see.
    const accepted = at === end - 1 ? ['unended'] : ['clean', 'stray', 'torn'];
    assert.ok(accepted.includes(tail.kind), `${at - start}: ${tail.kind}`);
  }
});

for (const [what, data] of [
  ['noise', noise(1500)],
  ['zeros', new Uint8Array(1500)],
  ['zeros over many pages', new Uint8Array(20_000)],
] as const) {
  test(`one wrong byte in a last entry of ${what} is damage`, () => {
    const { bytes, start, end } = withLast(data);
    const step = end - start > 4000 ? 37 : 1;
    for (let at = start; at < end; at += step) {
      for (const change of [0x01, 0x80, 0xff, 'zero'] as const) {
        const before = bytes[at] as number;
        const after = change === 'zero' ? 0 : before ^ change;
        if (after === before) continue;
        const wrong = copyBytes(bytes);
        wrong[at] = after;
        const { zxids, tail } = judged(wrong);
        assert.deepEqual(zxids, [1n, 2n, 3n]);
        const kind = at === end - 1 && after === 0 ? 'unended' : 'damaged';
        assert.equal(tail.kind, kind, `byte ${at - start} of ${end - start}, ${change}`);
      }
    }
  });
}

test('a wrong byte in the padding is a stray', () => {
  const bytes = logFile(range(1n, 3n), 8192);
  const end = logFile(range(1n, 3n)).length;
  for (let at = end; at < 8192; at += at < end + 40 ? 1 : 97) {
    for (const value of [0x01, 0x42, 0x80, 0xff]) {
      const wrong = copyBytes(bytes);
      wrong[at] = value;
      const { zxids, tail } = judged(wrong);
      assert.deepEqual(zxids, [1n, 2n, 3n]);
      assert.ok(tail.kind === 'stray' || tail.kind === 'torn', `${at - end}: ${tail.kind}`);
    }
  }
});

test('what a durable mark vouches for is damaged when it cannot be read, whatever its shape', () => {
  const { bytes, start, end } = withLast(noise(3000));
  const torn = copyBytes(bytes);
  torn.fill(0, 1024, 2048);
  assert.equal(judged(torn).tail.kind, 'torn');
  assert.equal(judged(torn, start).tail.kind, 'torn');
  assert.equal(judged(torn, end).tail.kind, 'damaged');
  const lost = copyBytes(bytes);
  lost.fill(0, start);
  assert.equal(judged(lost).tail.kind, 'clean');
  assert.equal(judged(lost, end).tail.kind, 'damaged');
  // A file cut at an entry's end was truncated by a server, on purpose.
  assert.equal(judged(copyBytes(bytes, 0, start), end).tail.kind, 'clean');
});

test('a whole entry behind a torn one is damage, unless a mark says that neither was synced', () => {
  const bytes = new Uint8Array(65536);
  const before = logFile(range(1n, 3n));
  const big = entry(createTxn(4n, noise(3000)));
  bytes.set(before);
  bytes.set(big, before.length);
  bytes.set(entry(createTxn(5n)), before.length + big.length);
  bytes.fill(0, 1024, 1536);
  assert.equal(judged(bytes).tail.kind, 'damaged');
  assert.match(judged(bytes).tail.reason, /with a whole entry behind it/);
  assert.equal(judged(bytes, before.length).tail.kind, 'torn');
});

test('a write of two entries: every sector of it may be lost, where the first ends exactly on one, too', () => {
  for (let length = 380; length < 420; length++) {
    const before = logFile(range(1n, 3n));
    const first = entry(createTxn(4n, noise(length)));
    const second = entry(createTxn(5n, noise(900)));
    const bytes = new Uint8Array(8192);
    bytes.set(before);
    bytes.set(first, before.length);
    bytes.set(second, before.length + first.length);
    const end = before.length + first.length + second.length;
    for (let at = 512 * Math.floor(before.length / 512); at < end; at += 512) {
      const torn = copyBytes(bytes);
      torn.fill(0, Math.max(at, before.length), Math.min(at + 512, end));
      const { tail } = judged(torn, before.length);
      assert.ok(['torn', 'clean'].includes(tail.kind), `${length}, ${at}: ${tail.reason}`);
    }
  }
});

test('a cut that got no further than the rest of its block: zeros, then whole entries, behind a mark', () => {
  const bytes = logFile(range(1n, 40n));
  const cut = logFile(range(1n, 3n)).length;
  bytes.fill(0, cut, 1024);
  assert.equal(judged(bytes, cut).tail.kind, 'torn');
  assert.equal(judged(bytes).tail.kind, 'damaged');
});

test('an entry that claims more than there is allocates no more than there is', () => {
  const bytes = logFile(range(1n, 3n), 0);
  const claims = new Uint8Array(bytes.length + 20);
  claims.set(bytes);
  new DataView(claims.buffer).setInt32(bytes.length + 4, 5);
  new DataView(claims.buffer).setInt32(bytes.length + 8, lengthMax);
  const { zxids, tail } = judged(claims);
  assert.deepEqual(zxids, [1n, 2n, 3n]);
  assert.equal(tail.kind, 'torn');
  new DataView(claims.buffer).setInt32(bytes.length + 8, lengthMax + 1);
  assert.equal(judged(claims).tail.kind, 'damaged');
});

test('fittingLength finds the length an Adler-32 was taken of', () => {
  const chance = new Prng(3);
  for (let round = 0; round < 300; round++) {
    const length = 32 + chance.below(400);
    const bytes = chance.bytes(length + 1 + chance.below(50));
    bytes[length] = 0x42;
    assert.equal(fittingLength(bytes, adler32(1, bytes, 0, length), 32), length);
    assert.equal(fittingLength(bytes, adler32(1, bytes, 0, length), length + 1), -1);
  }
});

test('explainedByOneByte: every single change, and hardly any other', () => {
  const chance = new Prng(4);
  let byAccident = 0;
  for (let round = 0; round < 2000; round++) {
    const bytes = chance.bytes(1 + chance.below(round % 10 === 0 ? 150_000 : 2000));
    const checksum = adler32(1, bytes, 0, bytes.length);
    const one = copyBytes(bytes);
    one[chance.below(one.length)] = chance.below(256);
    assert.ok(explainedByOneByte(one, checksum));
    assert.ok(explainedByOneByte(bytes, (checksum ^ (chance.below(256) << 16)) >>> 0));
    if (explainedByOneByte(chance.bytes(bytes.length), checksum)) byAccident++;
  }
  assert.ok(byAccident < 20, `${byAccident}`);
});
