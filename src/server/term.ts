// What a role of an ensemble's server stands on, and what every role is to the loop that changes them
// (ensemble-server.ts): the server's lasting parts on one side, one period of leading or following on the other.
//
// Invariant: when `ended` is called nothing of the role is under way any more: no write to the disk, no client, no
// link; what it logged is applied to the tree.

import type { Replica, ReplicaRole } from '../core/replica.ts';
import type { SessionTracker } from '../core/session/session-tracker.ts';
import type { ZabNote } from '../core/zab/zab-notes.ts';
import type { Dns } from '../ports.ts';
import type { ServerConfig } from './config.ts';
import type { EnsembleConfig } from './config-ensemble.ts';
import type { BatchLog, Driver } from './driver.ts';
import type { History } from './history.ts';
import type { EnsembleMetrics } from './metrics-ensemble.ts';
import type { RoleView } from './role-view.ts';
import type { ServerPorts } from './standalone-server.ts';

export interface EnsemblePorts extends ServerPorts {
  readonly dns: Dns;
}

/** How a role ended. */
export interface TermEnd {
  readonly reason: string;
  /** The next synchronization must be a snapshot: our log could not be cut as told. */
  readonly wantsSnapshot: boolean;
  /** Of a leader: the highest accepted epoch of a voter that could not join. */
  readonly knownAcceptedEpoch: number;
}

/** The server around a role. */
export interface TermHost {
  readonly ports: EnsemblePorts;
  readonly config: ServerConfig;
  readonly ensemble: EnsembleConfig;
  readonly history: History;
  readonly sessions: SessionTracker;
  readonly metrics: EnsembleMetrics;
  /** Names the role period in completions. */
  readonly term: number;
  note(note: ZabNote): void;
  /** A machine of clients' requests on the present database. */
  makeReplica(role: ReplicaRole): Replica;
  makeDriver(replica: Replica, log: BatchLog, turnEnded: () => void): Driver;
  /** The epoch stands. `driver` serves clients from now on; undefined: this server serves none. */
  established(epoch: number, replica: Replica, driver: Driver | undefined): void;
  /** The role is over, what it had under way not yet: clients are cut off, votes are asked for again. */
  leaving(reason: string): void;
  ended(end: TermEnd): void;
  /** A machine broke an invariant: the process has to go. */
  broken(error: unknown): void;
}

export interface Term {
  start(): void;
  /** Leaves the role; `ended` follows. */
  stop(reason: string): void;
  readonly view: RoleView;
}
