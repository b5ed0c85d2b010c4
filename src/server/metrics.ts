// What the server measures outside the machine: the disk and the start (ServerMetrics.java), and
// in metrics-ensemble.ts elections, synchronization and broadcast. What the machine itself sees is
// in core/session/server-stats.ts; metrics-table.ts gives all of it Java's names. In: durations in
// ms and counts from storage; out: summaries. Only `srst` sets them back.

import { Distribution, Summary } from '../util/summary.ts';
import { EnsembleMetrics } from './metrics-ensemble.ts';

export class ServerMetrics {
  /** One for each fsync of the transaction log. */
  readonly fsyncTime = new Distribution();
  /** Transactions that one fsync made durable. */
  readonly batchSize = new Summary();
  readonly snapshotTime = new Summary();
  /** Snapshot and log together. */
  readonly dbInitTime = new Summary();
  readonly startupSnapLoadTime = new Summary();
  readonly startupTxnsLoaded = new Summary();
  readonly startupTxnsLoadTime = new Summary();
  readonly ensemble = new EnsembleMetrics();

  noteSync(ms: number, txns: number): void {
    this.fsyncTime.add(ms);
    this.batchSize.add(txns);
  }

  /** What recovery took at the start. */
  noteLoaded(snapshotMs: number, txns: number, replayMs: number): void {
    this.dbInitTime.add(snapshotMs + replayMs);
    this.startupSnapLoadTime.add(snapshotMs);
    this.startupTxnsLoaded.add(txns);
    this.startupTxnsLoadTime.add(replayMs);
  }

  /** The four-letter word `srst`. */
  reset(): void {
    this.fsyncTime.reset();
    this.batchSize.reset();
    this.snapshotTime.reset();
    this.dbInitTime.reset();
    this.startupSnapLoadTime.reset();
    this.startupTxnsLoaded.reset();
    this.startupTxnsLoadTime.reset();
    this.ensemble.reset();
  }
}
