// A Database against the model: every node with its Stat, data and ACL, who owns what, sessions,
// digest, counters, and that no list of ACLs lives on without a node.

import assert from 'node:assert/strict';
import { Database } from '../../../../src/core/tree/database.ts';
import { Reader } from '../../../../src/jute/reader.ts';
import { Writer } from '../../../../src/jute/writer.ts';
import { openAcl, Stat } from '../../../../src/proto/data.ts';
import type { ModelNode, ModelTree } from './model-tree.ts';
import { containerMark, ttlMark } from './model-tree.ts';

export function makeDatabase(digestEnabled = true): Database {
  return new Database({
    digestEnabled,
    hashSeed: 0x51ab,
    extendedTypesEnabled: true,
    emulate353TTLNodes: false,
  });
}

export function statOf(database: Database, slot: number): Stat {
  const out = new Writer();
  database.tree.writeStat(slot, out);
  assert.equal(out.at, 68);
  return Stat.read(new Reader(out.written()));
}

const isMark = (owner: bigint) => owner === containerMark || owner >> 40n === ttlMark >> 40n;

function expectedStat(node: ModelNode): Stat {
  return {
    czxid: node.czxid,
    mzxid: node.mzxid,
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    cversion: 2 * node.cversion - node.children.size,
    aversion: node.aversion,
    ephemeralOwner: isMark(node.owner) ? 0n : node.owner,
    dataLength: node.data?.length ?? 0,
    numChildren: node.children.size,
    pzxid: node.pzxid,
  };
}

export function compareTree(database: Database, model: ModelTree): void {
  const { tree } = database;
  assert.equal(database.lastProcessedZxid, model.zxid);
  assert.deepEqual(database.sessions, model.sessions);
  assert.equal(tree.nodeCount, model.nodes.size);
  const ephemerals = new Map<bigint, Set<string>>();
  const containers: string[] = [];
  const ttls: string[] = [];
  const lists = new Set<string>();
  let dataSize = 0;
  for (const [path, node] of model.nodes) {
    const slot = tree.findPath(path);
    assert(slot >= 0, `${path} is there`);
    assert(tree.isLive(slot));
    assert.deepEqual(statOf(database, slot), expectedStat(node), path);
    assert.deepEqual(tree.dataOf(slot), node.data, path);
    assert.deepEqual(tree.acl(slot), node.acl ?? openAcl, path);
    if (node.acl === undefined) assert.equal(tree.aclId(slot), -1);
    else lists.add(JSON.stringify(node.acl));
    assert.equal(tree.owner(slot), node.owner);
    assert.equal(tree.storedCversion(slot), node.cversion);
    assert.equal(tree.pathOf(slot), path === '' ? '/' : path);
    const children = new Set<string>();
    for (let child = tree.firstChild(slot); child >= 0; child = tree.nextSibling(child)) {
      children.add(tree.pathOf(child));
      assert.equal(tree.parentOf(child), slot);
    }
    assert.deepEqual(children, node.children, path);
    dataSize += new TextEncoder().encode(path).length + (node.data?.length ?? 0);
    if (node.owner === containerMark) containers.push(path);
    else if (isMark(node.owner)) ttls.push(path);
    else if (node.owner !== 0n) {
      const paths = ephemerals.get(node.owner) ?? new Set();
      ephemerals.set(node.owner, paths.add(path));
    }
  }
  assert.equal(tree.dataSize, dataSize);
  assert.equal(tree.aclCache.size, lists.size);
  const pathsOf = (slots: Iterable<number>) => [...slots].map((slot) => tree.pathOf(slot)).sort();
  assert.deepEqual(pathsOf(tree.containers), containers.sort());
  assert.deepEqual(pathsOf(tree.ttls), ttls.sort());
  const owners = new Map([...tree.ephemerals].map(([id, slots]) => [id, new Set(pathsOf(slots))]));
  assert.deepEqual(owners, ephemerals);
  assert.equal(
    tree.ephemeralCount,
    [...ephemerals.values()].reduce((sum, { size }) => sum + size, 0),
  );
  if (tree.options.digestEnabled) assert.equal(tree.digest, model.digest);
  assert.equal(database.digestMismatches, 0);
}
