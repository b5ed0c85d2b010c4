// Whether a learner keeps up with what is proposed to it (LearnerHandler.SyncLimitCheck): one whose oldest
// unacknowledged proposal is older than the limit is dropped, although it answers pings. In: proposals sent and
// acknowledged. Out: late or not. Only one proposal is timed, the next one once that is acknowledged.

import type { Zxid } from '../../proto/zxid.ts';

export class SyncLimit {
  #sent: Zxid = 0n;
  #acked: Zxid = 0n;
  #timed: { readonly zxid: Zxid; readonly at: number } | undefined;

  sent(zxid: Zxid): void {
    this.#sent = zxid;
  }

  acked(zxid: Zxid): void {
    if (zxid > this.#acked) this.#acked = zxid;
    if (this.#timed !== undefined && this.#timed.zxid <= this.#acked) this.#timed = undefined;
  }

  /** To be asked every now and then; the clock of a proposal starts when it is first seen here. */
  isLate(now: number, limitMs: number): boolean {
    if (this.#timed !== undefined) return now - this.#timed.at > limitMs;
    if (this.#sent > this.#acked) this.#timed = { zxid: this.#sent, at: now };
    return false;
  }
}
