// What one server ever wrote into its log, kept outside of it: every entry, seen as it goes to the disk. In: the calls
// its disk gets, and what each start recovered. Out: the history the server stands for, by zxid, and the violations of
// HI4 (zxids rise by one), PS5 and CL4 (what was applied once, and so could be seen, is there after every start).
// Entries that a crash took away, unseen by anybody, are forgotten here too.

import { Reader } from '../../jute/reader.ts';
import { entryEnd, fileHeaderLength } from '../../proto/file.ts';
import { TxnHeader, txnHeaderLength } from '../../proto/txn.ts';
import { copyBytes, equalBytes } from '../../util/bytes.ts';
import type { DiskCall } from '../memory-files.ts';
import type { World } from '../world.ts';

export interface GhostEntry extends TxnHeader {
  /** The whole transaction. */
  readonly bytes: Uint8Array;
  readonly writtenAt: number;
}

/** The name a log file has while it is prepared, and keeps for who opened it then; or its last one. */
const logPath = /\/(?:tmp-next-log|log\.[0-9a-f]+)$/;
/** Checksum and length. */
const entryHeadLength = 12;

export class GhostLog {
  /** Entry of zxid z at z − 1. */
  readonly entries: GhostEntry[] = [];
  readonly #world: World;
  readonly #who: string;
  /** The highest zxid that was applied, in any life. */
  #applied = 0n;

  constructor(world: World, who: string) {
    this.#world = world;
    this.#who = who;
  }

  get lastZxid(): bigint {
    return BigInt(this.entries.length);
  }

  /** For `onDiskCall`. */
  diskCalled(call: DiskCall): void {
    for (const bytes of transactionsIn(call, (what) => this.#violation('HI12', what))) {
      this.#append(bytes);
    }
  }

  /** A life is over: everything up to here was applied in it. */
  ended(lastProcessedZxid: bigint): void {
    if (lastProcessedZxid > this.#applied) this.#applied = lastProcessedZxid;
  }

  /** A start is through: it stands at `zxid`. */
  recovered(zxid: bigint): void {
    if (zxid < this.#applied) {
      this.#violation('PS5', `recovered up to ${zxid}, ${this.#applied} was applied`);
    }
    if (zxid > this.lastZxid) {
      this.#violation('HI12', `recovered up to ${zxid}, only ${this.lastZxid} was ever written`);
    }
    this.entries.length = Math.min(this.entries.length, Number(zxid));
    this.ended(zxid);
  }

  #append(bytes: Uint8Array): void {
    const reader = new Reader(bytes);
    const header = TxnHeader.read(reader);
    // Recovery writes again what may not have reached the disk.
    const known = this.entries[Number(header.zxid) - 1];
    if (known !== undefined && equalBytes(known.bytes, bytes)) return;
    if (header.zxid !== this.lastZxid + 1n) {
      this.#violation('HI4', `zxid ${header.zxid} is written behind ${this.lastZxid}`);
    }
    this.entries.push({ ...header, bytes, writtenAt: this.#world.clock.now });
  }

  #violation(invariant: string, what: string): void {
    this.#world.violation(invariant, `${this.#who}: ${what}`);
  }
}

/** The transactions that a call writes into a log file, a copy of each. */
export function* transactionsIn(
  { kind, path, bytes, position }: DiskCall,
  wrong: (what: string) => void,
): Generator<Uint8Array> {
  if (kind !== 'write' || bytes === undefined || position < fileHeaderLength) return;
  if (!logPath.test(path)) return;
  const reader = new Reader(bytes);
  while (reader.remaining > 0) {
    reader.skip(entryHeadLength);
    const start = reader.at;
    const length = reader.view.getInt32(start - 4);
    yield copyBytes(bytes, start, start + length);
    reader.skip(length);
    if (reader.byte() !== entryEnd) wrong('an entry without its end mark');
  }
}

/** The first int of a transaction's record: an error code, or a session's timeout. */
export function firstInt({ bytes }: GhostEntry): number {
  const reader = new Reader(bytes, txnHeaderLength);
  return reader.int();
}
