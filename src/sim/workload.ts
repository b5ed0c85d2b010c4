// What simulated clients do: bursts of random operations on a few paths, so that they meet; watches; and now and then a
// client that is closed, killed, or silent for longer than its session lives. In: a seed, a budget of operations. Out:
// their history. Invariant: data names its operation, so no two writes look alike.

import type { MultiOp } from '../client/multi.ts';
import type { ServerAddress } from '../core/client/server-list.ts';
import type { Prng } from '../util/prng.ts';
import type { Invocation } from './invocation.ts';
import type { Operation, SingleWrite } from './operation.ts';
import { SimClient } from './sim-client.ts';
import type { World } from './world.ts';

export interface WorkloadSettings {
  readonly servers: readonly ServerAddress[];
  /** Alive at a time. */
  readonly clients: number;
  readonly operations: number;
  readonly sessionTimeoutMs: number;
  /** Mean pause of a client between two bursts. */
  readonly thinkMs: number;
  readonly burstMax: number;
  /** Share of operations that only read. */
  readonly readShare: number;
  /** Told of each operation as it ends. */
  readonly ended?: (invocation: Invocation) => void;
}

/** A client with more operations on their way than this waits. */
const pendingMax = 200;

export class Workload {
  readonly clients: SimClient[] = [];
  readonly #world: World;
  readonly #settings: WorkloadSettings;
  readonly #chance: Prng;
  readonly #active: SimClient[] = [];
  #left: number;
  #named = 0;

  constructor(world: World, settings: WorkloadSettings) {
    this.#world = world;
    this.#settings = settings;
    this.#chance = world.fork('workload');
    this.#left = settings.operations;
  }

  get invocations(): Invocation[] {
    return this.clients.flatMap(({ history }) => history);
  }

  get live(): SimClient[] {
    return this.clients.filter((client) => !client.isOver);
  }

  /** The budget is spent. */
  get isSpent(): boolean {
    return this.#left <= 0;
  }

  start(): void {
    for (let i = 0; i < this.#settings.clients; i++) {
      this.#active.push(this.#newClient());
      this.#next(i);
    }
  }

  #newClient(): SimClient {
    const { servers, sessionTimeoutMs } = this.#settings;
    const timeout = Math.ceil(sessionTimeoutMs * (0.5 + this.#chance.fraction()));
    const name = `c${this.clients.length + 1}`;
    const client = new SimClient(this.#world, name, { servers, sessionTimeoutMs: timeout });
    client.onEnded = this.#settings.ended;
    this.clients.push(client);
    return client;
  }

  #next(slot: number): void {
    const pause = -this.#settings.thinkMs * Math.log(1 - this.#chance.fraction());
    this.#world.clock.after(pause, () => {
      if (this.isSpent) return;
      this.#act(slot);
      this.#next(slot);
    });
  }

  #act(slot: number): void {
    const chance = this.#chance;
    const client = this.#active[slot];
    if (client === undefined) return;
    if (client.isOver) {
      this.#active[slot] = this.#newClient();
      return;
    }
    const what = chance.fraction();
    if (what < 0.01) {
      this.#world.count('client close');
      const rudely = chance.chance(0.3) ? [this.#write(), this.#write()] : [];
      client.close(...rudely);
    } else if (what < 0.02) {
      this.#world.count('client kill');
      client.kill();
    } else if (what < 0.025) {
      this.#world.count('client pause');
      const { process } = client.machine;
      process?.pause();
      const ms = this.#settings.sessionTimeoutMs * 3 * chance.fraction();
      this.#world.clock.after(ms, () => process?.resume());
    } else if (what < 0.04) {
      this.#world.count('connections reset');
      this.#world.net.resetConnections(client.machine.host);
    } else if (what < 0.045) {
      this.#world.count('connections held');
      const ms = this.#settings.sessionTimeoutMs * 2 * chance.fraction();
      this.#world.net.holdConnections(client.machine.host, ms);
    } else if (client.pending < pendingMax) {
      const count = 1 + chance.below(this.#settings.burstMax);
      const operations = Array.from({ length: count }, () => this.#operation());
      this.#left -= count;
      client.request(...operations);
    }
  }

  #operation(): Operation {
    const chance = this.#chance;
    if (chance.chance(this.#settings.readShare)) {
      const type = chance.pick(['getData', 'exists', 'getChildren', 'sync'] as const);
      const path = this.#anyPath();
      return type === 'sync' ? { type, path } : { type, path, watch: chance.chance(0.4) };
    }
    if (chance.chance(0.1)) {
      const length = chance.below(6);
      return { type: 'multi', ops: Array.from({ length }, () => this.#partOfMulti()) };
    }
    return this.#write();
  }

  #partOfMulti(): MultiOp {
    if (!this.#chance.chance(0.25)) return this.#write();
    return { type: 'check', path: this.#anyPath(), version: this.#version() };
  }

  #write(): SingleWrite {
    const chance = this.#chance;
    const what = chance.fraction();
    if (what < 0.3) {
      const type = chance.chance(0.5) ? 'create' : 'create2';
      return { type, path: this.#anyPath(), data: this.#data() };
    }
    if (what < 0.4) {
      const path = chance.chance(0.8) ? `/e${chance.below(6)}` : this.#anyPath();
      return { type: 'create', path, data: this.#data(), mode: 'EPHEMERAL' };
    }
    if (what < 0.5) {
      const mode = chance.chance(0.5) ? 'EPHEMERAL_SEQUENTIAL' : 'PERSISTENT_SEQUENTIAL';
      return { type: 'create', path: `${this.#container()}/s-`, data: this.#data(), mode };
    }
    if (what < 0.7) return { type: 'delete', path: this.#anyPath(), version: this.#version() };
    return { type: 'setData', path: this.#anyPath(), data: this.#data(), version: this.#version() };
  }

  #version(): number {
    return this.#chance.chance(0.7) ? -1 : this.#chance.below(3);
  }

  #container(): string {
    return `/${this.#chance.pick(['a', 'b', 'c', 'd'])}`;
  }

  #anyPath(): string {
    const chance = this.#chance;
    const what = chance.fraction();
    if (what < 0.4) return this.#container();
    if (what < 0.5) return `/e${chance.below(6)}`;
    if (what < 0.9) return `${this.#container()}/${chance.pick(['x', 'y', 'z'])}`;
    return `${this.#container()}/s-${String(chance.below(8)).padStart(10, '0')}`;
  }

  #data(): string {
    const name = `w${++this.#named}`;
    const chance = this.#chance;
    if (chance.chance(0.9)) return name;
    return name.padEnd(chance.chance(0.9) ? chance.below(2000) : chance.below(40_000), '.');
  }
}
