// What is known of one configuration key: its name, where Java takes it from, its type, default and meaning. The tables
// made of these are config-keys.ts and config-keys-ensemble.ts; config-values-of.ts reads by them.
//
// `place` is where Java takes a key from: 'file', a name of its configuration parser; 'property', the system property
// `zookeeper.<name>`, which a key of the file sets too; 'bare', a system property without that prefix, which the file
// cannot set in Java and can here. A default of undefined means: none, or worked out from other keys (`defaultText`).
import type { ValueType } from './config-values.ts';

export type Place = 'file' | 'property' | 'bare';

export interface UsedKey<T> {
  /** As in zoo.cfg, without `zookeeper.`. */
  readonly name: string;
  readonly place: Place;
  readonly type: ValueType<T>;
  readonly default: T;
  /** For readers, where the default is not a plain value. */
  readonly defaultText?: string;
  readonly meaning: string;
  /** Never shown in a message or a log line. */
  readonly secret?: true;
}

interface More {
  readonly defaultText?: string;
  readonly secret?: true;
}

export function key<T>(
  place: Place,
  name: string,
  type: ValueType<T>,
  byDefault: T,
  meaning: string,
  more?: More,
): UsedKey<T> {
  return { name, place, type, default: byDefault, meaning, ...more };
}

/** A key that may be absent. */
export function optional<T>(
  place: Place,
  name: string,
  type: ValueType<T>,
  defaultText: string,
  meaning: string,
  more?: More,
): UsedKey<T | undefined> {
  return { name, place, type, default: undefined, defaultText, meaning, ...more };
}
