// What one server of an ensemble needs to know beyond what a lone server does: who the servers are, which of them it
// is, the limits of Zab and of elections. In: the members, `myid`, the keys of ensembles; out: an EnsembleConfig, or
// undefined for a lone server, or ConfigError (QuorumPeerConfig.parseDynamicConfig, setupPeerType, checkValidity).
//
// One server line makes a lone server, unless standaloneEnabled=false. Warnings are Java's, so that they can be
// searched for. Different from Java on purpose: a `myid` that is no member ends the start with code 2 (Java: 1, after
// the database was loaded); several addresses need multiAddress.enabled, which Java reads for that from its command
// line only; peerType is compared only where it is given.

import type { QuorumConfig } from '../core/election/quorum-config.ts';
import { printQuorumConfig } from '../core/election/quorum-config.ts';
import type { HostPort, QuorumServer, Role } from '../core/election/quorum-server.ts';
import { QuorumVerifier } from '../core/election/quorum-verifier.ts';
import type { Sid } from '../proto/sid.ts';
import { ConfigError } from './config-error.ts';
import type { GivenValues } from './config-given-values.ts';
import { usedKeys } from './config-keys.ts';

export interface EnsembleConfig {
  readonly mySid: Sid;
  /** By our line. */
  readonly role: Role;
  /** The committed configuration; its version is 0. */
  readonly verifier: QuorumVerifier;
  /** Its text: the data of /zookeeper/config, and what NEWLEADER and notifications carry. */
  readonly configText: string;
  /** All members, ourselves too, in the order of their sids. */
  readonly servers: readonly QuorumServer[];
  /** Of our own line, as many as it has; names are not looked up. */
  readonly quorumAddresses: readonly HostPort[];
  readonly electionAddresses: readonly HostPort[];
  /** Bind these ports on every address instead. */
  readonly quorumListenOnAllIps: boolean;
  /** The election's initial message tells all our addresses (version 2). */
  readonly multiAddress: boolean;

  /** Ticks. */
  readonly initLimit: number;
  readonly syncLimit: number;
  /** To the leader, until connected. */
  readonly connectToLearnerMasterLimitMs: number;
  readonly maxTimeToWaitForEpochMs: number;
  readonly maxConcurrentSnapSyncs: number;
  readonly maxConcurrentDiffSyncs: number;
  readonly commitLogCount: number;
  /** Java's rule for reading log files instead of sending a snapshot; negative: never. undefined: our own rule. */
  readonly snapshotSizeFactor: number | undefined;
  readonly forceSnapshotSync: boolean;

  /** Observers write logs and snapshots. */
  readonly syncEnabled: boolean;
  readonly leaderServes: boolean;
  readonly localSessions: boolean;
  readonly localSessionsUpgrading: boolean;

  readonly election: ElectionConfig;
}

/** What the election and its connections are made with (ElectionOptions, ElectionMeshOptions). */
export interface ElectionConfig {
  readonly minNotificationIntervalMs: number;
  readonly maxNotificationIntervalMs: number;
  readonly decidesEarly: boolean;
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  /** 0: for ever. */
  readonly bindTries: number;
  readonly keepAlive: boolean;
  readonly refuseStrangers: boolean;
}

const bindTriesDefault = 3;
const commitLogCountMin = 500;

/** Throws ConfigError. Reads every key, so that a malformed one is refused on a lone server too. */
export function ensembleOf(
  values: GivenValues,
  members: QuorumConfig | undefined,
  mySid: Sid | undefined,
  tickTimeMs: number,
): EnsembleConfig | undefined {
  const keys = usedKeys.Ensembles;
  const isStandaloneEnabled = values.get(keys.standaloneEnabled);
  const peerType = values.get(keys.peerType);
  values.get(keys.electionAlg);
  const initLimit = values.get(keys.initLimit);
  const syncLimit = values.get(keys.syncLimit);
  const connectLimit = values.get(keys.connectToLearnerMasterLimit);
  const settings = {
    quorumListenOnAllIps: values.get(keys.quorumListenOnAllIPs),
    multiAddress: values.get(keys.multiAddressEnabled),
    syncEnabled: values.get(keys.observerSyncEnabled) ?? values.get(keys.syncEnabled),
    leaderServes: values.get(keys.leaderServes),
    localSessions: values.get(keys.localSessionsEnabled),
    localSessionsUpgrading: values.get(keys.localSessionsUpgradingEnabled),
    ...synchronizationOf(values),
    election: electionOf(values, syncLimit * tickTimeMs),
  };
  if (!isEnsemble(values, members, isStandaloneEnabled)) return undefined;
  const verifier = new QuorumVerifier(members);
  if (initLimit === 0) throw new ConfigError('initLimit', '', 'is not set, an ensemble needs it');
  if (syncLimit === 0) throw new ConfigError('syncLimit', '', 'is not set, an ensemble needs it');
  const own = ownServer(members, mySid);
  const servers = [...members.members.values()].sort((a, b) => (a.sid < b.sid ? -1 : 1));
  warnOf(verifier, servers, own, peerType, values.warnings);
  for (const { sid, addresses } of servers) {
    if (addresses.length > 1 && !settings.multiAddress) {
      const limit = `${addresses.length} addresses, and multiAddress.enabled is false`;
      throw new ConfigError(`server.${sid}`, '', limit);
    }
  }
  return {
    mySid: own.sid,
    role: own.role,
    verifier,
    configText: printQuorumConfig(members),
    servers,
    quorumAddresses: own.addresses.map(({ host, quorumPort: port }) => ({ host, port })),
    electionAddresses: own.addresses.map(({ host, electionPort: port }) => ({ host, port })),
    initLimit,
    syncLimit,
    connectToLearnerMasterLimitMs: (connectLimit > 0 ? connectLimit : initLimit) * tickTimeMs,
    ...settings,
  };
}

function isEnsemble(
  { warnings }: GivenValues,
  members: QuorumConfig | undefined,
  isStandaloneEnabled: boolean,
): members is QuorumConfig {
  if (members === undefined) {
    if (isStandaloneEnabled) return false;
    throw new ConfigError('standaloneEnabled', 'false', 'there is no server line');
  }
  const voters = [...members.members.values()].filter(({ role }) => role === 'participant');
  if (voters.length > 1 || !isStandaloneEnabled) return true;
  const observers = members.members.size - voters.length;
  if (observers > 0) {
    const limit = `${observers} observers of one participant: set standaloneEnabled=false`;
    throw new ConfigError('server.*', '', limit);
  }
  warnings.push(
    `server.${voters[0]?.sid} is the only server -> standalone, its quorum ports are not used`,
  );
  return false;
}

function ownServer({ members }: QuorumConfig, mySid: Sid | undefined): QuorumServer {
  if (mySid === undefined) {
    throw new ConfigError('myid', '', 'the file is missing in dataDir, an ensemble needs it');
  }
  const own = members.get(mySid);
  if (own !== undefined) return own;
  const sids = [...members.keys()].sort((a, b) => (a < b ? -1 : 1)).join(', ');
  throw new ConfigError('myid', String(mySid), `not among the servers ${sids}`);
}

function warnOf(
  { voters }: QuorumVerifier,
  servers: readonly QuorumServer[],
  { role }: QuorumServer,
  peerType: Role | undefined,
  warnings: string[],
): void {
  if (voters.size <= 2) {
    warnings.push('No server failure will be tolerated. You need at least 3 servers.');
  } else if (voters.size % 2 === 0) {
    warnings.push('Non-optimal configuration, consider an odd number of servers.');
  }
  if (peerType !== undefined && peerType !== role) {
    warnings.push(
      `Peer type from servers list (${role.toUpperCase()}) doesn't match peerType ` +
        `(${peerType.toUpperCase()}). Defaulting to servers list.`,
    );
  }
  const byLowByte = new Map<bigint, Sid>();
  for (const { sid } of servers) {
    const other = byLowByte.get(sid & 0xffn);
    if (other !== undefined) {
      warnings.push(
        `servers ${other} and ${sid} have the same low byte -> of their session ids too`,
      );
    }
    byLowByte.set(sid & 0xffn, sid);
  }
}

function synchronizationOf(values: GivenValues) {
  const keys = usedKeys['Elections and synchronization'];
  const { snapshotSizeFactor: factorKey } = keys;
  const factor = values.get(factorKey);
  if (factor !== undefined && factor > 1) {
    values.warnings.push(`${factorKey.name}=${factor} is more than 1 -> ignored`);
  }
  return {
    maxTimeToWaitForEpochMs: values.get(keys.maxTimeToWaitForEpoch),
    maxConcurrentSnapSyncs: values.get(keys.maxConcurrentSnapSyncs),
    maxConcurrentDiffSyncs: values.get(keys.maxConcurrentDiffSyncs),
    commitLogCount: values.atLeast(commitLogCountMin, keys.commitLogCount),
    snapshotSizeFactor: factor !== undefined && factor > 1 ? undefined : factor,
    forceSnapshotSync: values.get(keys.forceSnapshotSync),
  };
}

function electionOf(values: GivenValues, syncLimitMs: number): ElectionConfig {
  const keys = usedKeys['Elections and synchronization'];
  const tries = values.get(keys.electionPortBindRetry);
  if (tries < 0) {
    const { name } = keys.electionPortBindRetry;
    values.warnings.push(`${name}=${tries} -> ${bindTriesDefault}, the default`);
  }
  const handshakeTimeoutMs = values.get(keys.handshakeTimeout);
  const minNotificationIntervalMs = values.get(keys.minNotificationInterval);
  return {
    minNotificationIntervalMs,
    maxNotificationIntervalMs: values.atLeast(
      minNotificationIntervalMs,
      keys.maxNotificationInterval,
    ),
    decidesEarly: values.get(keys.decidesEarly),
    connectTimeoutMs: values.get(keys.connectTimeout),
    handshakeTimeoutMs: handshakeTimeoutMs > 0 ? handshakeTimeoutMs : syncLimitMs,
    bindTries: tries < 0 ? bindTriesDefault : tries,
    keepAlive: values.get(keys.tcpKeepAlive),
    refuseStrangers: values.get(keys.refuseStrangers),
  };
}
