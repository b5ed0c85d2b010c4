// The heap against sorting, with pushes and pops mixed; the seeded
// generator: the same numbers from the same seed, and values in their
// ranges.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Heap } from '../../src/util/heap.ts';
import { Prng } from '../../src/util/prng.ts';

test('the smallest item comes first', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer())), (steps) => {
      const heap = new Heap<number>((a, b) => a < b);
      const model: number[] = [];
      for (const step of steps) {
        if (step === null) {
          assert.equal(heap.pop(), model.shift());
        } else {
          heap.push(step);
          model.push(step);
          model.sort((a, b) => a - b);
        }
        assert.equal(heap.peek(), model[0]);
        assert.equal(heap.length, model.length);
      }
    }),
    { seed: 8, numRuns: 500 },
  );
});

test('one seed, one sequence', () => {
  const draw = (seed: number) => Array.from(new Prng(seed).bytes(64));
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  assert.notDeepEqual(draw(1), draw(1 + 2 ** 32));
});

test('values lie in their ranges and reach the ends', () => {
  const prng = new Prng(9);
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    seen.add(prng.below(10));
    const fraction = prng.fraction();
    assert.ok(fraction >= 0 && fraction < 1);
    assert.ok(prng.below(2 ** 53) < 2 ** 53);
  }
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(prng.chance(0), false);
  assert.equal(prng.chance(1), true);
  assert.deepEqual(prng.shuffle([1, 2, 3, 4, 5]).sort(), [1, 2, 3, 4, 5]);
  assert.equal(prng.pick(['only']), 'only');
});
