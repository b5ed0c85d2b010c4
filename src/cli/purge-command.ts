// `quoll purge`: the purge task once, for cron, as Java's PurgeTxnLog; it may run beside a server, because it leaves
// the newest snapshots and their logs alone. Prints what it removed on standard output, one path a line.
// Differs from Java: directories that are not there are an error with its own exit code, and nothing is created.
import { join } from 'node:path';
import { nodeCodec } from '../node/node-codec.ts';
import { nodeFiles } from '../node/node-files.ts';
import type { Log } from '../ports.ts';
import type { ExitCode } from '../server/exit-codes.ts';
import { exitCodes } from '../server/exit-codes.ts';
import { purge } from '../storage/purge.ts';
import { failureOf } from './operator.ts';

/** What is removed is the answer and goes to standard output; only what is wrong is told beside it. */
const log: Log = {
  log: (level, message) => {
    if (level === 'warn' || level === 'error') process.stderr.write(`quoll purge: ${message}\n`);
  },
};

export function purgeCommand(dataLogDir: string, snapDir: string, retain: number): ExitCode {
  const logs = join(dataLogDir, 'version-2');
  const snapshots = join(snapDir, 'version-2');
  try {
    const work = purge({ files: nodeFiles, codec: nodeCodec, log }, { snapshots, logs, retain });
    let step = work.next();
    while (step.done !== true) step = work.next();
    for (const path of step.value) process.stdout.write(`${path}\n`);
    return exitCodes.finished;
  } catch (error) {
    const { code, message } = failureOf(error);
    process.stderr.write(`quoll purge: ${message}\n`);
    return code;
  }
}
