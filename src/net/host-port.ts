// One place on the network as configurations and messages name it: a host (a name or a numeric address, IPv6 without
// brackets) and a port. Input: such a pair; output: its text, `host:port` or `[::1]:port`. Names are not looked up
// here.

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export function printAddress({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
