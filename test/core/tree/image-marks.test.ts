// Marks of one image are not those of another, also when the numbers of images begin again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImageMarks } from '../../../src/core/tree/image-marks.ts';
import { Flag, generationMask, NodeRows, Word } from '../../../src/core/tree/node-rows.ts';

test('an image has nothing at its beginning, whichever image it is', () => {
  const rows = new NodeRows();
  const marks = new ImageMarks(rows);
  const captured: number[] = [];
  const image = {
    capture(slot: number) {
      captured.push(slot);
      marks.add(slot);
    },
  };
  const slots = [rows.take(), rows.take(), rows.take()];
  for (const slot of slots) rows.setWord(slot, Word.flags, Flag.live | Flag.nullData | marks.mark);
  const [first = 0, second = 0, third = 0] = slots;
  for (let round = 0; round <= generationMask + 5; round++) {
    marks.begin(image);
    // The third has the mark it was made with, the oldest there is.
    for (const slot of slots) if (marks.has(slot)) assert.fail(`${slot} marked in image ${round}`);
    marks.beforeChange(first);
    marks.beforeChange(first);
    if (round % 1000 === 0) marks.beforeChange(second);
    marks.end();
    marks.beforeChange(third);
    if (captured.length === 0 || captured.length > 2) assert.fail(`captured ${captured}`);
    captured.length = 0;
  }
  for (const slot of slots) {
    assert.equal(rows.word(slot, Word.flags) & 0xff, Flag.live | Flag.nullData);
  }
});
