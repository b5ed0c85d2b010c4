// `startServer`: a server on Node. Wires the Node ports into the pure server; the CLI and tests use nothing else.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeClock } from '../node/node-clock.ts';
import { nodeCodec } from '../node/node-codec.ts';
import { nodeDns } from '../node/node-dns.ts';
import { nodeEnvironment } from '../node/node-environment.ts';
import { makeNodeFiles } from '../node/node-files.ts';
import { nodeHash } from '../node/node-hash.ts';
import { makeNodeNet } from '../node/node-net.ts';
import { makeExit } from '../node/node-process.ts';
import { nodeRandom } from '../node/node-random.ts';
import type { Exit, Log } from '../ports.ts';
import { commandsOf } from './commands-of.ts';
import type { ServerConfig } from './config.ts';
import { EnsembleServer } from './ensemble-server.ts';
import { StandaloneServer } from './standalone-server.ts';
import type { EnsemblePorts } from './term.ts';

export interface StartOptions {
  readonly config: ServerConfig;
  readonly log: Log;
  /** `--accept-data-loss`: the zxid to go on at when recovery refuses damaged files. */
  readonly acceptDataLoss?: bigint;
  /** Ends the process when nothing may go on (a failed fsync, a broken invariant); left out: process.exit. */
  readonly exit?: Exit;
}

export interface RunningServer {
  /** The port clients connect to; of use where the configuration says 0. */
  readonly clientPort: number;
  /** Finishes what was begun, closes the files, lets the directory go. */
  stop(): Promise<void>;
}

/**
 * Starts a server: a lone one resolves when clients are served, one of an ensemble when it looks for a leader.
 * Rejects with ConfigError, DataDirectoryError, CorruptionError, EpochError or NetError. `signal` stops a start that is
 * still loading.
 */
export async function startServer(
  options: StartOptions,
  signal?: AbortSignal,
): Promise<RunningServer> {
  const { config, log, acceptDataLoss } = options;
  const warn = (message: string) => log.log('warn', message);
  const ports: EnsemblePorts = {
    clock: nodeClock,
    files: makeNodeFiles({ warn }),
    net: makeNodeNet({
      acceptFailed: (code) => warn(`a connection could not be accepted: ${code}`),
    }),
    dns: nodeDns,
    random: nodeRandom,
    hash: nodeHash,
    codec: nodeCodec,
    environment: nodeEnvironment,
    log,
    exit: options.exit ?? makeExit(log),
  };
  const parameters = { config, version: quollVersion(), acceptDataLoss };
  const server =
    config.ensemble === undefined
      ? new StandaloneServer(ports, parameters)
      : new EnsembleServer(ports, parameters);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= new Promise<void>((resolve) => server.stop(resolve));
    return stopped;
  };
  await new Promise<void>((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    server.start(
      (parts) => commandsOf(parts, builtAt()),
      (error) => {
        if (error === undefined) resolve();
        else reject(error);
      },
    );
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { clientPort: server.clientPort ?? config.clientPort, stop };
}

/** When this file was built or unpacked: the date in the version line. */
function builtAt(): number {
  return Math.floor(statSync(fileURLToPath(import.meta.url)).mtimeMs);
}

/** The version of this package: the nearest package.json says it, since tests run from a folder further down. */
export function quollVersion(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  const text = readFileSync(join(folder, 'package.json'), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}
