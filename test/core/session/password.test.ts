// Session passwords: the known vector, more of
// them from java.util.Random itself, and the
// comparison.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPassword, sessionPassword } from '../../../src/core/session/password.ts';
import { hexOf } from '../../../src/util/bytes.ts';

/** Printed by a Java program: new Random(id ^ 0xB3415C00L).nextBytes(16). */
const vectors: ReadonlyArray<readonly [bigint, string]> = [
  [0x0100000000000000n, 'f22acd4a97e69d6d20a49bb638eadb38'],
  [1n, '054cc74a37327db215e702e20c73f005'],
  [-1n, '20f62cb5648dc2d771471c8a2486a9ee'],
  [-9223372036854775808n, 'f22acd4a97e69d6d20a49bb638eadb38'],
  [9223372036854775807n, '20f62cb5648dc2d771471c8a2486a9ee'],
  [9218247941278745377n, '9c4182abd9a67f533c0cb3f0b0cc0556'],
  [-72057594037927935n, '054cc74a37327db215e702e20c73f005'],
];

test('passwords are those of java.util.Random', () => {
  for (const [id, password] of vectors) assert.equal(hexOf(sessionPassword(id)), password);
});

test('the comparison', () => {
  const id = 0x0100000000000000n;
  const right = sessionPassword(id);
  assert.equal(isPassword(id, right), true);
  assert.equal(isPassword(id + 1n, right), false);
  assert.equal(isPassword(id, right.subarray(1)), false);
  assert.equal(isPassword(id, new Uint8Array(16)), false);
  assert.equal(isPassword(0n, sessionPassword(0n)), false);
});
