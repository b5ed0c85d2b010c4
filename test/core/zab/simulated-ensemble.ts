// Servers in memory: production Leaders and Learners on model hosts, on a bus that delays, cuts packets anywhere,
// breaks links and crashes servers, all from one seed. A stub elects: mostly the best of a quorum of those that
// look, at times anybody, as Zab must be safe whoever is elected. Ghost checks every step.

import assert from 'node:assert/strict';
import { printQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import type { QuorumVerifier } from '../../../src/core/election/quorum-verifier.ts';
import { Leader } from '../../../src/core/zab/leader.ts';
import type { EpochName, LeaderEvent } from '../../../src/core/zab/leader-events.ts';
import { Learner } from '../../../src/core/zab/learner.ts';
import type { LearnerEvent } from '../../../src/core/zab/learner-events.ts';
import { PacketType } from '../../../src/proto/quorum.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { Heap } from '../../../src/util/heap.ts';
import { Prng } from '../../../src/util/prng.ts';
import type { HostWorld, ModelTxn } from '../../support/zab-host.ts';
import { encodeTxn, ZabHost } from '../../support/zab-host.ts';
import { Ghost } from './ghost.ts';
import { performLeader, performLearner } from './simulated-effects.ts';
import type { Wire } from './simulated-network.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import type { Server } from './simulated-server.ts';
import { isBetter } from './simulated-server.ts';

export interface Faults {
  /** Chance that a message, a disk write, is slow: longer than syncLimit. */
  readonly stall: number;
  /** Chance, at each fault that is due, that servers crash; else links break. */
  readonly crash: number;
  /** Chance that the stub elects anybody. */
  readonly wildElection: number;
}

export interface EnsembleOptions {
  /** Nobody is elected and nothing proposed but as the test says. */
  readonly isManual?: boolean;
  readonly verifier: QuorumVerifier;
  readonly seed: number;
  readonly faults: Faults;
  /** The last counter an epoch may use, where it is not ZooKeeper's. */
  readonly counterMax?: number | undefined;
}

interface Task {
  readonly at: number;
  readonly number: number;
  readonly run: () => void;
}

const tickTimeMs = 100;
const initLimit = 10;
const syncLimit = 5;
const stallMs = tickTimeMs * (syncLimit + 2);

export class SimulatedEnsemble implements HostWorld {
  readonly random: Prng;
  readonly ghost: Ghost;
  readonly servers = new Map<Sid, Server>();
  readonly network: SimulatedNetwork;
  /** What the machines said; the last of it explains a failure. */
  readonly trace: string[] = [];
  now = 0;
  /** Proposals that were made, and of them those that the leader delivered. */
  proposals = 0;
  acknowledged = 0;
  /** How often learners were brought up to date, by mode. */
  readonly syncs = { DIFF: 0, TRUNC: 0, SNAP: 0 };
  faults: Faults;
  /** 0: disks do not fail. */
  readonly oddities: number;
  readonly #verifier: QuorumVerifier;
  readonly #configText: string;
  readonly #counterMax: number | undefined;
  readonly #tasks = new Heap<Task>((a, b) => a.at < b.at || (a.at === b.at && a.number < b.number));
  readonly #held = new Map<Sid, (() => void)[]>();
  #taskNumber = 0;
  #isWriting = true;

  constructor({ verifier, seed, faults, counterMax, isManual = false }: EnsembleOptions) {
    this.random = new Prng(seed);
    this.#verifier = verifier;
    this.#configText = printQuorumConfig(verifier.config);
    this.faults = faults;
    this.#counterMax = counterMax;
    this.ghost = new Ghost(verifier, counterMax);
    this.network = new SimulatedNetwork(this);
    for (const [sid, { role }] of verifier.config.members) {
      this.servers.set(sid, {
        ...{ sid, host: new ZabHost(sid, this), isObserver: role === 'observer', isUp: false },
        ...{ role: undefined, leader: undefined, wantsSnapshot: false, isLooking: false },
        ...{ wakeAt: Number.POSITIVE_INFINITY, knownAcceptedEpoch: -1 },
      });
    }
    this.oddities = isManual ? 0 : 1;
    if (isManual) return;
    this.after(5, () => this.#elect());
    this.after(5, () => this.#write());
  }

  // ---- time ----

  after(ms: number, run: () => void): void {
    this.#tasks.push({ at: this.now + ms, number: this.#taskNumber++, run });
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

  /** Some milliseconds, or a stall. */
  delay(most: number): number {
    if (this.random.chance(this.faults.stall)) return this.random.below(2 * stallMs);
    return this.random.below(most);
  }

  say(line: string): void {
    this.trace.push(`${this.now} ${line}`);
    if (this.trace.length > 400) this.trace.splice(0, 100);
  }

  // ---- servers ----

  server(sid: Sid): Server {
    const server = this.servers.get(sid);
    assert.ok(server !== undefined);
    return server;
  }

  up(): Server[] {
    return [...this.servers.values()].filter(({ isUp }) => isUp);
  }

  boot(sid: Sid): void {
    const server = this.server(sid);
    if (server.isUp) return;
    server.isUp = true;
    server.wantsSnapshot = false;
    server.host.boot();
    this.say(`${sid}: boot at ${server.host.lastZxid.toString(16)}`);
    this.look(server);
  }

  /** `kept`: what of the disk's work that was under way is there afterwards. */
  crash(sid: Sid, kept: 'anything' | 'nothing' = 'anything'): void {
    const server = this.server(sid);
    if (!server.isUp) return;
    this.say(`${sid}: crash`);
    server.isUp = false;
    server.role = undefined;
    server.isLooking = false;
    server.host.term++;
    this.#held.delete(sid);
    server.host.crash(this.random, kept);
    this.network.cut(sid);
  }

  /** Leaves whatever role it has. */
  look(server: Server): void {
    server.role = undefined;
    server.leader = undefined;
    server.host.term++;
    this.tryLook(server);
  }

  tryLook(server: Server): void {
    if (!server.isUp || server.role !== undefined || server.isLooking) return;
    if (!server.host.isQuiet) return;
    server.host.endRole();
    server.isLooking = true;
  }

  #elect(): void {
    this.after(5 + this.random.below(40), () => this.#elect());
    const looking = this.up().filter(({ isLooking }) => isLooking);
    const voters = this.random.shuffle(looking.filter(({ isObserver }) => !isObserver));
    const supporters: Server[] = [];
    const sids = (): Sid[] => supporters.map(({ sid }) => sid);
    while (!this.#verifier.containsQuorum(sids())) {
      const next = voters.pop();
      if (next === undefined) break;
      supporters.push(next);
    }
    if (this.random.chance(this.faults.wildElection)) {
      const anybody = this.random.pick([...this.servers.values()]);
      if (!anybody.isObserver && anybody.isLooking) this.lead(anybody);
      for (const server of looking) if (this.random.chance(0.5)) this.follow(server, anybody.sid);
      return;
    }
    if (this.#verifier.containsQuorum(sids())) {
      const best = supporters.reduce((a, b) => (isBetter(a, b) ? a : b));
      this.lead(best);
      for (const server of supporters) this.follow(server, best.sid);
      return;
    }
    // Who comes late finds the leader that the others follow.
    const leader = this.up().find(({ role }) => role instanceof Leader);
    if (leader === undefined) return;
    for (const server of looking) this.follow(server, leader.sid);
  }

  lead(server: Server): void {
    const { host } = server;
    server.isLooking = false;
    const options = {
      ...{ mySid: server.sid, term: host.term, committed: this.#verifier },
      ...{ tickTimeMs, initLimit, syncLimit, committedLog: host.committedLog },
      logBytesMax: () => 40 * 30,
      ...(this.#counterMax === undefined ? {} : { counterMax: this.#counterMax }),
    };
    const { acceptedEpoch, currentEpoch } = host.durable;
    const { knownAcceptedEpoch } = server;
    const lastProcessedZxid = host.lastZxid;
    const start = { acceptedEpoch, currentEpoch, lastProcessedZxid, knownAcceptedEpoch };
    const leader = new Leader(options, host, start);
    server.role = leader;
    host.onRequest = ({ link, type }) => {
      if (type === 9) leader.sync(link);
    };
    this.stepLeader(server, { kind: 'started' });
  }

  follow(server: Server, leader: Sid): void {
    if (!server.isLooking || server.sid === leader) return;
    const { host } = server;
    server.isLooking = false;
    server.leader = leader;
    const { acceptedEpoch, currentEpoch } = host.durable;
    const wire = this.network.dial(server.sid, leader);
    const options = {
      ...{ mySid: server.sid, term: host.term, leader, acceptedEpoch, currentEpoch },
      ...{ tickTimeMs, initLimit, syncLimit, lastZxid: host.lastZxid },
      role: server.isObserver ? ('observer' as const) : ('follower' as const),
      ...{ configVersion: 0n, configText: this.#configText, committedLog: host.committedLog },
      wantsSnapshot: server.wantsSnapshot,
    };
    server.role = new Learner(options, wire.link, host);
    this.#wake(server);
  }

  stepLeader(server: Server, event: LeaderEvent): void {
    const { role } = server;
    if (!(role instanceof Leader)) return;
    for (const effect of role.step(event, this.now)) performLeader(this, server, role, effect);
    this.#stepped(server);
  }

  stepLearner(server: Server, event: LearnerEvent): void {
    const { role } = server;
    if (!(role instanceof Learner)) return;
    for (const effect of role.step(event, this.now)) performLearner(this, server, role, effect);
    this.#stepped(server);
  }

  #stepped(server: Server): void {
    if (this.random.chance(0.01)) this.#sayStale(server);
    if (server.role instanceof Learner && server.role.isServing)
      this.ghost.checkServing(server.host);
    this.network.flush();
    this.#wake(server);
  }

  /** A completion that belongs to an earlier role; it must change nothing. */
  #sayStale(server: Server): void {
    const term = server.host.term - 1;
    const zxid = BigInt(this.random.below(12)) * 0x100000000n + BigInt(this.random.below(60));
    this.synced(server.host, term, zxid);
    this.epochSaved(server.host, term, 'currentEpoch', this.random.below(12));
  }

  #wake(server: Server): void {
    const { role } = server;
    const at = role?.deadline.at ?? Number.POSITIVE_INFINITY;
    if (role === undefined || at === Number.POSITIVE_INFINITY || at === server.wakeAt) return;
    server.wakeAt = at;
    this.after(Math.max(0, at - this.now) + this.random.below(4), () => {
      server.wakeAt = Number.POSITIVE_INFINITY;
      if (server.role !== role) return;
      this.stepLeader(server, { kind: 'timeout' });
      this.stepLearner(server, { kind: 'timeout' });
      this.#wake(server);
    });
  }

  // ---- the load ----

  /** Stops new proposals. */
  stopWriting(): void {
    this.#isWriting = false;
  }

  #write(): void {
    this.after(this.random.below(30), () => this.#write());
    if (!this.#isWriting) return;
    for (const server of this.up()) if (this.random.chance(0.7)) this.propose(server);
  }

  /** False: it may not. */
  propose(server: Server): boolean {
    const { role, host } = server;
    if (!(role instanceof Leader) || !role.canPropose) return false;
    const txn = { zxid: role.status().lastProposed + 1n, id: ++this.proposals };
    this.ghost.proposed(txn, host);
    const bytes = encodeTxn(txn);
    host.appendModel(txn);
    role.propose(txn.zxid, bytes, 0, bytes.length);
    for (const effect of role.takeEffects()) performLeader(this, server, role, effect);
    this.#stepped(server);
    return true;
  }

  // ---- slow disks ----

  /** Nothing this server's disk is given from now on is done before `diskStep` or `releaseDisk`. */
  holdDisk(sid: Sid): void {
    this.#held.set(sid, []);
  }

  /** One thing is done; false: nothing is under way. */
  diskStep(sid: Sid): boolean {
    const run = this.#held.get(sid)?.shift();
    run?.();
    this.network.flush();
    return run !== undefined;
  }

  releaseDisk(sid: Sid): void {
    const held = this.#held.get(sid) ?? [];
    this.#held.delete(sid);
    for (const run of held) run();
    this.network.flush();
  }

  // ---- HostWorld ----

  diskDone(host: ZabHost, run: () => void): void {
    const { life } = host;
    const done = (): void => {
      if (host.life !== life) return;
      run();
      this.tryLook(this.server(host.sid));
    };
    const held = this.#held.get(host.sid);
    if (held === undefined) this.after(this.delay(15), done);
    else held.push(done);
  }

  changed(host: ZabHost): void {
    this.ghost.diskChanged(host);
  }

  delivered(host: ZabHost, txn: ModelTxn): void {
    const { role } = this.server(host.sid);
    if (!(role instanceof Leader)) return;
    this.ghost.committedBy(txn);
    this.acknowledged++;
  }

  synced(host: ZabHost, term: number, zxid: Zxid): void {
    const server = this.server(host.sid);
    this.stepLeader(server, { kind: 'synced', term, zxid });
    this.stepLearner(server, { kind: 'synced', term, zxid });
  }

  epochSaved(host: ZabHost, term: number, name: EpochName, epoch: number): void {
    const server = this.server(host.sid);
    this.stepLeader(server, { kind: 'epochSaved', term, name, epoch });
    this.stepLearner(server, { kind: 'epochSaved', term, name, epoch });
  }

  answered(): void {}

  // ---- what the network tells ----

  /** A packet leaves a learner; its meaning is checked where it is a promise. */
  sent(wire: Wire, type: number, zxid: Zxid, data: Uint8Array): void {
    const { host, role } = this.server(wire.learner);
    if (type === PacketType.ACK) this.ghost.acked(host, zxid);
    if (type !== PacketType.ACKEPOCH) return;
    const counts = new DataView(data.buffer, data.byteOffset).getInt32(0) !== -1;
    const epoch = role instanceof Learner ? (role.status().epoch ?? 0) : 0;
    this.ghost.promised(host, wire.leader, epoch, counts);
  }
}
