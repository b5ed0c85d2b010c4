// A server's own snapshots: when one is due, and the one that is being written (SyncRequestProcessor). In: what is
// appended, the database. Out: files in the snapshot directory. One at a time; a full disk is no disaster, any other
// failure ends the process, as in Java.

import type { Database } from '../core/tree/database.ts';
import { SnapshotSource } from '../core/tree/snapshot-body.ts';
import type { Clock, Codec, Files, Log, Random } from '../ports.ts';
import { SnapshotSchedule } from '../storage/snapshot-schedule.ts';
import type { SnapshotResult } from '../storage/snapshot-writer.ts';
import { SnapshotWriter } from '../storage/snapshot-writer.ts';
import { assert } from '../util/assert.ts';
import type { ServerConfig } from './config.ts';
import { snapshotFormOf } from './storage-settings.ts';

export interface DiskSnapshotsPorts {
  readonly clock: Clock;
  readonly files: Files;
  readonly random: Random;
  readonly codec: Codec;
  readonly log: Log;
}

export interface DiskSnapshotsOptions {
  readonly config: Pick<
    ServerConfig,
    'snapCount' | 'snapSizeLimitKb' | 'snapshotCompression' | 'digestEnabled'
  >;
  /** dataDir/version-2 */
  readonly directory: string;
  readonly taken: (ms: number) => void;
  readonly failed: (reason: string) => void;
}

export class DiskSnapshots {
  readonly #ports: DiskSnapshotsPorts;
  readonly #options: DiskSnapshotsOptions;
  #schedule: SnapshotSchedule | undefined;
  #writer: SnapshotWriter | undefined;
  /** Who waits for the end of what is being written. */
  #ended: (() => void)[] = [];

  constructor(ports: DiskSnapshotsPorts, options: DiskSnapshotsOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** Counting begins; `replayed` transactions are behind the last snapshot already. */
  start(replayed: number): void {
    this.#schedule = new SnapshotSchedule(this.#ports.random, this.#options.config, replayed);
  }

  /** Transactions were appended: whether a snapshot should begin now. */
  isDue(count: number, bytes: number): boolean {
    return this.#schedule?.appended(count, bytes) === true && this.#writer === undefined;
  }

  /** Writes an image of the tree as it is now; the log was rolled just before. */
  begin(database: Database): void {
    this.#schedule?.restart();
    this.write(new SnapshotSource(database), (result) => {
      if (result.kind === 'written') this.#options.taken(result.ms);
      if (result.kind === 'failed') this.#options.failed(`snapshot: ${result.error.message}`);
    });
  }

  /** `name`: if not that of a snapshot. */
  write(image: SnapshotSource, done: (result: SnapshotResult) => void, name?: string): void {
    assert(this.#writer === undefined, 'one snapshot is written at a time');
    const { config, directory } = this.#options;
    const form = snapshotFormOf(config);
    const ended = (result: SnapshotResult) => {
      this.#writer = undefined;
      const waiting = this.#ended;
      this.#ended = [];
      done(result);
      for (const one of waiting) one();
    };
    this.#writer = new SnapshotWriter(this.#ports, directory, image, form, ended, name);
  }

  /** Gives up what is being written; then `done`, at once if there is nothing. */
  end(done: () => void): void {
    if (this.#writer === undefined) {
      done();
      return;
    }
    this.#ended.push(done);
    this.#writer.cancel();
  }
}
