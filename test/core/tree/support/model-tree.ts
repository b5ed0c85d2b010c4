// The tree as a Map from path to node, written for the eye: what each transaction does by the rules
// of DataTree.java, one after the other, with no care for speed. The digest is worked out from
// nothing each time.

import { crc32 } from 'node:zlib';
import { Writer } from '../../../../src/jute/writer.ts';
import type { ACL } from '../../../../src/proto/data.ts';
import { readAcl } from '../../../../src/proto/data.ts';
import { ErrorCode } from '../../../../src/proto/errors.ts';
import type { Txn, TxnBody } from './txn-bytes.ts';

export interface ModelNode {
  data: Uint8Array | null;
  /** undefined: the open list that has no id. */
  acl: readonly ACL[] | undefined;
  czxid: bigint;
  mzxid: bigint;
  pzxid: bigint;
  ctime: bigint;
  mtime: bigint;
  version: number;
  /** Creations of children. */
  cversion: number;
  aversion: number;
  owner: bigint;
  readonly children: Set<string>;
}

export const containerMark = -(1n << 63n);
export const ttlMark = -(1n << 56n);

const blank = { czxid: 0n, mzxid: 0n, pzxid: 0n, ctime: 0n, mtime: 0n, version: 0, cversion: 0 };

export class ModelTree {
  /** By path as on disk: the root is ''. */
  readonly nodes = new Map<string, ModelNode>();
  readonly sessions = new Map<bigint, number>();
  /** What watchers must hear of the last transaction, and what it answered, an operation each. */
  events: string[] = [];
  results: number[] = [];
  zxid = 0n;

  constructor() {
    const add = (path: string, aversion: number, acl: readonly ACL[] | undefined) => {
      const children = new Set<string>();
      const data = new Uint8Array(0);
      this.nodes.set(path, { ...blank, data, acl, aversion, owner: 0n, children });
      if (path !== '') this.nodes.get(parentOf(path))?.children.add(path);
    };
    add('', 0, undefined);
    add('/zookeeper', 0, undefined);
    add('/zookeeper/quota', 0, undefined);
    add('/zookeeper/config', -1, readAcl);
  }

  copy(): ModelTree {
    const copy = new ModelTree();
    copy.nodes.clear();
    for (const [path, node] of this.nodes) {
      copy.nodes.set(path, { ...node, children: new Set(node.children) });
    }
    copy.sessions.clear();
    for (const [id, timeout] of this.sessions) copy.sessions.set(id, timeout);
    copy.zxid = this.zxid;
    return copy;
  }

  /** Paths a session owns. */
  ephemeralsOf(session: bigint): string[] {
    return [...this.nodes].filter(([, { owner }]) => owner === session).map(([path]) => path);
  }

  get digest(): bigint {
    let sum = 0n;
    for (const [path, node] of this.nodes) {
      if (!path.startsWith('/zookeeper/')) sum += BigInt(nodeDigest(path, node));
    }
    return BigInt.asIntN(64, sum);
  }

  apply(txn: Txn): number {
    this.events = [];
    this.results = [];
    const { body } = txn;
    if (txn.zxid > this.zxid) this.zxid = txn.zxid;
    if (body.type !== 'multi') {
      const err = this.#one(txn, body);
      this.results.push(err);
      return err;
    }
    const failure = body.ops.findIndex(({ type }) => type === 'error');
    for (const [i, op] of body.ops.entries()) {
      if (failure < 0) this.results.push(this.#one(txn, op));
      else if (i < failure) this.results.push(ErrorCode.Ok);
      else this.results.push(op.type === 'error' ? op.err : ErrorCode.RuntimeInconsistency);
    }
    return this.results.find((err) => err !== ErrorCode.Ok) ?? ErrorCode.Ok;
  }

  #one(txn: Txn, body: TxnBody): number {
    switch (body.type) {
      case 'create':
      case 'create2':
      case 'createContainer':
      case 'createTTL':
        return this.#create(txn, body);
      case 'delete':
      case 'deleteContainer':
        return this.#delete(txn, body.path);
      case 'setData':
      case 'reconfig': {
        const node = this.nodes.get(diskPath(body.path));
        if (node === undefined) return ErrorCode.NoNode;
        node.data = body.data;
        node.version = body.version;
        node.mzxid = txn.zxid;
        node.mtime = txn.time;
        this.events.push(`dataChanged ${body.path}`);
        return ErrorCode.Ok;
      }
      case 'setACL': {
        const node = this.nodes.get(diskPath(body.path));
        if (node === undefined) return ErrorCode.NoNode;
        node.acl = body.acl;
        node.aversion = body.version;
        return ErrorCode.Ok;
      }
      case 'check':
        return ErrorCode.Ok;
      case 'error':
        return body.err;
      case 'createSession':
        this.sessions.set(txn.clientId, body.timeOut);
        return ErrorCode.Ok;
      case 'closeSession':
        for (const path of body.paths ?? []) this.#delete(txn, path);
        for (const path of this.ephemeralsOf(txn.clientId)) this.#delete(txn, path);
        this.sessions.delete(txn.clientId);
        return ErrorCode.Ok;
      case 'multi':
        throw new Error('a multi in a multi');
    }
  }

  #create(txn: Txn, body: Extract<TxnBody, { readonly ttl?: bigint }>): number {
    const path = body.path;
    const parent = this.nodes.get(parentOf(path));
    if (parent === undefined) return ErrorCode.NoNode;
    const { zxid, time } = txn;
    const raiseParent = () => {
      const wanted = body.parentCVersion ?? -1;
      const cversion = wanted === -1 ? parent.cversion + 1 : wanted;
      if (cversion > parent.cversion) {
        parent.cversion = cversion;
        parent.pzxid = zxid;
      }
    };
    const existing = this.nodes.get(path);
    if (existing !== undefined) {
      existing.acl = body.acl;
      if (body.type === 'create') raiseParent();
      return ErrorCode.NodeExists;
    }
    let owner = 0n;
    if (body.type === 'createContainer') owner = containerMark;
    else if (body.type === 'createTTL') owner = ttlMark | (body.ttl ?? 1n);
    else if (body.ephemeral) owner = txn.clientId;
    const times = { czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: time, mtime: time };
    const counters = { version: 0, cversion: 0, aversion: 0 };
    const children = new Set<string>();
    const { data, acl } = body;
    this.nodes.set(path, { data, acl, ...times, ...counters, owner, children });
    parent.children.add(path);
    raiseParent();
    this.events.push(`created ${path}`);
    return ErrorCode.Ok;
  }

  #delete(txn: Txn, path: string): number {
    const parent = this.nodes.get(parentOf(path));
    if (parent === undefined) return ErrorCode.NoNode;
    if (txn.zxid > parent.pzxid) parent.pzxid = txn.zxid;
    const node = this.nodes.get(path);
    // Java deletes the node and leaves its children hanging; here it stays (only met while
    // replaying).
    if (node === undefined || node.children.size > 0) return ErrorCode.NoNode;
    this.nodes.delete(path);
    parent.children.delete(path);
    this.events.push(`deleted ${path}`);
    return ErrorCode.Ok;
  }
}

/** The root is '' on disk and '/' to clients. */
function diskPath(path: string): string {
  return path === '/' ? '' : path;
}

export function parentOf(path: string): string {
  return path.substring(0, path.lastIndexOf('/'));
}

function nodeDigest(path: string, node: ModelNode): number {
  const out = new Writer();
  const encoder = new TextEncoder();
  out.raw(encoder.encode(path));
  if (node.data !== null) out.raw(node.data);
  for (const long of [node.czxid, node.mzxid, node.pzxid, node.ctime, node.mtime]) out.long(long);
  for (const int of [node.version, node.cversion, node.aversion]) out.int(int);
  out.long(node.owner);
  return crc32(out.copy());
}
