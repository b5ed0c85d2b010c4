// Recovery beside a running loop: in slices, so that signals are heard, with a line of progress once a second and one
// about the result. In: the directories and the configuration. Out: the recovered state, or the error that names what
// stands in the way.

import type { Database } from '../core/tree/database.ts';
import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';
import type { DataDirectories } from '../storage/data-directories.ts';
import { DataDirectoryError } from '../storage/data-directories.ts';
import type { Recovered, RecoveryOptions, RecoveryPorts } from '../storage/recovery.ts';
import { recover } from '../storage/recovery.ts';
import type { ServerConfig } from './config.ts';
import type { SliceGroup } from './slice-group.ts';
import { snapshotFormOf } from './storage-settings.ts';

const sliceMs = 50;
const progressEveryMs = 1000;

export interface HistoryRecoveryOptions
  extends Pick<RecoveryOptions, 'sessionSeen' | 'replayed' | 'lengthMax'> {
  readonly config: ServerConfig;
  readonly directories: DataDirectories;
  readonly acceptDataLoss: Zxid | undefined;
  readonly makeDatabase: () => Database;
}

/** `failed` gets CorruptionError, DataDirectoryError or FileError. */
export function recoverInSlices(
  work: SliceGroup,
  ports: RecoveryPorts,
  options: HistoryRecoveryOptions,
  done: (recovered: Recovered) => void,
  failed: (error: unknown) => void,
): void {
  const { clock, log } = ports;
  const { config, ...rest } = options;
  const steps = recover(ports, {
    ...rest,
    dbAutocreate: config.dbAutocreate,
    trustEmptySnapshot: config.trustEmptySnapshot,
    form: snapshotFormOf(config),
  });
  let saidAt = clock.now();
  work.run(steps, {
    ...{ sliceMs, failed },
    stepped: ({ phase, done: bytes, total }, now) => {
      if (now - saidAt < progressEveryMs) return;
      saidAt = now;
      const percent = total > 0 ? ` (${Math.floor((100 * bytes) / total)} %)` : '';
      log.log('info', `${phase}: ${megabytes(bytes)} of ${megabytes(total)} MB${percent}`);
    },
    done: (recovered) => {
      const lost = recovered.database.nodeWithoutAcl();
      for (const line of linesOf(recovered, config.dataDir)) log.log(...line);
      if (lost === undefined) done(recovered);
      else failed(new DataDirectoryError(`the ACL of ${lost} is nowhere in ${config.dataDir}`));
    },
  });
}

function linesOf(recovered: Recovered, dataDir: string): ['info' | 'warn', string][] {
  const { database, snapshot, txns, replayMs, lastZxid, rejected } = recovered;
  const from =
    snapshot === undefined
      ? 'no snapshot'
      : `snapshot 0x${hexZxid(snapshot.zxid)} (${snapshot.bytes} bytes) in ${Math.round(snapshot.ms)} ms`;
  const what = `${database.tree.nodeCount} nodes and ${database.sessions.size} sessions`;
  return [
    [
      'info',
      `recovered ${what} up to zxid 0x${hexZxid(lastZxid)} from ${dataDir}: ${from}, ` +
        `${txns} transactions in ${Math.round(replayMs)} ms`,
    ],
    ...rejected.map(({ message }): ['warn', string] => ['warn', `not used: ${message}`]),
  ];
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
