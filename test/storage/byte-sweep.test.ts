// Every byte of a small directory changed, one at a time: recovery gives the whole state or names the damage.
// Nothing is lost in silence, nothing hangs. On our own files without a durable mark, so with no more evidence than
// Java leaves; a share of the bytes of a Java directory too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTxn } from '../../src/core/tree/apply.ts';
import { SnapshotSource } from '../../src/core/tree/snapshot-body.ts';
import { CorruptionError } from '../../src/storage/corruption-error.ts';
import type { Compression } from '../../src/storage/file-names.ts';
import { snapshotName } from '../../src/storage/file-names.ts';
import { writeSnapshotNow } from '../../src/storage/write-snapshot-now.ts';
import { copyBytes } from '../../src/util/bytes.ts';
import { Prng } from '../../src/util/prng.ts';
import type { World } from './support/world.ts';
import {
  bareDatabase,
  codec,
  createTxn,
  directory,
  javaWorld,
  logFile,
  makeWorld,
  range,
  recoverAll,
  stateOf,
} from './support/world.ts';

const isOnDemand = process.env.QUOLL_FUZZ_CASES !== undefined;

const masks = [0x01, 0x80, 0xff, 'zero', 'delete', 'insert'] as const;
type Mask = (typeof masks)[number];

function mutated(bytes: Uint8Array, at: number, mask: Mask): Uint8Array | undefined {
  if (mask === 'delete' || mask === 'insert') {
    const shift = mask === 'delete' ? -1 : 1;
    const result = new Uint8Array(bytes.length);
    result.set(bytes.subarray(0, at));
    if (shift < 0) result.set(bytes.subarray(at + 1), at);
    else result.set(bytes.subarray(at, bytes.length - 1), at + 1);
    return result;
  }
  const result = copyBytes(bytes);
  result[at] = mask === 'zero' ? 0 : (result[at] as number) ^ mask;
  return result[at] === bytes[at] ? undefined : result;
}

interface Sweep {
  readonly refused: number;
  readonly whole: number;
}

/** Changes `path` at each of `offsets`; the outcome must be `state` or a refusal that names a file. */
function sweep(
  world: World,
  path: string,
  offsets: Iterable<number>,
  state: string,
  isExcused: (at: number, mask: Mask) => boolean = () => false,
): Sweep {
  const original = world.files.contents(path);
  assert.ok(original !== undefined);
  const names = world.files.list(directory);
  let refused = 0;
  let whole = 0;
  for (const at of offsets) {
    for (const mask of masks) {
      const bytes = mutated(original, at, mask);
      if (bytes === undefined || isExcused(at, mask)) continue;
      const disk = makeWorld();
      for (const name of names) {
        const file = `${directory}/${name}`;
        disk.files.put(file, file === path ? bytes : (world.files.contents(file) ?? bytes));
      }
      try {
        const { database } = recoverAll(disk);
        assert.equal(stateOf(database), state, `byte ${at} of ${path}, ${mask}`);
        whole++;
      } catch (error) {
        if (!(error instanceof CorruptionError)) {
          throw new Error(`byte ${at} of ${path}, ${mask}: ${String(error)}`, { cause: error });
        }
        assert.ok(error.file.startsWith(directory));
        assert.ok(error.offset >= 0);
        refused++;
      }
    }
  }
  return { refused, whole };
}

function ourWorld(compression: Compression): { world: World; state: string } {
  const world = makeWorld();
  const database = bareDatabase().ensureSystemNodes();
  const apply = (zxid: bigint): void => {
    const txn = createTxn(zxid);
    applyTxn(database, txn, 0, txn.length);
  };
  const write = (): void => {
    const image = new SnapshotSource(database);
    const form = { compression, digestEnabled: true };
    const steps = writeSnapshotNow(world.files, codec, directory, image, form);
    while (steps.next().done !== true) {
      // To its end.
    }
  };
  write();
  for (const zxid of range(1n, 4n)) apply(zxid);
  write();
  for (const zxid of range(5n, 9n)) apply(zxid);
  world.files.put(`${directory}/log.1`, logFile(range(1n, 4n), 1024));
  world.files.put(`${directory}/log.5`, logFile(range(5n, 7n), 2048));
  world.files.put(`${directory}/log.8`, logFile(range(8n, 9n), 1024));
  return { world, state: stateOf(database) };
}

const used = (count: number): number => logFile(range(1n, BigInt(count))).length;

test('our logs: the one before the snapshot, the middle one, the last', () => {
  const { world, state } = ourWorld('none');
  const before = sweep(world, `${directory}/log.1`, range0(used(4), 7), state);
  assert.equal(before.refused, 0, 'below the snapshot nothing matters');
  const middle = sweep(world, `${directory}/log.5`, range0(used(3)), state);
  assert.ok(middle.refused > 5 * middle.whole, JSON.stringify(middle));
  const last = sweep(world, `${directory}/log.8`, range0(used(2)), state);
  assert.ok(last.refused > 5 * last.whole, JSON.stringify(last));
});

for (const compression of ['none', 'gz', 'snappy'] as const) {
  test(`our newest snapshot, ${compression}: an older one and its logs give the same state`, () => {
    const { world, state } = ourWorld(compression);
    const name = snapshotName(4n, compression);
    const length = world.files.status(`${directory}/${name}`)?.length ?? 0;
    const offsets = range0(length, compression === 'none' ? 2 : 5);
    const { refused, whole } = sweep(world, `${directory}/${name}`, offsets, state);
    assert.equal(refused, 0);
    assert.ok(whole > length / 2);
  });
}

test('our oldest snapshot alone with all logs: rebuilt from them', () => {
  const { world, state } = ourWorld('none');
  world.files.remove(`${directory}/snapshot.4`);
  const { refused } = sweep(world, `${directory}/snapshot.0`, range0(457, 5), state);
  assert.equal(refused, 0);
});

test('a share of the bytes of a Java directory', () => {
  const chance = new Prng(Number(process.env.QUOLL_SEED ?? 5));
  const kept = new Set(['snapshot.e6', 'snapshot.d0', 'log.d2', 'log.e8', 'log.ff']);
  const java = javaWorld((name) => kept.has(name));
  const state = stateOf(recoverAll(java).database);
  for (const name of kept) {
    const path = `${directory}/${name}`;
    const length = lastByte(java.files.contents(path) ?? new Uint8Array()) + 12;
    const offsets = Array.from({ length: isOnDemand ? 2000 : 40 }, () => chance.below(length));
    sweep(java, path, offsets, state);
  }
});

function lastByte(bytes: Uint8Array): number {
  let at = bytes.length;
  while (at > 0 && bytes[at - 1] === 0) at--;
  return at;
}

/** All offsets, or every `stride`th where the files are swept at length only on demand. */
function* range0(end: number, stride = 1): Generator<number> {
  for (let at = 0; at < end; at += isOnDemand ? 1 : stride) yield at;
}
