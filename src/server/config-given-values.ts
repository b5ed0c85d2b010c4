// The typed view of what was given: a key's value by its entry in the table, its default when nothing was given.
// In: the names and texts that config-source.ts chose; out: values, ConfigError for a text its type does not take, and
// the warnings of those who read. The value of a secret key is in no message.

import { ConfigError } from './config-error.ts';
import type { UsedKey } from './config-key.ts';
import type { Given } from './config-source.ts';

export class GivenValues {
  readonly given: ReadonlyMap<string, Given>;
  /** `event -> decision`, in the order in which they came up. */
  readonly warnings: string[];

  constructor(given: ReadonlyMap<string, Given>, warnings: string[]) {
    this.given = given;
    this.warnings = warnings;
  }

  /** Throws ConfigError. */
  get<T>(key: UsedKey<T>): T {
    const given = this.given.get(key.name);
    if (given === undefined) return key.default;
    const value = key.type.read(given.value);
    if (value === undefined) {
      const shown = key.secret === true ? '' : given.value;
      throw new ConfigError(key.name, shown, `want ${key.type.wanted}`);
    }
    return value;
  }

  /** As Java: a smaller number is raised, not refused. */
  atLeast(min: number, key: UsedKey<number>): number {
    const value = this.get(key);
    if (value >= min) return value;
    this.warnings.push(`${key.name}=${value} -> ${min}, the least there is`);
    return min;
  }
}
