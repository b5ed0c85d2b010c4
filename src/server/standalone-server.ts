// One standalone server from its configuration and the ports: lock, recover, log, machine, client port; and the way
// back. Pure: on Node it is started by start.ts, in the simulator with ports in memory.
//
// Order at the start: directories → lock → recovery → purge task → client port. Nothing is served before recovery
// ended, and a port that cannot be bound ends the start. At the stop: no more connections, what is on its way is made
// durable and answered, then the log and the lock are let go.

import { Replica } from '../core/replica.ts';
import { SessionTracker } from '../core/session/session-tracker.ts';
import { Database } from '../core/tree/database.ts';
import { SnapshotSource } from '../core/tree/snapshot-body.ts';
import { ClientListener } from '../net/client-listener.ts';
import type {
  Clock,
  Codec,
  DirectoryLock,
  Environment,
  Exit,
  Files,
  Hash,
  Log,
  Net,
  Random,
} from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';
import type { DataDirectories } from '../storage/data-directories.ts';
import { DataDirectoryError, prepareDirectories } from '../storage/data-directories.ts';
import { PurgeTask } from '../storage/purge-task.ts';
import type { Recovered } from '../storage/recovery.ts';
import { recover } from '../storage/recovery.ts';
import { takeSessionIds } from '../storage/session-id-mark.ts';
import { SnapshotSchedule } from '../storage/snapshot-schedule.ts';
import { SnapshotWriter } from '../storage/snapshot-writer.ts';
import { TxnLog } from '../storage/txn-log.ts';
import type { ServerConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import type { DriverHooks } from './driver.ts';
import { Driver } from './driver.ts';
import { exitCodes } from './exit-codes.ts';
import { ServerMetrics } from './metrics.ts';
import { replicaOptionsOf, treeOptionsOf } from './replica-settings.ts';
import type { RoleView } from './role-view.ts';
import { standaloneRole } from './role-view.ts';

export interface ServerPorts {
  readonly clock: Clock;
  readonly files: Files;
  readonly net: Net;
  readonly random: Random;
  readonly hash: Hash;
  readonly codec: Codec;
  readonly environment: Environment;
  readonly log: Log;
  readonly exit: Exit;
}

export interface StandaloneOptions {
  readonly config: ServerConfig;
  readonly version: string;
  /** `--accept-data-loss`. */
  readonly acceptDataLoss: Zxid | undefined;
}

/** Recovery is run in pieces of this length, so that signals are heard; a line of progress comes once a second. */
const recoverySliceMs = 50;
const progressEveryMs = 1000;
const hourMs = 3_600_000;

/** What the four-letter words and the metrics look at. */
export interface ServerParts {
  readonly config: ServerConfig;
  readonly ports: ServerPorts;
  readonly replica: Replica;
  readonly txnLog: TxnLog;
  readonly directories: DataDirectories;
  readonly metrics: ServerMetrics;
  readonly version: string;
  readonly startedAt: number;
  readonly clientPort: () => number | undefined;
  readonly isServing: () => boolean;
  readonly role: RoleView;
  /** What `elog` answers; of ensembles. */
  readonly electionLog?: () => string;
}

export class StandaloneServer {
  readonly #ports: ServerPorts;
  readonly #options: StandaloneOptions;
  readonly #startedAt: number;
  readonly #locks: DirectoryLock[] = [];
  readonly #metrics = new ServerMetrics();
  #database: Database | undefined;
  #driver: Driver | undefined;
  #listener: ClientListener<Parameters<DriverHooks['command']>[2]> | undefined;
  #txnLog: TxnLog | undefined;
  #purge: PurgeTask | undefined;
  #snapshot: SnapshotWriter | undefined;
  #snapshotEnded: (() => void) | undefined;
  #state: 'starting' | 'serving' | 'stopping' | 'stopped' = 'starting';

  constructor(ports: ServerPorts, options: StandaloneOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#startedAt = ports.clock.now();
  }

  get clientPort(): number | undefined {
    return this.#listener?.port;
  }

  /**
   * Calls back when clients are served, or with what stands in the way: ConfigError, DataDirectoryError,
   * CorruptionError …
   */
  start(
    commands: (parts: ServerParts) => DriverHooks['command'],
    ready: (error: unknown) => void,
  ): void {
    try {
      const { log, hash } = this.#ports;
      const { config, version } = this.#options;
      log.log('info', `Quoll ${version} starting, a standalone server`, {
        tickTime: config.tickTimeMs,
      });
      if (hash.digest(config.digestAlg, new Uint8Array(0)) === undefined) {
        throw new ConfigError(
          'DigestAuthenticationProvider.digestAlg',
          config.digestAlg,
          'this system lacks it',
        );
      }
      const directories = prepareDirectories(this.#ports.files, {
        dataDir: config.dataDir,
        dataLogDir: config.dataLogDir,
        autocreate: config.datadirAutocreate,
      });
      this.#lock(directories);
      this.#recover(
        directories,
        (recovered, sessions) => {
          try {
            this.#serve(directories, recovered, sessions, commands, ready);
          } catch (error) {
            ready(error);
          }
        },
        ready,
      );
    } catch (error) {
      ready(error);
    }
  }

  /** Finishes what was begun. A second call does nothing. */
  stop(done: () => void): void {
    if (this.#state === 'stopping' || this.#state === 'stopped') return;
    this.#state = 'stopping';
    this.#purge?.stop();
    const { log } = this.#ports;
    const end = () => {
      this.#listener?.endAll();
      const closed = () => {
        for (const lock of this.#locks) lock.release();
        this.#state = 'stopped';
        log.log('info', 'stopped');
        done();
      };
      const closeLog = () => {
        this.#driver?.stop();
        if (this.#txnLog === undefined) closed();
        else this.#txnLog.close(closed);
      };
      if (this.#snapshot === undefined) closeLog();
      else {
        this.#snapshotEnded = closeLog;
        this.#snapshot.cancel();
      }
    };
    const drain = () => {
      if (this.#driver === undefined) end();
      else this.#driver.drain(end);
    };
    if (this.#listener === undefined) drain();
    else this.#listener.stopAccepting(drain);
  }

  #lock(directories: DataDirectories): void {
    const { files } = this.#ports;
    for (const directory of new Set([directories.snapshots, directories.logs])) {
      const lock = files.lock(directory);
      if (lock === undefined) {
        throw new DataDirectoryError(
          `${directory} is in use by another process: one server a data directory`,
        );
      }
      this.#locks.push(lock);
    }
  }

  #recover(
    directories: DataDirectories,
    done: (recovered: Recovered, sessions: SessionTracker) => void,
    failed: (error: unknown) => void,
  ): void {
    const { clock, log, random, files, codec } = this.#ports;
    const { config, acceptDataLoss } = this.#options;
    const sessions = new SessionTracker({
      tickTimeMs: config.tickTimeMs,
      serverId: config.serverId,
      wallTime: takeSessionIds(files, log, directories.snapshots, clock.wallTime()),
      now: clock.now(),
    });
    const hashSeed = random.below(0x7fffffff);
    const steps = recover(
      { files, clock, codec, log },
      {
        directories,
        makeDatabase: () => new Database(treeOptionsOf(config, hashSeed)),
        dbAutocreate: config.dbAutocreate,
        trustEmptySnapshot: config.trustEmptySnapshot,
        acceptDataLoss,
        lengthMax: config.juteMaxBuffer + config.juteMaxBufferExtraSize,
        form: { compression: config.snapshotCompression, digestEnabled: config.digestEnabled },
        sessionSeen: (id) => sessions.noteUsedId(id),
      },
    );
    let saidAt = clock.now();
    const slice = () => {
      if (this.#state !== 'starting') return;
      const until = clock.now() + recoverySliceMs;
      try {
        for (;;) {
          const step = steps.next();
          if (step.done === true) {
            this.#report(step.value);
            done(step.value, sessions);
            return;
          }
          const now = clock.now();
          if (now - saidAt >= progressEveryMs) {
            saidAt = now;
            const { phase, done: bytes, total } = step.value;
            const percent = total > 0 ? ` (${Math.floor((100 * bytes) / total)} %)` : '';
            log.log('info', `${phase}: ${megabytes(bytes)} of ${megabytes(total)} MB${percent}`);
          }
          if (now >= until) break;
        }
      } catch (error) {
        failed(error);
        return;
      }
      clock.schedule(0, slice);
    };
    slice();
  }

  #report({ database, snapshot, txns, replayMs, lastZxid, rejected }: Recovered): void {
    this.#metrics.noteLoaded(snapshot?.ms ?? 0, txns, replayMs);
    const { log } = this.#ports;
    const { config } = this.#options;
    const from =
      snapshot === undefined
        ? 'no snapshot'
        : `snapshot 0x${hexZxid(snapshot.zxid)} (${snapshot.bytes} bytes) in ${Math.round(snapshot.ms)} ms`;
    log.log(
      'info',
      `recovered ${database.tree.nodeCount} nodes and ${database.sessions.size} sessions up to zxid ` +
        `0x${hexZxid(lastZxid)} from ${config.dataDir}: ${from}, ${txns} transactions in ${Math.round(replayMs)} ms`,
    );
    for (const error of rejected) log.log('warn', `not used: ${error.message}`);
    const lost = database.nodeWithoutAcl();
    if (lost !== undefined)
      throw new DataDirectoryError(`the ACL of ${lost} is nowhere in ${config.dataDir}`);
  }

  #serve(
    directories: DataDirectories,
    { database, lastZxid, txns }: Recovered,
    sessions: SessionTracker,
    commands: (parts: ServerParts) => DriverHooks['command'],
    ready: (error: unknown) => void,
  ): void {
    const { clock, log, net, random, files, hash, exit } = this.#ports;
    const { config } = this.#options;
    this.#database = database;
    const txnLog = new TxnLog(
      { files, clock, log, onSync: (ms, txns) => this.#metrics.noteSync(ms, txns) },
      {
        directory: directories.logs,
        preAllocSizeKb: config.preAllocSizeKb,
        forceSync: config.forceSync,
        txnLogSizeLimitKb: config.txnLogSizeLimitKb,
        fsyncWarningThresholdMs: config.fsyncWarningThresholdMs,
        lastZxid,
      },
    );
    this.#txnLog = txnLog;
    const replica = new Replica(
      database,
      sessions,
      replicaOptionsOf(config, (algorithm, bytes) => hash.digest(algorithm, bytes)),
      clock.now(),
    );
    const schedule = new SnapshotSchedule(random, config, txns);
    const parts: ServerParts = {
      config,
      ports: this.#ports,
      replica,
      txnLog,
      directories,
      metrics: this.#metrics,
      version: this.#options.version,
      startedAt: this.#startedAt,
      clientPort: () => this.#listener?.port,
      isServing: () => this.#state === 'serving',
      role: standaloneRole,
    };
    const driver = new Driver(
      replica,
      txnLog,
      { clock, log },
      {
        appended: (count, bytes) => {
          if (schedule.appended(count, bytes)) this.#beginSnapshot(directories, txnLog, schedule);
        },
        logFailed: (error) => {
          this.#listener?.endAll();
          exit(exitCodes.txnLogFailed, `the transaction log cannot be written: ${error.message}`);
        },
        broken: (error) => {
          const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
          exit(exitCodes.unexpectedError, detail);
        },
        command: commands(parts),
      },
      config.sessionlessCnxnTimeoutMs,
    );
    this.#driver = driver;
    const listener = new ClientListener(
      net,
      {
        address: config.clientPortAddress,
        port: config.clientPort,
        backlog: config.clientPortListenBacklog,
        keepAlive: config.clientTcpKeepAlive,
        frameLengthMax: config.juteMaxBuffer,
        maxClientCnxns: config.maxClientCnxns,
        maxCnxns: config.maxCnxns,
      },
      driver,
    );
    this.#listener = listener;
    listener.listen((error) => {
      if (this.#state !== 'starting') return;
      if (error !== undefined) {
        ready(error);
        return;
      }
      this.#state = 'serving';
      driver.start();
      this.#purge = new PurgeTask(
        { files, clock, log, codec: this.#ports.codec },
        {
          snapshots: directories.snapshots,
          logs: directories.logs,
          retain: config.snapRetainCount,
          intervalHours: config.purgeIntervalMs / hourMs,
        },
      );
      this.#purge.start();
      const ms = Math.round(clock.now() - this.#startedAt);
      log.log('info', `serving clients on port ${listener.port ?? 0}, ${ms} ms after the start`);
      ready(undefined);
    });
  }

  /** Rolls the log and writes an image of the tree as it is now; one at a time (SyncRequestProcessor). */
  #beginSnapshot(directories: DataDirectories, txnLog: TxnLog, schedule: SnapshotSchedule): void {
    const database = this.#database;
    if (this.#snapshot !== undefined || this.#state !== 'serving' || database === undefined) return;
    const { files, clock, codec, log, exit } = this.#ports;
    const { config } = this.#options;
    schedule.restart();
    txnLog.roll();
    this.#snapshot = new SnapshotWriter(
      { files, clock, codec, log },
      directories.snapshots,
      new SnapshotSource(database),
      { compression: config.snapshotCompression, digestEnabled: config.digestEnabled },
      (result) => {
        this.#snapshot = undefined;
        const ended = this.#snapshotEnded;
        this.#snapshotEnded = undefined;
        if (result.kind === 'written') this.#metrics.snapshotTime.add(result.ms);
        if (result.kind === 'failed')
          exit(exitCodes.txnLogFailed, `snapshot: ${result.error.message}`);
        ended?.();
      },
    );
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
