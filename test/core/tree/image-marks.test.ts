// Marks of one image are not those of another, also when the numbers of images begin again while some are taken.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImageMarks } from '../../../src/core/tree/image-marks.ts';
import { Flag, generationMask, NodeRows, noSlot, Word } from '../../../src/core/tree/node-rows.ts';

function threeNodes() {
  const rows = new NodeRows();
  const marks = new ImageMarks(rows);
  const slots = [rows.take(), rows.take(), rows.take()];
  for (const slot of slots) {
    rows.setWord(slot, Word.flags, Flag.live | Flag.nullData | marks.mark);
    rows.setWord(slot, Word.parent, noSlot);
  }
  const [first = 0, second = 0, third = 0] = slots;
  return { rows, marks, slots, first, second, third };
}

test('an image has nothing at its beginning, whichever image it is', () => {
  const { rows, marks, slots, first, second, third } = threeNodes();
  const captured: number[] = [];
  const image = { walked: 0, capture: (slot: number) => captured.push(slot) };
  for (let round = 0; round <= generationMask + 5; round++) {
    marks.begin(image);
    // The third has the mark it was made with, the oldest there is.
    for (const slot of slots) {
      if (!marks.wants(image, slot)) assert.fail(`${slot} marked in image ${round}`);
    }
    marks.beforeChange(first);
    marks.beforeChange(first);
    if (round % 1000 === 0) marks.beforeChange(second);
    marks.end(image);
    marks.beforeChange(third);
    if (captured.length === 0 || captured.length > 2) assert.fail(`captured ${captured}`);
    captured.length = 0;
  }
  for (const slot of slots) {
    assert.equal(rows.word(slot, Word.flags) & 0xff, Flag.live | Flag.nullData);
  }
});

test('the numbers begin again while images are taken: each has what it had', () => {
  const { rows, marks, first, second, third } = threeNodes();
  const image = () => ({ walked: 0, capture: () => undefined });
  const brief = image();
  for (let round = 0; round < generationMask - 4; round++) {
    marks.begin(brief);
    marks.end(brief);
  }
  const older = image();
  const newer = image();
  marks.begin(older);
  marks.beforeChange(first);
  marks.begin(newer);
  marks.beforeChange(second);
  const has = () =>
    [older, newer].map((one) => [first, second, third].map((slot) => !marks.wants(one, slot)));
  const expected = [
    [true, true, false],
    [false, true, false],
  ];
  assert.deepEqual(has(), expected);
  for (let round = 0; round < 8; round++) {
    marks.begin(brief);
    assert.deepEqual(
      [first, second, third].map((slot) => marks.wants(brief, slot)),
      [true, true, true],
    );
    marks.end(brief);
    assert.deepEqual(has(), expected);
  }
  assert.ok(rows.word(third, Word.flags) >>> 8 < 4);
});
