// One server of an ensemble from its configuration and the ports (QuorumPeer): lock, recover, client port, quorum port,
// election; then LOOKING → LEADING, FOLLOWING or OBSERVING → LOOKING, until it is stopped. Pure: on Node it is started
// by start.ts, in the simulator with ports in memory.
//
// Order at the start: directories → lock → recovery and epoch files → client port → quorum port → election. A role
// begins when the one before has ended to the last write (term.ts). At the stop: no clients, the role ends, then the
// ports, the log and the lock are let go.

import type { Decision } from '../core/election/election-events.ts';
import { printQuorumConfig } from '../core/election/quorum-config.ts';
import type { ReplicaRole } from '../core/replica.ts';
import { Replica } from '../core/replica.ts';
import type { Connection } from '../core/session/connection.ts';
import { SessionTracker } from '../core/session/session-tracker.ts';
import { Link } from '../core/zab/link.ts';
import { ClientListener } from '../net/client-listener.ts';
import { QuorumPort } from '../net/quorum-port.ts';
import type { DirectoryLock, Timer } from '../ports.ts';
import type { DataDirectories } from '../storage/data-directories.ts';
import { DataDirectoryError, prepareDirectories } from '../storage/data-directories.ts';
import { takeSessionIds } from '../storage/session-id-mark.ts';
import { present } from '../util/assert.ts';
import { ClientFront } from './client-front.ts';
import type { EnsembleConfig } from './config-ensemble.ts';
import { ConfigError } from './config-error.ts';
import type { BatchLog, DriverHooks } from './driver.ts';
import { Driver } from './driver.ts';
import { ElectionRecord } from './election-record.ts';
import { Elector } from './elector.ts';
import { exitCodes } from './exit-codes.ts';
import { Following } from './following.ts';
import { History } from './history.ts';
import { Leading } from './leading.ts';
import { ServerMetrics } from './metrics.ts';
import type { EnsembleRole } from './metrics-ensemble.ts';
import { replicaOptionsOf } from './replica-settings.ts';
import type { RoleView } from './role-view.ts';
import { noProposals } from './role-view.ts';
import type { ServerParts, StandaloneOptions } from './standalone-server.ts';
import type { EnsemblePorts, Term, TermEnd, TermHost } from './term.ts';

/** A role that ends at once is not tried again at once. */
const pauseMsMin = 20;
const pauseMsMax = 1_000;
/** zookeeper.observer.election.DelayMs: observers come back spread over this. */
const observerDelayMs = 200;
/** Looking for less than this is no reason to serve reads (QuorumPeer: max(2000, tickTime)). */
const readOnlyAfterMs = 2_000;

type Phase =
  /** 'resting': between a role and the next election. */
  | { readonly kind: 'starting' | 'resting' | 'stopped' }
  | { readonly kind: 'looking'; readonly since: number }
  | {
      readonly kind: 'term';
      readonly term: Term;
      isEstablished: boolean;
      /** False: a leader that leaves clients to the others (leaderServes). */
      isServing: boolean;
      isOver: boolean;
    };

export class EnsembleServer {
  readonly #ports: EnsemblePorts;
  readonly #options: StandaloneOptions;
  readonly #ensemble: EnsembleConfig;
  readonly #startedAt: number;
  readonly #locks: DirectoryLock[] = [];
  readonly #metrics = new ServerMetrics();
  #phase: Phase = { kind: 'starting' };
  #history: History | undefined;
  #sessions: SessionTracker | undefined;
  #front: ClientFront | undefined;
  #listener: ClientListener<Connection> | undefined;
  #quorumPort: QuorumPort<Link> | undefined;
  #elector: Elector | undefined;
  #record: ElectionRecord | undefined;
  #replica: Replica | undefined;
  #readOnlyDriver: Driver | undefined;
  #term = 0;
  #electionMs: number | undefined;
  #wantsSnapshot = false;
  #knownAcceptedEpoch = -1;
  #pauseMs = 0;
  #timer: Timer | undefined;
  #stopping: (() => void) | undefined;
  #command: DriverHooks['command'] | undefined;
  /** What follows the end of the present term, in place of the next election. */
  #afterTerm: (() => void) | undefined;

  constructor(ports: EnsemblePorts, options: StandaloneOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#ensemble = present(options.config.ensemble, 'the configuration of an ensemble');
    this.#startedAt = ports.clock.now();
  }

  get clientPort(): number | undefined {
    return this.#listener?.port;
  }

  /** What it keeps through its roles; undefined: not recovered yet. */
  get history(): History | undefined {
    return this.#phase.kind === 'starting' ? undefined : this.#history;
  }

  /** What this server is now. */
  get view(): RoleView {
    const phase = this.#phase;
    const electionMs = this.#electionMs;
    if (phase.kind === 'term' && !phase.isOver) return { ...phase.term.view, electionMs };
    return {
      state: this.#readOnlyDriver === undefined ? 'looking' : 'read-only',
      sid: this.#ensemble.mySid,
      leader: undefined,
      epoch: undefined,
      phase: 'ELECTION',
      syncMode: undefined,
      quorumSize: this.#ensemble.verifier.voters.size,
      electionMs,
      leadingSince: undefined,
      learners: [],
      pendingSyncs: 0,
      proposals: noProposals,
    };
  }

  /** It leads or follows in an epoch that stands: what its tree holds is committed. */
  get isEstablished(): boolean {
    const phase = this.#phase;
    return phase.kind === 'term' && phase.isEstablished && !phase.isOver;
  }

  get isServing(): boolean {
    const phase = this.#phase;
    if (phase.kind === 'term') return phase.isServing && !phase.isOver;
    return this.#readOnlyDriver !== undefined;
  }

  /**
   * Calls back when all ports are bound and a leader is looked for, or with what stands in the way: ConfigError,
   * DataDirectoryError, CorruptionError, EpochError …
   */
  start(
    commands: (parts: ServerParts) => DriverHooks['command'],
    ready: (error: unknown) => void,
  ): void {
    try {
      const { log, hash, clock, files } = this.#ports;
      const { config, version } = this.#options;
      const { mySid, role, verifier } = this.#ensemble;
      const size = verifier.config.members.size;
      log.log('info', `Quoll ${version} starting, server ${mySid} (${role}) of ${size}`, {
        tickTime: config.tickTimeMs,
      });
      if (hash.digest(config.digestAlg, new Uint8Array(0)) === undefined) {
        const key = 'DigestAuthenticationProvider.digestAlg';
        throw new ConfigError(key, config.digestAlg, 'this system lacks it');
      }
      const directories = prepareDirectories(files, {
        dataDir: config.dataDir,
        dataLogDir: config.dataLogDir,
        autocreate: config.datadirAutocreate,
      });
      this.#lock(directories);
      this.#record = new ElectionRecord(this.#ports, { sid: mySid, directory: config.dataDir });
      const sessions = new SessionTracker({
        tickTimeMs: config.tickTimeMs,
        serverId: config.serverId,
        wallTime: takeSessionIds(files, log, directories.snapshots, clock.wallTime()),
        now: clock.now(),
      });
      this.#sessions = sessions;
      this.#open(directories, sessions, commands, ready);
    } catch (error) {
      ready(error);
    }
  }

  /** Leaves the ensemble in order. A second call does nothing. */
  stop(done: () => void): void {
    if (this.#stopping !== undefined) return;
    this.#stopping = done;
    this.#timer?.cancel();
    const { log } = this.#ports;
    const close = (): void => {
      this.#phase = { kind: 'stopped' };
      this.#listener?.endAll();
      const steps: ((next: () => void) => void)[] = [
        (next) => (this.#elector === undefined ? next() : this.#elector.stop(next)),
        (next) => (this.#quorumPort === undefined ? next() : this.#quorumPort.close(next)),
        (next) => (this.#history === undefined ? next() : this.#history.close(next)),
        (next) => (this.#record === undefined ? next() : this.#record.close(next)),
      ];
      const run = (): void => {
        const step = steps.shift();
        if (step !== undefined) {
          step(run);
          return;
        }
        for (const lock of this.#locks) lock.release();
        log.log('info', 'stopped');
        done();
      };
      run();
    };
    const leave = (): void => {
      const phase = this.#phase;
      if (phase.kind !== 'term') {
        this.#stopReadOnly();
        close();
        return;
      }
      this.#afterTerm = close;
      if (!phase.isOver) phase.term.stop('the server stops');
    };
    if (this.#listener === undefined) leave();
    else this.#listener.stopAccepting(leave);
  }

  // ---- the start ----

  #lock(directories: DataDirectories): void {
    for (const directory of new Set([directories.snapshots, directories.logs])) {
      const lock = this.#ports.files.lock(directory);
      if (lock === undefined) {
        throw new DataDirectoryError(
          `${directory} is in use by another process: one server a data directory`,
        );
      }
      this.#locks.push(lock);
    }
  }

  #open(
    directories: DataDirectories,
    sessions: SessionTracker,
    commands: (parts: ServerParts) => DriverHooks['command'],
    ready: (error: unknown) => void,
  ): void {
    const { config, acceptDataLoss } = this.#options;
    const { commitLogCount } = this.#ensemble;
    const history = new History(this.#ports, {
      ...{ config, directories, acceptDataLoss, metrics: this.#metrics },
      sessionSeen: (id) => sessions.noteUsedId(id),
      ensemble: { commitLogCount },
      imageAvailable: () => {
        const phase = this.#phase;
        if (phase.kind === 'term' && phase.term instanceof Leading) phase.term.snapshotAvailable();
      },
      failing: () => this.#listener?.endAll(),
    });
    this.#history = history;
    history.open((error) => {
      if (this.#stopping !== undefined) return;
      if (error !== undefined) {
        ready(error);
        return;
      }
      try {
        this.#listen(directories, history, commands, ready);
      } catch (thrown) {
        ready(thrown);
      }
    });
  }

  #listen(
    directories: DataDirectories,
    history: History,
    commands: (parts: ServerParts) => DriverHooks['command'],
    ready: (error: unknown) => void,
  ): void {
    const { clock, log, net } = this.#ports;
    const { config } = this.#options;
    const command = commands(this.#parts(directories, history));
    this.#command = command;
    const front = new ClientFront(clock, log, {
      sessionlessTimeoutMs: config.sessionlessCnxnTimeoutMs,
      command,
    });
    this.#front = front;
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
      front,
    );
    this.#listener = listener;
    listener.listen((error) => {
      if (this.#stopping !== undefined) return;
      if (error !== undefined) ready(error);
      else this.#listenToServers(history, ready);
    });
  }

  #listenToServers(history: History, ready: (error: unknown) => void): void {
    const { clock, log } = this.#ports;
    const { config } = this.#options;
    const { quorumAddresses, quorumListenOnAllIps, election, initLimit } = this.#ensemble;
    const lengthMax = config.juteMaxBuffer + config.juteMaxBufferExtraSize;
    const port = new QuorumPort<Link>(this.#ports, log, {
      addresses: quorumAddresses,
      listenOnAllIps: quorumListenOnAllIps,
      keepAlive: election.keepAlive,
      bindTries: election.bindTries,
      waitMs: initLimit * config.tickTimeMs,
      makeLink: (remoteAddress) => new Link(remoteAddress, lengthMax),
    });
    this.#quorumPort = port;
    port.listen((error) => {
      if (this.#stopping !== undefined) return;
      if (error !== undefined) {
        ready(error);
        return;
      }
      const elector = this.#makeElector();
      this.#elector = elector;
      elector.start(() => {
        if (this.#stopping !== undefined) return;
        history.startPurge();
        const ms = Math.round(clock.now() - this.#startedAt);
        log.log('info', `looking for a leader, ${ms} ms after the start`);
        this.#look();
        ready(undefined);
      });
    });
  }

  #makeElector(): Elector {
    const { exit, log } = this.#ports;
    const { mySid, verifier, electionAddresses, quorumListenOnAllIps, multiAddress, election } =
      this.#ensemble;
    return new Elector(
      this.#ports,
      log,
      {
        ...election,
        mySid,
        verifier,
        addresses: electionAddresses,
        listenOnAllIps: quorumListenOnAllIps,
        multiAddress,
      },
      {
        decided: (decision) => this.#decided(decision),
        reportLookingSid: (sid) => {
          const phase = this.#phase;
          if (phase.kind === 'term' && phase.term instanceof Leading) {
            phase.term.lookingSidReported(sid);
          }
        },
        reconsidered: (reason) => {
          const phase = this.#phase;
          if (phase.kind !== 'term' || phase.isEstablished) return;
          if (phase.term instanceof Leading) phase.term.reconsidered(reason);
          else phase.term.stop(reason);
        },
        note: (note) => {
          this.#metrics.ensemble.notedElection(note);
          this.#record?.add(note);
        },
        bindFailed: (code) => {
          exit(exitCodes.electionPortUnavailable, `no election address could be bound: ${code}`);
        },
        refusedConfig: () => undefined,
      },
    );
  }

  #parts(directories: DataDirectories, history: History): ServerParts {
    const server = this;
    return {
      config: this.#options.config,
      ports: this.#ports,
      directories,
      metrics: this.#metrics,
      version: this.#options.version,
      startedAt: this.#startedAt,
      clientPort: () => this.#listener?.port,
      isServing: () => this.isServing,
      get replica() {
        return server.#replica;
      },
      get txnLog() {
        return history.txnLog;
      },
      get role() {
        return server.view;
      },
      electionLog: () => this.#record?.toJson() ?? '{"entries":[]}',
    };
  }

  // ---- roles ----

  #look(): void {
    const { clock, log } = this.#ports;
    const history = present(this.#history, 'a recovered history');
    const looking: Phase = { kind: 'looking', since: clock.now() };
    this.#phase = looking;
    this.#quorumPort?.unlead();
    this.#elector?.look(history.lastZxid, history.epochs.currentEpoch);
    // It may have been decided at once, by votes that had come before.
    if (!this.#options.config.readOnlyMode || this.#phase !== looking) return;
    const delayMs = Math.max(readOnlyAfterMs, this.#options.config.tickTimeMs);
    this.#timer = clock.schedule(delayMs, () => {
      if (this.#phase !== looking) return;
      log.log('info', `no leader for ${delayMs} ms -> serve read-only`);
      this.#startReadOnly();
    });
  }

  #decided(decision: Decision): void {
    const phase = this.#phase;
    if (phase.kind !== 'looking' || this.#stopping !== undefined) return;
    this.#timer?.cancel();
    this.#stopReadOnly();
    this.#electionMs = this.#ports.clock.now() - phase.since;
    this.#term++;
    const port = present(this.#quorumPort, 'a bound quorum port');
    const isObserver = this.#ensemble.role === 'observer';
    const learnerRole = isObserver ? 'observer' : 'follower';
    const host = this.#termHost(decision.state === 'LEADING' ? 'leader' : learnerRole);
    let term: Term;
    if (decision.state === 'LEADING') {
      term = new Leading(host, port, decision.voteSet, this.#knownAcceptedEpoch);
    } else {
      port.refuse();
      term = new Following(host, decision.leader, this.#wantsSnapshot);
    }
    this.#phase = { kind: 'term', term, isEstablished: false, isServing: false, isOver: false };
    const took = `${Math.round(this.#electionMs)} ms`;
    this.#ports.log.log('info', `${decision.state} - LEADER ELECTION TOOK - ${took}`);
    term.start();
  }

  #termHost(role: EnsembleRole): TermHost {
    const ports = this.#ports;
    const { config } = this.#options;
    const term = this.#term;
    const history = present(this.#history, 'a recovered history');
    const sessions = present(this.#sessions, 'a session tracker');
    return {
      ...{ ports, config, ensemble: this.#ensemble, history, sessions, term },
      metrics: this.#metrics.ensemble,
      note: (note) => {
        this.#metrics.ensemble.notedZab(role, note);
        ports.log.log(note.level, note.line);
        this.#record?.add(note);
      },
      makeReplica: (role) => this.#makeReplica(role),
      makeDriver: (replica, log, turnEnded) => this.#makeDriver(replica, log, turnEnded),
      established: (epoch, replica, driver) => {
        const phase = this.#phase;
        if (phase.kind !== 'term') return;
        phase.isEstablished = true;
        phase.isServing = driver !== undefined;
        this.#pauseMs = 0;
        this.#wantsSnapshot = false;
        this.#knownAcceptedEpoch = -1;
        this.#replica = replica;
        this.#metrics.ensemble.served(role, ports.clock.now());
        this.#elector?.epochEstablished(epoch);
        if (driver !== undefined) this.#front?.serve(driver);
        else this.#front?.turnAway();
      },
      leaving: (reason) => this.#leaving(reason),
      ended: (end) => this.#ended(end),
      broken: (error) => this.#broken(error),
    };
  }

  #leaving(reason: string): void {
    const phase = this.#phase;
    if (phase.kind === 'term') phase.isOver = true;
    this.#metrics.ensemble.left(this.#ports.clock.now());
    this.#front?.suspend();
    this.#elector?.left();
    this.#ports.log.log('warn', `${reason} -> look for a leader`);
  }

  #ended({ wantsSnapshot, knownAcceptedEpoch }: TermEnd): void {
    const { clock, random } = this.#ports;
    const phase = this.#phase;
    const after = this.#afterTerm;
    if (after !== undefined) {
      after();
      return;
    }
    if (phase.kind !== 'term') return;
    this.#phase = { kind: 'resting' };
    this.#wantsSnapshot = wantsSnapshot;
    this.#knownAcceptedEpoch = Math.max(this.#knownAcceptedEpoch, knownAcceptedEpoch);
    // Whoever served looks again at once; a role that came to nothing rests a little, longer each time.
    const pauseMs = phase.isEstablished ? 0 : this.#pauseMs;
    this.#pauseMs = Math.min(pauseMsMax, Math.max(pauseMsMin, 2 * this.#pauseMs));
    const isObserver = this.#ensemble.role === 'observer';
    const spreadMs = isObserver ? random.below(observerDelayMs) : 0;
    this.#timer = clock.schedule(pauseMs + spreadMs, () => this.#look());
  }

  #makeReplica(role: ReplicaRole): Replica {
    const { clock, hash } = this.#ports;
    const { database } = present(this.#history, 'a recovered history');
    const sessions = present(this.#sessions, 'a session tracker');
    const { config } = this.#ensemble.verifier;
    database.becameExact();
    database.setConfig(printQuorumConfig(config), config.version, clock.wallTime());
    const options = replicaOptionsOf(this.#options.config, (algorithm, bytes) =>
      hash.digest(algorithm, bytes),
    );
    return new Replica(database, sessions, options, clock.now(), role);
  }

  #makeDriver(replica: Replica, txnLog: BatchLog, turnEnded: () => void): Driver {
    const { clock, log } = this.#ports;
    const { config } = this.#options;
    return new Driver(
      replica,
      txnLog,
      { clock, log },
      {
        appended: () => undefined,
        logFailed: (error) => this.#broken(error),
        broken: (error) => this.#broken(error),
        command: present(this.#command, 'four-letter words'),
        turnEnded,
      },
      config.sessionlessCnxnTimeoutMs,
    );
  }

  #broken(error: unknown): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#ports.exit(exitCodes.unexpectedError, detail);
  }

  // ---- read-only ----

  #startReadOnly(): void {
    const sessions = present(this.#sessions, 'a session tracker');
    sessions.startOver('learner', this.#ports.clock.now());
    this.#replica = this.#makeReplica({ kind: 'readOnly' });
    const log = {
      append(): void {
        throw new Error('a read-only server writes nothing');
      },
    };
    const driver = this.#makeDriver(this.#replica, log, () => undefined);
    this.#readOnlyDriver = driver;
    driver.start();
    this.#front?.serve(driver);
  }

  #stopReadOnly(): void {
    if (this.#readOnlyDriver === undefined) return;
    this.#readOnlyDriver.stop();
    this.#readOnlyDriver = undefined;
    this.#front?.suspend();
  }
}
