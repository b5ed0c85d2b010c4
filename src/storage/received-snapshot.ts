// Puts a leader's snapshot in the place of everything a server had (Learner.syncWithLeader, SNAP). What it had may go
// beyond the snapshot or beside it (transactions that nobody else kept), so neither its logs nor its snapshots may ever
// be read together with the new one.
//
// One rename decides. The snapshot is written and synced as tmp-snapshot-…, then named received-…: before that name is
// on disk the old history counts, from then on the new one, and whoever finds the name finishes the change (recovery
// does so first of all): logs aside, synced; snapshots aside, synced; the new one under its real name, synced. Each
// step can be repeated. A mixture would need an old log or a snapshot above the new one beside its real name; both are
// gone, on disk, before it gets that. Older files go too: behind a snapshot that is damaged later they would end in a
// hole that the beginning of an epoch can hide. They stay as replaced-…, which nobody reads, until the next such
// change or until purge has as many newer snapshots as it keeps. The deciding name carries a sum of the names it
// replaces: where a Java server, which does not know it, was at work in between, its files are newer than the
// decision. Differs from Java, which leaves the old logs where they are and replays them over the snapshot.

import { encodeUtf8 } from '../jute/utf8.ts';
import type { Files, Log } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { adler32 } from '../util/checksums.ts';
import type { DataDirectories } from './data-directories.ts';
import { removeDurableMark } from './durable-mark.ts';
import type { Compression } from './file-names.ts';
import {
  logFiles,
  parseFileName,
  setAsideName,
  snapshotFiles,
  snapshotName,
} from './file-names.ts';

const receivedPattern = /^received-([0-9a-f]{1,8})-(snapshot\..+)$/;
const replacedPrefix = 'replaced-';

/** The name that makes a whole snapshot this server's history, in place of what is there now. */
export function receivedSnapshotName(
  files: Files,
  directories: DirectoryPair,
  zxid: Zxid,
  compression: Compression,
): string {
  return `received-${sumOfNames(files, directories)}-${snapshotName(zxid, compression)}`;
}

/** Finishes a change that was decided, if there is one; no log may be open. Throws FileError. */
export function adoptReceivedSnapshot(files: Files, log: Log, directories: DataDirectories): void {
  const { logs, snapshots } = directories;
  for (const received of files.list(snapshots)) {
    const [, sum, name = ''] = receivedPattern.exec(received) ?? [];
    if (parseFileName(name).kind !== 'snapshot') continue;
    if (sum !== sumOfNames(files, directories)) {
      const target = setAsideName(received);
      files.rename(files.join(snapshots, received), files.join(snapshots, target));
      files.syncDirectoryNow(snapshots);
      log.log('warn', `${received} was overtaken by another server's files -> ${target}`);
      continue;
    }
    // A mark of an old log would speak of a new one with the same name.
    removeDurableMark(files, logs);
    const oldLogs = logFiles(files.list(logs)).map((file) => file.name);
    for (const old of oldLogs) setReplaced(files, logs, old);
    files.syncDirectoryNow(logs);
    const oldSnapshots = snapshotFiles(files.list(snapshots)).map((file) => file.name);
    for (const old of oldSnapshots) setReplaced(files, snapshots, old);
    files.syncDirectoryNow(snapshots);
    files.rename(files.join(snapshots, received), files.join(snapshots, name));
    files.syncDirectoryNow(snapshots);
    const aside = `${oldLogs.length} logs and ${oldSnapshots.length} snapshots`;
    log.log('info', `${name} is the whole history now -> ${aside} kept as ${replacedPrefix}…`);
  }
}

/** Removes what an earlier change kept; returns the paths. Throws FileError. */
export function removeReplaced(files: Files, directories: DirectoryPair): string[] {
  const removed: string[] = [];
  for (const directory of new Set([directories.snapshots, directories.logs])) {
    for (const name of files.list(directory)) {
      if (!name.startsWith(replacedPrefix)) continue;
      const path = files.join(directory, name);
      files.remove(path);
      removed.push(path);
    }
  }
  return removed;
}

type DirectoryPair = Pick<DataDirectories, 'snapshots' | 'logs'>;

function setReplaced(files: Files, directory: string, name: string): void {
  files.rename(files.join(directory, name), files.join(directory, replacedPrefix + name));
}

/** The same while files are set aside. */
function sumOfNames(files: Files, { snapshots, logs }: DirectoryPair): string {
  const names: string[] = [];
  for (const directory of new Set([snapshots, logs])) {
    for (const name of files.list(directory)) {
      const real = name.startsWith(replacedPrefix) ? name.substring(replacedPrefix.length) : name;
      const { kind } = parseFileName(real);
      if (kind === 'log' || kind === 'snapshot') names.push(real);
    }
  }
  const bytes = encodeUtf8(names.sort().join(' '));
  return adler32(1, bytes, 0, bytes.length).toString(16);
}
