// The command `quoll`: its verbs and their options, nothing of what they do. A verb's code is loaded when it is called,
// so that `--version` and `--help` stay fast.
// Exit codes: those of ZooKeeper (server/exit-codes.ts); a wrong command line is 2, with one line on standard error.
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { logFormats, logLevels } from '../node/log-options.ts';
import { exitCodes } from '../server/exit-codes.ts';
import type { ElectionLogOptions } from './election-log.ts';
import type { EnsembleOptions } from './ensemble.ts';
import { observersMax, serversMax } from './ensemble-plan.ts';
import type { ServerOptions } from './run-server.ts';
import type { StandaloneOptions } from './standalone.ts';

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const contents: unknown = JSON.parse(text);
  const isPackage = typeof contents === 'object' && contents !== null && 'version' in contents;
  return isPackage ? String(contents.version) : 'unknown';
}

function addProperty(text: string, before?: ReadonlyMap<string, string>): Map<string, string> {
  const separator = text.indexOf('=');
  if (separator <= 0) throw new InvalidArgumentError('Want name=value.');
  return new Map([
    ...(before ?? []),
    [text.substring(0, separator), text.substring(separator + 1)],
  ]);
}

function zxid(text: string): bigint {
  if (!/^(?:0x[0-9a-f]{1,16}|\d{1,19})$/i.test(text)) {
    throw new InvalidArgumentError('Want a zxid: hexadecimal after 0x, or decimal.');
  }
  return BigInt(text);
}

/** A whole number within bounds, for an option. */
function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Want a number, ${min} to ${max}.`);
  };
}

function withLogOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--log-format <format>', 'auto: pretty on a terminal, else json')
        .choices(logFormats)
        .default('auto'),
    )
    .addOption(
      new Option('--log-level <level>', 'leave out the lines below it')
        .choices(logLevels)
        .default('info'),
    );
}

function program(): Command {
  const quoll = new Command('quoll')
    .description('Apache ZooKeeper’s server, on Node')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    // Before any verb is added: they inherit it.
    .exitOverride()
    .showHelpAfterError('(--help shows the options)')
    .addHelpText(
      'after',
      `
Examples:
  quoll ensemble                         three servers on this machine, to try things on
  quoll standalone                       one server, data in ./data
  quoll server /etc/zookeeper/conf/zoo.cfg
  quoll election-log 127.0.0.1:2181
  quoll purge /var/lib/zookeeper -n 3`,
    );

  withLogOptions(
    quoll
      .command('server')
      .description('run a server from its zoo.cfg, in the foreground')
      .argument('<zoo.cfg>', 'the configuration file of a ZooKeeper server')
      .option(
        '--property <name=value>',
        'a system property of ZooKeeper, with or without `zookeeper.`; may come several times. ' +
          'The file beats it, as in Java',
        addProperty,
      )
      .option(
        '--accept-data-loss <zxid>',
        'go on at this zxid when the files are damaged after it; what came later is given up',
        zxid,
      )
      .option(
        '--stop-with-stdin',
        'stop when standard input ends: for a program that starts servers as its children',
      ),
  )
    .addHelpText(
      'after',
      `
SIGTERM or SIGINT stops the server after what it has begun; a second one stops it at once.

Examples:
  quoll server zoo.cfg
  quoll server zoo.cfg --property jute.maxbuffer=4194304 --property forceSync=yes
  quoll server zoo.cfg --log-format json --log-level warn`,
    )
    .action(async (file: string, options: ServerOptions) => {
      const { runServer } = await import('./run-server.ts');
      await runServer(file, options);
    });

  withLogOptions(
    quoll
      .command('standalone')
      .description('run one server with the least to say; the first start writes its zoo.cfg')
      .option('--port <port>', 'the client port (2181, or what zoo.cfg says)', whole(0, 65535))
      .option('--data <folder>', 'where its data and its zoo.cfg live', './data'),
  )
    .addHelpText(
      'after',
      `
Examples:
  quoll standalone
  quoll standalone --port 12181 --data /tmp/try`,
    )
    .action(async (options: StandaloneOptions) => {
      const { standalone } = await import('./standalone.ts');
      await standalone(options);
    });

  quoll
    .command('ensemble')
    .description('run several servers on this machine, each a process, and show what they do')
    .option('--servers <count>', 'servers that vote (3)', whole(1, serversMax))
    .option(
      '--observers <count>',
      'servers without a vote, beside them (0)',
      whole(0, observersMax),
    )
    .option(
      '--base-port <port>',
      'the client port of server 1 (2181); the next servers take the next ones. Quorum ports ' +
        'begin 100 above, election ports 200',
      whole(1, 65_535),
    )
    .option('--data <folder>', 'where each server has its folder', './data-ensemble')
    .option('--json', 'print what happens as one JSON object a line')
    .addHelpText(
      'after',
      `
The folder remembers servers, observers and port. Its number of servers cannot be changed, since
its data is held by majorities of them. Ctrl-C stops all servers.

Examples:
  quoll ensemble
  quoll ensemble --servers 5 --observers 2 --base-port 12181 --data /tmp/try`,
    )
    .action(async (options: EnsembleOptions) => {
      const { ensemble } = await import('./ensemble.ts');
      await ensemble(options);
    });

  quoll
    .command('election-log')
    .description('show the last elections: who voted for whom and why, who led, how it came up')
    .argument(
      '<source...>',
      'host:port of a server whose 4lw.commands.whitelist names elog; or an election-log.jsonl, ' +
        'a dataDir, the folder of an ensemble',
    )
    .option('-n, --last <count>', 'only the last elections', whole(1, 1_000_000))
    .option('--debug', 'also what was sent and what was passed over')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Several sources of one ensemble are shown as one history. Ends with 1 when a source cannot be read;
what could be read is shown.

Examples:
  quoll election-log 127.0.0.1:2181
  quoll election-log zk1:2181 zk2:2181 zk3:2181 --last 1
  quoll election-log /var/lib/zookeeper --json
  quoll election-log ./data-ensemble`,
    )
    .action(async (sources: string[], options: ElectionLogOptions) => {
      const { electionLog } = await import('./election-log.ts');
      process.exitCode = await electionLog(sources, options);
    });

  quoll
    .command('purge')
    .description('remove old snapshots and the logs only they need; also beside a running server')
    .argument('<dataLogDir>', 'where the transaction logs are: the folder that holds version-2')
    .argument('[snapDir]', 'where the snapshots are, when it is another one')
    .requiredOption('-n, --count <count>', 'how many snapshots to keep', whole(3, 2 ** 31 - 1))
    .addHelpText(
      'after',
      `
Prints the path of each removed file. Damaged snapshots do not count among those kept.

Examples:
  quoll purge /var/lib/zookeeper -n 3
  quoll purge /fast/zookeeper-log /var/lib/zookeeper -n 5`,
    )
    .action(async (logDir: string, snapDir: string | undefined, { count }: { count: number }) => {
      const { purgeCommand } = await import('./purge-command.ts');
      process.exitCode = purgeCommand(logDir, snapDir ?? logDir, count);
    });

  return quoll;
}

try {
  await program().parseAsync();
} catch (error) {
  // Help and version arrive here too, with 0; commander has printed what there is to say.
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? exitCodes.finished : exitCodes.invalidInvocation;
}
