// Which nodes the images that are being taken of the tree have already: a number in each row, so that beginning an
// image costs nothing. The tree says `beforeChange` before it changes a node in any way that an image shows; images
// walk the rows in the order of their slots.
//
// A number counts the beginnings of images. A node marked with the present number is one that every image has, or that
// none wants, as it is new; so an image has a node when its walk has passed it, or the mark is not older than the
// image. Invariants: a node that an image has not is as it was at the image's beginning; new nodes are marked; while
// there are images, the ancestors of a marked node are marked, and an image that has a node has its ancestors.

import { assert } from '../../util/assert.ts';
import type { NodeRows } from './node-rows.ts';
import { generationMask, generationShift, noSlot, Word } from './node-rows.ts';

/** Takes the old state of a node before it changes: how a snapshot stays exact while writes go on. */
export interface TreeImage {
  /** Its walk has written every live node below this slot that it had not already. */
  readonly walked: number;
  /** Writes the node down. */
  capture(slot: number): void;
}

interface Taken {
  readonly image: TreeImage;
  /** Marks from this number on were made when it had begun. */
  since: number;
}

const flagsMask = (1 << generationShift) - 1;

export class ImageMarks {
  readonly #rows: NodeRows;
  readonly #taken: Taken[] = [];
  readonly #chain: number[] = [];
  #generation = 1;

  constructor(rows: NodeRows) {
    this.#rows = rows;
  }

  /** How many images are being taken. */
  get count(): number {
    return this.#taken.length;
  }

  /** The bits a new node's flags begin with: no image wants it. */
  get mark(): number {
    return this.#generation << generationShift;
  }

  begin(image: TreeImage): void {
    assert(
      this.#taken.every((one) => one.image !== image),
      'an image begins once',
    );
    if (this.#generation === generationMask) this.#startOver();
    this.#taken.push({ image, since: ++this.#generation });
  }

  /** Harmless for an image that ended before. */
  end(image: TreeImage): void {
    const at = this.#taken.findIndex((one) => one.image === image);
    if (at >= 0) this.#taken.splice(at, 1);
  }

  /** The walk of `image` comes to a node: true when it has to write it, and has all its ancestors now. */
  wants(image: TreeImage, slot: number): boolean {
    let taken: Taken | undefined;
    for (const one of this.#taken) if (one.image === image) taken = one;
    if (taken === undefined || this.#has(taken, slot)) return false;
    const parent = this.#rows.word(slot, Word.parent);
    // As rows are used again, a parent may stand behind its child.
    if (parent !== noSlot && !this.#has(taken, parent)) this.#hold(parent);
    return true;
  }

  beforeChange(slot: number): void {
    if (this.#taken.length > 0) this.#hold(slot);
  }

  /** Every image gets the node, and before it its ancestors. */
  #hold(slot: number): void {
    const rows = this.#rows;
    const chain = this.#chain;
    for (let node = slot; node !== noSlot && this.#markOf(node) !== this.#generation; ) {
      chain.push(node);
      node = rows.word(node, Word.parent);
    }
    for (let node = chain.pop(); node !== undefined; node = chain.pop()) {
      for (const taken of this.#taken) if (!this.#has(taken, node)) taken.image.capture(node);
      rows.setWord(node, Word.flags, (rows.word(node, Word.flags) & flagsMask) | this.mark);
    }
  }

  #has({ image, since }: Taken, slot: number): boolean {
    return slot < image.walked || this.#markOf(slot) >= since;
  }

  #markOf(slot: number): number {
    return this.#rows.word(slot, Word.flags) >>> generationShift;
  }

  /** The numbers are used up, once in 16 million images: each mark becomes the number of images it is in. */
  #startOver(): void {
    const rows = this.#rows;
    const taken = this.#taken.toSorted((a, b) => a.since - b.since);
    for (let slot = 0; slot < rows.used; slot++) {
      const mark = this.#markOf(slot);
      let images = 0;
      for (const { since } of taken) if (mark >= since) images++;
      const flags = rows.word(slot, Word.flags) & flagsMask;
      rows.setWord(slot, Word.flags, flags | (images << generationShift));
    }
    taken.forEach((one, i) => {
      one.since = i + 1;
    });
    this.#generation = Math.max(1, taken.length);
  }
}
