// One server under measurement, Java's or ours, as it would run in production: default flags, default configuration,
// fsync on, a scratch directory, a free port of 127.0.0.1.

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Kind = 'java' | 'quoll';

const jars = '/usr/share/java';

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

export class BenchServer {
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #logFile: string;

  private constructor(port: number, child: ChildProcess, logFile: string) {
    this.port = port;
    this.pid = child.pid ?? -1;
    this.#child = child;
    this.#logFile = logFile;
    process.on('exit', () => child.kill('SIGKILL'));
  }

  /** Starts it and waits until it answers. */
  static async start(
    kind: Kind,
    folder: string,
    more: readonly string[] = [],
  ): Promise<BenchServer> {
    const port = await freePort();
    const config = join(folder, 'zoo.cfg');
    const lines = [
      `dataDir=${join(folder, 'data')}`,
      `clientPort=${port}`,
      'tickTime=2000',
      'maxClientCnxns=0',
      'admin.enableServer=false',
      ...more,
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const [command, args] =
      kind === 'quoll'
        ? [process.execPath, [join('bin', 'quoll.js'), 'server', config, '--log-level', 'warn']]
        : [
            'java',
            [
              '-Xmx1000m',
              '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
              '-cp',
              classPath(),
              'org.apache.zookeeper.server.ZooKeeperServerMain',
              config,
            ],
          ];
    // A file, not a pipe: nobody would empty a pipe while a load runs, and Java would wait for its own log lines.
    const logFile = join(folder, 'stderr');
    const log = openSync(logFile, 'w');
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    const server = new BenchServer(port, child, logFile);
    await server.#ready();
    return server;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    // Java has been seen not to end behind a heavy load; a benchmark need not wait for it.
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(killer);
  }

  tail(): string {
    return readFileSync(this.#logFile, 'utf8').substring(0, 4000);
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (performance.now() < deadline && this.#child.exitCode === null) {
      if ((await ask(this.port, 'srvr')).includes('Mode: ')) return;
      await delay(20);
    }
    throw new Error(`the server did not start:\n${this.tail()}`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}

function ask(port: number, word: string): Promise<string> {
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
