// Log lines that strangers can cause: each kind once a minute, with how many were left out since. Kinds are few and
// named by us, never by a peer, so the table stays small. Inputs: a kind and a line; output: lines for the Log port.
// Lines that follow from our own doing go straight through.

import type { Clock, Log, LogLevel } from '../ports.ts';

const minuteMs = 60_000;

export class RareLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { at: number; leftOut: number }>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  debug(line: string): void {
    this.#log.log('debug', line);
  }

  info(line: string): void {
    this.#log.log('info', line);
  }

  warn(line: string): void {
    this.#log.log('warn', line);
  }

  rare(kind: string, level: LogLevel, line: string): void {
    const now = this.#clock.now();
    const last = this.#kinds.get(kind);
    if (last !== undefined && now - last.at < minuteMs) {
      last.leftOut++;
      return;
    }
    const more = last === undefined || last.leftOut === 0 ? '' : ` (${last.leftOut} more before)`;
    this.#kinds.set(kind, { at: now, leftOut: 0 });
    this.#log.log(level, `${line}${more}`);
  }
}
