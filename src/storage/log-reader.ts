// Reads one log file, entry by entry (FileTxnLog.FileTxnIterator). In: an open file. Out: each whole entry in place,
// then one stop that says where and why it ended; what the end means is judged in log-tail.ts. Invariants: an entry
// is handed out only when its length, its checksum over every byte, its terminator and the header of its file are
// right; memory is one window, at most one longest entry. Differs from Java: Java reads a wrong length or terminator
// as the end of the file, and goes on with the next one.

import type { OpenFile } from '../ports.ts';
import { entryEnd, fileHeaderLength, fileVersion, logDbid, logMagic } from '../proto/file.ts';
import { txnHeaderLength } from '../proto/txn.ts';
import type { Zxid } from '../proto/zxid.ts';
import { adler32 } from '../util/checksums.ts';

/** Checksum and length before an entry's bytes, in bytes. */
export const entryHeadLength = 12;

const windowLength = 1 << 20;

export interface LogStop {
  readonly offset: number;
  /**
   * 'end': the file ends here, or zeros begin (nothing says yet that they go on); 'cut': the file ends
   * inside an entry;
   * else what is wrong with the bytes at `offset`.
   */
  readonly why: 'end' | 'cut' | 'header' | 'length' | 'checksum' | 'terminator';
  readonly detail: string;
}

export class LogReader {
  readonly file: OpenFile;
  readonly fileLength: number;
  readonly entryLengthMax: number;
  /** The entry `next` found: its txn is `bytes[start, end)`, valid until `next` is called again. */
  bytes: Uint8Array;
  start = 0;
  end = 0;
  /** Where the entry begins in the file. */
  offset = 0;
  stop: LogStop | undefined;
  #view: DataView;
  #windowAt = 0;
  #windowEnd = 0;
  #at = 0;

  /**
   * `entryLengthMax`: the longest txn, jute.maxbuffer plus the extra size. `from`: where an entry begins, of a file
   * whose header was read before.
   */
  constructor(file: OpenFile, entryLengthMax: number, from = 0) {
    this.file = file;
    this.#at = from;
    this.fileLength = file.length();
    this.entryLengthMax = entryLengthMax;
    this.bytes = new Uint8Array(Math.min(windowLength, this.fileLength));
    this.#view = new DataView(this.bytes.buffer);
  }

  /** The txn's type. */
  get type(): number {
    return this.#view.getInt32(this.start + 28);
  }

  get clientId(): bigint {
    return this.#view.getBigInt64(this.start);
  }

  get zxid(): Zxid {
    return this.#view.getBigInt64(this.start + 12);
  }

  /** Where the entry behind the present one begins. */
  get nextOffset(): number {
    return this.#at;
  }

  /** Steps to the next entry; false: `stop` says why there is none. Throws FileError. */
  next(): boolean {
    if (this.stop !== undefined) return false;
    if (this.#at === 0 && !this.#header()) return false;
    const at = this.#at;
    if (at === this.fileLength) return this.#stop('end', 'the file ends');
    const head = this.#load(at, entryHeadLength);
    if (head < 0) return this.#stop('cut', 'the file ends inside an entry');
    const view = this.#view;
    const checksumHigh = view.getUint32(head);
    const checksum = view.getUint32(head + 4);
    const length = view.getInt32(head + 8);
    if (length === 0 && checksum === 0 && checksumHigh === 0)
      return this.#stop('end', 'zeros begin');
    if (length < txnHeaderLength || length > this.entryLengthMax) {
      return this.#stop('length', `an entry of ${length} bytes`);
    }
    const loaded = this.#load(at, entryHeadLength + length + 1);
    if (loaded < 0) return this.#stop('cut', `the file ends inside an entry of ${length} bytes`);
    const start = loaded + entryHeadLength;
    const end = start + length;
    if (checksumHigh !== 0 || adler32(1, this.bytes, start, end) !== checksum) {
      return this.#stop('checksum', 'an entry with a wrong checksum');
    }
    if (this.bytes[end] !== entryEnd)
      return this.#stop('terminator', 'an entry without its end mark');
    this.start = start;
    this.end = end;
    this.offset = at;
    this.#at = at + entryHeadLength + length + 1;
    return true;
  }

  #header(): boolean {
    const at = this.#load(0, fileHeaderLength);
    if (at < 0) return this.#stop('header', `a file header of ${this.fileLength} bytes`);
    const view = this.#view;
    if (view.getInt32(at) !== logMagic) return this.#stop('header', 'not the header of a log');
    const version = view.getInt32(at + 4);
    const dbid = view.getBigInt64(at + 8);
    if (version !== fileVersion || dbid !== logDbid) {
      return this.#stop('header', `a log of version ${version}, dbid ${dbid}`);
    }
    this.#at = fileHeaderLength;
    return true;
  }

  #stop(why: LogStop['why'], detail: string): false {
    this.stop = { offset: this.#at, why, detail };
    return false;
  }

  /** Where `length` bytes from `offset` on stand in `bytes`; −1: the file ends before. */
  #load(offset: number, length: number): number {
    if (offset + length > this.fileLength) return -1;
    if (offset >= this.#windowAt && offset + length <= this.#windowEnd) {
      return offset - this.#windowAt;
    }
    if (length > this.bytes.length) {
      this.bytes = new Uint8Array(length);
      this.#view = new DataView(this.bytes.buffer);
    }
    const count = this.file.read(this.bytes, offset);
    this.#windowAt = offset;
    this.#windowEnd = offset + count;
    return count < length ? -1 : 0;
  }
}
