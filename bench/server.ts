// One server under measurement, Java's or ours, as it would run in production: default flags, default configuration,
// fsync on, a scratch directory, free ports of 127.0.0.1. Alone, or as a member of an ensemble (ensemble.ts). What it
// says goes into a file beside its data.

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Kind = 'java' | 'quoll';

const jars = '/usr/share/java';

/** zoo.cfg of every server here; what is added behind it counts. */
const commonLines: readonly string[] = [
  'tickTime=2000',
  'initLimit=10',
  'syncLimit=5',
  'maxClientCnxns=0',
  'admin.enableServer=false',
  '4lw.commands.whitelist=srvr,mntr,elog',
];

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
// Else these would end the process without that: servers and scratch directories would stay.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export function isJavaInstalled(): boolean {
  return existsSync(join(jars, 'zookeeper.jar'));
}

function classPath(): string {
  const wanted = [
    /^zookeeper(-jute)?\.jar$/,
    /^(slf4j-(api|simple)|commons-cli|metrics-core|snappy-java|servlet-api)\.jar$/,
    /^(netty|jetty|jackson)-.*\.jar$/,
  ];
  return readdirSync(jars)
    .filter((name) => wanted.some((pattern) => pattern.test(name)))
    .map((name) => join(jars, name))
    .join(':');
}

export interface BenchServerOptions {
  readonly kind: Kind;
  /** Holds zoo.cfg, the data and what the server says. */
  readonly folder: string;
  readonly port: number;
  /** Lines of zoo.cfg. */
  readonly more?: readonly string[];
  /** Java's main class differs. */
  readonly isMember?: boolean;
  /** 'warn' unless somebody wants to read it. */
  readonly logLevel?: 'info' | 'warn';
  /** Flags of Node. */
  readonly nodeFlags?: readonly string[];
}

export class BenchServer {
  readonly port: number;
  readonly #options: BenchServerOptions;
  readonly #child: ChildProcess;
  readonly #logFile: string;

  /** Starts the process; `ready` waits until it serves. */
  constructor(options: BenchServerOptions) {
    const { kind, folder, port, more = [], isMember = false, logLevel = 'warn' } = options;
    this.#options = options;
    this.port = port;
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir, { recursive: true });
    const config = join(folder, 'zoo.cfg');
    const lines = [`dataDir=${dataDir}`, `clientPort=${port}`, ...commonLines, ...more];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const javaMain = isMember ? 'quorum.QuorumPeerMain' : 'ZooKeeperServerMain';
    const [command, args] =
      kind === 'quoll'
        ? [
            process.execPath,
            [
              ...(options.nodeFlags ?? []),
              ...[join('bin', 'quoll.js'), 'server', config, '--log-level', logLevel],
            ],
          ]
        : [
            'java',
            [
              '-Xmx1000m',
              `-Dorg.slf4j.simpleLogger.defaultLogLevel=${logLevel}`,
              '-Dorg.slf4j.simpleLogger.showDateTime=true',
              '-cp',
              classPath(),
              `org.apache.zookeeper.server.${javaMain}`,
              config,
            ],
          ];
    // A file, not a pipe: nobody would empty a pipe while a load runs, and Java would wait for its own log lines.
    this.#logFile = join(folder, 'log');
    const log = openSync(this.#logFile, 'a');
    this.#child = spawn(command, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    running.add(this.#child);
    this.#child.once('exit', () => running.delete(this.#child));
  }

  /** A lone server that answers. */
  static async start(kind: Kind, folder: string): Promise<BenchServer> {
    const [port = 0] = await freePorts(1);
    const server = new BenchServer({ kind, folder, port });
    await server.ready();
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get hosts(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Started again, on its data; the old process must have ended. */
  again(): BenchServer {
    return new BenchServer(this.#options);
  }

  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    // Java has been seen not to end behind a heavy load; a benchmark need not wait for it.
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(killer);
  }

  /** kill -9 */
  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  tail(): string {
    return readFileSync(this.#logFile, 'utf8').substring(0, 4000);
  }

  /** 'standalone', 'leader', 'follower', 'observer'; undefined: it does not serve. */
  async mode(): Promise<string | undefined> {
    return /^Mode: (\w+)/m.exec(await ask(this.port, 'srvr'))?.[1];
  }

  async ready(): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (performance.now() < deadline && !this.#hasEnded) {
      if ((await this.mode()) !== undefined) return;
      await delay(20);
    }
    throw new Error(`the server did not start:\n${this.tail()}`);
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

/** All different, free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  const ports: number[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    ports.push(typeof address === 'object' && address !== null ? address.port : 0);
    servers.push(server);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}

export function ask(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(word));
    // Java may swallow a word while it starts.
    socket.setTimeout(500, () => socket.destroy());
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('error', () => resolve(''));
    socket.on('close', () => resolve(answer));
  });
}
