// Random damage to storage files, from a seed: recovery ends, throws nothing but a named refusal, allocates within
// bounds, and gives back either a state that some beginning of the history had, or a refusal. QUOLL_FUZZ_CASES sets
// how many. Structured too: bytes that carry right checksums around senseless contents, which no single check can
// stop.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../src/core/tree/apply.ts';
import { SnapshotSink } from '../../src/core/tree/snapshot-body.ts';
import { Writer } from '../../src/jute/writer.ts';
import { FileHeader } from '../../src/proto/file.ts';
import { CorruptionError } from '../../src/storage/corruption-error.ts';
import { logFiles } from '../../src/storage/file-names.ts';
import { LogReader } from '../../src/storage/log-reader.ts';
import { encodeLogHeader } from '../../src/storage/log-segment.ts';
import type { Recovered } from '../../src/storage/recovery.ts';
import { readSnapshot, verifySnapshot } from '../../src/storage/snapshot-reader.ts';
import { concatBytes, copyBytes } from '../../src/util/bytes.ts';
import { adler32 } from '../../src/util/checksums.ts';
import { Prng } from '../../src/util/prng.ts';
import type { World } from '../storage/support/world.ts';
import {
  bareDatabase,
  codec,
  createTxn,
  directory,
  entry,
  fixture,
  javaWorld,
  lengthMax,
  makeWorld,
  recoverAll,
  stateOf,
} from '../storage/support/world.ts';

const cases = Number(process.env.QUOLL_FUZZ_CASES ?? 600);
const seed = Number(process.env.QUOLL_SEED ?? 1);

/** Runs `one` for each case; a failure names its seed. */
function fuzz(name: string, share: number, one: (chance: Prng) => void): void {
  test(`${name}`, () => {
    const count = Math.max(1, Math.floor(cases * share));
    for (let i = 0; i < count; i++) {
      const caseSeed = seed * 1_000_003 + i;
      try {
        one(new Prng(caseSeed));
      } catch (error) {
        throw new Error(`seed ${caseSeed}: ${String(error)}`, { cause: error });
      }
    }
  });
}

function damaged(bytes: Uint8Array, chance: Prng): Uint8Array {
  let result = copyBytes(bytes);
  for (let n = 1 + chance.below(3); n > 0; n--) {
    const at = chance.below(result.length + 1);
    const length = chance.pick([1, 1, 4, 8, 100, 512, 4096]);
    switch (chance.below(7)) {
      case 0:
        if (at < result.length) result[at] = chance.below(256);
        break;
      case 1:
        result.fill(0, at, at + length);
        break;
      case 2:
        result.set(chance.bytes(Math.min(length, result.length - at)), at);
        break;
      case 3:
        result = copyBytes(result, 0, at);
        break;
      case 4:
        result = concatBytes([result.subarray(0, at), result.subarray(at + length)]);
        break;
      case 5:
        result = concatBytes([result.subarray(0, at), chance.bytes(length), result.subarray(at)]);
        break;
      default: {
        const to = chance.below(result.length + 1);
        result.copyWithin(to, at, Math.min(at + length, result.length));
      }
    }
    if (result.length === 0) break;
  }
  return result;
}

/** undefined: refused, by name. */
function attempt(world: World): Recovered | undefined {
  try {
    return recoverAll(world);
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

const names = ['snapshot.d0', 'snapshot.e6', 'snapshot.119.gz', 'log.d2', 'log.e8', 'log.ff'];
const java = javaWorld((name) => names.includes(name));

/** The state at each zxid a damaged directory may be recovered to, from the whole undamaged history. */
const states = new Map<bigint, string>();
{
  const logs = javaWorld((name) => name.startsWith('log.')).files;
  const database = bareDatabase().ensureSystemNodes();
  for (const { name } of logFiles(logs.list(directory))) {
    const reader = new LogReader(logs.open(`${directory}/${name}`, 'read'), lengthMax);
    while (reader.next()) {
      applyTxn(database, reader.bytes, reader.start, reader.end);
      if (reader.zxid >= 0xd0n) states.set(reader.zxid, stateOf(database));
    }
  }
}

fuzz('a directory with damage anywhere', 1, (chance) => {
  const world = makeWorld();
  const victim = chance.pick(names);
  for (const name of names) {
    if (chance.chance(0.1)) continue;
    const bytes = java.files.contents(`${directory}/${name}`) ?? new Uint8Array();
    world.files.put(`${directory}/${name}`, name === victim ? damaged(bytes, chance) : bytes);
  }
  const recovered = attempt(world);
  if (recovered === undefined) return;
  const wanted = states.get(recovered.lastZxid);
  assert.ok(wanted !== undefined, `recovered 0x${recovered.lastZxid.toString(16)}`);
  assert.equal(stateOf(recovered.database), wanted);
});

const snapshots = ['snapshot.e6', 'snapshot.119.gz', 'snapshot.119.snappy'].map((name) => ({
  name,
  bytes: fixture(`java-3.8.0/${name}`),
}));

fuzz('a damaged snapshot is refused, or read and verified', 1, (chance) => {
  const { name, bytes } = chance.pick(snapshots);
  const world = makeWorld();
  const path = `${directory}/${name}`;
  world.files.put(path, damaged(bytes, chance));
  const compression = name.endsWith('gz') ? 'gz' : name.endsWith('snappy') ? 'snappy' : 'none';
  const location = { files: world.files, codec, path, compression } as const;
  const outcome = (steps: Generator<number, unknown>): boolean => {
    try {
      while (steps.next().done !== true) {
        // To its end.
      }
      return true;
    } catch (error) {
      if (error instanceof CorruptionError) return false;
      throw error;
    }
  };
  const isRead = outcome(readSnapshot(location, new SnapshotSink(bareDatabase(), lengthMax)));
  const isVerified = outcome(verifySnapshot(location));
  assert.ok(isVerified || !isRead);
});

fuzz('a snapshot with right seals around a damaged body', 1, (chance) => {
  const whole = fixture('java-3.8.0/snapshot.e6');
  const body = damaged(copyBytes(whole, 16, whole.length - 46), chance);
  const writer = new Writer();
  FileHeader.write(writer, { magic: 0x5a4b534e, version: 2, dbid: -1n });
  writer.raw(body);
  writer.long(BigInt(adler32(1, writer.bytes, 0, writer.at)));
  writer.ustring('/');
  const world = makeWorld();
  const path = `${directory}/snapshot.e6`;
  world.files.put(path, writer.copy());
  const location = { files: world.files, codec, path, compression: 'none' } as const;
  try {
    const steps = readSnapshot(location, new SnapshotSink(bareDatabase(), lengthMax));
    while (steps.next().done !== true) {
      // To its end.
    }
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
  }
});

fuzz('a log with right checksums around damaged transactions', 1, (chance) => {
  const log = java.files.contents(`${directory}/log.e8`) ?? new Uint8Array();
  const view = new DataView(log.buffer);
  const parts = [encodeLogHeader()];
  for (let at = 16; at + 12 < log.length; ) {
    const length = view.getInt32(at + 8);
    if (length === 0) break;
    const txn = copyBytes(log, at + 12, at + 12 + length);
    parts.push(entry(chance.chance(0.1) ? withHeader(damaged(txn, chance), txn) : txn));
    at += 12 + length + 1;
  }
  const world = makeWorld();
  world.files.put(`${directory}/snapshot.e6`, fixture('java-3.8.0/snapshot.e6'));
  world.files.put(`${directory}/log.e8`, concatBytes(parts));
  attempt(world);
});

/** Keeps the zxid in its place, so that the damage lies in what the transaction says. */
function withHeader(bytes: Uint8Array, original: Uint8Array): Uint8Array {
  const result = bytes.length < 32 ? copyBytes(original) : copyBytes(bytes);
  result.set(original.subarray(12, 20), 12);
  return result;
}

fuzz('noise as a log and as a snapshot', 0.5, (chance) => {
  const world = makeWorld();
  const noise = chance.bytes(chance.below(3000));
  if (noise.length > 16 && chance.chance(0.5)) noise.set(encodeLogHeader());
  world.files.put(`${directory}/snapshot.0`, fixture('java-3.8.0/snapshot.0'));
  world.files.put(`${directory}/log.1`, noise);
  world.files.put(`${directory}/snapshot.5`, chance.bytes(chance.below(3000)));
  world.files.put(`${directory}/snapshot.6.gz`, chance.bytes(chance.below(3000)));
  world.files.put(`${directory}/snapshot.7.snappy`, chance.bytes(chance.below(3000)));
  attempt(world);
});

test('an entry of every length around the limit', () => {
  for (const length of [lengthMax - 1, lengthMax, lengthMax + 1]) {
    const head = createTxn(1n, new Uint8Array(0)).length;
    const txn = createTxn(1n, new Uint8Array(length - head));
    const world = makeWorld();
    world.files.put(`${directory}/snapshot.0`, fixture('java-3.8.0/snapshot.0'));
    world.files.put(`${directory}/log.1`, concatBytes([encodeLogHeader(), entry(txn)]));
    assert.equal(attempt(world)?.lastZxid, length > lengthMax ? undefined : 1n, `${length}`);
  }
});
