// Adler-32 and CRC-32 against Node's zlib, in one piece and resumed anywhere, and where the sums of
// Adler overflow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, crc32 as zlibCrc32 } from 'node:zlib';
import { adler32, crc32, crcStart, crcValue } from '../../src/util/checksums.ts';
import { Prng } from '../../src/util/prng.ts';

/** The last four bytes of a zlib stream are the Adler-32 of what it holds. */
function zlibAdler32(bytes: Uint8Array): number {
  const stream = deflateSync(bytes, { level: 0 });
  return stream.readUInt32BE(stream.length - 4);
}

const prng = new Prng(32);
const inputs: readonly Uint8Array[] = [
  new Uint8Array(0),
  Uint8Array.of(0),
  Uint8Array.of(255),
  new TextEncoder().encode('123456789'),
  ...Array.from({ length: 40 }, (_, length) => prng.bytes(length)),
  prng.bytes(5551),
  prng.bytes(5552),
  prng.bytes(5553),
  prng.bytes(100_003),
  new Uint8Array(70_000).fill(255),
];

test('both agree with zlib', () => {
  for (const bytes of inputs) {
    assert.equal(adler32(1, bytes, 0, bytes.length), zlibAdler32(bytes));
    assert.equal(crcValue(crc32(crcStart, bytes, 0, bytes.length)), zlibCrc32(bytes));
  }
  assert.equal(crcValue(crc32(crcStart, inputs[3]!, 0, 9)), 0xcbf43926);
  assert.equal(adler32(1, inputs[3]!, 0, 9), 0x091e01de);
});

test('both go on where they stopped, at any place', () => {
  for (const bytes of inputs.filter(({ length }) => length > 0)) {
    for (let round = 0; round < 8; round++) {
      const start = prng.below(bytes.length);
      const end = start + prng.below(bytes.length - start + 1);
      const cut = start + prng.below(end - start + 1);
      const part = bytes.subarray(start, end);
      assert.equal(adler32(adler32(1, bytes, start, cut), bytes, cut, end), zlibAdler32(part));
      const register = crc32(crc32(crcStart, bytes, start, cut), bytes, cut, end);
      assert.equal(crcValue(register), zlibCrc32(part));
      assert.equal(register, register | 0, 'a register is a small integer');
    }
  }
});
