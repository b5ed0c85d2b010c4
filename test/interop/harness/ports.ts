/**
 * Free ports of 127.0.0.1 for servers that cannot be told "any port" (Java refuses clientPort=0).
 *
 * They are taken from below the range the kernel gives to outgoing connections. A port inside it
 * could be lent to any connection between our probe and the server's bind; and a client that keeps
 * dialling a dead server's port in that range can end up connected to itself.
 * Invariant: a port is handed out once by a process; other processes are kept off by the probe.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const LOWEST = 20_000;
const HIGHEST = 32_000;
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (given.has(port) || !(await canBind(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST}`);
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
