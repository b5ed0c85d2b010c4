// The queue against an array, through growth and wrapping around, and that it lets go of what was
// taken.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deque } from '../../src/util/deque.ts';
import { Prng } from '../../src/util/prng.ts';

test('first in, first out, like an array', () => {
  const prng = new Prng(33);
  const deque = new Deque<number>();
  let model: number[] = [];
  for (let round = 0; round < 30_000; round++) {
    const growing = Math.floor(round / 3000) % 2 === 0;
    if (prng.chance(growing ? 0.55 : 0.4)) {
      deque.push(round);
      model.push(round);
    } else {
      assert.equal(deque.shift(), model.shift());
    }
    assert.equal(deque.length, model.length);
    assert.equal(deque.peek(), model[0]);
    assert.equal(deque.peekLast(), model.at(-1));
    const index = prng.below(model.length + 3) - 1;
    assert.equal(deque.at(index), index < 0 ? undefined : model[index]);
    if (round % 5000 === 0) assert.deepEqual([...deque], model);
    if (round === 20_000) {
      deque.clear();
      model = [];
    }
  }
});

test('an item may be undefined', () => {
  const deque = new Deque<number | undefined>();
  deque.push(undefined);
  deque.push(1);
  assert.equal(deque.length, 2);
  assert.equal(deque.shift(), undefined);
  assert.equal(deque.length, 1);
  assert.equal(deque.shift(), 1);
  assert.equal(deque.shift(), undefined);
});
