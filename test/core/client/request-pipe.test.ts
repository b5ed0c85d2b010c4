// Numbers of requests wrap as Java's do (after the largest int comes 1), and the frames written are whole whatever is
// refused between them. Requests that wait for a connection keep the bytes they had when they were made, whatever the
// caller does to its buffer meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestPipe } from '../../../src/core/client/request-pipe.ts';
import { Reader } from '../../../src/jute/reader.ts';
import type { Named } from './scripted-server.ts';
import { TestRequest } from './scripted-server.ts';

function xids(pipe: RequestPipe<Named, TestRequest>): number[] {
  const reader = new Reader(pipe.output.copy());
  const found: number[] = [];
  while (reader.remaining > 0) {
    const frame = new Reader(reader.buffer() ?? new Uint8Array(0));
    found.push(frame.int());
  }
  return found;
}

test('xids go from the largest int to 1, never through the reserved ones', () => {
  const pipe = new RequestPipe<Named, TestRequest>(1_000, 10, 0x7ffffffe);
  for (const name of ['a', 'b', 'c', 'd']) pipe.take(new TestRequest(name), true);
  assert.deepEqual(xids(pipe), [0x7ffffffe, 0x7fffffff, 1, 2]);
  assert.equal(pipe.answered(0x7ffffffe)?.name, 'a');
  assert.equal(pipe.answered(0x7fffffff)?.name, 'b');
  assert.equal(pipe.answered(2), undefined);
  assert.equal(pipe.answered(1)?.name, 'c');
  assert.equal(pipe.answered(2)?.name, 'd');
  assert.equal(pipe.answered(3), undefined);
});

test('a queued request keeps the bytes it had when it was made', () => {
  const pipe = new RequestPipe<Named, TestRequest>(1_000, 10);
  const body = Uint8Array.of(1, 2, 3);
  pipe.take(new TestRequest('a', 4, { body }), false);
  body.fill(9);
  assert.equal(pipe.output.at, 0);
  assert.equal(pipe.queued, 1);
  pipe.sendQueued();
  assert.deepEqual([...pipe.output.copy().subarray(12)], [1, 2, 3]);
  assert.equal(pipe.queued, 0);
  assert.equal(pipe.pending, 1);
});

test('taking what is pending forgets the output and its numbers', () => {
  const pipe = new RequestPipe<Named, TestRequest>(1_000, 10);
  pipe.take(new TestRequest('a'), true);
  pipe.take(new TestRequest('b'), false);
  assert.deepEqual(
    pipe.takePending().map(({ name }) => name),
    ['a'],
  );
  assert.equal(pipe.output.at, 0);
  pipe.sendQueued();
  assert.deepEqual(xids(pipe), [2]);
  assert.equal(pipe.answered(1), undefined);
  assert.equal(pipe.answered(2)?.name, 'b');
});
