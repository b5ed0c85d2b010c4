// Where clients connect: the keys clientPort and clientPortAddress, and the client part of the server's own line, which
// wins and must not contradict them (QuorumPeerConfig.setupClientPort). Different from Java on purpose: one of the two
// must say a port, where Java starts without one.

import { hostString } from '../core/election/host-string.ts';
import type { QuorumServer } from '../core/election/quorum-server.ts';
import { printHostPort } from '../core/election/quorum-server.ts';
import { ConfigError } from './config-error.ts';
import type { GivenValues } from './config-given-values.ts';
import { usedKeys } from './config-keys.ts';

export interface ClientAddress {
  /** 0: any free one. */
  readonly clientPort: number;
  /** undefined: every address. */
  readonly clientPortAddress: string | undefined;
  /** undefined: the system's. */
  readonly clientPortListenBacklog: number | undefined;
}

const anywhere: ReadonlySet<string> = new Set(['0.0.0.0', '0:0:0:0:0:0:0:0']);

/** `server`: this server's own line, if there is one. Throws ConfigError. */
export function clientAddressOf(
  values: GivenValues,
  server: QuorumServer | undefined,
): ClientAddress {
  const keys = usedKeys['Addresses and directories'];
  const backlog = values.get(keys.clientPortListenBacklog);
  const clientPortListenBacklog = backlog === -1 ? undefined : backlog;
  const port = values.get(keys.clientPort);
  const address = withoutBrackets(values.get(keys.clientPortAddress));
  if (address !== undefined && port === undefined) {
    throw new ConfigError('clientPortAddress', address, 'clientPort is not set');
  }
  const ours = server?.clientAddress;
  if (server === undefined || ours === undefined) {
    if (port === undefined) throw new ConfigError('clientPort', '', 'is not set');
    return { clientPort: port, clientPortAddress: address, clientPortListenBacklog };
  }
  const host = hostOf(address);
  if (port !== undefined && (port !== ours.port || (host !== undefined && host !== ours.host))) {
    const limit = `differs from the client address of our line, ${printHostPort(ours)}`;
    throw new ConfigError(
      address === undefined ? 'clientPort' : 'clientPortAddress',
      `${address === undefined ? '' : `${address}:`}${port}`,
      limit,
    );
  }
  return {
    clientPort: ours.port,
    clientPortAddress: anywhere.has(ours.host) ? undefined : ours.host,
    clientPortListenBacklog,
  };
}

/** As server lines have it; undefined: every address, which fits any. */
function hostOf(address: string | undefined): string | undefined {
  const host = address === undefined ? undefined : (hostString(address) ?? address);
  return host === undefined || anywhere.has(host) ? undefined : host;
}

function withoutBrackets(address: string | undefined): string | undefined {
  const bare = address?.replace(/^\[(.*)\]$/, '$1');
  return bare === '' ? undefined : bare;
}
