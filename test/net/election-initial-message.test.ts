// The first message of an election connection: the bytes Java sends, what its receiver refuses, and that no bytes make
// the parser throw or read on for ever. Java 3.8.0 as the sender is in test/interop/election.test.ts, with the bytes it
// really sends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { InitialMessage } from '../../src/net/election-initial-message.ts';
import {
  encodeInitialMessage,
  parseInitialMessage,
} from '../../src/net/election-initial-message.ts';
import { concatBytes, hexOf } from '../../src/util/bytes.ts';

const addresses = [
  { host: 'zk1.example', port: 3888 },
  { host: '::1', port: 3889 },
];

function parsed(bytes: Uint8Array): InitialMessage {
  const result = parseInitialMessage(bytes);
  assert(typeof result === 'object' && 'message' in result);
  assert.equal(result.length, bytes.length);
  return result.message;
}

test('v1 says the first address, v2 all of them', () => {
  assert.equal(
    hexOf(encodeInitialMessage(2n, addresses, false)),
    'ffffffffffff00000000000000000002000000107a6b312e6578616d706c653a33383838',
  );
  const two = encodeInitialMessage(2n, addresses, true);
  assert.equal(hexOf(two.subarray(0, 20)), 'ffffffffffff000100000000000000020000001b');
  assert.equal(new TextDecoder().decode(two.subarray(20)), 'zk1.example:3888|[::1]:3889');
  assert.deepEqual(parsed(two), { sid: 2n, addresses });
  assert.deepEqual(parsed(encodeInitialMessage(2n, addresses, false)).addresses.length, 1);
});

test('3.4 says its sid and nothing else', () => {
  assert.deepEqual(parsed(new Uint8Array(8).fill(0, 0, 7).fill(5, 7)), { sid: 5n, addresses: [] });
});

test('wildcard addresses say nothing', () => {
  const all = ['0.0.0.0', '::', '0:0:0:0:0:0:0:0'].map((host) => ({ host, port: 1 }));
  assert.deepEqual(parsed(encodeInitialMessage(2n, all, true)).addresses, []);
});

test('cut at any byte it is incomplete, whatever follows it is not part of it', () => {
  const bytes = encodeInitialMessage(2n, addresses, true);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(parseInitialMessage(bytes.subarray(0, length)), 'incomplete', `${length} bytes`);
  }
  const more = parseInitialMessage(concatBytes([bytes, bytes]));
  assert(typeof more === 'object' && 'length' in more);
  assert.equal(more.length, bytes.length);
});

test('other versions, other lengths and malformed addresses are refused at once', () => {
  const bad = (change: (view: DataView, bytes: Uint8Array) => void): void => {
    const bytes = encodeInitialMessage(2n, addresses, false);
    change(new DataView(bytes.buffer), bytes);
    const result = parseInitialMessage(bytes);
    assert(typeof result === 'object' && 'bad' in result);
  };
  for (const version of [-1n, -65_534n, -65_537n, -(2n ** 63n)]) {
    bad((view) => view.setBigInt64(0, version));
  }
  for (const length of [0, -1, 2049, 0x7fffffff]) bad((view) => view.setInt32(16, length));
  for (const text of [
    'zk1.example.3888',
    ':k1.example:3888',
    'zk1.example:a888',
    'zk:.example:3888',
  ]) {
    bad((_view, bytes) => bytes.set(new TextEncoder().encode(text), 20));
  }
});

test('random bytes never throw, and are incomplete only as long as they are short', () => {
  const start = encodeInitialMessage(2n, addresses, true).subarray(0, 16);
  const bytes = fc.uint8Array({ maxLength: 200 });
  const nearlyRight = bytes.map((rest) => concatBytes([start, rest]));
  fc.assert(
    fc.property(fc.oneof(bytes, nearlyRight), (input) => {
      const result = parseInitialMessage(input);
      if (result === 'incomplete') assert(input.length < 20 + 2048);
      else if ('length' in result) assert(result.length <= input.length);
    }),
    { seed: 1, numRuns: 5000 },
  );
});
