// A History on a simulated disk, used as a role would: transactions are appended, and applied when they are durable.
// A history is known by its transactions' zxids and data, so that what is found later can be told from any other.
// Time is virtual; a failure that ends the process is thrown as Exited.

import assert from 'node:assert/strict';
import { applyTxn } from '../../src/core/tree/apply.ts';
import type { Database } from '../../src/core/tree/database.ts';
import { SnapshotSource } from '../../src/core/tree/snapshot-body.ts';
import { Writer } from '../../src/jute/writer.ts';
import type { Exit, Random } from '../../src/ports.ts';
import type { Zxid } from '../../src/proto/zxid.ts';
import { readConfig } from '../../src/server/config.ts';
import type { HistoryOptions } from '../../src/server/history.ts';
import { History } from '../../src/server/history.ts';
import { ServerMetrics } from '../../src/server/metrics.ts';
import { Prng } from '../../src/util/prng.ts';
import type { World } from '../storage/support/world.ts';
import {
  bareDatabase,
  batchFrom,
  codec,
  createTxn,
  directories,
  stateOf,
} from '../storage/support/world.ts';

export class Exited extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(reason);
    this.code = code;
  }
}

export function randomOf(prng: Prng): Random {
  return {
    next: () => prng.fraction(),
    below: (below) => prng.below(below),
    bytes: (length) => new Uint8Array(length).map(() => prng.below(256)),
  };
}

export interface HistorySettings extends Partial<HistoryOptions> {
  /** More lines of zoo.cfg. */
  readonly lines?: string;
}

const exit: Exit = (code, reason) => {
  throw new Exited(code, reason);
};

export function makeHistory(
  world: World,
  { lines = '', ...options }: HistorySettings = {},
): History {
  const text = `dataDir=/data\nclientPort=2181\npreAllocSize=4\n${lines}\n`;
  const { config } = readConfig({ text });
  const { clock, files, log } = world;
  return new History(
    { clock, files, log, codec, exit, random: randomOf(new Prng(1)) },
    {
      ...{ config, directories, acceptDataLoss: undefined, metrics: new ServerMetrics() },
      sessionSeen: () => undefined,
      ensemble: { commitLogCount: 500 },
      ...options,
    },
  );
}

/** Calls, and runs the world until it is done. */
export function run<Result>(world: World, begin: (done: (result: Result) => void) => void): Result {
  const results: Result[] = [];
  begin((result) => results.push(result));
  assert.equal(results.length, 0, 'not inside the call');
  world.clock.run(() => results.length > 0);
  assert.equal(results.length, 1, 'it came to an end');
  return results[0] as Result;
}

export function open(world: World, settings: HistorySettings = {}): History {
  const history = makeHistory(world, settings);
  const error = run<unknown>(world, (done) => history.open(done));
  if (error !== undefined) throw error;
  return history;
}

/** The transaction of a zxid in the history named `mark`. */
export function txnOf(zxid: Zxid, mark = 1): Uint8Array {
  return createTxn(zxid, new Uint8Array(20).fill(mark));
}

/** Appends one batch; when it is durable, applies it. */
export function append(world: World, history: History, zxids: readonly Zxid[], mark = 1): void {
  const batch = batchFrom([...zxids], (zxid) => txnOf(zxid, mark));
  run<void>(world, (done) => history.append(batch, () => done()));
  for (const zxid of zxids) {
    const txn = txnOf(zxid, mark);
    applyTxn(history.database, txn, 0, txn.length);
    history.committedLog.add(history.committedLog.copy(zxid, txn, 0, txn.length));
    history.applied(1, txn.length);
  }
}

/** The state behind these transactions. */
export function databaseOf(txns: readonly (readonly [zxid: Zxid, mark: number])[]): Database {
  const database = bareDatabase().ensureSystemNodes();
  for (const [zxid, mark] of txns) {
    const txn = txnOf(zxid, mark);
    applyTxn(database, txn, 0, txn.length);
  }
  return database;
}

export function stateOfTxns(txns: readonly (readonly [zxid: Zxid, mark: number])[]): string {
  return stateOf(databaseOf(txns));
}

/** Hands a leader's state in, in pieces, as a SNAP brings it. */
export function receive(history: History, database: Database, pieceLength = 100): Zxid {
  const source = new SnapshotSource(database);
  const out = new Writer();
  while (source.next(out, 1000));
  source.close();
  const intake = history.beginIntake(source.zxid);
  const bytes = out.written();
  for (let at = 0; at < bytes.length; at += pieceLength) {
    intake.push(bytes.subarray(at, Math.min(bytes.length, at + pieceLength)));
  }
  assert.ok(intake.complete);
  return source.zxid;
}
