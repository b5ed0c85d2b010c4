// A call of the disk fails, each in turn: EIO, ENOSPC. Whatever was going on, the server goes on without having needed
// it, or its process ends by a named error with a code (PS6); nothing is acknowledged that the disk then lacks, and the
// next start is one, with the power gone in between or not. A sync that failed has lost what it was to bring to the
// disk, whatever later syncs say. In: a workload. Out: runs, how they ended, and failures.

import { FileError } from '../ports.ts';
import { DataDirectoryError } from '../storage/data-directories.ts';
import { CrashCheck } from './crash-check.ts';
import type { Expectation } from './crash-life.ts';
import { CrashLife } from './crash-life.ts';
import { Platter } from './crash-platter.ts';
import type { CrashRunOptions } from './crash-runner.ts';
import { lifeOptionsOf } from './crash-runner.ts';
import { ServerExit } from './crash-server.ts';
import type { CrashWorkload } from './crash-workloads.ts';

export interface DiskErrorReport {
  runs: number;
  /** Of them: the process ended. */
  exits: number;
  /** A start that was refused for it. */
  refusals: number;
  readonly failures: string[];
}

const errors = ['EIO', 'ENOSPC'] as const;

export function runDiskErrors(workload: CrashWorkload, options: CrashRunOptions): DiskErrorReport {
  const report: DiskErrorReport = { runs: 0, exits: 0, refusals: 0, failures: [] };
  const lifeOptions = lifeOptionsOf(workload, options);
  const check = new CrashCheck(lifeOptions);
  for (const error of errors) {
    for (let at = 1; ; at += options.every) {
      const life = new CrashLife(lifeOptions);
      life.disk.calls = 0;
      let what = '';
      life.disk.fault = ({ index, kind, path }) => {
        if (index !== at) return undefined;
        what = `${error} at call ${at}, ${kind} ${path}`;
        return error;
      };
      const fails = (why: string): void => {
        report.failures.push(`${workload.name}, ${what}: ${why}`);
      };
      report.runs++;
      try {
        workload.run(life);
        // It has no such call.
        if (what === '') break;
      } catch (thrown) {
        if (thrown instanceof ServerExit) {
          report.exits++;
          if (thrown.code === 0) fails(String(thrown));
        } else if (thrown instanceof FileError || thrown instanceof DataDirectoryError) {
          report.refusals++;
        } else fails(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
      }
      for (const violation of afterwards(life, check)) fails(violation);
      if (report.failures.length >= options.failuresMax) return report;
    }
  }
  return report;
}

/** The next start, after a kill and after a loss of power. */
function afterwards(life: CrashLife, check: CrashCheck): string[] {
  const platter = new Platter();
  let expectation: Expectation | undefined;
  for (const { op } of life.files.lines) {
    if (op.kind === 'mark') expectation = op.mark;
    platter.take(op);
  }
  const violations: string[] = [];
  for (const image of platter.images()) {
    if (!image.name.startsWith('everything') || expectation === undefined) continue;
    for (const one of check.check(image, expectation)) violations.push(`${image.name}: ${one}`);
  }
  return violations;
}
