// Who owns which nodes: ephemerals by session, containers, TTL nodes, told apart by the stored
// ephemeralOwner. In: a node and the owner of its transaction; out: sets of slots that are always
// those of live nodes, and the Stat's field, where a container or TTL node shows 0.

import { IntSet } from '../../util/int-set.ts';
import type { EphemeralOptions } from './ephemeral-type.ts';
import { ownerKindOf } from './ephemeral-type.ts';
import type { NodeRows } from './node-rows.ts';
import { At } from './node-rows.ts';

export class NodeOwners {
  readonly containers = new IntSet();
  readonly ttls = new IntSet();
  /** By session id; no set is empty. */
  readonly ephemerals = new Map<bigint, IntSet>();
  readonly #rows: NodeRows;
  readonly #options: EphemeralOptions;
  #ephemeralCount = 0;

  constructor(rows: NodeRows, options: EphemeralOptions) {
    this.#rows = rows;
    this.#options = options;
  }

  get ephemeralCount(): number {
    return this.#ephemeralCount;
  }

  set(slot: number, owner: bigint): void {
    const rows = this.#rows;
    const high = Number(BigInt.asIntN(32, owner >> 32n));
    const low = Number(BigInt.asIntN(32, owner));
    rows.setLong(slot, At.storedOwner, high, low);
    const kind = ownerKindOf(high, low, this.#options);
    if (kind === 'CONTAINER') this.containers.add(slot);
    else if (kind === 'TTL') this.ttls.add(slot);
    else if (kind === 'NORMAL') {
      rows.setLong(slot, At.ephemeralOwner, high, low);
      let slots = this.ephemerals.get(owner);
      if (slots === undefined) {
        slots = new IntSet();
        this.ephemerals.set(owner, slots);
      }
      slots.add(slot);
      this.#ephemeralCount++;
    }
  }

  drop(slot: number): void {
    const rows = this.#rows;
    if (rows.int(slot, At.storedOwner) === 0 && rows.int(slot, At.storedOwner + 4) === 0) return;
    if (this.containers.delete(slot) || this.ttls.delete(slot)) return;
    const owner = rows.long(slot, At.storedOwner);
    const slots = this.ephemerals.get(owner);
    if (!slots?.delete(slot)) return;
    this.#ephemeralCount--;
    if (slots.size === 0) this.ephemerals.delete(owner);
  }
}
