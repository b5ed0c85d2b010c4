// Reads committed transactions back from the log files, a piece at a time, for learners that are behind what is in
// memory (FileTxnLog.readTxnsSince, LearnerHandler.queueCommittedProposals). In: the zxid a learner has and the one to
// read to. Out: copies of what follows, in order; or why the files cannot give it.
//
// A piece goes on where the last one ended, so a file is not searched from its beginning each time. Files may be
// purged, or be written to, while they are read; nothing above `to` is looked at. A snapshot of a zxid that the log
// passes over came from a leader and says that transactions are missing there: the reading fails, as nothing else
// would show a hole before a new epoch.

import { FileError } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';
import { copyBytes } from '../util/bytes.ts';
import type { LogFileName } from './file-names.ts';
import { logFiles, snapshotFiles } from './file-names.ts';
import { LogReader } from './log-reader.ts';
import type { LogPlace } from './log-survey.ts';

export interface LogTxn {
  readonly zxid: Zxid;
  /** Header, record and digest: `bytes[start, end)`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export interface LogPiece {
  readonly txns: readonly LogTxn[];
  /** Everything up to the zxid that was asked for was given, or the files hold no more. */
  readonly isEnd: boolean;
  readonly failure: string | undefined;
}

interface Cursor {
  readonly name: string;
  readonly offset: number;
}

/** Entries between two looks at the clock by whoever drives this. */
const entriesPerStep = 256;
/** Learners that are read for at once, and a few that are gone. */
const cursorsMax = 64;
/** Beyond what was asked for, so that the last entry seldom needs a buffer of its own. */
const spare = 1 << 14;

export class LogHistoryReader {
  readonly #place: LogPlace;
  readonly #snapshots: string;
  /** Where the entry behind a zxid begins. */
  readonly #cursors = new Map<Zxid, Cursor>();

  /** `snapshots`: dataDir/version-2 */
  constructor(place: LogPlace, snapshots: string) {
    this.#place = place;
    this.#snapshots = snapshots;
  }

  /** The log was cut or replaced: names may stand for other files now. */
  forget(): void {
    this.#cursors.clear();
  }

  /** At least one transaction and about `bytes`, all above `after` and none above `to`. Yields between slices. */
  *read(after: Zxid, to: Zxid, bytes: number): Generator<undefined, LogPiece> {
    const piece = new Piece(after, to, bytes, this.#foreignBetween(after, to));
    try {
      const { files, directory } = this.#place;
      const logs = logFiles(files.list(directory)).filter(({ zxid }) => zxid <= to);
      const cursor = this.#cursors.get(after);
      this.#cursors.delete(after);
      const isKnown = cursor !== undefined && logs.some(({ name }) => name === cursor.name);
      const first = isKnown
        ? logs.findIndex(({ name }) => name === cursor.name)
        : Math.max(
            0,
            logs.findLastIndex(({ zxid }) => zxid <= after),
          );
      for (const [i, log] of logs.entries()) {
        if (i < first) continue;
        const from = i === first && isKnown ? cursor.offset : 0;
        const end = yield* this.#readFile(log, from, piece);
        if (end === undefined) continue;
        this.#keep(piece.last, { name: log.name, offset: end });
        return piece.result(piece.isOver);
      }
      return piece.result(true);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return { txns: [], isEnd: false, failure: error.message };
    }
  }

  /** Returns where to go on when the piece is full; undefined: the file has no more. */
  *#readFile(
    { name }: LogFileName,
    from: number,
    piece: Piece,
  ): Generator<undefined, number | undefined> {
    const { files, directory, entryLengthMax } = this.#place;
    const file = files.open(files.join(directory, name), 'read');
    try {
      const reader = new LogReader(file, entryLengthMax, from);
      for (let count = 1; reader.next(); count++) {
        const { zxid, bytes, start, end } = reader;
        if (piece.take(zxid, bytes, start, end)) return reader.nextOffset;
        if (count % entriesPerStep === 0) yield;
      }
      return undefined;
    } finally {
      file.close();
    }
  }

  #keep(zxid: Zxid, cursor: Cursor): void {
    this.#cursors.set(zxid, cursor);
    for (const oldest of this.#cursors.keys()) {
      if (this.#cursors.size <= cursorsMax) return;
      this.#cursors.delete(oldest);
    }
  }

  /** Zxids of snapshots, lowest first. */
  #foreignBetween(after: Zxid, to: Zxid): Zxid[] {
    const names = this.#place.files.list(this.#snapshots);
    return snapshotFiles(names)
      .map(({ zxid }) => zxid)
      .filter((zxid) => zxid > after && zxid < to)
      .reverse();
  }
}

class Piece {
  /** The newest taken, or what the learner has. */
  last: Zxid;
  /** There is nothing more up to `to`. */
  isOver = false;
  readonly #to: Zxid;
  readonly #bytesWanted: number;
  readonly #snapshots: Zxid[];
  readonly #txns: LogTxn[] = [];
  readonly #buffer: Uint8Array;
  #at = 0;
  #bytes = 0;
  #failure: string | undefined;

  constructor(after: Zxid, to: Zxid, bytes: number, snapshots: Zxid[]) {
    this.last = after;
    this.#to = to;
    this.#bytesWanted = bytes;
    this.#snapshots = snapshots;
    this.#buffer = new Uint8Array(bytes + spare);
  }

  /** True when no more is wanted. */
  take(zxid: Zxid, bytes: Uint8Array, start: number, end: number): boolean {
    if (zxid <= this.last) return false;
    this.isOver = zxid >= this.#to;
    if (zxid > this.#to) return true;
    for (let next = this.#snapshots[0]; next !== undefined && next <= zxid; ) {
      if (next < zxid) {
        this.#failure = `snapshot.${hexZxid(next)} is of a history that the logs do not hold`;
        return true;
      }
      this.#snapshots.shift();
      next = this.#snapshots[0];
    }
    this.#txns.push(this.#copy(zxid, bytes, start, end));
    this.last = zxid;
    this.#bytes += end - start;
    return this.isOver || this.#bytes >= this.#bytesWanted;
  }

  result(isEnd: boolean): LogPiece {
    const failure = this.#failure;
    return { txns: this.#txns, isEnd: isEnd && failure === undefined, failure };
  }

  #copy(zxid: Zxid, bytes: Uint8Array, start: number, end: number): LogTxn {
    const length = end - start;
    if (this.#at + length > this.#buffer.length) {
      return { zxid, bytes: copyBytes(bytes, start, end), start: 0, end: length };
    }
    this.#buffer.set(bytes.subarray(start, end), this.#at);
    this.#at += length;
    return { zxid, bytes: this.#buffer, start: this.#at - length, end: this.#at };
  }
}
