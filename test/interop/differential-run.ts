/**
 * A whole run of the differential test: which step comes next, until there were enough operations.
 *
 * In: the ports of the two servers, the seed, the number of operations. Out: an exchange that knows
 * what was seen. Invariant: every step ends with both servers' answers compared, so that a failure
 * names the step and the same seed meets it again.
 */
import { OpCode } from '../../src/proto/opcodes.ts';
import { Prng } from '../../src/util/prng.ts';
import { users } from './differential-acls.ts';
import { Exchange } from './differential-exchange.ts';
import { Generator } from './differential-generator.ts';
import { Quotas } from './differential-quotas.ts';
import type { Request } from './differential-requests.ts';
import { make } from './differential-requests.ts';
import { Sessions } from './differential-sessions.ts';
import type { Both, ConnectionState } from './differential-world.ts';
import { World } from './differential-world.ts';

export interface RunOptions {
  readonly ports: Both<number>;
  readonly seed: number;
  readonly operations: number;
  /** So many mismatches are printed and passed over: for a look at many at once. */
  readonly passOver: number;
  /** No setACL in a batch. */
  readonly setAclAlone?: boolean;
}

const connectionsWanted = 7;
/** Waiting for an expiry costs seconds, so it is done this often in a run. */
const expiries = 2;

export class Run {
  readonly exchange: Exchange;
  readonly #options: RunOptions;
  readonly #world: World;
  readonly #generator: Generator;
  readonly #sessions: Sessions;
  readonly #quotas: Quotas;
  #expired = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#world = new World(new Prng(options.seed));
    this.exchange = new Exchange(this.#world);
    this.exchange.mismatchesLeft = options.passOver;
    this.#generator = new Generator(this.#world);
    this.#generator.watchedPaths = (connection) =>
      this.exchange.books.quoll.pathsOf(connection.index);
    this.#sessions = new Sessions(this.exchange, this.#generator, options.ports);
    this.#quotas = new Quotas(this.exchange);
  }

  async go(): Promise<void> {
    const { operations } = this.#options;
    // One connection is the superuser's: it can mend what ACLs have closed to everybody else.
    const root = await this.#sessions.open([users.super]);
    while (this.exchange.operations < operations) {
      this.#world.step++;
      while (this.#world.open.length < connectionsWanted) await this.#sessions.open();
      await this.#step(root.isGone ? this.#world.prng.pick(this.#world.open) : root);
      if (this.exchange.operations > ((this.#expired + 1) * operations) / (expiries + 1)) {
        this.#expired++;
        await this.#sessions.expire(this.#world.prng.pick(this.#world.open));
      }
    }
    await this.exchange.settle();
    await this.#readAll();
    for (const connection of [...this.#world.open]) await this.#sessions.close(connection);
  }

  /** Every node there is, its list and its children, with the eyes of the superuser. */
  async #readAll(): Promise<void> {
    const root = await this.#sessions.open([users.super]);
    for (const path of this.#world.nodes.keys()) {
      await this.exchange.send(root, [
        make.pathWatch(OpCode.getData, path, false),
        make.pathWatch(OpCode.getChildren2, path, false),
        make.path(OpCode.getACL, path),
        make.path(OpCode.getAllChildrenNumber, path),
      ]);
    }
  }

  close(): void {
    for (const { clients } of this.#world.open) {
      clients.java.destroy();
      clients.quoll.destroy();
    }
  }

  /**
   * Java judges what comes right behind a setACL by the old list until the new one is applied
   * (pRequest2Txn leaves it out of the outstanding change): on a lone server seldom, in an ensemble
   * often. Both answers are right by luck only, so there it goes alone.
   */
  #batch(connection: ConnectionState): Request[] {
    const batch = this.#generator.batch(connection);
    if (this.#options.setAclAlone !== true) return batch;
    return batch.filter(({ type }) => type !== OpCode.setACL);
  }

  async #step(root: ConnectionState): Promise<void> {
    const { prng, open, sessions } = this.#world;
    const others = open.filter((one) => one !== root);
    const connection = prng.pick(open);
    const die = prng.below(1000);
    if (die < 3) {
      await this.exchange.send(connection, [this.#generator.reconfig()]);
    } else if (die < 5) {
      await this.exchange.send(connection, [this.#generator.ipv6Acl()]);
    } else if (die < 900) {
      await this.exchange.send(connection, [this.#generator.one(connection)]);
      await this.exchange.settle(connection);
    } else if (die < 950) {
      await this.exchange.send(connection, this.#batch(connection));
      await this.exchange.settle(connection);
    } else if (die < 975) {
      await this.#quotas.step(root);
    } else if (die < 979) {
      await this.#sessions.break(prng.pick(others));
    } else if (die < 982) {
      await this.#sessions.close(prng.pick(others));
    } else if (die < 984) {
      await this.#sessions.drop(prng.pick(others));
    } else if (die < 989) {
      await this.#sessions.reopen(prng.pick(others).session);
    } else if (die < 992) {
      await this.#sessions.reopen(prng.pick(sessions.filter((one) => one !== root.session)));
    } else if (die < 996) {
      const known = prng.chance(0.5)
        ? prng.pick(others).session
        : prng.pick(sessions.filter((one) => one !== root.session));
      await this.#sessions.reopenWrongly(prng.chance(0.7) ? known : undefined);
    } else {
      await this.#sessions.openBadly();
    }
  }
}
