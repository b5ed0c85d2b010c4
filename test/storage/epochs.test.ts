// The epoch files: what is read, mended, refused, and what a crash leaves.
// The table says for each set of facts what the epochs are, or which words the refusal has.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import type { FileError } from '../../src/ports.ts';
import { makeZxid } from '../../src/proto/zxid.ts';
import { DiskCrash } from '../../src/sim/memory-files.ts';
import type { EpochFacts } from '../../src/storage/epochs.ts';
import {
  EpochError,
  loadEpochs,
  readEpoch,
  saveEpoch,
  saveEpochNow,
  settleEpochs,
} from '../../src/storage/epochs.ts';
import { Prng } from '../../src/util/prng.ts';
import type { World } from './support/world.ts';
import { awaited, directory, makeWorld } from './support/world.ts';

type Row = readonly [
  name: string,
  facts: Partial<EpochFacts>,
  outcome: readonly [acceptedEpoch: number, currentEpoch: number] | RegExp,
];

const rows: readonly Row[] = [
  ['a healthy server', { acceptedEpoch: 3, currentEpoch: 3, lastZxid: makeZxid(3, 7) }, [3, 3]],
  ['promised, not synchronized', { acceptedEpoch: 4, currentEpoch: 3 }, [4, 3]],
  ['a new server', { acceptedEpoch: undefined, currentEpoch: undefined, lastZxid: 0n }, [0, 0]],
  [
    'an empty database that is not trusted',
    { acceptedEpoch: undefined, currentEpoch: undefined, lastZxid: -1n },
    [-1, -1],
  ],
  [
    'files of before 3.4',
    { acceptedEpoch: undefined, currentEpoch: undefined, lastZxid: makeZxid(6, 2) },
    [6, 6],
  ],
  ['no acceptedEpoch, a later currentEpoch', { acceptedEpoch: undefined, currentEpoch: 5 }, [5, 5]],
  // EP5; ZOOKEEPER-1653 and 2354: Java never starts again.
  [
    'a crash between history and currentEpoch',
    { acceptedEpoch: 8, currentEpoch: 7, lastZxid: makeZxid(8, 1) },
    [8, 8],
  ],
  [
    'a crash while the history of several epochs came',
    { acceptedEpoch: 9, currentEpoch: 5, lastZxid: makeZxid(7, 2) },
    [9, 7],
  ],
  [
    'the same, with a hole',
    { acceptedEpoch: 8, currentEpoch: 7, lastZxid: makeZxid(8, 1), isContiguous: false },
    /has a hole/,
  ],
  [
    'a log of an epoch that was not accepted',
    { acceptedEpoch: 7, currentEpoch: 7, lastZxid: makeZxid(8, 1) },
    /currentEpoch 7 is older than the last zxid, 0x800000001, and so is acceptedEpoch 7/,
  ],
  [
    'Java: a rename that was lost behind an acknowledgement',
    { acceptedEpoch: 9, currentEpoch: 7, currentEpochTmp: 9, lastZxid: makeZxid(8, 1) },
    [9, 9],
  ],
  [
    'an old currentEpoch.tmp',
    { acceptedEpoch: 9, currentEpoch: 7, currentEpochTmp: 7, lastZxid: makeZxid(8, 1) },
    [9, 8],
  ],
  [
    'a currentEpoch.tmp that was never accepted',
    { acceptedEpoch: 8, currentEpoch: 7, currentEpochTmp: 9, lastZxid: makeZxid(8, 1) },
    [8, 8],
  ],
  ['a currentEpoch.tmp that is not needed', { acceptedEpoch: 4, currentEpochTmp: 4 }, [4, 3]],
  // ZOOKEEPER-2307, 4269
  ['acceptedEpoch behind currentEpoch', { acceptedEpoch: 2, currentEpoch: 3 }, [3, 3]],
];

for (const [name, facts, outcome] of rows) {
  test(`epochs of ${name}`, () => {
    const all: EpochFacts = {
      acceptedEpoch: 3,
      currentEpoch: 3,
      currentEpochTmp: undefined,
      lastZxid: makeZxid(3, 1),
      isContiguous: true,
      ...facts,
    };
    if (outcome instanceof RegExp) {
      assert.throws(() => settleEpochs(all), { name: 'EpochError', message: outcome });
      return;
    }
    const { acceptedEpoch, currentEpoch, repairs } = settleEpochs(all);
    assert.deepEqual([acceptedEpoch, currentEpoch], outcome);
    const isChanged = acceptedEpoch !== all.acceptedEpoch || currentEpoch !== all.currentEpoch;
    assert.equal(repairs.length > 0, isChanged, repairs.join('; '));
  });
}

const path = `${directory}/currentEpoch`;

function load(world: World, lastZxid: bigint): { accepted: number; current: number } {
  const epochs = loadEpochs(world.files, directory, lastZxid, true, () => undefined);
  return { accepted: epochs.acceptedEpoch, current: epochs.currentEpoch };
}

test('a number as Java reads it: the first line, and behind it what proves it', () => {
  const world = makeWorld();
  saveEpochNow(world.files, directory, 'currentEpoch', 42);
  assert.deepEqual(world.files.contents(path), encodeUtf8('+0000000042\n9e1561e2\n'));
  const error = awaited<FileError | undefined>(world, (done) =>
    saveEpoch(world.files, directory, 'currentEpoch', 43, done),
  );
  assert.equal(error, undefined);
  assert.equal(readEpoch(world.files, path), 43);
  assert.deepEqual(world.files.list(directory), ['currentEpoch']);
});

for (const [text, epoch] of [
  ['7', 7],
  ['-1', -1],
  ['7\n', 7],
  ['2147483647', 0x7fffffff],
  ['+7', undefined],
  ['07', undefined],
  ['7\r\n', 7],
  ['7\r\nrest', undefined],
  ['+0000000042\n9e1561e2\n', 42],
  ['+0000000043\n9e1561e2\n', undefined],
  ['+0000000042\n', undefined],
  ['+0000000042', undefined],
  ['', undefined],
  [' 7', undefined],
  ['7 ', undefined],
  ['-2', undefined],
  ['2147483648', undefined],
  ['0x7', undefined],
  ['\0', undefined],
] as const) {
  test(`an epoch file of ${JSON.stringify(text)}`, () => {
    const world = makeWorld();
    world.files.put(path, encodeUtf8(text));
    if (epoch !== undefined) assert.equal(readEpoch(world.files, path), epoch);
    else assert.throws(() => readEpoch(world.files, path), EpochError);
  });
}

test('a currentEpoch.tmp that was cut short is not in the way', () => {
  const world = makeWorld();
  saveEpochNow(world.files, directory, 'acceptedEpoch', 2);
  saveEpochNow(world.files, directory, 'currentEpoch', 2);
  world.files.put(`${directory}/currentEpoch.tmp`, new Uint8Array(0));
  assert.deepEqual(load(world, makeZxid(2, 1)), { accepted: 2, current: 2 });
});

test('row 27 (ZOOKEEPER-2307, 4269): power loss at every call of a term: no promise is taken back', () => {
  for (let at = 1; ; at++) {
    const world = makeWorld();
    world.files.put(`${directory}/acceptedEpoch`, encodeUtf8('4'));
    world.files.put(path, encodeUtf8('4'));
    world.files.fault = ({ index }) => (index === at ? 'crash' : undefined);
    const saved = { acceptedEpoch: 4, currentEpoch: 4 };
    try {
      for (const name of ['acceptedEpoch', 'currentEpoch'] as const) {
        awaited(world, (done) => saveEpoch(world.files, directory, name, 5, done));
        saved[name] = 5;
      }
      return;
    } catch (error) {
      if (!(error instanceof DiskCrash)) throw error;
    }
    for (let seed = 0; seed < 8; seed++) {
      const next = makeWorld(world.files.afterPowerLoss(new Prng(at * 100 + seed)));
      const { accepted, current } = load(next, makeZxid(4, 9));
      assert.ok(accepted >= saved.acceptedEpoch && accepted <= 5, `call ${at}`);
      assert.ok(current >= saved.currentEpoch && current <= accepted, `call ${at}`);
    }
  }
});

for (const fault of ['EIO', 'ENOSPC'] as const) {
  test(`${fault} at every call of a save is reported, and the old number stands`, () => {
    for (let at = 1; ; at++) {
      const world = makeWorld();
      world.files.put(path, encodeUtf8('4'));
      world.files.fault = ({ index }) => (index === at ? fault : undefined);
      let reported: FileError | undefined;
      try {
        reported = awaited(world, (done) =>
          saveEpoch(world.files, directory, 'currentEpoch', 5, done),
        );
      } catch (error) {
        reported = error as FileError;
      }
      if (world.files.calls < at) return;
      assert.equal(reported?.code, fault, `call ${at}`);
      assert.ok([4, 5].includes(readEpoch(world.files, path) ?? 0));
    }
  });
}

test('repairs are written, acceptedEpoch first', () => {
  const world = makeWorld();
  saveEpochNow(world.files, directory, 'acceptedEpoch', 8);
  saveEpochNow(world.files, directory, 'currentEpoch', 7);
  const lines: string[] = [];
  loadEpochs(world.files, directory, makeZxid(8, 3), true, (what) => lines.push(what));
  assert.match(lines.join(), /currentEpoch 7 is older than the last zxid, 0x800000003 -> 8/);
  assert.equal(readEpoch(world.files, path), 8);
  assert.deepEqual(load(world, makeZxid(8, 3)), { accepted: 8, current: 8 });
});
