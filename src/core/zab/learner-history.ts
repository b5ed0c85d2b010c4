// What a learner is told of the history (Follower.processPacket, Observer.processPacket, SendAckRequestProcessor):
// proposals go into the log and wait, commits go to the tree, and what is on disk is acknowledged. In: PROPOSAL,
// COMMIT, INFORM and the disk. Out: `append` and `deliver` at the host, ACKs in the link; or the fault that ends
// the term.
//
// Invariants: what is appended follows what was there without a gap; what is delivered was appended, and is
// delivered in that order, once; a follower acknowledges each proposal once, in order, when it is on disk, and none
// before its ACK of NEWLEADER. An observer appends what is committed only. Overlap with a snapshot is passed over
// (a Java leader samples the snapshot's zxid after the point from which it forwards), as is the second use of one
// zxid.

import { DecodeError } from '../../jute/reader.ts';
import { writeBarePacket } from '../../proto/packets.ts';
import { PacketType } from '../../proto/quorum.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { Deque } from '../../util/deque.ts';
import type { CommittedLog } from './committed-log.ts';
import type { LearnerHost } from './learner-events.ts';
import type { Link } from './link.ts';
import type { HistoryTxn } from './txn-arena.ts';
import { follows } from './txn-arena.ts';
import { TxnCheck } from './txn-check.ts';
import { hex } from './zab-notes.ts';

/** What a leader may propose and not commit, in bytes: more is no ensemble at work. */
export const pendingBytesMax = 256 << 20;

/** Why the leader's history cannot be followed. */
export interface Fault {
  readonly reason: string;
  /** A transaction that nobody can apply stands in it: a snapshot may lead past it. */
  readonly wantsSnapshot?: true;
}

export class LearnerHistory {
  readonly #isObserver: boolean;
  readonly #link: Link;
  readonly #host: LearnerHost;
  readonly #committedLog: CommittedLog;
  readonly #check = new TxnCheck();
  readonly #pendingBytesMax: number;
  /** Received and not committed. */
  readonly #pending = new Deque<HistoryTxn>();
  #pendingBytes = 0;
  /** Proposed to a follower and not acknowledged. */
  readonly #unacked = new Deque<Zxid>();
  #mayAck = false;
  /** The newest received, appended, delivered, and on disk. */
  #lastReceived: Zxid;
  #lastAppended: Zxid;
  #lastDelivered: Zxid;
  #lastDurable: Zxid;
  /** Up to here a snapshot has everything. */
  #snapshotZxid: Zxid = -1n;

  constructor(
    lastZxid: Zxid,
    isObserver: boolean,
    link: Link,
    host: LearnerHost,
    committedLog: CommittedLog,
    bytesMax = pendingBytesMax,
  ) {
    this.#isObserver = isObserver;
    this.#link = link;
    this.#host = host;
    this.#committedLog = committedLog;
    this.#pendingBytesMax = bytesMax;
    this.#lastReceived = lastZxid;
    this.#lastAppended = lastZxid;
    this.#lastDelivered = lastZxid;
    this.#lastDurable = lastZxid;
  }

  get lastReceived(): Zxid {
    return this.#lastReceived;
  }

  get lastAppended(): Zxid {
    return this.#lastAppended;
  }

  get lastDelivered(): Zxid {
    return this.#lastDelivered;
  }

  get lastDurable(): Zxid {
    return this.#lastDurable;
  }

  /** In the log and not committed, in order; of an observer there is none. */
  *pending(): Generator<HistoryTxn> {
    if (!this.#isObserver) yield* this.#pending;
  }

  /** The history ends here now, log and tree: it was cut, or replaced by a snapshot. */
  rebase(zxid: Zxid, isSnapshot: boolean): void {
    assert(
      this.#pending.length === 0,
      'nothing was proposed before the history is cut or replaced',
    );
    this.#lastReceived = zxid;
    this.#lastAppended = zxid;
    this.#lastDelivered = zxid;
    this.#lastDurable = zxid;
    if (isSnapshot) this.#snapshotZxid = zxid;
  }

  /** PROPOSAL */
  proposed(zxid: Zxid, bytes: Uint8Array, start: number, end: number): Fault | undefined {
    const fault = this.#faultOf(zxid, bytes, start, end);
    if (fault !== undefined) return fault;
    if (this.#isInSnapshot(zxid)) return undefined;
    if (zxid === this.#lastReceived) {
      // The second use is of an error, which changes nothing; its leader counts an ACK for each.
      if (!this.#isObserver) this.#unacked.push(zxid);
      this.#ack();
      return undefined;
    }
    const txn = this.#committedLog.copy(zxid, bytes, start, end);
    this.#lastReceived = zxid;
    this.#pending.push(txn);
    this.#pendingBytes += end - start;
    if (this.#pendingBytes > this.#pendingBytesMax) {
      return { reason: `${this.#pendingBytes} bytes proposed and not committed` };
    }
    if (!this.#isObserver) {
      this.#append(txn);
      this.#unacked.push(zxid);
    }
    return undefined;
  }

  /** COMMIT */
  committed(zxid: Zxid): Fault | undefined {
    if (zxid <= this.#lastDelivered) return undefined;
    const head = this.#pending.peek();
    if (head?.zxid === zxid) {
      this.#deliver();
      return undefined;
    }
    const expected = head === undefined ? 'nothing is proposed' : `${hex(head.zxid)} is next`;
    return { reason: `COMMIT of ${hex(zxid)}, where ${expected}` };
  }

  /** INFORM: proposal and commit in one. */
  informed(zxid: Zxid, bytes: Uint8Array, start: number, end: number): Fault | undefined {
    // Old leaders send outstanding proposals to observers, too, and then inform of them.
    if (this.#pending.peek()?.zxid === zxid) return this.committed(zxid);
    if (this.#pending.length > 0) return { reason: `INFORM of ${hex(zxid)} past a proposal` };
    return this.proposed(zxid, bytes, start, end) ?? this.committed(zxid);
  }

  /** Our log is on disk up to `zxid`. */
  synced(zxid: Zxid): void {
    assert(zxid <= this.#lastAppended, 'what is on disk was appended in this term');
    if (zxid > this.#lastDurable) this.#lastDurable = zxid;
    this.#ack();
  }

  /** NEWLEADER was acknowledged, and with it all that is committed by now; the rest is from now on. */
  newLeaderAcked(): void {
    assert(!this.#mayAck, 'NEWLEADER is acknowledged once');
    this.#mayAck = true;
    for (let zxid = this.#unacked.peek(); zxid !== undefined; zxid = this.#unacked.peek()) {
      if (zxid > this.#lastDelivered) break;
      this.#unacked.shift();
    }
    this.#ack();
  }

  #ack(): void {
    if (!this.#mayAck) return;
    for (let zxid = this.#unacked.peek(); zxid !== undefined; zxid = this.#unacked.peek()) {
      if (zxid > this.#lastDurable) return;
      this.#unacked.shift();
      writeBarePacket(this.#link.out, PacketType.ACK, zxid);
    }
  }

  #faultOf(zxid: Zxid, bytes: Uint8Array, start: number, end: number): Fault | undefined {
    const reason = this.#check.faultOf(zxid, bytes, start, end);
    if (reason !== undefined) return { reason, wantsSnapshot: true };
    if (this.#isInSnapshot(zxid) || zxid === this.#lastReceived) return undefined;
    if (follows(this.#lastReceived, zxid)) return undefined;
    return { reason: `${hex(zxid)} does not follow ${hex(this.#lastReceived)}` };
  }

  /** Only at first, before what stands behind the snapshot. */
  #isInSnapshot(zxid: Zxid): boolean {
    return zxid <= this.#snapshotZxid && this.#lastReceived === this.#snapshotZxid;
  }

  #append(txn: HistoryTxn): void {
    this.#lastAppended = txn.zxid;
    this.#host.append(txn);
  }

  #deliver(): void {
    const txn = this.#pending.shift();
    if (txn === undefined) return;
    this.#pendingBytes -= txn.end - txn.start;
    if (this.#isObserver) this.#append(txn);
    assert(txn.zxid > this.#lastDelivered, 'commits come in order');
    assert(txn.zxid <= this.#lastAppended, 'what is delivered was appended');
    this.#lastDelivered = txn.zxid;
    this.#committedLog.add(txn);
    try {
      this.#host.deliver(txn);
    } catch (error) {
      // It passed the check: not the leader's bytes are wrong, but we are.
      if (!(error instanceof DecodeError)) throw error;
      throw new Error(`${hex(txn.zxid)} was logged and cannot be applied`, { cause: error });
    }
  }
}
