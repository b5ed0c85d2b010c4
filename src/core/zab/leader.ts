// A leader as a machine (Leader, from lead() to shutdown()): discovery.ts finds a quorum and its epoch,
// synchronizer.ts brings learners to our history, and here it is counted who has it; then proposals go out and are
// committed. Inputs: events and the time; outputs: calls of LeaderHost, packets in the links, effects in order, one
// deadline. One term long.
//
// Invariants, asserted where they are used: it counts itself for NEWLEADER after its currentEpoch is on disk; it
// proposes only when quorums have its history, without a gap; it delivers in order what quorums have on disk.
// Different from Java on purpose: it pings from NEWLEADER on; a sync of its own clients waits like a learner's;
// when the counters of the epoch are used up, what is proposed is committed before the term ends.

import { encodeUtf8 } from '../../jute/utf8.ts';
import type { Sid } from '../../proto/sid.ts';
import type { SessionId, Zxid } from '../../proto/zxid.ts';
import { counterMax, counterOf } from '../../proto/zxid.ts';
import { assert, present, unreachable } from '../../util/assert.ts';
import type { Deadline } from '../election/election-events.ts';
import { printQuorumConfig } from '../election/quorum-config.ts';
import type { QuorumVerifier } from '../election/quorum-verifier.ts';
import { Broadcast } from './broadcast.ts';
import { Discovery } from './discovery.ts';
import type * as leading from './leader-events.ts';
import type { Leadership } from './learner-handler.ts';
import { LearnerHandler } from './learner-handler.ts';
import type { Learners } from './learners.ts';
import type { Link } from './link.ts';
import { Synchronizer } from './synchronizer.ts';
import type { HistoryTxn } from './txn-arena.ts';
import type { NoteFacts, ZabState } from './zab-notes.ts';
import { countText, hex, zabNote } from './zab-notes.ts';

type Phase =
  | { readonly kind: 'discovering' }
  /** ACK of NEWLEADER of quorums awaited. */
  | { readonly kind: 'synchronizing'; endsAt: number; isCurrentEpochSaved: boolean }
  | { readonly kind: 'broadcasting'; readonly since: number }
  | { readonly kind: 'over' };

export class Leader {
  readonly #options: leading.LeaderOptions;
  /**
   * The committed configuration and, while it changes, the one to come: NEWLEADER and proposals need quorums of
   * all.
   */
  readonly #verifiers: readonly QuorumVerifier[];
  readonly #discovery: Discovery;
  readonly #learners: Learners;
  readonly #synchronizer: Synchronizer;
  readonly #leadership: Leadership;
  #effects: leading.LeaderEffect[] = [];
  #phase: Phase = { kind: 'discovering' };
  /** From the moment the epoch is fixed. */
  #broadcast: Broadcast | undefined;
  #nextTickAt = Number.POSITIVE_INFINITY;
  #now = 0;

  constructor(
    options: leading.LeaderOptions,
    host: leading.LeaderHost,
    start: leading.LeaderStart,
  ) {
    const { committed, lastSeen, committedLog } = options;
    const { lastProcessedZxid, currentEpoch } = start;
    const last = committedLog.max ?? lastProcessedZxid;
    const isEpochOnly = counterOf(lastProcessedZxid) === 0 && last < lastProcessedZxid;
    assert(last === lastProcessedZxid || isEpochOnly, 'the committed log ends with the tree');
    assert(committed.voters.has(options.mySid), 'who leads is a voter');
    const isChanging = lastSeen !== undefined && lastSeen.version > committed.version;
    this.#options = options;
    this.#verifiers = isChanging ? [committed, lastSeen] : [committed];
    const drop = (handler: LearnerHandler, reason: string): void => this.#drop(handler, reason);
    const note = (facts: NoteFacts): void => this.#note(facts);
    const want = (effect: leading.LeaderEffect): number => this.#effects.push(effect);
    this.#discovery = new Discovery(options, start, {
      ...{ drop, note, want },
      abandon: (reason) => this.#abandon(reason),
      epochFixed: (epoch) => {
        this.#broadcast = new Broadcast(
          epoch,
          options.mySid,
          options.counterMax ?? counterMax - 1,
          this.#verifiers,
          committedLog,
          this.#learners,
          host,
        );
      },
      elected: (now) => this.#elected(now),
      synchronize: (handler, now) => this.#synchronize(handler, now),
    });
    this.#learners = this.#discovery.learners;
    this.#synchronizer = new Synchronizer(options, host, last, currentEpoch, {
      ...{ drop, note, want },
      caughtUp: (handler) => this.#join(handler),
    });
    this.#leadership = {
      drop,
      introduced: (handler) => this.#discovery.introduced(handler, this.#now, this.#establishedAt),
      epochAcked: (handler) => this.#discovery.epochAcked(handler, this.#now),
      newLeaderAcked: (handler) => this.#newLeaderAcked(handler),
      proposalAcked: (handler, zxid) => this.#proposalAcked(handler, zxid),
      request: (request) => host.request(request),
      touch: (link, sessionId, timeoutMs) => host.touch(link, sessionId, timeoutMs),
      revalidate: (link, sessionId, timeoutMs) => host.revalidate(link, sessionId, timeoutMs),
      note: (handler, level, what, decision) =>
        note({ level, event: 'received', peer: handler.sid, what, decision }),
    };
  }

  get deadline(): Deadline {
    const phase = this.#phase;
    if (phase.kind === 'over') return { at: Number.POSITIVE_INFINITY, why: 'nothing to wait for' };
    const endsAt = phase.kind === 'synchronizing' ? phase.endsAt : this.#discovery.endsAt;
    if (endsAt < this.#nextTickAt) return { at: endsAt, why: `a quorum while ${phase.kind}` };
    return { at: this.#nextTickAt, why: 'ping' };
  }

  /** Whether `propose` may be called: quorums follow, and the epoch has counters left. */
  get canPropose(): boolean {
    return !this.#isOver && this.#broadcast?.canPropose === true;
  }

  /** Proposals without their quorum yet. */
  get outstanding(): number {
    return this.#broadcast?.outstanding ?? 0;
  }

  status(): leading.LeaderStatus {
    const learners = [...this.#learners].map(({ sid, role, phase, link }) => {
      return { sid, role, phase: phase.kind, remoteAddress: link.remoteAddress };
    });
    return {
      state: this.#state,
      epoch: this.#discovery.epoch,
      lastProposed: this.#broadcast?.lastProposed ?? 0n,
      lastCommitted: this.#broadcast?.lastCommitted ?? 0n,
      outstanding: this.#broadcast?.outstanding ?? 0,
      pendingSyncs: this.#broadcast?.pendingSyncs ?? 0,
      knownAcceptedEpoch: this.#discovery.knownAcceptedEpoch,
      learners,
    };
  }

  step(event: leading.LeaderEvent, now: number): leading.LeaderEffect[] {
    this.#now = now;
    if (this.#phase.kind !== 'over') this.#take(event, now);
    return this.takeEffects();
  }

  /** What calls of `propose`, `sync` and `revalidated` outside of a step want done. */
  takeEffects(): leading.LeaderEffect[] {
    const effects = this.#effects;
    if (effects.length > 0) this.#effects = [];
    return effects;
  }

  /** Sends a transaction to everybody; the host has written it into its log. `bytes[start, end)` are copied. */
  propose(zxid: Zxid, bytes: Uint8Array, start: number, end: number): void {
    present(this.#broadcast, 'an epoch to propose in').propose(zxid, bytes, start, end);
  }

  /** `waiter` (a learner's link, or something of the host's) is told when all that is proposed by now is committed. */
  sync(waiter: object): void {
    this.#broadcast?.sync(waiter);
  }

  /** Answers LeaderHost.revalidate. */
  revalidated(link: Link, sessionId: SessionId, isValid: boolean): void {
    const handler = this.#learners.of(link);
    if (handler?.phase.kind === 'serving') handler.revalidated(sessionId, isValid);
  }

  /**
   * Proposed and not delivered, in order. Whoever keeps the tree beyond the term applies them, once they are on disk,
   * before the next vote: they are part of the history that is voted with.
   */
  pending(): Iterable<HistoryTxn> {
    return this.#broadcast?.pending() ?? [];
  }

  #take(event: leading.LeaderEvent, now: number): void {
    switch (event.kind) {
      case 'started':
        this.#nextTickAt = now + this.#options.tickTimeMs / 2;
        this.#discovery.start(now);
        return;
      case 'connected':
        this.#connected(event.link, now);
        return;
      case 'received':
        this.#learners.of(event.link)?.received(event.bytes, event.start, event.end, now);
        this.#broadcast?.commit();
        this.#checkCounter();
        return;
      case 'epochSaved':
        if (event.term === this.#options.term) this.#epochSaved(event.name, event.epoch, now);
        return;
      case 'synced':
        if (event.term === this.#options.term) this.#broadcast?.synced(event.zxid);
        this.#checkCounter();
        return;
      case 'snapshotAvailable':
        this.#synchronizer.pumpAll(now);
        return;
      case 'lookingSidReported':
        this.#discovery.lookingSid(event.sid, now);
        return;
      case 'reconsidered':
        this.#discovery.reconsidered(event.reason);
        return;
      case 'timeout':
        this.#onTimeout(now);
        return;
      case 'stopped':
        this.#abandon(event.reason);
        return;
    }
    const handler = this.#learners.of(event.link);
    if (handler === undefined) return;
    switch (event.kind) {
      case 'drained':
        this.#synchronizer.pump(handler, now);
        return;
      case 'logSurveyed':
        this.#synchronizer.surveyed(handler, event.cover, now);
        return;
      case 'logRead':
        this.#synchronizer.logRead(handler, event, now);
        return;
      case 'disconnected':
        this.#forget(handler, event.reason);
        return;
      default:
        unreachable(event);
    }
  }

  // ---- synchronization ----

  #connected(link: Link, now: number): void {
    const handler = new LearnerHandler(link, this.#leadership, now);
    const tooMany = this.#learners.add(handler);
    if (tooMany !== undefined) this.#drop(tooMany, 'is one stranger too many');
  }

  #epochSaved(name: leading.EpochName, epoch: number, now: number): void {
    assert(epoch === this.#discovery.epoch, 'the epoch that was saved is the one of this term');
    if (name === 'acceptedEpoch') {
      this.#discovery.acceptedEpochSaved(now);
      return;
    }
    const phase = this.#phase;
    assert(phase.kind === 'synchronizing', 'currentEpoch is saved behind the quorum of ACKEPOCH');
    phase.isCurrentEpochSaved = true;
    const what = `currentEpoch ${hex(epoch)} is on disk`;
    this.#note({ event: 'saved', what, decision: 'count ourselves for NEWLEADER' });
    this.#tryEstablish(now);
  }

  #elected(now: number): void {
    this.#phase = { kind: 'synchronizing', endsAt: this.#initEnd(now), isCurrentEpochSaved: false };
    this.#effects.push({ kind: 'saveEpoch', name: 'currentEpoch', epoch: this.#epoch });
  }

  #synchronize(handler: LearnerHandler, now: number): void {
    this.#broadcast?.forget(handler);
    this.#synchronizer.begin(handler, now);
  }

  /** The learner has all that is committed: from now on it gets everything as it happens. */
  #join(handler: LearnerHandler): void {
    const { committed } = this.#options;
    this.#broadcast?.join(handler);
    const { config } = this.#verifiers.at(-1) ?? committed;
    handler.sendNewLeader(this.#epoch, encodeUtf8(printQuorumConfig(config)), this.#now);
    // Who has much to send to a voter has not waited in vain.
    if (this.#phase.kind === 'synchronizing') this.#phase.endsAt = this.#initEnd(this.#now);
  }

  #newLeaderAcked(handler: LearnerHandler): void {
    const { sid } = handler;
    this.#synchronizer.acknowledged(handler);
    const what = `recv ACK of NEWLEADER from ${sid}`;
    if (this.#phase.kind === 'broadcasting') {
      this.#note({ event: 'received', peer: sid, what, decision: 'send UPTODATE' });
      handler.sendUpToDate(this.#now);
      return;
    }
    const count = countText(this.#options.committed, this.#followers());
    this.#note({ event: 'received', peer: sid, what, decision: count });
    this.#tryEstablish(this.#now);
  }

  #tryEstablish(now: number): void {
    const phase = this.#phase;
    if (phase.kind !== 'synchronizing' || !phase.isCurrentEpochSaved) return;
    const sids = this.#followers();
    if (!this.#verifiers.every((verifier) => verifier.containsQuorum(sids))) return;
    this.#phase = { kind: 'broadcasting', since: now };
    const what = `quorum of NEWLEADER: ${countText(this.#options.committed, sids)}`;
    this.#note({ event: 'phase', what, decision: `established in epoch ${hex(this.#epoch)}` });
    this.#broadcast?.establish();
    this.#effects.push({ kind: 'establish', epoch: this.#epoch });
    for (const handler of this.#learners) {
      if (handler.phase.kind === 'newLeaderAcked') handler.sendUpToDate(now);
    }
  }

  /** Who has our history on disk, in this epoch; with ourselves when we do. */
  #followers(): Sid[] {
    const phase = this.#phase;
    const isSaved = phase.kind !== 'synchronizing' || phase.isCurrentEpochSaved;
    const sids = new Set<Sid>();
    for (const verifier of this.#verifiers) {
      const mySid = isSaved ? this.#options.mySid : undefined;
      for (const sid of this.#learners.voters(mySid, verifier, hasOurHistory)) sids.add(sid);
    }
    return [...sids];
  }

  #proposalAcked(handler: LearnerHandler, zxid: Zxid): void {
    if (this.#broadcast?.acked(handler, zxid) !== false) return;
    this.#drop(handler, `acknowledged ${hex(zxid)}, which was never proposed`);
  }

  // ---- time ----

  #onTimeout(now: number): void {
    const phase = this.#phase;
    if (phase.kind === 'discovering') this.#discovery.timeout(now);
    if (phase.kind === 'synchronizing' && now >= phase.endsAt) {
      const count = countText(this.#options.committed, this.#followers());
      this.#abandon(`no quorum of NEWLEADER within initLimit: ${count}`);
    }
    if (now < this.#nextTickAt || this.#isOver) return;
    this.#nextTickAt = now + this.#options.tickTimeMs / 2;
    const lastProposed = this.#broadcast?.lastProposed ?? 0n;
    const isEstablished = this.#establishedAt !== undefined;
    for (const handler of [...this.#learners]) {
      const late = this.#learners.lateness(handler, now, isEstablished);
      if (late !== undefined) this.#drop(handler, late);
    }
    this.#synchronizer.pumpAll(now);
    if (phase.kind === 'broadcasting') this.#checkQuorum(now);
    if (this.#isOver) return;
    for (const handler of this.#learners) handler.ping(lastProposed);
  }

  #checkQuorum(now: number): void {
    const { mySid, committed } = this.#options;
    const fits = (handler: LearnerHandler): boolean => this.#learners.isSynced(handler, now);
    for (const verifier of this.#verifiers) {
      const sids = this.#learners.voters(mySid, verifier, fits);
      if (verifier.containsQuorum(sids)) continue;
      this.#abandon(`no quorum for syncLimit: ${countText(committed, sids)}`);
      return;
    }
  }

  // ---- ends ----

  #checkCounter(): void {
    if (this.#broadcast?.isUsedUp === true) {
      this.#abandon(`the counter of epoch ${hex(this.#epoch)} is used up`);
    }
  }

  #drop(handler: LearnerHandler, reason: string): void {
    if (handler.phase.kind === 'closed') return;
    const what = `${handler.role} ${handler.name} ${reason}`;
    this.#close(handler, reason);
    const event = 'link';
    this.#note({ level: 'warn', event, peer: handler.sid, what, decision: 'close its connection' });
  }

  /** The link is gone already. */
  #forget(handler: LearnerHandler, reason: string): void {
    const what = `connection of ${handler.role} ${handler.name} closed: ${reason}`;
    this.#remove(handler);
    this.#note({ event: 'link', peer: handler.sid, what, decision: 'forget it' });
  }

  #close(handler: LearnerHandler, reason: string): void {
    this.#remove(handler);
    this.#effects.push({ kind: 'closeLink', link: handler.link, reason });
  }

  #remove(handler: LearnerHandler): void {
    const { link } = handler;
    this.#synchronizer.dropped(handler);
    handler.enter({ kind: 'closed' }, this.#now);
    link.isClosed = true;
    this.#learners.remove(link);
  }

  #abandon(reason: string): void {
    if (this.#isOver) return;
    for (const handler of [...this.#learners]) this.#close(handler, 'the term is over');
    this.#note({ level: 'warn', event: 'abandoned', what: reason, decision: 'stop leading' });
    this.#phase = { kind: 'over' };
    this.#effects.push({ kind: 'abandon', reason });
  }

  #initEnd(now: number): number {
    return now + this.#options.initLimit * this.#options.tickTimeMs;
  }

  get #isOver(): boolean {
    return this.#phase.kind === 'over';
  }

  get #epoch(): number {
    const { epoch } = this.#discovery;
    assert(epoch !== undefined, 'the epoch is fixed');
    return epoch;
  }

  get #establishedAt(): number | undefined {
    return this.#phase.kind === 'broadcasting' ? this.#phase.since : undefined;
  }

  get #state(): ZabState {
    if (this.#phase.kind === 'discovering') return 'DISCOVERY';
    return this.#phase.kind === 'synchronizing' ? 'SYNCHRONIZATION' : 'BROADCAST';
  }

  #note(facts: NoteFacts): void {
    const note = zabNote(facts, this.#now, this.#state, this.#discovery.epoch);
    this.#effects.push({ kind: 'note', note });
  }
}

function hasOurHistory({ phase }: LearnerHandler): boolean {
  return phase.kind === 'newLeaderAcked' || phase.kind === 'serving';
}
