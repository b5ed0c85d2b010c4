// What happens to the links of a simulated ensemble: cuts of one or both ways, partitions, connections that hang or
// break, hosts that hear nothing, slow networks. In: a kind and the server it strikes. Out: a network that is so for a
// while; `heal` ends it all. Invariant: what was changed goes back to what it was at first, however faults overlap.

import type { Prng } from '../util/prng.ts';
import type { SimEnsemble } from './sim-ensemble.ts';
import type { NetHost, NetOptions } from './sim-net.ts';
import type { SimServer } from './sim-server.ts';
import type { World } from './world.ts';

export const linkFaultKinds = [
  'link cut',
  'one-way cut',
  'link reset',
  'link held',
  'host deaf',
  'host cut off',
  'partition',
  'slow link',
] as const;
export type LinkFaultKind = (typeof linkFaultKinds)[number];

const kinds: ReadonlySet<string> = new Set(linkFaultKinds);

export function isLinkFault(kind: string): kind is LinkFaultKind {
  return kinds.has(kind);
}

export class LinkFaults {
  readonly #world: World;
  readonly #ensemble: SimEnsemble;
  readonly #lastingMs: number;
  readonly #clients: () => readonly NetHost[];
  readonly #chance: Prng;
  readonly #usualNet: NetOptions;

  /** `lastingMs`: the longest one of them lasts. `clients`: hosts beside the servers. */
  constructor(
    world: World,
    ensemble: SimEnsemble,
    lastingMs: number,
    clients: () => readonly NetHost[],
  ) {
    this.#world = world;
    this.#ensemble = ensemble;
    this.#lastingMs = lastingMs;
    this.#clients = clients;
    this.#chance = world.fork('link faults');
    this.#usualNet = world.net.options;
  }

  heal(): void {
    this.#world.net.options = this.#usualNet;
    this.#world.net.healAll();
  }

  strike(kind: LinkFaultKind, server: SimServer): void {
    const { net } = this.#world;
    const chance = this.#chance;
    const here = server.machine.host;
    const hosts = this.#ensemble.servers.map(({ machine }) => machine.host);
    const others = hosts.filter((host) => host !== here);
    const clients = this.#clients();
    switch (kind) {
      case 'link reset':
        net.resetConnections(here);
        return;
      case 'link held':
        net.holdConnections(here, this.#lastingMs * chance.fraction());
        return;
      case 'host deaf':
        here.isDeaf = true;
        this.#later(this.#lastingMs, () => {
          here.isDeaf = false;
        });
        return;
      case 'host cut off':
        this.#cut([here], others, false);
        return;
      case 'partition': {
        const one = hosts.filter(() => chance.chance(0.5));
        const side = clients.filter(() => chance.chance(0.5));
        const other = [...hosts, ...clients].filter((host) => ![...one, ...side].includes(host));
        this.#cut([...one, ...side], other, false);
        return;
      }
      case 'slow link': {
        net.options = { ...this.#usualNet, jitterMs: chance.pick([1, 20, 200]) };
        this.#later(this.#lastingMs, () => {
          net.options = this.#usualNet;
        });
        return;
      }
      default: {
        const far = chance.chance(0.7) ? others : clients;
        if (far.length > 0) this.#cut([here], [chance.pick(far)], kind === 'one-way cut');
      }
    }
  }

  #cut(here: readonly NetHost[], there: readonly NetHost[], oneWay: boolean): void {
    const { net } = this.#world;
    const isTowards = this.#chance.chance(0.5);
    const pairs = here.flatMap((one) => there.map((other) => [one, other] as const));
    for (const [one, other] of pairs) {
      if (!oneWay || isTowards) net.cut(other, one);
      if (!oneWay || !isTowards) net.cut(one, other);
    }
    this.#later(this.#lastingMs, () => {
      for (const [one, other] of pairs) {
        net.heal(other, one);
        net.heal(one, other);
      }
    });
  }

  #later(ms: number, work: () => void): void {
    this.#world.clock.after(ms * this.#chance.fraction(), work);
  }
}
