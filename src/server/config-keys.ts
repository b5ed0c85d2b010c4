// Every configuration key the server acts on: one table, read by config.ts and shown by docs/CONFIGURATION.md. The keys
// it knows and does not act on are in config-inactive-keys.ts.
//
// `place` is where Java takes a key from: 'file', a name of its configuration parser; 'property', the system property
// `zookeeper.<name>`, which a key of the file sets too; 'bare', a system property without that prefix, which the file
// cannot set in Java and can here. A default of undefined means: none, or worked out from other keys (`defaultText`).
import type { ValueType } from './config-values.ts';
import {
  address,
  boolean,
  integer,
  interval,
  oneOf,
  path,
  port,
  text,
  words,
  yesOrNo,
} from './config-values.ts';

export type Place = 'file' | 'property' | 'bare';

export interface UsedKey<T> {
  /** As in zoo.cfg, without `zookeeper.`. */
  readonly name: string;
  readonly place: Place;
  readonly type: ValueType<T>;
  readonly default: T;
  /** For readers, where the default is not a plain value. */
  readonly defaultText?: string;
  readonly meaning: string;
  /** Never shown in a message or a log line. */
  readonly secret?: true;
}

interface More {
  readonly defaultText?: string;
  readonly secret?: true;
}

function key<T>(
  place: Place,
  name: string,
  type: ValueType<T>,
  byDefault: T,
  meaning: string,
  more?: More,
): UsedKey<T> {
  return { name, place, type, default: byDefault, meaning, ...more };
}

/** A key that may be absent. */
function optional<T>(
  place: Place,
  name: string,
  type: ValueType<T>,
  defaultText: string,
  meaning: string,
  more?: More,
): UsedKey<T | undefined> {
  return { name, place, type, default: undefined, defaultText, meaning, ...more };
}

const longMax = Number.MAX_SAFE_INTEGER;

export type SnapshotCompression = 'none' | 'gz' | 'snappy';

const compression = oneOf<SnapshotCompression>({
  '': 'none',
  none: 'none',
  gz: 'gz',
  snappy: 'snappy',
});

/** By section, in the order of the documentation. */
export const usedKeys = {
  'Addresses and directories': {
    clientPort: optional(
      'file',
      'clientPort',
      port,
      'none',
      'port for clients; 0 takes a free one',
    ),
    clientPortAddress: optional(
      'file',
      'clientPortAddress',
      address,
      'every address',
      'address the client port is bound to',
    ),
    clientPortListenBacklog: key(
      'file',
      'clientPortListenBacklog',
      integer({ min: -1 }),
      -1,
      'connections the system queues before they are accepted; -1 leaves it to the system',
    ),
    dataDir: optional('file', 'dataDir', path, 'required', 'snapshots, and the file `myid`'),
    dataLogDir: optional(
      'file',
      'dataLogDir',
      path,
      'dataDir',
      'transaction logs; a disk of their own makes writes faster',
    ),
    datadirAutocreate: key(
      'property',
      'datadir.autocreate',
      boolean,
      true,
      'create the directories when they are missing',
    ),
  },
  'Sessions and clients': {
    tickTime: key(
      'file',
      'tickTime',
      integer({ min: 1, unit: 'ms' }),
      3000,
      'the unit of session time-outs and of their expiry',
    ),
    minSessionTimeout: key(
      'file',
      'minSessionTimeout',
      integer({ min: -1, unit: 'ms' }),
      -1,
      'the shortest session time-out granted',
      { defaultText: '-1: 2 × tickTime' },
    ),
    maxSessionTimeout: key(
      'file',
      'maxSessionTimeout',
      integer({ min: -1, unit: 'ms' }),
      -1,
      'the longest session time-out granted',
      { defaultText: '-1: 20 × tickTime' },
    ),
    maxClientCnxns: key(
      'file',
      'maxClientCnxns',
      integer({}),
      60,
      'connections from one address; 0 or less: no limit',
    ),
    maxCnxns: key(
      'property',
      'maxCnxns',
      integer({ decoded: true }),
      0,
      'connections in all; 0 or less: no limit',
    ),
    sessionlessCnxnTimeout: key(
      'property',
      'nio.sessionlessCnxnTimeout',
      integer({ min: 1, unit: 'ms', decoded: true }),
      10_000,
      'a connection without a session is closed after it',
    ),
    clientTcpKeepAlive: key(
      'property',
      'clientTcpKeepAlive',
      boolean,
      false,
      'TCP keep-alive on client connections',
    ),
    fourLetterWords: key(
      'property',
      '4lw.commands.whitelist',
      words,
      ['srvr'],
      'four-letter words that are answered, `*` for all of Java’s; srvr always is. Ours: elog, elections as JSON',
      { defaultText: 'srvr' },
    ),
    readOnlyMode: key(
      'bare',
      'readonlymode.enabled',
      boolean,
      false,
      'answers isro; a lone server is never read-only',
    ),
  },
  Limits: {
    juteMaxBuffer: key(
      'bare',
      'jute.maxbuffer',
      integer({ min: 64, unit: 'bytes', decoded: true }),
      0xfffff,
      'the longest request, and about the most data in a znode; clients need the same value',
    ),
    juteMaxBufferExtraSize: optional(
      'property',
      'jute.maxbuffer.extrasize',
      integer({ min: 0, unit: 'bytes', decoded: true }),
      'jute.maxbuffer',
      'how much longer than jute.maxbuffer a txn in log and snapshot may be',
    ),
    globalOutstandingLimit: key(
      'property',
      'globalOutstandingLimit',
      integer({ min: 1, decoded: true }),
      1000,
      'requests in progress before connections are no longer read',
    ),
    largeRequestThreshold: key(
      'property',
      'largeRequestThreshold',
      integer({ unit: 'bytes', decoded: true }),
      -1,
      'a longer request counts as large; -1: none does',
    ),
    largeRequestMaxBytes: key(
      'property',
      'largeRequestMaxBytes',
      integer({ unit: 'bytes', decoded: true }),
      100 * 1024 * 1024,
      'large requests in progress, in all; one more closes its connection',
    ),
    enforceQuota: key('property', 'enforceQuota', boolean, false, 'hard quotas refuse writes'),
  },
  'Znodes of other kinds': {
    extendedTypesEnabled: key(
      'property',
      'extendedTypesEnabled',
      boolean,
      false,
      'znodes with a time to live',
    ),
    emulate353TtlNodes: key(
      'property',
      'emulate353TTLNodes',
      boolean,
      false,
      'reads the TTL bits of version 3.5.3',
    ),
    containerCheckInterval: key(
      'bare',
      'znode.container.checkIntervalMs',
      integer({ min: 1, unit: 'ms', decoded: true }),
      60_000,
      'between two sweeps for empty containers and expired TTL znodes',
    ),
    containerMaxPerMinute: key(
      'bare',
      'znode.container.maxPerMinute',
      integer({ min: 1, decoded: true }),
      10_000,
      'deletions a sweep may make in a minute',
    ),
    containerMaxNeverUsedInterval: key(
      'bare',
      'znode.container.maxNeverUsedIntervalMs',
      integer({ min: 0, max: longMax, unit: 'ms', decoded: true }),
      0,
      'containers that never had a child are deleted after it; 0: never',
    ),
  },
  Persistence: {
    snapCount: key(
      'property',
      'snapCount',
      integer({ decoded: true }),
      100_000,
      'txns between snapshots, from a random half of it on; less than 2 is taken for 2',
    ),
    snapSizeLimitInKb: key(
      'property',
      'snapSizeLimitInKb',
      integer({ min: -longMax, max: 2 ** 42, unit: 'KiB', decoded: true }),
      4_194_304,
      'log written between snapshots, likewise; 0 or less: no limit',
    ),
    snapshotCompression: key(
      'property',
      'snapshot.compression.method',
      compression,
      'none',
      'of new snapshots; old ones are read whatever they are',
    ),
    preAllocSize: key(
      'property',
      'preAllocSize',
      integer({ min: 0, max: 2 ** 30, unit: 'KiB' }),
      65_536,
      'a log file grows in steps of it',
    ),
    txnLogSizeLimitInKb: key(
      'property',
      'txnLogSizeLimitInKb',
      integer({ min: -longMax, max: 2 ** 42, unit: 'KiB', decoded: true }),
      -1,
      'the next log file begins at this length; 0 or less: only with a snapshot',
    ),
    forceSync: key(
      'property',
      'forceSync',
      yesOrNo,
      true,
      'writes are on the disk before they are acknowledged; `no` may lose them',
      { defaultText: 'yes' },
    ),
    fsyncWarningThreshold: key(
      'property',
      'fsync.warningthresholdms',
      integer({ min: 0, max: longMax, unit: 'ms', decoded: true }),
      1000,
      'a slower fsync is warned about',
    ),
    flushDelay: key(
      'property',
      'flushDelay',
      integer({ min: 0, max: 3_600_000, unit: 'ms', decoded: true }),
      0,
      'how long a write may wait for others to share its fsync',
    ),
    maxWriteQueuePollTime: optional(
      'property',
      'maxWriteQueuePollTime',
      integer({ min: 0, max: 3_600_000, unit: 'ms', decoded: true }),
      'flushDelay / 3',
      'with a flushDelay: how long to wait for one more write',
    ),
    maxBatchSize: key(
      'property',
      'maxBatchSize',
      integer({ min: 0, decoded: true }),
      1000,
      'txns in one fsync, with a flushDelay',
    ),
    dbAutocreate: key(
      'property',
      'db.autocreate',
      boolean,
      true,
      'an empty directory is a new database; false: only beside a file `initialize`',
    ),
    trustEmptySnapshot: key(
      'property',
      'snapshot.trust.empty',
      boolean,
      false,
      'logs without any snapshot are a whole history; for upgrades from 3.4 only',
    ),
    digestEnabled: key(
      'property',
      'digest.enabled',
      boolean,
      true,
      'a digest of the tree with every txn and snapshot',
    ),
    closeSessionTxnEnabled: key(
      'property',
      'closeSessionTxn.enabled',
      boolean,
      true,
      'the txn that closes a session lists its ephemerals',
    ),
    snapRetainCount: key(
      'file',
      'autopurge.snapRetainCount',
      integer({}),
      3,
      'snapshots the purge task keeps; less than 3 is taken for 3',
    ),
    purgeInterval: key(
      'file',
      'autopurge.purgeInterval',
      interval,
      0,
      'between two purges; 0: never',
    ),
  },
  'Access control': {
    skipAcl: key('property', 'skipACL', yesOrNo, false, '`yes` checks no ACL', {
      defaultText: 'no',
    }),
    digestAuthEnabled: key(
      'property',
      'DigestAuthenticationProvider.enabled',
      boolean,
      true,
      'the scheme `digest`',
    ),
    digestAlg: key(
      'property',
      'DigestAuthenticationProvider.digestAlg',
      text,
      'SHA1',
      'its algorithm, by Java’s name; with another one than before no old ACL fits',
    ),
    superDigest: optional(
      'property',
      'DigestAuthenticationProvider.superDigest',
      text,
      'none',
      '`super:<digest>`: who gives the password for it may do anything',
      { secret: true },
    ),
  },
} as const;
