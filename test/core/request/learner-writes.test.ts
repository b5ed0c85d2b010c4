// What a learner hands on to its leader: every write as it came, but for those that a Java leader would log and no
// server of its ensemble could apply. In: createTTL requests of all flags and lifetimes. Out: what is forwarded for
// them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LearnerWrites } from '../../../src/core/request/learner-writes.ts';
import type { Forwarded } from '../../../src/core/request/write-path.ts';
import { Connection } from '../../../src/core/session/connection.ts';
import { Reader } from '../../../src/jute/reader.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { OpCode } from '../../../src/proto/opcodes.ts';

/** The types that are forwarded for a createTTL, and where the reader stands then. */
function forwardedFor(flags: number, ttl: bigint, cut = 0): number[] {
  const types: number[] = [];
  const writes = new LearnerWrites({
    isServing: true,
    forward: ({ type }: Forwarded) => types.push(type),
    sync: () => undefined,
    revalidate: () => undefined,
  });
  const out = new Writer();
  out.ustring('/t');
  out.buffer(new Uint8Array(3));
  out.int(1);
  out.int(31);
  out.ustring('world');
  out.ustring('anyone');
  out.int(flags);
  out.long(ttl);
  const reader = new Reader(out.written());
  reader.end -= cut;
  const connection = new Connection(1, '', 0, 0, 0, 0);
  writes.write(connection, 7, OpCode.createTTL, reader, 0, () => undefined);
  assert.equal(reader.at, 0);
  return types;
}

test('a createTTL that makes no TTL node never reaches the leader as one', () => {
  for (const flags of [5, 6]) {
    assert.deepEqual(forwardedFor(flags, 1n), [OpCode.createTTL]);
    assert.deepEqual(forwardedFor(flags, (1n << 40n) - 1n), [OpCode.createTTL]);
    for (const ttl of [0n, -1n, 1n << 40n]) {
      assert.deepEqual(forwardedFor(flags, ttl), [OpCode.delete], `flags ${flags}, ttl ${ttl}`);
    }
  }
  for (const flags of [-1, 0, 1, 2, 3, 4, 7]) {
    assert.deepEqual(forwardedFor(flags, 5n), [OpCode.delete], `flags ${flags}`);
  }
});

test('what cannot be read keeps its place among the writes, as something every leader refuses', () => {
  assert.deepEqual(forwardedFor(5, 5n, 4), [OpCode.delete]);
});
