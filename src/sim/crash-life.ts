// A life of a server's storage on a recording disk, and what is known at every moment of it: which states a start may
// find if the power goes now. In: what a role would have done. Out: the trace, with an expectation wherever that
// knowledge changes. Invariant: an expectation widens before a call can have an effect and narrows only when its
// completion was reported, so every image between two marks must meet the mark before it.

import { applyTxn } from '../core/tree/apply.ts';
import type { Database } from '../core/tree/database.ts';
import { SnapshotSource } from '../core/tree/snapshot-body.ts';
import type { EpochName } from '../core/zab/leader-events.ts';
import { Writer } from '../jute/writer.ts';
import { assert } from '../util/assert.ts';
import type { HistoryBase, HistoryTxn } from './crash-history.ts';
import { batchOf, CrashHistory, makeTxn, stateText } from './crash-history.ts';
import type { CrashServerOptions } from './crash-server.ts';
import { CrashServer } from './crash-server.ts';
import { RecordingFiles } from './crash-trace.ts';
import { MemoryFiles } from './memory-files.ts';
import { VirtualClock } from './virtual-clock.ts';

/** The first `from` to `to` transactions of a history. */
export interface Reach {
  readonly history: CrashHistory;
  readonly from: number;
  readonly to: number;
}

export interface EpochPair {
  readonly accepted: number;
  readonly current: number;
}

export interface EpochExpectation {
  /** What was reported saved. */
  readonly saved: EpochPair;
  /** What was asked to be saved. */
  readonly asked: EpochPair;
  /** currentEpoch on disk is at least `epoch` only where the history has this many transactions (PS2). */
  readonly needs: { readonly epoch: number; readonly count: number } | undefined;
}

export interface Expectation {
  readonly reaches: readonly Reach[];
  /** undefined: a lone server. */
  readonly epochs: EpochExpectation | undefined;
  /** Unix time in ms below which all session ids are taken. */
  readonly sessionIdsFrom: number;
  /** All snapshots but the oldest may be lost and everything still be there (PS8). */
  readonly isSpare: boolean;
  /** No image is looked at yet. */
  readonly isPrelude: boolean;
}

export interface LifeOptions extends CrashServerOptions {
  readonly dataLength?: number;
  /** What is on the disk before, and the histories it may hold. */
  readonly before?: {
    readonly files: ReadonlyMap<string, Uint8Array>;
    readonly expectation: Expectation;
  };
  /** The first state of a new history. */
  readonly base: HistoryBase;
  /** A database without a node. */
  readonly makeBare: () => Database;
}

const sessionIdsTakenMs = 3_600_000;

export class CrashLife {
  /** Where its faults are set. */
  readonly disk: MemoryFiles;
  readonly files: RecordingFiles<Expectation>;
  readonly server: CrashServer;
  /** The history the server is on. */
  line: CrashHistory;
  /** Of `line`: reported durable, and handed to the log. */
  #acked = 0;
  #written = 0;
  #reaches: readonly Reach[] | undefined;
  #saved: EpochPair = { accepted: 0, current: 0 };
  #asked: EpochPair = { accepted: 0, current: 0 };
  #needs: EpochExpectation['needs'];
  #sessionIdsFrom = 0;
  #isSpare = false;
  #isPrelude = true;
  readonly #options: LifeOptions;

  constructor(options: LifeOptions) {
    this.#options = options;
    const clock = new VirtualClock();
    this.disk = new MemoryFiles({ clock });
    this.files = new RecordingFiles(this.disk);
    this.server = new CrashServer(this.files, clock, options);
    this.line = new CrashHistory(options.base);
    const { before } = options;
    if (before === undefined) return;
    for (const [path, bytes] of before.files) this.files.put(path, bytes);
    this.#reaches = before.expectation.reaches;
    this.#sessionIdsFrom = before.expectation.sessionIdsFrom;
    const { epochs } = before.expectation;
    if (epochs === undefined) return;
    this.#saved = epochs.saved;
    this.#asked = epochs.asked;
    this.#needs = epochs.needs;
  }

  get count(): number {
    return this.#written;
  }

  /** From here on images are looked at. */
  begin(): void {
    this.#isPrelude = false;
    this.#tell('the part that is looked at begins');
  }

  /** Nothing of what is done from now on makes older snapshots useless. */
  keepsSpares(): void {
    this.#isSpare = true;
  }

  start(): void {
    this.#tell('start');
    const { server } = this;
    server.start();
    const { history } = server;
    const found = this.#found(stateText(history.database));
    this.line = found.history;
    this.#acked = found.count;
    this.#written = found.count;
    this.#reaches = undefined;
    if (this.#options.isEnsemble) {
      const { acceptedEpoch: accepted, currentEpoch: current } = history.epochs;
      this.#saved = { accepted, current };
      this.#asked = this.#saved;
    }
    // Where the mark cannot be written the wall clock decides, as in Java.
    const isMarked = !server.log.lines.some((line) => line.includes('begin at the wall clock'));
    this.#sessionIdsFrom = isMarked ? server.sessionIdsFrom + sessionIdsTakenMs : 0;
    this.#tell('started');
  }

  /** Batches of so many transactions each, all at once: while one is synced the others wait. */
  append(sizes: readonly number[], mark = 1, epoch?: number): void {
    const { history } = this.server;
    let left = sizes.length;
    for (const size of sizes) {
      const from = this.#written;
      const txns = this.#nextTxns(size, mark, epoch);
      this.line = this.line.forked(from, txns);
      this.#written = from + size;
      this.#tell(`append of ${size} behind ${from}`);
      history.append(batchOf(txns), () => {
        this.#acked = from + size;
        this.#tell(`${this.#acked} acknowledged`);
        left--;
        for (const { zxid, bytes } of txns) {
          applyTxn(history.database, bytes, 0, bytes.length);
          const { committedLog } = history;
          if (this.#options.isEnsemble) {
            committedLog.add(committedLog.copy(zxid, bytes, 0, bytes.length));
          }
          history.applied(1, bytes.length);
        }
      });
      epoch = undefined;
    }
    this.server.clock.run(() => left === 0);
    assert(left === 0, 'every batch is acknowledged');
  }

  saveEpoch(name: EpochName, epoch: number): void {
    const key = name === 'acceptedEpoch' ? 'accepted' : 'current';
    this.#asked = { ...this.#asked, [key]: epoch };
    if (key === 'current') this.#needs = { epoch, count: this.#acked };
    this.#tell(`save ${name} ${epoch}`);
    this.server.run<undefined>((done) => {
      this.server.history.saveEpoch(name, epoch, () => done(undefined));
    });
    this.#saved = { ...this.#saved, [key]: epoch };
    this.#tell(`${name} ${epoch} saved`);
  }

  /** TRUNC: keeps the first `count`. */
  truncate(count: number): void {
    const { line } = this;
    this.#reaches = [{ history: line, from: count, to: this.#written }];
    this.#needs = undefined;
    this.#tell(`truncate to ${count}`);
    const failure = this.server.run<string | undefined>((done) => {
      this.server.history.truncate(line.zxidAt(count), (_, reason) => done(reason));
    });
    assert(failure === undefined, `the history is cut: ${failure}`);
    this.line = line.forked(count, []);
    this.#replaced(count, `truncated to ${count}`);
  }

  /** SNAP: `leader` takes the place of what is there. */
  receive(leader: CrashHistory): void {
    const { history } = this.server;
    const before = this.#reach();
    this.#reaches = [before, { history: leader, from: leader.count, to: leader.count }];
    this.#needs = undefined;
    this.#tell(`receive ${leader.count}`);
    const source = new SnapshotSource(leader.database());
    const out = new Writer();
    while (source.next(out, 1000));
    source.close();
    const intake = history.beginIntake(source.zxid);
    intake.push(out.written());
    this.server.run<undefined>((done) => {
      history.saveIntake(source.zxid, () => done(undefined));
    });
    this.line = leader;
    this.#replaced(leader.count, `received ${leader.count}`);
  }

  purge(): void {
    this.server.history.startPurge();
    const { log, clock } = this.server;
    clock.run(() => log.lines.some((line) => line.includes('Purge task completed')));
    log.lines.length = 0;
  }

  settle(): void {
    this.server.settle();
  }

  close(): void {
    this.server.close();
  }

  #replaced(count: number, what: string): void {
    this.#acked = count;
    this.#written = count;
    this.#reaches = undefined;
    this.#tell(what);
  }

  #reach(): Reach {
    return { history: this.line, from: this.#acked, to: this.#written };
  }

  #nextTxns(size: number, mark: number, epoch: number | undefined): HistoryTxn[] {
    let zxid = this.line.zxidAt(this.#written);
    if (epoch !== undefined) zxid = BigInt(epoch) << 32n;
    return Array.from({ length: size }, () => makeTxn(++zxid, mark, this.#options.dataLength));
  }

  /** Which of the expected states it is. */
  #found(text: string): { history: CrashHistory; count: number } {
    for (const { history, from, to } of this.#reaches ?? [this.#reach()]) {
      for (let count = from; count <= to; count++) {
        if (history.stateAt(count) === text) return { history: history.forked(count, []), count };
      }
    }
    throw new Error(`a start finds what nobody expects: ${text}`);
  }

  #tell(what: string): void {
    const epochs = { saved: this.#saved, asked: this.#asked, needs: this.#needs };
    this.files.mark(
      {
        reaches: this.#reaches ?? [this.#reach()],
        epochs: this.#options.isEnsemble ? epochs : undefined,
        sessionIdsFrom: this.#sessionIdsFrom,
        isSpare: this.#isSpare,
        isPrelude: this.#isPrelude,
      },
      what,
    );
  }
}
