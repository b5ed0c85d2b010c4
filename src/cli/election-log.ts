// `quoll election-log`: the record of elections of one server or several, from servers, files and folders, as a history
// for people or as JSON. In: sources, options. Out: standard output; on standard error what could not be read. Exit
// codes: 0 all was read; 1 something was not, the rest is shown; 2 a source is neither an address nor a path.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ElectionEntry } from '../server/election-record.ts';
import { electionLogName, olderElectionLogName } from '../server/election-record.ts';
import type { ExitCode } from '../server/exit-codes.ts';
import { exitCodes } from '../server/exit-codes.ts';
import { askServer } from './ask-server.ts';
import type { ReadEntries } from './election-entries.ts';
import { entriesOfLines, entriesOfReport } from './election-entries.ts';
import { electionsIn } from './election-history.ts';
import { historyLines, plain } from './election-text.ts';

export interface ElectionLogOptions {
  readonly last?: number;
  readonly debug?: boolean;
  readonly json?: boolean;
}

type Source =
  | { readonly kind: 'server'; readonly host: string; readonly port: number }
  | { readonly kind: 'path'; readonly path: string };

/** An answer holds 2,000 entries at most; a few hundred bytes each. */
const answerLengthMax = 64 << 20;
const askTimeoutMs = 10_000;

export async function electionLog(
  texts: readonly string[],
  { last, debug = false, json = false }: ElectionLogOptions,
): Promise<ExitCode> {
  const sources: Source[] = [];
  for (const text of texts) {
    const source = sourceOf(text);
    if (source === undefined) {
      complain(text, 'neither host:port nor a file or folder that is there');
      return exitCodes.invalidInvocation;
    }
    sources.push(source);
  }
  let code: ExitCode = exitCodes.finished;
  const all: ElectionEntry[] = [];
  for (const [index, source] of sources.entries()) {
    try {
      const { entries, rejected } = await read(source);
      for (const entry of entries) all.push(entry);
      if (rejected > 0) complain(texts[index] ?? '', `passed over what is no entry: ${rejected}`);
    } catch (error) {
      complain(texts[index] ?? '', error instanceof Error ? error.message : String(error));
      code = exitCodes.unexpectedError;
    }
  }
  const elections = electionsIn(withoutDoubles(all)).slice(last === undefined ? 0 : -last);
  if (json) process.stdout.write(`${JSON.stringify({ elections })}\n`);
  else if (elections.length > 0)
    process.stdout.write(`${historyLines(elections, debug).join('\n')}\n`);
  else if (code === exitCodes.finished) process.stdout.write('no election is on record\n');
  return code;
}

function complain(source: string, message: string): void {
  process.stderr.write(`quoll election-log: ${plain(source)}: ${plain(message)}\n`);
}

/** A path that is there wins over an address. */
function sourceOf(text: string): Source | undefined {
  if (existsSync(text)) return { kind: 'path', path: text };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { kind: 'server', host, port };
}

async function read(source: Source): Promise<ReadEntries> {
  return source.kind === 'server' ? await readServer(source) : readPath(source.path);
}

async function readServer({ host, port }: { host: string; port: number }): Promise<ReadEntries> {
  const limits = { timeoutMs: askTimeoutMs, lengthMax: answerLengthMax };
  const answer = await askServer({ host, port, word: 'elog', ...limits });
  const report = entriesOfReport(answer);
  if (report !== undefined) return report;
  if (answer.includes('not in the whitelist')) {
    throw new Error('4lw.commands.whitelist does not name elog (* does not mean it)');
  }
  throw new Error(answer === '' ? 'no answer to elog: not a server of ours' : 'no election record');
}

function readPath(path: string): ReadEntries {
  const files = statSync(path).isDirectory() ? filesIn(path) : [path];
  if (files.length === 0) throw new Error(`no ${electionLogName} in it`);
  const parts = files.map((file) => entriesOfLines(readFileSync(file, 'utf8')));
  const entries = parts.flatMap((part) => part.entries);
  const rejected = parts.reduce((sum, part) => sum + part.rejected, 0);
  if (entries.length === 0 && rejected > 0) throw new Error('not an election record');
  return { entries, rejected };
}

/** The files of a dataDir, or of all the servers of an ensemble's folder. */
function filesIn(folder: string): string[] {
  const own = recordFiles(folder);
  if (own.length > 0) return own;
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => recordFiles(join(folder, name)));
}

/** The older one first. */
function recordFiles(folder: string): string[] {
  return [olderElectionLogName, electionLogName]
    .map((name) => join(folder, name))
    .filter((file) => existsSync(file));
}

/** A server and its file hold the same entries. */
function withoutDoubles(entries: readonly ElectionEntry[]): ElectionEntry[] {
  const known = new Map<string, ElectionEntry>();
  for (const entry of entries) {
    known.set(`${entry.sid} ${entry.at} ${entry.time} ${entry.line}`, entry);
  }
  return [...known.values()];
}
