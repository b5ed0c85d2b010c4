// One end of a simulated TCP connection: the Socket port in front, a kernel behind. In: the program's calls, and
// packets from the other end (outgoing.ts sends ours). Out: the same bytes, in order, cut anywhere. It behaves as
// node/node-net.ts does on Linux: an end of the peer's stream closes this side after the turn, closing lingers, unread
// input makes a close a reset, a connection the kernel has forgotten answers with one.
//
// Invariant: bytes handed out are overwritten after the callback, so that whoever keeps them sees rubbish.

import type { Socket, SocketHandlers } from '../ports.ts';
import { present } from '../util/assert.ts';
import { Deque } from '../util/deque.ts';
import type { DataPacket, Packet, Receiver, SocketWorld, Wire } from './outgoing.ts';
import { Outgoing, pieceLength } from './outgoing.ts';
import type { Due } from './sim-clock.ts';
import type { SimProcess } from './sim-process.ts';

export interface SocketHost {
  readonly isUp: boolean;
  /** The program has read something to its end, which had come at `arrivedAt`. */
  heard(from: string, port: number, arrivedAt: number): void;
  /** The kernel has forgotten the connection. */
  closed(end: SocketEnd): void;
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
/** libuv reads again until nothing is left, or so often. */
const readsMax = 32;
const poison = 0xdb;

export class SocketEnd implements Socket, Receiver {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly process: SimProcess;
  readonly outgoing: Outgoing;
  /** When the end of something came that the program has not read; −1: nothing waits. */
  waitsSince = -1;
  readonly #world: SocketWorld;
  readonly #wire: Wire;
  readonly #host: SocketHost;
  #peer: SocketEnd | undefined;
  #handlers: SocketHandlers | undefined;
  /** As the program sees it. */
  #state: 'open' | 'ending' | 'closed' = 'open';
  /** False: the kernel knows nothing of this connection any more. */
  #isKnown = true;
  #reason = 'local';
  #isPaused = false;
  #isReadDue = false;
  #finSent = false;
  #finReceived = false;
  #endTold = false;
  #timer: Due | undefined;
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
    this.outgoing = new Outgoing(world, wire, process);
    this.localAddress = addresses.localAddress;
    this.localPort = addresses.localPort;
    this.remoteAddress = addresses.remoteAddress;
    this.remotePort = addresses.remotePort;
  }

  join(peer: SocketEnd): void {
    this.#peer = peer;
    this.outgoing.join(peer);
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
    this.outgoing.write(bytes, done);
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

  get isReachable(): boolean {
    return this.#host.isUp;
  }

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
    this.outgoing.dropSent();
    this.#timerOff();
  }

  /** Something in between dropped the connection and told this end. */
  cutOff(): void {
    this.#onReset();
  }

  arrived(packet: Packet): void {
    if (!this.#isKnown) {
      // For a connection this kernel has forgotten.
      if (packet !== 'reset') this.outgoing.send('reset');
    } else if (packet === 'reset') this.#onReset();
    else if (packet === 'fin') this.#onFin();
    else this.#onBytes(packet);
  }

  #pump(): void {
    this.outgoing.pump();
    if (!this.outgoing.isEmpty || this.#state !== 'ending') return;
    if (this.#finSent || !this.#isKnown) return;
    this.#finSent = true;
    this.outgoing.send('fin');
    if (this.#finReceived) this.#close();
    else this.#wait(lingerMs);
  }

  #onBytes({ bytes, isLast }: DataPacket): void {
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
    this.outgoing.dropSent();
    if (this.#receivedBytes > 0 && this.#state === 'open' && !this.#isPaused) this.#readSoon();
    else this.#closed();
  }

  /** The program took so many bytes: the peer may send more. */
  #read(length: number): void {
    const peer = this.#peer;
    peer?.outgoing.read(length, this.#wire.latencyMs(), () => {
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
    for (let reads = 0; reads < readsMax && this.#receivedBytes > 0; reads++) {
      if (this.#isPaused || this.#state !== 'open') return;
      const bytes = this.#take();
      this.#world.trace(this.process.name, 'received', bytes.length, sumOf(bytes));
      this.#handlers?.received(bytes);
      bytes.fill(poison);
      this.#read(bytes.length);
    }
    if (this.#receivedBytes === 0 && this.waitsSince >= 0) {
      this.#host.heard(this.remoteAddress, this.remotePort, this.waitsSince);
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
    const length = pieceLength(Math.min(this.#receivedBytes, pieceBytes), chance);
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
    this.#firstTaken = 0;
    this.waitsSince = -1;
  }

  /** The kernel's close: what it has taken is still sent. */
  #close(): void {
    if (this.#isKnown) {
      if (this.#receivedBytes > 0) {
        this.outgoing.dropSent();
        this.outgoing.send('reset');
      } else if (!this.#finSent) this.outgoing.send('fin');
      this.#finSent = true;
      this.#forget();
    }
    this.#closed();
  }

  #forget(): void {
    this.#isKnown = false;
    this.#host.closed(this);
    this.#timerOff();
    this.outgoing.dropWrites();
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
      const what = `closed ${this.#reason}`;
      this.#world.trace(this.process.name, what, this.localPort, this.remotePort);
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
