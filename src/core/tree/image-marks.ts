// Which nodes the image that is being taken of the tree has already: a generation number in each
// row, so that beginning an image costs nothing. The tree says `beforeChange` before it changes a
// node in any way that an image shows.
// Invariants: between `begin` and `end`, a node that is not marked is as it was at `begin`; new
// nodes are marked; the ancestors of a marked node are marked.

import { assert } from '../../util/assert.ts';
import type { NodeRows } from './node-rows.ts';
import { generationMask, generationShift, Word } from './node-rows.ts';

/** Takes the old state of a node before it changes: how a snapshot stays exact while writes go on. */
export interface TreeImage {
  /** Writes the node down and marks it. */
  capture(slot: number): void;
}

export class ImageMarks {
  readonly #rows: NodeRows;
  #image: TreeImage | undefined;
  #generation = 1;

  constructor(rows: NodeRows) {
    this.#rows = rows;
  }

  get isTaken(): boolean {
    return this.#image !== undefined;
  }

  /** The bits a new node's flags begin with: no image wants it. */
  get mark(): number {
    return this.#generation << generationShift;
  }

  begin(image: TreeImage): void {
    assert(this.#image === undefined, 'one image of the tree at a time');
    this.#generation = (this.#generation + 1) & generationMask;
    if (this.#generation === 0) this.#startOver();
    this.#image = image;
  }

  end(): void {
    this.#image = undefined;
  }

  has(slot: number): boolean {
    return this.#rows.word(slot, Word.flags) >>> generationShift === this.#generation;
  }

  add(slot: number): void {
    const flags = this.#rows.word(slot, Word.flags) & ((1 << generationShift) - 1);
    this.#rows.setWord(slot, Word.flags, flags | this.mark);
  }

  /** The numbers are used up: marks of long ago must not be taken for new ones. */
  #startOver(): void {
    const rows = this.#rows;
    const mask = (1 << generationShift) - 1;
    for (let slot = 0; slot < rows.used; slot++) {
      rows.setWord(slot, Word.flags, rows.word(slot, Word.flags) & mask);
    }
    this.#generation = 1;
  }

  beforeChange(slot: number): void {
    if (this.#image !== undefined && !this.has(slot)) this.#image.capture(slot);
  }
}
