// Sends one learner what its plan says (LearnerHandler.syncFollower, the sending half): DIFF or TRUNC and the missing
// transactions, or SNAP and the tree; then whatever was committed meanwhile. It writes only as much as the link takes,
// so a slow learner holds up nobody and nothing is queued for it: what it still needs is pinned in the committed log.
//
// In: the plan, `pump` whenever the link has room or something arrived. Out: packets. Invariant: when `pump` says
// 'complete', the learner was sent everything committed, each transaction once and in order.

import { writeBarePacket, writeDataPacket } from '../../proto/packets.ts';
import { PacketType } from '../../proto/quorum.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { unreachable } from '../../util/assert.ts';
import type { CommittedLog, Pin } from './committed-log.ts';
import type { LeaderEffect, LeaderHost, LogRead } from './leader-events.ts';
import type { SyncPlan } from './learner-sync.ts';
import type { Link } from './link.ts';
import { backlogHigh } from './link.ts';
import type { HistoryTxn } from './txn-arena.ts';
import { follows } from './txn-arena.ts';
import { hex } from './zab-notes.ts';

/** Behind the body of a SNAP. */
export const snapSignature = 'BenWasHere';
const snapshotSlice = 1 << 16;

type Stage =
  /** The tree's image is taken by somebody else. */
  | { readonly kind: 'image' }
  | { readonly kind: 'body' }
  | { readonly kind: 'log'; readonly to: Zxid; isReading: boolean }
  | { readonly kind: 'memory' };

export type FeedState = 'going' | 'complete' | { readonly failure: string };

export class LearnerFeed {
  readonly plan: Exclude<SyncPlan, { kind: 'SURVEY' }>;
  readonly startedAt: number;
  readonly #link: Link;
  readonly #host: LeaderHost;
  readonly #committed: CommittedLog;
  readonly #want: (effect: LeaderEffect) => void;
  readonly #pin: Pin;
  /** The learner was sent everything up to here. */
  #cursor: Zxid;
  #stage: Stage;
  #bytes = 0;
  #failure: string | undefined;

  /** `want`: where `readLog` goes. */
  constructor(
    plan: Exclude<SyncPlan, { kind: 'SURVEY' }>,
    link: Link,
    host: LeaderHost,
    committed: CommittedLog,
    want: (effect: LeaderEffect) => void,
    now: number,
  ) {
    this.plan = plan;
    this.startedAt = now;
    this.#link = link;
    this.#host = host;
    this.#committed = committed;
    this.#want = want;
    if (plan.kind === 'SNAP') {
      this.#cursor = 0n;
      this.#stage = { kind: 'image' };
      this.#pin = committed.pin(committed.max ?? 0n);
      return;
    }
    const { zxid, after, logTo } = plan;
    this.#cursor = after;
    this.#stage =
      logTo === undefined ? { kind: 'memory' } : { kind: 'log', to: logTo, isReading: false };
    this.#pin = committed.pin(logTo ?? after);
    writeBarePacket(link.out, PacketType[plan.kind], zxid);
  }

  /** Of snapshot and transactions, so far. */
  get bytes(): number {
    return this.#bytes;
  }

  get cursor(): Zxid {
    return this.#cursor;
  }

  /** Writes on, as far as the link takes it. */
  pump(): FeedState {
    while (this.#failure === undefined && !this.#link.isFull) {
      if (this.#pin.isBroken)
        return { failure: 'it fell too far behind while it was synchronized' };
      const stage = this.#stage;
      switch (stage.kind) {
        case 'image':
          if (!this.#beginSnapshot()) return 'going';
          break;
        case 'body':
          this.#writeBody();
          break;
        case 'log':
          if (!stage.isReading) this.#readLog(stage.to);
          stage.isReading = true;
          return 'going';
        case 'memory':
          if (this.#writeCommitted()) return 'complete';
          break;
        default:
          unreachable(stage);
      }
    }
    return this.#failure === undefined ? 'going' : { failure: this.#failure };
  }

  /** What the log files had; `pump` follows. */
  logRead({ txns, isEnd, failure }: LogRead): void {
    const stage = this.#stage;
    if (stage.kind !== 'log') return;
    stage.isReading = false;
    this.#failure ??= failure;
    for (const txn of txns) {
      if (this.#failure !== undefined) return;
      if (txn.zxid > stage.to) break;
      // A Java leader may have used a zxid twice; like Java, send the first only.
      if (txn.zxid <= this.#cursor) continue;
      if (!follows(this.#cursor, txn.zxid)) {
        this.#failure = `the log files jump from ${hex(this.#cursor)} to ${hex(txn.zxid)}`;
        return;
      }
      this.#writeTxn(txn);
    }
    if (this.#cursor === stage.to) this.#stage = { kind: 'memory' };
    else if (isEnd) this.#failure ??= `the log files end at ${hex(this.#cursor)}`;
  }

  /** Lets go of everything that was kept for it. */
  close(): void {
    this.#committed.release(this.#pin);
    if (this.#stage.kind === 'body') this.#host.endSnapshot(this.#link);
    this.#stage = { kind: 'memory' };
  }

  #beginSnapshot(): boolean {
    const zxid = this.#host.beginSnapshot(this.#link);
    if (zxid === undefined) return false;
    this.#stage = { kind: 'body' };
    this.#cursor = zxid;
    this.#pin.after = zxid;
    writeBarePacket(this.#link.out, PacketType.SNAP, zxid);
    return true;
  }

  #writeBody(): void {
    const { out } = this.#link;
    const start = out.at;
    const isMore = this.#host.writeSnapshot(this.#link, out, snapshotSlice);
    if (!isMore) {
      this.#host.endSnapshot(this.#link);
      out.ustring(snapSignature);
      this.#stage = { kind: 'memory' };
    }
    this.#bytes += out.at - start;
  }

  #readLog(to: Zxid): void {
    const bytes = backlogHigh >> 1;
    const link = this.#link;
    this.#want({ kind: 'readLog', link, after: this.#cursor, to, bytes });
  }

  /** True when nothing committed is left. */
  #writeCommitted(): boolean {
    const committed = this.#committed;
    for (let i = committed.indexAbove(this.#cursor); i < committed.length; i++) {
      if (this.#link.isFull) return false;
      const txn = committed.at(i);
      if (txn !== undefined && txn.zxid > this.#cursor) this.#writeTxn(txn);
      this.#pin.after = this.#cursor;
    }
    return true;
  }

  #writeTxn({ zxid, bytes, start, end }: HistoryTxn): void {
    const { out } = this.#link;
    writeDataPacket(out, PacketType.PROPOSAL, zxid, bytes, start, end);
    writeBarePacket(out, PacketType.COMMIT, zxid);
    this.#bytes += end - start;
    this.#cursor = zxid;
  }
}
