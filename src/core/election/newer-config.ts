// What to make of the configuration in a notification. Only a newer one matters, and only from a member: Java writes
// the configuration of anybody who can reach the election port to its disk, which hands the ensemble over to strangers.
// Input: the text, its sender, the configurations we know. Output: nothing to do, a fault, or the newer configuration.

import type { Sid } from '../../proto/sid.ts';
import type { QuorumConfig } from './quorum-config.ts';
import { isConfigFault, isSameConfig, parseQuorumConfig } from './quorum-config.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';

/** undefined: not newer. `differs`: other members, groups or weights, not only another version. */
export function newerConfigIn(
  text: string,
  from: Sid,
  committed: QuorumVerifier,
  lastSeen: QuorumVerifier | undefined,
): { readonly config: QuorumConfig; readonly differs: boolean } | { fault: string } | undefined {
  // The version stands last; most texts that differ from ours do so by a client port, and need no more than a look.
  const version = /(?:^|\n)version=([0-9a-fA-F]{1,16})\s*$/.exec(text)?.[1];
  if (version === undefined || BigInt(`0x${version}`) <= committed.version) return undefined;
  const isMember = [committed, lastSeen].some((known) => known?.config.members.has(from));
  if (!isMember) return { fault: `${from} is no member` };
  const config = parseQuorumConfig(text);
  if (isConfigFault(config)) return { fault: `${config.key}: ${config.fault}` };
  return { config, differs: !isSameConfig(config, committed.config) };
}
