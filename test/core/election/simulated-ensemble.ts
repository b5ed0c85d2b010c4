// A whole ensemble of election machines on a message bus in memory, from one seed: random delays, losses, duplicates,
// messages that overtake each other, cut links, crashed servers. Links behave as the election mesh makes them: one
// message waits for a link, the last one is repeated on a new one, a dial of a dead server is refused.
//
// What follows an election is a sketch of Zab: a leader is established when a quorum follows it at one moment; whoever
// waits for that in vain, or loses its leader, looks again. Every decision is checked when it is made; `run` returns
// when the time is over, `converge` when all live servers are settled on one established leader.
import assert from 'node:assert/strict';
import type {
  Decision,
  ElectionEffect,
  ElectionEvent,
} from '../../../src/core/election/election-events.ts';
import { FastLeaderElection } from '../../../src/core/election/fast-leader-election.ts';
import type { QuorumVerifier } from '../../../src/core/election/quorum-verifier.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import { copyBytes } from '../../../src/util/bytes.ts';
import { Heap } from '../../../src/util/heap.ts';
import { Prng } from '../../../src/util/prng.ts';

export interface BusOptions {
  readonly seed: number;
  readonly verifier: QuorumVerifier;
  readonly decidesEarly?: boolean;
  readonly delayMsMax?: number;
  /** Probability that a message is lost, or comes twice. */
  readonly loss?: number;
  readonly duplication?: number;
}

interface Server {
  readonly sid: Sid;
  machine: FastLeaderElection;
  isUp: boolean;
  /** Grows with every start of the process and every role: what was scheduled for an earlier one is void. */
  term: number;
  zxid: bigint;
  currentEpoch: bigint;
  decision: Decision | undefined;
  established: boolean;
  wakeAt: number;
}

interface Task {
  readonly at: number;
  readonly number: number;
  readonly run: () => void;
}

/** As initLimit: how long a decision may stay without an established epoch. */
const establishMsMax = 3_000;
/** As syncLimit: how often a leader counts its learners, and learners look for their leader. */
const pingMs = 500;

export class SimulatedEnsemble {
  readonly random: Prng;
  readonly servers = new Map<Sid, Server>();
  /** Every decision made, with the round's votes as its maker had heard them. */
  readonly decisions: { readonly by: Sid; readonly decision: Decision }[] = [];
  now = 0;
  readonly #options: BusOptions;
  readonly #tasks = new Heap<Task>((a, b) => a.at < b.at || (a.at === b.at && a.number < b.number));
  #taskNumber = 0;
  /** `1-2` (from-to): the pairs that cannot talk; dials to them go unanswered. */
  readonly #cut = new Set<string>();
  readonly #linked = new Set<string>();
  readonly #lastSent = new Map<string, Uint8Array>();
  /** What servers cast for themselves, as `sid round zxid`: nobody may decide for a vote that was never cast. */
  readonly #cast = new Set<string>();
  #losesMessages = true;

  constructor(options: BusOptions) {
    this.#options = options;
    this.random = new Prng(options.seed);
    this.#at(pingMs, () => this.#ping());
    for (const sid of options.verifier.config.members.keys()) {
      this.servers.set(sid, {
        sid,
        machine: this.#newMachine(sid),
        isUp: false,
        term: 0,
        zxid: 0n,
        currentEpoch: 0n,
        decision: undefined,
        established: false,
        wakeAt: Number.POSITIVE_INFINITY,
      });
    }
  }

  server(sid: Sid): Server {
    const server = this.servers.get(sid);
    assert(server !== undefined);
    return server;
  }

  up(): Server[] {
    return [...this.servers.values()].filter(({ isUp }) => isUp);
  }

  boot(sid: Sid): void {
    const server = this.server(sid);
    if (server.isUp) return;
    server.isUp = true;
    server.machine = this.#newMachine(sid);
    this.#look(server);
  }

  crash(sid: Sid): void {
    const server = this.server(sid);
    if (!server.isUp) return;
    server.isUp = false;
    server.term++;
    server.decision = undefined;
    for (const other of this.servers.keys()) this.#unlink(sid, other);
  }

  /** Nothing passes between the two any more. `noticed`: their links break; otherwise they believe in them. */
  cut(a: Sid, b: Sid, noticed: boolean): void {
    this.#cut.add(`${a}-${b}`).add(`${b}-${a}`);
    if (noticed) this.#unlink(a, b);
  }

  /** The network works from now on: no cuts, no losses. Links that were believed in are found broken. */
  heal(): void {
    for (const pair of [...this.#cut]) {
      const [a = '', b = ''] = pair.split('-');
      this.#unlink(BigInt(a), BigInt(b));
    }
    this.#cut.clear();
    this.#losesMessages = false;
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (let task = this.#tasks.peek(); task !== undefined && task.at <= end; ) {
      this.#tasks.pop();
      this.now = task.at;
      task.run();
      task = this.#tasks.peek();
    }
    this.now = end;
  }

  /** Runs until every live server is settled on one established leader; returns it. Fails when `msMax` is over. */
  converge(msMax: number): Sid {
    const end = this.now + msMax;
    while (this.now < end) {
      this.run(50);
      const leaders = new Set(this.up().map(({ decision }) => decision?.leader));
      const [leader] = leaders;
      if (leaders.size === 1 && leader !== undefined && this.server(leader).established) {
        return leader;
      }
    }
    const states = this.up().map(({ sid, machine, decision }) => {
      return `${sid}: ${machine.status().state} ${decision?.leader} round ${machine.status().round}`;
    });
    assert.fail(`seed ${this.#options.seed}: no leader after ${msMax} ms: ${states.join('; ')}`);
  }

  #newMachine(mySid: Sid): FastLeaderElection {
    const { verifier, decidesEarly = true } = this.#options;
    return new FastLeaderElection({ mySid, committed: verifier, decidesEarly });
  }

  #at(delayMs: number, run: () => void): void {
    this.#tasks.push({ at: this.now + delayMs, number: this.#taskNumber++, run });
  }

  #look(server: Server): void {
    server.term++;
    server.decision = undefined;
    server.established = false;
    this.#step(server, { kind: 'left' });
    const { term } = server;
    this.#at(1 + this.random.below(10), () => {
      if (!server.isUp || server.term !== term) return;
      const { zxid, currentEpoch } = server;
      this.#step(server, { kind: 'started', zxid, currentEpoch });
    });
  }

  #step(server: Server, event: ElectionEvent): void {
    const effects = server.machine.step(event, this.now);
    if (event.kind === 'received') event.bytes.fill(0xee);
    for (const effect of effects) this.#perform(server, effect);
    this.#wake(server);
  }

  #wake(server: Server): void {
    const { at } = server.machine.deadline;
    if (at === server.wakeAt || at === Number.POSITIVE_INFINITY) return;
    server.wakeAt = at;
    const { machine } = server;
    this.#at(Math.max(0, at - this.now) + this.random.below(3), () => {
      server.wakeAt = Number.POSITIVE_INFINITY;
      if (server.isUp && server.machine === machine) this.#step(server, { kind: 'timeout' });
    });
  }

  #perform(server: Server, effect: ElectionEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#lastSent.set(`${server.sid}-${effect.to}`, effect.bytes);
        if (this.#linked.has(`${server.sid}-${effect.to}`)) {
          this.#deliver(server.sid, effect.to, effect.bytes);
        } else {
          this.#dial(server.sid, effect.to);
        }
        break;
      case 'connect':
        this.#dial(server.sid, effect.sid);
        break;
      case 'connectAll':
        for (const to of this.servers.keys()) {
          if (this.#lastSent.has(`${server.sid}-${to}`)) this.#dial(server.sid, to);
        }
        break;
      case 'decide':
        this.#onDecision(server, effect.decision);
        break;
      case 'reconsider':
        if (!server.established) this.#look(server);
        break;
      case 'note': {
        const { event, vote, round } = effect.note;
        if (event === 'sent' && vote?.leader === Number(server.sid)) {
          this.#cast.add(`${vote.leader} ${round} ${vote.zxid}`);
        }
        break;
      }
      default:
        break;
    }
  }

  #dial(from: Sid, to: Sid): void {
    const pair = `${from}-${to}`;
    const target = this.servers.get(to);
    if (target === undefined || this.#linked.has(pair) || this.#cut.has(pair)) return;
    const dialler = this.server(from);
    const { term } = dialler;
    this.#at(1 + this.random.below(5), () => {
      if (!dialler.isUp || dialler.term !== term || this.#cut.has(pair)) return;
      if (!target.isUp) {
        this.#step(dialler, { kind: 'dialRefused', sid: to });
        return;
      }
      if (this.#linked.has(pair)) return;
      this.#linked.add(pair).add(`${to}-${from}`);
      for (const [a, b] of [
        [dialler, target],
        [target, dialler],
      ] as const) {
        this.#step(a, { kind: 'linkEstablished', sid: b.sid });
        const last = this.#lastSent.get(`${a.sid}-${b.sid}`);
        if (last !== undefined) this.#deliver(a.sid, b.sid, last);
      }
    });
  }

  #unlink(a: Sid, b: Sid): void {
    if (!this.#linked.delete(`${a}-${b}`)) return;
    this.#linked.delete(`${b}-${a}`);
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const server = this.server(one);
      if (!server.isUp) this.#lastSent.delete(`${one}-${other}`);
      this.#at(1 + this.random.below(5), () => {
        if (server.isUp) this.#step(server, { kind: 'linkBroken', sid: other });
        if (server.isUp && server.decision?.leader === other) this.#look(server);
      });
    }
  }

  #deliver(from: Sid, to: Sid, message: Uint8Array): void {
    const { delayMsMax = 10, loss = 0, duplication = 0 } = this.#options;
    if (this.#losesMessages && this.random.chance(loss)) return;
    const copies = this.random.chance(duplication) ? 2 : 1;
    const target = this.server(to);
    for (let copy = 0; copy < copies; copy++) {
      this.#at(1 + this.random.below(delayMsMax), () => {
        if (!target.isUp || this.#cut.has(`${from}-${to}`)) return;
        this.#step(target, { kind: 'received', from, bytes: copyBytes(message) });
      });
    }
  }

  #onDecision(server: Server, decision: Decision): void {
    this.decisions.push({ by: server.sid, decision });
    this.#check(server, decision);
    server.decision = decision;
    const { term } = server;
    this.#at(establishMsMax, () => {
      if (server.isUp && server.term === term && !server.established) this.#look(server);
    });
    this.#establish(decision.leader);
  }

  /** What must hold of every decision, whatever the network did. */
  #check(server: Server, decision: Decision): void {
    const { vote, leader, voteSet, state } = decision;
    const { verifier } = this.#options;
    const where = `seed ${this.#options.seed}, ${server.sid} decides for ${leader}`;
    assert(voteSet.hasAllQuorums(), `${where} without a quorum`);
    assert(verifier.voters.has(leader), `${where}, no voter`);
    assert.notEqual(verifier.weight(leader), 0, `${where}, which weighs 0`);
    assert.equal(leader === server.sid, state === 'LEADING', where);
    const cast = `${leader} ${vote.electionEpoch} 0x${vote.zxid.toString(16)}`;
    assert(this.#cast.has(cast), `${where}, a vote it never cast: ${cast}`);
  }

  /** Whoever is established and has lost its quorum, or its leader, looks again. */
  #ping(): void {
    for (const server of this.up()) {
      const { decision, established } = server;
      if (decision === undefined || !established) continue;
      const head = this.server(decision.leader);
      const leads = head.isUp && head.decision?.state === 'LEADING';
      const isReachable = !this.#cut.has(`${server.sid}-${decision.leader}`);
      if (!leads || !isReachable || !this.#hasQuorum(head.sid)) this.#look(server);
    }
    this.#at(pingMs, () => this.#ping());
  }

  #supporters(leader: Sid): Server[] {
    return this.up().filter(
      ({ sid, decision }) => decision?.leader === leader && !this.#cut.has(`${sid}-${leader}`),
    );
  }

  #hasQuorum(leader: Sid): boolean {
    return this.#options.verifier.containsQuorum(this.#supporters(leader).map(({ sid }) => sid));
  }

  /** A leader is established at the moment a quorum follows it. */
  #establish(leader: Sid): void {
    const head = this.server(leader);
    if (!head.isUp || head.decision?.state !== 'LEADING' || !this.#hasQuorum(leader)) return;
    const supporters = this.#supporters(leader);
    if (!head.established) {
      const epochs = this.up().map(({ currentEpoch }) => currentEpoch);
      head.currentEpoch = epochs.reduce((a, b) => (a > b ? a : b), 0n) + 1n;
      head.zxid = head.currentEpoch << 32n;
    }
    for (const server of supporters) {
      if (server.established) continue;
      server.established = true;
      server.currentEpoch = head.currentEpoch;
      server.zxid = head.zxid;
      const epoch = head.currentEpoch;
      this.#at(0, () => this.#step(server, { kind: 'epochEstablished', epoch }));
    }
  }
}
