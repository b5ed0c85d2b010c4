// One member of an ensemble, and the line that describes it (QuorumPeer.QuorumServer):
//   host:quorumPort:electionPort[:role][|host:…]*[;[clientHost:]clientPort[;[secureHost:]securePort]]
// Input: the value of a `server.N` key; output: the member, or why there is none. Names are not looked up here. Numeric
// addresses take Java's long form at once, so that printing gives Java's bytes (host-string.ts).
// Different from Java on purpose: the third part (secure client port, 3.10) is read whatever our version, because a
// configuration may come from a newer server; a port must be 0 to 65535 in digits.

import type { Sid } from '../../proto/sid.ts';
import { delimitedHost, hostString } from './host-string.ts';

export type Role = 'participant' | 'observer';

export interface ServerAddress {
  readonly host: string;
  readonly quorumPort: number;
  readonly electionPort: number;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface QuorumServer {
  readonly sid: Sid;
  readonly role: Role;
  /** At least one. In the order given; they are printed by host. */
  readonly addresses: readonly ServerAddress[];
  /** Only what the line itself says: a port from the static `clientPort` key is never printed nor compared. */
  readonly clientAddress: HostPort | undefined;
  readonly secureClientAddress: HostPort | undefined;
}

/** What is wrong with a configuration, and where. */
export interface ConfigFault {
  readonly key: string;
  readonly fault: string;
}

const form =
  'want host:quorumPort:electionPort[:participant|observer], several between |, then ;[host:]clientPort';

export function parseQuorumServer(sid: Sid, value: string): QuorumServer | ConfigFault {
  const key = `server.${sid}`;
  const [servers = '', client = '', secure = '', ...rest] = value.trim().split(';');
  if (rest.length > 0) return { key, fault: form };
  const addresses: ServerAddress[] = [];
  let role: Role | undefined;
  for (const part of servers.split('|')) {
    const parsed = parseAddress(part.trim());
    if (typeof parsed === 'string') return { key, fault: parsed };
    addresses.push(parsed.address);
    role ??= parsed.role;
    if (parsed.role !== undefined && parsed.role !== role) {
      return { key, fault: 'all addresses of a server have the same role' };
    }
  }
  const clientAddress = client.trim() === '' ? undefined : parseClient(client.trim());
  const secureClientAddress = secure.trim() === '' ? undefined : parseClient(secure.trim());
  if (clientAddress === null || secureClientAddress === null) return { key, fault: form };
  return { sid, role: role ?? 'participant', addresses, clientAddress, secureClientAddress };
}

/** The line's value as Java prints it (QuorumServer.toString of 3.10; equal to 3.8's without a secure address). */
export function printQuorumServer(server: QuorumServer): string {
  const { role, clientAddress, secureClientAddress } = server;
  const addresses = server.addresses
    .toSorted((a, b) => compare(a.host, b.host))
    .map((one) => `${delimitedHost(one.host)}:${one.quorumPort}:${one.electionPort}`);
  let line = `${addresses.join('|')}:${role}`;
  if (clientAddress !== undefined) line += `;${printHostPort(clientAddress)}`;
  if (secureClientAddress !== undefined) {
    line += `${clientAddress === undefined ? ';' : ''};${printHostPort(secureClientAddress)}`;
  }
  return line;
}

/** The same member: sid, role and every address. Names are compared without case, as Java compares unresolved ones. */
export function isSameServer(a: QuorumServer, b: QuorumServer): boolean {
  return a.sid === b.sid && comparable(a) === comparable(b);
}

export function printHostPort({ host, port }: HostPort): string {
  return `${delimitedHost(host)}:${port}`;
}

function comparable(server: QuorumServer): string {
  const lower = ({ host, ...ports }: ServerAddress): ServerAddress => {
    return { host: host.toLowerCase(), ...ports };
  };
  const texts = server.addresses.map((one) =>
    printQuorumServer({ ...server, addresses: [lower(one)] }),
  );
  return texts.sort().join('|').toLowerCase();
}

function parseAddress(part: string): { address: ServerAddress; role: Role | undefined } | string {
  const [host, quorum, election, role, ...more] = splitHostAndPorts(part) ?? [];
  if (host === undefined || host === '' || election === undefined || more.length > 0) return form;
  const printed = hostString(host);
  if (printed === undefined) return `${host} is no IPv6 address`;
  const quorumPort = toPort(quorum);
  const electionPort = toPort(election);
  if (quorumPort === undefined || electionPort === undefined) return 'a port is 0 to 65535';
  if (quorumPort === electionPort) return 'quorum port and election port must be different';
  const word = role?.trim().toLowerCase();
  if (word !== undefined && word !== 'participant' && word !== 'observer') {
    return `the role is participant or observer, not ${role}`;
  }
  return { address: { host: printed, quorumPort, electionPort }, role: word };
}

/** null: malformed. A port alone means every address (0.0.0.0). */
function parseClient(part: string): HostPort | null {
  const pieces = splitHostAndPorts(part);
  const port = toPort(pieces?.at(-1));
  const host = pieces?.length === 2 ? hostString(pieces[0] ?? '') : '0.0.0.0';
  if (pieces === undefined || pieces.length > 2) return null;
  return port === undefined || host === undefined || host === '' ? null : { host, port };
}

/** `a:1:2` and `[::1]:1:2` in pieces; undefined: a bracket without its other half. */
function splitHostAndPorts(part: string): string[] | undefined {
  if (!part.startsWith('[')) return part.split(':');
  const [, host = '', ports] = /^\[([^\]]*)\]:(.+)$/.exec(part) ?? [];
  return ports === undefined ? undefined : [host, ...ports.split(':')];
}

function toPort(digits: string | undefined): number | undefined {
  if (digits === undefined || !/^\d{1,5}$/.test(digits)) return undefined;
  return Number(digits) <= 65535 ? Number(digits) : undefined;
}

/** By UTF-16 units, as Java's String.compareTo. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
