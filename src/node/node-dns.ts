// The Dns port. A numeric address answers itself and a name in the hosts file is read from there; only other names
// reach the system's resolver (getaddrinfo: it knows search domains and mDNS, which Node's own DNS client does not).
// getaddrinfo occupies one of libuv's four threads until it answers, and those threads also run fsync: so at most
// one look-up is under way at a time, and questions for the same name share it.
// Output: numeric addresses in the resolver's order, empty when there is none; never inside the call that asked.
import { lookup } from 'node:dns';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Dns } from '../ports.ts';

type Done = (addresses: readonly string[]) => void;

const hostsPath = process.platform === 'win32' ? undefined : '/etc/hosts';
/** A larger hosts file is a block list; reading it here would hold the loop, getaddrinfo reads it in its thread. */
const hostsLengthMax = 256 * 1024;

/** The addresses a hosts file gives each name (in lower case), in the file's order. */
export function parseHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || isIP(address) === 0) continue;
    for (const name of names) {
      const known = hosts.get(name.toLowerCase());
      if (known === undefined) hosts.set(name.toLowerCase(), [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return hosts;
}

class NodeDns implements Dns {
  #hosts = new Map<string, string[]>();
  /** Identifies the hosts file that `#hosts` was read from. */
  #hostsStamp = '';
  /** Who waits for which name, in the order asked; the first one is with the system's resolver. */
  readonly #waiting = new Map<string, Done[]>();

  resolve(host: string, done: Done): void {
    const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
    const known = isIP(bare) !== 0 ? [bare] : this.#fromHosts(bare.toLowerCase());
    if (known !== undefined) {
      setImmediate(done, known);
      return;
    }
    const sharing = this.#waiting.get(bare);
    if (sharing !== undefined) {
      sharing.push(done);
      return;
    }
    this.#waiting.set(bare, [done]);
    if (this.#waiting.size === 1) this.#lookUp(bare);
  }

  #fromHosts(name: string): readonly string[] | undefined {
    if (hostsPath === undefined) return undefined;
    try {
      const { mtimeMs, size, ino } = statSync(hostsPath);
      if (size > hostsLengthMax) return undefined;
      const stamp = `${ino} ${mtimeMs} ${size}`;
      if (stamp !== this.#hostsStamp) {
        this.#hosts = parseHosts(readFileSync(hostsPath, 'utf8'));
        this.#hostsStamp = stamp;
      }
    } catch {
      // No hosts file, or none we may read: the system's resolver decides.
      return undefined;
    }
    return this.#hosts.get(name);
  }

  #lookUp(name: string): void {
    lookup(name, { all: true, verbatim: true }, (error, found) => {
      const addresses = error === null ? found.map(({ address }) => address) : [];
      const waiting = this.#waiting.get(name) ?? [];
      this.#waiting.delete(name);
      const [next] = this.#waiting.keys();
      if (next !== undefined) this.#lookUp(next);
      for (const done of waiting) done(addresses);
    });
  }
}

export const nodeDns: Dns = new NodeDns();
