// Removes what no recovery needs any more (PurgeTxnLog.purge): keeps the n newest snapshots that are whole, every
// log they need, and whatever is newer. A generator: files are verified to their last byte, and that takes time.
//
// What a leader's snapshot replaced (received-snapshot.ts) goes when as many snapshots of what came after are kept.
//
// Invariants: never removes the newest whole snapshot nor a log it needs; snapshots go before logs and the oldest
// first, so that at any crash what is left still has its logs. Differs from Java: Java looks at five bytes to call a
// snapshot valid, so three damaged ones could push out the only good one.

import type { Codec, Files, Log } from '../ports.ts';
import { CorruptionError } from './corruption-error.ts';
import type { SnapshotFileName } from './file-names.ts';
import { logFiles, snapshotFiles } from './file-names.ts';
import { holdsNothing, logsFor } from './needed-logs.ts';
import { removeReplaced } from './received-snapshot.ts';
import { verifySnapshot } from './snapshot-reader.ts';

export interface PurgeOptions {
  /** dataDir/version-2 */
  readonly snapshots: string;
  /** dataLogDir/version-2 */
  readonly logs: string;
  /** `autopurge.snapRetainCount`; fewer than 3 count as 3. */
  readonly retain: number;
}

export interface PurgePorts {
  readonly files: Files;
  readonly codec: Codec;
  readonly log: Log;
}

export const retainLeast = 3;

/**
 * Yields while it works; returns the paths it removed. `verified` remembers snapshots found whole, by
 * path and length,
 * from one purge to the next. Throws FileError.
 */
export function* purge(
  ports: PurgePorts,
  options: PurgeOptions,
  verified: Map<string, number> = new Map(),
): Generator<void, string[]> {
  const { files, log } = ports;
  const kept = yield* keep(ports, options, verified);
  const oldest = kept.at(-1);
  if (oldest === undefined) return [];
  const logs = logFiles(files.list(options.logs));
  const isEmpty = (file: { name: string }): boolean =>
    holdsNothing(files, files.join(options.logs, file.name));
  const needed = new Set(logsFor(logs, oldest.zxid, isEmpty).map(({ name }) => name));
  const removed: string[] = [];
  const remove = (directory: string, names: readonly string[]): void => {
    for (const name of names) {
      const path = files.join(directory, name);
      files.remove(path);
      verified.delete(path);
      removed.push(path);
      log.log('info', `Removing file: ${path}`);
    }
    if (names.length > 0) files.syncDirectoryNow(directory);
  };
  const oldSnapshots = snapshotFiles(files.list(options.snapshots))
    .filter(({ zxid }) => zxid < oldest.zxid)
    .map(({ name }) => name)
    .reverse();
  remove(options.snapshots, oldSnapshots);
  yield;
  const oldLogs = logs.filter(({ name, zxid }) => zxid < oldest.zxid && !needed.has(name));
  remove(
    options.logs,
    oldLogs.map(({ name }) => name),
  );
  if (kept.length < Math.max(retainLeast, options.retain)) return removed;
  for (const path of removeReplaced(files, options)) {
    removed.push(path);
    log.log('info', `Removing file: ${path}`);
  }
  return removed;
}

/** The newest whole snapshots, newest first. */
function* keep(
  { files, codec, log }: PurgePorts,
  options: PurgeOptions,
  verified: Map<string, number>,
): Generator<void, SnapshotFileName[]> {
  const kept: SnapshotFileName[] = [];
  const retain = Math.max(retainLeast, options.retain);
  for (const file of snapshotFiles(files.list(options.snapshots))) {
    if (kept.length === retain) break;
    const path = files.join(options.snapshots, file.name);
    const length = files.status(path)?.length;
    if (length === undefined) continue;
    if (verified.get(path) !== length) {
      try {
        const location = { files, codec, path, compression: file.compression };
        for (const _ of verifySnapshot(location)) yield;
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        log.log('warn', `${error.message} -> not counted as a snapshot`);
        continue;
      }
      verified.set(path, length);
    }
    kept.push(file);
  }
  return kept;
}
