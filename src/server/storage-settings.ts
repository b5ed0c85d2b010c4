// What of the configuration the storage gets: the one place where keys become its options. In: the configuration and
// the directories. Out: options of the log, of snapshots and of the purge, units as their names say. What the tree and
// the machine get is in replica-settings.ts.

import type { DataDirectories } from '../storage/data-directories.ts';
import type { PurgeTaskOptions } from '../storage/purge-task.ts';
import type { SnapshotForm } from '../storage/snapshot-encoder.ts';
import type { TxnLogOptions } from '../storage/txn-log.ts';
import type { ServerConfig } from './config.ts';

const hourMs = 3_600_000;

export function txnLogOptionsOf(
  config: ServerConfig,
  { logs }: DataDirectories,
): Omit<TxnLogOptions, 'lastZxid' | 'stats'> {
  return {
    directory: logs,
    preAllocSizeKb: config.preAllocSizeKb,
    forceSync: config.forceSync,
    txnLogSizeLimitKb: config.txnLogSizeLimitKb,
    fsyncWarningThresholdMs: config.fsyncWarningThresholdMs,
  };
}

export function snapshotFormOf(
  config: Pick<ServerConfig, 'snapshotCompression' | 'digestEnabled'>,
): SnapshotForm {
  return { compression: config.snapshotCompression, digestEnabled: config.digestEnabled };
}

export function purgeOptionsOf(
  config: ServerConfig,
  { snapshots, logs }: DataDirectories,
): PurgeTaskOptions {
  return {
    snapshots,
    logs,
    retain: config.snapRetainCount,
    intervalHours: config.purgeIntervalMs / hourMs,
  };
}
