// What is wrong with a configuration, as one line a person can act on: the key, its value, what was wanted instead.
// The process ends with ZooKeeper's code for it (INVALID_INVOCATION); nothing was started or created by then.
// The value of a secret key never gets here.
import { exitCodes } from './exit-codes.ts';

export class ConfigError extends Error {
  readonly key: string;
  /** As it was written; empty when the key is missing or its value must not be shown. */
  readonly value: string;
  /** What was wanted, or why not. */
  readonly limit: string;
  readonly exitCode = exitCodes.invalidInvocation;

  constructor(key: string, value: string, limit: string) {
    super(`${value === '' ? key : `${key}=${value}`}: ${limit}`);
    this.name = 'ConfigError';
    this.key = key;
    this.value = value;
    this.limit = limit;
  }
}
