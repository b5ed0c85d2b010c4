// The two version-2 directories: snapshots under dataDir, logs under dataLogDir (FileTxnSnapLog's constructor).
// Makes them or says why not, refuses swapped ones, clears what unfinished writes of ours left, and measures them.
// Invariant: after `prepareDirectories` both exist, can be written to, and their names survive a power loss. Differs
// from Java: Java looks at permission bits; a small file is really written here (read-only mounts, full quotas).

import type { Files } from '../ports.ts';
import { FileError } from '../ports.ts';
import { parseFileName } from './file-names.ts';

/** Java ends with exit code 3 on these (ExitCode.UNABLE_TO_ACCESS_DATADIR). */
export class DataDirectoryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DataDirectoryError';
  }
}

export interface DirectoryOptions {
  readonly dataDir: string;
  /** undefined: the same as dataDir. */
  readonly dataLogDir: string | undefined;
  /** `zookeeper.datadir.autocreate`. */
  readonly autocreate: boolean;
}

export interface DataDirectories {
  /** dataDir/version-2 */
  readonly snapshots: string;
  /** dataLogDir/version-2 */
  readonly logs: string;
  /** dataLogDir/initialize: Java looks for it beside the log directory. */
  readonly initialize: string;
}

const probeName = 'tmp-probe';

/** Throws DataDirectoryError. */
export function prepareDirectories(files: Files, options: DirectoryOptions): DataDirectories {
  const dataLogDir = options.dataLogDir ?? options.dataDir;
  const logs = files.join(dataLogDir, 'version-2');
  const snapshots = files.join(options.dataDir, 'version-2');
  prepare(files, logs, 'data', options.autocreate);
  if (snapshots !== logs) {
    prepare(files, snapshots, 'snap', options.autocreate);
    const wrong = 'Check if dataLogDir and dataDir configuration is correct.';
    if (files.list(logs).some((name) => name.startsWith('snapshot.'))) {
      throw new DataDirectoryError(`Log directory ${logs} has snapshot files. ${wrong}`);
    }
    if (files.list(snapshots).some((name) => name.startsWith('log.'))) {
      throw new DataDirectoryError(`Snapshot directory ${snapshots} has log files. ${wrong}`);
    }
  }
  return { logs, snapshots, initialize: files.join(dataLogDir, 'initialize') };
}

function prepare(
  files: Files,
  directory: string,
  what: 'data' | 'snap',
  autocreate: boolean,
): void {
  try {
    const status = files.status(directory);
    if (status === undefined) {
      if (!autocreate) {
        throw new DataDirectoryError(
          `Missing ${what} directory ${directory}, automatic data directory creation is disabled ` +
            '(zookeeper.datadir.autocreate is false). Please create this directory manually.',
        );
      }
      makeDurable(files, directory);
    } else if (status.kind !== 'directory') {
      throw new DataDirectoryError(`${directory} is not a directory`);
    }
    const probe = files.join(directory, probeName);
    files.open(probe, 'create').close();
    files.remove(probe);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new DataDirectoryError(
      `Cannot write to ${what} directory ${directory}: ${error.message}`,
    );
  }
}

/** Makes a directory and what is missing above it, each with its name on disk. */
function makeDurable(files: Files, directory: string): void {
  const parents: string[] = [];
  for (let path = directory; files.status(path) === undefined; path = files.join(path, '..')) {
    parents.push(files.join(path, '..'));
  }
  files.makeDirectories(directory);
  // A start that was cut off may have made it and not synced its name.
  if (parents.length === 0) files.syncDirectoryNow(files.join(directory, '..'));
  for (const parent of parents) files.syncDirectoryNow(parent);
}

/** Removes unfinished snapshots and the unused next log. Returns their names. */
export function removeLeftovers(files: Files, directories: DataDirectories): string[] {
  const removed: string[] = [];
  for (const directory of new Set([directories.snapshots, directories.logs])) {
    for (const name of files.list(directory)) {
      if (parseFileName(name).kind !== 'leftover' && name !== probeName) continue;
      files.remove(files.join(directory, name));
      removed.push(name);
    }
  }
  return removed;
}

/**
 * Bytes of all the files in a directory, as their lengths say, preallocation included
 * (ZooKeeperServer.getDirSize).
 */
export function directorySize(files: Files, directory: string): number {
  let size = 0;
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    let names: string[];
    try {
      names = files.list(next);
    } catch {
      // Gone meanwhile: what is no longer there has no size.
      continue;
    }
    for (const name of names) {
      const path = files.join(next, name);
      const status = files.status(path);
      if (status?.kind === 'directory') waiting.push(path);
      else size += status?.length ?? 0;
    }
  }
  return size;
}
