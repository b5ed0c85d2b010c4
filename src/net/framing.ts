// Finds length-prefixed frames (int length, then that many bytes) in the chunks of a stream. A frame that lies wholly
// inside one chunk is handed out where it arrived, without a copy; only the beginning of a cut frame is carried over.
//
// Invariants: while not paused, less than one frame is carried; the carry grows with the bytes received, never with the
// length a peer announces; nothing is handed out after `pause` until `resume`, nor after `close`.
// Used by the server's client port (where a word that is no length may be a four-letter command) and by the client.

import { emptyBytes } from '../util/bytes.ts';

/** Takes what a FrameReader finds. Both are called inside `push` or `resume`; bytes are valid during the call only. */
export interface FrameSink {
  /** The payload of one frame is `bytes[start, end)`; `view` spans `bytes`. */
  frame(bytes: Uint8Array, view: DataView, start: number, end: number): void;
  /**
   * `word` stands where a length should and is below 0 or over `lengthMax`; `bytes[start, end)` is what follows it in
   * what was received so far. True: the word is dealt with, look for a length behind it. False: the reader closes.
   */
  badLength(word: number, bytes: Uint8Array, start: number, end: number): boolean;
}

/** A bigger carry is given back once its frame is done. */
const carryKept = 1 << 16;
const noView = new DataView(emptyBytes.buffer);

export class FrameReader {
  /** The longest payload accepted, in bytes. May be changed between frames. */
  lengthMax: number;
  readonly #sink: FrameSink;
  #state: 'reading' | 'paused' | 'closed' = 'reading';
  #running = false;
  /** What is carried over: `#carry[0, #carried)`, from a length word on. */
  #carry: Uint8Array = emptyBytes;
  #carryView: DataView = noView;
  #carried = 0;
  /** Spans the chunk of the last push; ports hand out the same memory again and again. */
  #view: DataView = noView;

  constructor(sink: FrameSink, lengthMax: number) {
    this.#sink = sink;
    this.lengthMax = lengthMax;
  }

  /** Bytes held back: the beginning of a cut frame, or all that came while paused. */
  get carried(): number {
    return this.#carried;
  }

  /** Takes a chunk as it was received; it is not kept. Not to be called from inside the sink. */
  push(bytes: Uint8Array): void {
    if (this.#state === 'closed') return;
    let at = 0;
    if (this.#state === 'reading' && this.#carried > 0) {
      at = this.#fill(4, bytes, 0);
      if (this.#carried < 4) return;
      const length = this.#carryView.getInt32(0);
      // A word that is no length: the sink is to see what follows it.
      const isLength = length >= 0 && length <= this.lengthMax;
      at = this.#fill(isLength ? 4 + length : this.#carried + bytes.length - at, bytes, at);
      if (isLength && this.#carried < 4 + length) return;
      this.#drainCarry();
    }
    if (this.#state === 'reading') this.#run(bytes, this.#viewOf(bytes), at, bytes.length);
    else if (this.#state === 'paused') this.#keep(bytes, at, bytes.length);
  }

  /** Hands out nothing more until `resume`; what comes meanwhile is carried. */
  pause(): void {
    if (this.#state === 'reading') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'reading';
    if (!this.#running) this.#drainCarry();
  }

  /** Hands out nothing more, ever, and lets go of what is carried. */
  close(): void {
    this.#state = 'closed';
    this.#carry = emptyBytes;
    this.#carried = 0;
  }

  /** Goes through what is carried as if it were a chunk. */
  #drainCarry(): void {
    const bytes = this.#carry;
    const view = this.#carryView;
    const end = this.#carried;
    this.#carry = emptyBytes;
    this.#carryView = noView;
    this.#carried = 0;
    this.#run(bytes, view, 0, end);
    if (this.#state !== 'closed' && this.#carried === 0 && bytes.length <= carryKept) {
      this.#carry = bytes;
      this.#carryView = view;
    }
  }

  #run(bytes: Uint8Array, view: DataView, from: number, end: number): void {
    let at = from;
    this.#running = true;
    try {
      while (this.#state === 'reading' && end - at >= 4) {
        const length = view.getInt32(at);
        if (length < 0 || length > this.lengthMax) {
          at += 4;
          if (!this.#sink.badLength(length, bytes, at, end)) this.close();
          continue;
        }
        const next = at + 4 + length;
        if (next > end) break;
        this.#sink.frame(bytes, view, at + 4, next);
        at = next;
      }
    } finally {
      this.#running = false;
    }
    if (this.#state !== 'closed') this.#keep(bytes, at, end);
  }

  /** Moves bytes from `bytes[at…]` until `length` are carried; returns where it stopped. */
  #fill(length: number, bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + Math.max(0, length - this.#carried));
    this.#keep(bytes, at, end);
    return end;
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length <= 0) return;
    const needed = this.#carried + length;
    if (needed > this.#carry.length) {
      const bigger = new Uint8Array(Math.max(needed, 2 * this.#carry.length));
      bigger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = bigger;
      this.#carryView = new DataView(bigger.buffer);
    }
    this.#carry.set(bytes.subarray(start, end), this.#carried);
    this.#carried = needed;
  }

  #viewOf(bytes: Uint8Array): DataView {
    const view = this.#view;
    const fits =
      view.buffer === bytes.buffer &&
      view.byteOffset === bytes.byteOffset &&
      view.byteLength >= bytes.length;
    if (!fits) this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#view;
  }
}
