// An ensemble of three under measurement, all of one kind, on this machine: started, asked who leads, killed one by
// one. All ports are free ones of 127.0.0.1, so several ensembles may stand beside each other; a server that is started
// again keeps its ports and its data.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchServerOptions, Kind } from './server.ts';
import { BenchServer, freePorts } from './server.ts';

const size = 3;

export interface EnsembleOptions {
  readonly logLevel?: BenchServerOptions['logLevel'];
  /** Flags of Node for the server at an index. */
  readonly nodeFlags?: (index: number) => readonly string[];
  /** Lines of every zoo.cfg. */
  readonly more?: readonly string[];
}

export class BenchEnsemble {
  readonly servers: BenchServer[];

  private constructor(servers: BenchServer[]) {
    this.servers = servers;
  }

  /** Starts the processes on what is in `folder`; `ready` waits until all serve. */
  static async spawn(
    kind: Kind,
    folder: string,
    options: EnsembleOptions = {},
  ): Promise<BenchEnsemble> {
    const ports = await freePorts(3 * size);
    const [clientPorts, quorumPorts, electionPorts] = [0, 1, 2].map((part) =>
      ports.slice(part * size, (part + 1) * size),
    );
    const members = (quorumPorts ?? []).map(
      (port, i) => `server.${i + 1}=127.0.0.1:${port}:${electionPorts?.[i]}`,
    );
    const servers = (clientPorts ?? []).map((port, i) => {
      const own = join(folder, `${i + 1}`);
      mkdirSync(join(own, 'data'), { recursive: true });
      writeFileSync(join(own, 'data', 'myid'), `${i + 1}\n`);
      const { logLevel = 'warn', nodeFlags, more = [] } = options;
      return new BenchServer({
        ...{ kind, folder: own, port, logLevel, isMember: true },
        nodeFlags: nodeFlags?.(i) ?? [],
        more: [...members, ...more],
      });
    });
    return new BenchEnsemble(servers);
  }

  static async start(
    kind: Kind,
    folder: string,
    options: EnsembleOptions = {},
  ): Promise<BenchEnsemble> {
    const ensemble = await BenchEnsemble.spawn(kind, folder, options);
    await ensemble.ready();
    return ensemble;
  }

  /** host:port,… of all */
  get hosts(): string {
    return this.servers.map(({ hosts }) => hosts).join(',');
  }

  async ready(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.ready()));
  }

  /** The index of who leads. */
  async leader(): Promise<number> {
    const deadline = performance.now() + 30_000;
    while (performance.now() < deadline) {
      const modes = await Promise.all(this.servers.map((server) => server.mode()));
      const index = modes.indexOf('leader');
      if (index >= 0) return index;
      await delay(20);
    }
    throw new Error(`nobody leads:\n${this.tail()}`);
  }

  /** Starts the server at `index` again, which has ended. */
  restart(index: number): BenchServer {
    const server = this.at(index).again();
    this.servers[index] = server;
    return server;
  }

  at(index: number): BenchServer {
    const server = this.servers[index];
    if (server === undefined) throw new Error(`no server ${index}`);
    return server;
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  tail(): string {
    return this.servers.map((server) => server.tail()).join('\n---\n');
  }
}
