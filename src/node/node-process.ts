// Ends the process as an operator expects. The first SIGTERM, SIGINT or SIGHUP drains and ends with 0; the second one
// quits at once. (The same one at once again is not a second one: a terminal sends Ctrl-C to npm and to us, and npm
// passes it on.) An error nobody caught, or a promise nobody waits for, ends it with a code at once and without
// draining: after a broken invariant nothing may be written or acknowledged any more.
// Input: how to drain. Codes are ZooKeeper's (server/exit-codes.ts) but for the second signal, 128 + its number.
import type { Exit, Log } from '../ports.ts';

/** The same signal within it is the first one again, by another way. */
const echoMs = 500;
const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type Signal = keyof typeof signals;

export interface Supervision {
  readonly log: Log;
  /** Stops accepting, finishes what was begun, closes the files. */
  readonly drain: () => Promise<void>;
  /** The exit code of an error nobody caught, and of a drain that fails. */
  readonly unexpectedErrorCode: number;
}

/** Says why, then ends the process. */
export function makeExit(log: Log): Exit {
  return (code, reason) => {
    log.log(code === 0 ? 'info' : 'error', `${reason} -> exit ${code}`);
    process.exit(code);
  };
}

/** From now on errors nobody caught end the process with `code`. */
export function exitOnUncaught(log: Log, code: number): void {
  const stop = (what: string) => (error: unknown) => {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.log('error', `${what} -> exit ${code}: ${detail}`);
    process.exit(code);
  };
  process.on('uncaughtException', stop('uncaught error'));
  process.on('unhandledRejection', stop('unhandled rejection'));
}

/** Takes over the signals and the uncaught errors of this process, for good. */
export function superviseProcess({ log, drain, unexpectedErrorCode }: Supervision): void {
  exitOnUncaught(log, unexpectedErrorCode);
  let first: { readonly signal: Signal; readonly at: number } | undefined;
  const onSignal = (signal: Signal): void => {
    if (first !== undefined) {
      if (signal === first.signal && performance.now() - first.at < echoMs) return;
      const code = 128 + signals[signal];
      log.log('warn', `${signal} again -> quit with ${code}, not drained`);
      process.exit(code);
    }
    first = { signal, at: performance.now() };
    log.log('info', `${signal} -> draining (a second signal quits at once)`);
    drain().then(
      () => {
        log.log('info', 'drained -> exit 0');
        process.exit(0);
      },
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        log.log('error', `drain failed -> exit ${unexpectedErrorCode}: ${reason}`);
        process.exit(unexpectedErrorCode);
      },
    );
  };
  for (const signal of Object.keys(signals)) process.on(signal as Signal, onSignal);
}
