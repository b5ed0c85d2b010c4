/**
 * A server, Java's or ours, as a process on a port of 127.0.0.1; alone or one of an ensemble.
 *
 * Inputs: which kind, its folder, the keys of zoo.cfg, the properties. Outputs: a running server
 * that can be asked, stopped or killed. Both kinds take the same options, so that every test is
 * proved against Java first and then asks the same of Quoll.
 * Invariant: `start` returns only when `srvr` names a mode, which is when sessions are accepted.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Child, message } from './child.ts';
import { java, zookeeperClassPath } from './debian.ts';
import { fourLetterWord } from './four-letter-word.ts';
import { freePort } from './ports.ts';
import { quollHostsEnvironment, writeHosts } from './private-hosts.ts';
import { projectRoot } from './project.ts';

export type ServerKind = 'java' | 'quoll';

export interface ServerOptions {
  readonly kind: ServerKind;
  /** Holds zoo.cfg and, unless the keys say otherwise, data/. */
  readonly folder: string;
  /** A free one if not given. */
  readonly port?: number;
  /** Keys of zoo.cfg, over the defaults of this harness. */
  readonly config?: Readonly<Record<string, string | number>>;
  /** JVM properties by their full names, `--property name=value` for Quoll. */
  readonly properties?: Readonly<Record<string, string | number>>;
  /** Makes it a server of an ensemble. */
  readonly ensemble?: EnsembleOptions;
}

export interface EnsembleOptions {
  readonly sid: number;
  /** `server.N`, `group.N` and `weight.N` lines, the same for every server. */
  readonly lines: readonly string[];
  /** Lines of a hosts file that only this process reads: the names it knows, and where they lead. */
  readonly hosts?: readonly string[];
}

/** A busy machine with two cores has taken 15 s to start a JVM. */
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 30_000;
/** There is no event to wait for before the port is bound; this is how often we look. */
const POLL_MS = 25;
/** Java may swallow a word that comes while it starts, and never answer. */
const ASK_DEADLINE_MS = 1000;

export class RunningServer {
  readonly kind: ServerKind;
  readonly port: number;
  readonly child: Child;
  readonly options: ServerOptions;

  constructor(options: ServerOptions, port: number, child: Child) {
    this.kind = options.kind;
    this.port = port;
    this.child = child;
    this.options = options;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  ask(word: string | Uint8Array, deadlineMs?: number): Promise<string> {
    return fourLetterWord(this.port, word, deadlineMs);
  }

  async ready(): Promise<void> {
    const deadline = performance.now() + START_DEADLINE_MS;
    let last = 'nothing';
    while (this.child.exit === undefined && performance.now() < deadline) {
      try {
        last = await fourLetterWord(this.port, 'srvr', ASK_DEADLINE_MS);
        if (last.includes('\nMode: ')) return;
      } catch (error) {
        last = message(error);
      }
      await delay(POLL_MS);
    }
    this.child.signal('SIGKILL');
    throw new Error(
      `${this.kind} server on port ${this.port} never became ready; last answer: ${last}\n` +
        this.child.tail(),
    );
  }

  /** SIGTERM and wait. Java has no drain: for it this is a quick death that leaves whole files. */
  async stop(): Promise<void> {
    this.child.signal('SIGTERM');
    const exit = await this.child.ended(STOP_DEADLINE_MS);
    if (this.kind === 'quoll' && exit.code !== 0) {
      throw new Error(
        `quoll ended with ${exit.code ?? exit.signal} on SIGTERM\n${this.child.tail()}`,
      );
    }
  }

  /** SIGKILL and wait until the process is gone. */
  async kill(): Promise<void> {
    this.child.signal('SIGKILL');
    await this.child.ended(STOP_DEADLINE_MS);
  }
}

/** Starts the process and gives it at once; `ready` waits for it to serve. */
export async function launchServer(options: ServerOptions): Promise<RunningServer> {
  const port = options.port ?? (await freePort());
  const configFile = writeConfig(options, port);
  const hosts = options.ensemble?.hosts;
  const names = hosts === undefined ? undefined : writeHosts(options.folder, hosts);
  const [command, args] = commandLine(options, configFile, names);
  const env = options.kind === 'quoll' && names !== undefined ? quollHostsEnvironment(names) : {};
  return new RunningServer(options, port, new Child(command, args, { env }));
}

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const server = await launchServer(options);
  await server.ready();
  return server;
}

function writeConfig(options: ServerOptions, port: number): string {
  mkdirSync(options.folder, { recursive: true });
  const keys: Record<string, string | number> = {
    dataDir: join(options.folder, 'data'),
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    tickTime: 500,
    minSessionTimeout: 1000,
    maxSessionTimeout: 600_000,
    maxClientCnxns: 0,
    'admin.enableServer': 'false',
    '4lw.commands.whitelist': '*',
    preAllocSize: 1024,
    ...options.config,
  };
  const file = join(options.folder, 'zoo.cfg');
  writeFileSync(
    file,
    Object.entries(keys)
      .map(([key, value]) => `${key}=${value}\n`)
      .concat((options.ensemble?.lines ?? []).map((line) => `${line}\n`))
      .join(''),
  );
  if (options.ensemble !== undefined) {
    mkdirSync(String(keys.dataDir), { recursive: true });
    writeFileSync(join(String(keys.dataDir), 'myid'), `${options.ensemble.sid}\n`);
  }
  return file;
}

function commandLine(
  options: ServerOptions,
  configFile: string,
  hostsFile: string | undefined,
): [string, string[]] {
  const properties = Object.entries(options.properties ?? {});
  if (options.kind === 'quoll') {
    const program = join(projectRoot, 'bin', 'quoll.js');
    if (!existsSync(join(projectRoot, 'dist'))) throw new Error('no dist/: run `npm run build`');
    const flags = properties.flatMap(([name, value]) => ['--property', `${name}=${value}`]);
    return [process.execPath, [program, 'server', configFile, ...flags]];
  }
  return [
    java,
    [
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Xmx512m',
      '-Dzookeeper.jmx.log4j.disable=true',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      ...(hostsFile === undefined ? [] : [`-Djdk.net.hosts.file=${hostsFile}`]),
      ...properties.map(([name, value]) => `-D${name}=${value}`),
      '-cp',
      zookeeperClassPath,
      options.ensemble === undefined
        ? 'org.apache.zookeeper.server.ZooKeeperServerMain'
        : 'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      configFile,
    ],
  ];
}

/**
 * The kind of server under test: Quoll, or the judge itself when QUOLL_INTEROP_SUBJECT=java, which
 * is how a new script is proved.
 */
export function subject(): ServerKind {
  const kind = process.env.QUOLL_INTEROP_SUBJECT ?? 'quoll';
  if (kind !== 'java' && kind !== 'quoll') throw new Error(`QUOLL_INTEROP_SUBJECT=${kind}`);
  return kind;
}
