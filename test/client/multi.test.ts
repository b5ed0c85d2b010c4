// A multi's bytes and its results: each operation framed by a header, the failing one found, results by their own type.
// The bytes are read back with the records of the wire; that Java reads and writes the same is for the interop tests,
// which send real multis.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeeperError } from '../../src/client/keeper-error.ts';
import type { MultiOp } from '../../src/client/multi.ts';
import {
  readMulti,
  readMultiRead,
  throwIfFailed,
  writeMulti,
  writeMultiRead,
} from '../../src/client/multi.ts';
import { Chroot } from '../../src/core/client/chroot.ts';
import { DecodeError, Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';
import * as records from '../../src/proto/client.ts';
import type { Stat } from '../../src/proto/data.ts';
import { hexOf } from '../../src/util/bytes.ts';

const stat: Stat = {
  czxid: 1n,
  mzxid: 2n,
  ctime: 3n,
  mtime: 4n,
  version: 5,
  cversion: 6,
  aversion: 7,
  ephemeralOwner: 0n,
  dataLength: 1,
  numChildren: 0,
  pzxid: 8n,
};
const chroot = new Chroot('/app');
const noChroot = new Chroot('');

function written(write: (writer: Writer) => void): Reader {
  const writer = new Writer();
  write(writer);
  return new Reader(writer.copy());
}

function header(writer: Writer, type: number, done = false, err = 0): void {
  records.MultiHeader.write(writer, { type, done, err });
}

test('an empty multi is one closing header', () => {
  const writer = new Writer();
  writeMulti(writer, [], noChroot);
  assert.equal(hexOf(writer.copy()), 'ffffffff01ffffffff');
});

test('operations are framed in order, with the op code their mode asks for', () => {
  const ops: MultiOp[] = [
    { type: 'create', path: '/a', data: 'x' },
    { type: 'create2', path: '/b' },
    { type: 'create', path: '/c', mode: 'CONTAINER' },
    { type: 'create', path: '/d', mode: 'PERSISTENT_WITH_TTL', ttlMs: 9 },
    { type: 'delete', path: '/a', version: 3 },
    { type: 'setData', path: '/a', data: null },
    { type: 'check', path: '/' },
  ];
  const reader = written((writer) => writeMulti(writer, ops, chroot));
  const seen: unknown[] = [];
  for (;;) {
    const { type, done, err } = records.MultiHeader.read(reader);
    assert.equal(err, -1);
    if (done) break;
    if (type === 2 || type === 13) seen.push([type, records.DeleteRequest.read(reader)]);
    else if (type === 5) seen.push([type, records.SetDataRequest.read(reader)]);
    else {
      const record = type === 21 ? records.CreateTTLRequest : records.CreateRequest;
      const { path, flags } = record.read(reader);
      seen.push([type, path, flags]);
    }
  }
  assert.equal(reader.remaining, 0);
  assert.deepEqual(seen, [
    [1, '/app/a', 0],
    [15, '/app/b', 0],
    [19, '/app/c', 4],
    [21, '/app/d', 5],
    [2, { path: '/app/a', version: 3 }],
    [5, { path: '/app/a', data: null, version: -1 }],
    [13, { path: '/app', version: -1 }],
  ]);
});

test('results say their own type', () => {
  const reader = written((writer) => {
    header(writer, 1);
    records.PathResponse.write(writer, { path: '/app/a' });
    header(writer, 21);
    records.Create2Response.write(writer, { path: '/app/b', stat });
    header(writer, 2);
    header(writer, 13);
    header(writer, 5);
    records.StatResponse.write(writer, { stat });
    header(writer, -1, true, -1);
  });
  assert.deepEqual(readMulti(reader, chroot), [
    { type: 'create', path: '/a', stat: undefined },
    { type: 'create', path: '/b', stat },
    { type: 'delete' },
    { type: 'check' },
    { type: 'setData', stat },
  ]);
});

test('the first result that is an error and not 0 is the failure', () => {
  const reader = written((writer) => {
    for (const err of [0, -103, -2]) {
      header(writer, -1, false, err);
      records.ErrorResponse.write(writer, { err });
    }
    header(writer, -1, true, -1);
  });
  const ops: MultiOp[] = ['/a', '/b', '/c'].map((path) => ({ type: 'check', path, version: 1 }));
  assert.throws(
    () => throwIfFailed(readMulti(reader, noChroot), ops),
    (error) => {
      assert.ok(error instanceof KeeperError);
      assert.deepEqual([error.code, error.errno, error.path], ['BadVersion', -103, '/b']);
      assert.equal(error.results?.length, 3);
      assert.match(error.message, /operation 1 \(check \/b\)/);
      return true;
    },
  );
});

test('multiRead gives each its answer or its error', () => {
  const request = written((writer) => {
    writeMultiRead(writer, [{ type: 'getChildren', path: '/' }], chroot);
  });
  assert.equal(records.MultiHeader.read(request).type, 8);
  assert.deepEqual(records.PathWatchRequest.read(request), { path: '/app', watch: false });
  const reader = written((writer) => {
    header(writer, 4);
    records.GetDataResponse.write(writer, { data: Uint8Array.of(1), stat });
    header(writer, 8);
    records.GetChildrenResponse.write(writer, { children: ['a'] });
    header(writer, -1, false, -101);
    records.ErrorResponse.write(writer, { err: -101 });
    header(writer, -1, true, -1);
  });
  assert.deepEqual(readMultiRead(reader), [
    { type: 'getData', data: Uint8Array.of(1), stat },
    { type: 'getChildren', children: ['a'] },
    { type: 'error', code: 'NoNode', errno: -101 },
  ]);
});

test('a result of an unknown type, or none at all, is a decoding error', () => {
  const unknown = written((writer) => header(writer, 77));
  assert.throws(() => readMulti(unknown, noChroot), DecodeError);
  assert.throws(() => readMultiRead(new Reader(new Uint8Array(0))), DecodeError);
});
