// What a learner logs: transactions of its leader become entries of a batch; one batch is on its way to the disk while
// the next fills (SyncRequestProcessor of a learner). In: transactions in zxid order, the end of each turn. Out: the
// zxid up to which the log is durable.

import { LogBatch } from '../core/request/log-batch.ts';
import type { HistoryTxn } from '../core/zab/txn-arena.ts';
import type { Zxid } from '../proto/zxid.ts';
import { highOf, lowOf } from '../proto/zxid.ts';
import type { LogBatch as WrittenBatch } from '../storage/txn-log.ts';

export class AppendQueue {
  readonly #append: (batch: WrittenBatch, done: () => void) => void;
  readonly #synced: (zxid: Zxid) => void;
  #filling = new LogBatch<undefined>();
  #writing: LogBatch<undefined> | undefined;
  #spare: LogBatch<undefined> | undefined;

  /** `synced` is called when everything up to its zxid is on disk. */
  constructor(
    append: (batch: WrittenBatch, done: () => void) => void,
    synced: (zxid: Zxid) => void,
  ) {
    this.#append = append;
    this.#synced = synced;
  }

  get isIdle(): boolean {
    return this.#writing === undefined && this.#filling.count === 0;
  }

  add({ zxid, bytes, start, end }: HistoryTxn): void {
    const batch = this.#filling;
    const at = batch.begin();
    batch.out.raw(bytes, start, end);
    batch.finish(at, highOf(zxid), lowOf(zxid), undefined);
  }

  /** Hands on what has gathered, unless a batch is on its way: then it follows that one. */
  flush(): void {
    const batch = this.#filling;
    if (batch.count === 0 || this.#writing !== undefined) return;
    this.#writing = batch;
    this.#filling = this.#spare ?? new LogBatch<undefined>();
    this.#spare = undefined;
    const { firstZxid, lastZxid, count } = batch;
    this.#append({ bytes: batch.out.written(), firstZxid, lastZxid, count }, () => {
      batch.clear();
      this.#spare = batch;
      this.#writing = undefined;
      this.flush();
      this.#synced(lastZxid);
    });
  }
}
