// What the Reader refuses, and what it says about it: "incomplete" only where more bytes could mend
// it. Nothing is allocated for lengths the input does not hold, and `at` never leaves the input.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DecodeError, Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';

function intBytes(value: number, ...more: readonly number[]): Uint8Array {
  const writer = new Writer();
  writer.int(value);
  return Uint8Array.of(...writer.written(), ...more);
}

/** What reading says: undefined when it works. */
function verdict(bytes: Uint8Array, read: (reader: Reader) => unknown, lengthMax?: number) {
  const reader = new Reader(bytes);
  if (lengthMax !== undefined) reader.lengthMax = lengthMax;
  try {
    read(reader);
    return undefined;
  } catch (error) {
    assert(error instanceof DecodeError);
    assert(reader.at <= reader.end);
    return error.incomplete ? 'incomplete' : 'wrong';
  }
}

test('lengths of buffers and strings: null, held, cut, senseless', () => {
  const read = (reader: Reader) => reader.lengthOfBytes();
  const table: readonly (readonly [length: number, held: number, ReturnType<typeof verdict>])[] = [
    [-1, 0, undefined],
    [0, 0, undefined],
    [3, 3, undefined],
    [3, 2, 'incomplete'],
    [10, 0, 'incomplete'],
    [11, 0, 'wrong'],
    [11, 11, 'wrong'],
    [-2, 0, 'wrong'],
    [-0x80000000, 4, 'wrong'],
    [0x7fffffff, 4, 'wrong'],
  ];
  for (const [length, held, expected] of table) {
    const bytes = intBytes(length, ...new Uint8Array(held));
    assert.equal(verdict(bytes, read, 10), expected, `length ${length}, ${held} bytes behind it`);
  }
});

test('counts of vectors: what could never be a list is wrong at once', () => {
  const read = (reader: Reader) => reader.count(4);
  const table: readonly (readonly [count: number, held: number, ReturnType<typeof verdict>])[] = [
    [-1, 0, undefined],
    [0, 0, undefined],
    [2, 8, undefined],
    [2, 7, 'incomplete'],
    [25, 0, 'incomplete'],
    [26, 0, 'wrong'],
    [26, 104, 'wrong'],
    [-2, 0, 'wrong'],
    [0x7fffffff, 8, 'wrong'],
  ];
  for (const [count, held, expected] of table) {
    const bytes = intBytes(count, ...new Uint8Array(held));
    assert.equal(verdict(bytes, read, 100), expected, `count ${count}, ${held} bytes behind it`);
  }
});

test('numbers are read up to the end and not a byte further', () => {
  const bytes = new Uint8Array(32).fill(0x81);
  for (let end = 0; end <= 9; end++) {
    const short = (read: (reader: Reader) => unknown) => {
      const reader = new Reader(bytes, 0, end);
      try {
        read(reader);
        return reader.at;
      } catch (error) {
        assert(error instanceof DecodeError && error.incomplete);
        assert.equal(reader.at, 0);
        return -1;
      }
    };
    assert.equal(
      short((reader) => reader.byte()),
      end >= 1 ? 1 : -1,
    );
    assert.equal(
      short((reader) => reader.boolean()),
      end >= 1 ? 1 : -1,
    );
    assert.equal(
      short((reader) => reader.int()),
      end >= 4 ? 4 : -1,
    );
    assert.equal(
      short((reader) => reader.long()),
      end >= 8 ? 8 : -1,
    );
    assert.equal(
      short((reader) => reader.skip(5)),
      end >= 5 ? 5 : -1,
    );
  }
  assert.equal(
    verdict(bytes, (reader) => reader.skip(-1)),
    'wrong',
  );
});

test('any non-zero byte is true', () => {
  for (const [byte, value] of [
    [0, false],
    [1, true],
    [2, true],
    [255, true],
  ] as const) {
    assert.equal(new Reader(Uint8Array.of(byte)).boolean(), value);
  }
});

test('malformed UTF-8 never fails: it becomes U+FFFD, which no path may hold', () => {
  const text = (...bytes: readonly number[]) =>
    new Reader(intBytes(bytes.length, ...bytes)).ustring();
  assert.equal(text(0xc3), '\ufffd');
  assert.equal(text(0x61, 0xff, 0x62), 'a\ufffdb');
  // A surrogate pair as two 3-byte sequences, which is what Java's writer makes of U+1F600.
  assert.match(text(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80), /^\ufffd+$/);
  // Overlong '/'.
  assert.match(text(0xc0, 0xaf), /^\ufffd+$/);
  assert.equal(text(0xef, 0xbb, 0xbf, 0x61), '\ufeffa');
});

test('what the Writer writes the Reader reads, through every growth', () => {
  const item = fc.oneof(
    fc.record({ kind: fc.constant('byte' as const), value: fc.integer({ min: -128, max: 127 }) }),
    fc.record({ kind: fc.constant('int' as const), value: fc.integer() }),
    fc.record({
      kind: fc.constant('long' as const),
      value: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
    }),
    fc.record({
      kind: fc.constant('ustring' as const),
      value: fc.option(fc.string({ unit: 'binary', maxLength: 200 })),
    }),
    fc.record({
      kind: fc.constant('buffer' as const),
      value: fc.option(fc.uint8Array({ maxLength: 300 })),
    }),
  );
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 30 }),
      fc.integer({ min: 0, max: 9 }),
      (items, room) => {
        const writer = new Writer(room);
        for (const { kind, value } of items) {
          if (kind === 'byte') writer.byte(value);
          else if (kind === 'int') writer.int(value);
          else if (kind === 'long') {
            writer.longParts(Number(value >> 32n), Number(BigInt.asIntN(32, value)));
          } else if (kind === 'ustring') writer.ustring(value);
          else writer.buffer(value);
        }
        const reader = new Reader(writer.copy());
        for (const { kind, value } of items) {
          const read = kind === 'ustring' ? reader.nullableString() : reader[kind]();
          assert.deepEqual(read, value);
        }
        assert.equal(reader.remaining, 0);
        assert.deepEqual(writer.copy(), writer.written());
      },
    ),
    { seed: 21, numRuns: 500 },
  );
});

test('a Writer may copy from itself while it grows', () => {
  const writer = new Writer(8);
  writer.raw(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  for (let i = 0; i < 6; i++) writer.raw(writer.bytes, 0, writer.at);
  assert.equal(writer.at, 512);
  for (let at = 0; at < 512; at++) assert.equal(writer.bytes[at], (at % 8) + 1);
});

test('a Writer goes on in another buffer and leaves the old one alone', () => {
  const writer = new Writer(4);
  writer.int(7);
  const old = writer.bytes;
  writer.replace(new Uint8Array(16).subarray(2, 6));
  assert.equal(writer.at, 0);
  writer.int(-1);
  writer.int(-1);
  assert.deepEqual([...old], [0, 0, 0, 7]);
  assert.deepEqual([...writer.written()], new Array(8).fill(255));
});
