// The Random port: chance for schedules and back-off from V8's generator, which is fast and guessable; bytes that
// must not be guessed from the operating system. Invariant: nothing secret comes from `next` or `below`.
// The simulator has its own implementation that repeats itself from a seed; this one never does.
import { randomFillSync } from 'node:crypto';
import type { Random } from '../ports.ts';

export const nodeRandom: Random = {
  next: () => Math.random(),
  below: (below) => Math.floor(Math.random() * below),
  bytes: (length) => randomFillSync(new Uint8Array(length)),
};
