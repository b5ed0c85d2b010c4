// Configurations for the election tests: `ensemble(3, 2)` is voters 1 to 3 and observers 4 and 5, each with a host name
// of its own. Further lines of a configuration (groups, weights, members, a version) can be added. A configuration that
// is none fails the test with the reason.
import assert from 'node:assert/strict';
import type { QuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { isConfigFault, parseQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { QuorumVerifier } from '../../../src/core/election/quorum-verifier.ts';

export function configOf(text: string): QuorumConfig {
  const config = parseQuorumConfig(text);
  if (isConfigFault(config)) assert.fail(`${config.key}: ${config.fault}`);
  return config;
}

export function ensembleText(voters: number, observers = 0, extra: readonly string[] = []): string {
  const lines = Array.from({ length: voters + observers }, (_, i) => {
    const role = i < voters ? 'participant' : 'observer';
    return `server.${i + 1}=host${i + 1}.example:2888:3888:${role};2181`;
  });
  const version = extra.some((line) => line.startsWith('version=')) ? [] : ['version=0'];
  return [...lines, ...extra, ...version].join('\n');
}

export function ensemble(
  voters: number,
  observers = 0,
  extra: readonly string[] = [],
): QuorumVerifier {
  return new QuorumVerifier(configOf(ensembleText(voters, observers, extra)));
}

/** Every subset, as lists. */
export function subsets<T>(items: readonly T[]): T[][] {
  const all: T[][] = [[]];
  for (const item of items) for (const before of [...all]) all.push([...before, item]);
  return all;
}
