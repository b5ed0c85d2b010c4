// The files to be damaged, each in a directory a server left: our own, written by the production code, and Java's. In:
// Java's files. Out: subjects: a directory, the file in it, the history it holds, and what may be lost by which change
// because no file can prove it (named, counted, never silent). Each directory is small, so that every byte of every
// kind of file can be changed.

import { Database } from '../core/tree/database.ts';
import type { Codec } from '../ports.ts';
import { snapshotName } from '../storage/file-names.ts';
import { LogReader } from '../storage/log-reader.ts';
import { receivedSnapshotName } from '../storage/received-snapshot.ts';
import { copyBytes } from '../util/bytes.ts';
import { PlainFiles } from './crash-files.ts';
import type { HistoryTxn } from './crash-history.ts';
import { CrashHistory, HistoryBase } from './crash-history.ts';
import { CrashLife } from './crash-life.ts';
import { CrashServer } from './crash-server.ts';
import { VirtualClock } from './virtual-clock.ts';

export type ChangeKind = 'flip' | '00' | 'ff' | 'delete' | 'insert' | 'cut';

export interface CorruptionSubject {
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly target: string;
  /** Lines of zoo.cfg. */
  readonly lines: readonly string[];
  readonly isEnsemble: boolean;
  readonly history: CrashHistory;
  /**
   * Changes nothing can be held against: a crash leaves it (a cut of the last log), or a Java server does (another
   * number in an epoch file; a log cut between two entries below a snapshot, as its TRUNC leaves it).
   */
  readonly unprovable: 'nothing' | 'cut' | 'covered cut' | 'number';
}

const directory = '/data/version-2';
const compressions = ['none', 'gz', 'snappy'] as const;
const lengthMax = 2 << 20;

export interface SubjectSources {
  readonly codec: Codec;
  /** The content of a file a Java server wrote. */
  readonly java: (name: string) => Uint8Array;
}

export function corruptionSubjects(sources: SubjectSources): CorruptionSubject[] {
  return [...ours(sources), ...received(sources), ...javas(sources)];
}

export function makeBare(): Database {
  return new Database({
    ...{ digestEnabled: true, hashSeed: 7, extendedTypesEnabled: true },
    emulate353TTLNodes: false,
  });
}

const emptyBase = (): HistoryBase => new HistoryBase(() => makeBare().ensureSystemNodes());

function linesOf(compression: string): string[] {
  return ['extendedTypesEnabled=true', 'snapCount=6', `snapshot.compression.method=${compression}`];
}

/** A server that was in two terms: three logs, two snapshots of its own, all side files. */
function ourLife({ codec }: SubjectSources, compression: string): CrashLife {
  const lines = linesOf(compression);
  const life = new CrashLife({
    ...{ codec, lines, isEnsemble: true, dataLength: 12, makeBare, base: emptyBase() },
  });
  life.start();
  life.saveEpoch('acceptedEpoch', 12);
  life.saveEpoch('currentEpoch', 12);
  for (const [size, epoch] of [[3, 12], [3], [2], [4], [3]] as const) {
    life.append([size], 1, epoch);
    life.settle();
  }
  life.saveEpoch('acceptedEpoch', 13);
  life.close();
  return life;
}

function* ours(sources: SubjectSources): Generator<CorruptionSubject> {
  for (const compression of compressions) {
    const life = ourLife(sources, compression);
    const files = life.files.contents();
    const shared = { files, lines: linesOf(compression), isEnsemble: true, history: life.line };
    const names = [...files.keys()].filter((path) => !path.includes('/tmp-'));
    for (const target of names) {
      const isSnapshot = target.includes('/snapshot.');
      if (compression !== 'none' && !isSnapshot) continue;
      const unprovable = target.includes('/log.') ? 'covered cut' : 'nothing';
      yield { ...shared, name: `ours: ${nameOf(target)}`, target, unprovable };
    }
    if (compression !== 'none') continue;
    // Without the mark our logs prove no more than Java's.
    const unmarked = new Map([...files].filter(([path]) => !path.endsWith('/durable-mark')));
    const logs = names.filter((path) => path.includes('/log.'));
    for (const target of logs) {
      const unprovable = target === logs.at(-1) ? 'cut' : 'nothing';
      const name = `ours without a mark: ${nameOf(target)}`;
      yield { ...shared, files: unmarked, name, target, unprovable };
    }
  }
}

/** A leader's snapshot that has its name and has not taken the old files' place. */
function* received(sources: SubjectSources): Generator<CorruptionSubject> {
  const old = ourLife(sources, 'none').files.contents();
  const disk = new PlainFiles(new VirtualClock(), old);
  const place = { snapshots: directory, logs: directory };
  for (const compression of compressions) {
    const life = ourLife(sources, compression);
    const leader = life.line.forked(9, []);
    const lines = linesOf(compression);
    const options = { codec: sources.codec, lines, isEnsemble: true, makeBare, base: leader.base };
    const receiver = new CrashLife({ ...options, dataLength: 12 });
    receiver.start();
    receiver.receive(leader);
    receiver.close();
    const zxid = leader.zxidAt(9);
    const whole = receiver.files.contents().get(`${directory}/${snapshotName(zxid, compression)}`);
    if (whole === undefined) throw new Error('a received snapshot is there');
    const target = `${directory}/${receivedSnapshotName(disk, place, zxid, compression)}`;
    yield {
      name: `ours: ${nameOf(target)}`,
      ...{ files: new Map([...old, [target, whole]]), target, lines, isEnsemble: true },
      ...{ history: leader, unprovable: 'nothing' },
    };
  }
}

function* javas({ codec, java }: SubjectSources): Generator<CorruptionSubject> {
  const lines = linesOf('none');
  const at = (...names: string[]): Map<string, Uint8Array> =>
    new Map(names.map((name) => [`${directory}/${name}`, java(name)]));
  const base = new HistoryBase(() => startOn(at('snapshot.0'), codec, lines).history.database);
  const whole = new CrashHistory(base, txnsOf(at(...logNames)));
  const shared = { lines, isEnsemble: false, unprovable: 'nothing' } as const;
  const first = { ...shared, files: at('snapshot.0', 'log.1', 'snapshot.14', 'log.16') };
  const history = upTo(whole, 0x36n);
  for (const name of ['snapshot.0', 'log.1', 'snapshot.14']) {
    yield { ...first, history, name: `Java's: ${name}`, target: `${directory}/${name}` };
  }
  const last = `${directory}/log.16`;
  yield { ...first, history, name: "Java's: log.16, the last", target: last, unprovable: 'cut' };
  const longer = at('log.1', 'snapshot.14', 'log.16', 'log.37');
  const middle = { ...shared, files: longer, history: upTo(whole, 0x4en), target: last };
  yield { ...middle, name: "Java's: log.16, another behind it" };
  for (const compression of ['gz', 'snappy'] as const) {
    const name = `snapshot.119.${compression}`;
    const files = at('snapshot.fd', 'log.ff', name);
    const target = `${directory}/${name}`;
    yield { ...shared, files, history: whole, name: `Java's: ${name}`, target };
  }
  for (const name of ['acceptedEpoch', 'currentEpoch']) {
    const target = `${directory}/${name}`;
    const epochs = ['acceptedEpoch', 'currentEpoch'].map((epoch) => [
      `${directory}/${epoch}`,
      Uint8Array.of(0x31, 0x32),
    ]) as [string, Uint8Array][];
    const files = new Map([...at('snapshot.0', 'log.1'), ...epochs]);
    const subject = { ...shared, files, target, history: upTo(whole, 0x15n) };
    yield { ...subject, isEnsemble: true, name: `Java's: ${name}`, unprovable: 'number' };
  }
}

const logNames = [
  'log.1',
  'log.16',
  'log.37',
  'log.4f',
  'log.65',
  'log.88',
  'log.ac',
  'log.d2',
  'log.e8',
  'log.ff',
];

function startOn(
  files: ReadonlyMap<string, Uint8Array>,
  codec: Codec,
  lines: readonly string[],
): CrashServer {
  const clock = new VirtualClock();
  const server = new CrashServer(new PlainFiles(clock, files), clock, {
    ...{ codec, lines, isEnsemble: false },
  });
  server.start();
  return server;
}

function upTo(history: CrashHistory, zxid: bigint): CrashHistory {
  const count = history.countOf(zxid);
  if (count === undefined) throw new Error(`Java's logs have 0x${zxid.toString(16)}`);
  return history.forked(count, []);
}

/** All transactions of these logs. */
function txnsOf(files: ReadonlyMap<string, Uint8Array>): HistoryTxn[] {
  const disk = new PlainFiles(new VirtualClock(), files);
  const txns: HistoryTxn[] = [];
  for (const path of files.keys()) {
    const reader = new LogReader(disk.open(path, 'read'), lengthMax);
    while (reader.next()) {
      txns.push({ zxid: reader.zxid, bytes: copyBytes(reader.bytes, reader.start, reader.end) });
    }
  }
  return txns;
}

function nameOf(path: string): string {
  return path.substring(path.lastIndexOf('/') + 1);
}
