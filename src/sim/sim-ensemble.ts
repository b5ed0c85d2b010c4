// The servers of an ensemble in a simulated world, each on a machine of its own: s1, s2 … In: how many vote and
// observe, what their configuration says besides. Out: the servers, which of them lead, serve and agree. Nothing is
// decided here: servers do what they do, and whoever owns the ensemble starts, stops and hurts them.

import type { ServerAddress } from '../core/client/server-list.ts';
import type { QuorumVerifier } from '../core/election/quorum-verifier.ts';
import { readConfig } from '../server/config.ts';
import type { EnsembleServer } from '../server/ensemble-server.ts';
import { present } from '../util/assert.ts';
import type { ProcessSpeed } from './sim-process.ts';
import type { MakeProgram } from './sim-server.ts';
import { SimServer } from './sim-server.ts';
import type { World } from './world.ts';

export interface EnsembleShape {
  readonly voters: number;
  readonly observers: number;
  readonly tickTimeMs: number;
  readonly initLimit: number;
  readonly syncLimit: number;
  /** More lines of zoo.cfg: of all servers, and of one. */
  readonly lines?: readonly string[];
  readonly linesOf?: (sid: number) => readonly string[];
  readonly speedOf?: (sid: number) => ProcessSpeed;
  readonly syncMsOf?: (sid: number) => number;
  /** What runs in place of the server of the configuration. */
  readonly program?: MakeProgram | undefined;
}

const clientPort = 2181;

export class SimEnsemble {
  /** In the order of their sids, from 1; voters come first. */
  readonly servers: readonly SimServer[];
  readonly addresses: readonly ServerAddress[];
  readonly voters: number;
  /** Which of them are a quorum. */
  readonly verifier: QuorumVerifier;

  constructor(world: World, shape: EnsembleShape) {
    const { voters, observers, lines = [], linesOf, speedOf, syncMsOf } = shape;
    this.voters = voters;
    const sids = Array.from({ length: voters + observers }, (_, i) => i + 1);
    const common = [
      'dataDir=/data',
      `clientPort=${clientPort}`,
      '4lw.commands.whitelist=*, elog',
      `tickTime=${shape.tickTimeMs}`,
      `initLimit=${shape.initLimit}`,
      `syncLimit=${shape.syncLimit}`,
      'standaloneEnabled=false',
      ...sids.map((sid) => {
        const role = sid > voters ? 'observer' : 'participant';
        return `server.${sid}=s${sid}:2888:3888:${role}`;
      }),
      ...lines,
    ];
    this.servers = sids.map((sid) => {
      const speed = speedOf?.(sid);
      const syncMs = syncMsOf?.(sid);
      return new SimServer(world, `s${sid}`, {
        config: [...common, ...(linesOf?.(sid) ?? [])].join('\n'),
        myid: `${sid}`,
        ...(shape.program === undefined ? {} : { program: shape.program }),
        ...(speed === undefined ? {} : { speed }),
        ...(syncMs === undefined ? {} : { syncMs }),
      });
    });
    const { ensemble } = readConfig({ text: common.join('\n'), readMyid: () => '1' }).config;
    this.verifier = present(ensemble, 'the configuration of an ensemble').verifier;
    this.addresses = this.servers.map(({ name: host }) => ({ host, port: clientPort }));
  }

  /** Those that vote. */
  get voting(): readonly SimServer[] {
    return this.servers.filter((_, i) => i < this.voters);
  }

  /** Who leads, as far as it knows, and serves; in a partitioned world there may be two for a while. */
  get leaders(): SimServer[] {
    return this.servers.filter((server) => servingIn(server)?.view.state === 'leader');
  }

  /** Everybody serves, in one epoch, behind one leader. */
  get isWhole(): boolean {
    const views = this.servers.map((server) => servingIn(server)?.view);
    const first = views[0];
    return views.every(
      (view) => view !== undefined && view.epoch === first?.epoch && view.leader === first?.leader,
    );
  }

  /** Everybody serves, and everybody's tree stands where the leader's does. */
  get isLevel(): boolean {
    const zxids = new Set(this.servers.map((server) => servingIn(server)?.history?.lastZxid));
    return this.isWhole && zxids.size === 1;
  }

  toString(): string {
    return this.servers.map((server) => `${server.name} ${stateText(server)}`).join(', ');
  }
}

/** The server there, if its role is established: it serves clients, unless it leads and leaves them to the others. */
export function servingIn(server: SimServer): EnsembleServer | undefined {
  const { ensembleServer, state } = server;
  return state === 'serving' && ensembleServer?.isEstablished === true ? ensembleServer : undefined;
}

/** `leads epoch 3`, `follows s3 in epoch 3`, `looks for a leader`, `off`. */
export function stateText(server: SimServer): string {
  const view = server.ensembleServer?.view;
  if (server.state !== 'serving' || view === undefined) return server.state;
  if (servingIn(server) === undefined) {
    return view.state === 'looking' ? 'looks for a leader' : `${view.state}, does not serve yet`;
  }
  if (view.state === 'leader') return `leads epoch ${view.epoch}`;
  const verb = view.state === 'observer' ? 'observes' : 'follows';
  return `${verb} s${view.leader} in epoch ${view.epoch}`;
}
