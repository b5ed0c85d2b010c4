// From zoo.cfg and the command line to the numbers a server runs with: every default resolved, every unit in the name.
// Input: the file's text and the properties given on the command line; output: a ServerConfig and warnings to log, or a
// ConfigError, one line and exit code 2. Pure: whether directories exist and ports are free is found out at the start.
//
// Different from Java on purpose: a malformed value is an error everywhere, where Java's system properties fall back in
// silence; a clientPort is required, where Java starts without one; a key that asks for security that is not built ends
// the start. Where Java corrects a number that is too small, so does this, with a warning.

import { clientAddressOf } from './config-client-address.ts';
import type { EnsembleConfig } from './config-ensemble.ts';
import { ensembleOf } from './config-ensemble.ts';
import { ConfigError } from './config-error.ts';
import { GivenValues } from './config-given-values.ts';
import type { SnapshotCompression } from './config-keys.ts';
import { usedKeys } from './config-keys.ts';
import { membersOf, mySidIn } from './config-members.ts';
import { gather, judgeInactive } from './config-source.ts';

export interface ServerConfig {
  /** 0: any free one. */
  readonly clientPort: number;
  /** undefined: every address. */
  readonly clientPortAddress: string | undefined;
  /** undefined: the system's. */
  readonly clientPortListenBacklog: number | undefined;
  readonly dataDir: string;
  readonly dataLogDir: string;
  readonly datadirAutocreate: boolean;
  /** In the top byte of new session ids: the low byte of `myid`. A lone server is 1 in Java, whatever its `myid`. */
  readonly serverId: number;
  /** undefined: a lone server. */
  readonly ensemble: EnsembleConfig | undefined;

  readonly tickTimeMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** From one address; 0: no limit. */
  readonly maxClientCnxns: number;
  /** In all; 0: no limit. */
  readonly maxCnxns: number;
  readonly sessionlessCnxnTimeoutMs: number;
  readonly clientTcpKeepAlive: boolean;
  readonly fourLetterWords: 'all' | ReadonlySet<string>;
  readonly readOnlyMode: boolean;

  /** Bytes of a request. */
  readonly juteMaxBuffer: number;
  /** A serialized txn may be this many bytes longer than a request. */
  readonly juteMaxBufferExtraSize: number;
  readonly globalOutstandingLimit: number;
  /** Bytes; undefined: no request counts as large. */
  readonly largeRequestThreshold: number | undefined;
  readonly largeRequestMaxBytes: number;
  readonly enforceQuota: boolean;

  readonly extendedTypesEnabled: boolean;
  readonly emulate353TtlNodes: boolean;
  readonly containerCheckIntervalMs: number;
  readonly containerMaxPerMinute: number;
  /** 0: containers that never had a child stay. */
  readonly containerMaxNeverUsedIntervalMs: number;

  readonly snapCount: number;
  /** 0: the length of the log does not matter. */
  readonly snapSizeLimitKb: number;
  readonly snapshotCompression: SnapshotCompression;
  readonly preAllocSizeKb: number;
  /** 0: no limit. */
  readonly txnLogSizeLimitKb: number;
  readonly forceSync: boolean;
  readonly fsyncWarningThresholdMs: number;
  readonly flushDelayMs: number;
  readonly maxWriteQueuePollTimeMs: number;
  readonly maxBatchSize: number;
  readonly dbAutocreate: boolean;
  readonly trustEmptySnapshot: boolean;
  readonly digestEnabled: boolean;
  readonly closeSessionTxnEnabled: boolean;
  readonly snapRetainCount: number;
  /** 0: never. */
  readonly purgeIntervalMs: number;

  readonly skipAcl: boolean;
  readonly digestAuthEnabled: boolean;
  /** Java's name; whether this system has it is for the start to find out. */
  readonly digestAlg: string;
  /** Secret. */
  readonly superDigest: string | undefined;
}

export interface ConfigSource {
  /** zoo.cfg, one character a byte (ISO 8859-1). */
  readonly text: string;
  /** `--property name=value`; the names with or without `zookeeper.`. */
  readonly properties?: ReadonlyMap<string, string>;
  /** The text of `<dataDir>/myid`, undefined when there is no such file. */
  readonly readMyid?: (dataDir: string) => string | undefined;
  /**
   * The text of the file `dynamicConfigFile` names, one character a byte; undefined when it cannot be read. A relative
   * path is relative to where the server starts, as in Java.
   */
  readonly readDynamicConfig?: (path: string) => string | undefined;
}

export interface ConfigResult {
  readonly config: ServerConfig;
  /** `event -> decision`, for the log. */
  readonly warnings: readonly string[];
}

/** The four-letter words there are (FourLetterCommands), and one of ours that `*` does not mean. */
const javaWords =
  'conf cons crst dirs dump envi gtmk hash isro mntr ruok srst srvr stat stmk wchc wchp wchs'.split(
    ' ',
  );
const knownWords: ReadonlySet<string> = new Set([...javaWords, 'elog']);

/** The server id of a lone server in Java (ZooKeeperServer.createSessionTrackerServerId). */
const loneServerId = 1;
/** 0xff marks znodes of other kinds in ephemeralOwner (EphemeralType.validateServerId). */
const extendedSidMax = 0xfe;
const snapCountMin = 2;
const snapRetainCountMin = 3;

/** Throws ConfigError. */
export function readConfig(source: ConfigSource): ConfigResult {
  const { text, properties = new Map(), readMyid, readDynamicConfig } = source;
  const { given, warnings: sourceWarnings } = gather(text, properties);
  const warnings = [...sourceWarnings, ...judgeInactive(given)];
  const values = new Values(given, warnings);
  const dataDir = values.dataDir();
  const sessions = values.sessions();
  const nodeKinds = values.nodeKinds();
  const mySid = mySidIn(readMyid?.(dataDir));
  const members = membersOf(values, readDynamicConfig ?? (() => undefined));
  const ensemble = ensembleOf(values, members, mySid, sessions.tickTimeMs);
  if (ensemble !== undefined && nodeKinds.extendedTypesEnabled && ensemble.mySid > extendedSidMax) {
    const limit = `with extendedTypesEnabled the most is ${extendedSidMax}`;
    throw new ConfigError('myid', String(ensemble.mySid), limit);
  }
  return {
    config: {
      ...clientAddressOf(values, mySid === undefined ? undefined : members?.members.get(mySid)),
      ...values.network(),
      ...sessions,
      ...values.limits(),
      ...nodeKinds,
      ...values.persistence(),
      ...values.access(),
      dataDir,
      dataLogDir: values.get(usedKeys['Addresses and directories'].dataLogDir) ?? dataDir,
      datadirAutocreate: values.get(usedKeys['Addresses and directories'].datadirAutocreate),
      serverId: ensemble === undefined ? loneServerId : Number(ensemble.mySid & 0xffn),
      ensemble,
    },
    warnings,
  };
}

/** The keys that every server reads. */
class Values extends GivenValues {
  dataDir(): string {
    const { dataDir, dataLogDir } = usedKeys['Addresses and directories'];
    const value = this.get(dataDir);
    if (value === undefined) throw new ConfigError('dataDir', '', 'is not set');
    for (const key of [dataDir, dataLogDir]) {
      const path = this.get(key);
      if (path !== undefined && !/^(?:\/|\.{1,2}\/|[A-Za-z]:)/.test(path)) {
        const advice = 'put ./ before it to show that this is meant';
        this.warnings.push(
          `${key.name}=${path} is relative -> to where the server starts; ${advice}`,
        );
      }
    }
    return value;
  }

  sessions() {
    const keys = usedKeys['Sessions and clients'];
    const tickTimeMs = this.get(keys.tickTime);
    const min = this.get(keys.minSessionTimeout);
    const max = this.get(keys.maxSessionTimeout);
    const minSessionTimeoutMs = min === -1 ? 2 * tickTimeMs : min;
    const maxSessionTimeoutMs = max === -1 ? 20 * tickTimeMs : max;
    if (minSessionTimeoutMs > maxSessionTimeoutMs) {
      const limit = `more than maxSessionTimeout, ${maxSessionTimeoutMs}`;
      throw new ConfigError('minSessionTimeout', String(minSessionTimeoutMs), limit);
    }
    return { tickTimeMs, minSessionTimeoutMs, maxSessionTimeoutMs };
  }

  network() {
    const keys = usedKeys['Sessions and clients'];
    return {
      maxClientCnxns: Math.max(0, this.get(keys.maxClientCnxns)),
      maxCnxns: Math.max(0, this.get(keys.maxCnxns)),
      sessionlessCnxnTimeoutMs: this.get(keys.sessionlessCnxnTimeout),
      clientTcpKeepAlive: this.get(keys.clientTcpKeepAlive),
      fourLetterWords: this.#fourLetterWords(),
      readOnlyMode: this.get(keys.readOnlyMode),
    };
  }

  #fourLetterWords(): 'all' | ReadonlySet<string> {
    const { fourLetterWords, readOnlyMode } = usedKeys['Sessions and clients'];
    const words = this.get(fourLetterWords);
    if (words.includes('*')) return words.includes('elog') ? knownWords : 'all';
    for (const word of words) {
      if (!knownWords.has(word)) {
        this.warnings.push(`${fourLetterWords.name}: there is no word ${word} -> ignored`);
      }
    }
    return new Set(['srvr', ...(this.get(readOnlyMode) ? ['isro'] : []), ...words]);
  }

  limits() {
    const keys = usedKeys.Limits;
    const juteMaxBuffer = this.get(keys.juteMaxBuffer);
    return {
      juteMaxBuffer,
      juteMaxBufferExtraSize: this.get(keys.juteMaxBufferExtraSize) ?? juteMaxBuffer,
      globalOutstandingLimit: this.get(keys.globalOutstandingLimit),
      ...this.#largeRequests(),
      enforceQuota: this.get(keys.enforceQuota),
    };
  }

  #largeRequests() {
    const keys = usedKeys.Limits;
    const threshold = this.get(keys.largeRequestThreshold);
    const maxBytes = this.get(keys.largeRequestMaxBytes);
    if (threshold === 0 || threshold < -1) {
      this.warnings.push(`${keys.largeRequestThreshold.name}=${threshold} -> -1, off`);
    }
    if (maxBytes <= 0) {
      const { name, default: standard } = keys.largeRequestMaxBytes;
      this.warnings.push(`${name}=${maxBytes} -> ${standard}, the default`);
    }
    return {
      largeRequestThreshold: threshold > 0 ? threshold : undefined,
      largeRequestMaxBytes: maxBytes > 0 ? maxBytes : keys.largeRequestMaxBytes.default,
    };
  }

  nodeKinds() {
    const keys = usedKeys['Znodes of other kinds'];
    return {
      extendedTypesEnabled: this.get(keys.extendedTypesEnabled),
      emulate353TtlNodes: this.get(keys.emulate353TtlNodes),
      containerCheckIntervalMs: this.get(keys.containerCheckInterval),
      containerMaxPerMinute: this.get(keys.containerMaxPerMinute),
      containerMaxNeverUsedIntervalMs: this.get(keys.containerMaxNeverUsedInterval),
    };
  }

  persistence() {
    const keys = usedKeys.Persistence;
    const flushDelayMs = this.get(keys.flushDelay);
    return {
      snapCount: this.atLeast(snapCountMin, keys.snapCount),
      snapSizeLimitKb: Math.max(0, this.get(keys.snapSizeLimitInKb)),
      snapshotCompression: this.get(keys.snapshotCompression),
      preAllocSizeKb: this.get(keys.preAllocSize),
      txnLogSizeLimitKb: Math.max(0, this.get(keys.txnLogSizeLimitInKb)),
      forceSync: this.get(keys.forceSync),
      fsyncWarningThresholdMs: this.get(keys.fsyncWarningThreshold),
      flushDelayMs,
      maxWriteQueuePollTimeMs: this.get(keys.maxWriteQueuePollTime) ?? Math.floor(flushDelayMs / 3),
      maxBatchSize: this.get(keys.maxBatchSize),
      dbAutocreate: this.get(keys.dbAutocreate),
      trustEmptySnapshot: this.get(keys.trustEmptySnapshot),
      digestEnabled: this.get(keys.digestEnabled),
      closeSessionTxnEnabled: this.get(keys.closeSessionTxnEnabled),
      snapRetainCount: this.atLeast(snapRetainCountMin, keys.snapRetainCount),
      purgeIntervalMs: this.get(keys.purgeInterval),
    };
  }

  access() {
    const keys = usedKeys['Access control'];
    const superDigest = this.get(keys.superDigest);
    return {
      skipAcl: this.get(keys.skipAcl),
      digestAuthEnabled: this.get(keys.digestAuthEnabled),
      digestAlg: this.get(keys.digestAlg),
      superDigest: superDigest === '' ? undefined : superDigest,
    };
  }
}
