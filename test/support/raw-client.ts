/**
 * A raw client of the client port: frames out, frames in, nothing remembered. What a test wants to
 * send it can send, right or wrong; no ping, no watch, no xid happens by itself.
 *
 * Inputs: a port, payloads (each gets its length word) or bare bytes. Outputs: the payloads that
 * came, in order, and the end of the connection. Invariant: `frame()` gives every frame once and
 * after the last one `undefined`, for ever; it never waits past its deadline.
 */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';
import { ConnectRequest, ConnectResponse } from '../../src/proto/client.ts';

/** Longer than any pause of a busy machine; a test that meets it has failed. */
export const FRAME_DEADLINE_MS = 30_000;

interface Waiter {
  readonly resolve: (frame: Uint8Array | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

export class RawClient {
  readonly #socket: Socket;
  readonly #frames: Uint8Array[] = [];
  #taken = 0;
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;
  #waiter: Waiter | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#received(bytes));
    socket.on('error', () => this.#end());
    socket.on('close', () => this.#end());
    socket.on('end', () => this.#end());
  }

  static open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** The other side closed, and everything it sent was taken. */
  get isClosed(): boolean {
    return this.#ended && this.#taken === this.#frames.length;
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  /** Payloads, each behind its length, in one write. */
  send(...payloads: readonly Uint8Array[]): void {
    const whole = new Uint8Array(payloads.reduce((sum, { length }) => sum + 4 + length, 0));
    const view = new DataView(whole.buffer);
    let at = 0;
    for (const payload of payloads) {
      view.setInt32(at, payload.length);
      whole.set(payload, at + 4);
      at += 4 + payload.length;
    }
    this.sendBytes(whole);
  }

  /** Bytes as they are. */
  sendBytes(bytes: Uint8Array): void {
    if (!this.#ended) this.#socket.write(bytes);
  }

  /** The next payload; `undefined` when the connection has ended. */
  frame(deadlineMs: number = FRAME_DEADLINE_MS): Promise<Uint8Array | undefined> {
    const frame = this.#take();
    if (frame !== undefined || this.#ended) return Promise.resolve(frame);
    if (this.#waiter !== undefined) throw new Error('somebody waits for a frame already');
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiter = undefined;
        reject(new Error(`no frame and no end within ${deadlineMs} ms`));
      }, deadlineMs);
      this.#waiter = { resolve, timer };
    });
  }

  /** Like `frame`, but leaves it to be taken. */
  async peek(deadlineMs: number = FRAME_DEADLINE_MS): Promise<Uint8Array | undefined> {
    if (this.#taken < this.#frames.length) return this.#frames[this.#taken];
    const frame = await this.frame(deadlineMs);
    if (frame !== undefined) this.#taken--;
    return frame;
  }

  /** Ends our side; the other side sees it after all that was sent. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#end();
  }

  #take(): Uint8Array | undefined {
    const frame = this.#frames[this.#taken];
    if (frame !== undefined) this.#taken++;
    return frame;
  }

  #received(bytes: Uint8Array): void {
    let all = bytes;
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + bytes.length);
      all.set(this.#rest);
      all.set(bytes, this.#rest.length);
    }
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    let at = 0;
    if (this.#taken > 1000) {
      this.#frames.splice(0, this.#taken);
      this.#taken = 0;
    }
    while (all.length - at >= 4) {
      const next = at + 4 + view.getInt32(at);
      if (next < at + 4) throw new Error(`a frame of length ${view.getInt32(at)}`);
      if (next > all.length) break;
      this.#frames.push(new Uint8Array(all.subarray(at + 4, next)));
      at = next;
    }
    this.#rest = new Uint8Array(all.subarray(at));
    if (this.#taken < this.#frames.length) this.#wake();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    clearTimeout(waiter.timer);
    waiter.resolve(this.#take());
  }
}

export interface ConnectOptions {
  readonly lastZxidSeen?: bigint;
  readonly timeOutMs?: number;
  readonly sessionId?: bigint;
  readonly passwd?: Uint8Array | null;
  /** `undefined`: the byte is left out, as clients before 3.4 do. */
  readonly readOnly?: boolean | undefined;
}

export function connectPayload(options: ConnectOptions = {}): Uint8Array {
  const out = new Writer(64);
  ConnectRequest.write(out, {
    protocolVersion: 0,
    lastZxidSeen: options.lastZxidSeen ?? 0n,
    timeOut: options.timeOutMs ?? 30_000,
    sessionId: options.sessionId ?? 0n,
    passwd: options.passwd === undefined ? new Uint8Array(16) : options.passwd,
  });
  if (!('readOnly' in options)) out.boolean(false);
  else if (options.readOnly !== undefined) out.boolean(options.readOnly);
  return out.copy();
}

export interface Connected extends ConnectResponse {
  /** `undefined`: the response had no such byte. */
  readonly readOnly: boolean | undefined;
}

export function readConnected(frame: Uint8Array): Connected {
  const reader = new Reader(frame);
  const response = ConnectResponse.read(reader);
  const readOnly = reader.remaining > 0 ? reader.boolean() : undefined;
  if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes behind a connect response`);
  return { ...response, passwd: new Uint8Array(response.passwd ?? []), readOnly };
}

/** Header and body of a request. */
export function requestPayload(
  xid: number,
  type: number,
  body?: Uint8Array | ((out: Writer) => void),
): Uint8Array {
  const out = new Writer(128);
  out.int(xid);
  out.int(type);
  if (typeof body === 'function') body(out);
  else if (body !== undefined) out.raw(body);
  return out.copy();
}

export interface RawReply {
  readonly xid: number;
  readonly zxid: bigint;
  readonly err: number;
  /** Stands at the body. */
  readonly body: Reader;
}

export function readReply(frame: Uint8Array): RawReply {
  const body = new Reader(frame);
  return { xid: body.int(), zxid: body.long(), err: body.int(), body };
}

/** Opens a connection and a session on it. */
export async function openSession(
  port: number,
  options: ConnectOptions = {},
): Promise<{ readonly client: RawClient; readonly connected: Connected }> {
  const client = await RawClient.open(port);
  client.send(connectPayload(options));
  const frame = await client.frame();
  if (frame === undefined) throw new Error('closed without a connect response');
  return { client, connected: readConnected(frame) };
}
