// What of the configuration the machine needs, resolved; the keys behind it are in server/config-keys.ts.

import type { ContainerSweepOptions } from './request/container-sweep.ts';
import type { WriteLogOptions } from './request/write-log.ts';
import type { AuthOptions } from './tree/acl.ts';

export interface ReplicaOptions extends WriteLogOptions {
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** More requests than this on their way: reading stops until half of them are done. */
  readonly globalOutstandingLimit: number;
  /** Requests longer than this count as large; Infinity: none does. */
  readonly largeRequestThreshold: number;
  /** Large requests on their way together have no more bytes than this: the next one closes its connection. */
  readonly largeRequestMaxBytes: number;
  /** Sessions begin as local ones (localSessionsEnabled); an ephemeral makes them global, or is refused. */
  readonly localSessions: boolean;
  readonly localSessionsUpgrading: boolean;
  readonly auth: AuthOptions;
  readonly containers: ContainerSweepOptions;
}
