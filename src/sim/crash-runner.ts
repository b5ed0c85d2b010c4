// Runs lives of a server's storage and starts every disk that a loss of power could have left of them. In: a workload,
// the codec, Java's files where it begins on them. Out: counts, and each failure with its moment and image, by which it
// can be made again. Then some of the disks that needed repair are lives of their own: a start that is cut off, too.

import { Database } from '../core/tree/database.ts';
import type { Codec } from '../ports.ts';
import { CrashCheck, diskOf } from './crash-check.ts';
import { CrashHistory, HistoryBase } from './crash-history.ts';
import type { Expectation, LifeOptions } from './crash-life.ts';
import { CrashLife } from './crash-life.ts';
import type { DiskImage } from './crash-platter.ts';
import { Platter } from './crash-platter.ts';
import { CrashServer } from './crash-server.ts';
import type { CrashWorkload } from './crash-workloads.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface CrashFailure {
  readonly workload: string;
  /** Lines of the trace that were done. */
  readonly moment: number;
  /** The last of them. */
  readonly call: string;
  readonly image: string;
  readonly violation: string;
  /** Of a start on what a crash left: which. */
  readonly after: string | undefined;
}

export interface CrashReport {
  /** Calls that change something, in the part that is looked at. */
  calls: number;
  /** Disks at moments. */
  images: number;
  /** Different ones among them, each started three times. */
  disks: number;
  readonly failures: CrashFailure[];
}

export interface CrashRunOptions {
  readonly codec: Codec;
  /** By path, as a Java server left them. */
  readonly javaFiles: ReadonlyMap<string, Uint8Array>;
  /** One image of so many is looked at; 1: all. */
  readonly every: number;
  /** Of the different disks one of so many is a life of its own; 0: none. */
  readonly restartEvery: number;
  readonly failuresMax: number;
  readonly progress?: (report: CrashReport) => void;
}

export function runCrashWorkload(workload: CrashWorkload, options: CrashRunOptions): CrashReport {
  const report: CrashReport = { calls: 0, images: 0, disks: 0, failures: [] };
  const lifeOptions = lifeOptionsOf(workload, options);
  const left: [string, DiskImage, Expectation][] = [];
  const life = new CrashLife(lifeOptions);
  workload.run(life);
  enumerate(workload.name, life, lifeOptions, options, report, undefined, (...one) => {
    if (options.restartEvery > 0) left.push(one);
  });
  for (const [i, [where, image, expectation]] of left.entries()) {
    if (i % options.restartEvery !== 0 || report.failures.length >= options.failuresMax) continue;
    const before = { files: image.files, expectation };
    const restartOptions = { ...lifeOptions, before };
    const restart = new CrashLife(restartOptions);
    restart.begin();
    try {
      restart.start();
      restart.append([1], 4);
      restart.close();
    } catch {
      // It does not start: the image was a failure before.
      continue;
    }
    enumerate(workload.name, restart, restartOptions, options, report, where);
  }
  return report;
}

function enumerate(
  name: string,
  life: CrashLife,
  lifeOptions: LifeOptions,
  { every, failuresMax, progress }: CrashRunOptions,
  report: CrashReport,
  after: string | undefined,
  found: (where: string, image: DiskImage, expectation: Expectation) => void = () => undefined,
): void {
  const platter = new Platter();
  const check = new CrashCheck(lifeOptions);
  const disksBefore = report.disks;
  const seen = new Set<string>();
  const started = new Set<string>();
  let expectation: Expectation | undefined;
  let count = 0;
  for (const [i, { op, what }] of life.files.lines.entries()) {
    if (op.kind === 'mark') {
      expectation = op.mark;
      seen.clear();
    }
    const isMoment = platter.take(op);
    if (!isMoment || expectation === undefined || expectation.isPrelude) continue;
    if (op.kind !== 'mark') report.calls++;
    for (const image of platter.images()) {
      if (seen.has(image.key)) continue;
      seen.add(image.key);
      if (count++ % every !== 0) continue;
      report.images++;
      const violations = check.check(image, expectation);
      report.disks = disksBefore + check.disks;
      const moment = i + 1;
      if (!started.has(image.key)) {
        started.add(image.key);
        found(`moment ${moment} (${what}), ${image.name}`, image, expectation);
      }
      for (const violation of violations) {
        report.failures.push({
          ...{ workload: name, moment, call: what, image: image.name, violation, after },
        });
        if (report.failures.length >= failuresMax) return;
      }
    }
    progress?.(report);
  }
}

/** One start on one image, with what it says: for people. */
export function replayImage(
  workload: CrashWorkload,
  options: CrashRunOptions,
  moment: number,
): string[] {
  const lifeOptions = lifeOptionsOf(workload, options);
  const life = new CrashLife(lifeOptions);
  workload.run(life);
  const lines: string[] = [];
  const platter = new Platter();
  let expectation: Expectation | undefined;
  for (const [i, { op, what }] of life.files.lines.entries()) {
    if (i >= moment) break;
    lines.push(`${i + 1} ${what}`);
    if (op.kind === 'mark') expectation = op.mark;
    platter.take(op);
  }
  if (expectation === undefined) return lines;
  for (const image of platter.images()) {
    const violations = new CrashCheck(lifeOptions).check(image, expectation);
    if (violations.length === 0) continue;
    lines.push(`image: ${image.name}`);
    for (const [path, bytes] of image.files) lines.push(`  ${path} ${bytes.length} bytes`);
    const clock = new VirtualClock();
    const server = new CrashServer(diskOf(image, clock), clock, lifeOptions);
    try {
      server.start();
    } catch (error) {
      server.log.log('error', String(error));
    }
    lines.push(...server.log.lines.map((line) => `  ${line}`), ...violations);
  }
  return lines;
}

export function lifeOptionsOf(
  workload: CrashWorkload,
  { codec, javaFiles }: CrashRunOptions,
): LifeOptions {
  const { lines, isEnsemble, dataLength, isOnJavaFiles } = workload;
  const makeBare = (): Database =>
    new Database({
      ...{ digestEnabled: true, hashSeed: 7, extendedTypesEnabled: true },
      emulate353TTLNodes: false,
    });
  const common = { codec, lines: ['extendedTypesEnabled=true', ...lines], isEnsemble, dataLength };
  if (!isOnJavaFiles) {
    const base = new HistoryBase(() => makeBare().ensureSystemNodes());
    return { ...common, makeBare, base };
  }
  const base = new HistoryBase(() => {
    const clock = new VirtualClock();
    const disk = diskOf({ files: javaFiles, directories: [] }, clock);
    const server = new CrashServer(disk, clock, { ...common, isEnsemble: false });
    server.start();
    return server.history.database;
  });
  const expectation: Expectation = {
    reaches: [{ history: new CrashHistory(base), from: 0, to: 0 }],
    epochs: isEnsemble ? noEpochs : undefined,
    ...{ sessionIdsFrom: 0, isSpare: false, isPrelude: true },
  };
  return { ...common, makeBare, base, before: { files: javaFiles, expectation } };
}

const none = { accepted: 0, current: 0 };
const noEpochs = { saved: none, asked: none, needs: undefined };
