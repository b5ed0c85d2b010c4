// Summaries and distributions against the plainest model: the list of all values, sorted.
// Quantiles are compared with the formula of the library that Java's server uses; what the
// buckets cost in precision is asserted as a bound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Distribution, Summary } from '../../src/util/summary.ts';

/** UniformSnapshot.getValue of the metrics library that Java's server uses. */
function quantileOf(values: readonly number[], q: number): number {
  const sorted = values.map((value) => Math.floor(value)).sort((a, b) => a - b);
  const position = q * (sorted.length + 1);
  const index = Math.floor(position);
  if (index < 1) return sorted[0] ?? 0;
  if (index >= sorted.length) return sorted.at(-1) ?? 0;
  const lower = sorted[index - 1] as number;
  return lower + (position - index) * ((sorted[index] as number) - lower);
}

test('everything is 0 before the first value and after a reset', () => {
  for (const summary of [new Summary(), new Distribution()]) {
    for (const round of [1, 2]) {
      const { count, sum, min, max, average } = summary;
      assert.deepEqual({ count, sum, min, max, average }, zeros, `round ${round}`);
      summary.add(5);
      assert.equal(summary.min, 5);
      summary.reset();
    }
  }
  assert.equal(new Distribution().quantile(0.5), 0);
});

const zeros = { count: 0, sum: 0, min: 0, max: 0, average: 0 };

test('count, sum, least, greatest and average are those of the list', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100_000), { minLength: 1 }), (values) => {
      const summary = new Summary();
      const distribution = new Distribution();
      for (const value of values) {
        summary.add(value);
        distribution.add(value);
      }
      const sum = values.reduce((a, b) => a + b, 0);
      for (const one of [summary, distribution]) {
        assert.equal(one.count, values.length);
        assert.equal(one.sum, sum);
        assert.equal(one.min, Math.min(...values));
        assert.equal(one.max, Math.max(...values));
        assert.equal(one.average, sum / values.length);
      }
    }),
    { seed: 20261122 },
  );
});

test('quantiles below 128 are exact, those above right to 1 in 32', () => {
  const value = fc.oneof(
    fc.double({ min: 0, max: 127, noNaN: true }),
    fc.nat(127),
    fc.nat(0x7fffffff),
  );
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1 }),
      fc.constantFrom(0, 0.5, 0.95, 0.99, 0.999, 1),
      (values, q) => {
        const distribution = new Distribution();
        for (const one of values) distribution.add(one);
        const expected = quantileOf(values, q);
        const found = distribution.quantile(q);
        const tolerance = Math.max(...values) < 128 ? 1e-9 : Math.max(...values) / 32;
        assert.ok(Math.abs(found - expected) <= tolerance, `${found}, not ${expected}`);
      },
    ),
    { seed: 20261122 },
  );
});

test('what no bucket was made for is kept at the ends', () => {
  const distribution = new Distribution();
  distribution.add(-3);
  assert.equal(distribution.min, 0);
  distribution.add(1e12);
  assert.equal(distribution.max, 1e12);
  assert.ok(distribution.quantile(1) >= 0x7e000000);
});
