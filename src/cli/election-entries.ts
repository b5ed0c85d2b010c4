// Election records as they are read back, from the answer to `elog` or from lines of the file: checked, because a
// server may be of another version, or no server of ours at all. In: text. Out: entries, and how many lines were none.
// Invariant: what leaves here has the types it claims; strings may still hold anything and are made safe where shown.
import type { ElectionEntry } from '../server/election-record.ts';

export interface ReadEntries {
  readonly entries: readonly ElectionEntry[];
  /** Lines or elements that are no entries: half a line of a killed server, or another program's. */
  readonly rejected: number;
}

/** The answer to `elog`; undefined when it is something else. */
export function entriesOfReport(text: string): ReadEntries | undefined {
  const report = parse(text);
  if (!isObject(report) || !Array.isArray(report.entries)) return undefined;
  const values: readonly unknown[] = report.entries;
  const entries = values.filter(isEntry);
  return { entries, rejected: values.length - entries.length };
}

export function entriesOfLines(text: string): ReadEntries {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const values = lines.map(parse);
  const entries = values.filter(isEntry);
  // A note that entries were dropped is none, and nothing wrong.
  const notes = values.filter((value) => isObject(value) && value.kind === 'dropped').length;
  return { entries, rejected: values.length - entries.length - notes };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isEntry(value: unknown): value is ElectionEntry {
  if (!isObject(value)) return false;
  const { kind, time, sid, at, level, event, decision, line } = value;
  const isNote =
    [time, sid, at].every((number) => typeof number === 'number') &&
    [level, event, decision, line].every((text) => typeof text === 'string');
  if (!isNote) return false;
  if (kind === 'election') return typeof value.round === 'number' && Array.isArray(value.peers);
  return kind === 'zab' && typeof value.state === 'string' && isSync(value.sync);
}

function isSync(sync: unknown): boolean {
  if (sync === undefined) return true;
  if (!isObject(sync)) return false;
  const { mode, bytes, ms } = sync;
  return typeof mode === 'string' && [bytes, ms].every(isNumberOrNone);
}

function isNumberOrNone(value: unknown): boolean {
  return value === undefined || typeof value === 'number';
}
