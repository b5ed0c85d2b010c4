// The record of elections: what `elog` answers is bounded by elections and by entries, and the file holds the same
// lines. The file is bounded by moving it aside, goes on behind what an earlier process wrote, mends a torn end, and
// its failure disturbs nobody.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ElectionNote } from '../../src/core/election/election-events.ts';
import type { ZabNote } from '../../src/core/zab/zab-notes.ts';
import type { Log } from '../../src/ports.ts';
import type { ElectionEntry, ElectionReport } from '../../src/server/election-record.ts';
import {
  ElectionRecord,
  electionLogName,
  olderElectionLogName,
} from '../../src/server/election-record.ts';
import { MemoryFiles } from '../../src/sim/memory-files.ts';
import { VirtualClock } from '../../src/sim/virtual-clock.ts';

const wallTimeAtStart = 1_700_000_000_000;

class World {
  readonly clock = new VirtualClock(wallTimeAtStart);
  readonly files = new MemoryFiles({ clock: this.clock });
  readonly warnings: string[] = [];
  record: ElectionRecord;

  constructor() {
    this.files.makeDirectories('/d');
    this.record = this.restart();
  }

  /** As a new process on the same disk. */
  restart(): ElectionRecord {
    const log: Log = { log: (_, message) => this.warnings.push(message) };
    const ports = { clock: this.clock, files: this.files, log };
    this.record = new ElectionRecord(ports, { sid: 2n, directory: '/d' });
    return this.record;
  }

  started(round: number): void {
    this.record.add(election(this.clock.now(), 'started', round));
  }

  received(round: number, decision = 'count'): void {
    this.record.add(election(this.clock.now(), 'received', round, decision));
  }

  report(): ElectionReport {
    return JSON.parse(this.record.toJson());
  }

  close(): void {
    let isClosed = false;
    this.record.close(() => {
      isClosed = true;
    });
    assert.equal(isClosed, false, 'not inside the call');
    this.clock.run();
    assert.equal(isClosed, true);
  }

  lines(name = electionLogName): string[] {
    const bytes = this.files.contents(`/d/${name}`);
    assert.ok(bytes !== undefined, `${name} exists`);
    return new TextDecoder().decode(bytes).split('\n');
  }

  entries(name = electionLogName): ElectionEntry[] {
    const lines = this.lines(name);
    assert.equal(lines.pop(), '');
    return lines.map((line) => JSON.parse(line));
  }
}

function election(
  at: number,
  event: ElectionNote['event'],
  round: number,
  decision = 'look',
): ElectionNote {
  return {
    level: 'info',
    at,
    event,
    round,
    peers: [1],
    state: 'LOOKING',
    vote: undefined,
    decision,
    line: `${event} -> ${decision}`,
  };
}

function synced(at: number): ZabNote {
  const sync = { mode: 'DIFF', from: '0x1', to: '0x5', why: 'test', bytes: 120, ms: 3 } as const;
  const what = { level: 'info', event: 'sync', state: 'SYNCHRONIZATION' } as const;
  return { ...what, at, epoch: 1, peer: 3, sync, decision: 'send', line: 'sync -> send' };
}

test('a wall clock of whole milliseconds does not turn the order of notes around', () => {
  let now = 0;
  const files = new MemoryFiles({ clock: new VirtualClock(wallTimeAtStart) });
  const clock = {
    ...{ now: () => now, wallTime: () => Math.floor(wallTimeAtStart + now) },
    ...{ endOfTurn: () => undefined, schedule: () => ({ cancel: () => undefined }) },
  };
  const ports = { clock, files, log: { log: () => undefined } };
  const record = new ElectionRecord(ports, { sid: 2n, directory: undefined });
  for (; now < 20; now += 0.3) record.add(election(now, 'received', 1));
  const times = (JSON.parse(record.toJson()) as ElectionReport).entries.map(({ time }) => time);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});

test('an entry is a note with its kind, the time of day and whose it is', () => {
  const world = new World();
  world.clock.pass(250);
  world.record.add(election(200, 'started', 1));
  world.record.add(synced(250));
  const report = world.report();
  assert.equal(report.sid, 2);
  assert.equal(report.time, wallTimeAtStart + 250);
  const [first, second] = report.entries;
  assert.deepEqual(first, {
    kind: 'election',
    time: wallTimeAtStart + 200,
    sid: 2,
    level: 'info',
    at: 200,
    event: 'started',
    round: 1,
    peers: [1],
    state: 'LOOKING',
    decision: 'look',
    line: 'started -> look',
  });
  assert.deepEqual(second, { kind: 'zab', time: wallTimeAtStart + 250, sid: 2, ...synced(250) });
});

test('the last eight elections are kept, whole', () => {
  const world = new World();
  world.received(0);
  for (let round = 1; round <= 8; round++) {
    world.started(round);
    world.received(round);
  }
  assert.equal(world.report().entries.length, 17);
  world.started(9);
  const { entries } = world.report();
  assert.equal(entries.length, 15);
  assert.deepEqual(
    entries.flatMap((entry) => (entry.kind === 'election' ? [entry.round] : [])),
    [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9],
  );
});

test('of an election without end the last two thousand entries are kept', () => {
  const world = new World();
  world.started(1);
  for (let i = 0; i < 2500; i++) world.received(1, `count ${i}`);
  const { entries } = world.report();
  assert.equal(entries.length, 2000);
  assert.equal(entries.at(0)?.decision, 'count 500');
  assert.equal(entries.at(-1)?.decision, 'count 2499');
  world.started(2);
  assert.equal(world.report().entries.length, 2000);
});

test('the file holds the same entries, and a restart goes on behind them', () => {
  const world = new World();
  world.started(1);
  world.received(1);
  assert.equal(world.files.contents(`/d/${electionLogName}`), undefined, 'not at once');
  world.clock.run();
  assert.deepEqual(world.entries(), world.report().entries);
  world.started(2);
  world.close();
  world.started(3);
  world.clock.run();
  assert.equal(world.entries().length, 3, 'nothing is written after close');
  assert.equal(world.report().entries.length, 4, 'but kept');
  world.restart();
  world.started(4);
  world.close();
  assert.deepEqual(
    world.entries().map((entry) => entry.kind === 'election' && entry.round),
    [1, 1, 2, 4],
  );
});

test('half a line that a killed process left is ended, not continued', () => {
  const world = new World();
  const file = world.files.open(`/d/${electionLogName}`, 'create');
  file.write(new TextEncoder().encode('{"kind":"elec'), 0);
  file.close();
  world.started(7);
  world.close();
  const [torn, whole, end] = world.lines();
  assert.equal(torn, '{"kind":"elec');
  assert.equal(JSON.parse(whole ?? '').round, 7);
  assert.equal(end, '');
});

test('a full file is moved aside, and the one before it goes', () => {
  const world = new World();
  const why = 'x'.repeat(100_000);
  for (let round = 1; round <= 40; round++) {
    world.started(round);
    world.received(round, why);
    world.clock.run();
  }
  const older = world.entries(olderElectionLogName);
  const newer = world.entries();
  const rounds = [...older, ...newer].map((entry) => entry.kind === 'election' && entry.round);
  assert.equal(rounds.at(-1), 40);
  assert.ok(older.length >= 10 && older.length <= 14, `${older.length} entries moved aside`);
  assert.deepEqual(world.files.list('/d').sort(), [olderElectionLogName, electionLogName].sort());
  assert.deepEqual(world.warnings, []);
});

test('a disk that fails is told once; the record goes on in memory', () => {
  const world = new World();
  world.files.fault = ({ kind }) => (kind === 'writeLater' ? 'ENOSPC' : undefined);
  world.started(1);
  world.clock.run();
  world.received(1);
  world.clock.run();
  assert.equal(world.warnings.length, 1);
  assert.match(
    world.warnings[0] ?? '',
    /election-log\.jsonl.* -> the election record is kept in memory only$/,
  );
  assert.equal(world.report().entries.length, 2);
  world.close();
});

test('what waits for a stuck disk is bounded, and the gap is told', () => {
  const world = new World();
  world.started(1);
  for (let i = 0; i < 4010; i++) world.received(1);
  world.close();
  const entries: { readonly kind: string; readonly count?: number }[] = world.entries();
  assert.equal(entries.length, 4001);
  assert.deepEqual(entries.at(-1), { kind: 'dropped', sid: 2, count: 11 });
});

test('without a directory nothing is written', () => {
  const world = new World();
  const log: Log = { log: () => undefined };
  const ports = { clock: world.clock, files: world.files, log };
  world.record = new ElectionRecord(ports, { sid: 1n, directory: undefined });
  world.started(1);
  world.close();
  assert.deepEqual(world.files.list('/d'), []);
  assert.equal(world.report().entries.length, 1);
});
