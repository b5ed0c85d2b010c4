// The leader's outstanding proposals (Leader.outstandingProposals, processAck, tryToCommit): who acknowledged what, and
// what is committed by it. In: proposals in zxid order, acknowledgements in any. Out: the zxids to commit, in order.
//
// Invariants: commits come in zxid order without a gap; an acknowledgement counts once for each server, and only for a
// voter of every configuration that was in force when the proposal was made.

import type { Zxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { Deque } from '../../util/deque.ts';

/** The quorum that decides a proposal: one configuration, or two at once during a change. */
export interface ProposalQuorum {
  isVoter(sid: bigint): boolean;
  containsQuorum(sids: ReadonlySet<bigint>): boolean;
}

export interface Proposal<T> {
  readonly zxid: Zxid;
  readonly quorums: readonly ProposalQuorum[];
  readonly acks: Set<bigint>;
  readonly value: T;
}

export class Proposals<T> {
  readonly #outstanding = new Deque<Proposal<T>>();
  #lastProposed: Zxid;
  #lastCommitted: Zxid;

  /** `start`: the zxid the term begins with, epoch and counter 0. */
  constructor(start: Zxid) {
    this.#lastProposed = start;
    this.#lastCommitted = start;
  }

  get lastProposed(): Zxid {
    return this.#lastProposed;
  }

  get lastCommitted(): Zxid {
    return this.#lastCommitted;
  }

  get length(): number {
    return this.#outstanding.length;
  }

  /** Outstanding proposals, oldest first. */
  [Symbol.iterator](): Generator<Proposal<T>> {
    return this.#outstanding[Symbol.iterator]();
  }

  propose(zxid: Zxid, quorums: readonly ProposalQuorum[], value: T): void {
    assert(zxid === this.#lastProposed + 1n, 'a leader proposes without a gap');
    this.#lastProposed = zxid;
    this.#outstanding.push({ zxid, quorums, acks: new Set(), value });
  }

  /**
   * `sid` has everything up to `zxid` on disk. One acknowledgement may stand for all before it: logs are written in
   * order.
   */
  ack(sid: bigint, zxid: Zxid): void {
    for (let i = 0; i < this.#outstanding.length; i++) {
      const proposal = this.#outstanding.at(i);
      if (proposal === undefined || proposal.zxid > zxid) return;
      if (proposal.quorums.some((quorum) => quorum.isVoter(sid))) proposal.acks.add(sid);
    }
  }

  /** The next proposal that is committed by now; call until undefined. */
  takeCommitted(): Proposal<T> | undefined {
    const first = this.#outstanding.peek();
    if (first === undefined) return undefined;
    for (const quorum of first.quorums) if (!quorum.containsQuorum(first.acks)) return undefined;
    this.#outstanding.shift();
    assert(first.zxid === this.#lastCommitted + 1n, 'commits come in order');
    this.#lastCommitted = first.zxid;
    return first;
  }
}
