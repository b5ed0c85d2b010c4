// The writer of the transaction log (FileTxnLog.append, commit, rollLog). In: batches of entries ready to be
// written. Out: one call of `done` a batch, in order: when it is on disk, or with the error.
//
// Invariants: a batch is reported durable only after its bytes, its file's directory entry and every batch before it
// are on disk. After the first failed write or sync nothing is written or reported durable any more: the page cache
// may lie about what is on disk, so the process has to go. While a sync runs, batches gather; then all of them are
// written and synced together. A log file appears by a rename, with its whole header; a new process never appends to
// an old one, as Java never does. Differs from Java: txnLogSizeLimitInKb counts written bytes, not preallocated.

import type { Clock, FileDone, Files, Log } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';
import { assert } from '../util/assert.ts';
import { Deque } from '../util/deque.ts';
import { DurableMarkWriter } from './durable-mark.ts';
import type { LogSegment } from './log-segment.ts';
import { NextSegment } from './log-segment.ts';

export interface LogBatch {
  /** Entries back to back, each: Adler-32 as a long, length as an int, the txn, 'B'. The log's until `done`. */
  readonly bytes: Uint8Array;
  readonly firstZxid: Zxid;
  readonly lastZxid: Zxid;
  /** Transactions. */
  readonly count: number;
}

export interface TxnLogOptions {
  /** dataLogDir/version-2 */
  readonly directory: string;
  /** `preAllocSize`; ≤ 0: none. */
  readonly preAllocSizeKb: number;
  /** `forceSync`; false: a batch counts as durable once the system has it. */
  readonly forceSync: boolean;
  /** `txnLogSizeLimitInKb`; ≤ 0: no limit. */
  readonly txnLogSizeLimitKb: number;
  /** `fsync.warningthresholdms` */
  readonly fsyncWarningThresholdMs: number;
  /** What recovery found; the log goes on behind it. */
  readonly lastZxid: Zxid;
  /** Of the log this one goes on from; its counters are counted on. */
  readonly stats?: TxnLogStats | undefined;
}

/** Counters since the start. */
export interface TxnLogStats {
  syncs: number;
  syncMs: number;
  syncMsMax: number;
  syncMsLast: number;
  /** Syncs over fsync.warningthresholdms (fsync_threshold_exceed_count). */
  slowSyncs: number;
  batches: number;
  txns: number;
  bytes: number;
  files: number;
}

export function noLogStats(): TxnLogStats {
  return {
    syncs: 0,
    syncMs: 0,
    syncMsMax: 0,
    syncMsLast: 0,
    slowSyncs: 0,
    batches: 0,
    txns: 0,
    bytes: 0,
    files: 0,
  };
}

export interface TxnLogPorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each sync, for summaries (fsynctime, batch_size). */
  readonly onSync?: (ms: number, txns: number) => void;
}

/** How long a failed preparation of the next file rests. */
const prepareAgainMs = 10_000;

interface Pending {
  readonly batch: LogBatch;
  readonly done: FileDone;
}

export class TxnLog {
  readonly stats: TxnLogStats;
  readonly #ports: TxnLogPorts;
  readonly #options: TxnLogOptions;
  readonly #next: NextSegment;
  readonly #queue = new Deque<Pending | 'roll'>();
  #queuedTxns = 0;
  #segment: LogSegment | undefined;
  #mark: DurableMarkWriter | undefined;
  #lastZxid: Zxid;
  /** 'preparing': no file is ready to be written yet; 'syncing': some batches are written and not durable. */
  #state: 'idle' | 'preparing' | 'syncing' = 'idle';
  #failure: FileError | undefined;
  /** After a failure to prepare ahead of need, the next try comes not before this. */
  #prepareAgainAt = -Infinity;
  /** Batches taken from the queue and not yet reported. */
  #writing: Pending[] = [];
  #closing: (() => void) | undefined;

  constructor(ports: TxnLogPorts, options: TxnLogOptions) {
    this.#ports = ports;
    this.#options = options;
    this.stats = options.stats ?? noLogStats();
    this.#lastZxid = options.lastZxid;
    this.#next = new NextSegment(ports.files, options.directory, options.preAllocSizeKb * 1024);
    this.#prepareNext();
  }

  /** The last that was appended, durable or not. */
  get lastZxid(): Zxid {
    return this.#lastZxid;
  }

  /** Transactions that are appended and not durable. */
  get queuedTxns(): number {
    return this.#queuedTxns;
  }

  /** Once set, nothing is reported durable any more. */
  get failure(): FileError | undefined {
    return this.#failure;
  }

  append(batch: LogBatch, done: FileDone): void {
    assert(this.#closing === undefined, 'a closed log takes no batch');
    assert(batch.firstZxid > this.#lastZxid, 'zxids in the log increase');
    this.#lastZxid = batch.lastZxid;
    this.#queuedTxns += batch.count;
    this.#queue.push({ batch, done });
    this.#pump();
  }

  /** Whatever is appended from now on goes into a new file. */
  roll(): void {
    if (this.#queue.length > 0 || this.#segment !== undefined) this.#queue.push('roll');
    this.#pump();
  }

  /** Writes what is queued, then closes; `done` is called when all batches were reported. */
  close(done: () => void): void {
    assert(this.#closing === undefined, 'a log is closed once');
    this.#closing = done;
    this.#pump();
  }

  #pump(): void {
    if (this.#failure !== undefined) {
      this.#reportFailure();
      return;
    }
    if (this.#state !== 'idle') return;
    while (this.#queue.peek() === 'roll') {
      this.#queue.shift();
      this.#endSegment();
    }
    if (this.#queue.length === 0) {
      if (this.#closing !== undefined) this.#close();
      return;
    }
    try {
      this.#write();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#fail(error);
    }
  }

  #write(): void {
    const segment = this.#segment ?? this.#begin();
    if (segment === undefined) return;
    const written: Pending[] = [];
    let txns = 0;
    for (let head = this.#queue.peek(); head !== undefined; head = this.#queue.peek()) {
      if (head === 'roll') break;
      if (!segment.hasRoom(head.batch.bytes.length, () => this.#pump())) {
        if (written.length === 0) return;
        break;
      }
      // Before it is written: a failure has to reach this batch too.
      written.push(head);
      this.#queue.shift();
      txns += head.batch.count;
      this.#writing = written;
      segment.write(head.batch.bytes);
      this.stats.bytes += head.batch.bytes.length;
    }
    this.stats.batches += written.length;
    this.stats.txns += txns;
    this.#sync(segment, written, txns);
  }

  /** The next file under its name; undefined until it has one, then `#pump` is called. */
  #begin(): LogSegment | undefined {
    if (!this.#next.ready) {
      this.#state = 'preparing';
      this.#next.prepare((error) => {
        this.#state = 'idle';
        if (error !== undefined) this.#fail(error);
        else this.#pump();
      });
      return undefined;
    }
    const head = this.#queue.peek();
    assert(head !== undefined && head !== 'roll', 'a log file begins with a batch');
    const segment = this.#next.take(head.batch.firstZxid);
    this.#segment = segment;
    this.stats.files++;
    this.#ports.log.log('info', `Creating new log file: log.${hexZxid(segment.zxid)}`);
    if (!this.#options.forceSync) return segment;
    this.#announce(segment);
    return undefined;
  }

  /**
   * The file's name and the mark that nothing in it is durable yet, on disk before its first entry: only so can
   * recovery tell a torn first write from damage.
   */
  #announce(segment: LogSegment): void {
    this.#state = 'preparing';
    const mark = this.#markFile(segment);
    let waitingFor = mark === undefined ? 1 : 2;
    let failure: FileError | undefined;
    const one: FileDone = (error) => {
      failure ??= error;
      waitingFor--;
      if (waitingFor > 0) return;
      this.#state = 'idle';
      if (failure !== undefined) this.#fail(failure);
      else this.#pump();
    };
    this.#ports.files.syncDirectory(this.#options.directory, one);
    mark?.sync((error) => {
      if (error !== undefined) this.#dropMark(error);
      one(undefined);
    });
  }

  #sync(segment: LogSegment, written: Pending[], txns: number): void {
    this.#state = 'syncing';
    const { clock } = this.#ports;
    if (!this.#options.forceSync) {
      clock.endOfTurn(() => this.#synced(segment, written, undefined));
      return;
    }
    const startedAt = clock.now();
    segment.file.datasync((error) => {
      if (error === undefined) this.#measured(segment, clock.now() - startedAt, txns);
      this.#synced(segment, written, error);
    });
  }

  #synced(segment: LogSegment, written: Pending[], error: FileError | undefined): void {
    this.#state = 'idle';
    if (error !== undefined) {
      this.#fail(error);
      return;
    }
    this.#writing = [];
    if (this.#options.forceSync) this.#note(segment);
    const limit = this.#options.txnLogSizeLimitKb * 1024;
    if (limit > 0 && segment.position > limit) this.#endSegment();
    else segment.fill();
    if (!this.#next.ready) this.#prepareNext();
    for (const { batch } of written) this.#queuedTxns -= batch.count;
    // The next sync runs while these are applied.
    const isMore = this.#queue.length > 0;
    if (isMore) this.#pump();
    for (const { done } of written) done(undefined);
    if (!isMore) this.#pump();
  }

  #measured(segment: LogSegment, ms: number, txns: number): void {
    const stats = this.stats;
    stats.syncs++;
    stats.syncMs += ms;
    stats.syncMsLast = ms;
    stats.syncMsMax = Math.max(stats.syncMsMax, ms);
    this.#ports.onSync?.(ms, txns);
    if (ms <= this.#options.fsyncWarningThresholdMs) return;
    stats.slowSyncs++;
    this.#ports.log.log(
      'warn',
      `fsync-ing the write ahead log took ${Math.round(ms)}ms which will adversely effect operation ` +
        `latency. File size is ${segment.length} bytes. See the ZooKeeper troubleshooting guide`,
    );
  }

  #fail(error: FileError): void {
    this.#failure ??= error;
    this.#ports.log.log('error', `write ahead log failed: ${error.message}`);
    this.#reportFailure();
  }

  /** Later, because an append may have found the failure and its caller does not expect `done` inside the call. */
  #reportFailure(): void {
    const failure = this.#failure;
    const lost = this.#writing;
    this.#writing = [];
    for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
      if (item !== 'roll') lost.push(item);
    }
    const closing = this.#closing;
    if (lost.length === 0 && closing === undefined) return;
    this.#ports.clock.endOfTurn(() => {
      for (const { done } of lost) done(failure);
      if (closing !== undefined) this.#close();
    });
  }

  #prepareNext(): void {
    const now = this.#ports.clock.now();
    if (now < this.#prepareAgainAt) return;
    this.#next.prepare((error) => {
      if (error === undefined) return;
      this.#prepareAgainAt = now + prepareAgainMs;
      this.#ports.log.log('warn', `cannot prepare the next log file yet: ${error.message}`);
    });
  }

  #markFile(segment: LogSegment): DurableMarkWriter | undefined {
    try {
      this.#mark ??= new DurableMarkWriter(this.#ports.files, this.#options.directory);
      this.#mark.write({ file: segment.zxid, offset: 16 });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#dropMark(error);
    }
    return this.#mark;
  }

  #note(segment: LogSegment): void {
    try {
      this.#mark?.write({ file: segment.zxid, offset: segment.position });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#dropMark(error);
    }
  }

  /** The mark only sharpens what recovery can tell: without it the log is as good as Java's. */
  #dropMark(error: FileError): void {
    this.#ports.log.log('warn', `no durable mark from here on: ${error.message}`);
    this.#mark?.close();
    this.#mark = undefined;
  }

  #endSegment(): void {
    this.#segment?.close();
    this.#segment = undefined;
  }

  #close(): void {
    const done = this.#closing;
    this.#closing = () => undefined;
    this.#endSegment();
    this.#next.close();
    this.#mark?.close();
    this.#mark = undefined;
    done?.();
  }
}
