// The broadcast of one term (Leader.propose, processAck, tryToCommit, processSync): proposals go to every follower
// that is in step, acknowledgements come back, commits go out. In: transactions of the host, acknowledgements of
// voters, our own disk. Out: PROPOSAL, COMMIT and INFORM in the links, `deliver` and `syncReleased` at the host.
//
// Invariants: no gap in what is proposed; commits in zxid order; a learner that joins has been sent everything
// committed and gets everything outstanding, so that from then on nothing passes it by.

import type { Sid } from '../../proto/sid.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { epochOf, makeZxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { Deque } from '../../util/deque.ts';
import type { CommittedLog } from './committed-log.ts';
import type { LeaderHost } from './leader-events.ts';
import type { LearnerHandler } from './learner-handler.ts';
import type { Learners } from './learners.ts';
import { Link } from './link.ts';
import type { ProposalQuorum } from './proposals.ts';
import { Proposals } from './proposals.ts';
import type { HistoryTxn } from './txn-arena.ts';

interface PendingSync {
  readonly zxid: Zxid;
  readonly waiter: object;
}

export class Broadcast {
  readonly #epoch: number;
  readonly #mySid: Sid;
  /** The zxids the term begins with (of no transaction) and may end with. */
  readonly #first: Zxid;
  readonly #last: Zxid;
  readonly #proposals: Proposals;
  readonly #committedLog: CommittedLog;
  readonly #learners: Learners;
  readonly #host: LeaderHost;
  readonly #syncs = new Deque<PendingSync>();
  #isEstablished = false;
  #isCommitting = false;

  /** `counterMax`: the last counter that may be used. */
  constructor(
    epoch: number,
    mySid: Sid,
    counterMax: number,
    quorums: readonly ProposalQuorum[],
    committedLog: CommittedLog,
    learners: Learners,
    host: LeaderHost,
  ) {
    this.#epoch = epoch;
    this.#mySid = mySid;
    this.#first = makeZxid(epoch, 0);
    this.#last = makeZxid(epoch, counterMax);
    this.#proposals = new Proposals(this.#first, quorums);
    this.#committedLog = committedLog;
    this.#learners = learners;
    this.#host = host;
  }

  get lastProposed(): Zxid {
    return this.#proposals.lastProposed;
  }

  get lastCommitted(): Zxid {
    return this.#proposals.lastCommitted;
  }

  get outstanding(): number {
    return this.#proposals.length;
  }

  /** `sync` requests that wait for a commit. */
  get pendingSyncs(): number {
    return this.#syncs.length;
  }

  /** Quorums follow, and the epoch has counters left. */
  get canPropose(): boolean {
    return this.#isEstablished && this.lastProposed < this.#last;
  }

  /** The last counter is used, and everything proposed is committed. */
  get isUsedUp(): boolean {
    return this.lastCommitted >= this.#last;
  }

  /** Proposed and not committed, in order. */
  pending(): Generator<HistoryTxn> {
    return this.#proposals[Symbol.iterator]();
  }

  establish(): void {
    this.#isEstablished = true;
  }

  propose(zxid: Zxid, bytes: Uint8Array, start: number, end: number): void {
    assert(this.canPropose, 'an established leader proposes');
    const txn = this.#committedLog.copy(zxid, bytes, start, end);
    this.#proposals.propose(txn);
    for (const handler of this.#learners) {
      if (handler.isForwarding && handler.role === 'follower') handler.propose(txn);
    }
  }

  /** A follower that joins gets what is on its way. */
  join(handler: LearnerHandler): void {
    if (handler.role === 'follower') for (const txn of this.#proposals) handler.propose(txn);
  }

  /** What this learner had acknowledged and nobody committed it may be told to cut away. */
  forget(handler: LearnerHandler): void {
    this.#proposals.forget(handler.sid);
  }

  sync(waiter: object): void {
    if (this.#proposals.length === 0) this.#release(waiter);
    else this.#syncs.push({ zxid: this.lastProposed, waiter });
  }

  /** Our own log is on disk up to here; what an earlier term left does not count. */
  synced(zxid: Zxid): void {
    if (epochOf(zxid) !== this.#epoch) return;
    this.#proposals.ack(this.#mySid, zxid);
    this.commit();
  }

  /** False: it was never proposed. `commit` follows when all that came with it was read. */
  acked(handler: LearnerHandler, zxid: Zxid): boolean {
    // Learners up to 3.8.4 acknowledge what they were synchronized with, too.
    if (zxid < this.#first) return true;
    if (zxid > this.lastProposed) return false;
    if (handler.role === 'follower') this.#proposals.ack(handler.sid, zxid);
    return true;
  }

  commit(): void {
    // The host may propose from inside `deliver`.
    if (!this.#isEstablished || this.#isCommitting) return;
    this.#isCommitting = true;
    const proposals = this.#proposals;
    for (let txn = proposals.takeCommitted(); txn !== undefined; txn = proposals.takeCommitted()) {
      for (const handler of this.#learners) if (handler.isForwarding) handler.commit(txn);
      this.#committedLog.add(txn);
      this.#host.deliver(txn);
      for (let sync = this.#syncs.peek(); sync !== undefined; sync = this.#syncs.peek()) {
        if (sync.zxid > txn.zxid) break;
        this.#syncs.shift();
        this.#release(sync.waiter);
      }
    }
    this.#isCommitting = false;
  }

  #release(waiter: object): void {
    if (!(waiter instanceof Link)) {
      this.#host.syncReleased(waiter);
      return;
    }
    const handler = this.#learners.of(waiter);
    if (handler?.phase.kind === 'serving') handler.sync();
  }
}
