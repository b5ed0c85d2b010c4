// What the verbs share in talking to the operator: the log they asked for, and how a failure ends the process.
// A failure that says what is wrong (configuration, directory, damage, port) is one line.
// Anything else is a bug and comes with its stack.

import type { LogFormat } from '../node/log-options.ts';
import { makeNodeLog } from '../node/node-log.ts';
import type { Log, LogLevel } from '../ports.ts';
import { FileError, NetError } from '../ports.ts';
import { ConfigError } from '../server/config-error.ts';
import type { ExitCode } from '../server/exit-codes.ts';
import { exitCodes } from '../server/exit-codes.ts';
import { CorruptionError } from '../storage/corruption-error.ts';
import { DataDirectoryError } from '../storage/data-directories.ts';

export interface LogOptions {
  readonly logFormat: LogFormat;
  readonly logLevel: LogLevel;
}

export function logOf({ logFormat, logLevel }: LogOptions): Log {
  return makeNodeLog({ format: logFormat, level: logLevel });
}

/** The exit code of a failure, and the line that tells it. */
export function failureOf(error: unknown): { readonly code: ExitCode; readonly message: string } {
  if (error instanceof ConfigError) {
    return { code: exitCodes.invalidInvocation, message: error.message };
  }
  if (
    error instanceof FileError ||
    error instanceof DataDirectoryError ||
    error instanceof CorruptionError
  ) {
    return { code: exitCodes.dataDirInaccessible, message: error.message };
  }
  if (error instanceof NetError) {
    return { code: exitCodes.unexpectedError, message: error.message };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: exitCodes.unexpectedError, message };
}

/** Says why a start failed and ends the process. */
export function exitFailed(log: Log, what: string, error: unknown): never {
  const { code, message } = failureOf(error);
  log.log('error', `${what} -> exit ${code}: ${message}`);
  process.exit(code);
}
