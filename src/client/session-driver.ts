// Drives one client session: turns socket, timer and caller into events of the machine (core/client/client-session.ts)
// and performs its effects, in order. In: calls. Out: settled calls, watch events, announced states.
// Invariants: the machine is never stepped from inside a step; one timer at a time, never later than the machine's
// deadline; output is flushed once a turn. Watchers run as microtasks, in order with the replies.

import type { Chroot } from '../core/client/chroot.ts';
import { ClientSession } from '../core/client/client-session.ts';
import type { ServerAddress } from '../core/client/server-list.ts';
import type {
  ClientEffect,
  ClientEvent,
  ClientSessionOptions,
  ClientState,
  ClientStatus,
} from '../core/client/session-events.ts';
import type { Clock, Log, Net, Random, Timer } from '../ports.ts';
import { unreachable } from '../util/assert.ts';
import type { PendingCall } from './call.ts';
import { askMode, Connection } from './connection.ts';
import { soon } from './emitter.ts';
import type { Watcher } from './watch-event.ts';
import { watchEvent } from './watch-event.ts';

/** The doors a client needs. */
export interface ClientPorts {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
}

export type DriverEvent = ClientEvent<Watcher, PendingCall>;

export class SessionDriver {
  readonly #ports: ClientPorts;
  readonly #session: ClientSession<Watcher, PendingCall>;
  readonly #chroot: Chroot;
  readonly #log: Log | undefined;
  readonly #announced: (state: ClientState, reason: string) => void;
  #connection: Connection | undefined;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isFlushDue = false;
  #stopAsking: (() => void) | undefined;

  /** `announced` runs inside a step: it must not call back. The first attempt to connect starts soon. */
  constructor(
    ports: ClientPorts,
    options: Omit<ClientSessionOptions, 'below'>,
    chroot: Chroot,
    log: Log | undefined,
    announced: (state: ClientState, reason: string) => void,
  ) {
    this.#ports = ports;
    this.#chroot = chroot;
    this.#log = log;
    this.#announced = announced;
    const below = (limit: number) => ports.random.below(limit);
    this.#session = new ClientSession({ ...options, below }, ports.clock.now());
    this.#arm();
  }

  get state(): ClientState {
    return this.#session.state;
  }

  status(): ClientStatus {
    return this.#session.status();
  }

  get watches(): ClientSession<Watcher, PendingCall>['watches'] {
    return this.#session.watches;
  }

  isSettingWatch(path: string): boolean {
    return this.#session.isSettingWatch(path);
  }

  step(event: DriverEvent): void {
    this.#step(event, this.#ports.clock.now());
  }

  #step(event: DriverEvent, now: number): void {
    const effects = this.#session.step(event, now);
    for (let i = 0; i < effects.length; i++) {
      this.#perform(effects[i] as ClientEffect<Watcher, PendingCall>);
    }
    if (this.#session.output.at > 0 && !this.#isFlushDue) this.#flushSoon();
  }

  #perform(effect: ClientEffect<Watcher, PendingCall>): void {
    switch (effect.kind) {
      case 'settle':
        effect.request.settle(effect.err, effect.body);
        return;
      case 'fail':
        effect.request.fail(effect.code, effect.reason);
        return;
      case 'notify': {
        const path = this.#chroot.toClient(effect.path);
        const event = watchEvent(effect.type, effect.state, path, effect.zxid);
        for (const watcher of effect.watchers) soon(() => watcher(event));
        return;
      }
      case 'dial':
        this.#dial(effect.attempt, effect.server, effect.timeoutMs);
        break;
      case 'hangUp':
        this.#connection?.close();
        this.#connection = undefined;
        break;
      case 'announce':
        if (effect.state !== 'CONNECTEDREADONLY') this.#stopAsking?.();
        this.#announced(effect.state, effect.reason);
        break;
      case 'probe':
        this.#probe(effect.server, effect.timeoutMs);
        break;
      case 'logLine':
        this.#log?.log(effect.level, effect.message);
        return;
      default:
        unreachable(effect);
    }
    this.#arm();
  }

  #dial(attempt: number, server: ServerAddress, timeoutMs: number): void {
    this.#connection = new Connection(this.#ports.net, server, timeoutMs, {
      dialled: () => this.step({ kind: 'dialled', attempt }),
      received: (bytes, view, start, end) => {
        const event = { kind: 'received', attempt, bytes, view, start, end } as const;
        this.#step(event, this.#ports.clock.now());
      },
      closed: (reason) => this.step({ kind: 'closed', attempt, reason }),
    });
  }

  #probe(server: ServerAddress, timeoutMs: number): void {
    this.#stopAsking?.();
    const { net, clock } = this.#ports;
    this.#stopAsking = askMode(net, clock, server, timeoutMs, (answer) => {
      this.#stopAsking = undefined;
      this.step({ kind: 'probed', server, answer });
    });
  }

  #flushSoon(): void {
    this.#isFlushDue = true;
    this.#ports.clock.endOfTurn(() => {
      this.#isFlushDue = false;
      this.#connection?.flush(this.#session.output);
    });
  }

  /** Sets the timer for the machine's deadline, unless one is set that is early enough: it will look again. */
  #arm(): void {
    const { at } = this.#session.deadline;
    if (at === Number.POSITIVE_INFINITY) {
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#timerAt = at;
      return;
    }
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#ports.clock.schedule(at - this.#ports.clock.now(), () => {
      this.#timer = undefined;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.step({ kind: 'timeout' });
      this.#arm();
    });
  }
}
