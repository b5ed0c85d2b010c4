// A server around a Zab machine, reduced to what Zab needs: a disk that forgets what was not synced, a history, and
// a tree that is the list of transactions applied. It keeps the rules a real host must keep: one epoch save at a
// time, appends in order, nothing of a role left behind when the next begins.
//
// Everything takes its time on the world's clock; a crash keeps of what was under way a beginning, or nothing.

import assert from 'node:assert/strict';
import { CommittedLog } from '../../src/core/zab/committed-log.ts';
import type { EpochName, LeaderHost, LearnerRequest } from '../../src/core/zab/leader-events.ts';
import type { LearnerHost, SnapshotIntake } from '../../src/core/zab/learner-events.ts';
import type { LogCover } from '../../src/core/zab/learner-sync.ts';
import type { Link } from '../../src/core/zab/link.ts';
import type { HistoryTxn } from '../../src/core/zab/txn-arena.ts';
import { Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import type { Sid } from '../../src/proto/sid.ts';
import type { Zxid } from '../../src/proto/zxid.ts';
import { settleEpochs } from '../../src/storage/epochs.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import type { Prng } from '../../src/util/prng.ts';

/** A transaction of the model: its zxid, and a number that no other proposal ever had. */
export interface ModelTxn {
  readonly zxid: Zxid;
  readonly id: number;
}

export const modelTxnLength = 40;

/** A delete of a path of four bytes, which the model does not look at. */
export function encodeTxn({ zxid, id }: ModelTxn): Uint8Array {
  const out = new Writer(modelTxnLength);
  out.long(7n);
  out.int(id);
  out.long(zxid);
  out.long(1000n);
  out.int(OpCode.delete);
  out.ustring('/…');
  return out.copy();
}

export function decodeTxn({ bytes, start, end }: HistoryTxn): ModelTxn {
  const reader = new Reader(bytes, start, end);
  reader.skip(8);
  const id = reader.int();
  const zxid = reader.long();
  assert.equal(end - start, modelTxnLength);
  return { zxid, id };
}

/** What survives a crash. */
export interface Durable {
  acceptedEpoch: number;
  currentEpoch: number;
  history: ModelTxn[];
}

/** What the world does for a host. */
export interface HostWorld {
  readonly random: Prng;
  /** Runs it later, unless the server crashed by then. */
  diskDone(host: ZabHost, run: () => void): void;
  /** Something of the disk changed. */
  changed(host: ZabHost): void;
  delivered(host: ZabHost, txn: ModelTxn): void;
  synced(host: ZabHost, term: number, zxid: Zxid): void;
  epochSaved(host: ZabHost, term: number, name: EpochName, epoch: number): void;
  answered(host: ZabHost, what: string, waiter: object | bigint): void;
}

export class ZabHost implements LeaderHost, LearnerHost {
  readonly sid: Sid;
  readonly #world: HostWorld;
  /** The disk; replaced by nothing, changed only when something completed. */
  durable: Durable = { acceptedEpoch: 0, currentEpoch: 0, history: [] };
  /** Appended and not synced yet. */
  tail: ModelTxn[] = [];
  /** The tree. */
  applied: ModelTxn[] = [];
  committedLog = new CommittedLog({ count: 500 });
  /** Epoch saves and such that are under way. */
  busy = 0;
  term = 0;
  /** Counts crashes. */
  life = 0;
  onRequest: ((request: LearnerRequest) => void) | undefined;
  #isSyncing = false;
  #epochSave: { name: EpochName; epoch: number } | undefined;
  /** A snapshot that was received and is not ours yet. */
  #incoming: ModelTxn[] | undefined;
  readonly #images = new Map<Link, { bytes: Uint8Array; at: number }>();

  constructor(sid: Sid, world: HostWorld) {
    this.sid = sid;
    this.#world = world;
  }

  get lastZxid(): Zxid {
    return this.applied.at(-1)?.zxid ?? 0n;
  }

  /** Nothing of the role that was left is under way any more. */
  get isQuiet(): boolean {
    return this.tail.length === 0 && this.busy === 0;
  }

  /** Log and tail. */
  get logged(): ModelTxn[] {
    return [...this.durable.history, ...this.tail];
  }

  // ---- the disk ----

  append(txn: HistoryTxn): void {
    this.appendModel(decodeTxn(txn));
  }

  appendModel(txn: ModelTxn): void {
    this.tail.push(txn);
    this.#sync();
  }

  #sync(): void {
    if (this.#isSyncing || this.tail.length === 0) return;
    this.#isSyncing = true;
    const { term } = this;
    this.#world.diskDone(this, () => {
      this.#isSyncing = false;
      // What came while it ran may or may not have made it.
      const count = 1 + this.#world.random.below(this.tail.length);
      this.durable.history.push(...this.tail.splice(0, count));
      this.#world.changed(this);
      const { zxid } = this.durable.history.at(-1) ?? { zxid: 0n };
      this.#sync();
      this.#world.synced(this, term, zxid);
    });
  }

  saveEpoch(name: EpochName, epoch: number): void {
    assert.equal(this.#epochSave, undefined, 'one epoch save at a time');
    this.#epochSave = { name, epoch };
    this.busy++;
    const { term } = this;
    this.#world.diskDone(this, () => {
      this.busy--;
      this.#epochSave = undefined;
      this.durable[name] = epoch;
      this.#world.changed(this);
      this.#world.epochSaved(this, term, name, epoch);
    });
  }

  /** `done` gets the last zxid. */
  truncate(zxid: Zxid, done: (lastZxid: Zxid) => void): void {
    assert.equal(this.tail.length, 0, 'the log is idle when it is cut');
    this.busy++;
    this.#world.diskDone(this, () => {
      this.busy--;
      this.durable.history = this.durable.history.filter((txn) => txn.zxid <= zxid);
      this.applied = [...this.durable.history];
      this.#fillCommittedLog();
      this.#world.changed(this);
      done(this.lastZxid);
    });
  }

  saveSnapshot(done: () => void): void {
    const incoming = this.#incoming;
    assert.ok(incoming !== undefined);
    assert.equal(this.tail.length, 0, 'the log is idle when a snapshot is saved');
    this.busy++;
    this.#world.diskDone(this, () => {
      this.busy--;
      this.#incoming = undefined;
      this.durable.history = incoming;
      this.applied = [...incoming];
      this.committedLog.clear();
      this.#world.changed(this);
      done();
    });
  }

  // ---- the life of the process ----

  /** The power goes. */
  crash(random: Prng, kept: 'anything' | 'nothing'): void {
    this.life++;
    const isLucky = kept === 'anything';
    const count = isLucky ? random.below(this.tail.length + 1) : 0;
    this.durable.history.push(...this.tail.splice(0, count));
    this.tail = [];
    if (this.#epochSave !== undefined && isLucky && random.chance(0.5)) {
      this.durable[this.#epochSave.name] = this.#epochSave.epoch;
    }
    this.#epochSave = undefined;
    this.busy = 0;
    this.#isSyncing = false;
    this.#incoming = undefined;
    this.#images.clear();
    this.applied = [];
    this.#world.changed(this);
  }

  boot(): void {
    const { durable } = this;
    this.applied = [...durable.history];
    const { acceptedEpoch, currentEpoch } = durable;
    const settled = settleEpochs({
      ...{ acceptedEpoch, currentEpoch, lastZxid: this.lastZxid },
      currentEpochTmp: undefined,
      isContiguous: true,
    });
    durable.acceptedEpoch = settled.acceptedEpoch;
    durable.currentEpoch = settled.currentEpoch;
    // Small, so that learners fall out of it.
    const bytes = modelTxnLength * (2 + this.#world.random.below(20));
    this.committedLog = new CommittedLog({ count: 500, bytes });
    this.#fillCommittedLog();
    this.#world.changed(this);
  }

  /** A role is over and its disk work is done: what was logged is part of the history. */
  endRole(): void {
    assert.ok(this.isQuiet);
    const last = this.applied.length - 1;
    assert.deepEqual(this.applied[last], this.durable.history[last], 'HI8: tree and log agree');
    this.#incoming = undefined;
    this.#images.clear();
    const missing = this.durable.history.slice(this.applied.length);
    for (const txn of missing) {
      this.applied.push(txn);
      this.#keep(txn);
    }
  }

  #fillCommittedLog(): void {
    this.committedLog.clear();
    const from = this.#world.random.below(this.applied.length + 1);
    for (const txn of this.applied.slice(from)) this.#keep(txn);
  }

  #keep(txn: ModelTxn): void {
    const bytes = encodeTxn(txn);
    this.committedLog.add(this.committedLog.copy(txn.zxid, bytes, 0, bytes.length));
  }

  // ---- LeaderHost and LearnerHost ----

  deliver(txn: HistoryTxn): void {
    const model = decodeTxn(txn);
    this.applied.push(model);
    this.#world.delivered(this, model);
  }

  request(request: LearnerRequest): void {
    this.onRequest?.(request);
  }

  touch(_link: Link, sessionId: bigint): void {
    this.#world.answered(this, 'touch', sessionId);
  }

  revalidate(_link: Link, sessionId: bigint): void {
    this.#world.answered(this, 'revalidate', sessionId);
  }

  revalidated(sessionId: bigint): void {
    this.#world.answered(this, 'revalidated', sessionId);
  }

  syncReleased(waiter: object): void {
    this.#world.answered(this, 'sync', waiter);
  }

  touchedSessions(): Iterable<readonly [bigint, number]> {
    return [[this.sid, 1000]];
  }

  /** The body: a count, then the transactions. */
  beginSnapshot(link: Link): Zxid | undefined;
  beginSnapshot(zxid: Zxid): SnapshotIntake;
  beginSnapshot(linkOrZxid: Link | Zxid): Zxid | undefined | SnapshotIntake {
    if (typeof linkOrZxid === 'bigint') return this.#takeSnapshot(linkOrZxid);
    if (this.#images.size > 0) return undefined;
    const out = new Writer();
    out.int(this.applied.length);
    for (const txn of this.applied) out.raw(encodeTxn(txn));
    this.#images.set(linkOrZxid, { bytes: out.copy(), at: 0 });
    return this.lastZxid;
  }

  writeSnapshot(link: Link, into: Writer, atMost: number): boolean {
    const image = this.#images.get(link);
    assert.ok(image !== undefined);
    const length = Math.min(atMost, 1 + this.#world.random.below(1000));
    const end = Math.min(image.bytes.length, image.at + length);
    into.raw(image.bytes, image.at, end);
    image.at = end;
    return end < image.bytes.length;
  }

  endSnapshot(link: Link): void {
    this.#images.delete(link);
  }

  #takeSnapshot(zxid: Zxid): SnapshotIntake {
    let body: Uint8Array = new Uint8Array(0);
    const length = (): number => {
      return body.length < 4 ? -1 : 4 + new Reader(body).int() * modelTxnLength;
    };
    const intake = {
      complete: false,
      push: (bytes: Uint8Array): number => {
        const before = body.length;
        body = concatBytes([body, bytes]);
        const wanted = length();
        if (wanted < 0 || body.length < wanted) return bytes.length;
        body = body.subarray(0, wanted);
        intake.complete = true;
        const txns: ModelTxn[] = [];
        for (let start = 4; start < wanted; start += modelTxnLength) {
          txns.push(decodeTxn({ zxid: 0n, bytes: body, start, end: start + modelTxnLength }));
        }
        assert.equal(txns.at(-1)?.zxid ?? 0n, zxid, 'a snapshot has the zxid it goes by');
        this.#incoming = txns;
        return wanted - before;
      },
    };
    return intake;
  }

  // ---- log files ----

  /** What the log files from the `first`th transaction on can give. */
  survey(from: Zxid, to: Zxid, first: number): LogCover | undefined {
    const files = this.durable.history.slice(first);
    const index = files.findIndex((txn) => txn.zxid > from);
    const before = files[index - 1]?.zxid;
    if (index < 0 || before === undefined || (files.at(-1)?.zxid ?? 0n) < to) return undefined;
    const bytes = files.filter((txn) => txn.zxid > from && txn.zxid <= to).length * modelTxnLength;
    const hasFrom = before === from;
    const below = hasFrom ? files[index - 2]?.zxid : before;
    return { from, to, bytes, hasFrom, before: below, next: files[index]?.zxid };
  }

  /** Some of the transactions above `after`. */
  read(after: Zxid, to: Zxid, count: number): HistoryTxn[] {
    return this.durable.history
      .filter(({ zxid }) => zxid > after && zxid <= to)
      .slice(0, count)
      .map((txn) => {
        const bytes = encodeTxn(txn);
        return { zxid: txn.zxid, bytes, start: 0, end: bytes.length };
      });
  }
}
