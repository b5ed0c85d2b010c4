// What of the configuration the machine needs, resolved; the keys behind it are in server/config-keys.ts.

import type { ContainerSweepOptions } from './request/container-sweep.ts';
import type { PrepOptions } from './request/prep.ts';
import type { AuthOptions } from './tree/acl.ts';

export interface ReplicaOptions extends PrepOptions {
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** More requests than this on their way: reading stops until half of them are done. */
  readonly globalOutstandingLimit: number;
  /** How long a batch may wait for more, and how many entries end the wait; 0: not at all. */
  readonly flushDelayMs: number;
  readonly maxBatchSize: number;
  readonly auth: AuthOptions;
  readonly containers: ContainerSweepOptions;
}
