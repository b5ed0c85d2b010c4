/**
 * A leader and its learners in this process: real replicas, drivers and client links, joined by a broadcast that is
 * scripted. Links are queues in order; a test may hold any of them, the commits, or let everything run.
 *
 * In: chunks of bytes of clients at any server. Out: what FakeServer gives, for each server. Invariants: a link keeps
 * its order in both directions; a commit is delivered everywhere, in zxid order, after the leader's disk has it.
 */
import type { ReplicaOptions } from '../../src/core/replica-options.ts';
import type { Forwarded, Forwarding, Proposing } from '../../src/core/request/write-path.ts';
import { Link } from '../../src/core/zab/link.ts';
import type { HistoryTxn } from '../../src/core/zab/txn-arena.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import { Deque } from '../../src/util/deque.ts';
import { emptyDatabase, FakeServer, FakeWorld } from './fake-server.ts';

export const ensembleEpoch = 1;

/** One direction of a link. */
export class Channel {
  readonly #world: FakeWorld;
  readonly #messages = new Deque<() => void>();
  #isHeld = false;

  constructor(world: FakeWorld) {
    this.#world = world;
  }

  get waiting(): number {
    return this.#messages.length;
  }

  send(message: () => void): void {
    this.#messages.push(message);
    this.#world.soon(() => this.#deliver());
  }

  hold(): void {
    this.#isHeld = true;
  }

  /** Lets everything through, or so many messages. */
  release(count?: number): void {
    if (count === undefined) this.#isHeld = false;
    const messages = count ?? this.#messages.length;
    for (let left = messages; left > 0; left--) this.#messages.shift()?.();
  }

  #deliver(): void {
    if (!this.#isHeld) this.#messages.shift()?.();
  }
}

export class FakeLearner {
  readonly server: FakeServer;
  readonly link = new Link('10.0.0.1', 1 << 20);
  readonly up: Channel;
  readonly down: Channel;
  /** What went to the leader, by type. */
  readonly forwarded: number[] = [];
  readonly #ensemble: FakeEnsemble;
  readonly #syncs = new Deque<object>();

  constructor(ensemble: FakeEnsemble, serverId: number, options: Partial<ReplicaOptions>) {
    this.#ensemble = ensemble;
    const { world } = ensemble;
    this.up = new Channel(world);
    this.down = new Channel(world);
    this.server = new FakeServer(options, {
      ...{ world, serverId, database: emptyDatabase() },
      role: { kind: 'learner', leader: this.#forwarding(), epoch: ensembleEpoch },
    });
  }

  /** The answer to the leader's ping: whom this learner heard of. */
  ping(): void {
    const touched = [...this.server.sessions.takeTouched()];
    this.up.send(() => {
      const { leader, world } = this.#ensemble;
      for (const [id, timeoutMs] of touched) {
        leader.replica.touchedAtLearner(this.link, id, timeoutMs, world.now);
      }
    });
  }

  syncReleased(): void {
    const waiter = this.#syncs.shift();
    if (waiter === undefined) throw new Error('a SYNC nobody waits for');
    this.server.driver.syncReleased(waiter);
  }

  #forwarding(): Forwarding {
    return {
      isServing: true,
      forward: (request) => this.#forward(request),
      sync: (waiter, request) => {
        this.#syncs.push(waiter);
        this.#forward(request);
      },
      revalidate: (sessionId, timeoutMs) => {
        this.up.send(() => {
          const { leader, world } = this.#ensemble;
          const { link } = this;
          const isValid = leader.replica.revalidateAtLearner(link, sessionId, timeoutMs, world.now);
          this.down.send(() => this.server.driver.revalidated(sessionId, isValid));
        });
      },
    };
  }

  #forward({ sessionId, cxid, type, bytes, start, end, authinfo }: Forwarded): void {
    const body = new Uint8Array(bytes.subarray(start, end));
    this.forwarded.push(type);
    this.up.send(() => {
      if (type === OpCode.sync) {
        this.#ensemble.sync(this);
        return;
      }
      const request = { sessionId, cxid, type, authinfo, link: this.link };
      const length = body.length;
      this.#ensemble.leader.driver.forwarded({ ...request, bytes: body, start: 0, end: length });
    });
  }
}

export interface FakeEnsembleOptions {
  readonly learners?: number;
  readonly server?: Partial<ReplicaOptions>;
  /** Counters of the epoch, as if there were only so many. */
  readonly counterMax?: number;
}

export class FakeEnsemble {
  readonly world = new FakeWorld();
  readonly leader: FakeServer;
  readonly learners: readonly FakeLearner[];
  /** While true, the quorum has nothing. */
  holdsCommits = false;
  readonly #proposals = new Deque<HistoryTxn>();
  readonly #syncs = new Deque<{ readonly zxid: bigint; readonly waiter: FakeLearner | object }>();
  readonly #counterMax: number;
  #lastProposed = 0n;
  #lastSynced = 0n;

  constructor(options: FakeEnsembleOptions = {}) {
    this.#counterMax = options.counterMax ?? 0xfffffffe;
    const { world } = this;
    this.leader = new FakeServer(options.server ?? {}, {
      ...{ world, serverId: 1, database: emptyDatabase() },
      role: { kind: 'leader', leader: this.#proposing(), epoch: ensembleEpoch },
      synced: (zxid) => {
        this.#lastSynced = zxid;
        this.#commit();
      },
    });
    this.learners = Array.from({ length: options.learners ?? 2 }, (_, index) => {
      return new FakeLearner(this, index + 2, options.server ?? {});
    });
  }

  get servers(): readonly FakeServer[] {
    return [this.leader, ...this.learners.map(({ server }) => server)];
  }

  get outstanding(): number {
    return this.#proposals.length;
  }

  learner(index = 0): FakeLearner {
    const learner = this.learners[index];
    if (learner === undefined) throw new Error(`no learner ${index}`);
    return learner;
  }

  run(): void {
    this.world.run();
    for (const server of this.servers) server.run();
  }

  /** Moves time in small steps; the learners answer pings at each. */
  advance(ms: number): void {
    for (let left = ms; left > 0; left -= 500) {
      this.world.advance(Math.min(left, 500));
      for (const learner of this.learners) learner.ping();
      this.run();
    }
  }

  releaseCommits(): void {
    this.holdsCommits = false;
    this.#commit();
    this.run();
  }

  sync(waiter: FakeLearner | object): void {
    if (this.#proposals.length === 0) this.#release(waiter);
    else this.#syncs.push({ zxid: this.#lastProposed, waiter });
  }

  #proposing(): Proposing {
    const ensemble = this;
    return {
      get canPropose() {
        return Number(BigInt.asUintN(32, ensemble.#lastProposed)) < ensemble.#counterMax;
      },
      get outstanding() {
        return ensemble.#proposals.length;
      },
      propose(zxid, bytes, start, end) {
        if (!this.canPropose) throw new Error('proposed with no counter left');
        ensemble.#lastProposed = zxid;
        const copy = new Uint8Array(bytes.subarray(start, end));
        ensemble.#proposals.push({ zxid, bytes: copy, start: 0, end: copy.length });
      },
      sync: (waiter) => ensemble.sync(waiter),
    };
  }

  #commit(): void {
    while (!this.holdsCommits) {
      const txn = this.#proposals.peek();
      if (txn === undefined || txn.zxid > this.#lastSynced) return;
      this.#proposals.shift();
      for (const { server, down } of this.learners) {
        down.send(() => server.driver.delivered(txn));
      }
      this.leader.driver.delivered(txn);
      for (let sync = this.#syncs.peek(); sync !== undefined; sync = this.#syncs.peek()) {
        if (sync.zxid > txn.zxid) break;
        this.#syncs.shift();
        this.#release(sync.waiter);
      }
    }
  }

  #release(waiter: FakeLearner | object): void {
    if (waiter instanceof FakeLearner) waiter.down.send(() => waiter.syncReleased());
    else this.leader.driver.syncReleased(waiter);
  }
}
