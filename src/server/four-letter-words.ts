// The four-letter words (package org.apache.zookeeper.server.command): one table from word to
// answer, in the shapes that monitoring parses. In: the word, the connection that asks, the
// server; out: the whole answer, after which the connection closes. What may be asked is the
// white list's to say (4lw.commands.whitelist).
//
// Answers take time linear in their length, and nothing is left out of them. Java's shapes to the
// byte, but for the order of what it keeps in hash maps, and where a line here says otherwise.

import type { Connection } from '../core/session/connection.ts';
import type { FourLetterWord } from '../net/four-letter-codes.ts';
import { fourLetterWords } from '../net/four-letter-codes.ts';
import { hexZxid } from '../proto/zxid.ts';
import { connectionLine, connectionsDump } from './four-letter-words-connections.ts';
import { javaAverage, javaDate } from './java-text.ts';
import { dumpMetrics, nodeCountOf } from './metrics-table.ts';
import type { ServerView } from './server-view.ts';

const notServing = 'This ZooKeeper instance is not currently serving requests';
/** ZooTrace's default: client requests, server packets, sessions, warnings. Kept and told; nothing here reads it. */
const traceMaskDefault = 0x132n;

interface Answers {
  readonly view: ServerView;
  /** What `stmk` sets. */
  traceMask: bigint;
}

type Answer = (server: Answers, argument: Uint8Array) => string;

/** What is answered while the server serves. */
const serving: Readonly<Record<FourLetterWord, Answer>> = {
  ruok: () => 'imok',
  isro: ({ view }) => (view.mode === 'read-only' ? 'ro' : 'rw'),
  srvr: ({ view }) => head(view) + statistics(view),
  stat: ({ view }) => `${head(view)}Clients:\n${connections(view, true)}${statistics(view)}`,
  cons: ({ view }) => connections(view, false),
  conf: ({ view }) => configuration(view),
  dirs: ({ view }) =>
    `datadir_size: ${view.snapshotDirectorySize()}\nlogdir_size: ${view.logDirectorySize()}\n`,
  dump: ({ view }) => dump(view),
  envi: ({ view }) => environment(view),
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
  gtmk: ({ traceMask }) => String(traceMask),
  stmk: (server, argument) => {
    server.traceMask = longIn(argument);
    return String(server.traceMask);
  },
  elog: ({ view }) => view.electionLog?.() ?? '{"entries":[]}',
};

/** What is answered when it does not; every other word says `notServing`. */
const idle: Partial<Record<FourLetterWord, Answer>> = {
  ruok: serving.ruok,
  isro: () => 'null',
  envi: serving.envi,
  gtmk: serving.gtmk,
  stmk: serving.stmk,
  elog: serving.elog,
  hash: () => notServing,
};

export class FourLetterWords {
  readonly #server: Answers;
  readonly #enabled: ReadonlySet<string>;

  /** 'all': Java's words. */
  constructor(view: ServerView, enabled: 'all' | ReadonlySet<string>) {
    this.#server = { view, traceMask: traceMaskDefault };
    this.#enabled = enabled === 'all' ? new Set(fourLetterWords) : enabled;
  }

  /** `argument`: the eight bytes behind `stmk`, empty for all others. The asker is to be closed behind the answer. */
  answer(word: FourLetterWord, argument: Uint8Array, asker: Connection): string {
    const { view } = this.#server;
    const { stats } = view.replica;
    // A word is a packet of four bytes in both statistics, whether it is allowed or not.
    asker.stats.received++;
    stats.packetsReceived++;
    stats.bytesReceived += 4;
    // From here on it is nobody's client: its end is no dropped connection, and listings show that nothing is read.
    asker.phase = 'closing';
    const text = this.#answerOf(word, argument);
    // Java's writer hands its answer on in pieces of this length, and counts each.
    stats.packetsSent += Math.ceil(text.length / 8192);
    // The next listing must not show it, however long its socket takes to close.
    view.replica.connections.delete(asker);
    return text;
  }

  #answerOf(word: FourLetterWord, argument: Uint8Array): string {
    if (!this.#enabled.has(word)) {
      return `${word} is not executed because it is not in the whitelist.\n`;
    }
    if (this.#server.view.isServing) return serving[word](this.#server, argument);
    return idle[word]?.(this.#server, argument) ?? `${notServing}\n`;
  }
}

function head({ version, mode }: ServerView): string {
  const readOnly = mode === 'read-only' ? 'READ-ONLY mode; serving only read-only clients\n' : '';
  return `Zookeeper version: ${version}\n${readOnly}`;
}

function statistics({ replica, mode }: ServerView): string {
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
    `Mode: ${mode}`,
    `Node count: ${nodeCountOf(database.tree)}`,
  ]);
}

function connections({ replica }: ServerView, brief: boolean): string {
  return `${lines(Array.from(replica.connections, (one) => connectionLine(one, brief)))}\n`;
}

function configuration(view: ServerView): string {
  const { config } = view;
  return lines([
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
    // A lone server's, in Java too, though its session ids say 1.
    'serverId=0',
  ]);
}

function dump(view: ServerView): string {
  const { replica } = view;
  const { tree } = replica.database;
  const sinceWall = view.wallTime() - view.now();
  const dateOf = (at: number): string => javaDate(at + sinceWall);
  const text = [
    'SessionTracker dump:',
    ...replica.sessions.dump(dateOf),
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

function monitor(view: ServerView): string {
  const text = [`zk_version\t${view.version}`, `zk_server_state\t${view.mode}`];
  dumpMetrics(view, (name, value) => text.push(`zk_${name}\t${value}`));
  return lines(text);
}

function watchesByConnection({ replica }: ServerView): string {
  const text: string[] = [];
  for (const [connection, paths] of replica.watches.byWatcher()) {
    text.push(`0x${hexZxid(connection.sessionId)}`);
    for (const path of paths) text.push(`\t${path}`);
  }
  return `${lines(text)}\n`;
}

function watchesByPath({ replica }: ServerView): string {
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
