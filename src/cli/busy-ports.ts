// Which ports of a plan are taken, found by binding each for a moment as the server will. In: ports, and what they are
// for. Out: those that cannot be bound, with the reason. Invariant: nothing is left bound. Another process may take a
// port behind our back: then its server says so.
import { createServer } from 'node:net';

export interface WantedPort {
  readonly port: number;
  /** undefined: every address. */
  readonly host: string | undefined;
  /** 'the client port of server 1' */
  readonly what: string;
}

export interface BusyPort extends WantedPort {
  /** The system's name: 'EADDRINUSE', 'EACCES' … */
  readonly code: string;
}

export async function busyPorts(wanted: readonly WantedPort[]): Promise<BusyPort[]> {
  const codes = await Promise.all(wanted.map(({ port, host }) => bindFailure(port, host)));
  return wanted.flatMap((one, index) => {
    const code = codes[index];
    return code === undefined ? [] : [{ ...one, code }];
  });
}

function bindFailure(port: number, host: string | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
