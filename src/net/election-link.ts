// One established election connection (SendWorker and RecvWorker of QuorumCnxManager): messages of an int length and
// that many bytes, both ways. Inputs: a socket, and where the next message to send comes from. Outputs: messages, and
// the end.
//
// Invariants: at most one message is on its way into the kernel; whatever waits meanwhile is replaced by what is newer,
// so a stalled peer costs one message of memory and never delays another peer (ZOOKEEPER-2201). Bytes that are no
// message close this connection and nothing else (ZOOKEEPER-2186, 3769).

import type { Socket, SocketHandlers } from '../ports.ts';
import { FrameReader } from './framing.ts';

/** As Java (PACKETMAXSIZE): no message is longer. */
export const packetLengthMax = 512 * 1024;

export interface ElectionLinkOwner {
  /** The newest message that was not handed out yet; it then counts as sent. */
  takeNext(): Uint8Array | undefined;
  /** Valid during the call only. */
  received(bytes: Uint8Array): void;
  /** Once, last. */
  closed(link: ElectionLink, reason: string): void;
}

export class ElectionLink implements SocketHandlers {
  readonly remoteAddress: string;
  /** When the peer was heard of last, in the owner's time. */
  heardAt: number;
  readonly #socket: Socket;
  readonly #owner: ElectionLinkOwner;
  readonly #now: () => number;
  readonly #reader: FrameReader;
  #isWriting = false;
  #isOpen = true;
  #reason: string | undefined;

  constructor(socket: Socket, owner: ElectionLinkOwner, now: () => number) {
    this.#socket = socket;
    this.#owner = owner;
    this.#now = now;
    this.remoteAddress = socket.remoteAddress;
    this.heardAt = now();
    this.#reader = new FrameReader(
      {
        frame: (bytes, _view, start, end) => {
          if (start === end) this.close('a message of 0 bytes');
          else this.#owner.received(bytes.subarray(start, end));
        },
        badLength: (word) => {
          this.close(`a message of ${word} bytes`);
          return false;
        },
      },
      packetLengthMax,
    );
  }

  /** Sends what waits, unless a message is still on its way: then that one's end does. */
  flush(): void {
    if (this.#isWriting || !this.#isOpen) return;
    const message = this.#owner.takeNext();
    if (message === undefined) return;
    const frame = new Uint8Array(4 + message.length);
    new DataView(frame.buffer).setInt32(0, message.length);
    frame.set(message, 4);
    this.#isWriting = true;
    this.#socket.write(frame, (ok) => {
      this.#isWriting = false;
      if (ok) this.flush();
    });
  }

  received(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    this.heardAt = this.#now();
    this.#reader.push(bytes);
  }

  closed(reason: string): void {
    this.#isOpen = false;
    this.#reader.close();
    this.#owner.closed(this, this.#reason ?? reason);
  }

  close(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#reason = reason;
    this.#reader.close();
    this.#socket.destroy();
  }
}
