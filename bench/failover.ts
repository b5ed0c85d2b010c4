// `node dist-test/bench/failover.js [--rounds 10] [--nodes 0,200000] [--kinds java,quoll] [--write] [--verbose]`: how
// long nobody can write. A cold start of three servers, then, again and again, kill -9 of the leader of an idle
// ensemble, until a write through a survivor is acknowledged. Medians, in ms, into BENCHMARKS.md with --write; with
// --verbose what Quoll's survivors say of each failover.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BenchEnsemble } from './ensemble.ts';
import { circumstances, writeSection } from './report.ts';
import type { Kind } from './server.ts';
import { ask, isJavaInstalled } from './server.ts';
import { createNode, firstWrite } from './write-probe.ts';
import { compileLoad } from './zkload.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    nodes: { type: 'string', default: '0,200000' },
    kinds: { type: 'string', default: 'java,quoll' },
    write: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

/** After all serve again: pings and notifications of the join are over. */
const idleMs = 700;
const path = '/failover';
const scratch = mkdtempSync(join(tmpdir(), 'quoll-failover-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const zkload = compileLoad(scratch);
const kinds = values.kinds
  .split(',')
  .filter((kind): kind is Kind => kind === 'quoll' || (kind === 'java' && isJavaInstalled()));

const rows: string[] = [];
for (const nodes of values.nodes.split(',').map(Number)) {
  for (const kind of kinds) await measure(kind, nodes);
}
if (values.write) {
  writeSection('failover', [
    `${circumstances()}; medians of ${values.rounds} failovers, in ms, with the fastest and the slowest.`,
    '',
    '| servers | znodes | cold start | failover | fastest to slowest |',
    '|---|---:|---:|---:|---:|',
    ...rows,
  ]);
}
process.exit(0);

async function measure(kind: Kind, nodes: number): Promise<void> {
  const folder = mkdtempSync(join(scratch, `${kind}-`));
  const began = performance.now();
  const ensemble = await BenchEnsemble.spawn(kind, folder, { logLevel: 'info' });
  const ports = ensemble.servers.map(({ port }) => port);
  const coldMs = (await createNode(ports, path)) - began;
  await ensemble.ready();
  await fill(ensemble, nodes);
  const times: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    await delay(idleMs);
    const leader = await ensemble.leader();
    const survivors = ports.filter((_, i) => i !== leader);
    const killedAt = performance.now();
    const killed = ensemble.at(leader).kill();
    const at = await firstWrite(survivors, path);
    times.push(at - killedAt);
    await killed;
    if (values.verbose) await tell(ensemble, at - killedAt, leader);
    await ensemble.restart(leader).ready();
  }
  times.sort((a, b) => a - b);
  const text = times.map((ms) => Math.round(ms)).join(' ');
  const median = Math.round(times[Math.floor(times.length / 2)] ?? 0);
  console.log(
    `${kind}, ${nodes} znodes: cold start ${Math.round(coldMs)} ms; failover ${median} ms (${text})`,
  );
  const range = `${Math.round(times[0] ?? 0)} to ${Math.round(times.at(-1) ?? 0)}`;
  const name = kind === 'java' ? 'Java' : 'Quoll';
  const count = nodes.toLocaleString('en');
  rows.push(`| ${name} | ${count} | ${Math.round(coldMs)} | ${median} | ${range} |`);
  await ensemble.stop();
}

async function fill(ensemble: BenchEnsemble, nodes: number): Promise<void> {
  const port = ensemble.at(await ensemble.leader()).port;
  for (;;) {
    const count = Number(/Node count: (\d+)/.exec(await ask(port, 'srvr'))?.[1] ?? 0);
    if (count >= nodes) return;
    const result = spawnSync(zkload, [`127.0.0.1:${port}`, 'create', '20', '50', '1']);
    if (result.status !== 0) throw new Error(`zkload: ${result.stderr}`);
  }
}

/** What the survivors say they did. */
async function tell(ensemble: BenchEnsemble, ms: number, dead: number): Promise<void> {
  console.log(`--- ${ms.toFixed(1)} ms`);
  for (const [i, server] of ensemble.servers.entries()) {
    if (i === dead) continue;
    const text = await ask(server.port, 'elog');
    const { entries = [] } = JSON.parse(text) as { entries?: Entry[] };
    const from = entries.findLastIndex(({ line }) => line?.includes('look for a leader') ?? false);
    for (const { time, line } of entries.slice(Math.max(0, from - 2))) {
      console.log(`${server.port} ${time} ${line}`);
    }
  }
}

interface Entry {
  readonly time: number;
  readonly line?: string;
}
