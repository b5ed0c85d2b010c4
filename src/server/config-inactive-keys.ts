// The configuration keys of Java that this server knows and does not act on, and what it does instead:
// 'harmless' warned about and passed over: the server behaves as with the default, which loses speed or comfort;
// 'refused'  ends the start: without it the server would be less secure, or tell less, than was asked for. A value that
//            switches the feature off (`off`) asks for nothing and is taken without a word;
// 'members'  of the configuration of an ensemble: config-members.ts has them read.
// A name that ends in `*` stands for all names that begin so. The first entry that fits speaks.

import type { ValueType } from './config-values.ts';
import { boolean, integer } from './config-values.ts';

export type Handling = 'harmless' | 'refused' | 'members';

export interface InactiveKey {
  readonly name: string;
  readonly handling: Handling;
  /** Completes "… is not built": of a refused key what would be missing, else what the key is about. */
  readonly about: string;
  /** The values that ask for nothing. */
  readonly off?: readonly string[];
  /** What Java insists on, where it does. */
  readonly type?: ValueType<unknown>;
}

function keys(
  handling: Handling,
  about: string,
  names: readonly string[],
  off?: readonly string[],
): InactiveKey[] {
  return names.map((name) => ({ name, handling, about, ...(off === undefined ? {} : { off }) }));
}

function typed(
  type: ValueType<unknown>,
  about: string,
  names: readonly string[],
  off?: readonly string[],
): InactiveKey[] {
  return keys('harmless', about, names, off).map((key) => ({ ...key, type }));
}

export const inactiveKeys: readonly InactiveKey[] = [
  ...keys('refused', 'TLS for clients', ['secureClientPort'], ['0']),
  ...keys('refused', 'TLS for clients', ['secureClientPortAddress', 'ssl.*']),
  ...keys(
    'refused',
    'TLS',
    [
      'sslQuorum',
      'portUnification',
      'sslQuorumReloadCertFiles',
      'client.portUnification',
      'client.certReload',
    ],
    ['false'],
  ),
  ...keys(
    'refused',
    'SASL between servers',
    ['quorum.auth.enableSasl', 'quorum.auth.serverRequireSasl', 'quorum.auth.learnerRequireSasl'],
    ['false'],
  ),
  ...keys('refused', 'SASL between servers', ['quorum.auth.*']),
  ...keys('refused', 'required authentication', ['enforce.auth.enabled'], ['false']),
  ...keys('refused', 'required authentication', ['enforce.auth.*']),
  ...keys('refused', 'SASL', ['sessionRequireClientSASLAuth', 'allowSaslFailedClients'], ['false']),
  ...keys('refused', 'SASL', [
    'superUser*',
    'letAnySaslUserDoX',
    'SASLAuthenticationProvider.*',
    'sasl.*',
    'kerberos.*',
    'kinit',
    'requireKerberosConfig',
    'security.auth_to_local',
    'java.security.auth.login.config',
  ]),
  ...keys('refused', 'authentication by certificate', ['X509AuthenticationProvider.*']),
  ...keys('refused', 'a further authentication provider', ['authProvider.*', 'ensembleAuthName']),
  ...keys('refused', 'the audit log', ['audit.enable'], ['false']),
  ...keys('harmless', 'the audit log', ['audit.*']),
  ...keys(
    'refused',
    'TLS for the HTTP admin server',
    ['admin.portUnification', 'admin.forceHttps', 'admin.needClientAuth'],
    ['false'],
  ),
  ...keys('harmless', 'the HTTP admin server', ['admin.enableServer'], ['false']),
  ...keys('harmless', 'the HTTP admin server', [
    'admin.*',
    'IPAuthenticationProvider.usexforwardedfor',
  ]),
  ...keys('harmless', 'TLS', ['fips-mode']),

  ...keys('refused', 'a quorum by an oracle', ['oraclePath']),
  ...typed(integer({}), 'observer masters', ['observerMasterPort'], ['0']),
  ...keys('harmless', 'observer masters', ['observerMaster.*']),
  ...typed(boolean, 'reconfiguration', ['reconfigEnabled'], ['false']),
  ...typed(integer({}), 'a choice of threads', ['quorum.cnxn.threads.size']),
  ...typed(boolean, 'a probe of addresses (all are dialled at once)', [
    'multiAddress.reachabilityCheckEnabled',
  ]),
  ...typed(integer({}), 'a probe of addresses (all are dialled at once)', [
    'multiAddress.reachabilityCheckTimeoutMs',
  ]),
  ...keys('harmless', 'a choice of pauses, sockets and threads between servers', [
    'leaderConnectDelayDuringRetryMs',
    'leader.*',
    'learner.*',
    'follower.*',
    'observer.*',
    'forward_learner_requests_to_commit_processor_disabled',
  ]),
  ...keys('harmless', 'a first check of ACLs on learners', ['enableEagerACLCheck']),
  // Read by config-members.ts.
  ...keys('members', 'the servers of an ensemble', ['server.*', 'group*', 'weight*', 'version']),

  ...keys('harmless', 'this way of throttling', [
    'request_throttle_*',
    'request_throttler.*',
    'request_stale_*',
    'throttled_op_wait_time',
    'connection_throttle_*',
  ]),
  ...keys('harmless', 'a cache of replies (they are written from the tree)', [
    'maxResponseCacheSize',
    'maxGetChildrenResponseCacheSize',
  ]),
  ...keys('harmless', 'a choice of transports, threads and buffers (one loop serves all)', [
    'serverCnxnFactory',
    'intBufferStartingSizeBytes',
    'nio.*',
    'netty.*',
    'commitProcessor.*',
  ]),
  ...keys('harmless', 'a choice of watch tables', [
    'watchManagerName',
    'watcherClean*',
    'maxInProcessingDeadWatchers',
    'bitHashCacheSize',
  ]),
  ...keys('harmless', 'tracing', ['pathStats.*', 'messageTracker.*']),
  ...keys('harmless', 'a metrics provider', ['metricsProvider.*']),
  ...keys('harmless', 'a pause monitor for Java machines', ['jvm.*', 'jmx.*']),
  ...keys('harmless', 'the snapshot section of version 3.9', [
    'serializeLastProcessedZxid.enabled',
  ]),
  ...keys('harmless', 'what Java keeps for its own tests', [
    'testingonly.*',
    'test.*',
    'controllerPort',
  ]),
];

/** The entry for a key's name (without `zookeeper.`), undefined when Java does not know it either. */
export function inactiveKey(name: string): InactiveKey | undefined {
  return inactiveKeys.find((entry) =>
    entry.name.endsWith('*')
      ? name.startsWith(entry.name.substring(0, entry.name.length - 1))
      : name === entry.name,
  );
}
