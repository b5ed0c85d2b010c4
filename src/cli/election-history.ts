// Elections out of the entries of one or several servers: cut where they begin, and summed up for each server. In:
// entries, in any order. Out: elections, the oldest first. An election begins when a server goes LOOKING while no other
// of those we read is on its way from LOOKING to serving; a server that joins later is an election of its own, in which
// the others only answer. One that fell silent on its way (killed, most likely) holds nothing open.
import type { ElectionEntry } from '../server/election-record.ts';
import { beginsElection } from '../server/election-record.ts';

export interface SyncSummary {
  /** Whom it was done with: for a learner its leader, for a leader its learner. */
  readonly peer: number | null;
  readonly mode: string;
  readonly bytes: number;
  readonly ms: number | null;
  readonly why: string;
}

/** Durations in ms; null: not reached, or not in what was read. */
export interface ServerSummary {
  readonly sid: number;
  /** LEADING, FOLLOWING, OBSERVING; null while it looks. */
  readonly state: string | null;
  readonly leader: number | null;
  readonly round: number | null;
  readonly epoch: number | null;
  /** From LOOKING to the decision. */
  readonly lookingMs: number | null;
  readonly discoveryMs: number | null;
  readonly synchronizationMs: number | null;
  /** From LOOKING until it served. */
  readonly totalMs: number | null;
  readonly syncs: readonly SyncSummary[];
}

export interface Election {
  /** Unix ms. */
  readonly time: number;
  /** null: nothing was decided, or not everybody decided for the same. */
  readonly leader: number | null;
  /** The servers that looked or synchronized; not those that merely answered. */
  readonly servers: readonly ServerSummary[];
  readonly entries: readonly ElectionEntry[];
}

/** In an election that gets on, something happens more often. */
const silenceMs = 3_000;

export function electionsIn(entries: readonly ElectionEntry[]): Election[] {
  // Sorting is stable: entries of one server stay in the order of its record.
  const sorted = [...entries].sort((a, b) => a.time - b.time);
  const chapters: ElectionEntry[][] = [[]];
  /** Who is on the way, and when it was heard last. */
  const onTheWay = new Map<number, number>();
  for (const entry of sorted) {
    const { sid, time } = entry;
    if (beginsElection(entry)) {
      onTheWay.delete(sid);
      const isBusy = [...onTheWay.values()].some((heard) => time - heard < silenceMs);
      if (!isBusy && chapters.at(-1)?.some(isDeed) === true) chapters.push([]);
      onTheWay.set(sid, time);
    } else if (onTheWay.has(sid)) onTheWay.set(sid, time);
    if (entry.kind === 'zab' && entry.state === 'BROADCAST') onTheWay.delete(sid);
    chapters.at(-1)?.push(entry);
  }
  return chapters.filter((entries) => entries.length > 0).map(electionOf);
}

function electionOf(entries: readonly ElectionEntry[]): Election {
  const bySid = new Map<number, ElectionEntry[]>();
  for (const entry of entries) {
    const own = bySid.get(entry.sid) ?? [];
    own.push(entry);
    bySid.set(entry.sid, own);
  }
  const servers = [...bySid]
    .filter(([, own]) => own.some(isDeed))
    .map(([sid, own]) => summaryOf(sid, own))
    .sort((a, b) => a.sid - b.sid);
  const leaders = new Set(servers.flatMap(({ leader }) => (leader === null ? [] : [leader])));
  const [leader = null] = leaders;
  return {
    time: entries[0]?.time ?? 0,
    leader: leaders.size === 1 ? leader : null,
    servers,
    entries,
  };
}

function isDeed(entry: ElectionEntry): boolean {
  if (entry.kind === 'election') return entry.event === 'started' || entry.event === 'decided';
  return entry.sync !== undefined;
}

function summaryOf(sid: number, entries: readonly ElectionEntry[]): ServerSummary {
  // Who looks several times in one election is judged by its last try.
  const lastStart = entries.findLastIndex(beginsElection);
  const own = lastStart === -1 ? entries : entries.slice(lastStart);
  const started = lastStart === -1 ? undefined : own[0];
  const decided = own.find((entry) => entry.kind === 'election' && entry.event === 'decided');
  const vote = decided?.kind === 'election' ? decided : undefined;
  const phases = own.filter((entry) => entry.kind === 'zab');
  const synchronizing = phases.find(({ state }) => state === 'SYNCHRONIZATION');
  const serving = phases.find(({ state }) => state === 'BROADCAST');
  return {
    sid,
    state: vote?.state ?? null,
    leader: vote?.vote?.leader ?? null,
    round: vote?.round ?? (started?.kind === 'election' ? started.round : null),
    epoch: phases.findLast(({ epoch }) => typeof epoch === 'number')?.epoch ?? null,
    lookingMs: between(started, decided),
    discoveryMs: between(decided, synchronizing),
    synchronizationMs: between(synchronizing, serving),
    totalMs: between(started, serving),
    syncs: phases.flatMap(syncsOf),
  };
}

function syncsOf({ sync, peer }: ElectionEntry & { readonly kind: 'zab' }): SyncSummary[] {
  // Said twice: when it begins, and when it is done.
  if (sync?.bytes === undefined) return [];
  const { mode, bytes, ms, why } = sync;
  return [{ peer: peer ?? null, mode, bytes, ms: ms ?? null, why: String(why ?? '') }];
}

/** Of one process, so its monotonic clock tells. */
function between(from: ElectionEntry | undefined, to: ElectionEntry | undefined): number | null {
  return from === undefined || to === undefined ? null : to.at - from.at;
}
