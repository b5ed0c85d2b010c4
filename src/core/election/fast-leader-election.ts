// FastLeaderElection as a machine: finds, by exchanging votes, the server that the voters will follow.
// Inputs: events (election-events.ts) and the time; outputs: effects, in order, and one deadline. It lives as long as
// the server: it keeps the logical clock, runs a round while looking, and answers those who look while settled.
//
// Invariants: the clock goes back only to join an ensemble at work; a decision is carried by quorums of equal votes in
// every configuration that counts; strangers are answered and never counted.
// Different from Java on purpose: decides at once when nothing better can come (Ballot.isUnanimous); what is heard
// during finalizeWait is kept and does not prolong the wait; who has no link is dialled every second; non-voters that
// asked are told the result, and while looking they get the running vote, not the leader of yesterday.

import type { Notification, ServerState } from '../../proto/notification.ts';
import { decodeNotification } from '../../proto/notification.ts';
import type { Sid } from '../../proto/sid.ts';
import { noSid } from '../../proto/sid.ts';
import { copyBytes } from '../../util/bytes.ts';
import { Aftermath } from './aftermath.ts';
import type * as election from './election-events.ts';
import { sidList, voteText } from './election-notes.ts';
import { ElectionOutbox } from './election-outbox.ts';
import { ElectionRound } from './election-round.ts';
import { newerConfigIn } from './newer-config.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';
import { senselessVote } from './senseless-vote.ts';
import type { Vote } from './vote.ts';

/** Senders whose newest message waits for the round to start, and non-voters to be told the result. */
const waitingMax = 100;
/** A longer message does not wait: an honest one is a few hundred bytes and comes again. */
const waitingLengthMax = 64 * 1024;
/** While looking, a non-voter is answered no more often: Java's observers answer each answer of an older round. */
const strangerAnswerMsMin = 100;

const never: election.Deadline = { at: Number.POSITIVE_INFINITY, why: 'nothing to wait for' };

export class FastLeaderElection {
  readonly #options: election.ElectionOptions;
  readonly #mySid: Sid;
  readonly #outbox: ElectionOutbox;
  #committed: QuorumVerifier;
  #lastSeen: QuorumVerifier | undefined;
  #voters: ReadonlySet<Sid> = new Set();
  /** The number of the latest round (Java: logicalclock). */
  #clock = 0n;
  #state: ServerState = 'LOOKING';
  /** Exists while looking. */
  #round: ElectionRound | undefined;
  /** What was decided last, with the epoch as it is known now: what those who look are told. */
  #decided: Vote | undefined;
  #aftermath: Aftermath | undefined;
  /** LOOKING, but not started: the newest message of each sender. */
  readonly #held = new Map<Sid, Uint8Array>();
  /** Non-voters that asked while we were looking, and when they were answered. */
  readonly #askers = new Map<Sid, number>();
  /** Voters whose link broke and has not come up again. */
  readonly #broken = new Set<Sid>();
  #stopped = false;

  constructor(options: election.ElectionOptions) {
    this.#options = options;
    this.#mySid = options.mySid;
    this.#outbox = new ElectionOutbox(options.committed.config);
    this.#committed = options.committed;
    this.#lastSeen = options.lastSeen;
    this.#countVoters();
  }

  get deadline(): election.Deadline {
    return this.#round?.deadline ?? never;
  }

  status(): election.ElectionStatus {
    return { state: this.#state, round: this.#clock, vote: this.#vote };
  }

  step(event: election.ElectionEvent, now: number): election.ElectionEffect[] {
    if (!this.#stopped) {
      this.#take(event, now);
      this.#settle(now);
    }
    return this.#outbox.take();
  }

  #take(event: election.ElectionEvent, now: number): void {
    switch (event.kind) {
      case 'started':
        this.#onStarted(event.zxid, event.currentEpoch, now);
        break;
      case 'received':
        this.#onReceived(event.from, event.bytes, now);
        break;
      case 'linkEstablished':
        this.#broken.delete(event.sid);
        this.#round?.linkEstablished(event.sid, now);
        break;
      case 'linkBroken':
      case 'dialRefused':
        this.#onGone(event.sid, event.kind, now);
        break;
      case 'timeout':
        this.#onTimeout(now);
        break;
      case 'left':
        this.#leave();
        break;
      case 'epochEstablished':
        // Zxid and round stay those of the vote: of settled votes only leader and epoch are compared.
        if (this.#decided !== undefined) {
          this.#decided = { ...this.#decided, peerEpoch: event.epoch };
        }
        break;
      case 'configured':
        this.#committed = event.committed;
        this.#lastSeen = event.lastSeen;
        this.#outbox.configure(event.committed.config);
        this.#countVoters();
        if (this.#round !== undefined) this.#leave();
        break;
      case 'stopped':
        this.#leave();
        this.#stopped = true;
        break;
    }
  }

  /** What we vote for, or have voted for. */
  get #vote(): Vote {
    const none = { leader: noSid, zxid: noSid, peerEpoch: noSid, version: 0 };
    return (
      this.#round?.vote ??
      this.#decided ?? { ...none, electionEpoch: this.#clock, state: this.#state }
    );
  }

  #countVoters(): void {
    this.#voters = new Set([...this.#committed.voters, ...(this.#lastSeen?.voters ?? [])]);
  }

  #leave(): void {
    this.#state = 'LOOKING';
    this.#round = undefined;
    this.#aftermath = undefined;
    this.#askers.clear();
  }

  #onStarted(zxid: bigint, currentEpoch: bigint, now: number): void {
    this.#leave();
    this.#clock++;
    const isObserver = this.#committed.observers.has(this.#mySid);
    // Who cannot lead proposes nobody, and an observer's data is no argument: any voter's vote is better.
    const initial = {
      leader: this.#committed.voters.has(this.#mySid) ? this.#mySid : noSid,
      zxid: isObserver ? noSid : zxid,
      peerEpoch: isObserver ? noSid : currentEpoch,
    };
    this.#outbox.note({
      at: now,
      event: 'started',
      round: this.#clock,
      vote: { ...initial, electionEpoch: this.#clock },
      decision: `look for a leader among ${sidList(this.#voters)}`,
    });
    const setting = {
      options: this.#options,
      committed: this.#committed,
      lastSeen: this.#lastSeen,
      outbox: this.#outbox,
      learningState: isObserver ? 'OBSERVING' : 'FOLLOWING',
    } as const;
    this.#round = new ElectionRound(setting, initial, this.#clock, now);
    // The link to a leader that died may break a moment before the round that its death begins.
    for (const sid of this.#broken) this.#onGone(sid, 'linkBroken', now);
    const held = [...this.#held];
    this.#held.clear();
    for (const [from, bytes] of held) {
      this.#settle(now);
      this.#onReceived(from, bytes, now);
    }
  }

  #onReceived(from: Sid, bytes: Uint8Array, now: number): void {
    if (from === this.#mySid) return;
    if (this.#state === 'LOOKING' && this.#round === undefined) {
      const hasRoom = this.#held.size < waitingMax || this.#held.has(from);
      if (hasRoom && bytes.length <= waitingLengthMax) this.#held.set(from, copyBytes(bytes));
      return;
    }
    const said = decodeNotification(bytes);
    if ('bad' in said) {
      this.#noteReceived(from, undefined, now, `drop: ${said.bad}`, 'warn');
      return;
    }
    if (this.#round !== undefined && this.#adoptsConfig(from, said, now)) return;
    if (!this.#voters.has(from)) {
      this.#answerStranger(from, said, now);
      return;
    }
    const { state } = said;
    const senseless = senselessVote(said);
    if (state === undefined || senseless !== undefined) {
      const why = senseless ?? 'a state that does not exist';
      this.#noteReceived(from, said, now, `drop: ${why}`, 'warn');
      return;
    }
    if (this.#round === undefined) {
      this.#whileSettled(from, said, now);
      return;
    }
    const { leader, zxid, peerEpoch, electionEpoch, version } = said;
    const vote = { leader, zxid, peerEpoch, electionEpoch, version, state };
    const decision = this.#round.hear(from, vote, now);
    this.#clock = this.#round.electionEpoch;
    this.#noteReceived(from, said, now, decision);
  }

  /** A non-voter asks only to learn who leads, and has no say. The round is our clock's, whatever round decided. */
  #answerStranger(from: Sid, said: Notification, now: number): void {
    if (this.#round !== undefined) {
      const answeredAt = this.#askers.get(from) ?? Number.NEGATIVE_INFINITY;
      if (now - answeredAt < strangerAnswerMsMin) {
        this.#noteReceived(from, said, now, 'no voter: answered just now', 'debug');
        return;
      }
      if (this.#askers.size < waitingMax || this.#askers.has(from)) this.#askers.set(from, now);
    }
    this.#outbox.send([from], { ...this.#vote, electionEpoch: this.#clock }, this.#state);
    this.#noteReceived(from, said, now, `no voter: tell it ${voteText(this.#vote)}`, 'debug');
  }

  #whileSettled(from: Sid, said: Notification, now: number): void {
    if (said.state === 'LOOKING') {
      if (this.#state === 'LEADING') this.#outbox.push({ kind: 'reportLookingSid', sid: from });
      this.#outbox.send([from], this.#vote, this.#state);
      this.#noteReceived(from, said, now, `${this.#state}: answer ${voteText(this.#vote)}`);
    } else {
      this.#noteReceived(from, said, now, `ignore: we are ${this.#state}`, 'debug');
    }
    const reason = this.#aftermath?.heard(from, said);
    if (reason === undefined) return;
    this.#outbox.note({
      at: now,
      event: 'reconsidered',
      round: this.#clock,
      peers: [from],
      what: reason,
      decision: 'advise to look again',
    });
    this.#outbox.push({ kind: 'reconsider', reason });
  }

  #onGone(sid: Sid, kind: 'linkBroken' | 'dialRefused', now: number): void {
    // It may be dead. If it is not, it says its last word again on the next link.
    if (kind === 'linkBroken') this.#held.delete(sid);
    if (!this.#voters.has(sid) || sid === this.#mySid) return;
    if (kind === 'linkBroken') this.#broken.add(sid);
    if (this.#round === undefined) return;
    const linkBroke = kind === 'linkBroken';
    const level = this.#round.isAbsent(sid) ? 'debug' : 'info';
    const decision = this.#round.gone(sid, linkBroke, now);
    const what = linkBroke ? `link to ${sid} broke` : `${sid} refused a connection`;
    const round = this.#clock;
    this.#outbox.note({ at: now, level, event: 'link', round, peers: [sid], what, decision });
  }

  #onTimeout(now: number): void {
    const decision = this.#round?.timeout(now);
    if (decision === undefined) return;
    this.#outbox.note({
      at: now,
      level: 'debug',
      event: 'timeout',
      round: this.#clock,
      vote: this.#vote,
      decision,
    });
  }

  /** Takes over the round's decision, if there is one. */
  #settle(now: number): void {
    const decision = this.#round?.decision;
    if (decision === undefined) return;
    const { vote, state, voteSet, early, leader } = decision;
    this.#clock = vote.electionEpoch;
    this.#round = undefined;
    this.#state = state;
    this.#decided = vote;
    this.#aftermath = new Aftermath(decision, this.#committed);
    // An observer learns the result when it asks again, which may take as long as its pauses have grown.
    if (state !== 'OBSERVING') {
      this.#outbox.send(this.#askers.keys(), { ...vote, electionEpoch: this.#clock }, state);
    }
    this.#askers.clear();
    this.#outbox.note({
      at: now,
      event: 'decided',
      round: this.#clock,
      state,
      vote,
      what: `${sidList(voteSet.acks())} ${voteText(vote)}`,
      decision: state === 'LEADING' ? 'LEADING' : `${state} ${leader}${early ? ', early' : ''}`,
    });
    this.#outbox.push({ kind: 'decide', decision });
  }

  /** True when the round was given up for a newer configuration. */
  #adoptsConfig(from: Sid, said: Notification, now: number): boolean {
    if (said.config === undefined || said.config === this.#outbox.configText) return false;
    const found = newerConfigIn(said.config, from, this.#committed, this.#lastSeen);
    if (found === undefined) return false;
    // A Java leader gives the first configuration a new version when it is established (ZOOKEEPER-1783).
    const isVersionOnly = 'differs' in found && !found.differs;
    const ignored =
      'fault' in found
        ? found.fault
        : this.#options.adoptsConfigs === true
          ? undefined
          : isVersionOnly
            ? 'only its version is new'
            : 'reconfig is not enabled';
    this.#outbox.note({
      at: now,
      event: 'config',
      level: ignored === undefined ? 'info' : isVersionOnly ? 'debug' : 'warn',
      round: this.#clock,
      peers: [from],
      what: `recv a newer configuration from ${from}`,
      decision: ignored === undefined ? 'adopt it' : `ignore it: ${ignored}`,
    });
    if ('fault' in found || ignored !== undefined) return false;
    this.#outbox.push({ kind: 'adoptConfig', ...found, from });
    if (found.differs) this.#leave();
    return found.differs;
  }

  #noteReceived(
    from: Sid,
    said: Notification | undefined,
    now: number,
    decision: string,
    level: election.ElectionNote['level'] = 'info',
  ): void {
    this.#outbox.note({
      at: now,
      level,
      event: 'received',
      round: this.#clock,
      peers: [from],
      state: said?.state,
      vote: said,
      decision,
    });
  }
}
