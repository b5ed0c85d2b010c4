// What the end of a log file means, when reading stopped there: a clean end, a tail torn by a crash (never synced,
// so never acknowledged), a stray byte in the padding, or damage to something that may have been acknowledged.
//
// A file is zeros before it is written. A crash leaves of an unfinished write some 512-byte sectors as they were:
// zeros; a killed Java server leaves a prefix cut at any byte, then zeros. So a torn entry shows zeros exactly where
// such a cut would leave them, and whatever else fails its checksum is damage (reliability rules of PAR, ALICE;
// ZOOKEEPER-2560). Evidence that overrules the shape: a durable mark behind this point, a whole entry behind it
// where no mark excuses that, a length under which checksum and terminator fit, a difference that one changed byte
// explains. Invariant: in doubt it is damage.

import type { OpenFile } from '../ports.ts';
import { entryEnd, fileHeaderLength } from '../proto/file.ts';
import { txnHeaderLength, txnRecords } from '../proto/txn.ts';
import { adler32 } from '../util/checksums.ts';
import { explainedByOneByte, fittingLength, holdsMostOf } from './entry-repair.ts';
import type { LogStop } from './log-reader.ts';
import { entryHeadLength } from './log-reader.ts';

export interface LogTail {
  /** 'unended': one entry lacks only its end mark, with zeros behind; it was never synced, and it is whole. */
  readonly kind: 'clean' | 'torn' | 'unended' | 'stray' | 'damaged';
  readonly offset: number;
  readonly reason: string;
}

const sector = 512;
const chunkLength = 1 << 20;
/** More bytes than this in the padding are not a stray. */
const strayMax = 8;
/** The upper half of a checksum is zero anyway; a lost sector must have taken more of the head to show. */
const headZeroLeast = 5;

/**
 * `durable`: bytes of this file that a durable mark vouches for; undefined: no mark speaks of it. `mayBeCut`: a Java
 * server may have taken away what stood behind the file's last entry. Throws FileError.
 */
export function judgeTail(
  file: OpenFile,
  stop: LogStop,
  entryLengthMax: number,
  durable: number | undefined,
  mayBeCut = true,
): LogTail {
  const judge = new Judge(file, stop, entryLengthMax);
  const { offset } = stop;
  const damaged = (reason: string): LogTail => ({ kind: 'damaged', offset, reason });
  const isShort = offset < judge.length || !mayBeCut;
  if (isShort && durable !== undefined && offset < durable) {
    return damaged(`${stop.detail}, where ${durable} bytes were on disk`);
  }
  if (judge.isZero(offset, judge.length)) return { kind: 'clean', offset, reason: stop.detail };
  if (stop.why === 'header') return judge.header();
  if (judge.isUnended()) return { kind: 'unended', offset, reason: stop.detail };
  // With a mark for this file, what lies behind it was never synced: any sector may be missing.
  const isMissing = durable !== undefined && judge.lacksSector();
  const mended = judge.wrongHead(isMissing);
  if (mended !== undefined) return damaged(`${stop.detail}: ${mended}`);
  const behind = judge.entryBehind(offset + 1);
  if (behind !== undefined && durable === undefined) {
    return damaged(`${stop.detail}, with a whole entry behind it at byte ${behind}`);
  }
  if (isMissing || judge.isTorn()) return { kind: 'torn', offset, reason: stop.detail };
  if (behind === undefined && judge.isStray()) {
    return { kind: 'stray', offset, reason: 'a stray byte in the padding' };
  }
  return damaged(stop.detail);
}

class Judge {
  readonly length: number;
  readonly #file: OpenFile;
  readonly #stop: LogStop;
  readonly #from: number;
  readonly #entryLengthMax: number;
  /** The entry's head; where the file ends inside it, followed by zeros. */
  readonly #checksumHigh: number;
  readonly #checksum: number;
  readonly #entryLength: number;

  constructor(file: OpenFile, stop: LogStop, entryLengthMax: number) {
    this.#file = file;
    this.#stop = stop;
    this.#from = stop.offset;
    this.#entryLengthMax = entryLengthMax;
    this.length = file.length();
    const head = new Uint8Array(entryHeadLength);
    file.read(head, stop.offset);
    const view = new DataView(head.buffer);
    this.#checksumHigh = view.getUint32(0);
    this.#checksum = view.getUint32(4);
    this.#entryLength = view.getInt32(8);
  }

  /** A file of fewer bytes than a header, or one whose first sector never arrived, holds nothing yet. */
  header(): LogTail {
    const offset = 0;
    const reason = this.#stop.detail;
    if (this.length < fileHeaderLength) return { kind: 'torn', offset, reason };
    if (this.isZero(0, Math.min(sector, this.length)) && this.entryBehind(sector) === undefined) {
      return { kind: 'torn', offset, reason };
    }
    return { kind: 'damaged', offset, reason };
  }

  /** As a Java server leaves a long entry when it is killed: its end mark waits in a buffer of its own. */
  isUnended(): boolean {
    if (this.#stop.why !== 'terminator') return false;
    return this.isZero(this.#from + entryHeadLength + this.#entryLength, this.length);
  }

  /**
   * Proof that the entry is all there and only its head or its end mark is wrong. `isMissing`: a sector of it may never
   * have arrived; then a head that only looks shifted is no proof.
   */
  wrongHead(isMissing: boolean): string | undefined {
    if (this.#stop.why === 'terminator') {
      const at = this.#from + entryHeadLength + this.#entryLength;
      const lost = at % sector === 0 && this.isZero(at, Math.min(at + sector, this.length));
      return lost ? undefined : 'its checksum is right';
    }
    const shifted = (): string | undefined =>
      !isMissing && this.#isShifted() ? 'a byte of its head is missing or too much' : undefined;
    if (this.#checksumHigh !== 0) return shifted();
    const payload = this.#read(
      this.#from + entryHeadLength,
      Math.min(this.length, this.#from + entryHeadLength + this.#entryLengthMax + 1),
    );
    const length = fittingLength(payload, this.#checksum, txnHeaderLength);
    return length >= 0 ? `its checksum and end mark fit ${length} bytes` : shifted();
  }

  /** The last thing in the file is the entry, a byte before or behind its place. */
  #isShifted(): boolean {
    const last = this.#lastNonZero();
    if (last - this.#from > this.#entryLengthMax + entryHeadLength + 1) return false;
    const bytes = this.#read(this.#from, last + 1);
    if (bytes[bytes.length - 1] !== entryEnd || bytes.length < 20) return false;
    const head = bytes.subarray(3, 10);
    return [-1, 0, 1].some((shift) => {
      const start = entryHeadLength + shift;
      return holdsMostOf(head, adler32(1, bytes, start, bytes.length - 1));
    });
  }

  /** The offset of the first whole entry from `from` on. */
  entryBehind(from: number): number | undefined {
    const chunk = this.#chunk(from);
    const view = new DataView(chunk.buffer);
    const most = this.#entryLengthMax;
    for (let base = from; base + entryHeadLength < this.length; ) {
      const count = this.#file.read(chunk, base);
      const last = count - entryHeadLength - txnHeaderLength;
      for (let at = 0; at <= last; at++) {
        if (chunk[at] !== 0 || chunk[at + 8] !== 0 || view.getInt32(at) !== 0) continue;
        const length = view.getInt32(at + 8);
        if (length < txnHeaderLength || length > most) continue;
        if (!txnRecords.has(view.getInt32(at + entryHeadLength + 28))) continue;
        if (this.#isEntry(base + at, view.getUint32(at + 4), length)) return base + at;
      }
      if (last < 0) return undefined;
      base += last + 1;
    }
    return undefined;
  }

  /** Some sector shows nothing where the entry should be: of its length, or of its head where that says none. */
  lacksSector(): boolean {
    const from = this.#from;
    const length = this.#entryLength;
    const isPlausible = length >= txnHeaderLength && length <= this.#entryLengthMax;
    const end = from + entryHeadLength + (isPlausible ? length + 1 : 0);
    for (let at = from; at < end; ) {
      const next = Math.min(end, at - (at % sector) + sector);
      if (this.isZero(at, next)) return true;
      at = next;
    }
    return false;
  }

  isTorn(): boolean {
    const from = this.#from;
    const length = this.#entryLength;
    if (this.#stop.why === 'cut' || this.length - from < entryHeadLength) return true;
    // Its checksum is right, and the sector its end mark begins never arrived.
    if (this.#stop.why === 'terminator') return true;
    const plausible = length >= txnHeaderLength && length <= this.#entryLengthMax;
    const end = from + entryHeadLength + (plausible ? length + 1 : 0);
    if (end > this.length) return true;
    const boundary = from - (from % sector) + sector;
    const headIsLost = boundary - from >= headZeroLeast && this.isZero(from, boundary);
    if (!plausible) {
      // The length may lie in the sector that never arrived.
      const next = Math.min(boundary + sector, this.length);
      return headIsLost || (boundary <= end && this.isZero(boundary, next));
    }
    // With half a checksum gone, one zeroed byte of it would look the same.
    if (headIsLost && boundary < end && (boundary - from >= 8 || !this.#isOneByteOff()))
      return true;
    // Two bytes: with only the end mark gone the checksum would be right.
    if (this.isZero(end - 2, this.length)) return true;
    const lastBoundary = end - 2 - ((end - 2) % sector);
    if (lastBoundary >= boundary && this.isZero(lastBoundary, end)) return true;
    for (let at = boundary; at + sector <= lastBoundary; at += sector) {
      if (this.isZero(at, at + sector)) return !this.#isOneByteOff();
    }
    return false;
  }

  /** A few bytes where nothing was written yet: no entry is that small. */
  isStray(): boolean {
    if (this.isZero(this.#from + entryHeadLength, this.length)) {
      return this.#entryLength === 0 || (this.#checksum === 0 && this.#checksumHigh === 0);
    }
    return this.#stop.why === 'end' && this.#countNonZero(strayMax + 1) <= strayMax;
  }

  isZero(from: number, to: number): boolean {
    const chunk = new Uint8Array(Math.min(chunkLength, Math.max(4, to - from + 3)) & ~3);
    const words = new Uint32Array(chunk.buffer);
    for (let at = from; at < to; ) {
      const count = Math.min(this.#file.read(chunk, at), to - at);
      if (count <= 0) return true;
      const whole = count >> 2;
      for (let i = 0; i < whole; i++) if (words[i] !== 0) return false;
      for (let i = whole << 2; i < count; i++) if (chunk[i] !== 0) return false;
      at += count;
    }
    return true;
  }

  #isOneByteOff(): boolean {
    const start = this.#from + entryHeadLength;
    const payload = this.#read(start, start + this.#entryLength);
    return this.#checksumHigh !== 0 || explainedByOneByte(payload, this.#checksum);
  }

  #isEntry(at: number, checksum: number, length: number): boolean {
    const start = at + entryHeadLength;
    if (start + length >= this.length) return false;
    const bytes = this.#read(start, start + length + 1);
    return bytes[length] === entryEnd && adler32(1, bytes, 0, length) === checksum;
  }

  #lastNonZero(): number {
    const chunk = this.#chunk(this.#from);
    let last = this.#from;
    for (let at = this.#from; at < this.length; ) {
      const count = this.#file.read(chunk, at);
      if (count === 0) break;
      for (let i = count - 1; i >= 0; i--) {
        if (chunk[i] === 0) continue;
        last = at + i;
        break;
      }
      at += count;
    }
    return last;
  }

  #countNonZero(most: number): number {
    let found = 0;
    const chunk = this.#chunk(this.#from);
    for (let at = this.#from; at < this.length && found < most; ) {
      const count = this.#file.read(chunk, at);
      if (count === 0) break;
      for (let i = 0; i < count; i++) if (chunk[i] !== 0) found++;
      at += count;
    }
    return found;
  }

  #chunk(from: number): Uint8Array {
    return new Uint8Array(Math.min(chunkLength, Math.max(0, this.length - from)));
  }

  #read(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, to - from));
    return bytes.subarray(0, this.#file.read(bytes, from));
  }
}
