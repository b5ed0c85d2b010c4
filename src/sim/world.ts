// A whole simulated world: one clock, one network, one seed. In: the seed and what is no part of the simulation (the
// codec, the hash). Out: everything that happens in it, as a trace with a hash, log lines with virtual times, counts of
// what was done to it, and the violations that checkers found. Invariant: all chance comes from `fork`, so the same
// seed and the same program give the same trace, byte for byte.

import type { Codec, Hash, Log, LogLevel } from '../ports.ts';
import { Prng } from '../util/prng.ts';
import { SimClock } from './sim-clock.ts';
import type { NetOptions } from './sim-net.ts';
import { SimNet, usualNet } from './sim-net.ts';
import type { SimProcess } from './sim-process.ts';
import { Trace } from './trace.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly codec: Codec;
  readonly hash: Hash;
  readonly net?: Partial<NetOptions>;
  /** Unix time at the beginning. */
  readonly wallStart?: number;
}

export interface LogLine {
  readonly at: number;
  readonly who: string;
  readonly level: LogLevel;
  readonly message: string;
}

/** More violations than this say nothing new. */
const violationsMax = 20;

export class World {
  readonly seed: number;
  readonly codec: Codec;
  readonly hash: Hash;
  readonly clock: SimClock;
  readonly trace = new Trace();
  readonly net: SimNet;
  readonly lines: LogLine[] = [];
  /** What was done to the world, by kind: how often. */
  readonly counts = new Map<string, number>();
  readonly violations: string[] = [];
  onLog: ((line: LogLine) => void) | undefined;
  readonly wallStart: number;

  constructor({ seed, codec, hash, net, wallStart = 1_700_000_000_000 }: WorldOptions) {
    this.seed = seed;
    this.codec = codec;
    this.hash = hash;
    this.wallStart = wallStart;
    this.clock = new SimClock(this.fork('clock'));
    const trace = this.note.bind(this);
    this.net = new SimNet(this.clock, this.fork('net'), { ...usualNet, ...net }, trace);
  }

  /** Chance of its own for one part, so that what another part draws does not shift it. */
  fork(part: string): Prng {
    let hash = 0x811c9dc5;
    for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193);
    return new Prng((this.seed % 0x200000) * 0x100000000 + ((hash ^ (this.seed | 0)) >>> 0));
  }

  note(who: string, what: string, a = 0, b = 0): void {
    this.trace.note(this.clock.now, who, what, a, b);
  }

  count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  /** What must never happen, happened: the name of the invariant, and what was seen. */
  violation(invariant: string, what: string): void {
    const line = `${invariant} at ${this.clock.now.toFixed(3)} ms: ${what}`;
    this.note('checker', line);
    if (this.violations.length < violationsMax) this.violations.push(line);
  }

  logOf(process: SimProcess): Log {
    const { name: who } = process;
    return {
      log: (level, message) => {
        const line = { at: process.time, who, level, message };
        this.lines.push(line);
        this.note(who, message);
        this.onLog?.(line);
      },
    };
  }

  /** Runs until `until` holds; false when that did not happen within so many ms. */
  runUntil(until: () => boolean, withinMs: number): boolean {
    return this.clock.run({ until, time: this.clock.now + withinMs }) === 'reached';
  }

  runFor(ms: number): void {
    this.clock.run({ time: this.clock.now + ms });
  }
}
