// The storage side of a server on some disk, brought up in the order of the production start: directories, session
// ids, recovery, epochs, log (StandaloneServer, EnsembleServer). In: a disk, the lines of zoo.cfg. Out: a History in
// use, with virtual time. Invariant: `exit` never returns; it is thrown as ServerExit.

import type { Codec, Exit, Files, Log, Random } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import type { ServerConfig } from '../server/config.ts';
import { readConfig } from '../server/config.ts';
import { History } from '../server/history.ts';
import { ServerMetrics } from '../server/metrics.ts';
import type { DataDirectories } from '../storage/data-directories.ts';
import { prepareDirectories } from '../storage/data-directories.ts';
import { takeSessionIds } from '../storage/session-id-mark.ts';
import { Prng } from '../util/prng.ts';
import type { VirtualClock } from './virtual-clock.ts';

export class ServerExit extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(`exit ${code}: ${reason}`);
    this.code = code;
  }
}

export interface CrashServerOptions {
  readonly codec: Codec;
  /** More lines of zoo.cfg. */
  readonly lines: readonly string[];
  /** With epoch files. */
  readonly isEnsemble: boolean;
  readonly acceptDataLoss?: Zxid | undefined;
}

const configs = new Map<string, ServerConfig>();

function configOf(lines: readonly string[]): ServerConfig {
  const text = ['dataDir=/data', 'clientPort=2181', 'preAllocSize=4', ...lines, ''].join('\n');
  const known = configs.get(text) ?? readConfig({ text }).config;
  configs.set(text, known);
  return known;
}

export class LinesLog implements Log {
  readonly lines: string[] = [];

  log(level: string, message: string): void {
    this.lines.push(`${level} ${message}`);
  }
}

export class CrashServer {
  readonly clock: VirtualClock;
  readonly files: Files;
  readonly log = new LinesLog();
  readonly config: ServerConfig;
  /** Unix time in ms from which session ids are given out. */
  sessionIdsFrom = 0;
  readonly #options: CrashServerOptions;
  #history: History | undefined;
  #directories: DataDirectories | undefined;

  constructor(files: Files, clock: VirtualClock, options: CrashServerOptions) {
    this.clock = clock;
    this.files = files;
    this.#options = options;
    this.config = configOf(options.lines);
  }

  get history(): History {
    if (this.#history === undefined) throw new Error('the server was not started');
    return this.#history;
  }

  get directories(): DataDirectories {
    if (this.#directories === undefined) throw new Error('the server was not started');
    return this.#directories;
  }

  /** Throws what stands in the way. */
  start(): void {
    const { clock, files, log, config } = this;
    const { codec, isEnsemble, acceptDataLoss } = this.#options;
    const directories = prepareDirectories(files, {
      ...{ dataDir: config.dataDir, dataLogDir: config.dataLogDir, autocreate: true },
    });
    this.#directories = directories;
    this.sessionIdsFrom = takeSessionIds(files, log, directories.snapshots, clock.wallTime());
    const ports = { clock, files, log, codec, exit, random: randomOf(new Prng(1)) };
    const history = new History(ports, {
      ...{ config, directories, acceptDataLoss, metrics: new ServerMetrics() },
      sessionSeen: () => undefined,
      ...(isEnsemble ? { ensemble: { commitLogCount: 500 } } : {}),
    });
    const error = this.run<unknown>((done) => history.open(done));
    if (error !== undefined) throw error;
    this.#history = history;
  }

  /** Begins, and lets time go by until it is done. */
  run<Result>(begin: (done: (result: Result) => void) => void): Result {
    const results: Result[] = [];
    begin((result) => results.push(result));
    this.clock.run(() => results.length > 0);
    for (const result of results) return result;
    throw new Error('it never came to an end');
  }

  /** Lets everything come to rest that is on its way. */
  settle(ms = 50): void {
    this.run<undefined>((done) => this.clock.schedule(ms, () => done(undefined)));
  }

  close(): void {
    this.run<undefined>((done) => this.history.close(() => done(undefined)));
  }
}

const exit: Exit = (code, reason) => {
  throw new ServerExit(code, reason);
};

function randomOf(chance: Prng): Random {
  return {
    next: () => chance.fraction(),
    below: (below) => chance.below(below),
    bytes: (length) => chance.bytes(length),
  };
}
