// Writes at a steady pace through given servers, whatever the answers do, and how long each took from the moment it was
// due: a server that stalls is seen by every write that falls into the stall (no coordinated omission). In: ports, the
// path of a node that exists. Out: latencies in ms.

import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { SetDataRequest } from '../src/proto/client.ts';
import { OpCode } from '../src/proto/opcodes.ts';
import { connectFrame, requestFrame } from './write-probe.ts';

/** Of each session. */
const everyMs = 5;

export class PacedWrites {
  readonly #sessions: PacedSession[];

  constructor(ports: readonly number[], path: string) {
    this.#sessions = ports.map((port) => new PacedSession(port, path));
  }

  /** Latencies of the writes that were due since the last call and are answered, sorted. */
  take(): number[] {
    return this.#sessions.flatMap((session) => session.latencies.splice(0)).sort((a, b) => a - b);
  }

  stop(): void {
    for (const session of this.#sessions) session.stop();
  }
}

export function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

class PacedSession {
  readonly latencies: number[] = [];
  readonly #socket: Socket;
  readonly #path: string;
  /** When the writes that wait for their answers were due. */
  readonly #due: number[] = [];
  #taken = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #nextAt = 0;
  #xid = 0;

  constructor(port: number, path: string) {
    this.#path = path;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      this.#socket.write(connectFrame());
    });
    this.#socket.on('data', (data) => this.#onData(data));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.stop());
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #onData(data: Buffer): void {
    this.#taken = Buffer.concat([this.#taken, data]);
    while (this.#taken.length >= 4 && this.#taken.length >= 4 + this.#taken.readInt32BE(0)) {
      this.#taken = this.#taken.subarray(4 + this.#taken.readInt32BE(0));
      const due = this.#due.shift();
      if (due !== undefined) this.latencies.push(performance.now() - due);
      if (this.#timer === undefined) this.#begin();
    }
  }

  #begin(): void {
    this.#nextAt = performance.now();
    this.#timer = setInterval(() => this.#send(), 1);
  }

  #send(): void {
    const request = { path: this.#path, data: new Uint8Array(100), version: -1 };
    for (; this.#nextAt <= performance.now(); this.#nextAt += everyMs) {
      this.#due.push(this.#nextAt);
      this.#xid++;
      const frame = requestFrame(
        OpCode.setData,
        (out) => SetDataRequest.write(out, request),
        this.#xid,
      );
      this.#socket.write(frame);
    }
  }
}
