// The election port: binds our election addresses and reads, on each connection that comes, who it claims to be
// (QuorumCnxManager.Listener). Inputs: addresses, limits. Outputs: `introduced` with the claim and the socket; `bound`;
// `bindFailed` when no address could be bound (Java then exits with code 14).
//
// Anybody can reach this port, so nothing here waits for a peer: a connection that has not introduced itself in time is
// closed, and when too many wait, the one that has waited longest goes (Java reads them one after the other, and a
// silent one holds up all). Invariant: a connection leaves `#unknown` exactly once.

import type { Listener, Socket, SocketHandlers, Timer } from '../ports.ts';
import { NetError } from '../ports.ts';
import { copyBytes } from '../util/bytes.ts';
import type { DialPorts } from './election-dial.ts';
import type { HostPort, InitialMessage } from './election-initial-message.ts';
import { parseInitialMessage, printAddress } from './election-initial-message.ts';

/** Connections that have not said who they are: of one address, and of all. Servers say it with their first bytes. */
const unknownPerAddressMax = 8;
const unknownMax = 64;
const bindPauseMs = 1_000;

export interface ElectionListenerOptions {
  readonly addresses: readonly HostPort[];
  /** Bind the ports on every address (quorumListenOnAllIPs). */
  readonly onAllIps: boolean;
  /** How often binding is tried, a second apart; 0: for ever (zookeeper.electionPortBindRetry). */
  readonly bindTries: number;
  readonly handshakeTimeoutMs: number;
  readonly keepAlive: boolean;
}

export interface ElectionListenerOwner {
  /** What follows on the socket goes to the handlers returned; undefined closes it. */
  introduced(message: InitialMessage, socket: Socket): SocketHandlers | undefined;
  /** Closed before it said who it is. */
  rejected(remoteAddress: string, why: string): void;
  bound(address: string, port: number): void;
  bindTried(address: string, code: string, isLast: boolean): void;
  bindFailed(code: string): void;
}

export class ElectionListener {
  readonly #ports: DialPorts;
  readonly #options: ElectionListenerOptions;
  readonly #owner: ElectionListenerOwner;
  readonly #listeners = new Set<Listener>();
  readonly #retries = new Set<Timer>();
  /** In the order they came. */
  readonly #unknown = new Set<UnknownPeer>();
  #bindsLeft: number;
  #isStopped = false;

  constructor(ports: DialPorts, options: ElectionListenerOptions, owner: ElectionListenerOwner) {
    this.#ports = ports;
    this.#options = options;
    this.#owner = owner;
    const { addresses, onAllIps } = options;
    const places = onAllIps
      ? [...new Set(addresses.map(({ port }) => port))].map((port) => ({ host: undefined, port }))
      : addresses;
    this.#bindsLeft = places.length;
    for (const { host, port } of places) this.#bind(host, port, 1);
  }

  stop(done: () => void): void {
    this.#isStopped = true;
    for (const timer of this.#retries) timer.cancel();
    for (const peer of [...this.#unknown]) peer.reject('the server stops');
    let open = this.#listeners.size;
    const closed = (): void => {
      open--;
      if (open <= 0) done();
    };
    if (open === 0) this.#ports.clock.schedule(0, done);
    for (const listener of this.#listeners) listener.close(closed);
    this.#listeners.clear();
  }

  #bind(host: string | undefined, port: number, attempt: number): void {
    if (host === undefined) {
      this.#listen(undefined, host, port, attempt);
      return;
    }
    // The name may have moved since the last attempt.
    this.#ports.dns.resolve(host, ([address]) => {
      if (this.#isStopped) return;
      if (address === undefined) this.#bindTried('ENOTFOUND', host, port, attempt);
      else this.#listen(address, host, port, attempt);
    });
  }

  #listen(
    address: string | undefined,
    host: string | undefined,
    port: number,
    attempt: number,
  ): void {
    const { keepAlive } = this.#options;
    const accepted = (socket: Socket): SocketHandlers | undefined => this.#accepted(socket);
    this.#ports.net.listen({ address, port, keepAlive }, accepted, (result) => {
      if (result instanceof NetError) {
        this.#bindTried(result.code, host, port, attempt);
        return;
      }
      if (this.#isStopped) {
        result.close(() => undefined);
        return;
      }
      this.#listeners.add(result);
      this.#owner.bound(result.address, result.port);
    });
  }

  #bindTried(code: string, host: string | undefined, port: number, attempt: number): void {
    if (this.#isStopped) return;
    const { bindTries } = this.#options;
    const isLast = bindTries > 0 && attempt >= bindTries;
    this.#owner.bindTried(printAddress({ host: host ?? '*', port }), code, isLast);
    if (isLast) {
      this.#bindsLeft--;
      if (this.#bindsLeft === 0) this.#owner.bindFailed(code);
      return;
    }
    const timer = this.#ports.clock.schedule(bindPauseMs, () => {
      this.#retries.delete(timer);
      this.#bind(host, port, attempt + 1);
    });
    this.#retries.add(timer);
  }

  #accepted(socket: Socket): SocketHandlers | undefined {
    if (this.#isStopped) return undefined;
    const ofAddress = [...this.#unknown].filter(
      ({ remoteAddress }) => remoteAddress === socket.remoteAddress,
    );
    const [oldest] =
      ofAddress.length >= unknownPerAddressMax
        ? ofAddress
        : this.#unknown.size >= unknownMax
          ? this.#unknown
          : [];
    oldest?.reject('too many connections that do not say who they are');
    const timer = this.#ports.clock.schedule(this.#options.handshakeTimeoutMs, () => {
      peer.reject(`silent for ${this.#options.handshakeTimeoutMs} ms`);
    });
    const peer: UnknownPeer = new UnknownPeer(socket, {
      left: () => {
        timer.cancel();
        this.#unknown.delete(peer);
      },
      rejected: (why) => this.#owner.rejected(socket.remoteAddress, why),
      introduced: (message) => this.#owner.introduced(message, socket),
    });
    this.#unknown.add(peer);
    return peer;
  }
}

interface UnknownPeerOwner {
  /** Once: it is unknown no more, or gone. */
  left(): void;
  rejected(why: string): void;
  introduced(message: InitialMessage): SocketHandlers | undefined;
}

/** A connection from its first byte to its initial message, and from then on a pipe to whoever took it over. */
class UnknownPeer implements SocketHandlers {
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #owner: UnknownPeerOwner;
  /** The beginning of an initial message, at most a few KB: longer ones are refused by their length word. */
  #held = new Uint8Array(0);
  #next: SocketHandlers | undefined;
  #isUnknown = true;

  constructor(socket: Socket, owner: UnknownPeerOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.remoteAddress = socket.remoteAddress;
  }

  received(bytes: Uint8Array): void {
    if (!this.#isUnknown) {
      this.#next?.received(bytes);
      return;
    }
    const all = new Uint8Array(this.#held.length + bytes.length);
    all.set(this.#held);
    all.set(bytes, this.#held.length);
    const parsed = parseInitialMessage(all);
    if (parsed === 'incomplete') {
      this.#held = all;
    } else if ('bad' in parsed) {
      this.reject(parsed.bad);
    } else {
      this.#leave();
      this.#next = this.#owner.introduced(parsed.message);
      if (this.#next === undefined) this.#socket.destroy();
      else if (all.length > parsed.length) this.#next.received(copyBytes(all, parsed.length));
    }
  }

  closed(reason: string): void {
    if (this.#isUnknown) {
      this.#leave();
      if (this.#held.length > 0) this.#owner.rejected('closed within its initial message');
    }
    this.#next?.closed(reason);
  }

  reject(why: string): void {
    if (!this.#isUnknown) return;
    this.#leave();
    this.#owner.rejected(why);
    this.#socket.destroy();
  }

  #leave(): void {
    this.#isUnknown = false;
    this.#owner.left();
  }
}
