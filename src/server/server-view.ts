// What the four-letter words and the metrics see of a running server: everything they print comes
// through here, and two of them reset counters. Values that change are getters or functions,
// asked when a word is answered.

import type { Replica } from '../core/replica.ts';
import type { Environment } from '../ports.ts';
import type { TxnLogStats } from '../storage/txn-log.ts';
import type { ServerConfig } from './config.ts';
import { buildDate } from './java-text.ts';
import type { ServerMetrics } from './metrics.ts';
import type { RoleView } from './role-view.ts';

/** The machine of the present role. */
export type ReplicaView = Pick<
  Replica,
  'database' | 'sessions' | 'watches' | 'connections' | 'stats' | 'outstanding'
>;

export interface ServerView {
  /** See `fullVersion`. */
  readonly version: string;
  /** False: most words only say so (an ensemble's server without a leader, a server that is stopping). */
  readonly isServing: boolean;
  readonly role: RoleView;
  /** Undefined only while nothing is served: an ensemble's server has one for each time it has a role. */
  readonly replica: ReplicaView | undefined;
  readonly metrics: ServerMetrics;
  /** What `elog` answers (ElectionRecord.toJson); a lone server has none. */
  readonly electionLog?: () => string;
  readonly txnLog: { readonly stats: Pick<TxnLogStats, 'slowSyncs'> };
  readonly environment: Environment;
  readonly config: Pick<
    ServerConfig,
    | 'tickTimeMs'
    | 'maxClientCnxns'
    | 'minSessionTimeoutMs'
    | 'maxSessionTimeoutMs'
    | 'clientPortListenBacklog'
    | 'ensemble'
  >;
  /** The port that is bound. */
  readonly clientPort: number;
  /** Absolute: dataDir/version-2 and dataLogDir/version-2. */
  readonly snapshotDirectory: string;
  readonly logDirectory: string;
  /** Bytes of all files below. */
  readonly snapshotDirectorySize: () => number;
  readonly logDirectorySize: () => number;
  /** On the clock of `now`. */
  readonly startedAt: number;
  readonly now: () => number;
  readonly wallTime: () => number;
}

/** What is looked at while clients are served. */
export interface ServingView extends ServerView {
  readonly replica: ReplicaView;
}

export function isServing(view: ServerView): view is ServingView {
  return view.isServing && view.replica !== undefined;
}

/** The ZooKeeper whose protocols and answers these are. */
const zooKeeperVersion = '3.8.0';

/**
 * What stands behind `Zookeeper version: `, in `mntr` and in `envi`:
 * `3.8.0-quoll-0.1.0, built on 2026-11-22 05:36 UTC`.
 * Java's form, because programs read it: kazoo takes the leading digits and dots of envi's (a
 * client asks there what the server can do), exporters `\d+\.\d+\.\d+` at the start of mntr's,
 * Datadog's agent three parts of which the third must end at a hyphen. So ZooKeeper's number
 * comes first and a hyphen follows; whose server it is comes after that.
 */
export function fullVersion(quollVersion: string, builtAt: number): string {
  return `${zooKeeperVersion}-quoll-${quollVersion}, built on ${buildDate(builtAt)}`;
}
