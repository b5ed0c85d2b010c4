// Everything clients were told, held against one history: the transactions a server logged, applied to the model
// (tree-model.ts) in zxid order. In: the ghost log, the invocations of all clients, dumps of real trees at known zxids.
// Out: violations of CL1 to CL4, CL6 and CL7, SE1 to SE4, ST1, ST3 and ST4 (the names of the specification).
//
// A reply's header tells the zxid of the state it shows, so every read is checked exactly: at that zxid the model must
// answer the same. Invariant: an operation that ended without an answer may have one transaction or none, one with a
// definite error has no other than its error.

import { Reader } from '../../jute/reader.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode, opName } from '../../proto/opcodes.ts';
import { MultiTxn, txnHeaderLength } from '../../proto/txn.ts';
import type { Invocation } from '../invocation.ts';
import { isWrite } from '../operation.ts';
import type { World } from '../world.ts';
import { WatchChecker } from './check-watches.ts';
import type { GhostEntry } from './ghost-log.ts';
import { firstInt } from './ghost-log.ts';
import type { Reply } from './tree-model.ts';
import { replyText, TreeModel } from './tree-model.ts';

/** A real tree as it was seen at a zxid (dump-tree.ts). */
export interface TreeDump {
  readonly zxid: bigint;
  readonly why: string;
  readonly lines: readonly string[];
  /** A node whose line was left out, since no transaction makes it. */
  readonly without?: string;
}

export interface History {
  readonly entries: readonly GhostEntry[];
  readonly invocations: readonly Invocation[];
  readonly dumps: readonly TreeDump[];
}

export function checkHistory(world: World, history: History): void {
  new HistoryChecker(world, history).run();
}

class HistoryChecker {
  readonly #world: World;
  readonly #history: History;
  readonly #model = new TreeModel();
  readonly #watches: WatchChecker;
  readonly #everOpened = new Set<bigint>();
  /** The last xid of each session that was logged. */
  readonly #lastXid = new Map<bigint, number>();
  /** By session and xid. */
  readonly #writes = new Map<string, Invocation>();
  readonly #reads = new Map<bigint, Invocation[]>();
  readonly #dumps = new Map<bigint, TreeDump[]>();

  constructor(world: World, history: History) {
    this.#world = world;
    this.#history = history;
    this.#watches = new WatchChecker(world, history.invocations);
  }

  run(): void {
    this.#collect();
    this.#stateAt(0n);
    for (const entry of this.#history.entries) {
      this.#apply(entry);
      this.#watches.changed(entry.zxid, this.#model.changes);
      this.#stateAt(entry.zxid);
    }
    for (const invocation of this.#writes.values()) this.#leftOver(invocation);
    for (const [zxid, reads] of this.#reads) {
      for (const read of reads) this.#violation('CL4', `${read} shows zxid ${zxid}, never logged`);
    }
    this.#watches.finish();
  }

  #collect(): void {
    const byClient = new Map<string, Invocation[]>();
    for (const invocation of this.#history.invocations) {
      const { outcome, xid, client } = invocation;
      if (outcome === undefined || xid === undefined) continue;
      const all = byClient.get(client);
      if (all === undefined) byClient.set(client, [invocation]);
      else all.push(invocation);
      if (isWrite(invocation.operation))
        this.#writes.set(keyOf(invocation.sessionId, xid), invocation);
      else if (outcome.kind !== 'lost') push(this.#reads, outcome.zxid, invocation);
    }
    for (const dump of this.#history.dumps) push(this.#dumps, dump.zxid, dump);
    for (const invocations of byClient.values()) this.#checkOrder(invocations);
  }

  /** CL1, CL2: what one client is told. */
  #checkOrder(invocations: Invocation[]): void {
    invocations.sort((a, b) => a.order - b.order);
    let zxid = -1n;
    let last: Invocation | undefined;
    for (const invocation of invocations) {
      const { outcome } = invocation;
      if (outcome?.kind === 'lost') {
        if (outcome.reason.includes('out of turn'))
          this.#violation('CL1', `${invocation}: ${outcome.reason}`);
        continue;
      }
      if (outcome === undefined) continue;
      if (outcome.zxid < zxid) {
        this.#violation(
          'CL2',
          `${invocation} shows zxid ${outcome.zxid}, behind ${last} at ${zxid}`,
        );
      }
      if (last !== undefined && isExpired(last) && outcome.kind === 'ok') {
        this.#violation('SE4', `${invocation} succeeds after ${last} was told of the end`);
      }
      zxid = outcome.zxid;
      last = invocation;
    }
  }

  #apply(entry: GhostEntry): void {
    const { clientId: sessionId, cxid, zxid, time, type } = entry;
    const model = this.#model;
    const key = keyOf(sessionId, cxid);
    const invocation = type === OpCode.createSession ? undefined : this.#writes.get(key);
    const isOpen = model.sessions.has(sessionId);
    if (type === OpCode.createSession) {
      model.changes = [];
      if (this.#everOpened.has(sessionId))
        this.#violation('SE3', `session ${hex(sessionId)} twice`);
      this.#everOpened.add(sessionId);
      model.sessions.set(sessionId, firstInt(entry));
    } else if (invocation !== undefined && (type !== OpCode.closeSession || isClose(invocation))) {
      this.#writes.delete(key);
      this.#checkWrite(invocation, entry, isOpen);
    } else if (type === OpCode.closeSession) {
      if (!isOpen) this.#violation('SE1', `session ${hex(sessionId)} is closed and not open`);
      model.closeSession({ zxid, time, sessionId });
    } else {
      model.changes = [];
      this.#violation(
        'CL6',
        `zxid ${zxid}, a ${opName(type)} of session ${hex(sessionId)}: nobody asked`,
      );
    }
  }

  #checkWrite(invocation: Invocation, entry: GhostEntry, isOpen: boolean): void {
    const { clientId: sessionId, zxid, time, type } = entry;
    const model = this.#model;
    // Overtaken by the session's move to another server: refused, and behind what the session asks for there.
    if (isMoved(entry)) {
      model.changes = [];
      this.#answeredAt(invocation, zxid);
      return;
    }
    if (!isOpen) {
      model.changes = [];
      // To say goodbye to a session that has just expired is in order, and changes nothing (as in Java).
      if (!isClose(invocation) && !isRefusal(entry)) {
        this.#violation('SE4', `zxid ${zxid}: ${invocation} after its session's end`);
      }
      return;
    }
    if ((this.#lastXid.get(sessionId) ?? 0) > entry.cxid && !isEmpty(invocation)) {
      this.#violation('CL7', `zxid ${zxid}: ${invocation} comes after later ones of its session`);
    }
    this.#lastXid.set(sessionId, entry.cxid);
    const expected = model.write(invocation.operation, { zxid, time, sessionId });
    const isError = type === OpCode.error;
    if (
      isError !== (expected.err !== ErrorCode.Ok) ||
      (isError && firstInt(entry) !== expected.err)
    ) {
      const is = isError ? `error ${firstInt(entry)}` : opName(type);
      this.#violation(
        'ST3',
        `zxid ${zxid}: ${invocation} became ${is}, expected ${replyText(expected)}`,
      );
    }
    const { outcome } = invocation;
    if (outcome === undefined || outcome.kind === 'lost') return;
    this.#answeredAt(invocation, zxid);
    this.#compare(invocation, replyOf(outcome), expected);
  }

  #answeredAt(invocation: Invocation, zxid: bigint): void {
    const { outcome } = invocation;
    if (outcome === undefined || outcome.kind === 'lost' || outcome.zxid === zxid) return;
    this.#violation('CL3', `${invocation} was answered at ${outcome.zxid} and logged at ${zxid}`);
  }

  #stateAt(zxid: bigint): void {
    for (const read of this.#reads.get(zxid) ?? []) {
      const { outcome } = read;
      if (outcome === undefined || outcome.kind === 'lost' || isExpired(read)) continue;
      this.#compare(read, replyOf(outcome), this.#model.read(read.operation));
    }
    this.#reads.delete(zxid);
    for (const { why, lines, without } of this.#dumps.get(zxid) ?? []) {
      const expected = new Set(this.#model.dump());
      for (const line of expected) if (line.startsWith(`${without} `)) expected.delete(line);
      const extra = lines.filter((line) => !expected.delete(line));
      const missing = [...expected];
      if (missing.length + extra.length === 0) continue;
      this.#violation(
        'ST1',
        `${why}, zxid ${zxid}: missing ${first(missing)}; not expected ${first(extra)}`,
      );
    }
  }

  /** A write that has no transaction. */
  #leftOver(invocation: Invocation): void {
    const { outcome, operation } = invocation;
    if (outcome === undefined || outcome.kind === 'lost') return;
    const what = outcome.kind === 'ok' ? 'PS1' : 'CL6';
    this.#violation(
      what,
      `${invocation} was answered ${outcome.kind} at zxid ${outcome.zxid}, ${operation.type} is not in the log`,
    );
  }

  #compare(invocation: Invocation, reply: Reply, expected: Reply): void {
    const got = replyText(reply);
    const wanted = replyText(expected);
    if (got !== wanted) this.#violation('ST4', `${invocation}: got ${got}, expected ${wanted}`);
  }

  #violation(invariant: string, what: string): void {
    this.#world.violation(invariant, what);
  }
}

function replyOf(outcome: Exclude<NonNullable<Invocation['outcome']>, { kind: 'lost' }>): Reply {
  return outcome.kind === 'ok'
    ? { err: ErrorCode.Ok, result: outcome.result }
    : { err: outcome.err, result: {} };
}

/** Refused since its session was opened elsewhere; of a multi each part is. */
function isMoved(entry: GhostEntry): boolean {
  if (entry.type === OpCode.error) return firstInt(entry) === ErrorCode.SessionMoved;
  if (entry.type !== OpCode.multi) return false;
  const { txns } = MultiTxn.read(new Reader(entry.bytes, txnHeaderLength));
  const first = txns[0]?.data;
  if (first === undefined || first === null) return false;
  return new Reader(first).int() === ErrorCode.SessionMoved;
}

/** Nothing of it can be refused, and nothing is done, wherever it stands. */
function isEmpty({ operation }: Invocation): boolean {
  return operation.type === 'multi' && operation.ops.length === 0;
}

/** A closing session's requests are refused, the parts of a multi each. */
function isRefusal(entry: GhostEntry): boolean {
  if (entry.type === OpCode.error) return firstInt(entry) === ErrorCode.SessionExpired;
  if (entry.type !== OpCode.multi) return false;
  const { txns } = MultiTxn.read(new Reader(entry.bytes, txnHeaderLength));
  return txns.every(({ type }) => type === OpCode.error);
}

function isExpired({ outcome }: Invocation): boolean {
  return outcome?.kind === 'error' && outcome.err === ErrorCode.SessionExpired;
}

function isClose({ operation }: Invocation): boolean {
  return operation.type === 'closeSession';
}

function keyOf(sessionId: bigint, xid: number): string {
  return `${sessionId}/${xid}`;
}

function hex(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}

function first(lines: readonly string[]): string {
  return lines.length === 0 ? 'nothing' : `${lines.length}: ${lines[0]}`;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const all = map.get(key);
  if (all === undefined) map.set(key, [value]);
  else all.push(value);
}
