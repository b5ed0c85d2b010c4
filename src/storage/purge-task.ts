// Purges at start and then every autopurge.purgeInterval hours (DatadirCleanupManager), in slices of a few ms
// between which the server serves. A failure is logged and the next interval tries again. Invariant: one purge at a
// time; after `stop` nothing is removed any more.

import type { Clock, Timer } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { PurgeOptions, PurgePorts } from './purge.ts';
import { purge } from './purge.ts';

const sliceMs = 3;
const hourMs = 3_600_000;
/** Timers of 32-bit milliseconds end at 24 days; a longer interval is walked in steps. */
const stepMsMax = 20 * 24 * hourMs;

export interface PurgeTaskOptions extends PurgeOptions {
  /** `autopurge.purgeInterval`; ≤ 0: never. */
  readonly intervalHours: number;
}

export class PurgeTask {
  readonly #ports: PurgePorts & { readonly clock: Clock };
  readonly #options: PurgeTaskOptions;
  readonly #verified = new Map<string, number>();
  #timer: Timer | undefined;
  #running: Generator<void, string[]> | undefined;
  #nextAt = 0;
  #stopped = false;

  constructor(ports: PurgePorts & { readonly clock: Clock }, options: PurgeTaskOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  start(): void {
    const { clock, log } = this.#ports;
    const { intervalHours, retain } = this.#options;
    log.log('info', `autopurge.snapRetainCount set to ${retain}`);
    log.log('info', `autopurge.purgeInterval set to ${intervalHours}`);
    if (intervalHours <= 0) {
      log.log('info', 'Purge task is not scheduled.');
      return;
    }
    this.#nextAt = clock.now();
    this.#wait();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#running?.return([]);
    this.#running = undefined;
  }

  #wait(): void {
    const { clock } = this.#ports;
    const left = this.#nextAt - clock.now();
    this.#timer = clock.schedule(Math.min(left, stepMsMax), () => {
      if (this.#stopped) return;
      if (clock.now() < this.#nextAt) this.#wait();
      else this.#begin();
    });
  }

  #begin(): void {
    this.#nextAt += this.#options.intervalHours * hourMs;
    this.#ports.log.log('info', 'Purge task started.');
    this.#running = purge(this.#ports, this.#options, this.#verified);
    this.#slice();
  }

  #slice(): void {
    const { clock, log } = this.#ports;
    const until = clock.now() + sliceMs;
    try {
      while (this.#running !== undefined && !this.#stopped) {
        if (this.#running.next().done === true) {
          log.log('info', 'Purge task completed.');
          break;
        }
        if (clock.now() < until) continue;
        clock.endOfTurn(() => this.#slice());
        return;
      }
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      log.log('error', `Error occurred while purging: ${error.message}`);
    }
    this.#running = undefined;
    if (!this.#stopped) this.#wait();
  }
}
