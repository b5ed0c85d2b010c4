// 64 bits everywhere: epochs and counters, halves of longs, hex, at the edges where signs and
// carries lie.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  counterOf,
  epochOf,
  hexZxid,
  highOf,
  longOf,
  lowOf,
  makeZxid,
} from '../../src/proto/zxid.ts';

const longs = [
  0n,
  1n,
  -1n,
  0xffffffffn,
  0x100000000n,
  0x1ffffffffn,
  0x7fffffffffffffffn,
  -0x8000000000000000n,
  -0x100000000n,
  0x123456789abcdef0n,
];

test('a long is its two halves', () => {
  for (const long of longs) {
    assert.equal(longOf(highOf(long), lowOf(long)), long);
    assert.equal(highOf(long), highOf(long) | 0);
    assert.equal(lowOf(long), lowOf(long) | 0);
    // Unsigned halves mean the same.
    assert.equal(longOf(highOf(long) >>> 0, lowOf(long) >>> 0), long);
  }
});

test('a zxid is an epoch and an unsigned counter', () => {
  for (const epoch of [0, 1, 0x7fffffff]) {
    for (const counter of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
      const zxid = makeZxid(epoch, counter);
      assert.equal(epochOf(zxid), epoch);
      assert.equal(counterOf(zxid), counter);
      assert(zxid >= 0n);
    }
  }
  assert(makeZxid(1, 0xffffffff) < makeZxid(2, 0));
  assert.equal(epochOf(-1n), -1);
});

test('hex is what Long.toHexString prints', () => {
  assert.equal(hexZxid(0n), '0');
  assert.equal(hexZxid(makeZxid(0x2, 0xab)), '2000000ab');
  assert.equal(hexZxid(-1n), 'ffffffffffffffff');
});
