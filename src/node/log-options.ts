// The words of `--log-format` and `--log-level`, apart from the log itself, so that the command line can name them
// without loading it. Levels stand from the most to the least talkative; a level includes all that follow it.
// 'auto' is decided where the log is opened (node-log.ts).
import type { LogLevel } from '../ports.ts';

export const logFormats = ['auto', 'json', 'pretty'] as const;
export type LogFormat = (typeof logFormats)[number];

export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
