// The requests of a session on their way: numbered with xids and written into `output` while there is a connection,
// kept as encoded bodies while there is none, matched with replies in order. In: requests; out: refusals with a reason,
// before a byte is sent. Invariant: `output` holds whole frames; the sent requests' xids are consecutive, the first
// one's is `#pendingXid`; while connected nothing is queued.

import type { Type } from '../../jute/record.ts';
import { Writer } from '../../jute/writer.ts';
import type { ErrorName } from '../../proto/errors.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { Deque } from '../../util/deque.ts';
import type { Request } from './session-events.ts';

/** Why a request is not taken. */
export interface Refusal {
  readonly code: ErrorName;
  readonly reason: string;
}

interface Queued<R> {
  readonly request: R;
  readonly body: Uint8Array;
}

/** After it the client's counter starts again at 1 (ClientCnxn.getXid). */
const xidMax = 0x7fffffff;
/** Of length word, xid and op code. */
const headLength = 12;

export class RequestPipe<W extends object, R extends Request<W>> {
  /** Bytes for the present connection, from the handshake on. */
  readonly output = new Writer(16 * 1024);
  readonly #juteMaxBuffer: number;
  readonly #requestsMax: number;
  readonly #queue = new Deque<Queued<R>>();
  readonly #pending = new Deque<R>();
  #pendingXid = 1;
  #nextXid: number;

  constructor(juteMaxBuffer: number, requestsMax: number, firstXid = 1) {
    this.#juteMaxBuffer = juteMaxBuffer;
    this.#requestsMax = requestsMax;
    this.#nextXid = firstXid;
    this.#pendingXid = firstXid;
  }

  /** Sent and not yet answered. */
  get pending(): number {
    return this.#pending.length;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Takes a request: sends it when `connected`, keeps it otherwise. Says why not, if not. */
  take(request: R, connected: boolean): Refusal | undefined {
    const isFull = this.#pending.length + this.#queue.length >= this.#requestsMax;
    if (isFull && request.op !== OpCode.closeSession) {
      return { code: 'ThrottledOp', reason: `${this.#requestsMax} requests are waiting already` };
    }
    const start = this.output.at;
    try {
      this.#writeHead(request.op);
      request.write(this.output);
    } catch (error) {
      this.output.at = start;
      const reason = error instanceof Error ? error.message : String(error);
      return { code: 'BadArguments', reason: `it cannot be written: ${reason}` };
    }
    const length = this.output.at - start - 4;
    if (length > this.#juteMaxBuffer) {
      this.output.at = start;
      const reason = `${length} bytes, more than jute.maxbuffer ${this.#juteMaxBuffer}`;
      return { code: 'BadArguments', reason };
    }
    if (connected) {
      this.#send(request, start);
    } else {
      const body = new Uint8Array(length + 4 - headLength);
      body.set(this.output.bytes.subarray(start + headLength, this.output.at));
      this.output.at = start;
      this.#queue.push({ request, body });
    }
    return undefined;
  }

  /** Sends everything that waited for a connection. */
  sendQueued(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (next.request.abandoned) continue;
      const start = this.output.at;
      this.#writeHead(next.request.op);
      this.output.raw(next.body);
      this.#send(next.request, start);
    }
  }

  /** A frame that is no ordinary request: the handshake (no head), or one with a reserved xid. */
  writeFrame<T>(
    head: { readonly xid: number; readonly op: OpCode } | undefined,
    body: Pick<Type<T>, 'write'>,
    value: T,
  ): void {
    const output = this.output;
    const start = output.at;
    output.int(0);
    if (head !== undefined) {
      output.int(head.xid);
      output.int(head.op);
    }
    body.write(output, value);
    output.view.setInt32(start, output.at - start - 4);
  }

  /** The request a reply belongs to; undefined when its xid is not the one that is due. */
  answered(xid: number): R | undefined {
    if (xid !== this.#pendingXid || this.#pending.length === 0) return undefined;
    this.#pendingXid = after(xid);
    return this.#pending.shift();
  }

  /** The connection is gone: what was sent on it will not be answered. */
  takePending(): R[] {
    const lost = [...this.#pending];
    this.#pending.clear();
    this.#pendingXid = this.#nextXid;
    this.output.clear();
    return lost;
  }

  takeQueued(): R[] {
    const lost = [...this.#queue].map(({ request }) => request);
    this.#queue.clear();
    return lost;
  }

  /** Whether a request on its way will set a watch at `path`. */
  isSettingWatch(path: string): boolean {
    for (const request of this.#pending) if (request.watch?.path === path) return true;
    for (const { request } of this.#queue) if (request.watch?.path === path) return true;
    return false;
  }

  #writeHead(op: OpCode): void {
    const output = this.output;
    output.int(0);
    output.int(this.#nextXid);
    output.int(op);
  }

  #send(request: R, start: number): void {
    this.output.view.setInt32(start, this.output.at - start - 4);
    this.#pending.push(request);
    this.#nextXid = after(this.#nextXid);
  }
}

function after(xid: number): number {
  return xid === xidMax ? 1 : xid + 1;
}
