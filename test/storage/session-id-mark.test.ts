// Session ids begin beyond those of every former life, whatever the wall clock says; a file that is damaged or cannot
// be written leaves the decision to the clock. On the simulated disk, with power losses: an id that was given out must
// not come back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import { sessionIdMarkName, takeSessionIds } from '../../src/storage/session-id-mark.ts';
import { Prng } from '../../src/util/prng.ts';
import type { World } from './support/world.ts';
import { directory, makeWorld } from './support/world.ts';

const noon = 1_700_000_000_000;
const hourMs = 3_600_000;
const take = ({ files, log }: World, wallTime: number) =>
  takeSessionIds(files, log, directory, wallTime);

test('a new directory begins at the wall clock', () => {
  assert.equal(take(makeWorld(), noon), noon);
});

test('a clock that went back, and a quick restart, begin behind what was taken', () => {
  const world = makeWorld();
  take(world, noon);
  assert.equal(take(world, noon - 10 * hourMs), noon + hourMs);
  assert.equal(take(world, noon + 5), noon + 2 * hourMs);
  assert.equal(take(world, noon + 10 * hourMs), noon + 10 * hourMs);
});

test('what was taken is on disk before the first id is given', () => {
  const world = makeWorld();
  take(world, noon);
  for (let seed = 0; seed < 20; seed++) {
    const after = makeWorld(world.files.afterPowerLoss(new Prng(seed)));
    assert.equal(take(after, 0), noon + hourMs);
  }
});

test('a file that holds no time is passed over', () => {
  for (const text of [
    '',
    '\n',
    '12',
    'x\n',
    '-5\n',
    '1700003600001\n',
    '1800000000000 00000000\n',
  ]) {
    const world = makeWorld();
    world.files.put(`${directory}/${sessionIdMarkName}`, encodeUtf8(text));
    assert.equal(take(world, noon), noon, JSON.stringify(text));
  }
});

test('a disk that fails is told and no hindrance', () => {
  const world = makeWorld();
  take(world, noon);
  world.files.fault = () => 'ENOSPC';
  assert.equal(take(world, noon), noon + hourMs);
  assert.match(world.log.lines.join(), /session ids begin at the wall clock/);
});
