// `quoll ensemble --json` as a test sees it: what it tells, object by object, and whether its servers still run; and
// free ports for it. In: a running command. Out: promises that wait for what is told; they reject when it ends before.
// Invariant: nothing here starts or ends a process.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Running } from './run.ts';

export interface Told {
  readonly event: string;
  readonly sid?: number;
  readonly pid?: number;
  readonly [name: string]: unknown;
}

export class Launcher {
  readonly running: Running;

  constructor(running: Running) {
    this.running = running;
  }

  /** The first object that fits. */
  told(event: string, fits: (told: Told) => boolean = () => true): Promise<Told> {
    return this.running.untilFound(
      (stdout) => objectsIn(stdout).find((told) => told.event === event && fits(told)),
      event,
    );
  }
}

export function objectsIn(text: string): Told[] {
  const whole = text.substring(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

/** Three times `count` ports that are free now: base, base + 100, base + 200 … */
export async function freeBasePort(count: number): Promise<number> {
  for (;;) {
    // Below the ports that systems give to outgoing connections.
    const base = 12_000 + Math.floor(Math.random() * 20_000);
    const ports = [0, 100, 200].flatMap((stride) =>
      Array.from({ length: count }, (_, index) => base + stride + index),
    );
    const bound = await Promise.all(ports.map(bind));
    await Promise.all(bound.map((server) => server && close(server)));
    if (bound.every((server) => server !== undefined)) return base;
  }
}

export function bind(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server));
  });
}

export function close(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie of a killed parent waits for init; it runs no more.
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
}

/** Resolves when none of them runs any more. */
export async function ended(pids: readonly number[]): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (pids.some(isAlive)) {
    assert.ok(Date.now() < deadline, `still there: ${pids.filter(isAlive).join()}`);
    await delay(5);
  }
}

/** Of servers 1 to `count`, as they were started first. */
export async function pidsOf(launcher: Launcher, count: number): Promise<number[]> {
  const pids: number[] = [];
  for (let sid = 1; sid <= count; sid++) {
    const { pid } = await launcher.told('started', (told) => told.sid === sid);
    assert.ok(pid !== undefined);
    pids.push(pid);
  }
  return pids;
}
