// What an ephemeralOwner stands for under each
// setting, whole and in halves, and the range of
// TTLs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OwnerKind } from '../../../src/core/tree/ephemeral-type.ts';
import {
  containerOwner,
  isTtl,
  ownerKind,
  ownerKindOf,
  ttlMax,
  ttlOf,
  ttlOwner,
} from '../../../src/core/tree/ephemeral-type.ts';

const plain = { extendedTypesEnabled: false, emulate353TTLNodes: false };
const extended = { extendedTypesEnabled: true, emulate353TTLNodes: false };
const emulating = { extendedTypesEnabled: true, emulate353TTLNodes: true };
/** The old emulation needs the extended types. */
const half = { extendedTypesEnabled: false, emulate353TTLNodes: true };

test('kinds', () => {
  const rows: ReadonlyArray<readonly [bigint, OwnerKind, OwnerKind, OwnerKind]> = [
    [0n, 'VOID', 'VOID', 'VOID'],
    [1n, 'NORMAL', 'NORMAL', 'NORMAL'],
    [0x0100000000000000n, 'NORMAL', 'NORMAL', 'NORMAL'],
    [0x7fffffffffffffffn, 'NORMAL', 'NORMAL', 'NORMAL'],
    [0x8000000000000000n, 'CONTAINER', 'CONTAINER', 'CONTAINER'],
    [0x8000000000000001n, 'NORMAL', 'NORMAL', 'TTL'],
    [0xfeffffffffffffffn, 'NORMAL', 'NORMAL', 'TTL'],
    [0xff00000000000001n, 'NORMAL', 'TTL', 'TTL'],
    [0xff0000ffffffffffn, 'NORMAL', 'TTL', 'TTL'],
    [0xff00010000000001n, 'NORMAL', 'NORMAL', 'TTL'],
    [0xffffffffffffffffn, 'NORMAL', 'NORMAL', 'TTL'],
  ];
  for (const [bits, ...kinds] of rows) {
    const owner = BigInt.asIntN(64, bits);
    for (const [i, options] of [plain, extended, emulating].entries()) {
      const label = `${bits.toString(16)} ${JSON.stringify(options)}`;
      assert.equal(ownerKind(owner, options), kinds[i], label);
      assert.equal(
        ownerKindOf(Number(bits >> 32n), Number(bits & 0xffffffffn), options),
        kinds[i],
        label,
      );
    }
    assert.equal(ownerKind(owner, half), kinds[0]);
  }
  assert.equal(ownerKind(containerOwner, plain), 'CONTAINER');
});

test('TTLs: 1 ms to 40 bits, and back', () => {
  for (const ttl of [1n, 1000n, ttlMax]) {
    assert.equal(isTtl(ttl), true);
    assert.equal(ownerKind(ttlOwner(ttl), extended), 'TTL');
    assert.equal(ttlOf(ttlOwner(ttl)), Number(ttl));
  }
  assert.equal(ttlOwner(1n), BigInt.asIntN(64, 0xff00000000000001n));
  for (const ttl of [0n, -1n, ttlMax + 1n, 1n << 62n]) assert.equal(isTtl(ttl), false);
});
