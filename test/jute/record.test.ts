// record() against its interpreter, on records nobody declared: random fields, nested records and
// vectors, random values.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Reader } from '../../src/jute/reader.ts';
import type { Type } from '../../src/jute/record.ts';
import {
  boolean,
  buffer,
  byte,
  int,
  interpretedRecord,
  long,
  nullableString,
  nullableVector,
  record,
  ustring,
  vector,
} from '../../src/jute/record.ts';
import { Writer } from '../../src/jute/writer.ts';

/** A type and the values it takes. */
interface Shape {
  readonly type: Type<unknown>;
  readonly values: fc.Arbitrary<unknown>;
}

const shape = <T>(type: Type<T>, values: fc.Arbitrary<T>): Shape => ({
  type: type as Type<unknown>,
  values,
});

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const bytes = fc.uint8Array({ maxLength: 70 });
const leaves: readonly Shape[] = [
  shape(byte, fc.integer({ min: -128, max: 127 })),
  shape(boolean, fc.boolean()),
  shape(int, fc.integer({ min: -0x80000000, max: 0x7fffffff })),
  shape(long, fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })),
  shape(buffer, fc.option(bytes)),
  shape(ustring, text),
  shape(nullableString, fc.option(text)),
];

function recordOf(fields: readonly Shape[]): Shape {
  const named = Object.fromEntries(fields.map((field, i) => [`f${i}`, field.type]));
  const values = Object.fromEntries(fields.map((field, i) => [`f${i}`, field.values]));
  return {
    type: record('Random', named) as Type<unknown>,
    values: fc.record(values, { noNullPrototype: true }),
  };
}

const { field } = fc.letrec<{ field: Shape }>((tie) => ({
  field: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom(...leaves),
    tie('field').map((of) => shape(vector(of.type), fc.array(of.values, { maxLength: 4 }))),
    tie('field').map((of) =>
      shape(nullableVector(of.type), fc.option(fc.array(of.values, { maxLength: 4 }))),
    ),
    fc.array(tie('field'), { minLength: 1, maxLength: 4 }).map(recordOf),
  ),
}));

test('compiled and interpreted records agree on any fields', () => {
  const cases = fc
    .array(field, { minLength: 1, maxLength: 6 })
    .chain((fields) => fc.tuple(fc.constant(fields), recordOf(fields).values));
  fc.assert(
    fc.property(cases, ([fields, value]) => {
      const named = Object.fromEntries(fields.map(({ type }, i) => [`f${i}`, type]));
      const fast = record('Random', named) as Type<unknown>;
      const slow = interpretedRecord<unknown>('Random', Object.entries(named));
      const fastOut = new Writer(1);
      const slowOut = new Writer(1);
      fast.write(fastOut, value);
      slow.write(slowOut, value);
      assert.deepEqual(fastOut.written(), slowOut.written());
      assert(fast.least <= fastOut.at);
      // Not at the start of its memory, and with more behind it.
      const shifted = new Uint8Array(fastOut.at + 5).fill(0xff);
      shifted.set(fastOut.written(), 3);
      const reader = new Reader(shifted.subarray(1), 2, 2 + fastOut.at);
      assert.deepEqual(fast.read(reader), value);
      assert.equal(reader.remaining, 0);
      assert.deepEqual(slow.read(new Reader(fastOut.written())), value);
    }),
    { seed: 20, numRuns: 600 },
  );
});

test('null reads as empty where the type has no null', () => {
  const nulls = Uint8Array.of(255, 255, 255, 255);
  assert.equal(ustring.read(new Reader(nulls)), '');
  assert.deepEqual(vector(int).read(new Reader(nulls)), []);
  assert.equal(nullableString.read(new Reader(nulls)), null);
  assert.equal(nullableVector(int).read(new Reader(nulls)), null);
  assert.equal(buffer.read(new Reader(nulls)), null);
});
