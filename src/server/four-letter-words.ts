// The four-letter words (package org.apache.zookeeper.server.command): one table from word to
// answer, in the shapes that monitoring parses. In: the word, the connection that asks, the
// server; out: the whole answer, after which the connection closes. What may be asked is the
// white list's to say (4lw.commands.whitelist).
//
// Answers take time linear in their length, and nothing is left out of them. Java's shapes to the
// byte, but for the order of what it keeps in hash maps, and where a line here says otherwise.

import type { HostPort } from '../core/election/quorum-server.ts';
import type { Connection } from '../core/session/connection.ts';
import type { FourLetterWord } from '../net/four-letter-codes.ts';
import { fourLetterWords } from '../net/four-letter-codes.ts';
import { hexZxid } from '../proto/zxid.ts';
import type { EnsembleConfig } from './config-ensemble.ts';
import { connectionLine, connectionsDump } from './four-letter-words-connections.ts';
import { sessionsDump } from './four-letter-words-sessions.ts';
import { javaAverage, javaDate } from './java-text.ts';
import type { ProposalSizes } from './metrics-ensemble.ts';
import { dumpMetrics, nodeCountOf } from './metrics-table.ts';
import { hasPeer, peerStateOf } from './role-view.ts';
import type { ServerView, ServingView } from './server-view.ts';
import { isServing } from './server-view.ts';

const notServing = 'This ZooKeeper instance is not currently serving requests';
/** ZooTrace's default: client requests, server packets, sessions, warnings. Kept and told; nothing here reads it. */
const traceMaskDefault = 0x132n;

/** What a word looks at; `V` is a ServingView while clients are served. */
interface Asked<V> {
  readonly view: V;
  /** What `stmk` sets. */
  traceMask: bigint;
}

type Answer<V> = (server: Asked<V>, argument: Uint8Array) => string;

/** What is answered when the server does not serve; every other word says `notServing`. */
const idle = {
  ruok: () => 'imok',
  isro: () => 'null',
  envi: ({ view }) => environment(view),
  gtmk: ({ traceMask }) => String(traceMask),
  stmk: (server, argument) => {
    server.traceMask = longIn(argument);
    return String(server.traceMask);
  },
  elog: ({ view }) => view.electionLog?.() ?? '{"entries":[]}',
  hash: () => notServing,
} satisfies Partial<Record<FourLetterWord, Answer<ServerView>>>;

/** What is answered while it serves. */
const serving: Readonly<Record<FourLetterWord, Answer<ServingView>>> = {
  ...idle,
  isro: ({ view }) => (view.role.state === 'read-only' ? 'ro' : 'rw'),
  srvr: ({ view }) => head(view) + statistics(view),
  stat: ({ view }) => `${head(view)}Clients:\n${connections(view, true)}${statistics(view)}`,
  cons: ({ view }) => connections(view, false),
  conf: ({ view }) => configuration(view),
  dirs: ({ view }) =>
    `datadir_size: ${view.snapshotDirectorySize()}\nlogdir_size: ${view.logDirectorySize()}\n`,
  dump: ({ view }) => dump(view),
  mntr: ({ view }) => monitor(view),
  wchs: ({ view }) => {
    const { connections: watchers, paths, watches } = view.replica.watches.counts();
    return `${watchers} connections watching ${paths} paths\nTotal watches:${watches}\n`;
  },
  wchc: ({ view }) => watchesByConnection(view),
  wchp: ({ view }) => watchesByPath(view),
  hash: ({ view }) =>
    lines(
      view.replica.database.digestHistory.map(({ zxid, digest }) => `${hexZxid(zxid)}: ${digest}`),
    ),
  crst: ({ view }) => {
    for (const { stats } of view.replica.connections) stats.reset();
    return 'Connection stats reset.\n';
  },
  srst: ({ view }) => {
    view.replica.stats.reset();
    view.replica.database.quotas.resetExceeded();
    view.metrics.reset();
    return 'Server stats reset.\n';
  },
};

export class FourLetterWords {
  readonly #server: Asked<ServerView>;
  readonly #enabled: ReadonlySet<string>;

  /** 'all': Java's words. */
  constructor(view: ServerView, enabled: 'all' | ReadonlySet<string>) {
    this.#server = { view, traceMask: traceMaskDefault };
    this.#enabled = enabled === 'all' ? new Set(fourLetterWords) : enabled;
  }

  /** `argument`: the eight bytes behind `stmk`, empty for all others. The asker is to be closed behind the answer. */
  answer(word: FourLetterWord, argument: Uint8Array, asker: Connection): string {
    const { replica } = this.#server.view;
    const { stats } = replica ?? {};
    // A word is a packet of four bytes in both statistics, whether it is allowed or not.
    asker.stats.received++;
    if (stats !== undefined) {
      stats.packetsReceived++;
      stats.bytesReceived += 4;
    }
    // From here on it is nobody's client: its end is no dropped connection, and listings show that nothing is read.
    asker.phase = 'closing';
    const text = this.#answerOf(word, argument);
    // Java's writer hands its answer on in pieces of this length, and counts each.
    if (stats !== undefined) stats.packetsSent += Math.ceil(text.length / 8192);
    // The next listing must not show it, however long its socket takes to close.
    replica?.connections.delete(asker);
    return text;
  }

  #answerOf(word: FourLetterWord, argument: Uint8Array): string {
    if (!this.#enabled.has(word)) {
      return `${word} is not executed because it is not in the whitelist.\n`;
    }
    const server = this.#server;
    if (isServingOne(server)) return serving[word](server, argument);
    const answers: Partial<Record<FourLetterWord, Answer<ServerView>>> = idle;
    return answers[word]?.(server, argument) ?? `${notServing}\n`;
  }
}

function isServingOne(server: Asked<ServerView>): server is Asked<ServingView> {
  return isServing(server.view);
}

function head({ version, role }: ServerView): string {
  const readOnly =
    role.state === 'read-only' ? 'READ-ONLY mode; serving only read-only clients\n' : '';
  return `Zookeeper version: ${version}\n${readOnly}`;
}

function statistics({ replica, role }: ServingView): string {
  const { stats, database } = replica;
  const min = Math.floor(stats.latencyMin);
  const max = Math.floor(stats.latencyMax);
  return lines([
    `Latency min/avg/max: ${min}/${javaAverage(stats.latencyAverage)}/${max}`,
    `Received: ${stats.packetsReceived}`,
    `Sent: ${stats.packetsSent}`,
    `Connections: ${replica.connections.size}`,
    `Outstanding: ${replica.outstanding}`,
    `Zxid: 0x${hexZxid(database.lastProcessedZxid)}`,
    `Mode: ${role.state}`,
    `Node count: ${nodeCountOf(database.tree)}`,
    ...(role.state === 'leader' ? [proposalSizes(role.proposals)] : []),
  ]);
}

function proposalSizes({ lastSize, minSize, maxSize }: ProposalSizes): string {
  return `Proposal sizes last/min/max: ${lastSize}/${minSize}/${maxSize}`;
}

function connections({ replica }: ServingView, brief: boolean): string {
  return `${lines(Array.from(replica.connections, (one) => connectionLine(one, brief)))}\n`;
}

function configuration(view: ServerView): string {
  const { config } = view;
  const { ensemble } = config;
  const text = lines([
    `clientPort=${view.clientPort}`,
    'secureClientPort=-1',
    `dataDir=${view.snapshotDirectory}`,
    `dataDirSize=${view.snapshotDirectorySize()}`,
    `dataLogDir=${view.logDirectory}`,
    `dataLogSize=${view.logDirectorySize()}`,
    `tickTime=${config.tickTimeMs}`,
    `maxClientCnxns=${config.maxClientCnxns}`,
    `minSessionTimeout=${config.minSessionTimeoutMs}`,
    `maxSessionTimeout=${config.maxSessionTimeoutMs}`,
    `clientPortListenBacklog=${config.clientPortListenBacklog ?? -1}`,
    // A lone server's is 0 in Java, too, though its session ids say 1.
    `serverId=${ensemble?.mySid ?? 0n}`,
  ]);
  if (ensemble === undefined) return text;
  // A read-only server does not tell who the members are.
  return text + peer(ensemble) + (view.role.state === 'read-only' ? '' : membership(ensemble));
}

function peer(ensemble: EnsembleConfig): string {
  const { initLimit, syncLimit, electionAddresses, quorumAddresses, role } = ensemble;
  const portsOf = (addresses: readonly HostPort[]): string =>
    addresses.map(({ port }) => port).join('|');
  return lines([
    `initLimit=${initLimit}`,
    `syncLimit=${syncLimit}`,
    'electionAlg=3',
    `electionPort=${portsOf(electionAddresses)}`,
    `quorumPort=${portsOf(quorumAddresses)}`,
    `peerType=${role === 'observer' ? 1 : 0}`,
  ]);
}

/** Without a line break at its end. */
function membership({ configText }: EnsembleConfig): string {
  return `membership: \n${configText}`;
}

function dump(view: ServingView): string {
  const { replica } = view;
  const { tree } = replica.database;
  const sinceWall = view.wallTime() - view.now();
  const dateOf = (at: number): string => javaDate(at + sinceWall);
  const text = [
    'SessionTracker dump:',
    ...sessionsDump(view, dateOf),
    'ephemeral nodes dump:',
    `Sessions with Ephemerals (${tree.ephemerals.size}):`,
  ];
  for (const [id, slots] of tree.ephemerals) {
    text.push(`0x${hexZxid(id)}:`);
    for (const slot of slots) text.push(`\t${tree.pathOf(slot)}`);
  }
  text.push('Connections dump:', ...connectionsDump(replica.connections, dateOf));
  return lines(text);
}

function environment(view: ServerView): string {
  const pairs = view.environment.properties().map(([name, value]) => `${name}=${value}`);
  return lines(['Environment:', `zookeeper.version=${view.version}`, ...pairs]);
}

function monitor(view: ServingView): string {
  const { role } = view;
  const text = [`zk_version\t${view.version}`, `zk_server_state\t${role.state}`];
  if (hasPeer(role)) text.push(`zk_peer_state\t${peerStateOf(role)}`);
  if (role.state === 'observer') text.push(`zk_observer_master_id\t${role.leader ?? 0n}`);
  dumpMetrics(view, (name, value) => text.push(`zk_${name}\t${value}`));
  return lines(text);
}

function watchesByConnection({ replica }: ServingView): string {
  const text: string[] = [];
  for (const [connection, paths] of replica.watches.byWatcher()) {
    text.push(`0x${hexZxid(connection.sessionId)}`);
    for (const path of paths) text.push(`\t${path}`);
  }
  return `${lines(text)}\n`;
}

function watchesByPath({ replica }: ServingView): string {
  const text: string[] = [];
  for (const [path, watchers] of replica.watches.byPath()) {
    text.push(path);
    for (const { sessionId } of watchers) text.push(`\t0x${hexZxid(sessionId)}`);
  }
  return `${lines(text)}\n`;
}

function longIn(argument: Uint8Array): bigint {
  return new DataView(argument.buffer, argument.byteOffset, argument.byteLength).getBigInt64(0);
}

/** Each with its end of line. */
function lines(text: readonly string[]): string {
  return text.length === 0 ? '' : `${text.join('\n')}\n`;
}
