// Binds the addresses of one of our own ports (Leader.createServerSocket, QuorumCnxManager.Listener), trying again
// while another process still has them. Inputs: addresses as configured, how often to try. Outputs: each address that
// is bound; each try that failed; `failed` when none could be bound.
//
// Names are looked up anew for each try. Invariant: after `stop` nothing is reported, and nothing stays bound.

import type { Listener, Socket, SocketHandlers, Timer } from '../ports.ts';
import { NetError } from '../ports.ts';
import type { NetPorts } from './address-dial.ts';
import type { HostPort } from './host-port.ts';
import { printAddress } from './host-port.ts';

const pauseMs = 1_000;

export interface PortBindingOptions {
  readonly addresses: readonly HostPort[];
  /** Bind the ports on every address (quorumListenOnAllIPs). */
  readonly onAllIps: boolean;
  /** How often binding is tried, a second apart; 0: for ever (zookeeper.electionPortBindRetry). */
  readonly tries: number;
  readonly keepAlive: boolean;
}

export interface PortBindingOwner {
  accepted(socket: Socket): SocketHandlers | undefined;
  bound(address: string, port: number): void;
  tried(address: string, code: string, isLast: boolean): void;
  /** Once, when every address was given up; `code` is of the last. */
  failed(code: string): void;
}

export class PortBinding {
  readonly #ports: NetPorts;
  readonly #options: PortBindingOptions;
  readonly #owner: PortBindingOwner;
  readonly #listeners = new Set<Listener>();
  readonly #retries = new Set<Timer>();
  /** Addresses that are bound or may still be. */
  #left: number;
  #isStopped = false;

  constructor(ports: NetPorts, options: PortBindingOptions, owner: PortBindingOwner) {
    this.#ports = ports;
    this.#options = options;
    this.#owner = owner;
    const { addresses, onAllIps } = options;
    const places = onAllIps
      ? [...new Set(addresses.map(({ port }) => port))].map((port) => ({ host: undefined, port }))
      : addresses;
    this.#left = places.length;
    for (const { host, port } of places) this.#bind(host, port, 1);
  }

  /** `done` is called when the ports are free. */
  stop(done: () => void): void {
    this.#isStopped = true;
    for (const timer of this.#retries) timer.cancel();
    let open = this.#listeners.size;
    if (open === 0) this.#ports.clock.schedule(0, done);
    for (const listener of this.#listeners) {
      listener.close(() => {
        open--;
        if (open === 0) done();
      });
    }
    this.#listeners.clear();
  }

  #bind(host: string | undefined, port: number, attempt: number): void {
    if (host === undefined) {
      this.#listen(undefined, host, port, attempt);
      return;
    }
    this.#ports.dns.resolve(host, ([address]) => {
      if (this.#isStopped) return;
      if (address === undefined) this.#tried('ENOTFOUND', host, port, attempt);
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
    const accepted = (socket: Socket): SocketHandlers | undefined =>
      this.#isStopped ? undefined : this.#owner.accepted(socket);
    this.#ports.net.listen({ address, port, keepAlive }, accepted, (result) => {
      if (result instanceof NetError) {
        this.#tried(result.code, host, port, attempt);
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

  #tried(code: string, host: string | undefined, port: number, attempt: number): void {
    if (this.#isStopped) return;
    const { tries } = this.#options;
    const isLast = tries > 0 && attempt >= tries;
    this.#owner.tried(printAddress({ host: host ?? '*', port }), code, isLast);
    if (isLast) {
      this.#left--;
      if (this.#left === 0) this.#owner.failed(code);
      return;
    }
    const timer = this.#ports.clock.schedule(pauseMs, () => {
      this.#retries.delete(timer);
      this.#bind(host, port, attempt + 1);
    });
    this.#retries.add(timer);
  }
}
