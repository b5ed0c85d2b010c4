// PS1 as it happens, for a lone server: when a client hears of its write, the transaction is on disk, synced. In: the
// calls the disk gets, what each sync made durable, the answers. Out: violations. It does not wait for a loss of power
// to show what a failed or forgotten sync has spoiled (PS6, too).

import { Reader } from '../../jute/reader.ts';
import { TxnHeader } from '../../proto/txn.ts';
import type { Invocation } from '../invocation.ts';
import type { DiskCall } from '../memory-files.ts';
import { isWrite } from '../operation.ts';
import type { World } from '../world.ts';
import { transactionsIn } from './ghost-log.ts';

export class DurabilityChecker {
  readonly #world: World;
  /** Written and not synced: by zxid, the file and the number of the call. */
  readonly #unsynced = new Map<
    bigint,
    { readonly file: object | undefined; readonly index: number }
  >();

  constructor(world: World) {
    this.#world = world;
  }

  /** For `onDiskCall`. */
  diskCalled(call: DiskCall): void {
    for (const bytes of transactionsIn(call, () => undefined)) {
      const { file, index } = call;
      this.#unsynced.set(TxnHeader.read(new Reader(bytes)).zxid, { file, index });
    }
  }

  /** For `onDiskSynced`. */
  diskSynced(synced: object, upTo: number): void {
    for (const [zxid, { file, index }] of this.#unsynced) {
      if (file === synced && index <= upTo) this.#unsynced.delete(zxid);
    }
  }

  /** The power was lost: what the disk holds now is for recovery to find. */
  lost(): void {
    this.#unsynced.clear();
  }

  /**
   * A start is through: what it stands on is on disk, too, and not in the page cache of a killed process alone. Up to
   * `snapshot` a snapshot has it.
   */
  recovered(upTo: bigint, snapshot: bigint): void {
    for (const zxid of this.#unsynced.keys()) {
      if (zxid > upTo || zxid <= snapshot) this.#unsynced.delete(zxid);
      else this.#world.violation('PS1', `a start stands on zxid ${zxid}, which is not on disk`);
    }
  }

  answered(invocation: Invocation): void {
    const { outcome, operation } = invocation;
    if (outcome === undefined || outcome.kind === 'lost' || !isWrite(operation)) return;
    if (!this.#unsynced.has(outcome.zxid)) return;
    this.#world.violation('PS1', `${invocation} is answered, zxid ${outcome.zxid} is not on disk`);
  }
}
