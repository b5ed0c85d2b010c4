// Histories to hold a recovered disk against: transactions known by zxid and a mark, and the whole state behind each,
// as one text. In: zxids, or a database to begin with (Java's files). Out: transactions as they are logged, batches of
// them, states. Two states are equal only when every node's path, data, stat and ACL, every session and the last zxid
// are: so a mixture of two histories is neither.

import { applyTxn } from '../core/tree/apply.ts';
import type { Database } from '../core/tree/database.ts';
import { Writer } from '../jute/writer.ts';
import { entryEnd } from '../proto/file.ts';
import { OpCode } from '../proto/opcodes.ts';
import { CreateSessionTxn, CreateTxn, DeleteTxn, SetDataTxn, TxnHeader } from '../proto/txn.ts';
import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';
import type { LogBatch } from '../storage/txn-log.ts';
import { present } from '../util/assert.ts';
import { adler32 } from '../util/checksums.ts';

export interface HistoryTxn {
  readonly zxid: Zxid;
  readonly bytes: Uint8Array;
}

/** Where a history begins. */
export class HistoryBase {
  readonly make: () => Database;
  readonly zxid: Zxid;
  readonly text: string;

  /** `make`: the first state, a database of its own each time. */
  constructor(make: () => Database) {
    this.make = make;
    const database = make();
    this.zxid = database.lastProcessedZxid;
    this.text = stateText(database);
  }
}

/** The state behind a transaction; each object stands in one place of one history and its forks. */
const texts = new WeakMap<HistoryTxn, string>();

/** A line of transactions behind a base. */
export class CrashHistory {
  readonly base: HistoryBase;
  readonly txns: readonly HistoryTxn[];
  readonly #counts = new Map<Zxid, number>();

  constructor(base: HistoryBase, txns: readonly HistoryTxn[] = []) {
    this.base = base;
    this.txns = txns;
    this.#counts.set(base.zxid, 0);
    for (const [i, { zxid }] of txns.entries()) this.#counts.set(zxid, i + 1);
  }

  get count(): number {
    return this.txns.length;
  }

  /** The first `count` transactions, then these. */
  forked(count: number, txns: readonly HistoryTxn[]): CrashHistory {
    return new CrashHistory(this.base, [...this.txns.filter((_, i) => i < count), ...txns]);
  }

  /** A database of its own with all of it. */
  database(): Database {
    const database = this.base.make();
    for (const { bytes } of this.txns) applyTxn(database, bytes, 0, bytes.length);
    return database;
  }

  zxidAt(count: number): Zxid {
    return this.txns[count - 1]?.zxid ?? this.base.zxid;
  }

  /** How many transactions lead to `zxid`; undefined: it is not of this history. */
  countOf(zxid: Zxid): number | undefined {
    return this.#counts.get(zxid);
  }

  stateAt(count: number): string {
    const txn = this.txns[count - 1];
    if (txn === undefined) return this.base.text;
    if (!texts.has(txn)) {
      const database = this.base.make();
      for (const one of this.txns) {
        applyTxn(database, one.bytes, 0, one.bytes.length);
        if (!texts.has(one)) texts.set(one, stateText(database));
      }
    }
    return present(texts.get(txn), 'a state');
  }
}

/** Creates, overwrites, deletes and opens sessions, as the zxid decides; `mark` and `dataLength` show in the data. */
export function makeTxn(zxid: Zxid, mark: number, dataLength = 20): HistoryTxn {
  const writer = new Writer();
  const counter = Number(zxid & 0xffffffffn);
  const path = `/n${hexZxid(zxid)}`;
  const data = new Uint8Array(dataLength).fill(0x30 + mark);
  const header = (type: number, clientId = 0x1234n): void => {
    TxnHeader.write(writer, { clientId, cxid: counter, zxid, time: 1000n + zxid, type });
  };
  if (counter % 7 === 3) {
    header(OpCode.createSession, 0x100000000n + zxid);
    CreateSessionTxn.write(writer, { timeOut: 30_000 });
  } else if (counter % 7 === 5) {
    header(OpCode.setData);
    SetDataTxn.write(writer, { path: '/zookeeper/quota', data, version: counter });
  } else if (counter % 7 === 6) {
    header(OpCode.delete);
    DeleteTxn.write(writer, { path: `/n${hexZxid(zxid - 2n)}` });
  } else {
    header(OpCode.create);
    const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
    CreateTxn.write(writer, { path, data, acl, ephemeral: false, parentCVersion: counter });
  }
  return { zxid, bytes: writer.copy() };
}

export function batchOf(txns: readonly HistoryTxn[]): LogBatch {
  const writer = new Writer();
  for (const { bytes } of txns) {
    writer.long(BigInt(adler32(1, bytes, 0, bytes.length)));
    writer.buffer(bytes);
    writer.byte(entryEnd);
  }
  const first = present(txns[0], 'a transaction');
  const last = present(txns.at(-1), 'a transaction');
  return { bytes: writer.copy(), firstZxid: first.zxid, lastZxid: last.zxid, count: txns.length };
}

/** Everything a database holds, in one comparable value: the last zxid and 64 bits that stand for the rest. */
export function stateText(database: Database): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (const line of stateLines(database)) {
    for (let at = 0; at < line.length; at++) {
      const unit = line.charCodeAt(at);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b ^ unit ^ (a >>> 11), 0x85ebca6b);
    }
    b ^= a;
  }
  const sum = [a, b].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  return `zxid 0x${hexZxid(database.lastProcessedZxid)}, state ${sum}`;
}

function stateLines(database: Database): string[] {
  const { tree } = database;
  const lines: string[] = [];
  const stat = new Writer();
  for (let slot = 0; slot < tree.slotLimit; slot++) {
    if (!tree.isLive(slot)) continue;
    stat.clear();
    tree.writeStat(slot, stat);
    const data = tree.dataOf(slot);
    const sum = data === null ? 'null' : `${data.length}:${adler32(1, data, 0, data.length)}`;
    const acl = tree.acl(slot).map(({ perms, id }) => `${perms}:${id.scheme}:${id.id}`);
    lines.push(`${tree.pathOf(slot)} ${sum} ${hexOf(stat.bytes, stat.at)} ${acl.join()}`);
  }
  for (const [id, timeout] of database.sessions) lines.push(`session ${id} ${timeout}`);
  return lines.sort();
}

const hexDigits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hexOf(bytes: Uint8Array, length: number): string {
  let text = '';
  for (let at = 0; at < length; at++) text += hexDigits[bytes[at] as number];
  return text;
}
