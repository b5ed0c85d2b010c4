// A leader's snapshot on its way to being this server's history on disk: whatever an earlier one replaced goes, the
// file is written beside the running server and then takes the place of everything older
// (storage/received-snapshot.ts). In: the database it was read into. Out: its completion, or the error after which the
// process must not go on.

import type { Database } from '../core/tree/database.ts';
import { SnapshotSource } from '../core/tree/snapshot-body.ts';
import type { Clock, Files, Log, Timer } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { DataDirectories } from '../storage/data-directories.ts';
import {
  adoptReceivedSnapshot,
  receivedSnapshotName,
  removeReplaced,
} from '../storage/received-snapshot.ts';
import type { ServerConfig } from './config.ts';
import type { DiskSnapshots } from './disk-snapshots.ts';

export interface ReceivedSnapshotPorts {
  readonly clock: Clock;
  readonly files: Files;
  readonly log: Log;
}

export interface ReceivedSnapshotOptions {
  readonly directories: DataDirectories;
  readonly config: Pick<ServerConfig, 'snapshotCompression'>;
  readonly snapshots: DiskSnapshots;
}

const progressEveryMs = 1000;

/** No log may be open. `failed` gets FileError; a full disk is one here. Neither is called when `snapshots` ends it. */
export function saveReceived(
  { clock, files, log }: ReceivedSnapshotPorts,
  { directories, config, snapshots }: ReceivedSnapshotOptions,
  database: Database,
  done: () => void,
  failed: (error: FileError) => void,
): void {
  const attempt = (work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      failed(error);
      return false;
    }
  };
  if (!attempt(() => removeReplaced(files, directories))) return;
  const image = new SnapshotSource(database);
  let timer: Timer | undefined;
  const report = () => {
    timer = clock.schedule(progressEveryMs, () => {
      const percent = Math.floor(100 * image.progress);
      log.log('info', `writing the leader's snapshot: ${percent} %`);
      report();
    });
  };
  report();
  snapshots.write(
    image,
    (result) => {
      timer?.cancel();
      if (result.kind === 'cancelled') return;
      if (result.kind !== 'written') failed(result.error);
      else if (attempt(() => adoptReceivedSnapshot(files, log, directories))) done();
    },
    receivedSnapshotName(files, directories, image.zxid, config.snapshotCompression),
  );
}
