// `quoll server`: from a zoo.cfg to a server in the foreground, and to its end. Input: the file and the options of the
// command line; the process ends with one of ZooKeeper's codes. The file is read as Java reads it, a byte a character.
// A signal during a long load ends the load: nothing is acknowledged yet, and recovery may be cut anywhere.
import { readFileSync } from 'node:fs';
import { nodeFiles } from '../node/node-files.ts';
import { superviseProcess } from '../node/node-process.ts';
import type { Log } from '../ports.ts';
import type { ServerConfig } from '../server/config.ts';
import { readConfig } from '../server/config.ts';
import { ConfigError } from '../server/config-error.ts';
import { exitCodes } from '../server/exit-codes.ts';
import type { RunningServer } from '../server/start.ts';
import type { LogOptions } from './operator.ts';
import { exitFailed, logOf } from './operator.ts';

/** A number, and room for remarks below it. */
const myidLengthMax = 4096;

export interface ServerOptions extends LogOptions {
  readonly property?: ReadonlyMap<string, string>;
  readonly acceptDataLoss?: bigint;
  /** Stop, as on a signal, when standard input ends: with the process that started this one, however that ends. */
  readonly stopWithStdin?: boolean;
}

export async function runServer(file: string, options: ServerOptions): Promise<void> {
  const log = logOf(options);
  if (options.stopWithStdin === true) stopWithStdin(log);
  await serve(
    log,
    () => configOf(file, options.property ?? new Map(), log),
    options.acceptDataLoss,
  );
}

/** The configuration a file and the command line make; its warnings go to the log. Throws ConfigError. */
export function configOf(
  file: string,
  properties: ReadonlyMap<string, string>,
  log: Log,
): ServerConfig {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    throw new ConfigError(file, '', error instanceof Error ? error.message : String(error));
  }
  const { config, warnings } = readConfig({
    text,
    properties,
    readMyid,
    readDynamicConfig,
  });
  log.log('info', `read ${file}: dataDir ${config.dataDir}, client port ${config.clientPort}`);
  for (const warning of warnings) log.log('warn', warning);
  return config;
}

function readDynamicConfig(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function stopWithStdin(log: Log): void {
  let isOver = false;
  const stop = (): void => {
    if (isOver) return;
    isOver = true;
    log.log('info', 'standard input ended -> SIGTERM');
    process.kill(process.pid, 'SIGTERM');
  };
  process.stdin.on('end', stop).on('close', stop).on('error', stop).resume();
}

/** Throws FileError when there is one that cannot be read. */
function readMyid(dataDir: string): string | undefined {
  const path = nodeFiles.join(dataDir, 'myid');
  const status = nodeFiles.status(path);
  if (status?.kind !== 'file') return undefined;
  const file = nodeFiles.open(path, 'read');
  try {
    const bytes = new Uint8Array(Math.min(status.length, myidLengthMax));
    return Buffer.from(bytes.subarray(0, file.read(bytes, 0))).toString('latin1');
  } finally {
    file.close();
  }
}

/**
 * Runs a server until a signal stops it. Returns it when it serves; ends the process when it cannot start.
 * `config` is called after the process is supervised, so that whatever it throws ends it in order.
 */
export async function serve(
  log: Log,
  config: () => ServerConfig,
  acceptDataLoss?: bigint,
): Promise<RunningServer> {
  const abort = new AbortController();
  let starting: Promise<RunningServer> | undefined;
  superviseProcess({
    log,
    drain: async () => {
      abort.abort(new Error('stopped while it started'));
      const server = await starting?.catch(() => undefined);
      await server?.stop();
    },
    unexpectedErrorCode: exitCodes.unexpectedError,
  });
  try {
    const known = config();
    // Loaded when the configuration is known to be good: a wrong one is answered at once.
    const { startServer } = await import('../server/start.ts');
    const loss = acceptDataLoss === undefined ? {} : { acceptDataLoss };
    starting = startServer({ config: known, log, ...loss }, abort.signal);
    return await starting;
  } catch (error) {
    // The drain ends the process, with 0.
    if (abort.signal.aborted) return new Promise(() => undefined);
    return exitFailed(log, 'the server could not start', error);
  }
}
