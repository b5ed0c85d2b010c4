// Events -> replica.step -> effects. The driver owns the turn: it hands in what arrives, performs the effects of each
// step in order before the next, ends the turn when all waiting input was read, and keeps the one timer the machine
// asks for. It decides nothing about requests.

import type {
  DeliveredEvent,
  ReceivedEvent,
  ReplicaEffect,
  ReplicaEvent,
} from '../core/effects.ts';
import type { Replica } from '../core/replica.ts';
import { Connection } from '../core/session/connection.ts';
import { normalizeAddress } from '../core/tree/ip-address.ts';
import type { LearnerRequest } from '../core/zab/leader-events.ts';
import type { HistoryTxn } from '../core/zab/txn-arena.ts';
import type { ClientLink, ClientPortHost } from '../net/client-listener.ts';
import type { FourLetterWord } from '../net/four-letter-codes.ts';
import type { Clock, Log, Timer } from '../ports.ts';
import { OpCode } from '../proto/opcodes.ts';
import type { LogBatch } from '../storage/txn-log.ts';
import { unreachable } from '../util/assert.ts';

export interface DriverHooks {
  /** A batch is durable: so many transactions, so many bytes. The tree has not changed for them yet. */
  appended(count: number, bytes: number): void;
  /** The log cannot be written any more: nothing may be acknowledged from now on. */
  logFailed(error: Error): void;
  /** The machine broke an invariant. */
  broken(error: unknown): void;
  command(word: FourLetterWord, argument: Uint8Array, connection: Connection): string;
  /** Outputs were flushed and a batch begun: what else leaves once a turn leaves now. */
  turnEnded?(): void;
}

/** Where batches become durable, in order. */
export interface BatchLog {
  append(batch: LogBatch, done: (error?: Error) => void): void;
}

interface Ports {
  readonly clock: Clock;
  readonly log: Log;
}

const noBytes = new Uint8Array(0);

export class Driver implements ClientPortHost<Connection> {
  readonly #replica: Replica;
  readonly #txnLog: BatchLog;
  readonly #ports: Ports;
  readonly #hooks: DriverHooks;
  readonly #sessionlessTimeoutMs: number;
  readonly #links = new Map<Connection, ClientLink<Connection>>();
  readonly #turnEnded: ReplicaEvent = { kind: 'turnEnded' };
  readonly #received: ReceivedEvent;
  readonly #delivered: DeliveredEvent = {
    kind: 'delivered',
    txn: { zxid: 0n, bytes: noBytes, start: 0, end: 0 },
  };
  #nextId = 1;
  #turnIsDue = false;
  #timer: Timer | undefined;
  /**
   * Turns until the machine is told that the timer fired. Not at once: a paused process must not expire clients whose
   * pings lie in the socket, and those of a connection that waited to be accepted are read one turn after that.
   */
  #turnsToTimeout = 0;
  #timerAt = Number.POSITIVE_INFINITY;
  /** The time of this turn: read once, at its first event; a pause between two turns must not be missed. */
  #now = 0;
  #isTimed = false;
  #wallTime = 0;
  #isStopped = false;
  #whenIdle: (() => void) | undefined;

  constructor(
    replica: Replica,
    txnLog: BatchLog,
    ports: Ports,
    hooks: DriverHooks,
    sessionlessTimeoutMs: number,
  ) {
    this.#replica = replica;
    this.#txnLog = txnLog;
    this.#ports = ports;
    this.#hooks = hooks;
    this.#sessionlessTimeoutMs = sessionlessTimeoutMs;
    this.#received = {
      kind: 'received',
      connection: new Connection(0, '', 0, 0, 0, 0),
      bytes: noBytes,
      view: new DataView(noBytes.buffer),
      start: 0,
      end: 0,
    };
  }

  /** The first event, and the first timer. */
  start(): void {
    this.#step({ kind: 'started' });
    this.#arm();
  }

  /** Finishes what is on its way, then calls `done`; nothing new begins. */
  drain(done: () => void): void {
    this.#replica.stop();
    this.#whenIdle = done;
    this.#endTurnSoon();
  }

  /** Nothing more is handed in. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Cuts all clients off: they look for a server that serves. */
  closeAll(): void {
    for (const [connection, link] of this.#links) {
      connection.phase = 'closed';
      link.destroy();
    }
    this.#links.clear();
  }

  // ---- of an ensemble; see core/effects.ts ----

  delivered(txn: HistoryTxn): void {
    this.#delivered.txn = txn;
    this.#step(this.#delivered);
  }

  syncReleased(waiter: object): void {
    this.#step({ kind: 'syncReleased', waiter });
  }

  forwarded(request: LearnerRequest): void {
    this.#step({ kind: 'forwarded', request });
  }

  revalidated(sessionId: bigint, isValid: boolean): void {
    this.#step({ kind: 'revalidated', sessionId, isValid });
  }

  // ---- ClientPortHost ----

  connected(link: ClientLink<Connection>): Connection {
    const connection = connectionOf(
      this.#nextId++,
      link,
      this.#ports.clock,
      this.#sessionlessTimeoutMs,
    );
    this.adopt(connection, link);
    return connection;
  }

  /** Takes a connection that has asked nothing yet. */
  adopt(connection: Connection, link: ClientLink<Connection>): void {
    this.#links.set(connection, link);
    this.#step({ kind: 'connected', connection });
  }

  frame(
    connection: Connection,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): void {
    const event = this.#received;
    event.connection = connection;
    event.bytes = bytes;
    event.view = view;
    event.start = start;
    event.end = end;
    const type = end - start >= 8 ? view.getInt32(start + 4) : 0;
    this.#step(event);
    if (type === OpCode.getAllChildrenNumber || type === OpCode.multiRead) this.#rest(connection);
  }

  taking(connection: Connection): void {
    this.#step({ kind: 'taking', connection });
  }

  disconnected(connection: Connection): void {
    this.#links.delete(connection);
    this.#step({ kind: 'disconnected', connection });
  }

  awaitsConnect(connection: Connection): boolean {
    return connection.phase === 'connecting';
  }

  command(word: FourLetterWord, argument: Uint8Array, connection: Connection): string {
    return this.#hooks.command(word, argument, connection);
  }

  rejected(remoteAddress: string, why: string): void {
    this.#replica.stats.connectionsRejected++;
    this.#ports.log.log('warn', `connection from ${remoteAddress}: ${why} -> close`);
  }

  /** A request may walk the whole tree, and one read of the socket holds thousands: one a turn, the others between. */
  #rest(connection: Connection): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    link.rest();
    this.#ports.clock.endOfTurn(() => link.wake());
  }

  // ---- the turn ----

  #step(event: ReplicaEvent): void {
    if (this.#isStopped) return;
    const { kind } = event;
    const isBulk = kind === 'received' || kind === 'delivered' || kind === 'forwarded';
    if (!this.#isTimed || !isBulk) {
      this.#isTimed = true;
      this.#now = this.#ports.clock.now();
      this.#wallTime = this.#ports.clock.wallTime();
    }
    try {
      const effects = this.#replica.step(event, this.#now, this.#wallTime);
      for (const effect of effects) this.#perform(effect);
    } catch (error) {
      this.stop();
      this.#hooks.broken(error);
      return;
    }
    if (kind !== 'turnEnded') this.#endTurnSoon();
  }

  #endTurnSoon(): void {
    if (this.#turnIsDue) return;
    this.#turnIsDue = true;
    this.#ports.clock.endOfTurn(() => {
      this.#turnIsDue = false;
      if (this.#turnsToTimeout > 0 && --this.#turnsToTimeout === 0) {
        this.#step({ kind: 'timeout' });
      }
      this.#step(this.#turnEnded);
      this.#hooks.turnEnded?.();
      this.#isTimed = false;
      if (this.#turnsToTimeout > 0) this.#endTurnSoon();
      this.#arm();
      if (this.#whenIdle !== undefined && this.#replica.isIdle) {
        const done = this.#whenIdle;
        this.#whenIdle = undefined;
        done();
      }
    });
  }

  #arm(): void {
    if (this.#isStopped || this.#turnsToTimeout > 0) return;
    const at = this.#replica.deadline;
    // A timer that comes a little early or for a deadline that has moved on is harmless; a new one each turn is not.
    if (this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#ports.clock.schedule(Math.max(0, at - this.#ports.clock.now()), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#turnsToTimeout = 2;
      this.#endTurnSoon();
    });
  }

  #perform(effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'flush':
        for (const connection of effect.connections) {
          this.#links.get(connection)?.flush(connection.out);
        }
        return;
      case 'append': {
        const { batch } = effect;
        const { count } = batch;
        const bytes = batch.out.written();
        this.#txnLog.append(
          { bytes, firstZxid: batch.firstZxid, lastZxid: batch.lastZxid, count },
          (error) => {
            if (error !== undefined) {
              this.stop();
              this.#hooks.logFailed(error);
              return;
            }
            this.#hooks.appended(count, bytes.length);
            this.#step({ kind: 'synced' });
          },
        );
        return;
      }
      case 'close': {
        const link = this.#links.get(effect.connection);
        if (effect.afterFlush) {
          link?.flush(effect.connection.out);
          link?.end();
        } else {
          link?.destroy();
        }
        return;
      }
      case 'pause':
        this.#links.get(effect.connection)?.pause();
        return;
      case 'resume':
        for (const connection of effect.connections) this.#links.get(connection)?.resume();
        return;
      case 'log':
        this.#ports.log.log(effect.level, effect.message);
        return;
      default:
        unreachable(effect);
    }
  }
}

export function connectionOf(
  id: number,
  link: ClientLink<Connection>,
  clock: Clock,
  sessionlessTimeoutMs: number,
): Connection {
  return new Connection(
    id,
    normalizeAddress(link.socket.remoteAddress),
    link.socket.remotePort,
    sessionlessTimeoutMs,
    clock.now(),
    clock.wallTime(),
  );
}
