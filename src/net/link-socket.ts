// A quorum connection's socket beside its link (core/zab/link.ts): hands on the bytes that come, and sends what the
// machine has written into `link.out`, once a turn. Inputs: `flush` at the end of a turn, the socket. Outputs: bytes,
// `drained`, the end; `link.backlog`.
//
// While the system still has bytes of an earlier turn to take, small outputs gather in `link.out`: a stalled peer costs
// no queue of small buffers. Invariants: bytes given to the socket are not touched until it is done with them; `out`
// may be written to right after `flush`; a link that was full is told when it has room again.

import type { Writer } from '../jute/writer.ts';
import type { Socket, SocketHandlers } from '../ports.ts';
import type { HostPort } from './host-port.ts';
import { printAddress } from './host-port.ts';

/** The part of a link that the socket needs. */
export interface LinkOutput {
  readonly out: Writer;
  /** Bytes taken from `out` that the system has not accepted yet. Kept here, read by the machines. */
  backlog: number;
}

export interface LinkHandlers {
  /** `bytes[start, end)`, valid during the call only. */
  received(bytes: Uint8Array, start: number, end: number): void;
  /** The backlog had reached `drainedBelow`, and is below it again. */
  drained(): void;
  /** Once, last, after `destroy` and `end` too (then 'local'). 'end': an orderly close by the peer. */
  closed(reason: string): void;
}

/**
 * Half of what fills a link (backlogHigh): a link with less than this in the backlog and less than this in `out` is
 * not full, so one that is full is either flagged already or will be by the next flush.
 */
export const drainedBelow = 1 << 19;
/** Behind a busy system, less than this waits in `out`; more would be copied too often as `out` grows. */
const gatherMax = 1 << 18;
/** Who takes nothing is cut off by syncLimit; this is for a limit of minutes under load. */
const outputMax = 256 << 20;
/** A buffer of this length is always kept for the next turn; a longer one only while it is used for some part. */
const bufferKept = 1 << 16;
const bufferUse = 8;
const bufferKeptMax = 4 << 20;
const bufferLeast = 1 << 12;

export class LinkSocket<L extends LinkOutput> implements SocketHandlers {
  readonly link: L;
  readonly #socket: Socket;
  #handlers: LinkHandlers | undefined;
  #spare: Uint8Array | undefined;
  /** Of the turns of late: the longest output, forgotten slowly. */
  #usualLength = 0;
  /** `flush` was called, and the output waits for the system. */
  #isFlushDue = false;
  #isHigh = false;
  #isOpen = true;
  #reason: string | undefined;

  constructor(socket: Socket, link: L) {
    this.#socket = socket;
    this.link = link;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** `host:port` of the peer. */
  get remoteAddress(): string {
    return remoteAddressOf(this.#socket);
  }

  /** To be called by who is given this object, before that call returns. */
  attach(handlers: LinkHandlers): void {
    this.#handlers = handlers;
  }

  /** Sends what is in `link.out`. */
  flush(): void {
    const { out, backlog } = this.link;
    if (out.at === 0) return;
    if (!this.#isOpen) {
      out.clear();
    } else if (backlog > 0 && out.at < gatherMax) {
      this.#isFlushDue = true;
    } else {
      this.#send();
    }
  }

  pause(): void {
    if (this.#isOpen) this.#socket.pause();
  }

  resume(): void {
    if (this.#isOpen) this.#socket.resume();
  }

  /** Closes behind what was written. */
  end(): void {
    if (!this.#isOpen) return;
    if (this.link.out.at > 0) this.#send();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.end();
  }

  /** Drops everything and closes; nothing but `closed` is called any more. */
  destroy(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.link.out.clear();
    this.#socket.destroy();
  }

  // ---- from the socket ----

  received(bytes: Uint8Array): void {
    if (this.#isOpen) this.#handlers?.received(bytes, 0, bytes.length);
  }

  closed(reason: string): void {
    this.#isOpen = false;
    this.link.out.clear();
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.closed(this.#reason ?? reason);
  }

  // ---- output ----

  #send(): void {
    const { link } = this;
    const { out } = link;
    const length = out.at;
    const filled = out.bytes;
    out.replace(this.#spare ?? new Uint8Array(bufferLeast));
    this.#spare = undefined;
    this.#isFlushDue = false;
    this.#usualLength = Math.max(length, this.#usualLength * 0.99);
    link.backlog += length;
    if (link.backlog >= drainedBelow) this.#isHigh = true;
    this.#socket.write(filled.subarray(0, length), (ok) => this.#sent(filled, length, ok));
    if (link.backlog > outputMax) {
      this.#reason = `${link.backlog} bytes of output not taken`;
      this.destroy();
    }
  }

  /** The system has the bytes; or the socket is gone, and `closed` says so. */
  #sent(filled: Uint8Array, length: number, ok: boolean): void {
    const { link } = this;
    link.backlog -= length;
    if (!ok || !this.#isOpen) return;
    this.#keep(filled);
    if (this.#isFlushDue) this.flush();
    if (!this.#isHigh || link.backlog >= drainedBelow || !this.#isOpen) return;
    this.#isHigh = false;
    this.#handlers?.drained();
  }

  #keep(buffer: Uint8Array): void {
    const { length } = buffer;
    if (length <= (this.#spare?.length ?? 0) || length > bufferKeptMax) return;
    if (length <= bufferKept || length <= this.#usualLength * bufferUse) this.#spare = buffer;
  }
}

export function remoteAddressOf({ remoteAddress, remotePort }: Socket): string {
  const address: HostPort = { host: remoteAddress, port: remotePort };
  return printAddress(address);
}
