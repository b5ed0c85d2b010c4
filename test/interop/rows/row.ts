/**
 * One client's row: a script that is run against a server and says which features worked.
 *
 * Inputs: a place, made fresh for the row. Outputs: results by feature, and the script's last words
 * for the message of a failure. A row never throws for a feature that fails.
 */

import type { DebianPackage } from '../harness/debian.ts';
import type { Client, Results } from '../harness/features.ts';
import type { RunningServer } from '../harness/server.ts';
import type { TcpProxy } from '../harness/tcp-proxy.ts';

export interface Place {
  readonly server: RunningServer;
  /** Stands between the server and the clients that need an accident. */
  readonly proxy: TcpProxy;
  /** For files of the script's own. */
  readonly folder: string;
}

export interface Row {
  readonly client: Client;
  readonly packages: readonly DebianPackage[];
  /** Keys of zoo.cfg that this client needs. */
  readonly config?: Readonly<Record<string, string | number>>;
  run(place: Place): Promise<{ readonly results: Results; readonly output: string }>;
}
