// Copies share no memory, also of Buffers; comparisons and hex by table; longs and their halves,
// zxids and their parts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes, copyBytes, equalBytes, equalSecret, hexOf } from '../../src/util/bytes.ts';

test('a copy shares no memory, not even of a Buffer', () => {
  const source = Buffer.from([1, 2, 3, 4, 5]);
  const copy = copyBytes(source, 1, 4);
  source.fill(0);
  assert.deepEqual([...copy], [2, 3, 4]);
  assert.equal(Object.getPrototypeOf(copy), Uint8Array.prototype);
  assert.equal(copy.buffer.byteLength, 3);
  assert.deepEqual([...copyBytes(Uint8Array.of(7, 8))], [7, 8]);
});

test('equality, in the open and in secret', () => {
  const a = Uint8Array.of(1, 2, 3);
  for (const equal of [equalBytes, equalSecret]) {
    assert(equal(a, Uint8Array.of(1, 2, 3)));
    assert(equal(new Uint8Array(0), new Uint8Array(0)));
    assert(!equal(a, Uint8Array.of(1, 2)));
    assert(!equal(a, Uint8Array.of(1, 2, 4)));
    assert(!equal(a, Uint8Array.of(0, 2, 3)));
  }
});

test('concatenation and hex', () => {
  const all = concatBytes([Uint8Array.of(0, 15), new Uint8Array(0), Uint8Array.of(255)]);
  assert.equal(hexOf(all), '000fff');
  assert.equal(hexOf(concatBytes([])), '');
});
