// A follower or observer as a machine (Learner, Follower, Observer): it follows one leader over one link, from
// FOLLOWERINFO or OBSERVERINFO (learner-handshake.ts) through the broadcast (learner-history.ts,
// learner-requests.ts) to the end of the term. Inputs: events and the time; outputs: calls of LearnerHost, packets
// in the link, effects in order, one deadline.
//
// Invariants: nothing is served before UPTODATE, nor before all that was proposed ahead of it is applied; whatever
// comes out of turn ends the term with a reason. Different from Java on purpose: a gap, a COMMIT of anything but the
// oldest proposal, or reconfiguration ends the term, where Java warns or ends the process; Java serves before the
// COMMITs it held are applied (ZOOKEEPER-3023).

import { DecodeError } from '../../jute/reader.ts';
import { packetName, writeBarePacket } from '../../proto/packets.ts';
import { PacketType } from '../../proto/quorum.ts';
import type { SessionId, Zxid } from '../../proto/zxid.ts';
import { makeZxid } from '../../proto/zxid.ts';
import { assert, unreachable } from '../../util/assert.ts';
import type { Deadline } from '../election/election-events.ts';
import type * as learning from './learner-events.ts';
import { LearnerHandshake } from './learner-handshake.ts';
import type { Fault } from './learner-history.ts';
import { LearnerHistory } from './learner-history.ts';
import type { ForwardedRequest } from './learner-requests.ts';
import { LearnerRequests } from './learner-requests.ts';
import type { Link } from './link.ts';
import type { HistoryTxn } from './txn-arena.ts';
import type { NoteFacts, SyncMode, ZabState } from './zab-notes.ts';
import { hex, zabNote } from './zab-notes.ts';

/** Read-only, for status pages and tests. */
export interface LearnerStatus {
  readonly state: ZabState;
  readonly phase: string;
  readonly epoch: number | undefined;
  readonly syncMode: SyncMode | undefined;
  readonly lastAppended: Zxid;
  readonly lastDelivered: Zxid;
  readonly lastDurable: Zxid;
  readonly pendingSyncs: number;
}

export class Learner {
  readonly link: Link;
  readonly #options: learning.LearnerOptions;
  readonly #history: LearnerHistory;
  readonly #handshake: LearnerHandshake;
  readonly #requests: LearnerRequests;
  #effects: learning.LearnerEffect[] = [];
  #phase: 'joining' | 'catchingUp' | 'broadcasting' | 'over' = 'joining';
  /** The newest that was proposed to us when UPTODATE came. */
  #serveFrom: Zxid = 0n;
  #lastReceivedAt = Number.POSITIVE_INFINITY;
  #now = 0;

  constructor(options: learning.LearnerOptions, link: Link, host: learning.LearnerHost) {
    const { lastZxid, role, committedLog, pendingBytesMax } = options;
    const isObserver = role === 'observer';
    this.#options = options;
    this.link = link;
    this.#requests = new LearnerRequests(link, host);
    this.#history = new LearnerHistory(
      lastZxid,
      isObserver,
      link,
      host,
      committedLog,
      pendingBytesMax,
    );
    this.#handshake = new LearnerHandshake(options, link, host, this.#history, {
      want: (effect) => this.#effects.push(effect),
      note: (facts) => this.#note(facts),
      abandon: (reason, how) => this.#abandon(reason, how),
      outOfTurn: () => this.#outOfTurn(),
      awaitLeader: () => {
        this.#lastReceivedAt = this.#now;
      },
    });
  }

  /** Only the leader's silence ends the term; while our own disk is awaited it may be silent. */
  get deadline(): Deadline {
    const { tickTimeMs, initLimit, syncLimit } = this.#options;
    const isFree = this.#phase === 'over' || this.#handshake.isDiskAwaited;
    const ms = tickTimeMs * (this.#isAcknowledged ? syncLimit : initLimit);
    const at = isFree ? Number.POSITIVE_INFINITY : this.#lastReceivedAt + ms;
    return { at, why: 'the leader is silent' };
  }

  get isServing(): boolean {
    return this.#phase === 'broadcasting';
  }

  status(): LearnerStatus {
    const { lastAppended, lastDelivered, lastDurable } = this.#history;
    return {
      state: this.#state,
      phase: this.#phase === 'joining' ? this.#handshake.phase : this.#phase,
      epoch: this.#handshake.epoch,
      syncMode: this.#handshake.syncMode,
      lastAppended,
      lastDelivered,
      lastDurable,
      pendingSyncs: this.#requests.pendingSyncs,
    };
  }

  /**
   * Logged and not delivered, in order. Whoever keeps the tree beyond the term applies them, once they are on disk,
   * before the next vote: they are part of the history that is voted with.
   */
  pending(): Generator<HistoryTxn> {
    return this.#history.pending();
  }

  step(event: learning.LearnerEvent, now: number): learning.LearnerEffect[] {
    this.#now = now;
    if (this.#phase !== 'over') {
      this.#take(event, now);
      if (event.kind !== 'timeout') this.#read();
    }
    const effects = this.#effects;
    if (effects.length > 0) this.#effects = [];
    return effects;
  }

  /** REQUEST to the leader. */
  forward(request: ForwardedRequest): void {
    assert(this.isServing, 'requests are forwarded to a leader that is followed');
    this.#requests.forward(request);
  }

  /** Forwards a `sync`; `waiter` is released when everything committed at the leader by then was delivered here. */
  sync(waiter: object, request: ForwardedRequest): void {
    assert(this.isServing, 'syncs are forwarded to a leader that is followed');
    this.#requests.sync(waiter, request);
  }

  /** Asks whether the session is open; `LearnerHost.revalidated` has the answer. */
  revalidate(sessionId: SessionId, timeoutMs: number): void {
    assert(this.isServing, 'sessions are revalidated by a leader that is followed');
    this.#requests.revalidate(sessionId, timeoutMs);
  }

  #take(event: learning.LearnerEvent, now: number): void {
    const { term, leader } = this.#options;
    if ('term' in event && event.term !== term) return;
    switch (event.kind) {
      case 'connected':
        this.#lastReceivedAt = now;
        this.#handshake.introduce();
        return;
      case 'received':
        this.#lastReceivedAt = now;
        this.link.stream.push(event.bytes, event.start, event.end);
        return;
      case 'disconnected':
        this.#abandon(`connection to leader ${leader} closed: ${event.reason}`);
        return;
      case 'epochSaved':
        this.#handshake.epochSaved(event.name, event.epoch);
        return;
      case 'synced':
        this.#history.synced(event.zxid);
        this.#handshake.synced();
        return;
      case 'truncated':
        this.#handshake.truncated(event.lastZxid, event.failure);
        return;
      case 'snapshotSaved':
        this.#handshake.snapshotSaved();
        return;
      case 'timeout': {
        if (now < this.deadline.at) return;
        const limit = this.#isAcknowledged ? 'syncLimit' : 'initLimit';
        this.#abandon(`leader ${leader} was silent for ${limit}`);
        return;
      }
      case 'stopped':
        this.#abandon(event.reason);
        return;
      default:
        unreachable(event);
    }
  }

  /** Reads what came, as far as it may be read now. */
  #read(): void {
    const { stream } = this.link;
    try {
      while (this.#phase !== 'over' && !this.#handshake.isHeld && this.#readOne());
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#abandon(`leader ${this.#options.leader} sent what cannot be read: ${error.message}`);
    }
    stream.settle();
  }

  /** False: more bytes are needed. */
  #readOne(): boolean {
    const isSnapshotRead = this.#handshake.readSnapshot();
    if (isSnapshotRead !== undefined) return isSnapshotRead;
    if (!this.link.stream.next()) return false;
    this.#packet();
    return true;
  }

  #packet(): void {
    if (!this.#handshake.takesHistory) {
      this.#handshake.packet(this.#now);
      return;
    }
    const { stream } = this.link;
    const { type, zxid, dataStart, dataEnd } = stream.view;
    // A synchronized observer is informed: proposals and commits tell it nothing.
    const isObserver = this.#options.role === 'observer';
    const isIgnored = isObserver && this.#phase !== 'joining';
    switch (type) {
      case PacketType.PROPOSAL:
        if (isIgnored) return;
        this.#judge(this.#history.proposed(zxid, stream.bytes, dataStart, dataEnd));
        return;
      case PacketType.COMMIT:
        if (!isIgnored) this.#judge(this.#history.committed(zxid));
        return;
      case PacketType.INFORM:
        if (!isObserver) this.#outOfTurn();
        else this.#judge(this.#history.informed(zxid, stream.bytes, dataStart, dataEnd));
        return;
      case PacketType.COMMITANDACTIVATE:
      case PacketType.INFORMANDACTIVATE: {
        const reason = `recv ${packetName(type)}: to change the configuration is not supported`;
        this.#abandon(reason, { refusal: true });
        return;
      }
      case PacketType.NEWLEADER:
        this.#handshake.packet(this.#now);
        return;
      case PacketType.UPTODATE:
        this.#onUpToDate();
        return;
      case PacketType.PING:
        // A Java leader that waits for the ACK of NEWLEADER takes nothing else.
        if (this.#isAcknowledged) this.#requests.pinged();
        return;
      default:
        if (this.#phase !== 'joining') this.#onAnswer(type);
        else this.#outOfTurn();
    }
  }

  #onAnswer(type: number): void {
    if (type === PacketType.REVALIDATE) {
      this.#requests.revalidated();
    } else if (type !== PacketType.SYNC || !this.#requests.synced()) {
      const what = `recv ${packetName(type)} from ${this.#options.leader}`;
      this.#note({ level: 'warn', event: 'received', what, decision: 'ignore' });
    }
  }

  /**
   * Whatever the leader has committed by now was proposed to us before, but its COMMIT may be behind UPTODATE: our
   * leaders hold it back for learners that fail on it (ZOOKEEPER-4394). A read in between would miss what others
   * have seen (ZOOKEEPER-3023), so the first is answered when all that was proposed is applied: one round of
   * commits, for which nobody needs us to serve.
   */
  #onUpToDate(): void {
    const { epoch } = this.#handshake;
    if (!this.#isAcknowledged || this.#phase !== 'joining' || epoch === undefined) {
      this.#outOfTurn();
      return;
    }
    const { lastReceived, lastDelivered } = this.#history;
    this.#phase = 'catchingUp';
    this.#serveFrom = lastReceived;
    // As Java does, in the words of NEWLEADER's ACK; leaders pass over it.
    writeBarePacket(this.link.out, PacketType.ACK, makeZxid(epoch, 0));
    const what = `recv UPTODATE from ${this.#options.leader}`;
    if (lastDelivered >= lastReceived) {
      this.#serve(epoch, what);
      return;
    }
    const decision = `serve when ${hex(lastReceived)} is applied, now ${hex(lastDelivered)}`;
    this.#note({ event: 'phase', what, decision });
  }

  #serve(epoch: number, what: string): void {
    this.#phase = 'broadcasting';
    this.#note({ event: 'phase', what, decision: `serve in epoch ${hex(epoch)}` });
    this.#effects.push({ kind: 'serve', epoch });
  }

  #judge(fault: Fault | undefined): void {
    if (fault === undefined) {
      if (this.#phase === 'catchingUp') this.#caughtUp();
      return;
    }
    const { reason, wantsSnapshot } = fault;
    const what = `leader ${this.#options.leader} sent ${reason}`;
    this.#abandon(what, wantsSnapshot === undefined ? {} : { wantsSnapshot });
  }

  #caughtUp(): void {
    const { epoch } = this.#handshake;
    const { lastDelivered } = this.#history;
    if (epoch === undefined || lastDelivered < this.#serveFrom) return;
    this.#serve(epoch, `${hex(lastDelivered)} is applied`);
  }

  #outOfTurn(): void {
    const { type, zxid } = this.link.stream.view;
    const what = `${packetName(type)} ${hex(zxid)} out of turn (${this.status().phase})`;
    this.#abandon(`leader ${this.#options.leader} sent ${what}`);
  }

  #abandon(
    reason: string,
    how: { readonly refusal?: true; readonly wantsSnapshot?: true } = {},
  ): void {
    if (this.#phase === 'over') return;
    this.#note({ level: 'warn', event: 'abandoned', what: reason, decision: 'stop following' });
    this.#phase = 'over';
    this.link.isClosed = true;
    const { refusal = false, wantsSnapshot = false } = how;
    this.#effects.push({ kind: 'abandon', reason, refusal, wantsSnapshot });
  }

  get #isAcknowledged(): boolean {
    return this.#handshake.phase === 'done';
  }

  get #state(): ZabState {
    if (this.#phase !== 'joining') return 'BROADCAST';
    const { phase } = this.#handshake;
    const isDiscovering = phase === 'discovering' || phase === 'savingAcceptedEpoch';
    return isDiscovering ? 'DISCOVERY' : 'SYNCHRONIZATION';
  }

  #note(facts: NoteFacts): void {
    const { leader } = this.#options;
    const { epoch } = this.#handshake;
    const note = zabNote({ peer: leader, ...facts }, this.#now, this.#state, epoch);
    this.#effects.push({ kind: 'note', note });
  }
}
