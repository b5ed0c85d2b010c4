// One log file that is being written: where the next entry goes, how far the file is allocated, how far it holds
// written zeros. `NextSegment` keeps the following file ready under a temporary name, whole header inside, so that a
// log file appears by a rename and a roll costs no pause.
//
// File lengths grow as Java's (FilePadding): the header's 16 bytes plus whole steps of preAllocSize. On purpose
// beyond Java: once a file is in use, zeros are really written some MiB ahead, because a sync over blocks that exist
// already takes half the time of one that must allocate them.

import { Writer } from '../jute/writer.ts';
import type { FileDone, Files, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';
import { FileHeader, fileHeaderLength, fileVersion, logDbid, logMagic } from '../proto/file.ts';
import type { Zxid } from '../proto/zxid.ts';
import { assert } from '../util/assert.ts';
import { logName, nextLogName } from './file-names.ts';

/** Java extends a file when its end is nearer than this (FilePadding.calculateFileSizeWithPadding). */
const growAtDistance = 4096;
const fillStep = 1 << 20;
/** Zeros are written this far ahead of the last entry. */
const fillAhead = 2 * fillStep;
/** A log that holds less than this is not worth the writing. */
const fillFrom = 1 << 16;

const zeros = new Uint8Array(fillStep);

export function encodeLogHeader(): Uint8Array {
  const writer = new Writer(fileHeaderLength);
  FileHeader.write(writer, { magic: logMagic, version: fileVersion, dbid: logDbid });
  return writer.copy();
}

export class LogSegment {
  readonly zxid: Zxid;
  readonly file: OpenFile;
  /** Where the next entry goes. */
  position = fileHeaderLength;
  readonly #preallocation: number;
  #length: number;
  #filled = fileHeaderLength;
  #filling = false;
  #whenFilled: (() => void) | undefined;

  constructor(zxid: Zxid, file: OpenFile, preallocation: number) {
    this.zxid = zxid;
    this.file = file;
    this.#preallocation = preallocation;
    this.#length = file.length();
  }

  get length(): number {
    return this.#length;
  }

  /**
   * False while zeros are on their way to where `length` more bytes would go; `retry` is called when
   * they arrived.
   */
  hasRoom(length: number, retry: () => void): boolean {
    if (!this.#filling || this.position + length <= this.#filled) return true;
    this.#whenFilled = retry;
    return false;
  }

  /** Throws FileError. */
  write(bytes: Uint8Array): void {
    const end = this.position + bytes.length;
    this.#grow(end);
    this.file.write(bytes, this.position);
    this.position = end;
    this.#length = Math.max(this.#length, end);
    this.#filled = Math.max(this.#filled, end);
  }

  /** To be called after each sync. */
  fill(): void {
    const start = this.#filled;
    if (this.#filling || this.position < fillFrom || start - this.position > fillAhead) return;
    const length = Math.min(fillStep, this.#length - start);
    if (length < fillFrom) return;
    this.#filling = true;
    this.file.writeLater(zeros.subarray(0, length), start, (error) => {
      this.#filling = false;
      // A failure is the next entry's to report: these zeros only save time.
      if (error === undefined) this.#filled = Math.max(this.#filled, start + length);
      const retry = this.#whenFilled;
      this.#whenFilled = undefined;
      retry?.();
    });
  }

  close(): void {
    this.file.close();
  }

  #grow(end: number): void {
    if (this.#preallocation <= 0) return;
    let length = this.#length;
    while (end + growAtDistance >= length) length += this.#preallocation;
    if (length === this.#length) return;
    try {
      this.file.setLength(length);
      this.#length = length;
    } catch (error) {
      // A full disk shows at the write itself, which may still fit.
      if (!(error instanceof FileError)) throw error;
    }
  }
}

export class NextSegment {
  readonly #files: Files;
  readonly #directory: string;
  readonly #path: string;
  readonly #preallocation: number;
  #state: 'none' | 'preparing' | 'ready' = 'none';
  #file: OpenFile | undefined;
  #waiting: FileDone | undefined;
  #closed = false;

  /** `preallocation`: bytes a file grows by; ≤ 0: none. */
  constructor(files: Files, directory: string, preallocation: number) {
    this.#files = files;
    this.#directory = directory;
    this.#path = files.join(directory, nextLogName);
    this.#preallocation = preallocation;
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  /** Starts preparing, unless that is done or under way. `done` only matters to who needs the segment now. */
  prepare(done?: FileDone): void {
    assert(this.#state !== 'ready', 'a prepared segment is taken, not waited for');
    if (this.#closed) return;
    this.#waiting = done ?? this.#waiting;
    if (this.#state === 'preparing') return;
    this.#state = 'preparing';
    try {
      const file = this.#files.open(this.#path, 'create');
      this.#file = file;
      file.write(encodeLogHeader(), 0);
      if (this.#preallocation > 0) file.setLength(fileHeaderLength + this.#preallocation);
      file.datasync((error) => this.#prepared(error));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#prepared(error);
    }
  }

  /** Gives the prepared file its name. The name is on disk only after a directory sync. Throws FileError. */
  take(zxid: Zxid): LogSegment {
    const file = this.#file;
    assert(this.ready && file !== undefined, 'a segment is taken when it is ready');
    const target = this.#files.join(this.#directory, logName(zxid));
    // Recovery sets files without entries aside, so one in the way holds transactions.
    if (this.#files.status(target) !== undefined) {
      throw new FileError('EEXIST', target, `refuses to overwrite the log ${target}`);
    }
    this.#files.rename(this.#path, target);
    this.#state = 'none';
    this.#file = undefined;
    return new LogSegment(zxid, file, this.#preallocation);
  }

  /** Removes what was prepared. */
  close(): void {
    this.#closed = true;
    this.#file?.close();
    try {
      if (this.#file !== undefined) this.#files.remove(this.#path);
    } catch (error) {
      // Start-up removes it.
      if (!(error instanceof FileError)) throw error;
    }
    this.#file = undefined;
    this.#state = 'none';
  }

  #prepared(error: FileError | undefined): void {
    if (this.#closed) return;
    this.#state = error === undefined ? 'ready' : 'none';
    if (error !== undefined) {
      this.#file?.close();
      this.#file = undefined;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(error);
  }
}
