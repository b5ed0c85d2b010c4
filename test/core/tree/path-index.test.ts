// The index against a Map: random insertions and removals through several growths, with hashes that
// collide by force.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathIndex } from '../../../src/core/tree/path-index.ts';
import { Prng } from '../../../src/util/prng.ts';

const none = new Uint8Array(0);

/** Paths are numbers here: slot s has path `paths[s]`, and the index asks for the one in `wanted`. */
class Model {
  readonly index: PathIndex;
  readonly paths = new Map<number, number>();
  readonly slots = new Map<number, number>();
  readonly #hashOf: (path: number) => number;
  #wanted = 0;
  asked = 0;

  constructor(seed: number, hashOf: (path: number) => number) {
    this.index = new PathIndex(seed);
    this.#hashOf = hashOf;
  }

  matches(slot: number): boolean {
    this.asked++;
    return this.paths.get(slot) === this.#wanted;
  }

  find(path: number): number {
    this.#wanted = path;
    return this.index.find(this.#hashOf(path), none, 0, 0, this);
  }

  insert(path: number, slot: number): void {
    this.paths.set(slot, path);
    this.slots.set(path, slot);
    this.index.insert(this.#hashOf(path), slot);
  }

  remove(path: number): number {
    const slot = this.slots.get(path) as number;
    this.index.remove(this.#hashOf(path), slot);
    // As in the tree, what a free slot held is still there: the index must not ask about it.
    this.slots.delete(path);
    return slot;
  }
}

const mix = (path: number) => Math.imul(path ^ (path >>> 15), 0x2c1b3c6d);

function exercise(model: Model, rounds: number, peak: number, seed: number): void {
  const prng = new Prng(seed);
  const present: number[] = [];
  const freeSlots: number[] = [];
  let nextSlot = 0;
  let nextPath = 1;
  let growing = true;
  for (let round = 0; round < rounds; round++) {
    if (present.length >= peak) growing = false;
    else if (present.length < peak / 8) growing = true;
    if (prng.chance(growing ? 0.8 : 0.3)) {
      const path = nextPath++;
      assert.equal(model.find(path), -1);
      model.insert(path, freeSlots.pop() ?? nextSlot++);
      present.push(path);
    } else if (present.length > 0) {
      const at = prng.below(present.length);
      const path = present[at] as number;
      present[at] = present.at(-1) as number;
      present.pop();
      freeSlots.push(model.remove(path));
      assert.equal(model.find(path), -1);
    }
    if (present.length > 0) {
      const path = prng.pick(present);
      assert.equal(model.find(path), model.slots.get(path));
    }
    assert.equal(model.index.count, present.length);
  }
  for (const path of present) assert.equal(model.find(path), model.slots.get(path));
  for (const path of present) model.remove(path);
  for (const path of present) assert.equal(model.find(path), -1);
  assert.equal(model.index.count, 0);
}

test('good hashes, through several growths and back', () => {
  exercise(new Model(0x1234567, mix), 60_000, 12_000, 41);
});

test('a growth is never finished by one insertion, and everything is found in its middle', () => {
  const model = new Model(99, mix);
  for (let path = 1; path <= 5000; path++) {
    model.insert(path, path);
    if (path % 2 === 0) model.remove(path / 2);
    if (path % 7 === 0) {
      for (let other = 1; other <= path; other++) {
        assert.equal(model.find(other), model.slots.get(other) ?? -1);
        other += 30;
      }
    }
  }
});

test('few hashes for many paths: long runs, each kept whole when an entry leaves', () => {
  exercise(new Model(7, (path) => mix(path % 61)), 12_000, 900, 42);
});

test('one hash for all, and hashes of a few bits, at either end of the word', () => {
  exercise(new Model(3, () => 0), 3000, 300, 43);
  exercise(new Model(5, () => -1), 3000, 300, 44);
  exercise(new Model(9, (path) => (path % 5) << 29), 6000, 600, 45);
});

test('the callback is asked only about equal hashes', () => {
  const model = new Model(11, mix);
  for (let path = 1; path <= 20_000; path++) model.insert(path, path);
  model.asked = 0;
  for (let path = 1; path <= 20_000; path++) model.find(path);
  assert.equal(model.asked, 20_000);
});
