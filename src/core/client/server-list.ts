// Which server a client tries next: the list is shuffled once, then taken round robin, so that a thousand clients with
// the same connect string spread over the ensemble. Also reads connect strings ("a:2181,[::1]:2182/chroot").
// In: the text, chance as a function. Out: addresses, and how many attempts failed since one succeeded.
// Differs from Java on purpose: a bare IPv6 address must stand in brackets (its last group could be a port).

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ConnectString {
  readonly servers: readonly ServerAddress[];
  /** '' or a path that begins with '/'; not checked here beyond that. */
  readonly chroot: string;
}

const defaultPort = 2181;

/** A connect string taken apart, or what is wrong with it. */
export function parseConnectString(text: string): ConnectString | string {
  const slash = text.indexOf('/');
  const hosts = slash < 0 ? text : text.substring(0, slash);
  const chroot = slash < 0 ? '' : text.substring(slash);
  const servers: ServerAddress[] = [];
  for (const part of hosts.split(',')) {
    const entry = part.trim();
    if (entry === '') continue;
    const server = parseServer(entry);
    if (typeof server === 'string') return server;
    servers.push(server);
  }
  if (servers.length === 0) return `no server in connect string "${text}"`;
  return { servers, chroot: chroot === '/' ? '' : chroot };
}

function parseServer(entry: string): ServerAddress | string {
  const match = /^(?:\[([^[\]]+)\]|([^[\]:]+))(?::(\d{1,5}))?$/.exec(entry);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined) {
    return `"${entry}" is not host, host:port or [IPv6 address]:port`;
  }
  if (port < 1 || port > 65535) return `port ${port} of "${entry}" is not between 1 and 65535`;
  return { host, port };
}

export function serverText({ host, port }: ServerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export class ServerList {
  readonly #servers: ServerAddress[];
  /** Attempts that led to no session, since one did. */
  failures = 0;
  #next = 0;
  #preferred: ServerAddress | undefined;

  /** `below(n)` is uniform in [0, n). */
  constructor(servers: readonly ServerAddress[], below: (limit: number) => number) {
    this.#servers = [...servers];
    for (let i = this.#servers.length - 1; i > 0; i--) {
      const j = below(i + 1);
      const moved = this.#servers[i] as ServerAddress;
      this.#servers[i] = this.#servers[j] as ServerAddress;
      this.#servers[j] = moved;
    }
  }

  get size(): number {
    return this.#servers.length;
  }

  /** Makes one server the next, out of turn. */
  prefer(server: ServerAddress): void {
    this.#preferred = server;
  }

  next(): ServerAddress {
    const preferred = this.#preferred;
    this.#preferred = undefined;
    if (preferred !== undefined) return preferred;
    const server = this.#servers[this.#next] as ServerAddress;
    this.#next = (this.#next + 1) % this.#servers.length;
    return server;
  }

  failed(): void {
    this.failures++;
  }

  succeeded(): void {
    this.failures = 0;
  }
}
