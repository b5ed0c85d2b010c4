/**
 * A hosts file that one server process alone believes in, so that every server of an ensemble can
 * have the same configuration text and still reach each other one by another way (a proxy per pair).
 *
 * Java reads such a file by a property of the JVM (jdk.net.hosts.file). For Node a few lines loaded
 * before the program answer `dns.lookup` from it; a name it does not have goes to the system.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const preload = `
import { readFileSync } from 'node:fs';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
const names = new Map();
for (const line of readFileSync(new URL('hosts', import.meta.url), 'utf8').split('\\n')) {
  const [address, name] = line.split(' ');
  if (name !== undefined) names.set(name, address);
}
const { lookup } = dns;
dns.lookup = (name, options, done) => {
  const callback = typeof options === 'function' ? options : done;
  const all = typeof options === 'object' && options !== null && options.all === true;
  const address = names.get(name);
  if (address === undefined) return lookup(name, options, done);
  if (all) setImmediate(callback, null, [{ address, family: 4 }]);
  else setImmediate(callback, null, address, 4);
};
syncBuiltinESMExports();
`;

/** Writes the file (`address name` lines) and gives its path. */
export function writeHosts(folder: string, lines: readonly string[]): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'hosts');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  writeFileSync(join(folder, 'hosts.mjs'), preload);
  return file;
}

/** What a Node process needs in its environment to believe in the file. */
export function quollHostsEnvironment(hostsFile: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${pathToFileURL(`${hostsFile}.mjs`).href}` };
}
