// A term as follower or observer: the way to the leader, the learner's machine (core/zab/learner.ts) on its link, and
// from `serve` on the replica for our clients. In: whom to follow. Out: what the machine wants done to disk, tree and
// clients; the end of the term.
//
// Invariants: before `serve` nobody sees what is delivered; the term ends when nothing of it is under way, and what it
// logged and nobody committed yet is applied then: it is part of the history that we vote with.

import { applyTxn } from '../core/tree/apply.ts';
import { Learner } from '../core/zab/learner.ts';
import type { LearnerEffect, LearnerEvent, LearnerHost } from '../core/zab/learner-events.ts';
import { Link } from '../core/zab/link.ts';
import type { HistoryTxn } from '../core/zab/txn-arena.ts';
import { LeaderDial } from '../net/leader-dial.ts';
import type { LinkSocket } from '../net/link-socket.ts';
import type { Sid } from '../proto/sid.ts';
import type { LogBatch } from '../storage/txn-log.ts';
import { unreachable } from '../util/assert.ts';
import { AppendQueue } from './append-queue.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { Driver } from './driver.ts';
import type { RoleView } from './role-view.ts';
import { noProposals } from './role-view.ts';
import type { Term, TermHost } from './term.ts';

export class Following implements Term {
  readonly #host: TermHost;
  readonly #leader: Sid;
  readonly #wantsSnapshot: boolean;
  readonly #appends: AppendQueue;
  readonly #timer: DeadlineTimer;
  #dial: LeaderDial<Link> | undefined;
  #socket: LinkSocket<Link> | undefined;
  #learner: Learner | undefined;
  #driver: Driver | undefined;
  /** Epoch files, cuts and snapshots under way. */
  #busy = 0;
  #isTurnDue = false;
  /** Set when the term is over. */
  #end: { readonly reason: string; readonly wantsSnapshot: boolean } | undefined;
  #hasEnded = false;

  constructor(host: TermHost, leader: Sid, wantsSnapshot: boolean) {
    this.#host = host;
    this.#leader = leader;
    this.#wantsSnapshot = wantsSnapshot;
    this.#appends = new AppendQueue(
      (batch, done) => this.#log(batch, done),
      (zxid) => {
        this.#step({ kind: 'synced', term: host.term, zxid });
        this.#settle();
      },
    );
    this.#timer = new DeadlineTimer(host.ports.clock, () => this.#step({ kind: 'timeout' }));
  }

  get view(): RoleView {
    const { ensemble } = this.#host;
    const status = this.#learner?.status();
    return {
      state: ensemble.role === 'observer' ? 'observer' : 'follower',
      sid: ensemble.mySid,
      leader: this.#leader,
      epoch: status?.epoch,
      phase: status?.state ?? 'DISCOVERY',
      syncMode: status?.syncMode,
      quorumSize: ensemble.verifier.voters.size,
      electionMs: undefined,
      leadingSince: undefined,
      learners: [],
      pendingSyncs: status?.pendingSyncs ?? 0,
      proposals: noProposals,
    };
  }

  start(): void {
    const { ports, ensemble, config } = this.#host;
    const server = ensemble.verifier.config.members.get(this.#leader);
    if (server === undefined) {
      this.#abandon(`server ${this.#leader} leads, and is not in our configuration`, false);
      return;
    }
    const lengthMax = config.juteMaxBuffer + config.juteMaxBufferExtraSize;
    this.#dial = new LeaderDial<Link>(
      ports,
      {
        addresses: server.addresses.map(({ host, quorumPort: port }) => ({ host, port })),
        timeoutMs: ensemble.connectToLearnerMasterLimitMs,
        keepAlive: ensemble.election.keepAlive,
        makeLink: (remoteAddress) => new Link(remoteAddress, lengthMax),
      },
      (result) => {
        this.#dial = undefined;
        if (this.#end !== undefined) {
          if (typeof result !== 'string') result.destroy();
        } else if (typeof result === 'string') {
          this.#abandon(`no way to leader ${this.#leader}: ${result}`, false);
        } else {
          this.#connected(result);
        }
      },
    );
  }

  stop(reason: string): void {
    if (this.#learner === undefined) this.#abandon(reason, false);
    else this.#step({ kind: 'stopped', reason });
  }

  #connected(socket: LinkSocket<Link>): void {
    const { ensemble, config, history, term } = this.#host;
    this.#socket = socket;
    this.#learner = new Learner(
      {
        mySid: ensemble.mySid,
        role: ensemble.role === 'observer' ? 'observer' : 'follower',
        leader: this.#leader,
        term,
        tickTimeMs: config.tickTimeMs,
        initLimit: ensemble.initLimit,
        syncLimit: ensemble.syncLimit,
        acceptedEpoch: history.epochs.acceptedEpoch,
        currentEpoch: history.epochs.currentEpoch,
        lastZxid: history.lastZxid,
        configVersion: ensemble.verifier.version,
        configText: ensemble.configText,
        committedLog: history.committedLog,
        wantsSnapshot: this.#wantsSnapshot,
      },
      socket.link,
      this.#learnerHost(),
    );
    const received: Extract<LearnerEvent, { kind: 'received' }> = {
      kind: 'received',
      bytes: new Uint8Array(0),
      start: 0,
      end: 0,
    };
    socket.attach({
      received: (bytes, start, end) => {
        received.bytes = bytes;
        received.start = start;
        received.end = end;
        this.#step(received);
      },
      drained: () => undefined,
      closed: (reason) => this.#step({ kind: 'disconnected', reason }),
    });
    this.#step({ kind: 'connected' });
  }

  #learnerHost(): LearnerHost {
    const { ensemble, history, sessions, metrics } = this.#host;
    return {
      append: (txn) => {
        // An observer is informed of what was committed.
        if (ensemble.role === 'participant') metrics.proposalsReceived++;
        this.#appends.add(txn);
        this.#endTurnSoon();
      },
      deliver: (txn) => this.#deliver(txn),
      touchedSessions: () => sessions.takeTouched(),
      revalidated: (sessionId, isValid) => this.#driver?.revalidated(sessionId, isValid),
      syncReleased: (waiter) => this.#driver?.syncReleased(waiter),
      beginSnapshot: (zxid) => history.beginIntake(zxid),
    };
  }

  #deliver(txn: HistoryTxn): void {
    this.#host.metrics.commitsReceived++;
    if (this.#driver !== undefined) this.#driver.delivered(txn);
    else applyTxn(this.#host.history.database, txn.bytes, txn.start, txn.end);
    this.#host.history.applied(1, txn.end - txn.start);
  }

  #log(batch: LogBatch, done: () => void): void {
    const { ensemble, history, ports } = this.#host;
    const isKept = ensemble.role !== 'observer' || ensemble.syncEnabled;
    if (isKept) history.append(batch, done);
    else ports.clock.endOfTurn(done);
  }

  #step(event: LearnerEvent): void {
    const learner = this.#learner;
    if (learner === undefined || this.#end !== undefined) return;
    try {
      const effects = learner.step(event, this.#host.ports.clock.now());
      for (const effect of effects) this.#perform(effect);
    } catch (error) {
      this.#host.broken(error);
      return;
    }
    if (this.#end === undefined) this.#timer.arm(learner.deadline.at);
    this.#endTurnSoon();
  }

  #perform(effect: LearnerEffect): void {
    const { history, term } = this.#host;
    switch (effect.kind) {
      case 'saveEpoch': {
        const { name, epoch } = effect;
        this.#work((done) => history.saveEpoch(name, epoch, done), {
          kind: 'epochSaved',
          ...{ term, name, epoch },
        });
        return;
      }
      case 'truncate':
        this.#busy++;
        history.truncate(effect.zxid, (lastZxid, failure) => {
          this.#busy--;
          this.#step({ kind: 'truncated', term, lastZxid, failure });
          this.#settle();
        });
        return;
      case 'saveSnapshot':
        this.#work((done) => history.saveIntake(effect.zxid, done), {
          kind: 'snapshotSaved',
          term,
        });
        return;
      case 'serve':
        this.#serve(effect.epoch);
        return;
      case 'abandon':
        this.#abandon(effect.reason, effect.wantsSnapshot);
        return;
      case 'pause':
        this.#socket?.pause();
        return;
      case 'resume':
        this.#socket?.resume();
        return;
      case 'note':
        this.#host.note(effect.note);
        return;
      default:
        unreachable(effect);
    }
  }

  #work(begin: (done: () => void) => void, then: LearnerEvent): void {
    this.#busy++;
    begin(() => {
      this.#busy--;
      this.#step(then);
      this.#settle();
    });
  }

  #serve(epoch: number): void {
    const learner = this.#learner;
    if (learner === undefined) return;
    const { sessions, ports } = this.#host;
    sessions.startOver('learner', ports.clock.now());
    const replica = this.#host.makeReplica({ kind: 'learner', leader: learner, epoch });
    this.#driver = this.#host.makeDriver(replica, noLog, () => this.#flush());
    this.#driver.start();
    this.#host.established(epoch, replica, this.#driver);
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
    this.#socket?.flush();
    this.#appends.flush();
  }

  // ---- the end ----

  #abandon(reason: string, wantsSnapshot: boolean): void {
    if (this.#end !== undefined) return;
    this.#end = { reason, wantsSnapshot };
    this.#dial?.cancel();
    this.#timer.cancel();
    this.#driver?.stop();
    this.#socket?.end();
    this.#host.history.dropIntake();
    this.#host.leaving(reason);
    this.#appends.flush();
    this.#host.ports.clock.endOfTurn(() => this.#settle());
  }

  /** Ends the term when it is over and nothing of it is under way. */
  #settle(): void {
    const end = this.#end;
    if (end === undefined || this.#hasEnded || this.#busy > 0 || !this.#appends.isIdle) return;
    this.#hasEnded = true;
    const { history } = this.#host;
    try {
      for (const txn of this.#learner?.pending() ?? []) {
        applyTxn(history.database, txn.bytes, txn.start, txn.end);
        history.committedLog.add(txn);
      }
    } catch (error) {
      this.#host.broken(error);
      return;
    }
    this.#host.ended({ ...end, knownAcceptedEpoch: -1 });
  }
}

/** A learner's replica makes no transactions. */
const noLog = {
  append(): void {
    throw new Error('a learner proposes nothing');
  },
};
