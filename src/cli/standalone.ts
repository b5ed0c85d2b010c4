// `quoll standalone`: one server for somebody who has not read anything yet and wants no ensemble. The first start
// writes a zoo.cfg into the data folder; from then on that file says everything but the port, when one is asked for.
// Output: on standard output where to connect and how to stop; the log is on standard error.
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { nodeFiles } from '../node/node-files.ts';
import { FileError } from '../ports.ts';
import type { ServerConfig } from '../server/config.ts';
import type { LogOptions } from './operator.ts';
import { exitFailed, logOf } from './operator.ts';
import { configOf, serve } from './run-server.ts';

export interface StandaloneOptions extends LogOptions {
  readonly port?: number;
  readonly data: string;
}

const standardPort = 2181;

export async function standalone({ port, data, ...options }: StandaloneOptions): Promise<void> {
  const log = logOf(options);
  const folder = resolve(data);
  const file = join(folder, 'zoo.cfg');
  try {
    if (!existsSync(file)) writeConfig(folder, file, port ?? standardPort);
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error));
    exitFailed(log, 'no data folder', new FileError('EACCES', folder, message));
  }
  let config: ServerConfig | undefined;
  const server = await serve(log, () => {
    const fromFile = configOf(file, new Map(), log);
    config = port === undefined ? fromFile : { ...fromFile, clientPort: port };
    return config;
  });
  process.stdout.write(welcome(server.clientPort, config?.clientPortAddress, file));
}

function writeConfig(folder: string, file: string, port: number): void {
  nodeFiles.makeDirectories(folder);
  writeFileSync(
    file,
    `# Written by the first start, never touched again. docs/CONFIGURATION.md has every key.
dataDir=${propertyValue(folder)}
clientPort=${port}
# Only for programs on this machine:
#clientPortAddress=127.0.0.1
tickTime=2000
autopurge.purgeInterval=1
`,
    { flag: 'wx', encoding: 'latin1' },
  );
}

/** Written so that the properties syntax gives it back. */
export function propertyValue(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const char = text.charAt(i);
    if (char === '\\') out += '\\\\';
    else if (code >= 0x20 && code < 0x7f) out += char;
    else out += `\\u${code.toString(16).padStart(4, '0')}`;
  }
  return out;
}

function welcome(port: number, address: string | undefined, file: string): string {
  const host = address === undefined || address === '0.0.0.0' ? '127.0.0.1' : address;
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return `
Quoll serves ZooKeeper clients on ${where}

  connect    zkCli.sh -server ${where}
  ask        echo srvr | nc ${host} ${port}
  configure  ${file}
  stop       Ctrl-C

`;
}
