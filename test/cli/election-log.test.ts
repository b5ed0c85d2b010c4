// `quoll election-log`: the same history from a server, a file and folders, as text and as JSON; elections cut apart
// and summed up; what cannot be read is told and makes the exit code 1, a source that makes no sense 2. The entries are
// those of two elections: three servers start, the leader is lost, and comes back.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Election } from '../../src/cli/election-history.ts';
import { electionsIn } from '../../src/cli/election-history.ts';
import { historyLines } from '../../src/cli/election-text.ts';
import type { ElectionEntry } from '../../src/server/election-record.ts';
import { killAll, run } from './run.ts';

const timeout = 60_000;
/** 2026-11-22 08:00:00 UTC */
const start = Date.UTC(2026, 10, 22, 8);
let folder: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quoll-elections-'));
});
afterEach(async () => {
  await killAll();
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true, force: true });
});

type State = 'LEADING' | 'FOLLOWING';

class Story {
  readonly entries: ElectionEntry[] = [];

  looks(sid: number, at: number, round: number): this {
    return this.#vote(sid, at, round, 'started', undefined, sid, `look`);
  }

  hears(
    sid: number,
    at: number,
    round: number,
    from: number,
    level: 'info' | 'debug' = 'info',
  ): this {
    this.#vote(sid, at, round, 'received', undefined, from, `count ${from}`, level);
    return this;
  }

  decides(sid: number, at: number, round: number, leader: number): this {
    const state = sid === leader ? 'LEADING' : 'FOLLOWING';
    return this.#vote(sid, at, round, 'decided', state, leader, `${state} ${leader}`);
  }

  phase(
    sid: number,
    at: number,
    state: 'DISCOVERY' | 'SYNCHRONIZATION' | 'BROADCAST',
    epoch: number,
  ): this {
    const note = { level: 'info', event: 'phase', peer: undefined, sync: undefined } as const;
    const decision = `${state} in ${epoch}`;
    this.entries.push({
      ...head(sid, at),
      kind: 'zab',
      ...note,
      state,
      epoch,
      decision,
      line: `-> ${decision}`,
    });
    return this;
  }

  syncs(sid: number, at: number, peer: number, bytes: number): this {
    const sync = {
      mode: 'DIFF',
      from: '0x1',
      to: '0x5',
      why: 'all is in memory',
      bytes,
      ms: 2,
    } as const;
    const note = {
      level: 'info',
      event: 'sync',
      state: 'SYNCHRONIZATION',
      epoch: 1,
      peer,
      sync,
    } as const;
    const begun = { ...note, sync: { ...sync, bytes: undefined, ms: undefined } };
    this.entries.push({
      ...head(sid, at),
      kind: 'zab',
      ...begun,
      decision: 'd',
      line: 'begun -> d',
    });
    this.entries.push({ ...head(sid, at), kind: 'zab', ...note, decision: 'd', line: `DIFF -> d` });
    return this;
  }

  #vote(
    sid: number,
    at: number,
    round: number,
    event: 'started' | 'received' | 'decided',
    state: State | undefined,
    leader: number,
    decision: string,
    level: 'info' | 'debug' = 'info',
  ): this {
    const vote = { leader, zxid: '0x0', peerEpoch: 0, round };
    const note = { level, event, round, peers: [], state, vote, decision };
    this.entries.push({
      ...head(sid, at),
      kind: 'election',
      ...note,
      line: `${event} -> ${decision}`,
    });
    return this;
  }
}

/** Each server's monotonic clock began at another time. */
function head(sid: number, at: number): { time: number; sid: number; at: number } {
  return { time: start + at, sid, at: at + 1000 * sid };
}

function twoElections(): ElectionEntry[] {
  const story = new Story();
  story.looks(1, 0, 1).looks(2, 2, 1).looks(3, 4, 1).hears(1, 6, 1, 3).hears(1, 6, 1, 2, 'debug');
  story.decides(1, 10, 1, 3).decides(3, 12, 1, 3).decides(2, 14, 1, 3);
  story
    .phase(3, 13, 'DISCOVERY', 1)
    .phase(1, 20, 'DISCOVERY', 1)
    .phase(3, 22, 'SYNCHRONIZATION', 1);
  story
    .syncs(3, 24, 1, 120)
    .syncs(1, 25, 3, 120)
    .phase(3, 30, 'BROADCAST', 1)
    .phase(1, 32, 'BROADCAST', 1);
  // Server 3 is lost. 1 and 2 go on.
  story.looks(1, 5000, 2).looks(2, 5003, 2).decides(2, 5010, 2, 2).decides(1, 5012, 2, 2);
  story
    .phase(2, 5011, 'DISCOVERY', 2)
    .phase(2, 5020, 'SYNCHRONIZATION', 2)
    .phase(2, 5030, 'BROADCAST', 2);
  // And comes back.
  story.looks(3, 9000, 1).hears(1, 9001, 2, 3).decides(3, 9004, 2, 2).syncs(2, 9010, 3, 64);
  return story.entries;
}

test('elections begin when somebody looks and nobody else does, and are summed up', () => {
  const [first, second, third, ...others] = electionsIn(twoElections());
  assert.deepEqual(others, []);
  const brief = (election: Election | undefined) => ({
    time: (election?.time ?? 0) - start,
    leader: election?.leader,
    servers: election?.servers.map(({ sid }) => sid),
  });
  assert.deepEqual(brief(first), { time: 0, leader: 3, servers: [1, 2, 3] });
  assert.deepEqual(brief(second), { time: 5000, leader: 2, servers: [1, 2] });
  assert.deepEqual(brief(third), { time: 9000, leader: 2, servers: [2, 3] });
  assert.deepEqual(first?.servers[0], {
    sid: 1,
    state: 'FOLLOWING',
    leader: 3,
    round: 1,
    epoch: 1,
    lookingMs: 10,
    discoveryMs: 15,
    synchronizationMs: 7,
    totalMs: 32,
    syncs: [{ peer: 3, mode: 'DIFF', bytes: 120, ms: 2, why: 'all is in memory' }],
  });
  assert.deepEqual(
    [first?.servers[1]?.lookingMs, first?.servers[1]?.discoveryMs, first?.servers[1]?.totalMs],
    [12, null, null],
  );
});

test('as text: a table, then what happened; debug lines on request; nothing steers the terminal', () => {
  const elections = electionsIn(twoElections());
  const lines = historyLines(elections.slice(0, 1), false);
  assert.match(lines[0] ?? '', /^Election of 2026-11-2\d \d\d:\d\d:00\.000: leader 3, epoch 1$/);
  assert.deepEqual(lines.slice(1, 7), [
    '',
    'server  round  looking  became       discovery  synchronization  served after  synchronized',
    '1       1      10 ms    FOLLOWING 3  15 ms      7 ms             32 ms         3: DIFF of 120 bytes in 2 ms',
    '2       1      12 ms    FOLLOWING 3',
    '3       1      8 ms     LEADING      10 ms      8 ms             26 ms         1: DIFF of 120 bytes in 2 ms',
    '',
  ]);
  assert.match(lines[7] ?? '', /^\d\d:\d\d:00\.000 {2}1 {2}started -> look$/);
  assert.equal(lines.filter((line) => line.includes('count 2')).length, 0);
  assert.equal(historyLines(elections, true).filter((line) => line.includes('count 2')).length, 1);
  const [entry] = twoElections();
  assert.ok(entry !== undefined);
  const hostile = electionsIn([{ ...entry, line: 'recv \u001b[2J\n -> drop' }]);
  assert.match(historyLines(hostile, false).at(-1) ?? '', /recv \\u001b\[2J\\u000a -> drop$/);
});

function linesOf(entries: readonly ElectionEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

function electionsOf(stdout: string): Election[] {
  return (JSON.parse(stdout) as { elections: Election[] }).elections;
}

/** A server that answers anything so. */
async function serve(answer: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a server, a file, a dataDir and an ensemble’s folder tell the same', {
  timeout,
}, async () => {
  const entries = twoElections();
  const expected = JSON.parse(JSON.stringify(electionsIn(entries)));
  const half = Math.floor(entries.length / 2);
  const ensemble = join(folder, 'ensemble');
  for (const sid of [1, 2, 3]) {
    const own = entries.filter((entry) => entry.sid === sid);
    mkdirSync(join(ensemble, `server-${sid}`), { recursive: true });
    writeFileSync(join(ensemble, `server-${sid}`, 'election-log.jsonl'), linesOf(own));
  }
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'election-log.1.jsonl'), linesOf(entries.slice(0, half)));
  writeFileSync(join(dataDir, 'election-log.jsonl'), linesOf(entries.slice(half)));
  const file = join(folder, 'all.jsonl');
  writeFileSync(file, linesOf(entries));
  const server = await serve(JSON.stringify({ sid: 1, time: start, entries }));
  // The last one twice: entries are told once.
  for (const source of [[ensemble], [dataDir], [server], [file, dataDir]]) {
    const { code, stdout, stderr } = await run('election-log', ...source, '--json');
    assert.deepEqual([code, stderr], [0, ''], source.join());
    assert.deepEqual(sorted(electionsOf(stdout)), sorted(expected), source.join());
  }
  const { stdout } = await run('election-log', file, '--last', '1');
  assert.match(stdout, /^Election of [^\n]*: leader 2, epoch 1\n/);
  assert.equal(stdout.match(/^Election of/gm)?.length, 1);
});

/** Entries of one time may stand in the order of their sources. */
function sorted(elections: readonly Election[]): unknown {
  const keyOf = ({ time, sid, line }: ElectionEntry) => `${time} ${sid} ${line}`;
  return elections.map(({ entries, ...rest }) => ({ ...rest, entries: entries.map(keyOf).sort() }));
}

test('what cannot be read is told, the rest is shown, and the code is 1', { timeout }, async () => {
  const file = join(folder, 'good.jsonl');
  writeFileSync(file, linesOf(twoElections()));
  const other = join(folder, 'other.txt');
  writeFileSync(other, 'hello\n{"kind":"election"}\n');
  mkdirSync(join(folder, 'empty'));
  const refused = 'elog is not executed because it is not in the whitelist.\n';
  const cases: readonly (readonly [string, RegExp])[] = [
    [other, /not an election record/],
    [join(folder, 'empty'), /no election-log\.jsonl in it/],
    ['127.0.0.1:1', /ECONNREFUSED/],
    [await serve(refused), /4lw\.commands\.whitelist does not name elog/],
    [await serve(''), /no answer to elog/],
    [await serve('{"entries":5}'), /no election record/],
  ];
  for (const [source, expected] of cases) {
    const { code, stdout, stderr } = await run('election-log', source, file);
    assert.equal(code, 1, source);
    assert.match(stderr, expected);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    assert.match(stdout, /^Election of/);
  }
});

test('half lines are passed over and counted; no election is no error', { timeout }, async () => {
  const file = join(folder, 'torn.jsonl');
  writeFileSync(file, `{"kind":"el\n{"kind":"dropped","count":4}\n${linesOf(twoElections())}`);
  const torn = await run('election-log', file, '--json');
  assert.equal(torn.code, 0);
  assert.match(torn.stderr, /passed over what is no entry: 1$/m);
  assert.equal(electionsOf(torn.stdout).length, 3);
  const none = await run('election-log', await serve('{"entries":[]}'));
  assert.deepEqual([none.code, none.stdout], [0, 'no election is on record\n']);
});
