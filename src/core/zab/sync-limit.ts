// Whether a learner keeps up with what is proposed to it (LearnerHandler.SyncLimitCheck): one whose oldest
// unacknowledged proposal is older than the limit is dropped, although it answers pings. In: proposals sent and
// acknowledged. Out: late or not. Only one proposal is timed, the next one once that is acknowledged.

import type { Zxid } from '../../proto/zxid.ts';

export class SyncLimit {
  #timed: { readonly zxid: Zxid; readonly at: number } | undefined;
  #acked: Zxid = 0n;

  acked(zxid: Zxid): void {
    if (zxid > this.#acked) this.#acked = zxid;
    if (this.#timed !== undefined && this.#timed.zxid <= this.#acked) this.#timed = undefined;
  }

  /** Looked at every now and then: `lastProposed` is the newest proposal it was sent. */
  isLate(lastProposed: Zxid, now: number, limitMs: number): boolean {
    if (this.#timed !== undefined) return now - this.#timed.at > limitMs;
    if (lastProposed > this.#acked) this.#timed = { zxid: lastProposed, at: now };
    return false;
  }
}
