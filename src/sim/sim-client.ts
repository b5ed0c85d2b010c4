// A client of a simulated world: the client machine of core/client on a computer of its own, driven as client/ drives
// it but without promises, which would run outside virtual time. In: operations. Out: the history of everything it
// asked and was told, with virtual times, in the order it was told.

import { Connection } from '../client/connection.ts';
import { ClientSession } from '../core/client/client-session.ts';
import type { ServerAddress } from '../core/client/server-list.ts';
import type { ClientEffect, ClientEvent, ClientState } from '../core/client/session-events.ts';
import { Reader } from '../jute/reader.ts';
import type { Net, Timer } from '../ports.ts';
import { WatcherEvent, Xid } from '../proto/client.ts';
import { ErrorCode } from '../proto/errors.ts';
import type { SessionId } from '../proto/zxid.ts';
import type { SimWatch } from './invocation.ts';
import { Invocation } from './invocation.ts';
import { Machine } from './machine.ts';
import type { Operation } from './operation.ts';
import { readResult } from './operation.ts';
import type { ProcessSpeed } from './sim-process.ts';
import { usualSpeed } from './sim-process.ts';
import type { World } from './world.ts';

export interface ClientSettings {
  readonly servers: readonly ServerAddress[];
  readonly sessionTimeoutMs: number;
  readonly speed?: ProcessSpeed;
}

/** One connection that was accepted by a server, for the checkers. */
export interface Connected {
  readonly at: number;
  readonly sessionId: SessionId;
  readonly timeoutMs: number;
}

type Effect = ClientEffect<SimWatch, Invocation>;
type Event = ClientEvent<SimWatch, Invocation>;

/** xid, zxid, error. */
const replyHeaderLength = 16;
const requestsMax = 10_000;
const juteMaxBuffer = 1_048_575;

export class SimClient {
  readonly name: string;
  readonly machine: Machine;
  readonly history: Invocation[] = [];
  readonly watches: SimWatch[] = [];
  readonly connected: Connected[] = [];
  /** Until when it may have been heard: it was killed, or its session ended then. */
  endedAt: number | undefined;
  onState: ((state: ClientState) => void) | undefined;
  onEnded: ((invocation: Invocation) => void) | undefined;
  readonly #world: World;
  readonly #net: Net;
  readonly #session: ClientSession<SimWatch, Invocation>;
  readonly #waiting: Invocation[] = [];
  #connection: Connection | undefined;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isFlushDue = false;
  #order = 0;

  constructor(world: World, name: string, { servers, sessionTimeoutMs, speed }: ClientSettings) {
    this.#world = world;
    this.name = name;
    this.machine = new Machine(world, name);
    const process = this.machine.start(speed ?? usualSpeed);
    this.#net = world.net.portsFor(this.machine.host, process).net;
    const { chance } = this.machine;
    const options = {
      servers,
      sessionTimeoutMs,
      readOnly: false,
      session: undefined,
      lastZxid: 0n,
      juteMaxBuffer,
      requestsMax,
      below: (limit: number) => chance.below(limit),
    };
    this.#session = new ClientSession(options, process.clock.now());
    process.post(() => this.#arm());
  }

  get state(): ClientState {
    return this.#session.state;
  }

  get sessionId(): SessionId {
    return this.#session.status().key.id;
  }

  get isOver(): boolean {
    return this.endedAt !== undefined;
  }

  /** Invocations that have not ended. */
  get pending(): number {
    return this.#waiting.length + this.#session.status().pending;
  }

  /** Asks for several operations in one turn; they leave together, when there is a connection. */
  request(...operations: Operation[]): Invocation[] {
    const invocations = operations.map((operation) => {
      return new Invocation(this.name, operation, this.#now);
    });
    this.history.push(...invocations);
    this.machine.process?.post(() => {
      this.#waiting.push(...invocations);
      this.#submit();
    });
    return invocations;
  }

  /** `rudely`: operations that follow the end of the session on the wire, as no honest client sends them. */
  close(...rudely: Operation[]): void {
    this.machine.process?.post(() => {
      const close = this.#sending(new Invocation(this.name, { type: 'closeSession' }, this.#now));
      this.history.push(close);
      this.#step({ kind: 'closeRequested', request: close });
      if (close.xid === undefined || close.outcome !== undefined) return;
      let { xid } = close;
      for (const operation of rudely) {
        const invocation = this.#sending(new Invocation(this.name, operation, this.#now));
        this.history.push(invocation);
        this.#writeFrame(invocation, ++xid);
        this.#finish(invocation, { kind: 'lost', code: 'ConnectionLoss', reason: 'after the end' });
      }
    });
  }

  /** SIGKILL: the session is left behind. */
  kill(): void {
    this.#over();
    for (const invocation of this.history) {
      if (invocation.outcome !== undefined) continue;
      this.#finish(invocation, { kind: 'lost', code: 'ConnectionLoss', reason: 'killed' });
    }
    this.machine.end();
  }

  #submit(): void {
    if (this.state !== 'CONNECTED') return;
    for (const invocation of this.#waiting.splice(0)) {
      this.#step({ kind: 'requested', request: this.#sending(invocation) });
    }
  }

  #sending(invocation: Invocation): Invocation {
    invocation.sessionId = this.sessionId;
    invocation.connection = this.connected.length;
    return invocation;
  }

  /** Behind what the machine has written itself. */
  #writeFrame(invocation: Invocation, xid: number): void {
    const { output } = this.#session;
    const start = output.at;
    output.int(0);
    output.int(xid);
    output.int(invocation.op);
    invocation.write(output);
    output.view.setInt32(start, output.at - start - 4);
  }

  get #now(): number {
    return this.#world.clock.now;
  }

  #step(event: Event): void {
    const { process } = this.machine;
    if (process === undefined) return;
    for (const effect of this.#session.step(event, process.clock.now())) this.#perform(effect);
    if (this.#session.output.at === 0 || this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.clock.endOfTurn(() => {
      this.#isFlushDue = false;
      this.#connection?.flush(this.#session.output);
    });
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'settle': {
        const { request, err, zxid, body } = effect;
        const { watch } = request;
        const sets = err === ErrorCode.Ok || (err === ErrorCode.NoNode && watch?.table === 'exist');
        if (watch !== undefined && sets) {
          watch.watcher.setBy = request;
          this.watches.push(watch.watcher);
        }
        if (err !== ErrorCode.Ok) this.#finish(request, { kind: 'error', zxid, err });
        else {
          const result = readResult(request.operation, body);
          this.#finish(request, { kind: 'ok', zxid, result });
        }
        return;
      }
      case 'fail':
        this.#finish(effect.request, { kind: 'lost', code: effect.code, reason: effect.reason });
        return;
      case 'notify':
        for (const watch of effect.watchers) this.#notified(watch, effect.type, effect.zxid);
        return;
      case 'dial':
        this.#dial(effect.attempt, effect.server, effect.timeoutMs);
        break;
      case 'hangUp':
        this.#connection?.close();
        this.#connection = undefined;
        break;
      case 'announce':
        this.#announced(effect.state, effect.reason);
        break;
      case 'logLine':
        this.#world.note(this.name, effect.message);
        return;
      case 'probe':
        break;
    }
    this.#arm();
  }

  #announced(state: ClientState, reason: string): void {
    this.#world.note(this.name, `${state}: ${reason}`);
    if (state === 'CONNECTED') {
      const { sessionTimeoutMs } = this.#session.status();
      const at = this.#world.clock.now;
      this.connected.push({ at, sessionId: this.sessionId, timeoutMs: sessionTimeoutMs });
      // Behind the steps of this one.
      this.machine.process?.post(() => this.#submit());
    } else if (state !== 'CONNECTING') {
      this.#over();
      for (const invocation of this.#waiting.splice(0)) {
        this.#finish(invocation, { kind: 'lost', code: 'SessionExpired', reason: state });
      }
    }
    this.onState?.(state);
  }

  #over(): void {
    this.endedAt ??= this.#world.clock.now;
  }

  #notified(watch: SimWatch, type: number, zxid: bigint | undefined): void {
    const order = this.#order++;
    const at = this.#world.clock.now;
    this.#world.note(this.name, `event ${watch.path}`, type, Number(zxid ?? -1n));
    if (watch.event !== undefined) {
      this.#world.violation('WA4', `a watch of ${this.name} at ${watch.path} fired twice`);
    }
    watch.event = { type, zxid, at, order, connection: this.connected.length };
  }

  #finish(invocation: Invocation, outcome: NonNullable<Invocation['outcome']>): void {
    invocation.outcome = outcome;
    invocation.endedAt = this.#world.clock.now;
    invocation.order = this.#order++;
    const zxid = outcome.kind === 'lost' ? -1 : Number(outcome.zxid);
    this.#world.note(this.name, `${invocation.operation.type} ${outcome.kind}`, zxid);
    this.onEnded?.(invocation);
  }

  #dial(attempt: number, server: ServerAddress, timeoutMs: number): void {
    this.#connection = new Connection(this.#net, server, timeoutMs, {
      dialled: () => this.#step({ kind: 'dialled', attempt }),
      received: (bytes, view, start, end) => {
        if (view.getInt32(start) === Xid.NOTIFICATION) this.#checkAwaited(bytes, start);
        this.#step({ kind: 'received', attempt, bytes, view, start, end });
      },
      closed: (reason) => this.#step({ kind: 'closed', attempt, reason }),
    });
  }

  /** WA4: what the client machine would pass over in silence, as nobody waits for it. */
  #checkAwaited(bytes: Uint8Array, start: number): void {
    const { path } = WatcherEvent.read(new Reader(bytes, start + replyHeaderLength));
    const isAwaited = this.watches.some((watch) => {
      const { event } = watch;
      // After setWatches a server tells of a node that is gone once for each table.
      const isTold = event?.zxid === undefined && event?.connection === this.connected.length;
      return watch.path === path && (event === undefined || isTold);
    });
    if (isAwaited) return;
    this.#world.violation('WA4', `${this.name} is told of ${path}, and nobody waits for that`);
  }

  /** One timer, never later than the machine's deadline. */
  #arm(): void {
    const { process } = this.machine;
    const { at } = this.#session.deadline;
    if (process === undefined || at === Number.POSITIVE_INFINITY) return;
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = process.clock.schedule(at - process.clock.now(), () => {
      this.#timer = undefined;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#step({ kind: 'timeout' });
      this.#arm();
    });
  }
}
