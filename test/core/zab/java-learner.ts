// A follower of a Java release, reduced to what its leader can tell from it: when it acknowledges what, and which
// packets it does not survive. In: the leader's packets. Out: acknowledgements, the transactions it applied, and how it
// ended. Its log is flushed when the test says so, as another thread would.
//
// From Learner.syncWithLeader and FollowerZooKeeperServer.commit of the releases named.

import type { Zxid } from '../../../src/proto/zxid.ts';
import { counterOf } from '../../../src/proto/zxid.ts';
import type { Peer } from './scripted-leader.ts';

/** What it does with the proposals it has when NEWLEADER comes. */
export type Era =
  /** 3.4, up to 3.5.8 and 3.6.2: nothing before UPTODATE. */
  | 'keeps them'
  /** Up to 3.8.4, 3.9.0 and 3.9.1: gives them to the thread that logs, whose ACKs may be the first (ZOOKEEPER-4685). */
  | 'queues them'
  /** 3.8.5, 3.8.6 and 3.9.2: logs them, and acknowledges them behind UPTODATE. */
  | 'logs them'
  /** 3.9.3 on: logs and applies those committed, which it never acknowledges, and keeps the rest. */
  | 'applies them';

export const eras: readonly Era[] = ['keeps them', 'queues them', 'logs them', 'applies them'];

export class JavaLearner {
  readonly applied: Zxid[] = [];
  /** Why it left; undefined: it did not. */
  end: string | undefined;
  isServing = false;
  readonly #era: Era;
  readonly #peer: Peer;
  readonly #inbox: string[] = [];
  /** packetsNotCommitted, and what of it is committed. */
  #proposed: Zxid[] = [];
  #committed: Zxid[] = [];
  /** Between log and commit: FollowerZooKeeperServer.pendingTxns. */
  readonly #pending: Zxid[] = [];
  /** With the thread that logs. */
  #unflushed: Zxid[] = [];
  #toAck: Zxid[] = [];
  /** A snapshot came: what is committed before NEWLEADER goes into the tree at once. */
  #appliesAtOnce = false;

  constructor(era: Era, peer: Peer, applied: readonly Zxid[]) {
    this.#era = era;
    this.#peer = peer;
    this.applied.push(...applied);
  }

  /**
   * Takes so many of the packets that came. `early`: its log is quick, the ACKs of what NEWLEADER makes it log are out
   * before its own.
   */
  read(early: boolean, atMost = Number.POSITIVE_INFINITY): void {
    for (let words = this.#peer.got(); words.length > 0; words = this.#peer.got()) {
      this.#inbox.push(...words);
      if (words.at(-1)?.startsWith('SNAP ') === true) this.#peer.skipSnapshot();
    }
    for (const words of this.#inbox.splice(0, atMost)) {
      const [name = '', zxid = ''] = words.split(' ');
      if (this.end === undefined) this.#take(name, BigInt(zxid), early);
    }
  }

  /** The log is on disk. */
  flush(): void {
    if (this.end !== undefined) return;
    this.#peer.ack(...this.#unflushed);
    this.#unflushed = [];
  }

  #take(name: string, zxid: Zxid, early: boolean): void {
    switch (name) {
      case 'SNAP':
        this.#appliesAtOnce = true;
        return;
      case 'PROPOSAL':
        if (this.isServing) this.#log(zxid);
        else this.#proposed.push(zxid);
        return;
      case 'COMMIT':
        if (this.isServing) this.#commit(zxid);
        else this.#committedEarly(zxid);
        return;
      case 'NEWLEADER':
        this.#newLeader(early);
        this.#peer.ack(zxid);
        return;
      case 'UPTODATE':
        this.#upToDate();
        return;
    }
  }

  #committedEarly(zxid: Zxid): void {
    const head = this.#proposed[0];
    if (head === undefined) {
      this.end = `NullPointerException at COMMIT 0x${zxid.toString(16)} (ZOOKEEPER-4394)`;
    } else if (!this.#appliesAtOnce) {
      this.#committed.push(zxid);
    } else if (head === zxid) {
      this.#proposed.shift();
      this.applied.push(zxid);
    }
  }

  #newLeader(early: boolean): void {
    this.#appliesAtOnce = false;
    switch (this.#era) {
      case 'keeps them':
        return;
      case 'queues them':
        for (const zxid of this.#proposed) this.#log(zxid);
        this.#proposed = [];
        if (early) this.flush();
        return;
      case 'logs them':
        this.#pending.push(...this.#proposed);
        this.#toAck = this.#proposed;
        this.#proposed = [];
        return;
      case 'applies them':
        for (const zxid of this.#committed) {
          if (this.#proposed[0] !== zxid) continue;
          this.#proposed.shift();
          this.applied.push(zxid);
        }
        this.#committed = [];
        return;
    }
  }

  #upToDate(): void {
    this.isServing = true;
    this.#peer.ack((this.applied.at(-1) ?? 0n) & ~0xffffffffn);
    this.#peer.ack(...this.#toAck);
    for (const zxid of this.#proposed) this.#log(zxid);
    for (const zxid of this.#committed) this.#commit(zxid);
  }

  #log(zxid: Zxid): void {
    if (counterOf(zxid) !== 0) this.#pending.push(zxid);
    this.#unflushed.push(zxid);
  }

  #commit(zxid: Zxid): void {
    const head = this.#pending.shift();
    if (head === undefined) this.end = `COMMIT 0x${zxid.toString(16)} without seeing txn`;
    else if (head !== zxid) this.end = `exit 12: COMMIT 0x${zxid.toString(16)} is not next`;
    else this.applied.push(zxid);
  }
}
