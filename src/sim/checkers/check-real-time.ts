// CL5, the part that needs no search: a write that was answered before another was asked for stands before it in the
// history, whoever asked. In: the invocations of all clients, with virtual times. Out: violations. Reads have no part
// in it: without a sync they may show an older state than others have seen.

import { hexZxid } from '../../proto/zxid.ts';
import type { Invocation } from '../invocation.ts';
import { isWrite } from '../operation.ts';
import type { World } from '../world.ts';

interface Answered {
  readonly write: Invocation;
  readonly zxid: bigint;
}

export function checkRealTime(world: World, invocations: readonly Invocation[]): void {
  const answered: Answered[] = [];
  for (const write of invocations) {
    const { outcome } = write;
    if (outcome === undefined || outcome.kind === 'lost' || !isWrite(write.operation)) continue;
    answered.push({ write, zxid: outcome.zxid });
  }
  const byEnd = [...answered].sort((a, b) => a.write.endedAt - b.write.endedAt);
  const byStart = answered.sort((a, b) => a.write.invokedAt - b.write.invokedAt);
  let highest: Answered | undefined;
  let ended = 0;
  for (const { write, zxid } of byStart) {
    for (let next = byEnd[ended]; next !== undefined; next = byEnd[++ended]) {
      if (next.write.endedAt >= write.invokedAt) break;
      if (highest === undefined || next.zxid > highest.zxid) highest = next;
    }
    if (highest === undefined || highest.zxid < zxid) continue;
    const before = `${highest.write} was answered at 0x${hexZxid(highest.zxid)}`;
    world.violation('CL5', `${before} before ${write} was asked for, at 0x${hexZxid(zxid)}`);
  }
}
