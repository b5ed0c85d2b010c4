// A learner's way to its leader (Learner.connectToLeader): dials all addresses of the leader at once, each again and
// again, until one connects or the time is over. Inputs: addresses, limits. Output: exactly one `ready`, with the
// connection or the reason why there is none; none after `cancel`.
//
// Names are looked up anew for each dial (a container that moved has a new address), and a dead address delays no
// other. Different from Java on purpose: it dials for as long as a new leader may need to bind its port (Java: five
// times, 100 ms apart), and soon after the first refusals.

import type { Timer } from '../ports.ts';
import type { NetPorts } from './address-dial.ts';
import { AddressDial } from './address-dial.ts';
import type { HostPort } from './host-port.ts';
import { printAddress } from './host-port.ts';
import type { LinkOutput } from './link-socket.ts';
import { LinkSocket, remoteAddressOf } from './link-socket.ts';

const pauseMsMin = 20;
const pauseMsMax = 1_000;
/** A connect request is sent again after 1 s; one that had no answer to both may be for an address that has moved. */
const attemptMsMax = 3_000;
const refusedMsUsual = 2_000;

export interface LeaderDialOptions<L extends LinkOutput> {
  /** The leader's quorum addresses. */
  readonly addresses: readonly HostPort[];
  /** In all: connectToLearnerMasterLimit or initLimit, in ms. */
  readonly timeoutMs: number;
  /**
   * A leader that refuses for so long does not lead: to look for another is quicker than to wait for `timeoutMs`.
   * Every address must have refused. Usually 2,000.
   */
  readonly refusedMs?: number;
  readonly keepAlive: boolean;
  readonly makeLink: (remoteAddress: string) => L;
}

/** One address of the leader: a dial, or the pause behind one. */
interface Route {
  readonly address: HostPort;
  pauseMs: number;
  dial: AddressDial | undefined;
  pause: Timer | undefined;
  /** The last dial was refused, not merely unanswered. */
  isRefused: boolean;
  code: string;
}

export class LeaderDial<L extends LinkOutput> {
  readonly #ports: NetPorts;
  readonly #options: LeaderDialOptions<L>;
  readonly #ready: (result: LinkSocket<L> | string) => void;
  readonly #startedAt: number;
  readonly #refusedMs: number;
  readonly #timers: readonly Timer[];
  readonly #routes: readonly Route[];
  #isOver = false;

  constructor(
    ports: NetPorts,
    options: LeaderDialOptions<L>,
    ready: (result: LinkSocket<L> | string) => void,
  ) {
    this.#ports = ports;
    this.#options = options;
    this.#ready = ready;
    this.#startedAt = ports.clock.now();
    const { timeoutMs, refusedMs = refusedMsUsual } = options;
    this.#refusedMs = refusedMs;
    this.#timers = [
      ports.clock.schedule(timeoutMs, () => this.#fail()),
      ports.clock.schedule(refusedMs, () => this.#judge()),
    ];
    this.#routes = options.addresses.map((address) => {
      const state = { dial: undefined, pause: undefined, isRefused: false, code: 'ETIMEDOUT' };
      return { address, pauseMs: pauseMsMin, ...state };
    });
    for (const route of this.#routes) this.#dial(route);
  }

  /** `ready` will not be called any more. */
  cancel(): void {
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
    for (const { dial, pause } of this.#routes) {
      dial?.cancel();
      pause?.cancel();
    }
  }

  #dial(route: Route): void {
    const { timeoutMs, keepAlive, makeLink } = this.#options;
    const leftMs = this.#startedAt + timeoutMs - this.#ports.clock.now();
    const options = { timeoutMs: Math.max(1, Math.min(leftMs, attemptMsMax)), keepAlive };
    route.dial = new AddressDial(this.#ports, [route.address], options, {
      connected: (socket) => {
        if (this.#isOver) return undefined;
        this.cancel();
        const link = new LinkSocket(socket, makeLink(remoteAddressOf(socket)));
        this.#ready(link);
        return link;
      },
      failed: (code, isRefused) => {
        if (this.#isOver) return;
        this.#again(route, code, isRefused);
      },
    });
  }

  #again(route: Route, code: string, isRefused: boolean): void {
    const { pauseMs } = route;
    route.dial = undefined;
    route.code = code;
    route.isRefused = isRefused;
    route.pauseMs = Math.min(pauseMsMax, pauseMs * 2);
    route.pause = this.#ports.clock.schedule(pauseMs, () => this.#dial(route));
    this.#judge();
  }

  #judge(): void {
    const passedMs = this.#ports.clock.now() - this.#startedAt;
    if (passedMs < this.#refusedMs) return;
    if (this.#routes.every(({ isRefused }) => isRefused)) this.#fail();
  }

  #fail(): void {
    if (this.#isOver) return;
    this.cancel();
    const passedMs = Math.round(this.#ports.clock.now() - this.#startedAt);
    const what = this.#routes.map(({ address, code }) => `${printAddress(address)} ${code}`);
    this.#ready(`no connection to the leader in ${passedMs} ms: ${what.join(', ')}`);
  }
}
