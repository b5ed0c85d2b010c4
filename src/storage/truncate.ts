// Takes away what a leader never had (FileTxnLog.truncate, ZKDatabase.truncateLog): every transaction above a zxid,
// from the log files and from the snapshots. In: the directories, with no log file open. Out: files that hold the
// history up to the zxid, durably, or the reason why they cannot; the caller then loads the state anew from them.
//
// Invariants: nothing is changed unless what is left can be loaded; whenever it is cut off, what is on disk is a
// history this server had (later files go first, newest first, then the cut, then the snapshots), and it is not
// acknowledged. Different from Java on purpose: the cut is before the first transaction above the zxid, also where
// the zxid itself is not in the log (Java keeps one too many); snapshots above it are set aside (Java loads them
// again, ZOOKEEPER-1549); a name that cannot be removed is an error.

import type { Codec, Files, Log } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';
import { CorruptionError } from './corruption-error.ts';
import type { DataDirectories } from './data-directories.ts';
import { DurableMarkWriter, removeDurableMark } from './durable-mark.ts';
import type { LogFileName, SnapshotFileName } from './file-names.ts';
import { logFiles, setAsideName, snapshotFiles } from './file-names.ts';
import { LogReader } from './log-reader.ts';
import { verifySnapshot } from './snapshot-reader.ts';

export interface TruncatePorts {
  readonly files: Files;
  readonly codec: Codec;
  readonly log: Log;
}

export interface TruncateOptions {
  readonly directories: DataDirectories;
  readonly zxid: Zxid;
  /** The longest entry: jute.maxbuffer plus the extra size. */
  readonly entryLengthMax: number;
}

/** 'impossible': nothing was changed; only a snapshot of the leader will do. */
export type Truncation =
  | { readonly kind: 'truncated' }
  | { readonly kind: 'impossible'; readonly reason: string };

/** Entries between two looks at the clock by whoever drives this. */
const entriesPerStep = 512;

/** Yields between slices of work. Throws FileError, after which the process must not go on. */
export function* truncate(
  ports: TruncatePorts,
  options: TruncateOptions,
): Generator<undefined, Truncation> {
  const { files, log } = ports;
  const { directories, zxid } = options;
  const snapshots = snapshotFiles(files.list(directories.snapshots));
  const logs = logFiles(files.list(directories.logs));
  const dirty = snapshots.filter((file) => file.zxid > zxid);
  const later = logs.filter((file) => file.zxid > zxid);
  const last = logs.at(-1 - later.length);
  const reason = yield* obstacle(ports, options, snapshots, logs);
  if (reason !== undefined) return { kind: 'impossible', reason };
  const cut = last === undefined ? undefined : yield* findCut(files, options, last);
  if (typeof cut === 'string') return { kind: 'impossible', reason: cut };

  const isChanged = later.length > 0 || cut !== undefined;
  if (isChanged) settleMark(files, directories.logs, last, cut);
  for (const { name } of later.toReversed()) {
    files.remove(files.join(directories.logs, name));
    log.log('warn', `${name} is above 0x${hexZxid(zxid)} -> removed`);
  }
  if (isChanged) files.syncDirectoryNow(directories.logs);
  yield;
  if (last !== undefined && cut !== undefined) cutAt(ports, options, last, cut);
  for (const { name } of dirty) setAside(ports, directories.snapshots, name);
  if (dirty.length > 0) files.syncDirectoryNow(directories.snapshots);
  return { kind: 'truncated' };
}

/**
 * The mark may speak of what is taken away: half a cut would look like damage, and a new log may get an old one's name.
 * Where a file is cut it vouches for what stays. A power loss can leave zeros where the cut begins and whole entries
 * behind them (the system clears the rest of a block before the new length is on disk): with the mark it is clear that
 * they are to go.
 */
function settleMark(
  files: Files,
  logs: string,
  last: LogFileName | undefined,
  cut: number | undefined,
): void {
  if (last === undefined || cut === undefined) {
    removeDurableMark(files, logs);
    return;
  }
  const mark = new DurableMarkWriter(files, logs);
  try {
    mark.write({ file: last.zxid, offset: cut });
    mark.syncNow();
  } finally {
    mark.close();
  }
}

/** Why what would be left could not be loaded. */
function* obstacle(
  { files, codec }: TruncatePorts,
  { directories, zxid }: TruncateOptions,
  snapshots: readonly SnapshotFileName[],
  logs: readonly LogFileName[],
): Generator<undefined, string | undefined> {
  const clean = snapshots.filter((file) => file.zxid <= zxid);
  // Logs alone are enough when they begin at the beginning.
  if (clean.length === 0 && snapshots.length === 0 && logs[0]?.zxid === 1n) return undefined;
  if (clean.length > 0 && clean.length === snapshots.length) return undefined;
  // The state came from a snapshot that has to go: the one before it must be whole, and the logs must go on from it.
  for (const { name, compression, zxid: from } of clean) {
    const path = files.join(directories.snapshots, name);
    try {
      for (const _ of verifySnapshot({ files, codec, path, compression })) yield;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      continue;
    }
    if (from === zxid || logs.some((file) => file.zxid <= from + 1n)) return undefined;
    return `no log goes on from ${name}`;
  }
  return `no snapshot at or before 0x${hexZxid(zxid)} is whole`;
}

/**
 * Where in the last file the first transaction above the zxid begins; undefined: it has none. A text: what is
 * wrong.
 */
function* findCut(
  files: Files,
  { directories, zxid, entryLengthMax }: TruncateOptions,
  { name }: LogFileName,
): Generator<undefined, number | string | undefined> {
  const file = files.open(files.join(directories.logs, name), 'read');
  try {
    const reader = new LogReader(file, entryLengthMax);
    for (let count = 1; reader.next(); count++) {
      if (reader.zxid > zxid) return reader.offset;
      if (count % entriesPerStep === 0) yield;
    }
    const { stop } = reader;
    if (stop === undefined || stop.why === 'end' || stop.why === 'cut') return undefined;
    return `${name} at byte ${stop.offset}: ${stop.detail}`;
  } finally {
    file.close();
  }
}

function cutAt(
  { files, log }: TruncatePorts,
  { directories, zxid }: TruncateOptions,
  { name }: LogFileName,
  offset: number,
): void {
  const file = files.open(files.join(directories.logs, name), 'update');
  try {
    file.setLength(offset);
    file.sync();
  } finally {
    file.close();
  }
  log.log('warn', `${name} is cut at byte ${offset}, above 0x${hexZxid(zxid)}`);
}

function setAside({ files, log }: TruncatePorts, directory: string, name: string): void {
  let target = setAsideName(name);
  for (let n = 2; files.status(files.join(directory, target)) !== undefined; n++) {
    target = `${setAsideName(name)}-${n}`;
  }
  files.rename(files.join(directory, name), files.join(directory, target));
  log.log('warn', `${name} set aside as ${target}`);
}
