/**
 * `npm test`, `npm run test:interop`, `npm run fuzz`: compiles, lists the test files, runs `node --test`. `npm run
 * test:chaos` compiles and hands its arguments to test/chaos/main.ts.
 *
 * Node 20's runner takes no globs and no TypeScript, so this finds test/**\/*.test.ts and hands over
 * their compiled twins in dist-test/. dist/ is built too: some tests start bin/quoll.js.
 * Arguments: parts of file names (any may match); `--interop` and `--fuzz` choose the folder;
 * `--rewrite` lets the scenarios write what they saw (QUOLL_REWRITE=1); `--source` runs the
 * TypeScript itself through tsx, types unchecked; `--test-…` goes to node. The runner's summary ends
 * the output, its status is ours; a compile error or a name that fits nothing is status 1.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { compileInto, removeLeftovers, root } from './compile.ts';
import { missingForInterop } from './interop-needs.ts';

const fuzzCasesOnDemand = 1_000_000;

interface Suite {
  readonly includes: (path: string) => boolean;
  /** Milliseconds one file may take; a hang must become a failure, a slow machine must not. */
  readonly timeoutMs: number;
  /** Test files at a time. */
  readonly concurrency: number;
}

const cores = availableParallelism();
const suites: Readonly<Record<'unit' | 'interop' | 'fuzz', Suite>> = {
  unit: {
    includes: (path) => !path.startsWith('test/interop/'),
    timeoutMs: 300_000,
    concurrency: cores,
  },
  // Each of these starts Java machines of its own.
  interop: {
    includes: (path) => path.startsWith('test/interop/'),
    timeoutMs: 600_000,
    concurrency: Math.max(1, Math.min(2, cores - 1)),
  },
  fuzz: {
    includes: (path) => path.startsWith('test/fuzz/'),
    timeoutMs: 24 * 3_600_000,
    concurrency: cores,
  },
};

const args = process.argv.slice(2);
if (args[0] === '--chaos') await runChaos(args.slice(1));
const filters = args.filter((arg) => !arg.startsWith('--'));
const forNode = args.filter((arg) => arg.startsWith('--test-'));
const own = new Set(args.filter((arg) => arg.startsWith('--') && !arg.startsWith('--test-')));
const known = ['--interop', '--fuzz', '--rewrite', '--source'];

function fail(message: string): never {
  console.error(`test: ${message}`);
  process.exit(1);
}

/** Does not come back: the status is that of the run. */
async function runChaos(options: readonly string[]): Promise<never> {
  compileAll();
  const program = join(root, 'dist-test', 'test', 'chaos', 'main.js');
  const chaos = spawn(process.execPath, ['--enable-source-maps', program, ...options], {
    cwd: root,
    stdio: 'inherit',
  });
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => chaos.kill('SIGTERM'));
  const [status] = (await once(chaos, 'exit')) as [number | null];
  process.exit(status ?? 1);
}

function compileAll(): void {
  removeLeftovers();
  if (!compileInto('dist', 'tsconfig.build.json')) fail('src/ does not compile');
  if (!compileInto('dist-test', 'tsconfig.test.json')) fail('the tests do not compile');
}

for (const option of own) {
  if (!known.includes(option)) fail(`unknown option ${option}; known: ${known.join(' ')} --test-…`);
}
const name = own.has('--interop') ? 'interop' : own.has('--fuzz') ? 'fuzz' : 'unit';
const suite = suites[name];

if (name === 'interop') {
  const missing = missingForInterop();
  if (missing.length > 0) {
    const reason = missing.map(({ what, packageName }) => `${what} (${packageName})`).join(', ');
    if (process.env.CI === 'true') fail(`interop cannot run, not found: ${reason}`);
    const packages = [...new Set(missing.map(({ packageName }) => packageName))].join(' ');
    console.log(`interop tests skipped, not found: ${reason}`);
    console.log(`to run them: apt-get install ${packages}`);
    process.exit(0);
  }
}

const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file.replaceAll('\\', '/')}`)
  .filter((path) => path.endsWith('.test.ts') && suite.includes(path))
  .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
  .sort();
if (files.length === 0) {
  fail(
    filters.length === 0 ? `no ${name} tests` : `no ${name} test file fits ${filters.join(' ')}`,
  );
}

const fromSource = own.has('--source');
if (!fromSource) compileAll();

const environment: NodeJS.ProcessEnv = { ...process.env };
if (own.has('--rewrite')) environment.QUOLL_REWRITE = '1';
if (name === 'fuzz') environment.QUOLL_FUZZ_CASES ??= String(fuzzCasesOnDemand);

const runner = spawn(
  process.execPath,
  [
    ...(fromSource ? ['--import', 'tsx'] : ['--enable-source-maps']),
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${suite.timeoutMs}`,
    `--test-concurrency=${suite.concurrency}`,
    ...forNode,
    ...files.map((path) => (fromSource ? path : `dist-test/${path.replace(/\.ts$/, '.js')}`)),
  ],
  { cwd: root, env: environment, stdio: 'inherit' },
);
// Ctrl-C reaches the runner through the terminal; a plain kill has to be handed on.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => runner.kill('SIGTERM'));
runner.on('exit', (status, signal) => {
  if (signal !== null) console.error(`test: the runner ended by ${signal}`);
  process.exitCode = status ?? 1;
});
