// The Net, Dns and Clock ports in memory, for tests of the election mesh: hosts with addresses, a clock that moves only
// when told, sockets whose bytes take a millisecond. A host can be dead (dials are refused), black (dials are never
// answered) or stalled (it takes no bytes). Received bytes are spoiled after the callback, so that nothing keeps them.
import assert from 'node:assert/strict';
import type {
  Clock,
  Dns,
  Listener,
  ListenOptions,
  Net,
  Socket,
  SocketHandlers,
  Timer,
} from '../../src/ports.ts';
import { NetError } from '../../src/ports.ts';
import { copyBytes } from '../../src/util/bytes.ts';
import { Heap } from '../../src/util/heap.ts';

interface Task {
  readonly at: number;
  readonly number: number;
  run: (() => void) | undefined;
}

type Accept = (socket: Socket) => SocketHandlers | undefined;

export class FakeNetwork {
  now = 0;
  readonly names = new Map<string, readonly string[]>();
  /** `10.0.0.1:3888` -> who accepts there. */
  readonly listeners = new Map<string, Accept>();
  /** Addresses whose hosts answer no dial at all. */
  readonly black = new Set<string>();
  /** Addresses whose hosts take no bytes any more. */
  readonly stalled = new Set<string>();
  /** Every dial, as `from -> to:port`. */
  readonly dials: string[] = [];
  readonly #tasks = new Heap<Task>((a, b) => a.at < b.at || (a.at === b.at && a.number < b.number));
  #taskNumber = 0;

  readonly clock: Clock = {
    now: () => this.now,
    wallTime: () => 0,
    schedule: (delayMs, callback) => this.after(Math.max(0, delayMs), callback),
    endOfTurn: (callback) => {
      this.after(0, callback);
    },
  };

  readonly dns: Dns = {
    resolve: (host, done) => {
      const found = /^[\d.]+$|:/.test(host) ? [host] : (this.names.get(host) ?? []);
      this.after(0, () => done(found));
    },
  };

  after(delayMs: number, run: () => void): Timer {
    const task: Task = { at: this.now + delayMs, number: this.#taskNumber++, run };
    this.#tasks.push(task);
    return {
      cancel: () => {
        task.run = undefined;
      },
    };
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (let task = this.#tasks.peek(); task !== undefined && task.at <= end; ) {
      this.#tasks.pop();
      this.now = task.at;
      task.run?.();
      task = this.#tasks.peek();
    }
    this.now = end;
  }

  /** The network as the host of this address sees it. */
  netOf(address: string): Net {
    return {
      listen: (options, accepted, ready) => this.#listen(address, options, accepted, ready),
      dial: ({ host, port, timeoutMs }, ready) => {
        this.dials.push(`${address} -> ${host}:${port}`);
        const accept = this.listeners.get(`${host}:${port}`);
        if (this.black.has(host)) {
          this.after(timeoutMs, () => ready(new NetError('ETIMEDOUT', 'no answer')));
        } else if (accept === undefined) {
          this.after(1, () => ready(new NetError('ECONNREFUSED', 'refused')));
        } else {
          this.after(1, () => {
            const [mine, theirs] = FakeSocket.pair(this, address, host, port);
            theirs.handlers = accept(theirs);
            if (theirs.handlers === undefined) theirs.destroy();
            mine.handlers = ready(mine);
            if (mine.handlers === undefined) mine.destroy();
          });
        }
      },
    };
  }

  /** A caller of the test's own: says `bytes` to a port and shows what comes back. */
  call(from: string, to: string, port: number, bytes: Uint8Array): FakeCaller {
    const accept = this.listeners.get(`${to}:${port}`);
    assert(accept !== undefined, `nobody listens at ${to}:${port}`);
    const [mine, theirs] = FakeSocket.pair(this, from, to, port);
    const caller = new FakeCaller(mine);
    mine.handlers = caller;
    theirs.handlers = accept(theirs);
    if (theirs.handlers === undefined) theirs.destroy();
    if (bytes.length > 0) mine.write(bytes, () => undefined);
    return caller;
  }

  #listen(
    own: string,
    { address, port }: ListenOptions,
    accepted: Accept,
    ready: (result: Listener | NetError) => void,
  ): void {
    const key = `${address ?? own}:${port}`;
    this.after(0, () => {
      if (this.listeners.has(key)) {
        ready(new NetError('EADDRINUSE', 'in use'));
        return;
      }
      this.listeners.set(key, accepted);
      const close = (done: () => void): void => {
        this.listeners.delete(key);
        this.after(0, done);
      };
      ready({ address: address ?? own, port, close });
    });
  }
}

export class FakeSocket implements Socket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  handlers: SocketHandlers | undefined;
  isOpen = true;
  #other: FakeSocket | undefined;
  readonly #network: FakeNetwork;

  private constructor(network: FakeNetwork, local: string, remote: string, port: number) {
    this.#network = network;
    this.localAddress = local;
    this.localPort = port;
    this.remoteAddress = remote;
    this.remotePort = port;
  }

  static pair(
    network: FakeNetwork,
    from: string,
    to: string,
    port: number,
  ): [mine: FakeSocket, theirs: FakeSocket] {
    const mine = new FakeSocket(network, from, to, port);
    const theirs = new FakeSocket(network, to, from, port);
    mine.#other = theirs;
    theirs.#other = mine;
    return [mine, theirs];
  }

  write(bytes: Uint8Array, done: (ok: boolean) => void): void {
    const sent = copyBytes(bytes);
    this.#network.after(1, () => {
      if (this.#network.stalled.has(this.remoteAddress)) return;
      done(this.isOpen);
      const other = this.#other;
      if (other === undefined || !other.isOpen) return;
      other.handlers?.received(sent);
      sent.fill(0xee);
    });
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.#network.after(1, () => this.destroy());
  }

  destroy(): void {
    if (!this.isOpen) return;
    this.close('local');
    this.#network.after(1, () => this.#other?.close('end'));
  }

  /** The connection breaks as when a process is killed: both ends learn of it. */
  reset(): void {
    this.close('ECONNRESET');
    this.#other?.close('ECONNRESET');
  }

  /** This end only. */
  close(reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#network.after(0, () => this.handlers?.closed(reason));
  }
}

export class FakeCaller implements SocketHandlers {
  readonly socket: FakeSocket;
  readonly chunks: Uint8Array[] = [];
  isClosed = false;

  constructor(socket: FakeSocket) {
    this.socket = socket;
  }

  say(bytes: Uint8Array): void {
    this.socket.write(bytes, () => undefined);
  }

  received(bytes: Uint8Array): void {
    this.chunks.push(copyBytes(bytes));
  }

  closed(): void {
    this.isClosed = true;
  }
}
