// What a tree must be and answer, told a second time: the simplest program that does what ZooKeeper's documentation
// says of create, setData, delete, check, multi and the end of a session. In: operations in zxid order. Out: the reply
// each must get, the changes watchers hear of, and what a read at this zxid must show. It shares no code with the
// server's tree, and it never forgets: a failed multi is undone step by step.

import type { MultiOp } from '../../client/multi.ts';
import type { MultiResult } from '../../client/operations.ts';
import type { Stat } from '../../proto/data.ts';
import type { ErrorName } from '../../proto/errors.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { EventType } from '../../proto/opcodes.ts';
import type { Operation, Result, SingleWrite } from '../operation.ts';

/** The transaction an operation became. */
export interface At {
  readonly zxid: bigint;
  /** Its wall clock. */
  readonly time: bigint;
  readonly sessionId: bigint;
}

export interface Change {
  readonly type: EventType;
  readonly path: string;
}

export interface Reply {
  readonly err: number;
  readonly result: Result;
}

interface Node {
  data: string;
  readonly created: At;
  modified: At;
  pzxid: bigint;
  version: number;
  readonly aversion: number;
  /** Children created, ever. */
  creations: number;
  readonly owner: bigint;
  readonly children: Set<string>;
}

const epoch: At = { zxid: 0n, time: 0n, sessionId: 0n };
const ok = (result: Result = {}): Reply => ({ err: ErrorCode.Ok, result });
const failed = (name: ErrorName): Reply => ({ err: ErrorCode[name], result: {} });

export class TreeModel {
  readonly nodes = new Map<string, Node>();
  /** Session id -> timeout. */
  readonly sessions = new Map<bigint, number>();
  /** Of the last transaction, in order. */
  changes: Change[] = [];
  readonly #undo: (() => void)[] = [];

  constructor() {
    this.nodes.set('/', newNode('', epoch, 0n));
    for (const path of ['/zookeeper', '/zookeeper/config', '/zookeeper/quota']) {
      // The configuration is made read-only with a version that says "any".
      this.nodes.set(path, newNode('', epoch, 0n, path.endsWith('config') ? -1 : 0));
      this.nodes.get(parentOf(path))?.children.add(nameOf(path));
    }
  }

  /** The reply to a write that became this transaction. */
  write(operation: Operation, at: At): Reply {
    this.changes = [];
    this.#undo.length = 0;
    switch (operation.type) {
      case 'multi':
        return this.#multi(operation.ops, at);
      case 'closeSession':
        this.closeSession(at);
        return ok();
      case 'create':
      case 'create2':
      case 'setData':
      case 'delete':
        return this.#single(operation, at);
      default:
        throw new Error(`${operation.type} is no write`);
    }
  }

  closeSession(at: At): void {
    this.changes = [];
    this.sessions.delete(at.sessionId);
    for (const [path, { owner }] of [...this.nodes]) {
      if (owner === at.sessionId && owner !== 0n) this.#remove(path, at);
    }
  }

  /** What a read shows in this state. */
  read(operation: Operation): Reply {
    switch (operation.type) {
      case 'sync':
        return ok();
      case 'getData':
      case 'exists':
      case 'getChildren': {
        const node = this.nodes.get(operation.path);
        if (node === undefined) return failed('NoNode');
        const stat = statOf(node);
        if (operation.type === 'getData') return ok({ data: node.data, stat });
        if (operation.type === 'exists') return ok({ stat });
        return ok({ children: [...node.children].sort(), stat });
      }
      default:
        throw new Error(`${operation.type} is no read`);
    }
  }

  /** Everything in it, one line a node, sorted. */
  dump(): string[] {
    const lines = [...this.nodes].map(([path, node]) => dumpLine(path, node.data, statOf(node)));
    for (const [id, timeout] of this.sessions) lines.push(`session ${id} ${timeout}`);
    return lines.sort();
  }

  #multi(ops: readonly MultiOp[], at: At): Reply {
    const results: MultiResult[] = [];
    for (const [index, op] of ops.entries()) {
      const reply = op.type === 'check' ? this.#check(op) : this.#single(op, at);
      if (reply.err !== ErrorCode.Ok) {
        for (const undo of this.#undo.reverse()) undo();
        this.changes = [];
        return ok({ results: ops.map((_, i) => failedResult(i, index, reply.err)) });
      }
      results.push(multiResult(op, reply.result));
    }
    return ok({ results });
  }

  #single(op: SingleWrite, at: At): Reply {
    switch (op.type) {
      case 'setData': {
        const node = this.nodes.get(op.path);
        if (node === undefined) return failed('NoNode');
        if (isOther(op.version, node.version)) return failed('BadVersion');
        const { data, modified, version } = node;
        this.#undo.push(() => Object.assign(node, { data, modified, version }));
        node.data = String(op.data);
        node.modified = at;
        node.version++;
        this.changes.push({ type: EventType.NodeDataChanged, path: op.path });
        return ok({ stat: statOf(node) });
      }
      case 'delete': {
        const node = this.nodes.get(op.path);
        if (node === undefined) return failed('NoNode');
        if (isOther(op.version, node.version)) return failed('BadVersion');
        if (node.children.size > 0) return failed('NotEmpty');
        this.#remove(op.path, at);
        return ok();
      }
      default:
        return this.#create(op, at);
    }
  }

  #create(
    { path: asked, data, mode = 'PERSISTENT' }: Extract<SingleWrite, { mode?: unknown }>,
    at: At,
  ): Reply {
    const parent = this.nodes.get(parentOf(asked));
    if (parent === undefined) return failed('NoNode');
    const isSequential = mode.includes('SEQUENTIAL');
    const path = isSequential ? asked + String(parent.creations).padStart(10, '0') : asked;
    if (this.nodes.has(path)) return failed('NodeExists');
    if (parent.owner !== 0n) return failed('NoChildrenForEphemerals');
    const { creations, pzxid } = parent;
    const name = nameOf(path);
    this.#undo.push(() => {
      Object.assign(parent, { creations, pzxid });
      parent.children.delete(name);
      this.nodes.delete(path);
    });
    const node = newNode(String(data ?? ''), at, mode.startsWith('EPHEMERAL') ? at.sessionId : 0n);
    parent.children.add(name);
    parent.creations++;
    parent.pzxid = at.zxid;
    this.nodes.set(path, node);
    this.changes.push({ type: EventType.NodeCreated, path });
    this.changes.push({ type: EventType.NodeChildrenChanged, path: parentOf(path) });
    return ok({ path, stat: statOf(node) });
  }

  #check({ path, version }: Extract<MultiOp, { readonly type: 'check' }>): Reply {
    const node = this.nodes.get(path);
    if (node === undefined) return failed('NoNode');
    return isOther(version, node.version) ? failed('BadVersion') : ok();
  }

  #remove(path: string, at: At): void {
    const node = this.nodes.get(path);
    const parent = this.nodes.get(parentOf(path));
    if (node === undefined || parent === undefined) return;
    const name = nameOf(path);
    const { pzxid } = parent;
    this.#undo.push(() => {
      this.nodes.set(path, node);
      parent.children.add(name);
      parent.pzxid = pzxid;
    });
    this.nodes.delete(path);
    parent.children.delete(name);
    parent.pzxid = at.zxid;
    this.changes.push({ type: EventType.NodeDeleted, path });
    this.changes.push({ type: EventType.NodeChildrenChanged, path: parentOf(path) });
  }
}

/** One node as the model and a real tree alike are dumped. */
export function dumpLine(path: string, data: string, stat: Stat): string {
  return `${path} "${data}" ${statText(stat)}`;
}

export function statText(stat: Stat): string {
  return [
    stat.czxid,
    stat.mzxid,
    stat.pzxid,
    stat.ctime,
    stat.mtime,
    stat.version,
    stat.cversion,
    stat.aversion,
    stat.ephemeralOwner,
    stat.dataLength,
    stat.numChildren,
  ].join(' ');
}

/** An answer as text, to be compared and shown. */
export function replyText({ err, result }: Reply): string {
  if (err !== ErrorCode.Ok) return `error ${err}`;
  const parts: string[] = ['ok'];
  if (result.path !== undefined) parts.push(result.path);
  if (result.data !== undefined) parts.push(`"${result.data}"`);
  if (result.stat !== undefined) parts.push(`(${statText(result.stat)})`);
  if (result.children !== undefined) parts.push(`[${result.children.join(' ')}]`);
  for (const one of result.results ?? []) {
    if (one.type === 'error') parts.push(`error ${one.errno}`);
    else if (one.type === 'create') parts.push(`create ${one.path}`);
    else if (one.type === 'setData') parts.push(`setData (${statText(one.stat)})`);
    else parts.push(one.type);
  }
  return parts.join(' ');
}

/** Those before the operation that failed answer 0, those behind it −2. */
function failedResult(at: number, failedAt: number, err: number): MultiResult {
  const behind: number = ErrorCode.RuntimeInconsistency;
  const errno = at === failedAt ? err : at < failedAt ? ErrorCode.Ok : behind;
  return { type: 'error', code: 'SystemError', errno };
}

function multiResult(op: MultiOp, { path = '', stat }: Result): MultiResult {
  switch (op.type) {
    case 'create':
    case 'create2':
      return { type: 'create', path, stat };
    case 'setData':
      if (stat === undefined) throw new Error('a setData has a stat');
      return { type: 'setData', stat };
    default:
      return { type: op.type };
  }
}

function newNode(data: string, at: At, owner: bigint, aversion = 0): Node {
  return {
    data,
    created: at,
    modified: at,
    pzxid: at.zxid,
    version: 0,
    aversion,
    creations: 0,
    owner,
    children: new Set(),
  };
}

function statOf(node: Node): Stat {
  const { created, modified, children } = node;
  return {
    czxid: created.zxid,
    mzxid: modified.zxid,
    pzxid: node.pzxid,
    ctime: created.time,
    mtime: modified.time,
    version: node.version,
    // Creations and deletions of children.
    cversion: 2 * node.creations - children.size,
    aversion: node.aversion,
    ephemeralOwner: node.owner,
    dataLength: node.data.length,
    numChildren: children.size,
  };
}

function isOther(expected: number | undefined, version: number): boolean {
  return expected !== undefined && expected !== -1 && expected !== version;
}

function parentOf(path: string): string {
  return path.substring(0, path.lastIndexOf('/')) || '/';
}

function nameOf(path: string): string {
  return path.substring(path.lastIndexOf('/') + 1);
}
