// Whose input waits because too much is on its way (RequestThrottler, globalOutstandingLimit). In: how many requests
// are on their way. Out: connections to stop reading from, and all of them again once half of it is done.
// Invariant: silence that is ours ends no session: who is not read from cannot be heard. Java counts it as theirs.

import type { Connection } from './connection.ts';
import type { SessionTracker } from './session-tracker.ts';

export class Throttle {
  readonly #sessions: SessionTracker;
  readonly #outstandingMax: number;
  #paused: Connection[] = [];

  constructor(sessions: SessionTracker, outstandingMax: number) {
    this.#sessions = sessions;
    this.#outstandingMax = outstandingMax;
  }

  /** True: reading from this one has to stop now. */
  restrain(connection: Connection, outstanding: number): boolean {
    if (outstanding <= this.#outstandingMax || connection.isPaused) return false;
    connection.isPaused = true;
    this.#paused.push(connection);
    return true;
  }

  /** Those to read from again; undefined: none yet. */
  release(outstanding: number, now: number): readonly Connection[] | undefined {
    if (this.#paused.length === 0 || outstanding > this.#outstandingMax / 2) return undefined;
    this.excuse(now);
    const paused = this.#paused;
    this.#paused = [];
    for (const connection of paused) connection.isPaused = false;
    return paused;
  }

  /** Counts as heard whoever we do not read from; before silence is judged. */
  excuse(now: number): void {
    for (const connection of this.#paused) {
      if (connection.isGone) continue;
      connection.lastInputAt = now;
      if (connection.session !== undefined) this.#sessions.touch(connection.session, now);
    }
  }
}
