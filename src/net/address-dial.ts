// One attempt to reach a server on any of its addresses. Names are looked up anew each time (a container that moved has
// a new address), all addresses are tried at once, and the first that answers wins: a dead one costs nothing
// (ZOOKEEPER-3756). Inputs: addresses and a limit in time. Output: exactly one of `connected` and `failed`.
// "Refused" means that every address said no; one that keeps silent may still belong to a living server.

import type { Clock, Dns, Net, Socket, SocketHandlers, Timer } from '../ports.ts';
import { NetError } from '../ports.ts';
import type { HostPort } from './host-port.ts';

/** Addresses of one name that are tried; more is a misconfiguration, and each try is a socket. */
const addressesPerNameMax = 4;
const timedOut = 'ETIMEDOUT';

export interface NetPorts {
  readonly net: Net;
  readonly dns: Dns;
  readonly clock: Clock;
}

export interface DialOutcome {
  /** `tried`: the numeric addresses of the names, as far as they are known. */
  connected(socket: Socket, tried: readonly string[]): SocketHandlers | undefined;
  failed(code: string, isRefused: boolean): void;
}

export class AddressDial {
  readonly #ports: NetPorts;
  readonly #outcome: DialOutcome;
  readonly #keepAlive: boolean;
  readonly #endsAt: number;
  readonly #timer: Timer;
  readonly #tried: string[] = [];
  /** Look-ups and connections under way. */
  #pending = 0;
  #isOver = false;
  #code = timedOut;
  #isSilent = false;

  constructor(
    ports: NetPorts,
    addresses: readonly HostPort[],
    options: { readonly timeoutMs: number; readonly keepAlive: boolean },
    outcome: DialOutcome,
  ) {
    this.#ports = ports;
    this.#outcome = outcome;
    this.#keepAlive = options.keepAlive;
    this.#endsAt = ports.clock.now() + options.timeoutMs;
    this.#timer = ports.clock.schedule(options.timeoutMs, () => this.#fail(timedOut, false));
    for (const { host, port } of addresses) {
      this.#pending++;
      ports.dns.resolve(host, (found) => this.#resolved(found, port));
    }
  }

  /** Neither outcome will be reported any more. */
  cancel(): void {
    this.#isOver = true;
    this.#timer.cancel();
  }

  #resolved(found: readonly string[], port: number): void {
    if (this.#isOver) return;
    const timeoutMs = Math.max(1, this.#endsAt - this.#ports.clock.now());
    for (const [i, host] of found.entries()) {
      if (i >= addressesPerNameMax) break;
      this.#pending++;
      this.#tried.push(host);
      this.#ports.net.dial({ host, port, timeoutMs, keepAlive: this.#keepAlive }, (result) => {
        if (result instanceof NetError) {
          this.#settled(result.code);
          return undefined;
        }
        if (this.#isOver) return undefined;
        this.cancel();
        return this.#outcome.connected(result, this.#tried);
      });
    }
    this.#settled(found.length === 0 ? 'ENOTFOUND' : undefined);
  }

  #settled(code: string | undefined): void {
    this.#pending--;
    if (code !== undefined) this.#code = code;
    if (code === timedOut) this.#isSilent = true;
    if (this.#pending === 0) this.#fail(this.#code, !this.#isSilent);
  }

  #fail(code: string, isRefused: boolean): void {
    if (this.#isOver) return;
    this.cancel();
    this.#outcome.failed(code, isRefused);
  }
}
