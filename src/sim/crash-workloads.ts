// What servers do to their disks, as short lives to be cut off at every call: boot, logging and rolling, snapshots,
// purge, cut, a leader's snapshot, epochs, a leader's history, a start on Java's files, a start after a crash. In: a
// life that was not begun. Out: its trace. Each is small, so that every one of its images can be started.

import { CrashHistory, makeTxn } from './crash-history.ts';
import type { CrashLife } from './crash-life.ts';

export interface CrashWorkload {
  readonly name: string;
  /** Lines of zoo.cfg. */
  readonly lines: readonly string[];
  readonly isEnsemble: boolean;
  readonly dataLength: number;
  /** It begins on what a Java server left. */
  readonly isOnJavaFiles: boolean;
  readonly run: (life: CrashLife) => void;
}

/** A snapshot of a Java server, the log around it, and those behind it to the end. */
export const javaFileNames = ['snapshot.e6', 'log.d2', 'log.e8', 'log.ff'];

type Shape = Partial<Omit<CrashWorkload, 'name' | 'run'>>;

const usual = { lines: [], isEnsemble: false, dataLength: 20, isOnJavaFiles: false };
const apart = 'dataLogDir=/log';

/** Some transactions, snapshots and logs, nothing of it looked at. */
function prelude(life: CrashLife, sizes: readonly number[]): void {
  life.start();
  for (const size of sizes) {
    life.append([size]);
    life.settle();
  }
  life.begin();
}

function leaderOf(life: CrashLife, kept: number, more: number, mark: number): CrashHistory {
  const from = life.line.zxidAt(kept);
  const txns = Array.from({ length: more }, (_, i) => makeTxn(from + BigInt(i + 1), mark));
  return new CrashHistory(life.line.base, [...life.line.txns.filter((_, i) => i < kept), ...txns]);
}

type Named = readonly [name: string, shape: Shape, run: (life: CrashLife) => void];

const boot = (life: CrashLife): void => {
  life.begin();
  life.start();
  life.append([1]);
  life.close();
};

const log = (life: CrashLife): void => {
  prelude(life, []);
  for (const sizes of [[1], [3], [2, 1, 4], [1, 1, 1], [5], [2, 2]]) life.append(sizes);
  life.close();
};

const roll = (life: CrashLife): void => {
  prelude(life, [2]);
  for (const sizes of [[2, 3], [6], [4, 1, 1], [8], [3, 3], [7], [2]]) {
    life.append(sizes);
    life.settle();
  }
  life.close();
};

const snapshot = (life: CrashLife): void => {
  prelude(life, [3]);
  life.keepsSpares();
  for (const sizes of [[2, 1], [4], [3, 2], [1], [5], [2, 2]]) {
    life.append(sizes);
    life.settle();
  }
  life.close();
};

const purge = (life: CrashLife): void => {
  prelude(life, [4, 4, 4, 4, 4, 4]);
  life.keepsSpares();
  life.append([2]);
  life.purge();
  life.append([3]);
  life.close();
};

const cut =
  (kept: number) =>
  (life: CrashLife): void => {
    prelude(life, [3, 3, 3, 3, 2]);
    life.truncate(kept);
    life.append([2], 5);
    life.settle();
    life.append([3], 5);
    life.close();
  };

const receive =
  (kept: number, more: number) =>
  (life: CrashLife): void => {
    prelude(life, [3, 3, 4, 2]);
    life.receive(leaderOf(life, kept, more, 6));
    life.append([2], 6);
    life.settle();
    life.append([3], 6);
    life.close();
  };

/** Discovery, synchronization, broadcast of one term after the other. */
const terms = (life: CrashLife): void => {
  life.start();
  life.begin();
  for (const epoch of [1, 2, 4]) {
    life.saveEpoch('acceptedEpoch', epoch);
    if (epoch > 1) life.append([2, 1], epoch);
    life.saveEpoch('currentEpoch', epoch);
    life.append([1], epoch, epoch);
    life.append([2, 2], epoch);
  }
  life.close();
};

/** The next leader's history begins a new epoch before its NEWLEADER. */
const newEpochHistory = (life: CrashLife): void => {
  prelude(life, [3, 2]);
  life.saveEpoch('acceptedEpoch', 3);
  life.append([2, 2], 3, 2);
  life.settle();
  life.append([3], 3);
  life.saveEpoch('currentEpoch', 3);
  life.append([2, 1], 3, 3);
  life.close();
};

const cutInTerm = (life: CrashLife): void => {
  prelude(life, [3, 3, 3]);
  life.saveEpoch('acceptedEpoch', 1);
  life.truncate(5);
  life.append([2], 2, 1);
  life.saveEpoch('currentEpoch', 1);
  life.append([2], 2);
  life.close();
};

const receiveInTerm = (life: CrashLife): void => {
  prelude(life, [3, 3, 3]);
  life.saveEpoch('acceptedEpoch', 1);
  life.receive(leaderOf(life, 4, 9, 7));
  life.append([1], 7, 1);
  life.saveEpoch('currentEpoch', 1);
  life.append([2], 7);
  life.receive(leaderOf(life, 6, 2, 8));
  life.close();
};

const twice = (life: CrashLife): void => {
  prelude(life, [3, 3]);
  life.append([2, 1]);
  life.close();
  life.start();
  life.append([1, 2]);
  life.close();
  life.start();
  life.close();
};

const java = (life: CrashLife): void => {
  life.begin();
  life.start();
  life.append([2, 1]);
  life.settle();
  life.append([6]);
  life.settle();
  life.close();
};

const named: readonly Named[] = [
  ['boot', {}, boot],
  ['boot without preallocation', { lines: ['preAllocSize=0'] }, boot],
  ['boot of an ensemble', { isEnsemble: true }, boot],
  ['boot, logs apart', { lines: [apart] }, boot],
  ['log', {}, log],
  ['log, entries over sectors', { dataLength: 700 }, log],
  ['log, entries over pages', { dataLength: 5000 }, log],
  ['log, entries over a sector, apart', { dataLength: 470, lines: [apart] }, log],
  ['log of an ensemble', { dataLength: 1800, isEnsemble: true }, log],
  ['log without preallocation', { lines: ['preAllocSize=0'], dataLength: 300 }, log],
  ['roll', { lines: ['txnLogSizeLimitInKb=1'], dataLength: 150 }, roll],
  ['roll of long entries', { lines: ['txnLogSizeLimitInKb=4'], dataLength: 1900 }, roll],
  ['roll, logs apart', { lines: ['txnLogSizeLimitInKb=1', apart], dataLength: 400 }, roll],
  ['snapshot', { lines: ['snapCount=4'] }, snapshot],
  ['snapshot, gz', { lines: ['snapCount=4', 'snapshot.compression.method=gz'] }, snapshot],
  ['snapshot, snappy', { lines: ['snapCount=4', 'snapshot.compression.method=snappy'] }, snapshot],
  ['snapshot over pages', { lines: ['snapCount=4', apart], dataLength: 2500 }, snapshot],
  ['purge', { lines: ['snapCount=4', 'autopurge.purgeInterval=1'] }, purge],
  ['purge, logs apart', { lines: ['snapCount=4', 'autopurge.purgeInterval=1', apart] }, purge],
  ['TRUNC in the last log', { lines: ['snapCount=6'], isEnsemble: true }, cut(13)],
  ['TRUNC over logs and snapshots', { lines: ['snapCount=4'], isEnsemble: true }, cut(5)],
  ['TRUNC, logs apart', { lines: ['snapCount=4', apart], isEnsemble: true }, cut(8)],
  ['TRUNC of entries over pages', { isEnsemble: true, dataLength: 3000 }, cut(5)],
  ['TRUNC of long entries', { lines: ['snapCount=8'], isEnsemble: true, dataLength: 900 }, cut(4)],
  ['SNAP, ahead', { lines: ['snapCount=4'], isEnsemble: true }, receive(12, 9)],
  ['SNAP, behind', { lines: ['snapCount=4'], isEnsemble: true }, receive(5, 1)],
  ['SNAP, beside', { lines: ['snapCount=5'], isEnsemble: true }, receive(7, 8)],
  ['SNAP, behind, logs apart', { lines: ['snapCount=4', apart], isEnsemble: true }, receive(5, 1)],
  ['SNAP, logs apart', { lines: ['snapCount=4', apart], isEnsemble: true }, receive(7, 8)],
  ['SNAP, gz', { lines: ['snapshot.compression.method=gz'], isEnsemble: true }, receive(9, 2)],
  ['election', { isEnsemble: true }, terms],
  ['election, logs apart', { isEnsemble: true, lines: [apart] }, terms],
  ['DIFF over an epoch', { isEnsemble: true, lines: ['snapCount=6'] }, newEpochHistory],
  ['DIFF of long entries', { isEnsemble: true, dataLength: 1200 }, newEpochHistory],
  ['TRUNC and DIFF in a term', { isEnsemble: true, lines: ['snapCount=4'] }, cutInTerm],
  ['SNAP twice', { isEnsemble: true, lines: ['snapCount=4'] }, receiveInTerm],
  ['three starts', { lines: ['snapCount=5'] }, twice],
  ['three starts of an ensemble', { lines: ['snapCount=5'], isEnsemble: true }, twice],
  ["Java's files", { isOnJavaFiles: true, lines: ['snapCount=6'] }, java],
  [
    "Java's files, an ensemble",
    { isOnJavaFiles: true, isEnsemble: true, lines: ['snapCount=6'] },
    java,
  ],
];

export const crashWorkloads: readonly CrashWorkload[] = named.map(([name, shape, run]) => {
  return { ...usual, ...shape, name, run };
});
