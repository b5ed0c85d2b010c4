// A small life of a server's storage on the simulated disk: boot, write, roll, snapshot, purge, close. It runs until it
// ends, fails or loses power, and knows what was acknowledged. What recovery must then find follows from that.
// Transactions are a function of their zxid, so the state at any zxid can be made again and compared.

import assert from 'node:assert/strict';
import { applyTxn } from '../../../src/core/tree/apply.ts';
import type { Database } from '../../../src/core/tree/database.ts';
import { SnapshotSource } from '../../../src/core/tree/snapshot-body.ts';
import { FileError } from '../../../src/ports.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { DiskCrash } from '../../../src/sim/memory-files.ts';
import type { Compression } from '../../../src/storage/file-names.ts';
import { purge } from '../../../src/storage/purge.ts';
import { SnapshotWriter } from '../../../src/storage/snapshot-writer.ts';
import type { World } from './world.ts';
import {
  bareDatabase,
  batchFrom,
  codec,
  createTxn,
  directory,
  openLog,
  range,
  recoverAll,
  stateOf,
} from './world.ts';

export interface Life {
  /** Highest zxid reported durable. */
  acked: Zxid;
  /** Highest zxid ever handed to the log. */
  written: Zxid;
  outcome: 'ended' | 'crashed' | 'failed';
  error: unknown;
  snapshots: number;
}

export interface LifeOptions {
  readonly batches: number;
  readonly perBatch: number;
  readonly dataLength: number;
  readonly snapshotEvery: number;
  readonly compression: Compression;
}

const usual: LifeOptions = {
  batches: 24,
  perBatch: 3,
  dataLength: 40,
  snapshotEvery: 5,
  compression: 'none',
};

const data = (zxid: Zxid, length: number): Uint8Array =>
  new Uint8Array(length).fill(Number(zxid & 0xffn) | 1);

export function txnOf(zxid: Zxid, options: LifeOptions = usual): Uint8Array {
  return createTxn(zxid, data(zxid, options.dataLength));
}

const states = new Map<string, string>();

/** The state after zxids 1 … `last`, by applying them to an empty tree. */
export function expectedState(last: Zxid, options: LifeOptions = usual): string {
  const key = `${last}/${options.dataLength}`;
  let state = states.get(key);
  if (state === undefined) {
    const database = bareDatabase().ensureSystemNodes();
    for (const zxid of range(1n, last)) apply(database, zxid, options);
    state = stateOf(database);
    states.set(key, state);
  }
  return state;
}

function apply(database: Database, zxid: Zxid, options: LifeOptions): void {
  const txn = txnOf(zxid, options);
  applyTxn(database, txn, 0, txn.length);
}

/** `acked`, `written`: of the lives before this one on the same disk. */
export function live(
  world: World,
  chosen: Partial<LifeOptions> = {},
  acked: Zxid = 0n,
  written: Zxid = acked,
): Life {
  const options = { ...usual, ...chosen };
  const life: Life = { acked, written, outcome: 'ended', error: undefined, snapshots: 0 };
  try {
    const { database, lastZxid } = recoverAll(world);
    checkRecovered(life, database, lastZxid, options);
    run(world, options, life, database);
  } catch (error) {
    if (!(error instanceof DiskCrash) && !(error instanceof FileError)) throw error;
    life.outcome = error instanceof DiskCrash ? 'crashed' : 'failed';
    life.error = error;
  }
  return life;
}

/** Nothing acknowledged is lost, nothing that was never written is there, and the state is that of its zxid. */
export function checkRecovered(
  life: Life,
  database: Database,
  lastZxid: Zxid,
  options: LifeOptions = usual,
): void {
  assert.ok(lastZxid >= life.acked, `recovered up to ${lastZxid}, acknowledged ${life.acked}`);
  assert.ok(lastZxid <= life.written, `recovered ${lastZxid}, only ${life.written} was written`);
  assert.equal(database.lastProcessedZxid, lastZxid);
  assert.equal(stateOf(database), expectedState(lastZxid, options));
}

function run(world: World, options: LifeOptions, life: Life, database: Database): void {
  const start = database.lastProcessedZxid;
  const log = openLog(world, { lastZxid: start, preAllocSizeKb: 4 });
  let snapshot: SnapshotWriter | undefined;
  let failure: FileError | undefined;
  let closed = false;
  life.acked = start;
  life.written = start;
  const takeSnapshot = (): void => {
    if (snapshot !== undefined) return;
    log.roll();
    const form = { compression: options.compression, digestEnabled: true };
    const image = new SnapshotSource(database);
    const ports = { ...world, codec };
    snapshot = new SnapshotWriter(ports, directory, image, form, (result) => {
      snapshot = undefined;
      if (result.kind === 'failed') failure ??= result.error;
      else if (result.kind === 'written') life.snapshots++;
      if (life.snapshots % 4 === 3) {
        const steps = purge(
          { ...world, codec },
          { snapshots: directory, logs: directory, retain: 3 },
        );
        while (steps.next().done !== true) {
          // To its end.
        }
      }
    });
  };
  for (let i = 0; i < options.batches; i++) {
    // Now and then several wait for one sync.
    const isLast = i === options.batches - 1;
    const zxids = range(life.written + 1n, life.written + BigInt(options.perBatch));
    life.written = zxids.at(-1) ?? life.written;
    log.append(
      batchFrom(zxids, (zxid) => txnOf(zxid, options)),
      (error) => {
        if (error !== undefined) {
          failure ??= error;
          return;
        }
        for (const zxid of zxids) apply(database, zxid, options);
        life.acked = zxids.at(-1) ?? life.acked;
        if (i % options.snapshotEvery === options.snapshotEvery - 1) takeSnapshot();
      },
    );
    if (i % 3 !== 1 || isLast) world.clock.run(() => failure !== undefined);
    if (failure !== undefined) throw failure;
  }
  log.close(() => {
    closed = true;
  });
  world.clock.run();
  if (failure !== undefined) throw failure;
  assert.ok(closed);
}
