// The lines `server.N=host:quorumPort:electionPort[:role][;[address:]clientPort]`, several host parts between `|`
// (QuorumPeer.QuorumServer of Java). Input: the number and the text; output: what it says, names left unresolved.
// IPv6 addresses stand in brackets. Different from Java on purpose: it looks names up while it reads the line, and a
// name that is not known yet (a container that starts later) must not stop a server.
import { ConfigError } from './config-error.ts';

export interface ServerAddress {
  readonly host: string;
  readonly quorumPort: number;
  readonly electionPort: number;
}

export interface ServerLine {
  readonly sid: number;
  readonly addresses: readonly ServerAddress[];
  readonly role: 'participant' | 'observer';
  readonly clientAddress: string | undefined;
  readonly clientPort: number | undefined;
}

const form = 'want host:quorumPort:electionPort[:participant|observer][;[address:]clientPort]';

/** Throws ConfigError. `key` is `server.N`. */
export function parseServerLine(key: string, value: string): ServerLine {
  const wrong = (why: string): ConfigError => new ConfigError(key, value, why);
  const number = key.substring('server.'.length);
  if (!/^\d{1,15}$/.test(number)) throw wrong('the server’s number is no number');
  const [serverPart = '', clientPart, ...rest] = value.split(';');
  if (rest.length > 0) throw wrong(form);
  const addresses: ServerAddress[] = [];
  const roles = new Set<ServerLine['role']>();
  for (const part of serverPart.split('|')) {
    const [host = '', quorumPort, electionPort, role, ...more] = splitHostAndPorts(part.trim());
    if (host === '' || electionPort === undefined || more.length > 0) throw wrong(form);
    const address = { host, quorumPort: toPort(quorumPort), electionPort: toPort(electionPort) };
    if (address.quorumPort === undefined || address.electionPort === undefined) {
      throw wrong('a port is a number, 0 to 65535');
    }
    if (address.quorumPort === address.electionPort) {
      throw wrong('the quorum port and the election port must be different');
    }
    addresses.push({ host, quorumPort: address.quorumPort, electionPort: address.electionPort });
    if (role !== undefined) roles.add(roleOf(role) ?? fail(wrong('want participant or observer')));
  }
  if (roles.size > 1) throw wrong('all addresses of a server have the same role');
  const [role = 'participant'] = roles;
  return { sid: Number(number), addresses, role, ...clientOf(clientPart, wrong) };
}

function clientOf(
  part: string | undefined,
  wrong: (why: string) => ConfigError,
): Pick<ServerLine, 'clientAddress' | 'clientPort'> {
  if (part === undefined || part.trim() === '') {
    return { clientAddress: undefined, clientPort: undefined };
  }
  const pieces = splitHostAndPorts(part.trim());
  const clientPort = toPort(pieces.at(-1));
  if (pieces.length > 2) throw wrong(form);
  if (clientPort === undefined) throw wrong('the client port is a number, 0 to 65535');
  return { clientAddress: pieces.length === 2 ? pieces[0] : undefined, clientPort };
}

/** `a:1:2` and `[::1]:1:2` into their pieces. */
function splitHostAndPorts(part: string): string[] {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(part);
  if (bracketed === null) return part.split(':');
  const [, host = '', ports] = bracketed;
  return ports === undefined ? [host] : [host, ...ports.split(':')];
}

function toPort(digits: string | undefined): number | undefined {
  if (digits === undefined || !/^\d{1,5}$/.test(digits)) return undefined;
  return Number(digits) <= 65535 ? Number(digits) : undefined;
}

function roleOf(word: string): ServerLine['role'] | undefined {
  const lower = word.trim().toLowerCase();
  return lower === 'participant' || lower === 'observer' ? lower : undefined;
}

function fail(error: Error): never {
  throw error;
}
