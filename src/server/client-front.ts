// The client port of a server whose roles come and go: connections go to the driver of the present role, and
// four-letter words are answered in any. In: what the port accepts; which driver serves. Out: calls of that driver.
//
// While nobody serves, a connect request waits a little: an election is over sooner than a client tries the next server
// and comes back. Java closes at once, and so do we in a role that never serves (leaderServes). Invariant: a connection
// belongs to one driver or waits here.

import type { Connection } from '../core/session/connection.ts';
import type { ClientLink, ClientPortHost } from '../net/client-listener.ts';
import type { FourLetterWord } from '../net/four-letter-codes.ts';
import type { Clock, Log, Timer } from '../ports.ts';
import { copyBytes } from '../util/bytes.ts';
import type { Driver } from './driver.ts';
import { connectionOf } from './driver.ts';

/** How long a connect request waits for a role. */
const waitMs = 400;
/** Longer ones are no connect requests; so many may wait. */
const requestLengthMax = 512;
const requestsMax = 10_000;

interface Waiting {
  readonly link: ClientLink<Connection>;
  request: Uint8Array | undefined;
  timer: Timer | undefined;
}

export interface ClientFrontOptions {
  readonly sessionlessTimeoutMs: number;
  readonly command: (word: FourLetterWord, argument: Uint8Array, asker: Connection) => string;
}

export class ClientFront implements ClientPortHost<Connection> {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #options: ClientFrontOptions;
  readonly #waiting = new Map<Connection, Waiting>();
  #nextId = 1;
  #driver: Driver | undefined;
  #turnsAway = false;

  constructor(clock: Clock, log: Log, options: ClientFrontOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#options = options;
  }

  /** From now on this one serves; who waits is handed to it. */
  serve(driver: Driver): void {
    this.#driver = driver;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [connection, { link, request, timer }] of waiting) {
      timer?.cancel();
      driver.adopt(connection, link);
      if (request === undefined) continue;
      const view = new DataView(request.buffer, request.byteOffset, request.length);
      driver.frame(connection, request, view, 0, request.length);
      link.resume();
    }
  }

  /** Nobody will serve as long as the present role lasts: who asks is closed at once. */
  turnAway(): void {
    this.#turnsAway = true;
    for (const [connection, { request }] of [...this.#waiting]) {
      if (request !== undefined) this.#drop(connection);
    }
  }

  /** Nobody serves: the clients of the role that ends are cut off. */
  suspend(): void {
    const driver = this.#driver;
    this.#driver = undefined;
    this.#turnsAway = false;
    driver?.closeAll();
  }

  // ---- ClientPortHost ----

  connected(link: ClientLink<Connection>): Connection {
    if (this.#driver !== undefined) return this.#driver.connected(link);
    const { sessionlessTimeoutMs } = this.#options;
    const connection = connectionOf(this.#nextId++, link, this.#clock, sessionlessTimeoutMs);
    const timer = this.#clock.schedule(sessionlessTimeoutMs, () => this.#drop(connection));
    this.#waiting.set(connection, { link, request: undefined, timer });
    return connection;
  }

  frame(
    connection: Connection,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): void {
    const driver = this.#driver;
    if (driver !== undefined) {
      driver.frame(connection, bytes, view, start, end);
      return;
    }
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) return;
    const isRequest = waiting.request === undefined && end - start <= requestLengthMax;
    if (!isRequest || this.#turnsAway || this.#waiting.size > requestsMax) {
      this.#drop(connection);
      return;
    }
    waiting.request = copyBytes(bytes, start, end);
    waiting.timer?.cancel();
    waiting.timer = this.#clock.schedule(waitMs, () => this.#drop(connection));
    waiting.link.pause();
  }

  taking(connection: Connection): void {
    this.#driver?.taking(connection);
  }

  disconnected(connection: Connection): void {
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) {
      this.#driver?.disconnected(connection);
      return;
    }
    waiting.timer?.cancel();
    this.#waiting.delete(connection);
  }

  awaitsConnect(connection: Connection): boolean {
    return connection.phase === 'connecting';
  }

  command(word: FourLetterWord, argument: Uint8Array, connection: Connection): string {
    return this.#options.command(word, argument, connection);
  }

  rejected(remoteAddress: string, why: string): void {
    if (this.#driver !== undefined) this.#driver.rejected(remoteAddress, why);
    else this.#log.log('warn', `connection from ${remoteAddress}: ${why} -> close`);
  }

  #drop(connection: Connection): void {
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) return;
    waiting.timer?.cancel();
    this.#waiting.delete(connection);
    connection.phase = 'closed';
    waiting.link.destroy();
  }
}
