// Asks the log files whether a learner that ends at some zxid can be brought up to date from them
// (FileTxnLog.readTxnsSince with its size limit): which transactions stand beside that zxid, and how many bytes would
// have to be read. In: the directory and the span. Out: the answer, or undefined when the files do not reach back.
//
// Only the file the span begins in is read, up to that place; of the others just the end of their entries is looked
// for, as preallocated lengths say nothing. Whether the history is unbroken shows while it is read
// (log-history-reader.ts), and the learner gets nothing that does not follow.

import type { Files } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { counterOf, epochOf } from '../proto/zxid.ts';
import type { LogFileName } from './file-names.ts';
import { logFiles } from './file-names.ts';
import { LogReader } from './log-reader.ts';

/** core/zab's LogCover. */
export interface LogSpan {
  readonly from: Zxid;
  readonly to: Zxid;
  readonly bytes: number;
  readonly hasFrom: boolean;
  readonly before: Zxid | undefined;
  readonly next: Zxid | undefined;
}

export interface LogPlace {
  readonly files: Files;
  /** dataLogDir/version-2 */
  readonly directory: string;
  /** The longest entry: jute.maxbuffer plus the extra size. */
  readonly entryLengthMax: number;
}

interface Neighbours {
  hasFrom: boolean;
  before: Zxid | undefined;
  next: Zxid | undefined;
  /** Where the entry of `next` begins in the file that was read; undefined: it is not in there. */
  nextAt: number | undefined;
}

/** Entries between two looks at the clock by whoever drives this. */
const entriesPerStep = 256;
const chunkLength = 1 << 20;

/** Yields between slices of work. `from` < `to`. Throws FileError: a file may be purged meanwhile. */
export function* surveyLog(
  place: LogPlace,
  from: Zxid,
  to: Zxid,
): Generator<undefined, LogSpan | undefined> {
  const logs = logFiles(place.files.list(place.directory)).filter(({ zxid }) => zxid <= to);
  let first = logs.findLastIndex(({ zxid }) => zxid <= from);
  let found: Neighbours = { hasFrom: false, before: undefined, next: undefined, nextAt: undefined };
  for (; first >= 0 && !found.hasFrom && found.before === undefined; first--) {
    found = yield* findNeighbours(place, logs[first], from);
  }
  first++;
  // The first entry of a file is in its name.
  const isIn = found.nextAt !== undefined;
  if (!isIn) found.next = logs.find(({ zxid }) => zxid > from)?.zxid;
  const { hasFrom, next } = found;
  const before = found.before;
  if (next === undefined) return undefined;
  if (hasFrom ? !follows(from, next) : !isBetween(before, from, next)) return undefined;
  let bytes = 0;
  for (const [i, file] of logs.entries()) {
    if (i < first) continue;
    const end = yield* entriesEnd(place, file);
    bytes += Math.max(0, i === first ? end - (found.nextAt ?? end) : end);
  }
  return { from, to, bytes, hasFrom, before, next };
}

function* findNeighbours(
  { files, directory, entryLengthMax }: LogPlace,
  log: LogFileName | undefined,
  from: Zxid,
): Generator<undefined, Neighbours> {
  const found: Neighbours = {
    ...{ hasFrom: false, before: undefined, next: undefined, nextAt: undefined },
  };
  if (log === undefined) return found;
  const file = files.open(files.join(directory, log.name), 'read');
  try {
    const reader = new LogReader(file, entryLengthMax);
    for (let count = 1; reader.next(); count++) {
      const { zxid } = reader;
      if (zxid > from) {
        found.next = zxid;
        found.nextAt = reader.offset;
        return found;
      }
      if (zxid === from) found.hasFrom = true;
      else found.before = zxid;
      if (count % entriesPerStep === 0) yield;
    }
    return found;
  } finally {
    file.close();
  }
}

/** The byte behind the last that is not zero: an entry ends with its mark. */
function* entriesEnd(
  { files, directory }: LogPlace,
  { name }: LogFileName,
): Generator<undefined, number> {
  const file = files.open(files.join(directory, name), 'read');
  try {
    const chunk = new Uint8Array(chunkLength);
    const words = new Int32Array(chunk.buffer);
    const length = file.length();
    for (let at = length - (length % chunkLength); at >= 0; at -= chunkLength) {
      let end = file.read(chunk, at);
      while (end % 4 !== 0 && chunk[end - 1] === 0) end--;
      while (end >= 4 && end % 4 === 0 && words[end / 4 - 1] === 0) end -= 4;
      while (end > 0 && chunk[end - 1] === 0) end--;
      if (end > 0) return at + end;
      yield;
    }
    return 0;
  } finally {
    file.close();
  }
}

function isBetween(before: Zxid | undefined, from: Zxid, next: Zxid): boolean {
  if (before === undefined) return next === from + 1n;
  return follows(before, next);
}

/** The next counter, or the first of a later epoch. */
export function follows(last: Zxid, next: Zxid): boolean {
  return next === last + 1n || (epochOf(next) > epochOf(last) && counterOf(next) === 1);
}
