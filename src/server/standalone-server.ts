// One standalone server from its configuration and the ports: lock, recover, log, machine, client port; and the way
// back. Pure: on Node it is started by start.ts, in the simulator with ports in memory.
//
// Order at the start: directories → lock → recovery → purge task → client port. Nothing is served before recovery
// ended, and a port that cannot be bound ends the start. At the stop: no more connections, what is on its way is made
// durable and answered, then the log and the lock are let go.

import { Replica } from '../core/replica.ts';
import { SessionTracker } from '../core/session/session-tracker.ts';
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
import type { DataDirectories } from '../storage/data-directories.ts';
import { DataDirectoryError, prepareDirectories } from '../storage/data-directories.ts';
import { takeSessionIds } from '../storage/session-id-mark.ts';
import type { TxnLog } from '../storage/txn-log.ts';
import type { ServerConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import type { DriverHooks } from './driver.ts';
import { Driver } from './driver.ts';
import { exitCodes } from './exit-codes.ts';
import { History } from './history.ts';
import { ServerMetrics } from './metrics.ts';
import { replicaOptionsOf } from './replica-settings.ts';
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

/** What the four-letter words and the metrics look at. */
export interface ServerParts {
  readonly config: ServerConfig;
  readonly ports: ServerPorts;
  /** Undefined: no role has been taken yet. */
  readonly replica: Replica | undefined;
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

export interface StandaloneParts extends ServerParts {
  readonly replica: Replica;
}

export class StandaloneServer {
  readonly #ports: ServerPorts;
  readonly #options: StandaloneOptions;
  readonly #startedAt: number;
  readonly #locks: DirectoryLock[] = [];
  readonly #metrics = new ServerMetrics();
  #history: History | undefined;
  #driver: Driver | undefined;
  #listener: ClientListener<Parameters<DriverHooks['command']>[2]> | undefined;
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
    commands: (parts: StandaloneParts) => DriverHooks['command'],
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
        (history, sessions) => {
          try {
            this.#serve(directories, history, sessions, commands, ready);
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
    const { log } = this.#ports;
    const end = () => {
      this.#listener?.endAll();
      const closed = () => {
        for (const lock of this.#locks) lock.release();
        this.#state = 'stopped';
        log.log('info', 'stopped');
        done();
      };
      this.#driver?.stop();
      if (this.#history === undefined) closed();
      else this.#history.close(closed);
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
    done: (history: History, sessions: SessionTracker) => void,
    failed: (error: unknown) => void,
  ): void {
    const { clock, log, files } = this.#ports;
    const { config, acceptDataLoss } = this.#options;
    const sessions = new SessionTracker({
      tickTimeMs: config.tickTimeMs,
      serverId: config.serverId,
      wallTime: takeSessionIds(files, log, directories.snapshots, clock.wallTime()),
      now: clock.now(),
    });
    const history = new History(this.#ports, {
      ...{ config, directories, acceptDataLoss, metrics: this.#metrics },
      sessionSeen: (id) => sessions.noteUsedId(id),
    });
    this.#history = history;
    history.open((error) => {
      if (error === undefined) done(history, sessions);
      else failed(error);
    });
  }

  #serve(
    directories: DataDirectories,
    history: History,
    sessions: SessionTracker,
    commands: (parts: StandaloneParts) => DriverHooks['command'],
    ready: (error: unknown) => void,
  ): void {
    const { clock, log, net, hash, exit } = this.#ports;
    const { config } = this.#options;
    const { database, txnLog } = history;
    const replica = new Replica(
      database,
      sessions,
      replicaOptionsOf(config, (algorithm, bytes) => hash.digest(algorithm, bytes)),
      clock.now(),
    );
    const parts: StandaloneParts = {
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
          if (this.#state === 'serving') history.applied(count, bytes);
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
      history.startPurge();
      const ms = Math.round(clock.now() - this.#startedAt);
      log.log('info', `serving clients on port ${listener.port ?? 0}, ${ms} ms after the start`);
      ready(undefined);
    });
  }
}
