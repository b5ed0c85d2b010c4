// The set against a Set, small, split and small again; and iteration while numbers come and go.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IntSet } from '../../src/util/int-set.ts';
import { Prng } from '../../src/util/prng.ts';

test('like a Set, whatever its size', () => {
  const prng = new Prng(34);
  const set = new IntSet();
  const model = new Set<number>();
  for (let round = 0; round < 200_000; round++) {
    const growing = Math.floor(round / 40_000) % 2 === 0;
    const value = prng.below(30_000);
    if (prng.chance(growing ? 0.8 : 0.2)) {
      set.add(value);
      model.add(value);
    } else {
      assert.equal(set.delete(value), model.delete(value));
    }
    assert.equal(set.size, model.size);
    const other = prng.below(30_000);
    assert.equal(set.has(other), model.has(other));
    if (round % 20_000 === 0) assert.deepEqual(new Set(set), model);
  }
  for (const value of [...model]) assert(set.delete(value));
  assert.equal(set.size, 0);
  assert.deepEqual([...set], []);
  set.add(5);
  assert.deepEqual([...set], [5]);
});

test('numbers that stay are met once while others come and go', () => {
  for (const size of [100, 20_000]) {
    const set = new IntSet();
    for (let value = 0; value < size; value++) set.add(value);
    const met = new Map<number, number>();
    let next = size;
    for (const value of set) {
      met.set(value, (met.get(value) ?? 0) + 1);
      // Even numbers stay.
      if (value < size && value % 2 === 1) set.delete(value);
      if (value < size && value % 16 === 0) set.add(next++);
    }
    for (let value = 0; value < size; value += 2) assert.equal(met.get(value), 1, `${value}`);
  }
});
