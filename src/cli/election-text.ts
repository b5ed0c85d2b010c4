// How entries of an election record look to a person: one line each, local time, the server, `event -> decision`.
// In: entries. Out: text without line ends. Invariant: nothing in an entry can steer the terminal, because notes quote
// what came over the network.
import type { ElectionEntry } from '../server/election-record.ts';
import type { Election, ServerSummary, SyncSummary } from './election-history.ts';

/** `08:05:03.120  2  recv LOOKING from 1 … -> count`. */
export function entryLine(entry: ElectionEntry): string {
  const mark = entry.level === 'warn' || entry.level === 'error' ? `${entry.level}: ` : '';
  return `${clockTime(entry.time)}  ${entry.sid}  ${mark}${plain(entry.line)}`;
}

/** Unix ms as `08:05:03.120`, local time. */
export function clockTime(time: number): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return '--:--:--.---';
  const two = (value: number): string => String(value).padStart(2, '0');
  const fraction = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${fraction}`;
}

/** Unix ms as `2026-11-22 08:05:03.120`, local time. */
export function dayTime(time: number): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return 'at no time';
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockTime(time)}`;
}

/** Control characters as escapes. */
export function plain(text: string): string {
  return text.replace(
    /\p{Cc}|[\u2028\u2029]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Elections with their tables and their course; `debug` leaves nothing out. */
export function historyLines(elections: readonly Election[], debug: boolean): string[] {
  return elections.flatMap((election, index) => [
    ...(index === 0 ? [] : ['']),
    headline(election),
    '',
    ...tableLines(election),
    '',
    ...election.entries.filter(({ level }) => debug || level !== 'debug').map(entryLine),
  ]);
}

function headline({ time, leader, servers }: Election): string {
  const epoch = servers.find(({ sid }) => sid === leader)?.epoch ?? servers[0]?.epoch ?? null;
  const outcome =
    leader === null ? 'no leader' : `leader ${leader}${epoch === null ? '' : `, epoch ${epoch}`}`;
  return `Election of ${dayTime(time)}: ${outcome}`;
}

const columns: readonly (readonly [string, (server: ServerSummary) => string])[] = [
  ['server', ({ sid }) => String(sid)],
  ['round', ({ round }) => (round === null ? '' : String(round))],
  ['looking', ({ lookingMs }) => milliseconds(lookingMs)],
  ['became', becameText],
  ['discovery', ({ discoveryMs }) => milliseconds(discoveryMs)],
  ['synchronization', ({ synchronizationMs }) => milliseconds(synchronizationMs)],
  ['served after', ({ totalMs }) => milliseconds(totalMs)],
  ['synchronized', ({ syncs }) => syncs.map(syncText).join('; ')],
];

function tableLines({ servers }: Election): string[] {
  const rows = [
    columns.map(([title]) => title),
    ...servers.map((server) => columns.map(([, cell]) => plain(cell(server)))),
  ];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function becameText({ state, leader, sid }: ServerSummary): string {
  if (state === null) return '';
  return leader === null || leader === sid ? state : `${state} ${leader}`;
}

function syncText({ peer, mode, bytes, ms }: SyncSummary): string {
  const duration = ms === null ? '' : ` in ${milliseconds(ms)}`;
  return `${peer === null ? '' : `${peer}: `}${mode} of ${bytes} bytes${duration}`;
}

function milliseconds(ms: number | null): string {
  return ms === null ? '' : `${Math.round(ms * 10) / 10} ms`;
}
