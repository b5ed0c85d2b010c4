// Writes prepared while others are in flight: each becomes the transaction it would have become had
// everything before it been applied, byte for byte, the digest included; and with nothing in flight
// nothing is remembered.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { Requester } from '../../../src/core/session/requester.ts';
import { DecodeError, Reader } from '../../../src/jute/reader.ts';
import { Writer } from '../../../src/jute/writer.ts';
import type { Id } from '../../../src/proto/data.ts';
import { StatPersisted } from '../../../src/proto/data.ts';
import { ErrorCode } from '../../../src/proto/errors.ts';
import { CloseSessionTxn, CreateTxn, MultiTxn } from '../../../src/proto/txn.ts';
import { hexOf } from '../../../src/util/bytes.ts';
import { Prng } from '../../../src/util/prng.ts';
import { anonymous, Pipeline, requester } from './support/pipeline.ts';
import { randomRequest } from './support/random-requests.ts';
import type { Request } from './support/requests.ts';

const digestUser: readonly Id[] = [...anonymous, { scheme: 'digest', id: 'u:p' }];

function outcome(pipeline: Pipeline, who: Requester, request: Request): string {
  try {
    const { err, txn } = pipeline.propose(who, request);
    return `${err} ${hexOf(txn)}`;
  } catch (error) {
    assert(error instanceof DecodeError, String(error));
    return 'undecodable';
  }
}

function run(seed: number, rounds: number, depthMax: number, digestEnabled = true): void {
  const prng = new Prng(seed);
  const eager = new Pipeline({}, digestEnabled);
  const lazy = new Pipeline({}, digestEnabled);
  // The superuser opens again what lists without any of these ids have closed.
  const superuser = requester(4n, [...anonymous, { scheme: 'super', id: '' }]);
  const owners = [requester(1n), requester(2n, digestUser), requester(-3n), superuser];
  const answers = new Map<number, number>();
  for (let round = 0; round < rounds; round++) {
    const who = prng.pick(owners);
    const request = randomRequest(prng);
    const what = `seed ${seed}, round ${round}: ${inspect(request, { depth: 5 })}`;
    const expected = outcome(eager, who, request);
    assert.equal(outcome(lazy, who, request), expected, what);
    const err = Number.parseInt(expected, 10);
    answers.set(err, (answers.get(err) ?? 0) + 1);
    eager.commit();
    assert(eager.changes.isEmpty, what);
    if (lazy.depth > depthMax || prng.chance(0.2)) lazy.commit(prng.below(depthMax));
    if (lazy.depth === 0) {
      assert(lazy.changes.isEmpty, what);
      assert.equal(lazy.database.tree.digest, eager.database.tree.digest);
    }
    assert.equal(eager.database.digestMismatches, 0, what);
    assert.equal(lazy.database.digestMismatches, 0, what);
  }
  lazy.commit();
  assert(lazy.changes.isEmpty);
  const { tree } = lazy.database;
  assert.equal(tree.digest, eager.database.tree.digest);
  assert.equal(tree.used, eager.database.tree.used);
  assert.equal(lazy.changes.digestHigh, tree.digestHigh);
  assert.equal(lazy.changes.digestLow, tree.digestLow);
  // The run meant something: much was done, and every error it can meet was met.
  assert((answers.get(ErrorCode.Ok) ?? 0) > rounds / 5);
  for (const err of [-101, -102, -103, -108, -110, -111, -114, -8])
    assert(answers.has(err), `${err}`);
}

test('any writes at any depth make the transactions they would make alone', () => {
  run(90, 5000, 3);
  run(91, 5000, 12);
  run(92, 5000, 60);
  run(93, 3000, 2000);
});

test('the same without digests', () => {
  run(94, 2000, 20, false);
});

const me = requester(1n);
const other = requester(2n);

/** Proposes all at once; the errors, in order. */
function errors(pipeline: Pipeline, ...requests: readonly (readonly [Requester, Request])[]) {
  return requests.map(([who, request]) => pipeline.propose(who, request).err);
}

test('one path created, set, deleted and created again while nothing is applied', () => {
  const pipeline = new Pipeline();
  const path = '/x';
  const found = errors(
    pipeline,
    [me, { op: 'create', path }],
    [me, { op: 'create', path }],
    [me, { op: 'setData', path, version: 0 }],
    [me, { op: 'setData', path, version: 0 }],
    [me, { op: 'create', path: '/x/y' }],
    [me, { op: 'delete', path }],
    [me, { op: 'delete', path: '/x/y' }],
    [me, { op: 'delete', path, version: 0 }],
    [me, { op: 'delete', path, version: 1 }],
    [me, { op: 'setData', path }],
    [me, { op: 'create', path, flags: 1 }],
    [me, { op: 'create', path: '/x/y' }],
    [me, { op: 'setData', path, version: 0 }],
  );
  assert.deepEqual(found, [0, -110, 0, -103, 0, -111, 0, -103, 0, -101, 0, -108, 0]);
  pipeline.commit();
  assert.equal(pipeline.database.digestMismatches, 0);
  const { tree } = pipeline.database;
  assert.equal(tree.version(tree.findPath(path)), 1);
});

function createdPath(txn: Uint8Array): string {
  return CreateTxn.read(new Reader(txn, 32)).path;
}

test('sequence numbers count what is in flight, failures and plain children too', () => {
  const pipeline = new Pipeline();
  const next = () => createdPath(pipeline.propose(me, { op: 'create', path: '/q/', flags: 2 }).txn);
  pipeline.propose(me, { op: 'create', path: '/q' });
  assert.equal(next(), '/q/0000000000');
  pipeline.propose(me, { op: 'create', path: '/q/plain' });
  assert.equal(next(), '/q/0000000002');
  assert.equal(pipeline.propose(me, { op: 'create', path: '/q/plain' }).err, -110);
  assert.equal(next(), '/q/0000000003');
  pipeline.propose(me, { op: 'delete', path: '/q/plain' });
  assert.equal(next(), '/q/0000000004');
  pipeline.commit(3);
  assert.equal(next(), '/q/0000000005');
  // A multi that fails takes its numbers back; one that does not keeps them.
  const failing: Request = {
    op: 'multi',
    ops: [
      { op: 'create', path: '/q/', flags: 2 },
      { op: 'create', path: '/q/n' },
      { op: 'check', path: '/none' },
    ],
  };
  assert.equal(pipeline.propose(me, failing).err, 0);
  assert.equal(next(), '/q/0000000006');
  const working: Request = {
    op: 'multi',
    ops: [
      { op: 'create', path: '/q/m-', flags: 2 },
      { op: 'create', path: '/q/m-', flags: 2 },
      { op: 'create', path: '/q/m', flags: 0 },
    ],
  };
  const { txns } = MultiTxn.read(new Reader(pipeline.propose(me, working).txn, 32));
  const paths = txns.map(({ data }) => CreateTxn.read(new Reader(data!)).path);
  assert.deepEqual(paths, ['/q/m-0000000007', '/q/m-0000000008', '/q/m']);
  assert.equal(next(), '/q/0000000010');
  pipeline.commit();
  assert.equal(next(), '/q/0000000011');
  assert.equal(pipeline.database.digestMismatches, 0);
});

test('sequence numbers at the ends of their range', () => {
  for (const [cversion, digits] of [
    [0x7fffffff, '2147483647'],
    [-0x80000000, '-2147483648'],
    [-5, '-000000005'],
    [-1, '-000000001'],
    [99, '0000000099'],
  ] as const) {
    const pipeline = new Pipeline();
    pipeline.done(me, { op: 'create', path: '/q' });
    const { tree } = pipeline.database;
    const zeros = {
      czxid: 0n,
      mzxid: 0n,
      ctime: 0n,
      mtime: 0n,
      version: 0,
      aversion: 0,
      pzxid: 0n,
    };
    const stat = new Writer();
    StatPersisted.write(stat, { ...zeros, ephemeralOwner: 0n, cversion });
    tree.restoreStat(tree.findPath('/q'), stat.view, 0);
    pipeline.changes.clear();
    const { txn, err } = pipeline.propose(me, { op: 'create', path: '/q/n', flags: 2 });
    assert.equal(err, 0);
    assert.equal(createdPath(txn), `/q/n${digits}`);
    const second = pipeline.propose(me, { op: 'create', path: '/q/m', flags: 2 });
    pipeline.commit();
    assert.equal(pipeline.database.digestMismatches, 0);
    // The counter stands still at the greatest number there is, as in Java: the same digits come
    // again.
    if (cversion === 0x7fffffff) assert.equal(createdPath(second.txn), `/q/m${digits}`);
  }
});

test('a multi that fails leaves nothing behind, neither before nor after others in flight', () => {
  const pipeline = new Pipeline();
  pipeline.done(me, { op: 'create', path: '/p' });
  pipeline.done(me, { op: 'create', path: '/p/old' });
  const before = pipeline.database.tree.digest;
  const multi = (...ops: readonly Request[]): Request => ({ op: 'multi', ops });
  const failing = multi(
    { op: 'create', path: '/p/new' },
    { op: 'create', path: '/p/new/child' },
    { op: 'delete', path: '/p/old' },
    { op: 'setData', path: '/p', version: 0 },
    { op: 'delete', path: '/p' },
    { op: 'create', path: '/p/later' },
  );
  const { txn } = pipeline.propose(me, failing);
  const codes = MultiTxn.read(new Reader(txn, 32)).txns.map(({ type, data }) =>
    type === -1 ? new Reader(data!).int() : type,
  );
  assert.deepEqual(codes, [1, 1, 2, 5, ErrorCode.NotEmpty, ErrorCode.RuntimeInconsistency]);
  const found = errors(
    pipeline,
    [me, { op: 'setData', path: '/p', version: 0 }],
    [me, { op: 'setData', path: '/p/new' }],
    [me, { op: 'delete', path: '/p/old' }],
    [me, failing],
    [me, { op: 'create', path: '/p/old' }],
    [me, multi({ op: 'create', path: '/p/old' })],
    [me, { op: 'delete', path: '/p/old' }],
    [me, { op: 'delete', path: '/p', version: 1 }],
  );
  assert.deepEqual(found, [0, -101, 0, 0, 0, 0, 0, 0]);
  pipeline.commit();
  assert.equal(pipeline.database.digestMismatches, 0);
  assert.equal(pipeline.database.tree.findPath('/p'), -1);
  assert.notEqual(pipeline.database.tree.digest, before);
});

function closedPaths(pipeline: Pipeline, who: Requester): string[] {
  const { err, txn } = pipeline.propose(who, { op: 'closeSession' });
  assert.equal(err, 0);
  return CloseSessionTxn.read(new Reader(txn, 32)).paths2Delete.sort();
}

test('the end of a session lists what will be its own, and nothing else', () => {
  const pipeline = new Pipeline();
  for (const path of ['/kept', '/gone', '/taken', '/plain', '/twice']) {
    pipeline.done(me, { op: 'create', path, flags: 1 });
  }
  pipeline.done(other, { op: 'create', path: '/theirs', flags: 1 });
  errors(
    pipeline,
    [me, { op: 'setData', path: '/kept' }],
    [me, { op: 'delete', path: '/gone' }],
    [me, { op: 'delete', path: '/taken' }],
    [other, { op: 'create', path: '/taken', flags: 1 }],
    [me, { op: 'delete', path: '/plain' }],
    [me, { op: 'create', path: '/plain' }],
    [me, { op: 'delete', path: '/twice' }],
    [me, { op: 'create', path: '/twice', flags: 1 }],
    [me, { op: 'create', path: '/new', flags: 1 }],
    [other, { op: 'delete', path: '/theirs' }],
    [me, { op: 'create', path: '/theirs', flags: 1 }],
    [me, { op: 'create', path: '/short', flags: 1 }],
    [me, { op: 'delete', path: '/short' }],
    [
      me,
      {
        op: 'multi',
        ops: [
          { op: 'create', path: '/undone', flags: 1 },
          { op: 'delete', path: '/kept' },
          { op: 'check', path: '/none' },
        ],
      },
    ],
  );
  assert.deepEqual(closedPaths(pipeline, me), ['/kept', '/new', '/theirs', '/twice']);
  assert.deepEqual(closedPaths(pipeline, other), ['/taken']);
  assert.deepEqual(closedPaths(pipeline, me), []);
  assert.equal(pipeline.propose(other, { op: 'create', path: '/plain' }).err, -110);
  pipeline.commit();
  assert.equal(pipeline.database.digestMismatches, 0);
  const { tree } = pipeline.database;
  assert.equal(tree.ephemeralCount, 0);
  assert.equal(tree.numChildren(tree.root), 2);
});

test('an end of a session too long to be read back names no paths and takes them all the same', () => {
  const pipeline = new Pipeline({ txnLengthMax: 500 });
  for (let i = 0; i < 30; i++) {
    const path = `/${'e'.repeat(20)}${i}`;
    assert.equal(pipeline.propose(me, { op: 'create', path, flags: 1 }).err, 0);
  }
  const { txn } = pipeline.propose(me, { op: 'closeSession' });
  assert.equal(txn.length, 32);
  assert.equal(pipeline.propose(other, { op: 'create', path: `/${'e'.repeat(20)}7` }).err, 0);
  pipeline.commit();
  assert.equal(pipeline.database.tree.ephemeralCount, 0);
  assert.equal(pipeline.database.tree.nodeCount, 5);
  assert.equal(pipeline.database.digestMismatches, 0);
});

test('with closeSessionTxn.enabled=false it is the bare header', () => {
  const pipeline = new Pipeline({ closeSessionTxnEnabled: false });
  pipeline.propose(me, { op: 'create', path: '/e', flags: 1 });
  assert.equal(pipeline.propose(me, { op: 'closeSession' }).txn.length, 32);
  pipeline.commit();
  assert.equal(pipeline.database.tree.findPath('/e'), -1);
});

test('a multi too long to be read back changes nothing, though each of its operations would fit', () => {
  const pipeline = new Pipeline({ txnLengthMax: 400 });
  const paths = Array.from({ length: 20 }, (_, i) => `/long-name-${i}`);
  for (const path of paths) pipeline.done(me, { op: 'create', path });
  const ops = paths.map((path) => ({ op: 'delete', path }) as const);
  const multi: Request = { op: 'multi', ops };
  const { err, txn } = pipeline.propose(me, multi);
  assert.equal(err, ErrorCode.MarshallingError);
  assert.equal(txn.length, 36);
  assert.equal(pipeline.propose(me, { op: 'multi', ops: ops.slice(0, 10) }).err, 0);
  assert.equal(pipeline.propose(me, { op: 'setData', path: '/long-name-15', version: 0 }).err, 0);
  pipeline.commit();
  assert.equal(pipeline.database.digestMismatches, 0);
  assert.equal(pipeline.database.tree.nodeCount, 4 + 10);
});

test('what could not be read back from the log is refused, in a multi as well', () => {
  const limit = 300;
  const pipeline = new Pipeline({ txnLengthMax: limit });
  const fits = (request: Request) => {
    const { err, txn } = pipeline.propose(me, request);
    assert(txn.length <= limit);
    pipeline.commit();
    return err;
  };
  const lengths = { accepted: 0, refused: 0 };
  for (let length = 100; length < 400; length++) {
    const data = new Uint8Array(length);
    const requests: readonly Request[] = [
      { op: 'create', path: `/c${length}`, data },
      { op: 'setData', path: '/', data },
      { op: 'setACL', path: '/', acl: [{ perms: 31, id: { scheme: 'ip', id: '1.2.3.4' } }] },
      { op: 'multi', ops: [{ op: 'setData', path: '/zookeeper', data }] },
      {
        op: 'multi',
        ops: [
          { op: 'setData', path: '/zookeeper', data },
          { op: 'check', path: '/none' },
          { op: 'check', path: '/none' },
        ],
      },
    ];
    for (const request of requests) {
      const err = fits(request);
      if (err === 0) lengths.accepted++;
      else {
        assert.equal(err, ErrorCode.MarshallingError);
        lengths.refused++;
      }
    }
    // Open the root again.
    pipeline.database.tree.setAcl(pipeline.database.tree.root, -1, 0);
    pipeline.changes.clear();
  }
  assert(lengths.accepted > 300 && lengths.refused > 300);
  assert(pipeline.changes.isEmpty);
});
