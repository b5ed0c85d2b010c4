// One end of a simulated TCP connection: the Socket port in front, a kernel's queues behind. In: writes, and what the
// other end's kernel sends. Out: the same bytes, in order, cut anywhere. It behaves as node/node-net.ts does on Linux:
// an end of the peer's stream closes this side after the turn, closing lingers, unread input makes a close a reset.
//
// Invariants: bytes of one direction arrive in the order they were written; at most a window of them is on its way or
// unread; bytes handed out are overwritten after the callback, so that whoever keeps them sees rubbish; bytes handed
// in must not change before `done`.

import type { Socket, SocketHandlers } from '../ports.ts';
import { assert, present } from '../util/assert.ts';
import { copyBytes, equalBytes } from '../util/bytes.ts';
import { Deque } from '../util/deque.ts';
import type { Prng } from '../util/prng.ts';
import type { Due, SimClock } from './sim-clock.ts';
import type { SimProcess } from './sim-process.ts';

/** What a socket needs of the network between two hosts, for what it sends. */
export interface Wire {
  /** Milliseconds the next packet takes. */
  latencyMs(): number;
  /** Packets are lost for now; they are sent again when the link is whole. */
  readonly isCut: boolean;
  /** Has packets that wait for the link: call `resent` when it is whole again. */
  stall(end: SocketEnd): void;
}

export interface SocketHost {
  readonly isUp: boolean;
  /** The program has read something to its end, which had come at `arrivedAt`. */
  heard(from: string, arrivedAt: number): void;
  /** The kernel has forgotten the connection. */
  closed(end: SocketEnd): void;
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

interface Packet {
  /** Taken out of one write; it may be the end of it. */
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

interface Write {
  readonly given: Uint8Array;
  readonly bytes: Uint8Array;
  sent: number;
  readonly done: (ok: boolean) => void;
}

interface Addresses {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** As node/node-net.ts. */
const lingerMs = 1_000;
const stalledEndMs = 10_000;
const readsMax = 32;
const poison = 0xdb;

export class SocketEnd implements Socket {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly process: SimProcess;
  /** When the end of something came that the program has not read; −1: nothing waits. */
  waitsSince = -1;
  readonly #world: SocketWorld;
  readonly #wire: Wire;
  readonly #host: SocketHost;
  #peer: SocketEnd | undefined;
  #handlers: SocketHandlers | undefined;
  /** As the program sees it. */
  #state: 'open' | 'ending' | 'closed' = 'open';
  /** False: the kernel knows nothing of this connection any more, and answers with a reset. */
  #isKnown = true;
  #reason = 'local';
  #isPaused = false;
  #isReadDue = false;
  #finSent = false;
  #finReceived = false;
  #endTold = false;
  #timer: Due | undefined;
  #heldUntil = 0;
  readonly #writes = new Deque<Write>();
  /** On its way to the peer. */
  readonly #sent = new Deque<Packet | 'fin' | 'reset'>();
  /** Sent and not read by the peer's program. */
  #unread = 0;
  readonly #received = new Deque<Uint8Array>();
  #receivedBytes = 0;
  /** How much of the first piece was read. */
  #firstTaken = 0;

  constructor(
    world: SocketWorld,
    wire: Wire,
    host: SocketHost,
    process: SimProcess,
    addresses: Addresses,
  ) {
    this.#world = world;
    this.#wire = wire;
    this.#host = host;
    this.process = process;
    this.localAddress = addresses.localAddress;
    this.localPort = addresses.localPort;
    this.remoteAddress = addresses.remoteAddress;
    this.remotePort = addresses.remotePort;
  }

  join(peer: SocketEnd): void {
    this.#peer = peer;
  }

  /** The program has it: bytes and the end are handed on from now. undefined drops the connection. */
  start(handlers: SocketHandlers | undefined): void {
    this.#handlers = handlers;
    if (handlers === undefined) this.destroy();
    else if (this.#state === 'closed') this.#tellClosed();
    else this.#readSoon();
  }

  // ---- the program's side ----

  write(bytes: Uint8Array, done: (ok: boolean) => void): void {
    if (this.#state !== 'open' || !this.#isKnown) {
      this.process.post(() => done(false));
      return;
    }
    this.#writes.push({ given: bytes, bytes: copyBytes(bytes), sent: 0, done });
    this.#pump();
  }

  pause(): void {
    if (this.#state === 'open') this.#isPaused = true;
  }

  resume(): void {
    if (this.#state !== 'open') return;
    this.#isPaused = false;
    this.#readSoon();
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#dropReceived();
    if (!this.#isKnown) {
      this.#closed();
      return;
    }
    this.#wait(stalledEndMs);
    this.#pump();
  }

  destroy(): void {
    if (this.#state === 'open') this.#state = 'ending';
    this.#close();
  }

  // ---- the kernel's side ----

  /** The program is gone; its kernel closes the connection. */
  processDied(): void {
    this.#state = 'closed';
    this.#handlers = undefined;
    this.#close();
  }

  /** The machine is gone: nobody is told anything. */
  vanish(): void {
    this.#state = 'closed';
    this.#handlers = undefined;
    this.#isKnown = false;
    this.#writes.clear();
    this.#sent.clear();
    this.#timerOff();
  }

  /** Something in between dropped the connection and told both ends. */
  cutOff(): void {
    this.#onReset();
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

  #pump(): void {
    const { windowBytes, pieceBytes, chance } = this.#world;
    for (let write = this.#writes.peek(); write !== undefined; write = this.#writes.peek()) {
      const room = windowBytes - this.#unread;
      if (room <= 0 && write.sent < write.bytes.length) return;
      const most = Math.min(room, pieceBytes, write.bytes.length - write.sent);
      // Mostly whole, sometimes torn anywhere.
      const length = most > 1 && chance.chance(0.1) ? 1 + chance.below(most) : most;
      if (length > 0) {
        const bytes = write.bytes.subarray(write.sent, write.sent + length);
        write.sent += length;
        this.#send({ bytes, isLast: write.sent === write.bytes.length });
        this.#unread += length;
        continue;
      }
      this.#writes.shift();
      this.#finishWrite(write, true);
    }
    if (this.#state !== 'ending' || this.#finSent || !this.#isKnown) return;
    this.#finSent = true;
    this.#send('fin');
    if (this.#finReceived) this.#close();
    else this.#wait(lingerMs);
  }

  #finishWrite({ given, bytes, done }: Write, ok: boolean): void {
    if (!this.process.isAlive) return;
    this.process.post(() => {
      assert(equalBytes(given, bytes), 'bytes given to a socket do not change before done');
      done(ok);
    });
  }

  #send(packet: Packet | 'fin' | 'reset'): void {
    this.#sent.push(packet);
    this.#arriveLater();
  }

  #arriveLater(): void {
    const { clock } = this.#world;
    const from = this.process.isAlive ? this.process.time : clock.now;
    clock.at(from + this.#wire.latencyMs(), () => this.#arrived());
  }

  /** The first of what is on its way reaches the other end, whichever packet this event was for. */
  #arrived(): void {
    const peer = this.#peer;
    if (this.#sent.length === 0 || peer === undefined) return;
    if (this.#wire.isCut || !peer.#host.isUp) {
      this.#wire.stall(this);
      return;
    }
    if (this.#world.clock.now < this.#heldUntil) return;
    const packet = this.#sent.shift();
    if (packet === undefined) return;
    if (!peer.#isKnown) {
      // Data or an end for a connection the other kernel has forgotten.
      if (packet !== 'reset') peer.#answerReset();
    } else if (packet === 'reset') peer.#onReset();
    else if (packet === 'fin') peer.#onFin();
    else peer.#onBytes(packet);
  }

  #answerReset(): void {
    this.#send('reset');
  }

  #onBytes({ bytes, isLast }: Packet): void {
    if (this.#state !== 'open') {
      this.#read(bytes.length);
      return;
    }
    this.#received.push(bytes);
    this.#receivedBytes += bytes.length;
    if (isLast) this.waitsSince = this.#world.clock.now;
    this.#readSoon();
  }

  #onFin(): void {
    this.#finReceived = true;
    if (this.#state === 'ending' && this.#finSent) this.#close();
    else this.#readSoon();
  }

  #onReset(): void {
    if (!this.#isKnown) return;
    if (this.#state === 'open') this.#reason = 'ECONNRESET';
    // What had arrived may be lost with the connection or not.
    if (this.#world.chance.chance(0.5)) this.#dropReceived();
    this.#forget();
    this.#sent.clear();
    if (this.#receivedBytes > 0 && this.#state === 'open' && !this.#isPaused) this.#readSoon();
    else this.#closed();
  }

  /** The peer's program took so many bytes: there is room for more. */
  #read(length: number): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    this.#world.clock.after(this.#wire.latencyMs(), () => {
      peer.#unread -= length;
      if (peer.#isKnown) peer.#pump();
    });
  }

  #readSoon(): void {
    if (this.#isReadDue || this.#isPaused || this.#handlers === undefined) return;
    if (this.#receivedBytes === 0 && !this.#finReceived && this.#isKnown) return;
    this.#isReadDue = true;
    this.process.post(() => this.#deliver());
  }

  #deliver(): void {
    this.#isReadDue = false;
    // libuv reads again until nothing is left, or so often.
    for (let reads = 0; reads < readsMax && this.#receivedBytes > 0; reads++) {
      if (this.#isPaused || this.#state !== 'open') return;
      const bytes = this.#take();
      this.#world.trace(this.process.name, 'received', bytes.length, sumOf(bytes));
      this.#handlers?.received(bytes);
      bytes.fill(poison);
      this.#read(bytes.length);
    }
    if (this.#receivedBytes === 0 && this.waitsSince >= 0) {
      this.#host.heard(this.remoteAddress, this.waitsSince);
      this.waitsSince = -1;
    }
    if (this.#isPaused || this.#state !== 'open') return;
    if (this.#receivedBytes > 0) this.#readSoon();
    else if (!this.#isKnown) this.#closed();
    else if (this.#finReceived && !this.#endTold) {
      this.#endTold = true;
      this.#reason = 'end';
      // The replies of this turn go out first.
      this.process.clock.endOfTurn(() => this.end());
    }
  }

  /** What is there, or the beginning of it. */
  #take(): Uint8Array {
    const { pieceBytes, chance } = this.#world;
    const most = Math.min(this.#receivedBytes, pieceBytes);
    const length = most > 1 && chance.chance(0.1) ? 1 + chance.below(most) : most;
    const taken = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const first = present(this.#received.peek(), 'the bytes that were counted');
      const count = Math.min(first.length - this.#firstTaken, length - at);
      taken.set(first.subarray(this.#firstTaken, this.#firstTaken + count), at);
      at += count;
      this.#firstTaken += count;
      if (this.#firstTaken < first.length) break;
      this.#received.shift();
      this.#firstTaken = 0;
    }
    this.#receivedBytes -= length;
    return taken;
  }

  #dropReceived(): void {
    if (this.#receivedBytes > 0) this.#read(this.#receivedBytes);
    this.#received.clear();
    this.#receivedBytes = 0;
    this.waitsSince = -1;
    this.#firstTaken = 0;
  }

  /** The kernel's close: what it has taken is still sent. */
  #close(): void {
    if (this.#isKnown) {
      const isReset = this.#receivedBytes > 0;
      if (isReset) {
        this.#sent.clear();
        this.#send('reset');
      } else if (!this.#finSent) this.#send('fin');
      this.#finSent = true;
      this.#forget();
    }
    this.#closed();
  }

  #forget(): void {
    this.#isKnown = false;
    this.#host.closed(this);
    this.#timerOff();
    for (let write = this.#writes.shift(); write !== undefined; write = this.#writes.shift()) {
      this.#finishWrite(write, false);
    }
  }

  #closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#dropReceived();
    this.#tellClosed();
  }

  #tellClosed(): void {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    if (handlers === undefined) return;
    this.process.post(() => {
      this.#world.trace(
        this.process.name,
        `closed ${this.#reason}`,
        this.localPort,
        this.remotePort,
      );
      handlers.closed(this.#reason);
    });
  }

  #wait(ms: number): void {
    this.#timerOff();
    this.#timer = this.#world.clock.after(ms, () => this.#close());
  }

  #timerOff(): void {
    if (this.#timer !== undefined) this.#timer.cancelled = true;
  }
}

function sumOf(bytes: Uint8Array): number {
  let sum = bytes.length;
  for (let i = 0; i < bytes.length; i++) sum = (Math.imul(sum, 31) + (bytes[i] as number)) | 0;
  return sum;
}
