// What the election port has for the machine, in the order it happened: messages and what became of links. Handed over
// at the end of the turn, so that a peer that talks without end costs a bounded part of each turn (Java: the receive
// queue). Inputs: items; outputs: the same, but for messages beyond the limits.
//
// Invariants: at most `messagesMax` messages and `bytesMax` bytes wait; what overflows is the oldest message of whoever
// has most of them waiting, so one talker cannot push out the others' votes; link events are never dropped, so that a
// message and the break of its link stay in order.

import type { Sid } from '../proto/sid.ts';
import { copyBytes } from '../util/bytes.ts';

/** As Java (RECV_CAPACITY). */
const messagesMax = 100;
/** Every message may be 512 KiB; honest ones are a few hundred bytes. */
const bytesMax = 4 * 1024 * 1024;

export type InboxItem =
  | { readonly kind: 'received'; readonly from: Sid; readonly bytes: Uint8Array }
  | { readonly kind: 'linkEstablished'; readonly sid: Sid }
  | { readonly kind: 'linkBroken'; readonly sid: Sid; readonly reason: string }
  | { readonly kind: 'dialRefused'; readonly sid: Sid; readonly code: string };

export class ElectionInbox {
  #items: InboxItem[] = [];
  #messages = 0;
  #bytes = 0;
  /** Messages dropped since the start, for metrics. */
  dropped = 0;

  put(item: InboxItem): void {
    if (item.kind !== 'received') {
      this.#items.push(item);
      return;
    }
    this.#items.push({ ...item, bytes: copyBytes(item.bytes) });
    this.#messages++;
    this.#bytes += item.bytes.length;
    while (this.#messages > messagesMax || this.#bytes > bytesMax) this.#dropOne();
  }

  /** All that waits. */
  take(): InboxItem[] {
    const items = this.#items;
    this.#items = [];
    this.#messages = 0;
    this.#bytes = 0;
    return items;
  }

  #dropOne(): void {
    const waiting = new Map<Sid, number>();
    let most: Sid | undefined;
    for (const item of this.#items) {
      if (item.kind !== 'received') continue;
      const size = (waiting.get(item.from) ?? 0) + (this.#bytes > bytesMax ? item.bytes.length : 1);
      waiting.set(item.from, size);
      if (most === undefined || size > (waiting.get(most) ?? 0)) most = item.from;
    }
    const at = this.#items.findIndex((item) => item.kind === 'received' && item.from === most);
    const [gone] = this.#items.splice(at, 1);
    if (gone?.kind !== 'received') return;
    this.#messages--;
    this.#bytes -= gone.bytes.length;
    this.dropped++;
  }
}
