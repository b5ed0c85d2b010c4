// What a learner asks of its leader for its clients, and the answers (Learner.request, validateSession, ping;
// Follower.processPacket): writes and syncs forwarded as REQUEST, sessions revalidated, sessions heard of in the
// answer to PING. In: the host's calls and the leader's packets. Out: packets in the link, calls of LearnerHost.
//
// SYNC carries no name: each answers the oldest sync that waits.

import { Writer } from '../../jute/writer.ts';
import { Id } from '../../proto/data.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { writeDataPacket } from '../../proto/packets.ts';
import { PacketType } from '../../proto/quorum.ts';
import type { SessionId } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { Deque } from '../../util/deque.ts';
import type { LearnerHost } from './learner-events.ts';
import type { Link } from './link.ts';

/** A client's request on its way to the leader; the body is `bytes[start, end)`. */
export interface ForwardedRequest {
  readonly sessionId: SessionId;
  readonly cxid: number;
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly authinfo: readonly Id[];
}

export class LearnerRequests {
  readonly #link: Link;
  readonly #host: LearnerHost;
  readonly #syncs = new Deque<object>();

  constructor(link: Link, host: LearnerHost) {
    this.#link = link;
    this.#host = host;
  }

  get pendingSyncs(): number {
    return this.#syncs.length;
  }

  forward({ sessionId, cxid, type, bytes, start, end, authinfo }: ForwardedRequest): void {
    const { out } = this.#link;
    out.int(PacketType.REQUEST);
    out.long(-1n);
    out.int(16 + end - start);
    out.long(sessionId);
    out.int(cxid);
    out.int(type);
    out.raw(bytes, start, end);
    // Java's handler fails without a list, even an empty one.
    out.int(authinfo.length);
    for (const id of authinfo) Id.write(out, id);
  }

  sync(waiter: object, request: ForwardedRequest): void {
    assert(request.type === OpCode.sync, 'only a sync waits for SYNC');
    this.#syncs.push(waiter);
    this.forward(request);
  }

  revalidate(sessionId: SessionId, timeoutMs: number): void {
    const data = new Writer(12);
    data.long(sessionId);
    data.int(timeoutMs);
    writeDataPacket(this.#link.out, PacketType.REVALIDATE, -1n, data.written());
  }

  // ---- answers; the packet is in the link's stream ----

  /** False: nobody waits. */
  synced(): boolean {
    const waiter = this.#syncs.shift();
    if (waiter !== undefined) this.#host.syncReleased(waiter);
    return waiter !== undefined;
  }

  revalidated(): void {
    const reader = this.#link.stream.data();
    const sessionId = reader.long();
    this.#host.revalidated(sessionId, reader.boolean());
  }

  /** The data must be there, even empty. */
  pinged(): void {
    const { view } = this.#link.stream;
    const data = new Writer(64);
    for (const [sessionId, timeoutMs] of this.#host.touchedSessions()) {
      data.long(sessionId);
      data.int(timeoutMs);
    }
    const authinfo = view.authinfo ?? null;
    writeDataPacket(this.#link.out, PacketType.PING, view.zxid, data.bytes, 0, data.at, authinfo);
  }
}
