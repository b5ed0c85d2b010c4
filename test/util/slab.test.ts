// Blocks against a model: no block ever changes what another holds, freed ones are used again, big
// ones give their memory back, and the accounts come out even.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/util/prng.ts';
import { Slab } from '../../src/util/slab.ts';

interface Block {
  ref: number;
  length: number;
  /** What every byte of it holds. */
  mark: number;
}

function fill(slab: Slab, block: Block): void {
  slab.write(block.ref, new Uint8Array(block.length).fill(block.mark), 0, block.length);
}

function verify(slab: Slab, block: Block): void {
  const page = slab.pageOf(block.ref);
  const at = Slab.offsetOf(block.ref);
  for (let i = 0; i < block.length; i++) {
    if (page[at + i] !== block.mark) assert.fail(`block ${block.ref} changed at ${i}`);
  }
}

test('blocks never overlap, whatever is taken and given back', () => {
  const prng = new Prng(31);
  const slab = new Slab();
  const blocks: Block[] = [];
  const lengthOf = () =>
    prng.pick([
      () => prng.below(20),
      () => prng.below(300),
      () => prng.below(5000),
      () => 32_700 + prng.below(150),
      () => prng.below(70_000),
    ])();
  for (let round = 0; round < 20_000; round++) {
    const growing = Math.floor(round / 4000) % 2 === 0;
    if (blocks.length === 0 || prng.chance(growing ? 0.6 : 0.4)) {
      const length = lengthOf();
      const block = { ref: slab.take(length), length, mark: prng.below(256) };
      fill(slab, block);
      blocks.push(block);
    } else {
      const at = prng.below(blocks.length);
      const block = blocks[at]!;
      verify(slab, block);
      const next = lengthOf();
      if (Slab.sameBlock(block.length, next)) {
        // Written over in place: another length, given back with that one.
        block.length = next;
        block.mark = prng.below(256);
        fill(slab, block);
      } else {
        slab.give(block.ref, block.length);
        blocks[at] = blocks.at(-1)!;
        blocks.pop();
      }
    }
  }
  assert.equal(new Set(blocks.map(({ ref }) => ref)).size, blocks.length);
  for (const block of blocks) verify(slab, block);
  assert(slab.used >= blocks.reduce((sum, { length }) => sum + length, 0));
  assert(slab.allocated >= slab.used);
  for (const { ref, length } of blocks) slab.give(ref, length);
  assert.equal(slab.used, 0);
});

test('a block costs at most an eighth more than its bytes, 16 at least', () => {
  for (let length = 1; length <= 32_768; length++) {
    const slab = new Slab();
    slab.take(length);
    assert(slab.used >= length);
    assert(slab.used <= Math.max(16, Math.ceil((length * 9) / 8 / 16) * 16), `length ${length}`);
    if (length > 300) length += 61;
  }
});

test('what was freed is used again before any new memory', () => {
  const slab = new Slab();
  const refs = Array.from({ length: 3000 }, () => slab.take(500));
  const { allocated } = slab;
  for (let round = 0; round < 3; round++) {
    for (const ref of refs) slab.give(ref, 500);
    refs.length = 0;
    while (refs.length < 3000) refs.push(slab.take(500));
    assert.equal(new Set(refs).size, 3000);
  }
  assert.equal(slab.allocated, allocated);
});

test('long strings have memory of their own and give it back', () => {
  const slab = new Slab();
  const small = slab.take(10);
  const base = slab.allocated;
  const big = Array.from({ length: 50 }, (_, i) => slab.take(100_000 + i));
  assert.equal(slab.allocated, base + 50 * 100_000 + 1225);
  assert.equal(slab.pageOf(big[7]!).length, 100_007);
  assert.equal(Slab.offsetOf(big[7]!), 0);
  slab.give(big[7]!, 100_007);
  assert.equal(slab.pageOf(big[7]!).length, 0);
  assert.equal(slab.take(40_000), big[7]);
  slab.give(big[7]!, 40_000);
  for (const [i, ref] of big.entries()) if (i !== 7) slab.give(ref, 100_000 + i);
  assert.equal(slab.allocated, base);
  slab.give(small, 10);
  assert.equal(slab.used, 0);
});

test('an empty string has a place as well', () => {
  const slab = new Slab();
  const a = slab.take(0);
  const b = slab.take(0);
  assert.notEqual(a, b);
  assert(Slab.sameBlock(0, 16));
  assert(!Slab.sameBlock(16, 17));
});
