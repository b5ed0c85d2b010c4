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
import { entryEnd } from '../proto/file.ts';
import { OpCode } from '../proto/opcodes.ts';
import type { Zxid } from '../proto/zxid.ts';
import { counterOf, epochOf, hexZxid } from '../proto/zxid.ts';
import { CorruptionError } from './corruption-error.ts';
import type { DurableMark } from './durable-mark.ts';
import type { LogFileName } from './file-names.ts';
import { entryHeadLength, LogReader } from './log-reader.ts';
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
  /** Where the last entry ends; undefined: there was none. */
  readonly tail: ReplayedTail | undefined;
  /** Files that end, with nothing behind them, in what a crash tore: never synced, never acknowledged. */
  readonly torn: readonly TornTail[];
}

export interface TornTail {
  readonly path: string;
  readonly offset: number;
}

export interface ReplayedTail {
  readonly path: string;
  /** The log file's name. */
  readonly firstZxid: Zxid;
  /** The byte behind the last entry. */
  readonly end: number;
}

/** Entries between two looks at the clock by whoever drives this. */
const entriesPerStep = 512;

interface Ending {
  readonly path: string;
  readonly firstZxid: Zxid;
  /** Judged when it matters: a file's padding is long. */
  judge(): LogTail;
}

/** Yields the bytes read so far, over all files. Throws CorruptionError. */
export function* replay(options: ReplayOptions): Generator<number, Replayed> {
  const state = new Replay(options);
  let before = 0;
  for (const { name, zxid } of options.logs) {
    const path = options.files.join(options.directory, name);
    before += yield* readFile(options, state, path, zxid, before, 0);
    yield before;
  }
  let torn: TornTail[] = [];
  const unended = state.allEnded(torn);
  if (unended !== undefined) {
    endEntry(options, unended.path, unended.offset);
    const { path, offset, firstZxid } = unended;
    yield* readFile(options, state, path, firstZxid, 0, offset);
    torn = [];
    state.allEnded(torn);
  }
  return { lastZxid: state.last, txns: state.txns, tail: state.tail, torn };
}

/** Takes the entries at `from` and behind. Returns the file's length. */
function* readFile(
  options: ReplayOptions,
  state: Replay,
  path: string,
  firstZxid: Zxid,
  before: number,
  from: number,
): Generator<number, number> {
  const file = open(options.files, path, state.last);
  try {
    const reader = new LogReader(file, options.entryLengthMax);
    for (let count = 0; step(reader, path, state.last); count++) {
      if (count === 0 && reader.zxid !== firstZxid) {
        throw state.damage(path, reader.offset, `begins with 0x${hexZxid(reader.zxid)}`);
      }
      if (reader.offset >= from) state.entry(path, reader, firstZxid);
      if (count % entriesPerStep === entriesPerStep - 1) yield before + reader.offset;
    }
    state.ended(path, reader, firstZxid);
    return reader.fileLength;
  } finally {
    file.close();
  }
}

/**
 * Writes the one byte the last entry lacks. Its checksum proves it whole, so it counts, whether or not it was
 * acknowledged; and a Java server that reads this directory later must find it too.
 */
function endEntry({ files, log }: ReplayOptions, path: string, offset: number): void {
  const file = files.open(path, 'update');
  try {
    const head = new Uint8Array(entryHeadLength);
    file.read(head, offset);
    const length = new DataView(head.buffer).getInt32(8);
    file.write(Uint8Array.of(entryEnd), offset + entryHeadLength + length);
    file.sync();
  } finally {
    file.close();
  }
  log.log('warn', `${path} at byte ${offset}: the last entry lacks its end mark only -> written`);
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
  tail: ReplayedTail | undefined;
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

  entry(path: string, reader: LogReader, firstZxid: Zxid): void {
    const { zxid } = reader;
    const end = reader.offset + entryHeadLength + (reader.end - reader.start) + 1;
    this.tail = { path, firstZxid, end };
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

  ended(path: string, reader: LogReader, firstZxid: Zxid): void {
    const { mark, entryLengthMax, files, log } = this.#options;
    const { stop } = reader;
    if (stop === undefined) return;
    const durable = mark?.file === firstZxid ? mark.offset : undefined;
    // A Java learner that cuts its log writes a snapshot before it goes on (Learner.syncWithLeader, TRUNC).
    const mayBeCut = this.last === this.#options.from;
    const judge = (): LogTail => {
      const file = open(files, path, this.last);
      try {
        const tail = judgeTail(file, stop, entryLengthMax, durable, mayBeCut);
        if (tail.kind !== 'clean') {
          log.log('warn', `${path} at byte ${tail.offset}: ${tail.reason} -> ${tail.kind}`);
        }
        return tail;
      } catch (error) {
        throw unreadable(path, stop.offset, error, this.last);
      } finally {
        file.close();
      }
    };
    this.#endings.push({ path, firstZxid, judge });
  }

  /** Returns where an entry lacks only its end mark, if that is how the last file ends; collects torn tails. */
  allEnded(torn: TornTail[]): { path: string; offset: number; firstZxid: Zxid } | undefined {
    const endings = this.#endings;
    this.#endings = [];
    let unended: { path: string; offset: number; firstZxid: Zxid } | undefined;
    for (const ending of endings) {
      const tail = this.#refuseDamaged(ending);
      const { path, firstZxid } = ending;
      if (tail.kind === 'unended') unended = { path, firstZxid, offset: tail.offset };
      if (tail.kind === 'torn') torn.push({ path, offset: tail.offset });
    }
    return unended;
  }

  /** The first entry behind the end of a file: does it show that nothing was lost there? */
  #connect(path: string, offset: number, zxid: Zxid): void {
    const endings = this.#endings;
    this.#endings = [];
    if (zxid <= this.last + 1n) return;
    for (const ending of endings) {
      const tail = this.#refuseDamaged(ending);
      // Whole, so it may have been acknowledged, and nothing here shows that it was not.
      if (tail.kind === 'unended') throw this.damage(ending.path, tail.offset, tail.reason);
    }
    const isNewEpoch = epochOf(zxid) > epochOf(this.last) && counterOf(zxid) === 1;
    if (!isNewEpoch) throw this.#hole(path, offset, zxid);
  }

  #refuseDamaged(ending: Ending): LogTail {
    const tail = ending.judge();
    if (tail.kind === 'damaged') throw this.damage(ending.path, tail.offset, tail.reason);
    return tail;
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
