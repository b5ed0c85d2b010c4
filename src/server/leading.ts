// A term as leader: learners that introduced themselves at the quorum port, the leader's machine (core/zab/leader.ts)
// on their links, and from `establish` on the replica that makes transactions and serves our clients. Out: what the
// machine wants done to disk, tree and clients; the end of the term.
//
// Invariants: whatever was proposed goes into our own log, whether the term lives on or not: others may have committed
// it before our disk had it. The term ends when nothing of it is under way, and what was proposed and not committed is
// applied then: it is part of the history that we vote with.

import type { Decision } from '../core/election/election-events.ts';
import type { Replica } from '../core/replica.ts';
import type { Proposing } from '../core/request/write-path.ts';
import { applyTxn } from '../core/tree/apply.ts';
import { Leader } from '../core/zab/leader.ts';
import type {
  LeaderEffect,
  LeaderEvent,
  LeaderHost,
  LearnerRequest,
} from '../core/zab/leader-events.ts';
import { logBytesMaxOf } from '../core/zab/learner-sync.ts';
import type { Link } from '../core/zab/link.ts';
import type { HistoryTxn } from '../core/zab/txn-arena.ts';
import type { LinkSocket } from '../net/link-socket.ts';
import type { QuorumPort } from '../net/quorum-port.ts';
import { OpCode } from '../proto/opcodes.ts';
import type { Sid } from '../proto/sid.ts';
import { assert, unreachable } from '../util/assert.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { BatchLog, Driver } from './driver.ts';
import type { LearnerView, RoleView } from './role-view.ts';
import type { Term, TermHost } from './term.ts';

export class Leading implements Term {
  readonly #host: TermHost;
  readonly #port: QuorumPort<Link>;
  readonly #leader: Leader;
  readonly #timer: DeadlineTimer;
  readonly #since: number;
  readonly #links = new Map<Link, LinkSocket<Link>>();
  #driver: Driver | undefined;
  #replica: Replica | undefined;
  /** Appends, epoch files and answers from log files under way. */
  #busy = 0;
  #isTurnDue = false;
  #endReason: string | undefined;
  #hasEnded = false;

  constructor(
    host: TermHost,
    port: QuorumPort<Link>,
    voteSet: Decision['voteSet'],
    knownAcceptedEpoch: number,
  ) {
    this.#host = host;
    this.#port = port;
    const { ensemble, config, history, term } = host;
    this.#since = host.ports.clock.now();
    this.#leader = new Leader(
      {
        mySid: ensemble.mySid,
        term,
        committed: ensemble.verifier,
        tickTimeMs: config.tickTimeMs,
        initLimit: ensemble.initLimit,
        syncLimit: ensemble.syncLimit,
        committedLog: history.committedLog,
        forceSnapshotSync: ensemble.forceSnapshotSync,
        logBytesMax: () => this.#logBytesMax(),
        maxConcurrentSnapSyncs: ensemble.maxConcurrentSnapSyncs,
        maxConcurrentDiffSyncs: ensemble.maxConcurrentDiffSyncs,
        maxTimeToWaitForEpochMs: ensemble.maxTimeToWaitForEpochMs,
        refuseStrangers: ensemble.election.refuseStrangers,
        voteSet,
      },
      this.#leaderHost(),
      {
        acceptedEpoch: history.epochs.acceptedEpoch,
        currentEpoch: history.epochs.currentEpoch,
        lastProcessedZxid: history.lastZxid,
        knownAcceptedEpoch,
      },
    );
    this.#timer = new DeadlineTimer(host.ports.clock, () => this.#step({ kind: 'timeout' }));
  }

  get view(): RoleView {
    const { ensemble } = this.#host;
    const status = this.#leader.status();
    const learners = status.learners.map(({ sid, role, phase, remoteAddress }): LearnerView => {
      const isVoter = ensemble.verifier.voters.has(sid);
      return { sid, role, isVoter, isSynced: phase === 'serving', remoteAddress };
    });
    return {
      state: 'leader',
      sid: ensemble.mySid,
      leader: ensemble.mySid,
      epoch: status.epoch,
      phase: status.state,
      syncMode: undefined,
      quorumSize: ensemble.verifier.voters.size,
      electionMs: undefined,
      leadingSince: this.#since,
      learners,
      pendingSyncs: status.pendingSyncs,
      proposals: {
        outstanding: status.outstanding,
        ...this.#host.metrics.proposalSizes,
      },
    };
  }

  start(): void {
    this.#step({ kind: 'started' });
    if (this.#endReason === undefined) this.#port.lead((socket) => this.#accepted(socket));
  }

  stop(reason: string): void {
    this.#step({ kind: 'stopped', reason });
  }

  lookingSidReported(sid: Sid): void {
    this.#step({ kind: 'lookingSidReported', sid });
  }

  reconsidered(reason: string): void {
    this.#step({ kind: 'reconsidered', reason });
  }

  /** An image of the tree can be taken again. */
  snapshotAvailable(): void {
    this.#step({ kind: 'snapshotAvailable' });
  }

  // ---- links ----

  #accepted(socket: LinkSocket<Link>): void {
    const { link } = socket;
    this.#links.set(link, socket);
    const received: Extract<LeaderEvent, { kind: 'received' }> = {
      kind: 'received',
      ...{ link, bytes: new Uint8Array(0), start: 0, end: 0 },
    };
    socket.attach({
      received: (bytes, start, end) => {
        received.bytes = bytes;
        received.start = start;
        received.end = end;
        this.#step(received);
      },
      drained: () => this.#step({ kind: 'drained', link }),
      closed: (reason) => {
        if (this.#links.delete(link)) this.#step({ kind: 'disconnected', link, reason });
      },
    });
    this.#step({ kind: 'connected', link });
  }

  #closeLink(link: Link): void {
    const socket = this.#links.get(link);
    this.#links.delete(link);
    socket?.end();
  }

  // ---- the machine's host ----

  #leaderHost(): LeaderHost {
    const { history } = this.#host;
    return {
      deliver: (txn) => this.#deliver(txn),
      request: (request) => this.#request(request),
      touch: (link, sessionId, timeoutMs) => {
        const now = this.#host.ports.clock.now();
        this.#replica?.touchedAtLearner(link, sessionId, timeoutMs, now);
      },
      revalidate: (link, sessionId, timeoutMs) => {
        const now = this.#host.ports.clock.now();
        this.#host.metrics.revalidations++;
        const isValid =
          this.#replica?.revalidateAtLearner(link, sessionId, timeoutMs, now) ?? false;
        this.#leader.revalidated(link, sessionId, isValid);
      },
      syncReleased: (waiter) => this.#driver?.syncReleased(waiter),
      beginSnapshot: (link) => history.beginImage(link),
      writeSnapshot: (link, into, atMost) => history.writeImage(link, into, atMost),
      endSnapshot: (link) => history.endImage(link),
    };
  }

  #deliver(txn: HistoryTxn): void {
    this.#host.metrics.commits++;
    if (this.#driver !== undefined) this.#driver.delivered(txn);
    else applyTxn(this.#host.history.database, txn.bytes, txn.start, txn.end);
    this.#host.history.applied(1, txn.end - txn.start);
  }

  #request(request: LearnerRequest): void {
    if (request.type === OpCode.sync) this.#leader.sync(request.link);
    else this.#driver?.forwarded(request);
  }

  #logBytesMax(): number {
    const { ensemble, history } = this.#host;
    return logBytesMaxOf(ensemble.snapshotSizeFactor, history.database.tree.dataSize);
  }

  // ---- steps ----

  #step(event: LeaderEvent): void {
    if (this.#endReason !== undefined) return;
    try {
      this.#performAll(this.#leader.step(event, this.#host.ports.clock.now()));
    } catch (error) {
      this.#host.broken(error);
      return;
    }
    if (this.#endReason === undefined) this.#timer.arm(this.#leader.deadline.at);
    this.#endTurnSoon();
  }

  #performAll(effects: readonly LeaderEffect[]): void {
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: LeaderEffect): void {
    const { history, term } = this.#host;
    switch (effect.kind) {
      case 'saveEpoch': {
        const { name, epoch } = effect;
        this.#busy++;
        history.saveEpoch(name, epoch, () => {
          this.#done({ kind: 'epochSaved', term, name, epoch });
        });
        return;
      }
      case 'establish':
        this.#establish(effect.epoch);
        return;
      case 'abandon':
        this.#abandon(effect.reason);
        return;
      case 'surveyLog': {
        const { link, from, to } = effect;
        this.#busy++;
        history.surveyLog(from, to, (cover) => this.#done({ kind: 'logSurveyed', link, cover }));
        return;
      }
      case 'readLog': {
        const { link, after, to, bytes } = effect;
        this.#busy++;
        history.readLog(after, to, bytes, (read) => {
          this.#done({ kind: 'logRead', link, ...read });
        });
        return;
      }
      case 'closeLink':
        this.#closeLink(effect.link);
        return;
      case 'note':
        this.#host.note(effect.note);
        return;
      default:
        unreachable(effect);
    }
  }

  #done(event: LeaderEvent): void {
    this.#busy--;
    this.#step(event);
    this.#settle();
  }

  #establish(epoch: number): void {
    const { sessions, ports, ensemble } = this.#host;
    sessions.startOver('primary', ports.clock.now());
    const replica = this.#host.makeReplica({ kind: 'leader', leader: this.#proposing(), epoch });
    this.#replica = replica;
    const driver = this.#host.makeDriver(replica, this.#batchLog(), () => this.#flush());
    this.#driver = driver;
    driver.start();
    this.#host.established(epoch, replica, ensemble.leaderServes ? driver : undefined);
  }

  #proposing(): Proposing {
    const leader = this.#leader;
    const { metrics } = this.#host;
    return {
      get canPropose() {
        return leader.canPropose;
      },
      get outstanding() {
        return leader.outstanding;
      },
      propose: (zxid, bytes, start, end) => {
        metrics.proposed(end - start);
        leader.propose(zxid, bytes, start, end);
      },
      sync: (waiter) => leader.sync(waiter),
    };
  }

  /** Our own log: what it has counts for the quorum like a follower's acknowledgement. */
  #batchLog(): BatchLog {
    const { history, term } = this.#host;
    return {
      append: (batch, done) => {
        this.#busy++;
        const { lastZxid } = batch;
        history.append(batch, () => {
          done();
          this.#done({ kind: 'synced', term, zxid: lastZxid });
        });
      },
    };
  }

  // ---- the turn ----

  #endTurnSoon(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.#host.ports.clock.endOfTurn(() => {
      this.#isTurnDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    for (const socket of this.#links.values()) socket.flush();
  }

  // ---- the end ----

  #abandon(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.#timer.cancel();
    this.#driver?.stop();
    this.#logRest();
    for (const socket of this.#links.values()) socket.end();
    this.#links.clear();
    this.#port.unlead();
    this.#host.leaving(reason);
    this.#host.ports.clock.endOfTurn(() => this.#settle());
  }

  /** What waited for the batch before it to be durable. */
  #logRest(): void {
    const rest = this.#replica?.takeRest();
    if (rest === undefined) return;
    const { firstZxid, lastZxid, count } = rest;
    this.#busy++;
    this.#host.history.append({ bytes: rest.out.written(), firstZxid, lastZxid, count }, () => {
      this.#busy--;
      this.#settle();
    });
  }

  #settle(): void {
    const reason = this.#endReason;
    if (reason === undefined || this.#hasEnded || this.#busy > 0) return;
    this.#hasEnded = true;
    const { history } = this.#host;
    try {
      for (const txn of this.#leader.pending()) {
        applyTxn(history.database, txn.bytes, txn.start, txn.end);
        history.committedLog.add(txn);
      }
      assert(history.lastZxid <= history.txnLog.lastZxid, 'the log has what the tree has');
    } catch (error) {
      this.#host.broken(error);
      return;
    }
    const { knownAcceptedEpoch } = this.#leader.status();
    this.#host.ended({ reason, wantsSnapshot: false, knownAcceptedEpoch });
  }
}
