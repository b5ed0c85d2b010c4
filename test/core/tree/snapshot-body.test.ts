// A snapshot is the state of one zxid, whatever happens between its slices; its bytes load in pieces of any size; bytes
// that are no snapshot are refused and cost nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../../src/core/tree/apply.ts';
import type { Database } from '../../../src/core/tree/database.ts';
import { SnapshotSink, SnapshotSource } from '../../../src/core/tree/snapshot-body.ts';
import { DecodeError } from '../../../src/jute/reader.ts';
import { Writer } from '../../../src/jute/writer.ts';
import type { ACL } from '../../../src/proto/data.ts';
import { AclList, openAcl, StatPersisted } from '../../../src/proto/data.ts';
import { AssertionError } from '../../../src/util/assert.ts';
import { Prng } from '../../../src/util/prng.ts';
import { compareTree, makeDatabase } from './support/compare-tree.ts';
import { ModelTree } from './support/model-tree.ts';
import { RandomTxns } from './support/random-txns.ts';
import type { TxnBody } from './support/txn-bytes.ts';
import { txnBytes } from './support/txn-bytes.ts';

/** A database and its model, moved on by random transactions. */
class Pair {
  readonly database: Database;
  readonly model: ModelTree;
  readonly #txns: RandomTxns;

  constructor(prng: Prng, mode: 'committed' | 'replayed' = 'committed') {
    this.database = makeDatabase().ensureSystemNodes();
    this.model = new ModelTree();
    this.#txns = new RandomTxns(prng, this.model, mode);
  }

  step(times: number): void {
    for (let i = 0; i < times; i++) {
      const txn = this.#txns.next();
      this.model.apply(txn);
      const bytes = txnBytes(txn);
      applyTxn(this.database, bytes, 0, bytes.length);
    }
  }
}

function load(bytes: Uint8Array, pieceOf: (left: number) => number): Database {
  const database = makeDatabase();
  const sink = new SnapshotSink(database, 1 << 20);
  let at = 0;
  while (!sink.complete) {
    assert(at < bytes.length, 'the body ends with its bytes');
    const length = Math.min(pieceOf(bytes.length - at), bytes.length - at);
    const piece = Uint8Array.from(bytes.subarray(at, at + length));
    const taken = sink.push(piece);
    piece.fill(0xaa);
    if (!sink.complete) assert.equal(taken, length);
    at += taken;
  }
  assert.equal(at, bytes.length);
  assert.equal(sink.push(Uint8Array.of(1, 2, 3)), 0);
  return database;
}

test('the image is that of its first moment, whatever changes between its slices', () => {
  for (let seed = 60; seed < 75; seed++) {
    const prng = new Prng(seed);
    const pair = new Pair(prng, seed % 3 === 0 ? 'replayed' : 'committed');
    pair.step(60 + prng.below(400));
    for (let image = 0; image < 4; image++) {
      const expected = pair.model.copy();
      const source = new SnapshotSource(pair.database);
      assert.equal(source.zxid, expected.zxid);
      assert.equal(source.digest?.value, expected.digest);
      assert.equal(source.nodeCount, expected.nodes.size);
      // Now and then an image is given up, and the next one begins at once.
      let slices = prng.chance(0.3) ? prng.below(20) : Number.POSITIVE_INFINITY;
      const out = new Writer();
      const slice = prng.pick([1, 1, 200, 3000]);
      const rate = prng.pick([0, 1, 3, 20]);
      let before = 0;
      while (slices-- > 0 && source.next(out, slice)) {
        assert(source.progress >= before && source.progress <= 1);
        before = source.progress;
        pair.step(prng.below(rate + 1));
      }
      const isWhole = slices >= 0;
      source.close();
      assert.equal(pair.database.tree.imageCount, 0);
      compareTree(pair.database, pair.model);
      pair.step(prng.below(30));
      if (!isWhole) continue;
      const loaded = load(out.copy(), () => 1 + prng.below(300));
      loaded.lastProcessedZxid = source.zxid;
      compareTree(loaded, expected);
    }
  }
});

test('no kind of change, made before the walk begins, shows in the image', () => {
  const acl: readonly ACL[] = [{ perms: 1, id: { scheme: 'ip', id: '1.2.3.4' } }];
  const child = { data: null, acl, parentCVersion: 50 } as const;
  const changes: readonly TxnBody[] = [
    { type: 'setData', path: '/a', data: new Uint8Array(3), version: 9 },
    { type: 'setData', path: '/', data: null, version: 9 },
    { type: 'setACL', path: '/a', acl, version: 9 },
    { type: 'create', path: '/a/new', ...child },
    { type: 'createContainer', path: '/a/e/new', ...child },
    { type: 'create', path: '/a/e', ...child },
    { type: 'create2', path: '/a/e', ...child },
    { type: 'delete', path: '/a/e' },
    { type: 'delete', path: '/a/none' },
    { type: 'delete', path: '/a' },
    { type: 'closeSession', paths: ['/a/e'] },
    { type: 'closeSession', paths: undefined },
    { type: 'createSession', timeOut: 7 },
    {
      type: 'multi',
      ops: [
        { type: 'delete', path: '/a/e' },
        { type: 'create', path: '/a/e', ...child },
      ],
    },
  ];
  for (const change of changes) {
    const database = makeDatabase().ensureSystemNodes();
    const model = new ModelTree();
    const apply = (body: TxnBody) => {
      const txn = { clientId: 1n, zxid: model.zxid + 1n, time: 3n, body };
      model.apply(txn);
      const bytes = txnBytes(txn);
      applyTxn(database, bytes, 0, bytes.length);
    };
    apply({ type: 'createSession', timeOut: 5 });
    apply({ type: 'create', path: '/a', data: null, acl: openAcl, parentCVersion: 1 });
    const ephemeral = { data: new Uint8Array(5), acl: openAcl, ephemeral: true } as const;
    apply({ type: 'create', path: '/a/e', ...ephemeral, parentCVersion: 1 });
    const expected = model.copy();
    const source = new SnapshotSource(database);
    apply(change);
    const out = new Writer();
    while (source.next(out, 1));
    source.close();
    const loaded = load(out.copy(), (left) => left);
    loaded.lastProcessedZxid = source.zxid;
    compareTree(loaded, expected);
    compareTree(database, model);
  }
});

test('an image of a tree that changes wholly: every node deleted, the slots used again', () => {
  const pair = new Pair(new Prng(80));
  pair.step(500);
  const expected = pair.model.copy();
  const source = new SnapshotSource(pair.database);
  const out = new Writer();
  source.next(out, 500);
  let zxid = pair.model.zxid;
  const apply = (body: Parameters<typeof txnBytes>[0]['body']) => {
    const bytes = txnBytes({ clientId: 3n, zxid: ++zxid, time: 9n, body });
    applyTxn(pair.database, bytes, 0, bytes.length);
  };
  for (const path of [...expected.nodes.keys()].sort().reverse()) {
    if (path === '' || /^\/zookeeper(\/quota|\/config)?$/.test(path)) continue;
    apply({ type: 'delete', path });
  }
  const acl: readonly ACL[] = [{ perms: 3, id: { scheme: 'digest', id: 'new:list' } }];
  for (let i = 0; i < 600; i++) {
    const data = new Uint8Array(50).fill(i);
    apply({ type: 'create', path: `/new${i}`, data, acl, parentCVersion: 1_000_000 + i });
  }
  while (source.next(out, 1000));
  source.close();
  const loaded = load(out.copy(), (left) => left);
  loaded.lastProcessedZxid = source.zxid;
  compareTree(loaded, expected);
});

test('a body comes in pieces of any size, one byte and all at once among them', () => {
  const prng = new Prng(81);
  const pair = new Pair(prng);
  pair.step(150);
  const out = new Writer();
  const source = new SnapshotSource(pair.database);
  while (source.next(out, 10_000));
  source.close();
  const bytes = out.copy();
  for (const size of [1, 7, 68, 1000, bytes.length]) {
    const loaded = load(bytes, () => size);
    loaded.lastProcessedZxid = pair.model.zxid;
    compareTree(loaded, pair.model);
  }
});

test('a closed source is not read, and closing twice is harmless, also beside another', () => {
  const database = makeDatabase().ensureSystemNodes();
  const source = new SnapshotSource(database);
  const second = new SnapshotSource(database);
  assert.equal(database.tree.imageCount, 2);
  source.close();
  source.close();
  assert.throws(() => source.next(new Writer(), 1), AssertionError);
  assert.equal(database.tree.imageCount, 1);
  assert.equal(second.next(new Writer(), 1 << 20), false);
  assert.equal(database.tree.imageCount, 0);
  second.close();
});

test('several images at once, each of its own zxid, begun, read and given up in any order', () => {
  for (let seed = 300; seed < 306; seed++) {
    const prng = new Prng(seed);
    const pair = new Pair(prng, seed % 3 === 0 ? 'replayed' : 'committed');
    pair.step(60 + prng.below(400));
    const open: { source: SnapshotSource; expected: ModelTree; out: Writer }[] = [];
    let whole = 0;
    while (whole < 8) {
      if (open.length < 5 && prng.chance(0.2)) {
        const expected = pair.model.copy();
        open.push({ source: new SnapshotSource(pair.database), expected, out: new Writer() });
      }
      pair.step(prng.below(prng.pick([1, 4, 30])));
      const one = open.length > 0 ? prng.pick(open) : undefined;
      if (one === undefined) continue;
      const isMore = one.source.next(one.out, prng.pick([1, 200, 3000]));
      if (isMore && !prng.chance(0.005)) continue;
      one.source.close();
      open.splice(open.indexOf(one), 1);
      assert.equal(pair.database.tree.imageCount, open.length);
      if (isMore) continue;
      whole++;
      const loaded = load(one.out.copy(), () => 1 + prng.below(300));
      loaded.lastProcessedZxid = one.source.zxid;
      compareTree(loaded, one.expected);
    }
    for (const { source } of open) source.close();
    compareTree(pair.database, pair.model);
  }
});

test('a tree 10,000 levels deep, captured from its deepest node first', () => {
  const database = makeDatabase().ensureSystemNodes();
  const apply = (zxid: number, body: Parameters<typeof txnBytes>[0]['body']) => {
    const bytes = txnBytes({ clientId: 1n, zxid: BigInt(zxid), time: 1n, body });
    assert.equal(applyTxn(database, bytes, 0, bytes.length), 0);
  };
  let path = '';
  for (let level = 1; level <= 10_000; level++) {
    path += '/x';
    apply(level, { type: 'create', path, data: null, acl: openAcl, parentCVersion: 1 });
  }
  const { digest } = database.tree;
  const source = new SnapshotSource(database);
  apply(20_000, { type: 'setData', path, data: new Uint8Array(3), version: 1 });
  const out = new Writer(1 << 27);
  while (source.next(out, 1 << 20));
  source.close();
  const loaded = makeDatabase();
  const sink = new SnapshotSink(loaded, 1 << 20);
  assert.equal(sink.push(out.written()), out.at);
  assert(sink.complete);
  assert.equal(loaded.tree.digest, digest);
  assert.equal(loaded.tree.nodeCount, 10_004);
});

// ---- bodies made by hand ----

const stat: StatPersisted = {
  czxid: 0n,
  mzxid: 0n,
  ctime: 0n,
  mtime: 0n,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  pzxid: 0n,
};

class Body {
  readonly out = new Writer();

  sessions(count: number, ...entries: readonly (readonly [bigint, number])[]): this {
    this.out.int(count);
    for (const [id, timeout] of entries) {
      this.out.long(id);
      this.out.int(timeout);
    }
    return this;
  }

  acls(count: number, ...entries: readonly (readonly [bigint, readonly ACL[]])[]): this {
    this.out.int(count);
    for (const [id, acl] of entries) {
      this.out.long(id);
      AclList.write(this.out, [...acl]);
    }
    return this;
  }

  node(path: string, aclId = -1n, data: Uint8Array | null = null): this {
    this.out.ustring(path);
    this.out.buffer(data);
    this.out.long(aclId);
    StatPersisted.write(this.out, stat);
    return this;
  }

  end(): this {
    this.out.ustring('/');
    return this;
  }
}

/** 'complete', 'waiting' for more, or the message of the refusal. */
function verdict(body: Body | Uint8Array): string {
  const sink = new SnapshotSink(makeDatabase(), 10_000);
  try {
    sink.push(body instanceof Body ? body.out.copy() : body);
    return sink.complete ? 'complete' : 'waiting';
  } catch (error) {
    assert(error instanceof DecodeError, String(error));
    return error.message;
  }
}

test('what is no snapshot is refused by name, what is only unfinished is waited for', () => {
  const begun = () => new Body().sessions(0).acls(1, [7n, openAcl]).node('');
  const table: readonly (readonly [Body, string | RegExp])[] = [
    [begun().end(), 'complete'],
    [begun(), 'waiting'],
    [begun().node('/a', 7n).node('/a/b', 7n).end(), 'complete'],
    // The list of a fuzzy snapshot's node may come with the log.
    [begun().node('/a', 8n).end(), 'complete'],
    [new Body().sessions(0).acls(0).end(), 'complete'],
    [new Body().sessions(-1), /session count -1/],
    [new Body().sessions(0x7fffffff, [1n, 1]), 'waiting'],
    [new Body().sessions(0).acls(-5), /ACL count -5/],
    [new Body().sessions(0).acls(1, [0n, openAcl]), /ACL id 0/],
    [new Body().sessions(0).acls(1, [1n << 32n, openAcl]), /ACL id 4294967296/],
    [new Body().sessions(0).acls(2, [7n, openAcl], [7n, []]), /ACL id 7 twice/],
    [begun().node('/a', 0n), /ACL id 0/],
    [begun().node('/a', -2n), /ACL id -2/],
    [begun().node('/a', 1n << 40n), /ACL id 1099511627776/],
    [begun().node(''), /root that came before/],
    [begun().node('/a').node('/a'), /node that came before/],
    [begun().node('/a/b'), /without its parent/],
    [begun().node('a'), /empty name/],
    [begun().node('//a'), /empty name/],
    [begun().node('/a').node('/a/'), /empty name/],
  ];
  for (const [body, expected] of table) {
    const found = verdict(body);
    if (typeof expected === 'string') assert.equal(found, expected);
    else assert.match(found, expected);
  }
});

test('lengths nobody could have written are refused at once, not waited for', () => {
  const long = new Body().sessions(0).acls(0);
  long.out.int(10_001);
  assert.match(verdict(long), /length 10001/);
  const list = new Body().sessions(0).acls(1);
  list.out.long(1n);
  list.out.int(10_000);
  assert.match(verdict(list), /vector of 10000/);
});

test('changed bytes make a DecodeError, another tree or a wait, and nothing else', () => {
  const prng = new Prng(82);
  const pair = new Pair(prng);
  pair.step(40);
  const out = new Writer();
  const source = new SnapshotSource(pair.database);
  while (source.next(out, 10_000));
  source.close();
  const found = new Map<string, number>();
  for (let round = 0; round < 2000; round++) {
    const bytes = out.copy();
    const changes = 1 + prng.below(3);
    for (let i = 0; i < changes; i++) {
      const at = prng.chance(0.5) ? prng.below(60) : prng.below(bytes.length);
      bytes[at] = prng.pick([0, 1, 0x7f, 0x80, 0xff, prng.below(256)]);
    }
    const end = verdict(prng.chance(0.2) ? bytes.subarray(0, prng.below(bytes.length)) : bytes);
    const kind = end === 'complete' || end === 'waiting' ? end : 'refused';
    found.set(kind, (found.get(kind) ?? 0) + 1);
  }
  assert.deepEqual([...found.keys()].sort(), ['complete', 'refused', 'waiting']);
});
