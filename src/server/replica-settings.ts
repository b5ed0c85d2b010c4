// What of the configuration the tree and the machine get: the one place where keys become their options.

import type { ReplicaOptions } from '../core/replica-options.ts';
import type { AuthOptions } from '../core/tree/acl.ts';
import type { TreeOptions } from '../core/tree/data-tree.ts';
import type { ServerConfig } from './config.ts';

export function treeOptionsOf(config: ServerConfig, hashSeed: number): TreeOptions {
  return {
    digestEnabled: config.digestEnabled,
    extendedTypesEnabled: config.extendedTypesEnabled,
    emulate353TTLNodes: config.emulate353TtlNodes,
    hashSeed,
  };
}

export function replicaOptionsOf(config: ServerConfig, hash: AuthOptions['hash']): ReplicaOptions {
  const digest = { digestEnabled: config.digestAuthEnabled };
  return {
    extendedTypesEnabled: config.extendedTypesEnabled,
    enforceQuota: config.enforceQuota,
    skipAcl: config.skipAcl,
    closeSessionTxnEnabled: config.closeSessionTxnEnabled,
    acl: digest,
    txnLengthMax: config.juteMaxBuffer + config.juteMaxBufferExtraSize,
    minSessionTimeoutMs: config.minSessionTimeoutMs,
    maxSessionTimeoutMs: config.maxSessionTimeoutMs,
    globalOutstandingLimit: config.globalOutstandingLimit,
    largeRequestThreshold: config.largeRequestThreshold ?? Number.POSITIVE_INFINITY,
    largeRequestMaxBytes: config.largeRequestMaxBytes,
    flushDelayMs: config.flushDelayMs,
    maxBatchSize: config.maxBatchSize,
    localSessions: config.ensemble?.localSessions ?? false,
    localSessionsUpgrading: config.ensemble?.localSessionsUpgrading ?? false,
    auth: { ...digest, digestAlg: config.digestAlg, superDigest: config.superDigest, hash },
    containers: {
      checkIntervalMs: config.containerCheckIntervalMs,
      maxPerMinute: config.containerMaxPerMinute,
      maxNeverUsedMs: config.containerMaxNeverUsedIntervalMs,
    },
  };
}
