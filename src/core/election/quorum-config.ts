// An ensemble's configuration: its members, its groups and weights, its version, and the text it is known by. That text
// is the data of /zookeeper/config and travels in notifications and in NEWLEADER, so printing gives Java's bytes
// (QuorumMaj.toString, QuorumHierarchical.toString): members, groups, weights in the order of Java's maps, then
// `version=` in hex without a line break behind it.
//
// Input: a text or the entries of a properties file. Output: a configuration or a fault that names the key; nothing
// throws, because texts come from the network. Configurations are values: a change makes a new one.
// Different from Java on purpose: weights are 0 to 2^31−1; a group may name members only (Java fails on both later).

import type { Sid } from '../../proto/sid.ts';
import { namelessSid } from '../../proto/sid.ts';
import { inHashMapOrder, inPropertiesOrder } from './java-order.ts';
import type { ConfigFault, QuorumServer } from './quorum-server.ts';
import { isSameServer, parseQuorumServer, printQuorumServer } from './quorum-server.ts';

export interface Hierarchy {
  /** The group of each sid, observers' usually absent. */
  readonly groupOf: ReadonlyMap<Sid, bigint>;
  /** Of every participant (1 where nothing was said), and of others that were given one. */
  readonly weights: ReadonlyMap<Sid, number>;
}

export interface QuorumConfig {
  /** The zxid of the reconfig that made it; 0 for one read from a file. */
  readonly version: bigint;
  readonly members: ReadonlyMap<Sid, QuorumServer>;
  /** undefined: majority quorums. */
  readonly hierarchy: Hierarchy | undefined;
}

const weightMax = 0x7fffffff;

export function isConfigFault(
  result: QuorumConfig | QuorumServer | ConfigFault,
): result is ConfigFault {
  return 'fault' in result;
}

/** The text of `printQuorumConfig`, or anything written in the same few keys. */
export function parseQuorumConfig(text: string): QuorumConfig | ConfigFault {
  const entries: [key: string, value: string][] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    const content = line.trim();
    if (content === '' || content.startsWith('#') || content.startsWith('!')) continue;
    const [, key, value] = /^([^=:\s]+)\s*[=:\s]\s*(.*)$/.exec(content) ?? [];
    if (key === undefined || value === undefined) return { key: content, fault: 'no value' };
    // An escape: no key or value of ours needs one, and reading it as it stands would be another server.
    if (content.includes('\\')) return { key, fault: 'a backslash' };
    entries.push([key, value]);
  }
  return quorumConfigOf(entries);
}

/** `entries` are the keys server.N, group.N, weight.N and version, no others. A key given twice: the last counts. */
export function quorumConfigOf(
  entries: Iterable<readonly [key: string, value: string]>,
): QuorumConfig | ConfigFault {
  const values = new Map(entries);
  const members = new Map<Sid, QuorumServer>();
  const groupOf = new Map<Sid, bigint>();
  const weights = new Map<Sid, number>();
  let isHierarchical = false;
  let version = 0n;
  for (const key of inPropertiesOrder([...values.keys()])) {
    const value = values.get(key) ?? '';
    if (key === 'version') {
      const parsed = parseVersion(value);
      if (parsed === undefined) return { key, fault: `${value} is no version in hex` };
      version = parsed;
      continue;
    }
    const [, kind, digits = ''] = /^(server|group|weight)\.(\d{1,19})$/.exec(key) ?? [];
    const number = BigInt(digits);
    if (kind === undefined) return { key, fault: 'want server.N, group.N, weight.N or version' };
    if (number >= namelessSid) return { key, fault: 'the number is too large' };
    if (kind === 'server') {
      const server = parseQuorumServer(number, value);
      if (isConfigFault(server)) return server;
      members.set(number, server);
      continue;
    }
    isHierarchical = true;
    if (kind === 'weight') {
      if (!/^\d{1,10}$/.test(value) || Number(value) > weightMax) {
        return { key, fault: `a weight is 0 to ${weightMax}` };
      }
      weights.set(number, Number(value));
      continue;
    }
    for (const text of value.split(':')) {
      if (!/^\d{1,19}$/.test(text)) return { key, fault: 'want sids with : between them' };
      const sid = BigInt(text);
      if (groupOf.has(sid)) return { key, fault: `server ${sid} is in more than one group` };
      groupOf.set(sid, number);
    }
  }
  const hierarchy = isHierarchical ? { groupOf, weights } : undefined;
  const fault = membersFault(members) ?? (isHierarchical && hierarchyFault(members, groupOf));
  if (fault) return fault;
  if (isHierarchical) {
    for (const { sid, role } of members.values()) {
      if (role === 'participant' && !weights.has(sid)) weights.set(sid, 1);
    }
  }
  return { version, members, hierarchy };
}

/** Java's bytes once encoded as UTF-8, without a line break at the end. */
export function printQuorumConfig(config: QuorumConfig): string {
  const lines: string[] = [];
  for (const sid of inHashMapOrder(config.members.keys())) {
    const server = config.members.get(sid);
    if (server !== undefined) lines.push(`server.${sid}=${printQuorumServer(server)}`);
  }
  if (config.hierarchy !== undefined) {
    const { groupOf, weights } = config.hierarchy;
    const groups = new Map<bigint, Sid[]>();
    for (const sid of inHashMapOrder(groupOf.keys())) {
      const group = groupOf.get(sid) ?? 0n;
      const sids = groups.get(group);
      if (sids === undefined) groups.set(group, [sid]);
      else sids.push(sid);
    }
    for (const group of inHashMapOrder(groups.keys())) {
      lines.push(`group.${group}=${(groups.get(group) ?? []).join(':')}`);
    }
    for (const sid of inHashMapOrder(weights.keys()))
      lines.push(`weight.${sid}=${weights.get(sid)}`);
  }
  lines.push(`version=${BigInt.asUintN(64, config.version).toString(16)}`);
  return lines.join('\n');
}

/**
 * Java's equality of verifiers: the same kind of quorums, and either the same version, without a further look, or the
 * same members, groups and weights.
 */
export function isSameConfig(a: QuorumConfig, b: QuorumConfig): boolean {
  if ((a.hierarchy === undefined) !== (b.hierarchy === undefined)) return false;
  if (a.version === b.version) return true;
  if (a.members.size !== b.members.size) return false;
  for (const [sid, server] of a.members) {
    const other = b.members.get(sid);
    if (other === undefined || !isSameServer(server, other)) return false;
  }
  if (a.hierarchy === undefined || b.hierarchy === undefined) return true;
  return (
    isSameMap(a.hierarchy.groupOf, b.hierarchy.groupOf) &&
    isSameMap(a.hierarchy.weights, b.hierarchy.weights)
  );
}

function parseVersion(text: string): bigint | undefined {
  if (!/^[0-9a-fA-F]{1,16}$/.test(text)) return undefined;
  const version = BigInt(`0x${text}`);
  return version <= 0x7fffffffffffffffn ? version : undefined;
}

function membersFault(members: ReadonlyMap<Sid, QuorumServer>): ConfigFault | undefined {
  const roles = [...members.values()].map(({ role }) => role);
  if (roles.includes('participant')) return undefined;
  return { key: 'server', fault: `no participant among ${roles.length} servers` };
}

function hierarchyFault(
  members: ReadonlyMap<Sid, QuorumServer>,
  groupOf: ReadonlyMap<Sid, bigint>,
): ConfigFault | undefined {
  for (const { sid, role } of members.values()) {
    if (role === 'participant' && !groupOf.has(sid)) {
      return { key: `server.${sid}`, fault: 'a participant without a group' };
    }
  }
  for (const [sid, group] of groupOf) {
    if (!members.has(sid)) return { key: `group.${group}`, fault: `no server ${sid}` };
  }
  return undefined;
}

function isSameMap<V>(a: ReadonlyMap<Sid, V>, b: ReadonlyMap<Sid, V>): boolean {
  return a.size === b.size && [...a].every(([sid, value]) => b.get(sid) === value);
}
