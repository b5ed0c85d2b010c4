// What a server keeps through all its roles, in memory and on disk: the database, the committed log, the transaction
// log, snapshots and the epoch files (ZKDatabase, FileTxnSnapLog). In: what a role wants written, cut, replaced or
// read. Out: one completion for each, never inside the call; a disk that fails ends the process instead.
//
// Invariants: what is reported done is on disk; the database is the fold of what is on disk up to lastProcessedZxid;
// the committed log is empty or ends with the last transaction recovered or added by the role; the log, the snapshots
// and the database are replaced only while no log is open. How a leader's snapshot takes the place of the old history
// is in storage/received-snapshot.ts, how a history is cut in storage/truncate.ts.

import { Database } from '../core/tree/database.ts';
import { SnapshotSink } from '../core/tree/snapshot-body.ts';
import { CommittedLog } from '../core/zab/committed-log.ts';
import type { EpochName } from '../core/zab/leader-events.ts';
import type { SnapshotIntake } from '../core/zab/learner-events.ts';
import type { LogCover } from '../core/zab/learner-sync.ts';
import type { Writer } from '../jute/writer.ts';
import type { Clock, Codec, Exit, Files, Log, Random } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { CorruptionError } from '../storage/corruption-error.ts';
import type { DataDirectories } from '../storage/data-directories.ts';
import { DataDirectoryError } from '../storage/data-directories.ts';
import type { Epochs } from '../storage/epochs.ts';
import { PurgeTask } from '../storage/purge-task.ts';
import type { Recovered } from '../storage/recovery.ts';
import { truncate } from '../storage/truncate.ts';
import type { LogBatch } from '../storage/txn-log.ts';
import { noLogStats, TxnLog } from '../storage/txn-log.ts';
import { assert, present } from '../util/assert.ts';
import type { ServerConfig } from './config.ts';
import { DiskSnapshots } from './disk-snapshots.ts';
import { EpochStore } from './epoch-store.ts';
import { exitCodes } from './exit-codes.ts';
import { recoverInSlices } from './history-recovery.ts';
import type { LogReadResult } from './log-queries.ts';
import { LogQueries } from './log-queries.ts';
import type { ServerMetrics } from './metrics.ts';
import { treeOptionsOf } from './replica-settings.ts';
import { saveReceived } from './save-received.ts';
import { SliceGroup } from './slice-group.ts';
import { SnapshotImages } from './snapshot-images.ts';
import { purgeOptionsOf, txnLogOptionsOf } from './storage-settings.ts';

export interface HistoryPorts {
  readonly clock: Clock;
  readonly files: Files;
  readonly random: Random;
  readonly codec: Codec;
  readonly log: Log;
  readonly exit: Exit;
}

export interface HistoryOptions {
  readonly config: ServerConfig;
  readonly directories: DataDirectories;
  /** `--accept-data-loss`. */
  readonly acceptDataLoss: Zxid | undefined;
  readonly metrics: ServerMetrics;
  /** Told of every session that the files or a leader's snapshot name, so that no id is given out twice. */
  readonly sessionSeen: (id: bigint) => void;
  /** Only then are epoch files read and committed transactions remembered from the log. */
  readonly ensemble?: { readonly commitLogCount: number } | undefined;
  /** `beginImage` had said no, and may say yes now. */
  readonly imageAvailable?: () => void;
  /** Nothing may be acknowledged from now on; the exit follows. */
  readonly failing?: () => void;
}

/** The longest the loop is held at once, beside a server that serves. */
const sliceMs = 3;

interface Intake {
  readonly zxid: Zxid;
  readonly database: Database;
  readonly sink: SnapshotSink;
}

export class History {
  readonly committedLog: CommittedLog;
  readonly #ports: HistoryPorts;
  readonly #options: HistoryOptions;
  readonly #snapshots: DiskSnapshots;
  readonly #images: SnapshotImages;
  readonly #queries: LogQueries;
  readonly #epochs: EpochStore;
  readonly #hashSeed: number;
  /** Surveys, readings, recovery, a cut: everything that runs in slices. */
  readonly #work: SliceGroup;
  #database: Database | undefined;
  #txnLog: TxnLog | undefined;
  #intake: Intake | undefined;
  #purge: PurgeTask | undefined;
  /** Counters of all its logs, one after the other. */
  readonly logStats = noLogStats();
  #appending = 0;
  /** Log and snapshots belong to a truncation or a leader's snapshot. */
  #isReplacing = false;
  /** What `close` waits for. */
  #shutting = 0;
  #closed: (() => void) | undefined;

  constructor(ports: HistoryPorts, options: HistoryOptions) {
    this.#ports = ports;
    this.#options = options;
    this.committedLog = new CommittedLog({ count: options.ensemble?.commitLogCount ?? 0 });
    this.#snapshots = new DiskSnapshots(ports, {
      ...{ config: options.config, directory: options.directories.snapshots },
      taken: (ms) => options.metrics.snapshotTime.add(ms),
      failed: (reason) => this.#fail(reason),
    });
    this.#images = new SnapshotImages(ports.clock, () => options.imageAvailable?.());
    this.#hashSeed = ports.random.below(0x7fffffff);
    const { logs, snapshots } = options.directories;
    const { files, log, clock } = ports;
    this.#work = new SliceGroup(clock);
    this.#epochs = new EpochStore(files, log, snapshots, (reason) => this.#fail(reason));
    const place = { files, directory: logs, entryLengthMax: this.#lengthMax };
    this.#queries = new LogQueries(this.#work, log, place, snapshots);
  }

  /** Of the last recovery, truncation or snapshot of a leader. */
  get database(): Database {
    return present(this.#database, 'a database: recovery is done');
  }

  get lastZxid(): Zxid {
    return this.database.lastProcessedZxid;
  }

  /** As they are on disk. */
  get epochs(): Epochs {
    return this.#epochs.epochs;
  }

  /** The log that is open now, or was the last to be. */
  get txnLog(): TxnLog {
    return present(this.#txnLog, 'a log: recovery is done');
  }

  /** Nothing is on its way to disk, but snapshots of our own. */
  get isIdle(): boolean {
    return this.#appending === 0 && !this.#epochs.isSaving && !this.#isReplacing;
  }

  /**
   * Recovers the state, in slices, and opens the log. Calls back with undefined, or with what stands in the way:
   * CorruptionError, DataDirectoryError, EpochError, FileError.
   */
  open(done: (error: unknown) => void): void {
    const opened = ({ snapshot, txns, replayMs, lastZxid }: Recovered) => {
      this.#options.metrics.noteLoaded(snapshot?.ms ?? 0, txns, replayMs);
      try {
        // Recovery hands out no history with a hole.
        if (this.#options.ensemble !== undefined) this.#epochs.load(lastZxid);
      } catch (error) {
        done(error);
        return;
      }
      this.#openLog(lastZxid);
      this.#snapshots.start(txns);
      done(undefined);
    };
    this.#recover(this.#options.acceptDataLoss, opened, done);
  }

  /** Cancels what may be cancelled, finishes the rest and closes the log. */
  close(done: () => void): void {
    assert(this.#closed === undefined, 'a history is closed once');
    this.#closed = done;
    this.#purge?.stop();
    this.#work.cancel();
    this.#images.endAll();
    this.#shutting++;
    const shut = () => {
      this.#shutting--;
      this.#settle();
    };
    this.#ports.clock.endOfTurn(() => {
      this.#snapshots.end(() => {
        const log = this.#txnLog;
        if (log === undefined || this.#isReplacing) shut();
        else log.close(shut);
      });
    });
  }

  /** autopurge, from now on. */
  startPurge(): void {
    const { config, directories } = this.#options;
    this.#purge = new PurgeTask(this.#ports, purgeOptionsOf(config, directories));
    this.#purge.start();
  }

  // ---- the log ----

  /** `done` when the batch is on disk; the bytes are the log's until then. */
  append(batch: LogBatch, done: () => void): void {
    this.#appending++;
    this.txnLog.append(batch, (error) => {
      this.#appending--;
      if (error !== undefined) {
        this.#fail(`the transaction log cannot be written: ${error.message}`);
        return;
      }
      this.#queries.synced(batch.lastZxid);
      done();
    });
  }

  /** Transactions went to the log or the tree; now and then a snapshot of the tree as it is begins. */
  applied(count: number, bytes: number): void {
    if (!this.#snapshots.isDue(count, bytes)) return;
    if (this.#isReplacing || this.#closed !== undefined) return;
    this.txnLog.roll();
    this.#snapshots.begin(this.database);
  }

  /** One at a time; `done` when the file and its name are on disk. */
  saveEpoch(name: EpochName, epoch: number, done: () => void): void {
    this.#epochs.save(name, epoch, () => {
      if (this.#closed === undefined) done();
      else this.#settle();
    });
  }

  /** Calls back with what the log files from `from` to `to` hold; undefined: they do not reach back. */
  surveyLog(from: Zxid, to: Zxid, done: (cover: LogCover | undefined) => void): void {
    this.#queries.survey(from, to, this.#appending > 0, done);
  }

  /** Calls back with transactions above `after` up to `to`: at least one, and about `bytes`. */
  readLog(after: Zxid, to: Zxid, bytes: number, done: (read: LogReadResult) => void): void {
    this.#queries.read(after, to, bytes, done);
  }

  // ---- a leader's images ----

  /** An image of the tree as it is now, for the receiver `key`; undefined: not now (`imageAvailable` follows). */
  beginImage(key: object): Zxid | undefined {
    return this.#images.begin(key, this.database);
  }

  writeImage(key: object, into: Writer, atMost: number): boolean {
    return this.#images.write(key, into, atMost);
  }

  endImage(key: object): void {
    this.#images.end(key);
  }

  // ---- a learner's history is cut or replaced ----

  /**
   * Takes away everything above `zxid` and loads the state anew; then `database` is another. `failure`: nothing was
   * changed.
   */
  truncate(zxid: Zxid, done: (lastZxid: Zxid, failure: string | undefined) => void): void {
    this.#beginReplacing((log) => {
      const { directories } = this.#options;
      const options = { directories, zxid, entryLengthMax: this.#lengthMax };
      const failed = (error: unknown) => this.#cannotGoOn('the history cannot be cut', error);
      this.#work.run(truncate(this.#ports, options), {
        ...{ sliceMs, failed },
        done: (truncation) => {
          if (truncation.kind === 'impossible') {
            this.#endReplacing(log.lastZxid);
            done(this.lastZxid, truncation.reason);
            return;
          }
          const loaded = ({ lastZxid, txns }: Recovered) => {
            this.#endReplacing(lastZxid);
            this.#snapshots.start(txns);
            done(lastZxid, undefined);
          };
          this.#recover(undefined, loaded, failed);
        },
      });
    });
  }

  /** Where a leader's snapshot goes; the present state is not touched. */
  beginIntake(zxid: Zxid): SnapshotIntake {
    const database = this.#makeDatabase();
    const sink = new SnapshotSink(database, this.#lengthMax);
    this.#intake = { zxid, database, sink };
    return sink;
  }

  /** The snapshot will not be complete. */
  dropIntake(): void {
    this.#intake = undefined;
  }

  /** Makes the complete snapshot this server's history, on disk and in memory; then `database` is another. */
  saveIntake(zxid: Zxid, done: () => void): void {
    const { database, sink, zxid: begunAt } = present(this.#intake, 'a snapshot that came');
    assert(sink.complete && begunAt === zxid, 'a complete snapshot is saved');
    this.#intake = undefined;
    database.lastProcessedZxid = zxid;
    database.becameFuzzy();
    this.#beginReplacing(() => {
      const { directories, config } = this.#options;
      const saved = () => {
        this.#database = database;
        this.committedLog.clear();
        for (const id of database.sessions.keys()) this.#options.sessionSeen(id);
        this.#endReplacing(zxid);
        this.#snapshots.start(0);
        done();
      };
      const options = { directories, config, snapshots: this.#snapshots };
      saveReceived(this.#ports, options, database, saved, (error) => {
        this.#fail(`the leader's snapshot cannot be saved: ${error.message}`);
      });
    });
  }

  // ---- inside ----

  get #lengthMax(): number {
    const { juteMaxBuffer, juteMaxBufferExtraSize } = this.#options.config;
    return juteMaxBuffer + juteMaxBufferExtraSize;
  }

  #makeDatabase(): Database {
    return new Database(treeOptionsOf(this.#options.config, this.#hashSeed));
  }

  #recover(
    acceptDataLoss: Zxid | undefined,
    done: (recovered: Recovered) => void,
    failed: (error: unknown) => void,
  ): void {
    const { config, directories, ensemble, sessionSeen } = this.#options;
    const { committedLog } = this;
    committedLog.clear();
    const options = {
      ...{ config, directories, acceptDataLoss, sessionSeen },
      makeDatabase: () => this.#makeDatabase(),
      lengthMax: this.#lengthMax,
      ...(ensemble === undefined
        ? {}
        : {
            replayed: (zxid: Zxid, bytes: Uint8Array, start: number, end: number) =>
              committedLog.add(committedLog.copy(zxid, bytes, start, end)),
          }),
    };
    const loaded = (recovered: Recovered) => {
      this.#database = recovered.database;
      done(recovered);
    };
    recoverInSlices(this.#work, this.#ports, options, loaded, failed);
  }

  #openLog(lastZxid: Zxid): void {
    const { files, clock, log } = this.#ports;
    const { config, directories, metrics } = this.#options;
    this.#txnLog = new TxnLog(
      { files, clock, log, onSync: (ms, txns) => metrics.noteSync(ms, txns) },
      { ...txnLogOptionsOf(config, directories), lastZxid, stats: this.logStats },
    );
    this.#queries.opened(lastZxid);
  }

  /** Everything appended is on disk and no snapshot is on its way: files may be changed. */
  #beginReplacing(then: (log: TxnLog) => void): void {
    assert(!this.#isReplacing, 'a history is cut or replaced by one at a time');
    this.#images.endAll();
    const log = this.txnLog;
    this.#isReplacing = true;
    // It judges what is old by names that will be of another history.
    this.#purge?.stop();
    this.#shutting++;
    this.#ports.clock.endOfTurn(() => {
      log.close(() => {
        this.#snapshots.end(() => {
          this.#shutting--;
          if (this.#closed === undefined) then(log);
          else this.#settle();
        });
      });
    });
  }

  #endReplacing(lastZxid: Zxid): void {
    this.#openLog(lastZxid);
    this.#isReplacing = false;
    if (this.#purge !== undefined) this.startPurge();
  }

  #settle(): void {
    const done = this.#closed;
    if (done === undefined || this.#shutting > 0 || this.#epochs.isSaving) return;
    this.#closed = () => undefined;
    done();
  }

  #fail(reason: string): void {
    this.#options.failing?.();
    this.#ports.exit(exitCodes.txnLogFailed, reason);
  }

  #cannotGoOn(what: string, error: unknown): void {
    if (error instanceof FileError) {
      this.#fail(`${what}: ${error.message}`);
      return;
    }
    const isRefusal = error instanceof CorruptionError || error instanceof DataDirectoryError;
    if (!isRefusal) throw error;
    this.#options.failing?.();
    this.#ports.exit(exitCodes.dataDirInaccessible, `${what}: ${error.message}`);
  }
}
