/**
 * Processes of an ensemble are killed, stopped, paused and lose their disks while clients write; every
 * acknowledged write must survive, and at the end all servers must be in the same state.
 *
 * Inputs: a shape, kinds of servers, a seed. The seed decides what happens to whom, not when the machine does it.
 * A disk is wiped only when every other voter has everything: more than a quorum of disks may fail in
 * no ensemble, and a wiped voter that counts for a write it no longer has is just that.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../../src/index.ts';
import { Ensemble } from '../interop/harness/ensemble.ts';
import type { EnsembleMember } from '../interop/harness/ensemble-member.ts';
import { Load } from '../interop/harness/load.ts';
import { assertSameState } from '../interop/harness/same-state.ts';
import type { Seeded } from '../interop/harness/seeded.ts';
import type { ServerKind } from '../interop/harness/server.ts';
import { drawn } from './draw.ts';
import type { Shape } from './shape.ts';
import { isQuorum, linesOf, membersOf } from './shape.ts';

export const accidents = [
  'leader killed',
  'follower killed',
  'observer killed',
  'minority stopped',
  'majority stopped',
  'all killed',
  'disk wiped',
  'leader paused',
] as const;
export type Accident = (typeof accidents)[number];

export interface ChaosOptions {
  readonly shape: Shape;
  readonly kinds: readonly ServerKind[];
  readonly random: Seeded;
  readonly say: (line: string) => void;
}

const WRITERS = 4;
/** Writes of each writer between two accidents. */
const WRITES_BETWEEN = 12;
/** snapCount: snapshots and new log files belong to the mess. */
const config = { snapCount: 150, tickTime: 250, initLimit: 24, syncLimit: 8 };
/** The longest wait without a quorum, and of a paused leader beyond its followers' patience. */
const DARK_MS = 400;
const PAUSE_TICKS = 2;

export class Chaos {
  readonly #options: ChaosOptions;
  readonly #ensemble: Ensemble;
  readonly #load: Load;

  private constructor(options: ChaosOptions, ensemble: Ensemble, load: Load) {
    this.#options = options;
    this.#ensemble = ensemble;
    this.#load = load;
  }

  /** Starts the ensemble and the load, lets these accidents happen, and checks. */
  static async run(options: ChaosOptions, happenings: readonly Accident[]): Promise<void> {
    const { shape, kinds, random } = options;
    const ensemble = await Ensemble.start({
      name: 'chaos',
      members: membersOf(shape, kinds),
      lines: linesOf(shape),
      config,
    });
    let load: Load | undefined;
    try {
      load = await Load.start({
        connectStrings: [ensemble.connectString()],
        writers: WRITERS,
        seed: random.seed,
      });
      const chaos = new Chaos(options, ensemble, load);
      await load.goesOn(WRITES_BETWEEN);
      for (const accident of happenings) await chaos.#happens(accident);
      await chaos.#check();
    } catch (error) {
      throw new Error(`${String(error)}\n${await ensemble.report()}`, { cause: error });
    } finally {
      const clients = load?.close();
      await ensemble.close();
      await clients;
    }
    ensemble.remove();
  }

  async #happens(accident: Accident): Promise<void> {
    const began = performance.now();
    const victims = await this.#let(accident);
    if (victims === undefined) return;
    await this.#ensemble.settled(this.#ensemble.members);
    await this.#load.goesOn(WRITES_BETWEEN);
    const { acknowledgedTotal, inDoubtTotal } = this.#load;
    this.#options.say(
      `${accident} (${victims.map(({ sid }) => sid)}): ${Math.round(performance.now() - began)} ms, ` +
        `${acknowledgedTotal} acknowledged, ${inDoubtTotal} in doubt`,
    );
  }

  async #let(accident: Accident): Promise<readonly EnsembleMember[] | undefined> {
    const leader = await this.#ensemble.settled(this.#ensemble.members);
    const { voters, members } = this.#ensemble;
    switch (accident) {
      case 'leader killed':
        return this.#without([leader], 'kill', true);
      case 'follower killed':
        return this.#without([this.#one(voters.filter((voter) => voter !== leader))], 'kill', true);
      case 'observer killed': {
        const observers = members.filter(({ role }) => role === 'observer');
        return observers.length === 0
          ? undefined
          : this.#without([this.#one(observers)], 'kill', true);
      }
      case 'minority stopped':
        return this.#without(this.#minority(), 'stop', true);
      case 'majority stopped':
        return this.#without(this.#majority(), 'stop', false);
      case 'all killed':
        return this.#without(drawn(members, this.#options.random), 'kill', false);
      case 'disk wiped':
        return this.#wipe(this.#one(members));
      case 'leader paused':
        return this.#pause(leader);
    }
  }

  /** These end, the others go on (or cannot), these come back. */
  async #without(
    victims: readonly EnsembleMember[],
    end: 'kill' | 'stop',
    others: boolean,
  ): Promise<readonly EnsembleMember[]> {
    await Promise.all(victims.map((victim) => victim[end]()));
    if (others) await this.#load.goesOn(WRITES_BETWEEN);
    else await delay(this.#options.random.below(DARK_MS));
    for (const victim of victims) await victim.start();
    return victims;
  }

  async #wipe(victim: EnsembleMember): Promise<readonly EnsembleMember[]> {
    await victim.stop();
    const zk = await connect(this.#ensemble.connectString(this.#ensemble.running));
    await zk.setData('/load', 'fence');
    const fence = zk.lastZxid;
    await zk.close();
    await this.#ensemble.until(`zxid ${fence} everywhere`, async () => {
      const statuses = this.#ensemble.running.map((member) => member.status());
      const zxids = (await Promise.all(statuses)).map((status) => status?.zxid ?? -1n);
      return zxids.every((zxid) => zxid >= fence) ? true : undefined;
    });
    victim.wipe();
    await victim.start();
    return [victim];
  }

  /** The leader stops thinking until the others have another one, and wakes up believing it leads. */
  async #pause(leader: EnsembleMember): Promise<readonly EnsembleMember[]> {
    leader.server.child.signal('SIGSTOP');
    try {
      await this.#ensemble.settled(this.#ensemble.members.filter((member) => member !== leader));
      await this.#load.someoneGoesOn(WRITES_BETWEEN);
      await delay(PAUSE_TICKS * config.tickTime);
    } finally {
      leader.server.child.signal('SIGCONT');
    }
    return [leader];
  }

  async #check(): Promise<void> {
    await this.#load.stop();
    const zk = await connect(this.#ensemble.connectString());
    try {
      await this.#load.verify(zk);
      await this.#load.verifySessions(zk);
    } finally {
      await zk.close();
    }
    const nodes = await assertSameState(this.#ensemble);
    const { acknowledgedTotal, inDoubtTotal } = this.#load;
    const counts = `${acknowledgedTotal} acknowledged writes, ${inDoubtTotal} in doubt`;
    this.#options.say(
      `${counts}, ${nodes} znodes, equal on ${this.#ensemble.members.length} servers`,
    );
  }

  /** Some voters without whom the rest is a quorum. */
  #minority(): EnsembleMember[] {
    const down: EnsembleMember[] = [];
    for (const voter of drawn(this.#ensemble.voters, this.#options.random)) {
      if (this.#suffices([...down, voter])) down.push(voter);
      if (down.length > 0 && this.#options.random.below(3) === 0) break;
    }
    return down;
  }

  /** So many voters that the rest is no quorum. */
  #majority(): EnsembleMember[] {
    const down: EnsembleMember[] = [];
    for (const voter of drawn(this.#ensemble.voters, this.#options.random)) {
      if (this.#suffices(down)) down.push(voter);
    }
    return down;
  }

  #suffices(down: readonly EnsembleMember[]): boolean {
    const up = this.#ensemble.voters.filter((voter) => !down.includes(voter));
    return isQuorum(this.#options.shape, new Set(up.map(({ sid }) => sid)));
  }

  #one(members: readonly EnsembleMember[]): EnsembleMember {
    const member = members[this.#options.random.below(members.length)];
    assert(member !== undefined);
    return member;
  }
}
