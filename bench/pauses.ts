// `node dist-test/bench/pauses.js`: how long the event loop is ever held while a tree grows to a million znodes of 100
// bytes, is read, and is snapshotted, and what the process takes. The server runs in this process, beside a probe that
// wants to run every millisecond; the load comes from zkload in another.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeNodeLog } from '../src/node/node-log.ts';
import { readConfig } from '../src/server/config.ts';
import { startServer } from '../src/server/start.ts';

const wantedNodes = Number(process.argv[2] ?? 1_000_000);
const scratch = mkdtempSync(join(tmpdir(), 'quoll-pauses-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const zkload = join(scratch, 'zkload');
spawnSync('gcc', ['-O2', '-w', '-o', zkload, join('bench', 'zkload.c')], { stdio: 'inherit' });

/** Longest wait of the probe since the last call, in ms. */
let worst = 0;
let last = performance.now();
const probe = setInterval(() => {
  const now = performance.now();
  worst = Math.max(worst, now - last - 1);
  last = now;
}, 1);
function takeWorst(): string {
  const ms = worst.toFixed(1);
  worst = 0;
  return `${ms} ms`;
}

const log = makeNodeLog({ level: 'warn' });
const text = `dataDir=${join(scratch, 'data')}\nclientPort=0\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n`;
const start = () => startServer({ config: readConfig({ text }).config, log });
let server = await start();
takeWorst();

async function load(...args: string[]): Promise<number> {
  const child = spawn(zkload, [`127.0.0.1:${server.clientPort}`, ...args], { stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await once(child, 'exit');
  const { ops, errors } = JSON.parse(output) as { ops: number; errors: number };
  if (errors > 0) throw new Error(output);
  return ops;
}

let nodes = 0;
while (nodes < wantedNodes) nodes += await load('create', '20', '50', '2');
console.log(
  `created ${nodes} znodes with their snapshots: longest pause ${takeWorst()}, ${memory()}`,
);
await load('get', '20', '50', '3');
console.log(`get: longest pause ${takeWorst()}`);
await load('mixed', '20', '50', '5');
console.log(`mixed, with snapshots of the whole tree: longest pause ${takeWorst()}`);
await server.stop();
const startedAt = performance.now();
server = await start();
console.log(
  `start from disk to serving: ${Math.round(performance.now() - startedAt)} ms, ${memory()}`,
);
clearInterval(probe);
await server.stop();
process.exit(0);

function memory(): string {
  return `resident ${Math.round(process.memoryUsage().rss / 1e6)} MB`;
}
