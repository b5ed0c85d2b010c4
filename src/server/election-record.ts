// What this server's last elections and syncs were: the notes that the election and the Zab machines take, with the
// time of day, bounded, as JSON. In: notes. Out: `toJson()`, which the four-letter word `elog` answers, and the same
// entries as lines of a file beside the data, for whoever looks when the server is gone.
//
// Invariant: the newest `entriesMax` entries of the newest `electionsMax` elections are kept, whole and in order.
// Java has nothing of the kind; its logs tell an election in prose.

import type { ElectionNote } from '../core/election/election-events.ts';
import type { ZabNote } from '../core/zab/zab-notes.ts';
import type { Clock, Files, Log } from '../ports.ts';
import type { Sid } from '../proto/sid.ts';
import { LineFile } from '../storage/line-file.ts';
import { Deque } from '../util/deque.ts';

export const electionLogName = 'election-log.jsonl';
/** What a full one becomes, in place of the one before. */
export const olderElectionLogName = 'election-log.1.jsonl';

interface EntryHead {
  /** Unix ms. */
  readonly time: number;
  /** Whose record it is. */
  readonly sid: number;
}

/** One line of the file and one element of `entries`. `at` is monotonic and of this process only. */
export type ElectionEntry =
  | (EntryHead & { readonly kind: 'election' } & ElectionNote)
  | (EntryHead & { readonly kind: 'zab' } & ZabNote);

/** What `elog` answers. */
export interface ElectionReport {
  readonly sid: number;
  /** When it was asked, Unix ms. */
  readonly time: number;
  /** The oldest first. */
  readonly entries: readonly ElectionEntry[];
}

export interface ElectionRecordOptions {
  readonly sid: Sid;
  /** dataDir, where the file is kept; undefined: in memory only. */
  readonly directory: string | undefined;
}

/** An election is `started` until the next one: with the term that came of it. */
const electionsMax = 8;
/** About a megabyte as JSON; a round among seven servers takes some thirty entries. */
const entriesMax = 2000;
/** More than what reading two clocks in milliseconds one after the other makes of them. */
const wallStepMs = 2;

export class ElectionRecord {
  readonly #clock: Clock;
  readonly #sid: number;
  readonly #file: LineFile<ElectionEntry> | undefined;
  readonly #entries = new Deque<ElectionEntry>();
  /** The wall clock minus the monotonic one. */
  #wallOffset = Number.NaN;
  /** Of those kept, how many begin an election. */
  #elections = 0;

  constructor(
    ports: { readonly clock: Clock; readonly files: Files; readonly log: Log },
    { sid, directory }: ElectionRecordOptions,
  ) {
    this.#clock = ports.clock;
    this.#sid = Number(sid);
    if (directory === undefined) return;
    this.#file = new LineFile<ElectionEntry>(ports, {
      directory,
      name: electionLogName,
      older: olderElectionLogName,
      lengthMax: 1 << 20,
      // An election's own disk writes come first.
      delayMs: 50,
      waitingMax: 2 * entriesMax,
      line: (entry) => JSON.stringify(entry),
      droppedLine: (count) => JSON.stringify({ kind: 'dropped', sid: this.#sid, count }),
      failed: ({ message }) =>
        ports.log.log('warn', `${message} -> the election record is kept in memory only`),
    });
  }

  add(note: ElectionNote | ZabNote): void {
    const head = { time: this.#wallTimeOf(note.at), sid: this.#sid };
    const entry: ElectionEntry =
      'round' in note ? { ...head, kind: 'election', ...note } : { ...head, kind: 'zab', ...note };
    this.#entries.push(entry);
    if (beginsElection(entry)) this.#elections++;
    this.#forget();
    this.#file?.add(entry);
  }

  /** The offset follows the wall clock in steps only, or its milliseconds would turn the order of notes around. */
  #wallTimeOf(at: number): number {
    const offset = this.#clock.wallTime() - this.#clock.now();
    if (!(Math.abs(offset - this.#wallOffset) <= wallStepMs)) this.#wallOffset = offset;
    return Math.round(at + this.#wallOffset);
  }

  /** An ElectionReport. */
  toJson(): string {
    const report: ElectionReport = {
      sid: this.#sid,
      time: Math.round(this.#clock.wallTime()),
      entries: [...this.#entries],
    };
    return JSON.stringify(report);
  }

  /** Writes what waits. What is added later is kept in memory only. */
  close(done: () => void): void {
    if (this.#file === undefined) this.#clock.endOfTurn(done);
    else this.#file.close(done);
  }

  /** Drops the oldest: by number, and what came before the oldest election that is kept. */
  #forget(): void {
    while (this.#entries.length > entriesMax) this.#drop();
    if (this.#elections <= electionsMax) return;
    do this.#drop();
    while (this.#elections > electionsMax || !this.#startsWithElection());
  }

  #drop(): void {
    const entry = this.#entries.shift();
    if (entry !== undefined && beginsElection(entry)) this.#elections--;
  }

  #startsWithElection(): boolean {
    const first = this.#entries.peek();
    return first === undefined || beginsElection(first);
  }
}

/** Whether an entry opens a new election: the server went LOOKING with a new round. */
export function beginsElection(entry: ElectionEntry): boolean {
  return entry.kind === 'election' && entry.event === 'started';
}
