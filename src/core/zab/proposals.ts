// The leader's outstanding proposals (Leader.outstandingProposals, processAck, tryToCommit): who acknowledged how far,
// and what is committed by it. In: proposals in zxid order, acknowledgements in any. Out: what to commit, in order.
//
// Logs are written in order, so the acknowledgement of a zxid stands for all before it, and one number for each voter
// is all there is to know. Invariants: commits come in zxid order without a gap; only voters count, each once; every
// configuration in force needs its own quorum.

import type { Sid } from '../../proto/sid.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { Deque } from '../../util/deque.ts';
import type { HistoryTxn } from './txn-arena.ts';

/** The quorums of one configuration. */
export interface ProposalQuorum {
  readonly voters: ReadonlySet<Sid>;
  containsQuorum(sids: Iterable<Sid>): boolean;
}

export class Proposals {
  readonly #quorums: readonly ProposalQuorum[];
  readonly #outstanding = new Deque<HistoryTxn>();
  /** The highest zxid of this term each voter has on disk, as far as is known. */
  readonly #acked = new Map<Sid, Zxid>();
  #lastProposed: Zxid;
  #lastCommitted: Zxid;
  /** Quorums have everything up to here. */
  #decided: Zxid;
  #isDecidedStale = false;

  /**
   * `start`: the zxid the term begins with, epoch and counter 0. `quorums`: one configuration, or two during a
   * change.
   */
  constructor(start: Zxid, quorums: readonly ProposalQuorum[]) {
    this.#quorums = quorums;
    this.#lastProposed = start;
    this.#lastCommitted = start;
    this.#decided = start;
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
  [Symbol.iterator](): Generator<HistoryTxn> {
    return this.#outstanding[Symbol.iterator]();
  }

  propose(txn: HistoryTxn): void {
    assert(txn.zxid === this.#lastProposed + 1n, 'a leader proposes without a gap');
    this.#lastProposed = txn.zxid;
    this.#outstanding.push(txn);
  }

  /** `sid` has everything up to `zxid`, which was proposed, on disk. */
  ack(sid: Sid, zxid: Zxid): void {
    assert(zxid <= this.#lastProposed, 'what was acknowledged was proposed');
    if (zxid <= (this.#acked.get(sid) ?? this.#lastCommitted)) return;
    if (!this.#quorums.some(({ voters }) => voters.has(sid))) return;
    this.#acked.set(sid, zxid);
    this.#isDecidedStale = true;
  }

  /** `sid` is being brought up to date anew, and may have to give up what it acknowledged and nobody committed. */
  forget(sid: Sid): void {
    this.#acked.delete(sid);
    this.#isDecidedStale = true;
  }

  /** The next proposal that is committed by now; call until undefined. */
  takeCommitted(): HistoryTxn | undefined {
    const first = this.#outstanding.peek();
    if (first === undefined) return undefined;
    if (this.#isDecidedStale) this.#decide();
    if (first.zxid > this.#decided) return undefined;
    this.#outstanding.shift();
    assert(first.zxid === this.#lastCommitted + 1n, 'commits come in order');
    this.#lastCommitted = first.zxid;
    return first;
  }

  /** The highest zxid that quorums of all configurations have; never beyond what was acknowledged. */
  #decide(): void {
    this.#isDecidedStale = false;
    this.#decided = this.#lastCommitted;
    for (const candidate of this.#acked.values()) {
      if (candidate <= this.#decided) continue;
      const have: Sid[] = [];
      for (const [sid, zxid] of this.#acked) if (zxid >= candidate) have.push(sid);
      if (this.#quorums.every((quorum) => quorum.containsQuorum(have))) this.#decided = candidate;
    }
  }
}
