// What a leader asks its log files for learners: how far they reach back, and pieces of them. In: zxids. Out: answers,
// never inside the call. A survey waits until what it is about is on disk: it may have been committed by others before
// our own log had it.

import type { LogCover } from '../core/zab/learner-sync.ts';
import type { HistoryTxn } from '../core/zab/txn-arena.ts';
import type { Log } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';
import { LogHistoryReader } from '../storage/log-history-reader.ts';
import type { LogPlace } from '../storage/log-survey.ts';
import { surveyLog } from '../storage/log-survey.ts';
import type { SliceGroup } from './slice-group.ts';

export interface LogReadResult {
  /** In order, all above the zxid that was read from. */
  readonly txns: readonly HistoryTxn[];
  /** There are no more up to the zxid that was asked for. */
  readonly isEnd: boolean;
  readonly failure: string | undefined;
}

/** The longest the loop is held at once. */
const sliceMs = 3;

export class LogQueries {
  readonly #work: SliceGroup;
  readonly #log: Log;
  readonly #place: LogPlace;
  readonly #reader: LogHistoryReader;
  #durableZxid: Zxid = -1n;
  #waiting: { readonly zxid: Zxid; readonly run: () => void }[] = [];

  /** `snapshots`: dataDir/version-2 */
  constructor(work: SliceGroup, log: Log, place: LogPlace, snapshots: string) {
    this.#work = work;
    this.#log = log;
    this.#place = place;
    this.#reader = new LogHistoryReader(place, snapshots);
  }

  /** A log is open that ends here, all of it on disk. */
  opened(zxid: Zxid): void {
    this.#reader.forget();
    this.synced(zxid);
  }

  /** The log is on disk up to here. */
  synced(zxid: Zxid): void {
    this.#durableZxid = zxid;
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((one) => one.zxid > zxid);
    for (const one of waiting) if (one.zxid <= zxid) one.run();
  }

  /** `isWriting`: more is on its way to disk. The answer undefined: the files do not reach back to `from`. */
  survey(
    from: Zxid,
    to: Zxid,
    isWriting: boolean,
    done: (cover: LogCover | undefined) => void,
  ): void {
    const run = () => {
      this.#work.run(surveyLog(this.#place, from, to), {
        ...{ sliceMs, done },
        failed: (error) => {
          if (!(error instanceof FileError)) throw error;
          const what = `survey of the log from 0x${hexZxid(from)}: ${error.message}`;
          this.#log.log('warn', `${what} -> files are not used`);
          done(undefined);
        },
      });
    };
    if (to <= this.#durableZxid || !isWriting) run();
    else this.#waiting.push({ zxid: to, run });
  }

  read(after: Zxid, to: Zxid, bytes: number, done: (read: LogReadResult) => void): void {
    this.#work.run(this.#reader.read(after, to, bytes), {
      ...{ sliceMs, done },
      failed: (error) => {
        throw error;
      },
    });
  }
}
