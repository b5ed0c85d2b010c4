// One server of a simulated ensemble, as the world sees it: its model host, the machine of its present role, and where
// it is between two roles. Changed by the world alone; `isBetter` is how the stub elects, by the rule of the real
// election (epoch, then zxid, then sid).

import type { Leader } from '../../../src/core/zab/leader.ts';
import type { Learner } from '../../../src/core/zab/learner.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import type { ZabHost } from '../../support/zab-host.ts';

export interface Server {
  readonly sid: Sid;
  readonly host: ZabHost;
  readonly isObserver: boolean;
  isUp: boolean;
  role: Leader | Learner | undefined;
  /** Whom it follows. */
  leader: Sid | undefined;
  wantsSnapshot: boolean;
  /** What a voter that could not join its last term had accepted. */
  knownAcceptedEpoch: number;
  /** Waits for nothing any more but an election. */
  isLooking: boolean;
  wakeAt: number;
}

export function isBetter(a: Server, b: Server): boolean {
  const [x, y] = [a.host, b.host];
  if (x.durable.currentEpoch !== y.durable.currentEpoch) {
    return x.durable.currentEpoch > y.durable.currentEpoch;
  }
  return x.lastZxid === y.lastZxid ? a.sid > b.sid : x.lastZxid > y.lastZxid;
}
