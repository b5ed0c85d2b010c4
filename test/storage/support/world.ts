// What the storage tests share: a simulated disk with a clock, a fresh database, entries and batches made by hand, the
// files Java wrote, and a state as one string that two databases can be compared by.
// Everything runs on virtual time: nothing here waits.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Database } from '../../../src/core/tree/database.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { nodeCodec } from '../../../src/node/node-codec.ts';
import type { Log } from '../../../src/ports.ts';
import { OpCode } from '../../../src/proto/opcodes.ts';
import { CreateSessionTxn, CreateTxn, TxnHeader } from '../../../src/proto/txn.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { MemoryFiles } from '../../../src/sim/memory-files.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { encodeLogHeader } from '../../../src/storage/log-segment.ts';
import type { Recovered, RecoveryOptions } from '../../../src/storage/recovery.ts';
import { recover } from '../../../src/storage/recovery.ts';
import type { LogBatch, TxnLogOptions } from '../../../src/storage/txn-log.ts';
import { TxnLog } from '../../../src/storage/txn-log.ts';
import { concatBytes, hexOf } from '../../../src/util/bytes.ts';
import { adler32 } from '../../../src/util/checksums.ts';

export const codec = nodeCodec;
export const directory = '/data/version-2';
export const directories = {
  snapshots: directory,
  logs: directory,
  initialize: '/data/initialize',
};
export const lengthMax = 2 * 1048575;

export class CollectedLog implements Log {
  readonly lines: string[] = [];

  log(level: string, message: string): void {
    this.lines.push(`${level} ${message}`);
  }
}

export interface World {
  readonly clock: VirtualClock;
  readonly files: MemoryFiles;
  readonly log: CollectedLog;
}

export function makeWorld(files?: MemoryFiles): World {
  const clock = new VirtualClock();
  const disk = files?.afterKill({ clock }) ?? new MemoryFiles({ clock });
  disk.makeDirectories(directory);
  disk.syncDirectoryNow('/');
  disk.syncDirectoryNow('/data');
  disk.calls = 0;
  return { clock, files: disk, log: new CollectedLog() };
}

export function bareDatabase(): Database {
  return new Database({
    digestEnabled: true,
    hashSeed: 7,
    extendedTypesEnabled: true,
    emulate353TTLNodes: false,
  });
}

export interface RecoverySettings extends Partial<RecoveryOptions> {
  readonly onStep?: () => void;
}

/** Runs recovery to its end. */
export function recoverAll(world: World, settings: RecoverySettings = {}): Recovered {
  const { onStep, ...options } = settings;
  const steps = recover(
    { ...world, codec },
    {
      directories,
      makeDatabase: bareDatabase,
      dbAutocreate: true,
      trustEmptySnapshot: false,
      acceptDataLoss: undefined,
      lengthMax,
      form: { compression: 'none', digestEnabled: true },
      sessionSeen: () => undefined,
      ...options,
    },
  );
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    onStep?.();
  }
}

/** A serialized txn that creates `/n<zxid>` with `data`; no digest. */
export function createTxn(zxid: Zxid, data: Uint8Array = new Uint8Array(3).fill(0x61)): Uint8Array {
  const writer = new Writer();
  const type = OpCode.create;
  TxnHeader.write(writer, { clientId: 0x1234n, cxid: 1, zxid, time: 1000n, type });
  CreateTxn.write(writer, {
    path: `/n${zxid.toString(16)}`,
    data,
    acl: [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }],
    ephemeral: false,
    parentCVersion: -1,
  });
  return writer.copy();
}

export function sessionTxn(zxid: Zxid, clientId: bigint): Uint8Array {
  const writer = new Writer();
  TxnHeader.write(writer, { clientId, cxid: 0, zxid, time: 1000n, type: OpCode.createSession });
  CreateSessionTxn.write(writer, { timeOut: 30000 });
  return writer.copy();
}

export function entry(txn: Uint8Array): Uint8Array {
  const writer = new Writer();
  writer.long(BigInt(adler32(1, txn, 0, txn.length)));
  writer.buffer(txn);
  writer.byte(0x42);
  return writer.copy();
}

export function batchOf(...zxids: Zxid[]): LogBatch {
  return batchFrom(zxids, (zxid) => createTxn(zxid));
}

export function batchFrom(zxids: Zxid[], txn: (zxid: Zxid) => Uint8Array): LogBatch {
  return {
    bytes: concatBytes(zxids.map((zxid) => entry(txn(zxid)))),
    firstZxid: zxids[0] ?? 0n,
    lastZxid: zxids.at(-1) ?? 0n,
    count: zxids.length,
  };
}

export function range(from: bigint, to: bigint): Zxid[] {
  const zxids: Zxid[] = [];
  for (let zxid = from; zxid <= to; zxid++) zxids.push(zxid);
  return zxids;
}

/** A log file of these txns, padded with zeros to `length`. */
export function logFile(zxids: readonly Zxid[], length = 0): Uint8Array {
  const bytes = concatBytes([encodeLogHeader(), ...zxids.map((zxid) => entry(createTxn(zxid)))]);
  const padded = new Uint8Array(Math.max(length, bytes.length));
  padded.set(bytes);
  return padded;
}

export function openLog(world: World, options: Partial<TxnLogOptions> = {}): TxnLog {
  return new TxnLog(world, {
    directory,
    preAllocSizeKb: 16,
    forceSync: true,
    txnLogSizeLimitKb: -1,
    fsyncWarningThresholdMs: 1000,
    lastZxid: 0n,
    ...options,
  });
}

/** Everything a database holds, in one comparable value. */
export function stateOf(database: Database): string {
  const nodes: string[] = [];
  const tree = database.tree;
  const stack = [tree.root];
  for (let slot = stack.pop(); slot !== undefined; slot = stack.pop()) {
    const data = tree.dataOf(slot);
    const stat = new Writer();
    tree.writeStat(slot, stat);
    const acl = JSON.stringify(tree.acl(slot));
    const text = data === null ? 'null' : hexOf(data);
    nodes.push(`${tree.pathOf(slot)} ${text} ${hexOf(stat.written())} ${acl}`);
    for (let child = tree.firstChild(slot); child >= 0; child = tree.nextSibling(child)) {
      stack.push(child);
    }
  }
  const sessions = [...database.sessions].map(([id, timeout]) => `${id}:${timeout}`).sort();
  return [`zxid ${database.lastProcessedZxid}`, ...sessions, ...nodes.sort()].join('\n');
}

/** From the sources and from dist-test/ alike. */
const up = import.meta.url.endsWith('.ts') ? '../../..' : '../../../..';
const fixtures = fileURLToPath(new URL(`${up}/test/fixtures/storage`, import.meta.url));

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(fixtures, name)));
}

export function fixtureNames(folder: string): string[] {
  return readdirSync(join(fixtures, folder)).sort();
}

/** A disk with some of Java's files. */
export function javaWorld(wanted: (name: string) => boolean = () => true): World {
  const world = makeWorld();
  for (const name of fixtureNames('java-3.8.0').filter(wanted)) {
    world.files.put(`${directory}/${name}`, fixture(`java-3.8.0/${name}`));
  }
  return world;
}

/** The result of a callback, after the clock ran. */
export function awaited<T>(world: World, start: (done: (value: T) => void) => void): T {
  const results: T[] = [];
  start((value) => results.push(value));
  assert.equal(results.length, 0, 'not called inside the call');
  world.clock.run(() => results.length > 0);
  assert.equal(results.length, 1, 'called');
  return results[0] as T;
}
