// What a stream of measurements came to: count, sum, least and greatest (Summary), and with a
// histogram beside them also quantiles (Distribution). Adding is a few additions and allocates
// nothing: it sits in the path of every request.
//
// Invariant: all numbers cover the same measurements, those since the last reset. Without any,
// all of them are 0.

export class Summary {
  count = 0;
  sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    this.count++;
    this.sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  get min(): number {
    return this.count === 0 ? 0 : this.#min;
  }

  get max(): number {
    return this.count === 0 ? 0 : this.#max;
  }

  get average(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  reset(): void {
    this.count = 0;
    this.sum = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = Number.NEGATIVE_INFINITY;
  }
}

/** Whole numbers below this have a bucket each. */
const exactBits = 7;
const exactBelow = 1 << exactBits;
/** Above, every power of two is cut into 32: a quantile there is right to 3 %. */
const stepBits = 5;
const steps = 1 << stepBits;
const valueMax = 0x7fffffff;
const bucketCount = exactBelow + (31 - exactBits) * steps;

export class Distribution {
  readonly #summary = new Summary();
  readonly #buckets = new Float64Array(bucketCount);

  /** A value below 0 counts as 0; a quantile sees whole numbers only. */
  add(value: number): void {
    const from0 = value > 0 ? value : 0;
    this.#summary.add(from0);
    const bucket = bucketOf(from0);
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
  }

  get count(): number {
    return this.#summary.count;
  }

  get sum(): number {
    return this.#summary.sum;
  }

  get min(): number {
    return this.#summary.min;
  }

  get max(): number {
    return this.#summary.max;
  }

  get average(): number {
    return this.#summary.average;
  }

  /** The value below which the share `q` (0 … 1) of the measurements lies, between two of them interpolated. */
  quantile(q: number): number {
    const { count } = this;
    if (count === 0) return 0;
    const position = q * (count + 1);
    const rank = Math.floor(position);
    if (rank < 1) return this.#at(1);
    if (rank >= count) return this.#at(count);
    const lower = this.#at(rank);
    return lower + (position - rank) * (this.#at(rank + 1) - lower);
  }

  reset(): void {
    this.#summary.reset();
    this.#buckets.fill(0);
  }

  /** The measurement of this rank, from 1: the lower bound of its bucket. */
  #at(rank: number): number {
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#buckets[bucket] as number;
      if (seen >= rank) return Math.min(floorOf(bucket), Math.floor(this.max));
    }
    return Math.floor(this.max);
  }
}

function bucketOf(value: number): number {
  const whole = value >= valueMax ? valueMax : value | 0;
  if (whole < exactBelow) return whole;
  const exponent = 31 - Math.clz32(whole);
  const step = (whole >>> (exponent - stepBits)) & (steps - 1);
  return exactBelow + (exponent - exactBits) * steps + step;
}

/** The least value of a bucket. */
function floorOf(bucket: number): number {
  if (bucket < exactBelow) return bucket;
  const exponent = exactBits + Math.floor((bucket - exactBelow) / steps);
  const step = (bucket - exactBelow) & (steps - 1);
  return (steps + step) * 2 ** (exponent - stepBits);
}
