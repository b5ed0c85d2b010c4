// `quoll ensemble`, which `npm start` runs: several servers as processes on this machine, watched until a signal stops
// them. In: the options. Out: what happens, on standard output. Exit codes: 0 stopped as asked; 1 a port is taken, a
// server had to be killed, or none is left that could run; 2 the options or the folder; 3 the folder cannot be written.
//
// Invariants: nothing is written or started before options, folder and ports are known to be good; no server outlives
// this process, however it ends (server-child.ts).
import { resolve } from 'node:path';
import { superviseProcess } from '../node/node-process.ts';
import type { Log } from '../ports.ts';
import { FileError, NetError } from '../ports.ts';
import { ConfigError } from '../server/config-error.ts';
import { exitCodes } from '../server/exit-codes.ts';
import type { WantedPort } from './busy-ports.ts';
import { busyPorts } from './busy-ports.ts';
import { prepareFolder, rememberedShape } from './ensemble-folder.ts';
import type { EnsembleOutput } from './ensemble-output.ts';
import { JsonOutput, TextOutput } from './ensemble-output.ts';
import type { EnsemblePlan, EnsembleShape } from './ensemble-plan.ts';
import { planEnsemble } from './ensemble-plan.ts';
import { EnsembleRunner } from './ensemble-runner.ts';
import { failureOf } from './operator.ts';

export interface EnsembleOptions extends Partial<EnsembleShape> {
  readonly data: string;
  readonly json?: boolean;
}

/** `command`: the program that runs a server when it is called with `server zoo.cfg …`; left out: this one. */
export async function ensemble(
  options: EnsembleOptions,
  command: readonly string[] = [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
): Promise<void> {
  const { data, json = false, ...asked } = options;
  let plan: EnsemblePlan;
  try {
    plan = await preparedPlan(resolve(data), asked);
  } catch (error) {
    const { code, message } = failureOf(error);
    process.stderr.write(`quoll ensemble: ${message}\n`);
    process.exitCode = code;
    return;
  }
  run(plan, command, json ? new JsonOutput(process.stdout) : new TextOutput(process.stdout));
}

async function preparedPlan(folder: string, asked: Partial<EnsembleShape>): Promise<EnsemblePlan> {
  const plan = planEnsemble(
    folder,
    asked,
    onDisk(folder, () => rememberedShape(folder)),
  );
  const busy = await busyPorts(plan.servers.flatMap(portsOf));
  if (busy.length > 0) {
    const list = busy.map(({ port, what, code }) => `${port}, ${what} (${code})`).join('; ');
    throw new NetError('EADDRINUSE', `taken: ${list}. --base-port takes other ports`);
  }
  onDisk(folder, () => prepareFolder(plan));
  return plan;
}

function portsOf({
  sid,
  clientPort,
  quorumPort,
  electionPort,
}: EnsemblePlan['servers'][number]): WantedPort[] {
  const of = `port of server ${sid}`;
  return [
    { port: clientPort, host: undefined, what: `the client ${of}` },
    { port: quorumPort, host: '127.0.0.1', what: `the quorum ${of}` },
    { port: electionPort, host: '127.0.0.1', what: `the election ${of}` },
  ];
}

/** The system's complaints become one line about the folder. */
function onDisk<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ConfigError || !(error instanceof Error)) throw error;
    throw new FileError('EACCES', folder, error.message);
  }
}

function run(plan: EnsemblePlan, command: readonly string[], output: EnsembleOutput): void {
  const runner = new EnsembleRunner(plan, command, output, () => {
    output.message('error', 'no server is left that can be started -> exit 1');
    process.exit(exitCodes.unexpectedError);
  });
  const log: Log = { log: (level, message) => output.message(level, message) };
  // Whoever read along has gone (`quoll ensemble | head`): nobody would know that it runs.
  process.stdout.once('error', () => process.kill(process.pid, 'SIGHUP'));
  process.stdout.on('error', () => undefined);
  superviseProcess({
    log,
    drain: async () => {
      const killed = await runner.stop();
      if (killed.length > 0) throw new Error(`${killed.length} servers did not stop`);
    },
    unexpectedErrorCode: exitCodes.unexpectedError,
  });
  runner.start();
}
