// `npm run bench`: Java ZooKeeper (where Debian's package is installed) and Quoll by turns, on scratch directories,
// under the same load generator, in one run. Prints a table with ratios and, with --write, puts it into BENCHMARKS.md.
//
// A row is a load of zkload.c: operation, sessions, window. Each round runs Java, then Quoll; figures are medians of
// the rounds. Servers are warmed by one uncounted run; `create` gets fresh servers each round, since its tree grows.
// With --ensemble three servers of each kind are measured, the sessions spread over all three.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchEnsemble } from './ensemble.ts';
import { circumstances, writeSection } from './report.ts';
import type { Kind } from './server.ts';
import { BenchServer, isJavaInstalled } from './server.ts';
import { compileLoad } from './zkload.ts';

interface Load {
  readonly name: string;
  readonly args: readonly string[];
  readonly fresh?: true;
}

const loads: readonly Load[] = [
  { name: 'get 20×50', args: ['get', '20', '50'] },
  { name: 'set 20×50', args: ['set', '20', '50'] },
  { name: 'set 20×50, 1 KiB', args: ['set', '20', '50'] },
  { name: 'create 20×50', args: ['create', '20', '50'], fresh: true },
  { name: 'mixed 20×50', args: ['mixed', '20', '50'] },
  { name: 'multi 10×10', args: ['multi', '10', '10'] },
  { name: 'get 50×1', args: ['get', '50', '1'] },
  { name: 'set 50×1', args: ['set', '50', '1'] },
  { name: 'mixed 200×4', args: ['mixed', '200', '4'] },
  { name: 'set 1×1', args: ['set', '1', '1'] },
  { name: 'connect 10×1', args: ['connect', '10', '1'] },
];

/** No load takes this long unless the server hangs. */
const loadTimeoutMs = 60_000;

/** What a load runs against. */
interface Target {
  /** host:port,… */
  readonly hosts: string;
  stop(): Promise<void>;
  tail(): string;
}

interface Figure {
  readonly perSecond: number;
  readonly p99: number;
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    ensemble: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- [--ensemble] [--only get,set] [--rounds 5] [--seconds 3] [--write] [--json]
Measures Java ZooKeeper and Quoll by turns, a lone server of each or, with --ensemble, three.
--write puts the table into BENCHMARKS.md.`);
  process.exit(0);
}

const scratch = mkdtempSync(join(tmpdir(), 'quoll-bench-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const rounds = Number(values.rounds);
const zkload = compileLoad(scratch);
const kinds: readonly Kind[] = isJavaInstalled() ? ['java', 'quoll'] : ['quoll'];
const wanted = values.only?.split(',');
const chosen = loads.filter(({ name }) => wanted?.some((word) => name.startsWith(word)) ?? true);
const rows: string[] = [];
const data: unknown[] = [];
for (const load of chosen) {
  const figures = await measure(load);
  const [java, quoll] = [median(figures.get('java')), median(figures.get('quoll'))];
  rows.push(tableRow(load.name, java, quoll));
  data.push({ load: load.name, java, quoll });
  if (!values.json) console.log(rows.at(-1));
}
if (values.json) console.log(JSON.stringify(data, null, 2));
if (values.write) writeTable(rows);

async function measure(load: Load): Promise<Map<Kind, Figure[]>> {
  const figures = new Map<Kind, Figure[]>(kinds.map((kind) => [kind, []]));
  let servers = new Map<Kind, Target>();
  for (let round = 0; round < rounds; round++) {
    if (round === 0 || load.fresh) {
      for (const server of servers.values()) await server.stop();
      servers = new Map();
      for (const kind of kinds) {
        const folder = mkdtempSync(join(scratch, `${kind}-`));
        const Server = values.ensemble ? BenchEnsemble : BenchServer;
        const server = await Server.start(kind, folder);
        servers.set(kind, server);
        // A fresh tree for create, but a warm machine: another load runs first.
        run(server, load.fresh ? ['set', '20', '50'] : load.args, 2, load);
      }
    }
    for (const [kind, server] of servers) {
      const figure = run(server, load.args, Number(values.seconds), load);
      figures.get(kind)?.push(figure);
      if (!values.json)
        process.stderr.write(`  ${load.name} ${kind}: ${Math.round(figure.perSecond)}/s\n`);
    }
  }
  for (const server of servers.values()) await server.stop();
  return figures;
}

function run(server: Target, args: readonly string[], seconds: number, load: Load): Figure {
  const size = load.name.includes('1 KiB') ? '1024' : '100';
  const all = [server.hosts, ...args, String(seconds), size];
  const result = spawnSync(zkload, all, { encoding: 'utf8', timeout: loadTimeoutMs });
  if (result.status !== 0) {
    throw new Error(`zkload ${all.join(' ')}: ${result.stderr}${result.stdout}\n${server.tail()}`);
  }
  const answer = JSON.parse(result.stdout) as {
    ops_per_s: number;
    p99_us: number;
    errors?: number;
  };
  if ((answer.errors ?? 0) > 0) throw new Error(`${answer.errors} errors under ${load.name}`);
  return { perSecond: answer.ops_per_s, p99: answer.p99_us };
}

function median(figures: Figure[] | undefined): Figure | undefined {
  if (figures === undefined || figures.length === 0) return undefined;
  const sorted = (of: (figure: Figure) => number) => figures.map(of).sort((a, b) => a - b);
  const middle = Math.floor(figures.length / 2);
  return {
    perSecond: sorted(({ perSecond }) => perSecond)[middle] ?? 0,
    p99: sorted(({ p99 }) => p99)[middle] ?? 0,
  };
}

function tableRow(name: string, java: Figure | undefined, quoll: Figure | undefined): string {
  const rate = (figure: Figure | undefined) =>
    figure === undefined ? '–' : Math.round(figure.perSecond).toLocaleString('en');
  const p99 = (figure: Figure | undefined) =>
    figure === undefined ? '–' : `${(figure.p99 / 1000).toFixed(2)} ms`;
  const ratio = java && quoll ? (quoll.perSecond / java.perSecond).toFixed(2) : '–';
  return `| ${name} | ${rate(java)} | ${rate(quoll)} | ${ratio} | ${p99(java)} | ${p99(quoll)} |`;
}

function writeTable(lines: readonly string[]): void {
  writeSection(values.ensemble ? 'ensemble' : 'standalone', [
    `${circumstances()}; medians of ${rounds} rounds of ${values.seconds} s.`,
    '',
    '| load | Java ops/s | Quoll ops/s | ratio | Java p99 | Quoll p99 |',
    '|---|---:|---:|---:|---:|---:|',
    ...lines,
  ]);
}
