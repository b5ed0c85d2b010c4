// One direction of a simulated TCP connection, at the sending kernel: what the program wrote, cut into packets, on its
// way. In: writes, and how much the other program has read. Out: packets at the other end, in order; `done` for a write
// when the kernel has taken all of it. Invariants: at most a window is on its way or unread; packets that a cut link
// swallows are sent again when it is whole; bytes handed in must not change before `done`.

import { assert } from '../util/assert.ts';
import { copyBytes, equalBytes } from '../util/bytes.ts';
import { Deque } from '../util/deque.ts';
import type { Prng } from '../util/prng.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimProcess } from './sim-process.ts';

/** What the network between two hosts does with packets of one direction. */
export interface Wire {
  /** Milliseconds the next packet takes. */
  latencyMs(): number;
  /** Packets are lost for now. */
  readonly isCut: boolean;
  /** Has packets that wait for the link: `resent` is called when it is whole again. */
  stall(outgoing: Outgoing): void;
}

export interface SocketWorld {
  readonly clock: SimClock;
  readonly chance: Prng;
  /** Bytes on their way and unread, each direction. */
  readonly windowBytes: number;
  /** The longest piece a read or a packet carries; pieces are of any length below. */
  readonly pieceBytes: number;
  readonly trace: (who: string, what: string, a: number, b: number) => void;
}

/** Taken out of one write; it may be the end of it. */
export interface DataPacket {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

export type Packet = DataPacket | 'fin' | 'reset';

/** The other end. */
export interface Receiver {
  /** Its machine has power. */
  readonly isReachable: boolean;
  arrived(packet: Packet): void;
}

interface Write {
  readonly given: Uint8Array;
  readonly bytes: Uint8Array;
  sent: number;
  readonly done: (ok: boolean) => void;
}

export class Outgoing {
  readonly #world: SocketWorld;
  readonly #wire: Wire;
  readonly #process: SimProcess;
  #receiver: Receiver | undefined;
  readonly #writes = new Deque<Write>();
  /** On its way. */
  readonly #sent = new Deque<Packet>();
  /** Bytes sent and not read by the other program. */
  #unread = 0;
  #heldUntil = 0;

  constructor(world: SocketWorld, wire: Wire, process: SimProcess) {
    this.#world = world;
    this.#wire = wire;
    this.#process = process;
  }

  join(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  /** The kernel has all that was written. */
  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  write(bytes: Uint8Array, done: (ok: boolean) => void): void {
    this.#writes.push({ given: bytes, bytes: copyBytes(bytes), sent: 0, done });
  }

  /** Sends what the window lets through. */
  pump(): void {
    const { windowBytes, pieceBytes, chance } = this.#world;
    for (let write = this.#writes.peek(); write !== undefined; write = this.#writes.peek()) {
      const room = windowBytes - this.#unread;
      if (room <= 0 && write.sent < write.bytes.length) return;
      const most = Math.min(room, pieceBytes, write.bytes.length - write.sent);
      const length = pieceLength(most, chance);
      if (length > 0) {
        const bytes = write.bytes.subarray(write.sent, write.sent + length);
        write.sent += length;
        this.#unread += length;
        this.send({ bytes, isLast: write.sent === write.bytes.length });
        continue;
      }
      this.#writes.shift();
      this.#finish(write, true);
    }
  }

  send(packet: Packet): void {
    this.#sent.push(packet);
    this.#arriveLater();
  }

  /** The other program has read so many bytes; the news takes a while. */
  read(length: number, latencyMs: number, then: () => void): void {
    this.#world.clock.after(latencyMs, () => {
      this.#unread -= length;
      then();
    });
  }

  /** What the kernel has not taken is lost. */
  dropWrites(): void {
    for (let write = this.#writes.shift(); write !== undefined; write = this.#writes.shift()) {
      this.#finish(write, false);
    }
  }

  /** What is on its way is lost too. */
  dropSent(): void {
    this.#sent.clear();
  }

  /** The link is whole again: packets that were lost are sent once more. */
  resent(): void {
    for (let i = 0; i < this.#sent.length; i++) this.#arriveLater();
  }

  /** Nothing of this connection's gets through for a while, though others' does. */
  hold(ms: number): void {
    const { clock } = this.#world;
    this.#heldUntil = clock.now + ms;
    clock.after(ms, () => this.resent());
  }

  /** What is held gets through now. */
  release(): void {
    if (this.#heldUntil <= this.#world.clock.now) return;
    this.#heldUntil = 0;
    this.resent();
  }

  #arriveLater(): void {
    const { clock } = this.#world;
    const from = this.#process.isAlive ? this.#process.time : clock.now;
    clock.at(from + this.#wire.latencyMs(), () => this.#arrived());
  }

  /** The first of what is on its way gets there, whichever packet this event was for. */
  #arrived(): void {
    const receiver = this.#receiver;
    if (this.#sent.length === 0 || receiver === undefined) return;
    if (this.#wire.isCut || !receiver.isReachable) {
      this.#wire.stall(this);
      return;
    }
    if (this.#world.clock.now < this.#heldUntil) return;
    const packet = this.#sent.shift();
    if (packet !== undefined) receiver.arrived(packet);
  }

  #finish({ given, bytes, done }: Write, ok: boolean): void {
    if (!this.#process.isAlive) return;
    this.#process.post(() => {
      assert(equalBytes(given, bytes), 'bytes given to a socket do not change before done');
      done(ok);
    });
  }
}

/** Mostly all, sometimes torn anywhere. */
export function pieceLength(most: number, chance: Prng): number {
  return most > 1 && chance.chance(0.1) ? 1 + chance.below(most) : most;
}
