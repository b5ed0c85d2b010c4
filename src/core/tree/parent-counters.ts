// What the coming and going of children does to the Stat of their parent (DataTree.createNode,
// deleteNode; DataNode's copyStat). In: the parent's row, what the transaction says. A replay
// behind a fuzzy snapshot meets counters that are ahead already: nothing here ever lowers one.

import type { NodeRows } from './node-rows.ts';
import { At } from './node-rows.ts';

/**
 * A child was created: the stored cversion becomes the transaction's, and pzxid its zxid, if that is a step up. −1
 * means one more than there was.
 */
export function raiseCversion(
  rows: NodeRows,
  parent: number,
  cversion: number,
  zxidHigh: number,
  zxidLow: number,
): void {
  const stored = rows.int(parent, At.storedCversion);
  const wanted = cversion === -1 ? (stored + 1) | 0 : cversion;
  if (wanted > stored) {
    rows.setInt(parent, At.storedCversion, wanted);
    rows.setLong(parent, At.pzxid, zxidHigh, zxidLow);
  }
  showCversion(rows, parent);
}

/** A child was deleted: pzxid rises, the stored cversion stays. */
export function raisePzxid(
  rows: NodeRows,
  parent: number,
  zxidHigh: number,
  zxidLow: number,
): void {
  const high = rows.int(parent, At.pzxid);
  const low = rows.int(parent, At.pzxid + 4);
  if (zxidHigh > high || (zxidHigh === high && zxidLow >>> 0 > low >>> 0)) {
    rows.setLong(parent, At.pzxid, zxidHigh, zxidLow);
  }
}

export function addChildren(rows: NodeRows, parent: number, difference: number): void {
  rows.setInt(parent, At.numChildren, rows.int(parent, At.numChildren) + difference);
  showCversion(rows, parent);
}

/** Clients see creations plus deletions: twice the creations less the children that are there. */
export function showCversion(rows: NodeRows, slot: number): void {
  const created = rows.int(slot, At.storedCversion);
  rows.setInt(slot, At.cversion, 2 * created - rows.int(slot, At.numChildren));
}
