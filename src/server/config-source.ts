// Where a key's value comes from: the file, or the command line (`--property name=value`). Java's order: the file beats
// the command line, because its reader sets the system properties after the machine did. The 'bare' properties Java
// takes from the command line only, so there the command line wins; in the file they have no effect in Java, work here,
// and are warned about. A name may carry `zookeeper.` in both places.
// Output: one value a name, in the order of the file, and what a person should know about how it was chosen.
import { ConfigError } from './config-error.ts';
import { inactiveKey } from './config-inactive-keys.ts';
import type { UsedKey } from './config-key.ts';
import { usedKeys } from './config-keys.ts';
import { PropertiesError, parseProperties } from './properties.ts';

export interface Given {
  /** Without `zookeeper.`. */
  readonly name: string;
  readonly value: string;
  readonly from: 'file' | 'command line';
}

export interface Gathered {
  readonly given: ReadonlyMap<string, Given>;
  readonly warnings: readonly string[];
}

const prefix = 'zookeeper.';

const usedByName: ReadonlyMap<string, UsedKey<unknown>> = new Map(
  Object.values(usedKeys)
    .flatMap((section): UsedKey<unknown>[] => Object.values(section))
    .map((key) => [key.name, key]),
);

/** The entry of the table of used keys; undefined when the server does not act on the name. */
export function usedKey(name: string): UsedKey<unknown> | undefined {
  return usedByName.get(name);
}

/** Throws ConfigError when the text is not in properties syntax. */
export function gather(text: string, properties: ReadonlyMap<string, string>): Gathered {
  const given = new Map<string, Given>();
  const warnings: string[] = [];
  for (const { key, value } of readProperties(text)) {
    const name = withoutPrefix(key);
    if (name !== key) {
      warnings.push(`${key} in the file -> taken as ${name}; Java adds the prefix by itself`);
    } else if (usedKey(name)?.place === 'bare') {
      warnings.push(`${name} in the file -> used; Java takes it from its command line only`);
    }
    given.set(name, { name, value, from: 'file' });
  }
  for (const [key, value] of properties) {
    const name = withoutPrefix(key);
    const inFile = given.get(name);
    const commandLineWins = inFile === undefined || usedKey(name)?.place === 'bare';
    if (inFile !== undefined && inFile.from === 'file' && inFile.value !== value) {
      const winner = commandLineWins ? 'the command line' : 'the file';
      warnings.push(
        `${name} differs in the file and on the command line -> ${winner} wins, as in Java`,
      );
    }
    if (commandLineWins) given.set(name, { name, value: value.trim(), from: 'command line' });
  }
  return { given, warnings };
}

function withoutPrefix(key: string): string {
  return key.startsWith(prefix) ? key.substring(prefix.length) : key;
}

function readProperties(text: string) {
  try {
    return parseProperties(text);
  } catch (error) {
    if (error instanceof PropertiesError) throw new ConfigError('zoo.cfg', '', error.message);
    throw error;
  }
}

/**
 * What becomes of the keys the server does not act on: warnings. Throws ConfigError at the first one that is refused,
 * or that Java would not read either.
 */
export function judgeInactive(given: ReadonlyMap<string, Given>): string[] {
  const warnings: string[] = [];
  for (const { name, value } of given.values()) {
    if (usedKey(name) !== undefined) continue;
    const entry = inactiveKey(name);
    if (entry === undefined) {
      warnings.push(`unknown key ${name} -> ignored${suggestion(name)}`);
      continue;
    }
    if (entry.off?.includes(value.toLowerCase())) continue;
    if (entry.handling === 'refused') {
      const why = 'not built -> refused: a server without it would do less than was asked for';
      throw new ConfigError(name, '', `${entry.about}: ${why}`);
    }
    if (entry.type !== undefined && entry.type.read(value) === undefined) {
      throw new ConfigError(name, value, `want ${entry.type.wanted}`);
    }
    if (entry.handling === 'harmless')
      warnings.push(`${name}: ${entry.about} is not built -> ignored`);
  }
  return warnings;
}

function suggestion(name: string): string {
  const lower = name.toLowerCase();
  for (const known of usedByName.keys()) {
    if (known.toLowerCase() === lower) return `; is ${known} meant?`;
  }
  return '';
}
