// The election port: binds our election addresses and reads, on each connection that comes, who it claims to be
// (QuorumCnxManager.Listener). Inputs: addresses, limits. Outputs: `introduced` with the claim and the socket; `bound`;
// `failed` when no address could be bound (Java then exits with code 14).
//
// Anybody can reach this port, so nothing here waits for a peer: a connection that has not introduced itself in time is
// closed, and when too many wait, the one that has waited longest goes (Java reads them one after the other, and a
// silent one holds up all). Invariant: a connection leaves `#unknown` exactly once.

import type { Socket, SocketHandlers } from '../ports.ts';
import { copyBytes } from '../util/bytes.ts';
import type { NetPorts } from './address-dial.ts';
import type { InitialMessage } from './election-initial-message.ts';
import { parseInitialMessage } from './election-initial-message.ts';
import type { PortBindingOptions, PortBindingOwner } from './port-binding.ts';
import { PortBinding } from './port-binding.ts';

/** Connections that have not said who they are: of one address, and of all. Servers say it with their first bytes. */
const unknownPerAddressMax = 8;
const unknownMax = 64;

export interface ElectionListenerOptions extends PortBindingOptions {
  readonly handshakeTimeoutMs: number;
}

export interface ElectionListenerOwner extends Omit<PortBindingOwner, 'accepted'> {
  /** What follows on the socket goes to the handlers returned; undefined closes it. */
  introduced(message: InitialMessage, socket: Socket): SocketHandlers | undefined;
  /** Closed before it said who it is. */
  rejected(remoteAddress: string, why: string): void;
}

export class ElectionListener {
  readonly #ports: NetPorts;
  readonly #options: ElectionListenerOptions;
  readonly #owner: ElectionListenerOwner;
  readonly #binding: PortBinding;
  /** In the order they came. */
  readonly #unknown = new Set<UnknownPeer>();

  constructor(ports: NetPorts, options: ElectionListenerOptions, owner: ElectionListenerOwner) {
    this.#ports = ports;
    this.#options = options;
    this.#owner = owner;
    this.#binding = new PortBinding(ports, options, {
      accepted: (socket) => this.#accepted(socket),
      bound: (address, port) => owner.bound(address, port),
      tried: (address, code, isLast) => owner.tried(address, code, isLast),
      failed: (code) => owner.failed(code),
    });
  }

  stop(done: () => void): void {
    for (const peer of [...this.#unknown]) peer.reject('the server stops');
    this.#binding.stop(done);
  }

  #accepted(socket: Socket): SocketHandlers | undefined {
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
