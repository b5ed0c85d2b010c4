// CL5 for who asks `sync`: its answer shows every write that was answered, to anybody, before the sync was asked for.
// In: the invocations of all clients, with virtual times. Out: violations.
//
// As in Java a sync asks the leader it follows and no quorum, so behind a leader that was deposed and does not know it
// yet the answer may be old. Told apart by the epoch: whoever shows a transaction of an epoch follows, from then on, no
// leader of an earlier one; so only writes of the epoch that the answer shows count.

import { epochOf, hexZxid } from '../../proto/zxid.ts';
import type { Invocation } from '../invocation.ts';
import { isWrite } from '../operation.ts';
import type { World } from '../world.ts';

export function checkSyncedReads(world: World, invocations: readonly Invocation[]): void {
  const writes: { readonly write: Invocation; readonly zxid: bigint }[] = [];
  const syncs: { readonly sync: Invocation; readonly zxid: bigint }[] = [];
  for (const one of invocations) {
    const { outcome, operation } = one;
    if (outcome === undefined || outcome.kind === 'lost') continue;
    const { zxid } = outcome;
    if (isWrite(operation)) writes.push({ write: one, zxid });
    else if (operation.type === 'sync' && outcome.kind === 'ok') syncs.push({ sync: one, zxid });
  }
  writes.sort((a, b) => a.write.endedAt - b.write.endedAt);
  syncs.sort((a, b) => a.sync.invokedAt - b.sync.invokedAt);
  /** By epoch: the highest that was answered so far. */
  const answered = new Map<number, { readonly write: Invocation; readonly zxid: bigint }>();
  let ended = 0;
  for (const { sync, zxid } of syncs) {
    for (let next = writes[ended]; next !== undefined; next = writes[++ended]) {
      if (next.write.endedAt >= sync.invokedAt) break;
      const epoch = epochOf(next.zxid);
      if (next.zxid > (answered.get(epoch)?.zxid ?? -1n)) answered.set(epoch, next);
    }
    const highest = answered.get(epochOf(zxid));
    if (highest === undefined || highest.zxid <= zxid) continue;
    const before = `${highest.write} was answered at 0x${hexZxid(highest.zxid)}`;
    world.violation(
      'CL5',
      `${before} before ${sync} was asked for, which shows 0x${hexZxid(zxid)}`,
    );
  }
}
