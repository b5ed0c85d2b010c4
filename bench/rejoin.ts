// `node dist-test/bench/rejoin.js [--txns 100000] [--nodes 1000000] [--kinds quoll] [--write]`: a follower that was
// killed comes back far behind. Once so many transactions (by DIFF, from the leader's log files), once so many znodes
// (by SNAP). Printed: how it was brought up to date, how long from the start of its process until it serves with
// everything, and what steady writes through the two others cost meanwhile, beside what they cost before.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BenchEnsemble } from './ensemble.ts';
import { PacedWrites, percentile } from './paced-writes.ts';
import { circumstances, writeSection } from './report.ts';
import type { Kind } from './server.ts';
import { ask } from './server.ts';
import { createNode } from './write-probe.ts';
import { compileLoad } from './zkload.ts';

const { values } = parseArgs({
  options: {
    txns: { type: 'string', default: '100000' },
    nodes: { type: 'string', default: '1000000' },
    kinds: { type: 'string', default: 'quoll' },
    write: { type: 'boolean', default: false },
  },
});

const path = '/rejoin';
const rows: string[] = [];
/** How long writes are watched with nobody joining. */
const quietMs = 3_000;
const scratch = mkdtempSync(join(tmpdir(), 'quoll-rejoin-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const zkload = compileLoad(scratch);

for (const kind of values.kinds
  .split(',')
  .filter((word): word is Kind => /^(java|quoll)$/.test(word))) {
  const folder = mkdtempSync(join(scratch, `${kind}-`));
  // Java takes the log files only when it is told that no snapshot is small enough.
  const more = kind === 'java' ? ['snapshotSizeFactor=0'] : [];
  const ensemble = await BenchEnsemble.start(kind, folder, { more, logLevel: 'info' });
  await createNode(
    ensemble.servers.map(({ port }) => port),
    path,
  );
  await behind(kind, ensemble, 'set', Number(values.txns));
  await behind(kind, ensemble, 'create', Number(values.nodes));
  await ensemble.stop();
}
if (values.write) {
  writeSection('rejoin', [
    `${circumstances()}. Steady writes: 200 a second at each of the two other servers, timed from when they were due.`,
    '',
    '| behind by | how | serves after | writes before: p50, p99, max | meanwhile: p50, p99, max |',
    '|---|---|---:|---:|---:|',
    ...rows,
  ]);
}
process.exit(0);

/** Kills a follower, loads the others with so many writes, and watches it come back. */
async function behind(
  kind: Kind,
  ensemble: BenchEnsemble,
  operation: 'set' | 'create',
  count: number,
): Promise<void> {
  if (count === 0) return;
  const leader = await ensemble.leader();
  const follower = (leader + 1) % 3;
  await ensemble.at(follower).kill();
  const others = ensemble.servers.filter((_, i) => i !== follower);
  let done = 0;
  while (done < count) {
    const hosts = others.map((server) => server.hosts).join(',');
    const result = spawnSync(zkload, [hosts, operation, '20', '50', '2'], { encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`zkload: ${result.stderr}`);
    // What it did before it began to count is left out: there are a few more.
    done += (JSON.parse(result.stdout) as { ops: number }).ops;
  }
  const writes = new PacedWrites(
    others.map(({ port }) => port),
    path,
  );
  await delay(1_000);
  writes.take();
  await delay(quietMs);
  const before = writes.take();
  const startedAt = performance.now();
  const server = ensemble.restart(follower);
  const reached = await zxidOf(ensemble.at(leader).port);
  while ((await zxidOf(server.port)) < reached) await delay(20);
  const ms = performance.now() - startedAt;
  const during = writes.take();
  writes.stop();
  const how = await syncOf(ensemble.at(leader).port);
  rows.push(
    `| ${done.toLocaleString('en')} ${operation === 'set' ? 'transactions' : 'znodes'}, ${kind} ` +
      `| ${how} | ${Math.round(ms)} ms | ${summary(before)} | ${summary(during)} |`,
  );
  console.log(
    `${kind}: ${operation} ${done} behind: serves with everything after ${Math.round(ms)} ms; ${how}\n` +
      `  steady writes (p50, p99, max), before: ${summary(before)}; meanwhile: ${summary(during)}`,
  );
}

function summary(sorted: readonly number[]): string {
  const at = (part: number): string => `${percentile(sorted, part).toFixed(1)} ms`;
  return `${at(0.5)}, ${at(0.99)}, ${at(1)}`;
}

/** −1 while it does not serve. */
async function zxidOf(port: number): Promise<bigint> {
  const text = /^Zxid: (0x[0-9a-f]+)/m.exec(await ask(port, 'srvr'))?.[1];
  return text === undefined ? -1n : BigInt(text);
}

/** What a Quoll leader says of the last synchronization. */
async function syncOf(port: number): Promise<string> {
  const text = await ask(port, 'elog');
  const lines = [...text.matchAll(/"line":"((?:DIFF|TRUNC|SNAP) of [^"]*)"/g)];
  return lines.at(-1)?.[1]?.replace(/ for .*/, '') ?? 'not told';
}
