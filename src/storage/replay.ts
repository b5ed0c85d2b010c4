// Replays the logs behind a snapshot (FileTxnSnapLog.fastForwardFromEdits) and judges their order. In: the log files
// and the zxid the state stands at. Out: the state at the last certain transaction, or CorruptionError before
// anything beyond it was used.
//
// A healthy Java directory holds, above the loaded snapshot: zxids that rise by one, equal ones in a row (a leader
// from 3.9 on can number an error twice), a new epoch that begins at counter 1, and torn tails behind which the next
// file begins at last good + 1, at a new epoch, or at or below the snapshot. Anything else is a hole. Differs from
// Java, which reads a wrong length or end mark as the end of a file, and does not look for holes at all (3.8 to
// 3.10).

import { BadTxnError } from '../core/tree/apply.ts';
import { DecodeError } from '../jute/reader.ts';
import type { Files, Log, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';
import { OpCode } from '../proto/opcodes.ts';
import type { Zxid } from '../proto/zxid.ts';
import { counterOf, epochOf, hexZxid } from '../proto/zxid.ts';
import { CorruptionError } from './corruption-error.ts';
import type { DurableMark } from './durable-mark.ts';
import type { LogFileName } from './file-names.ts';
import { LogReader } from './log-reader.ts';
import type { LogTail } from './log-tail.ts';
import { judgeTail } from './log-tail.ts';

export interface ReplayOptions {
  readonly files: Files;
  readonly log: Log;
  readonly directory: string;
  /** By rising zxid; those the snapshot needs and all later ones. */
  readonly logs: readonly LogFileName[];
  /** The zxid of the state to start from. */
  readonly from: Zxid;
  readonly entryLengthMax: number;
  readonly mark: DurableMark | undefined;
  apply(bytes: Uint8Array, start: number, end: number): void;
  /** Every session a createSession names, closed ones too. */
  session(id: bigint): void;
}

export interface Replayed {
  readonly lastZxid: Zxid;
  readonly txns: number;
}

/** Entries between two looks at the clock by whoever drives this. */
const entriesPerStep = 512;

interface Ending {
  readonly path: string;
  /** Judged when it matters: a file's padding is long. */
  judge(): LogTail;
}

/** Yields the bytes read so far, over all files. Throws CorruptionError. */
export function* replay(options: ReplayOptions): Generator<number, Replayed> {
  const state = new Replay(options);
  let before = 0;
  for (const { name, zxid } of options.logs) {
    const path = options.files.join(options.directory, name);
    const file = open(options.files, path, state.last);
    try {
      const reader = new LogReader(file, options.entryLengthMax);
      let count = 0;
      while (step(reader, path, state.last)) {
        if (count === 0 && reader.zxid !== zxid) {
          throw state.damage(path, reader.offset, `begins with 0x${hexZxid(reader.zxid)}`);
        }
        state.entry(path, reader);
        count++;
        if (count % entriesPerStep === 0) yield before + reader.offset;
      }
      state.ended(path, name, reader, zxid);
      before += reader.fileLength;
    } finally {
      file.close();
    }
    yield before;
  }
  state.allEnded();
  return { lastZxid: state.last, txns: state.txns };
}

function open(files: Files, path: string, last: Zxid): OpenFile {
  try {
    return files.open(path, 'read');
  } catch (error) {
    throw unreadable(path, 0, error, last);
  }
}

function step(reader: LogReader, path: string, last: Zxid): boolean {
  try {
    return reader.next();
  } catch (error) {
    throw unreadable(path, reader.offset, error, last);
  }
}

function unreadable(path: string, offset: number, error: unknown, last: Zxid): unknown {
  if (!(error instanceof FileError)) return error;
  return new CorruptionError(path, offset, `cannot be read: ${error.message}`, last);
}

class Replay {
  last: Zxid;
  txns = 0;
  readonly #options: ReplayOptions;
  /** How the files before ended, since the last entry; more than one when files hold no entry. */
  #endings: Ending[] = [];

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.last = options.from;
  }

  damage(path: string, offset: number, reason: string): CorruptionError {
    return new CorruptionError(path, offset, reason, this.last);
  }

  entry(path: string, reader: LogReader): void {
    const { zxid } = reader;
    if (reader.type === OpCode.createSession) this.#options.session(reader.clientId);
    if (this.#endings.length > 0) this.#connect(path, reader.offset, zxid);
    if (zxid <= this.#options.from) return;
    this.#follows(path, reader.offset, zxid);
    try {
      this.#options.apply(reader.bytes, reader.start, reader.end);
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof BadTxnError)) throw error;
      throw this.damage(path, reader.offset, `transaction 0x${hexZxid(zxid)}: ${error.message}`);
    }
    this.last = zxid;
    this.txns++;
  }

  ended(path: string, name: string, reader: LogReader, firstZxid: Zxid): void {
    const { mark, entryLengthMax, files, log } = this.#options;
    const { stop } = reader;
    if (stop === undefined) return;
    const durable = mark?.file === firstZxid ? mark.offset : undefined;
    const judge = (): LogTail => {
      const file = open(files, path, this.last);
      try {
        const tail = judgeTail(file, stop, entryLengthMax, durable);
        if (tail.kind !== 'clean') {
          log.log('warn', `${name} at byte ${tail.offset}: ${tail.reason} -> ${tail.kind}`);
        }
        return tail;
      } catch (error) {
        throw unreadable(path, stop.offset, error, this.last);
      } finally {
        file.close();
      }
    };
    this.#endings.push({ path, judge });
  }

  allEnded(): void {
    for (const ending of this.#endings) this.#refuseDamaged(ending);
  }

  /** The first entry behind the end of a file: does it show that nothing was lost there? */
  #connect(path: string, offset: number, zxid: Zxid): void {
    const endings = this.#endings;
    this.#endings = [];
    if (zxid <= this.last + 1n) return;
    for (const ending of endings) this.#refuseDamaged(ending);
    const isNewEpoch = epochOf(zxid) > epochOf(this.last) && counterOf(zxid) === 1;
    if (!isNewEpoch) throw this.#hole(path, offset, zxid);
  }

  #refuseDamaged(ending: Ending): void {
    const tail = ending.judge();
    if (tail.kind === 'damaged') throw this.damage(ending.path, tail.offset, tail.reason);
  }

  #follows(path: string, offset: number, zxid: Zxid): void {
    const { last } = this;
    if (zxid === last + 1n || zxid === last) return;
    if (zxid < last) {
      throw this.damage(path, offset, `0x${hexZxid(zxid)} stands behind 0x${hexZxid(last)}`);
    }
    if (epochOf(zxid) > epochOf(last) && counterOf(zxid) === 1) return;
    throw this.#hole(path, offset, zxid);
  }

  #hole(path: string, offset: number, zxid: Zxid): CorruptionError {
    const between = `0x${hexZxid(this.last)} and 0x${hexZxid(zxid)}`;
    return this.damage(path, offset, `transactions are missing between ${between}`);
  }
}
