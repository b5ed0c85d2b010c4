// What the whole ensemble must keep, checked as it happens: the invariants of Zab's specifications, by their names.
// Ghost state only: no server sees any of it. In: what servers promise, log, deliver and establish, and every
// packet that leaves. Out: an assertion that names the invariant.

import assert from 'node:assert/strict';
import type { QuorumVerifier } from '../../../src/core/election/quorum-verifier.ts';
import { follows } from '../../../src/core/zab/txn-arena.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { counterOf, epochOf, hexZxid } from '../../../src/proto/zxid.ts';
import type { Durable, ModelTxn, ZabHost } from '../../support/zab-host.ts';

export class Ghost {
  /** The one history: everything that was ever committed, in order. */
  readonly committed: ModelTxn[] = [];
  readonly #verifier: QuorumVerifier;
  readonly #counterMax: number;
  readonly #established = new Map<number, Sid>();
  /** What each zxid was proposed as, and by whom. */
  readonly #proposed = new Map<Zxid, ModelTxn>();
  /** The history each leader began its term with. */
  readonly #initial = new Map<number, readonly ModelTxn[]>();
  readonly #hosts = new Map<Sid, ZabHost>();
  readonly #before = new Map<Sid, Durable & { readonly length: number }>();
  /** To whom each server promised each epoch. */
  readonly #promises = new Map<string, Sid>();
  readonly #promised = new Map<Sid, number>();
  /** How much the leader had applied when it sent UPTODATE to each server. */
  readonly #upToDate = new Map<Sid, number>();
  /** Whose NEWLEADER each server acknowledged since it last promised. */
  readonly #acknowledged = new Map<Sid, number>();

  constructor(verifier: QuorumVerifier, counterMax = 0xffff_ffff) {
    this.#verifier = verifier;
    this.#counterMax = counterMax;
  }

  /** A leader proposes. */
  proposed(txn: ModelTxn, leader: ZabHost): void {
    const { zxid } = txn;
    assert.equal(this.#established.get(epochOf(zxid)), leader.sid, 'HI2: only the leader proposes');
    assert.ok(!this.#proposed.has(zxid), `HI4: zxid 0x${hexZxid(zxid)} is used once`);
    assert.ok(counterOf(zxid) <= this.#counterMax, 'HI4: the counter of an epoch ends');
    this.#proposed.set(zxid, txn);
    // It may be deposed and not know it: then others have committed what is of later epochs.
    const earlier = this.committed.findLast((one) => epochOf(one.zxid) < epochOf(zxid));
    assert.ok((earlier?.zxid ?? 0n) <= leader.lastZxid, 'HI7: primary integrity');
  }

  /** A leader has its quorum of ACKEPOCH. */
  elected(epoch: number, leader: ZabHost): void {
    this.#initial.set(epoch, [...leader.durable.history]);
  }

  established(epoch: number, leader: ZabHost): void {
    assert.ok(!this.#established.has(epoch), `LD1: epoch ${epoch} has one leader`);
    this.#established.set(epoch, leader.sid);
    const { history, acceptedEpoch, currentEpoch } = leader.durable;
    assert.deepEqual([acceptedEpoch, currentEpoch], [epoch, epoch], 'PS2: a leader’s own promise');
    assert.deepEqual(history, this.#initial.get(epoch), 'HI10: the initial history stands');
    const { length } = this.committed;
    assert.deepEqual(history.slice(0, length), this.committed, 'LD3: it has all that is committed');
    this.committed.push(...history.slice(length));
    this.checkDurability('when a leader is established');
  }

  /** Who was established in it. */
  leaderOf(epoch: number): Sid | undefined {
    return this.#established.get(epoch);
  }

  /** A leader delivers. */
  committedBy(txn: ModelTxn): void {
    assert.deepEqual(this.#proposed.get(txn.zxid), txn, 'HI2: integrity');
    const last = this.committed.at(-1)?.zxid ?? 0n;
    if (txn.zxid <= last) {
      // A deposed leader learns late that a quorum had it: then its successor began with it.
      const known = this.committed.findLast(({ zxid }) => zxid === txn.zxid);
      assert.deepEqual(known, txn, 'HI3: agreement');
      return;
    }
    assert.ok(follows(last, txn.zxid), 'HI4: total order');
    this.committed.push(txn);
    this.checkDurability('when a leader commits');
  }

  /** HI1, HI3, HI4, HI6, HI11: what a server that serves has applied is a beginning of the one history. */
  checkServing(host: ZabHost): void {
    const { applied } = host;
    assert.ok(applied.length <= this.committed.length, `HI3: server ${host.sid} is not ahead`);
    const last = applied.length - 1;
    assert.equal(applied[last]?.id, this.committed[last]?.id, `HI1: prefix of server ${host.sid}`);
  }

  /** The whole of it, where a server begins to serve. */
  checkPrefix(host: ZabHost): void {
    const beginning = this.committed.slice(0, host.applied.length);
    assert.deepEqual(host.applied, beginning, `HI1: prefix of server ${host.sid}`);
  }

  checkInitial(host: ZabHost, epoch: number): void {
    const initial = this.#initial.get(epoch);
    assert.ok(initial !== undefined && host.applied.length >= initial.length, 'HI11: I_e first');
  }

  /** An established leader sends UPTODATE. */
  upToDate(sid: Sid, leader: ZabHost): void {
    this.#upToDate.set(sid, leader.applied.length);
  }

  /** A learner begins to serve (ZOOKEEPER-3023). */
  checkUpToDate(host: ZabHost): void {
    const least = this.#upToDate.get(host.sid) ?? 0;
    assert.ok(host.applied.length >= least, 'CL4: it serves all that was committed at UPTODATE');
  }

  /** The disk of a server changed. */
  diskChanged(host: ZabHost): void {
    const { acceptedEpoch, currentEpoch, history } = host.durable;
    const before = this.#before.get(host.sid);
    if (before !== undefined) {
      assert.ok(acceptedEpoch >= before.acceptedEpoch, 'EP1: acceptedEpoch never decreases');
      assert.ok(currentEpoch >= before.currentEpoch, 'EP2: currentEpoch never decreases');
    }
    assert.ok(currentEpoch <= acceptedEpoch, 'EP3: currentEpoch ≤ acceptedEpoch');
    const last = history.at(-1)?.zxid ?? 0n;
    assert.ok(epochOf(last) <= acceptedEpoch, 'EP5: the log is of an epoch that was accepted');
    const previous = history.at(-2)?.zxid ?? 0n;
    const isFirst = history.length < 2;
    assert.ok(isFirst || follows(previous, last), 'HI12: no gap inside an epoch');
    const isReplaced = before !== undefined && before.history !== history;
    this.#hosts.set(host.sid, host);
    const { length } = history;
    this.#before.set(host.sid, { acceptedEpoch, currentEpoch, history, length });
    if (before?.history === history) assert.ok(length >= before.length, 'a log only grows');
    if (isReplaced) this.checkDurability(`after the disk of ${host.sid} changed`);
  }

  /** HI13: whatever is committed is on the disks of a quorum. */
  checkDurability(when: string): void {
    const index = this.committed.length - 1;
    const last = this.committed[index];
    if (last === undefined) return;
    const holders: Sid[] = [];
    for (const [sid, { durable }] of this.#hosts) {
      const held = durable.history[index];
      if (held?.id === last.id && held.zxid === last.zxid) holders.push(sid);
    }
    const isHeld = this.#verifier.containsQuorum(holders);
    assert.ok(isHeld, `HI13: 0x${hexZxid(last.zxid)} is on the disks of ${holders} ${when}`);
  }

  /** ACKEPOCH(epoch) leaves. `counts`: it is not a repetition. */
  promised(host: ZabHost, leader: Sid, epoch: number, counts: boolean): void {
    assert.ok(host.durable.acceptedEpoch >= epoch, 'EP4: the promise is on disk');
    this.#acknowledged.delete(host.sid);
    if (!counts) return;
    const key = `${host.sid} ${epoch}`;
    assert.equal(this.#promises.get(key) ?? leader, leader, 'EP4: one leader an epoch');
    this.#promises.set(key, leader);
    assert.ok(epoch >= (this.#promised.get(host.sid) ?? 0), 'EP4: no earlier epoch');
    this.#promised.set(host.sid, epoch);
  }

  /** An ACK leaves. */
  acked(host: ZabHost, zxid: Zxid): void {
    const { currentEpoch, history } = host.durable;
    const epoch = epochOf(zxid);
    if (counterOf(zxid) === 0) {
      assert.ok(currentEpoch >= epoch, 'PS2: currentEpoch on disk before the ACK of NEWLEADER');
      const initial = this.#initial.get(epoch) ?? [];
      assert.deepEqual(history.slice(0, initial.length), initial, 'PS2: history on disk');
      this.#acknowledged.set(host.sid, epoch);
      return;
    }
    const isFirst = this.#acknowledged.get(host.sid) !== epoch;
    assert.ok(!isFirst, 'PS2: the first ACK of a term is that of NEWLEADER (ZOOKEEPER-4685)');
    const txn = history.findLast((one) => one.zxid === zxid);
    assert.ok(txn !== undefined, `PS1: 0x${hexZxid(zxid)} is on disk before its ACK`);
    assert.deepEqual(txn, this.#proposed.get(zxid), 'PS1: and it is what was proposed');
  }
}
