// Transactions against the model tree: after each one every node, Stat, digest, owner and list is
// the model's, and watchers and the waiting client hear what they must; then what only replay
// meets, and trees of odd shapes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApplyListener } from '../../../src/core/tree/apply.ts';
import { applyTxn, BadTxnError } from '../../../src/core/tree/apply.ts';
import type { Database } from '../../../src/core/tree/database.ts';
import { DecodeError } from '../../../src/jute/reader.ts';
import { openAcl } from '../../../src/proto/data.ts';
import { ErrorCode } from '../../../src/proto/errors.ts';
import { OpCode } from '../../../src/proto/opcodes.ts';
import { Prng } from '../../../src/util/prng.ts';
import { compareTree, makeDatabase, statOf } from './support/compare-tree.ts';
import { ModelTree } from './support/model-tree.ts';
import { RandomTxns } from './support/random-txns.ts';
import type { Txn, TxnBody } from './support/txn-bytes.ts';
import { txnBytes } from './support/txn-bytes.ts';

class Heard implements ApplyListener {
  readonly watched = true;
  readonly wantsResults = true;
  readonly #database: Database;
  events: string[] = [];
  results: number[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  nodeCreated(path: string, aclId: number, parentAclId: number): void {
    this.#note('created', path, aclId, parentAclId);
  }

  nodeDeleted(path: string, aclId: number, parentAclId: number): void {
    this.#note('deleted', path, aclId, parentAclId);
  }

  nodeDataChanged(path: string, aclId: number): void {
    this.#note('dataChanged', path, aclId, aclId);
  }

  result(
    type: number,
    err: number,
    slot: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.results.push(err);
    if (err !== ErrorCode.Ok || slot < 0) return;
    const path = this.#database.tree.pathOf(slot);
    assert.equal(new TextDecoder().decode(bytes.subarray(start, end)) || '/', path);
    assert.notEqual(type, OpCode.error);
  }

  /** The lists must still be there when the event is told. */
  #note(what: string, path: string, ...aclIds: number[]): void {
    for (const id of aclIds) this.#database.tree.aclCache.listOf(id);
    this.events.push(`${what} ${path}`);
  }
}

function run(mode: 'committed' | 'replayed', seed: number, rounds: number): void {
  const database = makeDatabase().ensureSystemNodes();
  const model = new ModelTree();
  const txns = new RandomTxns(new Prng(seed), model, mode);
  compareTree(database, model);
  const base = database.tree.used;
  for (let round = 0; round < rounds; round++) {
    const txn = txns.next();
    const heard = new Heard(database);
    const expected = model.apply(txn);
    // In the middle of other bytes, as in a batch.
    const bytes = txnBytes(txn, mayHaveDigest(txn.body) ? model.digest : undefined);
    const batch = new Uint8Array(bytes.length + 20).fill(0xee);
    batch.set(bytes, 9);
    const err = applyTxn(database, batch, 9, 9 + bytes.length, heard);
    batch.fill(0xdd);
    const what = `seed ${seed}, round ${round}, ${txn.body.type}`;
    assert.equal(err, expected, what);
    assert.deepEqual(heard.events, model.events, what);
    if (txn.body.type !== 'closeSession') assert.deepEqual(heard.results, model.results, what);
    if (round < 100 || round % 5 === 0) compareTree(database, model);
    else assert.equal(database.tree.digest, model.digest, what);
  }
  // All nodes go again, children first: nothing is left behind.
  const zxid = model.zxid + 1n;
  for (const path of [...model.nodes.keys()].sort().reverse()) {
    if (path === '' || /^\/zookeeper(\/quota|\/config)?$/.test(path)) continue;
    const txn: Txn = { clientId: 0n, zxid, time: 0n, body: { type: 'delete', path } };
    model.apply(txn);
    const bytes = txnBytes(txn);
    assert.equal(applyTxn(database, bytes, 0, bytes.length), ErrorCode.Ok, path);
  }
  for (const [path, data, acl] of systemNodes) {
    const setData: TxnBody = { type: 'setData', path, data, version: 0 };
    const setAcl: TxnBody = { type: 'setACL', path, acl, version: 0 };
    for (const body of [setData, setAcl]) {
      const txn: Txn = { clientId: 0n, zxid, time: 0n, body };
      model.apply(txn);
      const bytes = txnBytes(txn);
      applyTxn(database, bytes, 0, bytes.length);
    }
  }
  compareTree(database, model);
  assert.equal(database.tree.aclCache.size, 1);
  assert.equal(database.tree.used, base);
}

/** The form of create before 3.4 had none: it would be taken for the counter that is missing. */
function mayHaveDigest(body: TxnBody): boolean {
  if (body.type === 'create' || body.type === 'create2') return body.parentCVersion !== undefined;
  return body.type !== 'error';
}

const systemNodes = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'].map(
  (path) => [path, new Uint8Array(0), openAcl] as const,
);

test('committed transactions, every one compared with the model', () => {
  run('committed', 51, 900);
  run('committed', 52, 400);
});

test('replayed transactions that do not fit what is there', () => {
  run('replayed', 53, 900);
  run('replayed', 54, 400);
});

function applyBody(database: Database, body: TxnBody, zxid: bigint, clientId = 1n): number {
  const bytes = txnBytes({ clientId, zxid, time: 5n, body });
  return applyTxn(database, bytes, 0, bytes.length);
}

const create = (path: string, parentCVersion: number): TxnBody => ({
  type: 'create',
  path,
  data: null,
  acl: openAcl,
  parentCVersion,
});

test('the rules of the Stat, told step by step', () => {
  const database = makeDatabase().ensureSystemNodes();
  const { tree } = database;
  const stat = (path: string) => statOf(database, tree.findPath(path));
  applyBody(database, create('/a', 2), 1n);
  applyBody(database, create('/a/x', 1), 2n);
  applyBody(database, create('/a/y', 2), 3n);
  assert.equal(stat('/a').cversion, 2);
  assert.equal(stat('/a').pzxid, 3n);
  assert.equal(stat('/a').numChildren, 2);
  applyBody(database, { type: 'delete', path: '/a/x' }, 4n);
  // Two creations and one deletion.
  assert.equal(stat('/a').cversion, 3);
  assert.equal(stat('/a').pzxid, 4n);
  assert.equal(tree.storedCversion(tree.findPath('/a')), 2);
  applyBody(database, { type: 'setACL', path: '/a', acl: openAcl, version: 1 }, 5n);
  assert.equal(stat('/a').aversion, 1);
  assert.equal(stat('/a').mzxid, 1n);
  applyBody(database, { type: 'setData', path: '/a', data: null, version: 1 }, 6n);
  assert.equal(stat('/a').mzxid, 6n);
  assert.equal(stat('/a').pzxid, 4n);
});

test('a fresh tree has the digest of every fresh tree, without digests none', () => {
  assert.equal(makeDatabase().ensureSystemNodes().tree.digest, 1371985504n);
  const database = makeDatabase(false).ensureSystemNodes();
  applyBody(database, create('/a', 1), 1n);
  assert.equal(database.tree.digest, 0n);
});

test('the digest is remembered at every zxid divisible by 128, 1,024 times', () => {
  const database = makeDatabase().ensureSystemNodes();
  for (let zxid = 1; zxid <= 128 * 1030; zxid++) {
    applyBody(database, { type: 'createSession', timeOut: 1 }, BigInt(zxid));
  }
  const { digestHistory } = database;
  assert.equal(digestHistory.length, 1024);
  assert.equal(digestHistory[0]?.zxid, 128n * 7n);
  assert.equal(digestHistory.at(-1)?.zxid, 128n * 1030n);
});

test('a digest that is not ours is counted from the zxid on where it may be compared', () => {
  const database = makeDatabase().ensureSystemNodes();
  database.compareDigestFrom = 2n;
  const wrong = (zxid: bigint) => {
    const body = { type: 'createSession', timeOut: 1 } as const;
    const bytes = txnBytes({ clientId: 1n, zxid, time: 1n, body }, 77n);
    applyTxn(database, bytes, 0, bytes.length);
  };
  wrong(1n);
  assert.equal(database.digestMismatches, 0);
  wrong(2n);
  assert.equal(database.digestMismatches, 1);
  assert.deepEqual(database.lastDigestMismatch, { zxid: 2n, expected: 77n, found: 1371985504n });
});

test('the end of a session without a list of paths, a digest behind it or not', () => {
  for (const withDigest of [false, true]) {
    const database = makeDatabase().ensureSystemNodes();
    applyBody(database, { type: 'createSession', timeOut: 1 }, 1n);
    applyBody(database, { ...create('/e', 1), ephemeral: true } as TxnBody, 2n);
    const body: TxnBody = { type: 'closeSession', paths: undefined };
    const bytes = txnBytes({ clientId: 1n, zxid: 3n, time: 1n, body }, withDigest ? 5n : undefined);
    applyTxn(database, bytes, 0, bytes.length);
    assert.equal(database.tree.findPath('/e'), -1);
    assert.equal(database.sessions.size, 0);
    assert.equal(database.digestMismatches, withDigest ? 1 : 0);
  }
});

test('what no server should have written is refused', () => {
  const refused = (body: TxnBody, type?: number) => {
    const database = makeDatabase().ensureSystemNodes();
    const bytes = txnBytes({ clientId: 1n, zxid: 1n, time: 1n, body });
    if (type !== undefined) new DataView(bytes.buffer).setInt32(28, type);
    assert.throws(() => applyTxn(database, bytes, 0, bytes.length), BadTxnError);
  };
  const ttl = {
    type: 'createTTL',
    path: '/t',
    data: null,
    acl: openAcl,
    parentCVersion: 1,
  } as const;
  refused({ ...ttl, ttl: 0n });
  refused({ ...ttl, ttl: 1n << 40n });
  refused({ ...ttl, ttl: -1n });
  refused({ type: 'error', err: 0 }, 77);
  refused(create('a', 1));
  refused({ type: 'delete', path: 'a' });
  refused({ type: 'check', path: '/', version: 1 });
  const inner: TxnBody = { type: 'multi', ops: [] };
  refused({ type: 'multi', ops: [inner] });
});

test('a transaction cut anywhere is a DecodeError, or an older form of itself', () => {
  const model = new ModelTree();
  const txns = new RandomTxns(new Prng(55), model, 'committed');
  const database = makeDatabase().ensureSystemNodes();
  for (let round = 0; round < 80; round++) {
    const txn = txns.next();
    const bytes = txnBytes(txn);
    if (bytes.length > 400) continue;
    for (let end = 0; end < bytes.length; end++) {
      try {
        applyTxn(database, bytes, 0, end);
        assert(txn.body.type === 'closeSession' || txn.body.type.startsWith('create'));
      } catch (error) {
        assert(error instanceof DecodeError || error instanceof BadTxnError, String(error));
      }
    }
  }
});

test('a tree 10,000 levels deep', () => {
  const database = makeDatabase().ensureSystemNodes();
  const { tree } = database;
  const base = tree.used;
  const { digest } = tree;
  const depth = 10_000;
  let path = '';
  for (let level = 1; level <= depth; level++) {
    path += '/d';
    assert.equal(applyBody(database, create(path, 1), BigInt(level)), ErrorCode.Ok);
  }
  assert.equal(tree.countDescendants(tree.root), depth + 3);
  assert.equal(tree.pathOf(tree.findPath(path)), path);
  assert.equal(applyBody(database, create('/d/d/d/d', 1), 20_000n), ErrorCode.NodeExists);
  for (let level = depth; level >= 1; level--) {
    const err = applyBody(
      database,
      { type: 'delete', path: path.substring(0, 2 * level) },
      30_000n,
    );
    assert.equal(err, ErrorCode.Ok);
  }
  assert.equal(tree.used, base);
  assert.notEqual(tree.digest, digest, 'the counters of the root have changed');
});

test('a node with 50,000 children, added and taken away in any order', () => {
  const database = makeDatabase().ensureSystemNodes();
  const { tree } = database;
  const prng = new Prng(56);
  const names = prng.shuffle(Array.from({ length: 50_000 }, (_, i) => `/w/${i}`));
  applyBody(database, create('/w', 1), 1n);
  for (const [i, name] of names.entries()) applyBody(database, create(name, i + 1), BigInt(i + 2));
  const slot = tree.findPath('/w');
  assert.equal(tree.numChildren(slot), 50_000);
  assert.equal(tree.countDescendants(slot), 50_000);
  for (const name of prng.shuffle([...names])) {
    assert.equal(applyBody(database, { type: 'delete', path: name }, 100_000n), ErrorCode.Ok);
  }
  assert.equal(tree.numChildren(slot), 0);
  assert.equal(tree.firstChild(slot), -1);
  assert.equal(statOf(database, slot).cversion, 100_000);
});

test('cversion counts on past the end of its range, as in Java', () => {
  const database = makeDatabase().ensureSystemNodes();
  const { tree } = database;
  applyBody(database, create('/a', 1), 1n);
  applyBody(database, create('/a/x', 0x7fffffff), 2n);
  const slot = tree.findPath('/a');
  assert.equal(tree.storedCversion(slot), 0x7fffffff);
  // The next value is the least there is: never higher than what is stored, so it stays.
  applyBody(database, create('/a/y', -0x80000000), 3n);
  assert.equal(tree.storedCversion(slot), 0x7fffffff);
  assert.equal(statOf(database, slot).pzxid, 2n);
  assert.equal(statOf(database, slot).cversion, (2 * 0x7fffffff - 2) | 0);
});

test('pzxid only rises, also where the counter is past the sign of 32 bits', () => {
  const database = makeDatabase().ensureSystemNodes();
  const stat = () => statOf(database, database.tree.root);
  for (const [zxid, pzxid] of [
    [0x7fff_ffffn, 0x7fff_ffffn],
    [0x8000_0001n, 0x8000_0001n],
    [0x7fff_ffffn, 0x8000_0001n],
    [0xffff_ffffn, 0xffff_ffffn],
    [0x1_0000_0000n, 0x1_0000_0000n],
    [0xffff_ffffn, 0x1_0000_0000n],
  ] as const) {
    applyBody(database, { type: 'delete', path: '/gone' }, zxid);
    assert.equal(stat().pzxid, pzxid);
    assert.equal(database.lastProcessedZxid, pzxid);
  }
});

test('names are only names', () => {
  const database = makeDatabase().ensureSystemNodes();
  for (const [i, name] of ['__proto__', 'constructor', 'toString', '0'].entries()) {
    assert.equal(applyBody(database, create(`/${name}`, i + 1), BigInt(i + 1)), ErrorCode.Ok);
    assert.equal(applyBody(database, create(`/${name}/__proto__`, 1), 9n), ErrorCode.Ok);
  }
  assert.equal(database.tree.nodeCount, 12);
});
