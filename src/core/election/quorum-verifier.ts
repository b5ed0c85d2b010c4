// Who votes in a configuration, and which sets of voters decide (QuorumMaj, QuorumHierarchical). Majority: more than
// half of the participants. Hierarchical: groups in which more than half of the weight agrees, more than half of those
// groups that weigh anything. Input: a configuration; output: pure questions on sets of sids.
//
// Invariant: any two quorums of one verifier have a voter in common, and whoever is no voter never counts, whatever set
// is shown (ZOOKEEPER-2959). Different from Java on purpose: an unknown sid weighs 0 in a hierarchy (Java fails), and
// the majority ignores strangers itself instead of trusting its caller.

import type { Sid } from '../../proto/sid.ts';
import type { Hierarchy, QuorumConfig } from './quorum-config.ts';

export class QuorumVerifier {
  readonly config: QuorumConfig;
  /** In ascending order, so that whatever walks them does so in one order on every run. */
  readonly voters: ReadonlySet<Sid>;
  readonly observers: ReadonlySet<Sid>;
  readonly #groups: WeighedGroups | undefined;

  constructor(config: QuorumConfig) {
    this.config = config;
    const sids = [...config.members.keys()].sort((a, b) => (a < b ? -1 : 1));
    const isVoter = (sid: Sid): boolean => config.members.get(sid)?.role === 'participant';
    this.voters = new Set(sids.filter(isVoter));
    this.observers = new Set(sids.filter((sid) => !isVoter(sid)));
    if (config.hierarchy !== undefined) this.#groups = new WeighedGroups(config.hierarchy);
  }

  get version(): bigint {
    return this.config.version;
  }

  /** 1 for everyone in a majority system. Who weighs 0 is never elected. */
  weight(sid: Sid): number {
    return this.#groups === undefined ? 1 : this.#groups.weight(sid);
  }

  containsQuorum(sids: Iterable<Sid>): boolean {
    const voters = new Set<Sid>();
    for (const sid of sids) if (this.voters.has(sid)) voters.add(sid);
    if (this.#groups !== undefined) return this.#groups.containsQuorum(voters);
    return voters.size > this.voters.size / 2;
  }
}

class WeighedGroups {
  readonly #hierarchy: Hierarchy;
  /** Only groups that weigh something: the others neither help nor hinder. */
  readonly #total = new Map<bigint, number>();

  constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
    for (const [group, weight] of this.#sum(hierarchy.groupOf.keys())) {
      if (weight > 0) this.#total.set(group, weight);
    }
  }

  weight(sid: Sid): number {
    return this.#hierarchy.weights.get(sid) ?? 0;
  }

  containsQuorum(sids: Iterable<Sid>): boolean {
    let majorities = 0;
    for (const [group, weight] of this.#sum(sids)) {
      const total = this.#total.get(group);
      if (total !== undefined && weight > total / 2) majorities++;
    }
    return majorities > this.#total.size / 2;
  }

  #sum(sids: Iterable<Sid>): Map<bigint, number> {
    const sums = new Map<bigint, number>();
    for (const sid of sids) {
      const group = this.#hierarchy.groupOf.get(sid);
      if (group !== undefined) sums.set(group, (sums.get(group) ?? 0) + this.weight(sid));
    }
    return sums;
  }
}
