// What the mesh keeps of one other server: the message that waits for it, the last one sent, the link, the dial under
// way. Invariant: one message waits, the newest; on a new link, if none waits, the last one is said again, because the
// old link may have died before the peer read it (QuorumCnxManager.SendWorker).

import type { Sid } from '../proto/sid.ts';
import type { AddressDial } from './address-dial.ts';
import type { ElectionLink } from './election-link.ts';

export class ElectionPeer {
  readonly sid: Sid;
  link: ElectionLink | undefined;
  dial: AddressDial | undefined;
  dialledAt = Number.NEGATIVE_INFINITY;
  /** When it, the larger sid, was last asked to call back. */
  askedAt = Number.NEGATIVE_INFINITY;
  /** The numeric addresses of its configured names, as of the last dial that got through. */
  addresses: ReadonlySet<string> = new Set();
  /** A second caller under its name made us ask: whoever comes now is it. */
  askedToCallBack = false;
  #waiting: Uint8Array | undefined;
  #lastSent: Uint8Array | undefined;

  constructor(sid: Sid) {
    this.sid = sid;
  }

  /** There is something to tell it, now or on the next link. */
  get hasMessages(): boolean {
    return this.#waiting !== undefined || this.#lastSent !== undefined;
  }

  put(message: Uint8Array): void {
    this.#waiting = message;
  }

  takeNext(): Uint8Array | undefined {
    const message = this.#waiting;
    if (message !== undefined) this.#lastSent = message;
    this.#waiting = undefined;
    return message;
  }

  /** Before a new link sends its first message. */
  repeatLast(): void {
    this.#waiting ??= this.#lastSent;
  }
}
