// What `quoll ensemble` will run, worked out before anything is touched: servers, their folders, ports and zoo.cfg. In:
// the options, completed from what the folder remembers. Out: the plan. Throws ConfigError.
//
// Invariant: the voters of a folder never change in number. Another set of voters would have other majorities, and one
// of them could elect a leader that never saw a write which a majority of the old set acknowledged. Observers, which
// have no vote, and ports may change at any start.
import { join } from 'node:path';
import { ConfigError } from '../server/config-error.ts';
import { propertyValue } from './standalone.ts';

export interface EnsembleShape {
  /** Voters. */
  readonly servers: number;
  readonly observers: number;
  /** The client port of server 1; the next servers take the next ports. */
  readonly basePort: number;
}

export interface PlannedServer {
  readonly sid: number;
  readonly role: 'participant' | 'observer';
  readonly folder: string;
  readonly configFile: string;
  readonly config: string;
  readonly clientPort: number;
  readonly quorumPort: number;
  readonly electionPort: number;
}

export interface EnsemblePlan {
  readonly folder: string;
  readonly shape: EnsembleShape;
  readonly servers: readonly PlannedServer[];
  readonly connectString: string;
}

export const standardShape: EnsembleShape = { servers: 3, observers: 0, basePort: 2181 };
/** More of either make no sense on one machine. */
export const serversMax = 15;
export const observersMax = 15;
/** Quorum ports begin this far above the client ports, election ports as far above those: 2181, 2281, 2381. */
export const portStride = 100;
/** The first line of a file we may write again. */
export const generatedMark =
  '# Written by `quoll ensemble` at each start. For settings of your own, run copies with `quoll server`.';

/** `folder`: absolute. `remembered`: of the last start in it. */
export function planEnsemble(
  folder: string,
  asked: Partial<EnsembleShape>,
  remembered: EnsembleShape | undefined,
): EnsemblePlan {
  const shape: EnsembleShape = { ...standardShape, ...remembered, ...known(asked) };
  if (remembered !== undefined && remembered.servers !== shape.servers) {
    throw new ConfigError(
      '--servers',
      String(shape.servers),
      `${folder} was made for ${remembered.servers}, whose majorities hold its data; take another --data`,
    );
  }
  const count = shape.servers + shape.observers;
  if (shape.basePort + 2 * portStride + count - 1 > 65_535) {
    throw new ConfigError('--base-port', String(shape.basePort), 'no room for the ports above it');
  }
  const members = Array.from({ length: count }, (_, index) => member(folder, shape, index));
  const lines = members.map(
    ({ sid, role, quorumPort, electionPort }) =>
      `server.${sid}=127.0.0.1:${quorumPort}:${electionPort}:${role}`,
  );
  return {
    folder,
    shape,
    servers: members.map((server) => ({ ...server, config: configOf(server, lines) })),
    connectString: members.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(','),
  };
}

/** Without the options that were not given. */
function known(asked: Partial<EnsembleShape>): Partial<EnsembleShape> {
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

function member(
  folder: string,
  { servers, basePort }: EnsembleShape,
  index: number,
): Omit<PlannedServer, 'config'> {
  const sid = index + 1;
  const own = join(folder, `server-${sid}`);
  return {
    sid,
    role: index < servers ? 'participant' : 'observer',
    folder: own,
    configFile: join(own, 'zoo.cfg'),
    clientPort: basePort + index,
    quorumPort: basePort + portStride + index,
    electionPort: basePort + 2 * portStride + index,
  };
}

function configOf(
  { folder, role, clientPort }: Omit<PlannedServer, 'config'>,
  serverLines: readonly string[],
): string {
  const lines = [
    generatedMark,
    'tickTime=2000',
    'initLimit=10',
    'syncLimit=5',
    `dataDir=${propertyValue(folder)}`,
    `clientPort=${clientPort}`,
    '4lw.commands.whitelist=*,elog',
    'autopurge.purgeInterval=1',
    // One server line alone would make a lone server.
    'standaloneEnabled=false',
    ...(role === 'observer' ? ['peerType=observer'] : []),
    ...serverLines,
  ];
  return `${lines.join('\n')}\n`;
}
