// Who is in the ensemble: the lines server.N, group.N, weight.N and version, of zoo.cfg itself or of the file that
// dynamicConfigFile names, and `myid`, which says which of them this server is (QuorumPeerConfig.parse and setupMyId).
// In: what was given and the text of that file; out: a configuration, undefined when there are no such lines.
//
// The lines themselves are read by core/election/quorum-config.ts, as those that come from other servers are. A
// configuration that a reconfiguration made has a version, the end of its file's name; it is refused by name, because
// its servers go on to reconfigure, which is not built. Nothing here is written: with reconfigEnabled=false Java
// leaves the files as they are, too.

import type { QuorumConfig } from '../core/election/quorum-config.ts';
import { isConfigFault, quorumConfigOf } from '../core/election/quorum-config.ts';
import type { Sid } from '../proto/sid.ts';
import { ConfigError } from './config-error.ts';
import type { GivenValues } from './config-given-values.ts';
import { inactiveKey } from './config-inactive-keys.ts';
import { usedKeys } from './config-keys.ts';
import { PropertiesError, parseProperties } from './properties.ts';

type Entry = readonly [key: string, value: string];

/** Throws ConfigError. `readFile` gives undefined for a file that cannot be read. */
export function membersOf(
  values: GivenValues,
  readFile: (path: string) => string | undefined,
): QuorumConfig | undefined {
  const entries = [...values.given.values()]
    .filter(({ name }) => inactiveKey(name)?.handling === 'members')
    .map(({ name, value }): Entry => [name, value]);
  const file = values.get(usedKeys.Ensembles.dynamicConfigFile);
  if (file !== undefined) {
    const [[stray, value] = []] = entries;
    if (stray !== undefined) {
      throw new ConfigError(stray, value ?? '', 'dynamicConfigFile is set, so it belongs there');
    }
    return configOf(entriesIn(file, readFile), `dynamicConfigFile=${file}: `);
  }
  // A version alone makes no configuration.
  return entries.some(([key]) => key !== 'version') ? configOf(entries, '') : undefined;
}

function configOf(entries: readonly Entry[], where: string): QuorumConfig {
  const config = quorumConfigOf(entries);
  if (isConfigFault(config)) {
    const value = entries.find(([key]) => key === config.key)?.[1] ?? '';
    throw new ConfigError(`${where}${config.key}`, value, config.fault);
  }
  if (config.version !== 0n) {
    const version = config.version.toString(16);
    throw new ConfigError(
      `${where}version`,
      version,
      'a reconfiguration made it, and those are not built -> refused; no server may have reconfigEnabled=true',
    );
  }
  return config;
}

function entriesIn(file: string, readFile: (path: string) => string | undefined): Entry[] {
  const text = readFile(file);
  if (text === undefined) throw new ConfigError('dynamicConfigFile', file, 'cannot be read');
  const entries = propertiesIn(file, text).map(({ key, value }): Entry => [key, value]);
  for (const [key, value] of entries) {
    if (key === 'version') {
      const limit = 'the version is the end of the file’s name, not a line in it';
      throw new ConfigError(`dynamicConfigFile=${file}: version`, value, limit);
    }
  }
  return [...entries, ['version', versionInName(file)]];
}

function propertiesIn(file: string, text: string) {
  try {
    return parseProperties(text);
  } catch (error) {
    if (!(error instanceof PropertiesError)) throw error;
    throw new ConfigError('dynamicConfigFile', file, error.message);
  }
}

/** `zoo.cfg.dynamic.100000000` is of version 0x100000000, a name that does not end in hex of version 0. */
function versionInName(file: string): string {
  return /\.\+?([0-9a-fA-F]{1,16})$/.exec(file)?.[1] ?? '0';
}

/** From the text of `myid`: Java reads its first line as a long. Throws ConfigError. */
export function mySidIn(text: string | undefined): Sid | undefined {
  if (text === undefined) return undefined;
  const line = /^[^\r\n]*/.exec(text)?.[0] ?? '';
  const sid = /^\+?\d{1,19}$/.test(line) ? BigInt(line) : undefined;
  if (sid === undefined || sid >= sidLimit) {
    throw new ConfigError('myid', line, 'want a number on the first line and nothing else');
  }
  return sid;
}

const sidLimit = 0x7fffffffffffffffn;
