// Our Learner in the place of a recorded one. The leader's packets are fed as they were recorded; what the recorded
// learner's clients asked for is asked for here at the same place; its disk is done when its acknowledgements say so.
// Out: the packets ours sent, and those it should have, as hex with their names.

import assert from 'node:assert/strict';
import type { QuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { printQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { CommittedLog } from '../../../src/core/zab/committed-log.ts';
import { Learner } from '../../../src/core/zab/learner.ts';
import type { LearnerEvent, SnapshotIntake } from '../../../src/core/zab/learner-events.ts';
import { Link } from '../../../src/core/zab/link.ts';
import type { HistoryTxn } from '../../../src/core/zab/txn-arena.ts';
import { Reader } from '../../../src/jute/reader.ts';
import { OpCode } from '../../../src/proto/opcodes.ts';
import { PacketType } from '../../../src/proto/quorum.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { counterOf, epochOf } from '../../../src/proto/zxid.ts';
import { copyBytes } from '../../../src/util/bytes.ts';
import { term } from './hand-made-packets.ts';
import type { RecordedPacket, Recording } from './recordings.ts';
import { framesOf, inWords } from './recordings.ts';

export class RecordedLearner {
  readonly sent: string[] = [];
  readonly expected: string[] = [];
  readonly #recording: Recording;
  readonly #learner: Learner;
  readonly #link = new Link('java', 1 << 20);
  /** What the leader proposed. */
  readonly #proposed = new Map<Zxid, string>();
  readonly #answers: string[] = [];
  #touched: [bigint, number][] = [];
  #bodyLength = 0;
  #lastAppended: Zxid = 0n;
  #unsavedEpoch = 0;

  constructor(recording: Recording, config: QuorumConfig) {
    this.#recording = recording;
    const [info, , ackEpoch] = recording.packets;
    assert.ok(info !== undefined && ackEpoch?.data !== undefined);
    const acceptedEpoch = epochOf(info.zxid);
    const currentEpoch = new Reader(ackEpoch.data).int();
    this.#learner = new Learner(
      {
        ...{ mySid: recording.learner, leader: recording.leader, term, tickTimeMs: 400 },
        role: info.type === PacketType.OBSERVERINFO ? 'observer' : 'follower',
        ...{ initLimit: 40, syncLimit: 40, acceptedEpoch, lastZxid: ackEpoch.zxid },
        // −1 is said by who has accepted this epoch before.
        currentEpoch: currentEpoch === -1 ? acceptedEpoch : currentEpoch,
        ...{ configVersion: 0n, configText: printQuorumConfig(config) },
        committedLog: new CommittedLog({ count: 500 }),
      },
      this.#link,
      {
        append: (txn) => this.#append(txn),
        deliver: (txn) => assert.equal(hexOf(txn), this.#proposed.get(txn.zxid)),
        touchedSessions: () => this.#touched,
        revalidated: (id, isValid) => this.#answers.push(`revalidated ${id} ${isValid}`),
        syncReleased: () => this.#answers.push('sync'),
        beginSnapshot: () => this.#intake(),
      },
    );
  }

  get isServing(): boolean {
    return this.#learner.isServing;
  }

  play(): void {
    const { packets } = this.#recording;
    this.#step({ kind: 'connected' });
    const isPassedOver = this.#passedOver();
    for (const [index, packet] of packets.entries()) {
      if (packet.from === 'leader') this.#fromLeader(packet, packets.slice(index + 1));
      else {
        this.#fromLearner(packet);
        if (!isPassedOver(packet)) this.expected.push(expectedWords(packet));
      }
    }
    const asked = packets.filter(({ from, type }) => from === 'leader' && isAnswer(type));
    assert.equal(this.#answers.length, asked.length, 'every answer reached who asked');
  }

  /** Java 3.8.0 acknowledges what it was synchronized with, too; it was committed before. */
  #passedOver(): (packet: RecordedPacket) => boolean {
    const { packets } = this.#recording;
    const end = packets.findIndex(({ type }) => type === PacketType.NEWLEADER);
    const committed = new Set(
      packets
        .slice(0, end)
        .filter(({ type }) => type === PacketType.COMMIT)
        .map(({ zxid }) => zxid),
    );
    return ({ type, zxid }) => type === PacketType.ACK && committed.has(zxid);
  }

  #fromLeader({ type, zxid, data, bytes, body }: RecordedPacket, later: readonly RecordedPacket[]) {
    if (type === PacketType.PROPOSAL || type === PacketType.INFORM) {
      this.#proposed.set(zxid, Buffer.from(data ?? []).toString('hex'));
    }
    if (type === PacketType.PING) {
      const reply = later.find((one) => one.from === 'learner' && one.type === type);
      this.#touched = sessionsOf(reply?.data ?? new Uint8Array(0));
    }
    this.#bodyLength = body.length;
    this.#receive(bytes);
    if (type === PacketType.SNAP) {
      this.#receive(body);
      this.#receive(Uint8Array.of(0, 0, 0, 10, ...new TextEncoder().encode('BenWasHere')));
    }
    if (type === PacketType.NEWLEADER) this.#synced();
  }

  /** In pieces, from a buffer that does not last. */
  #receive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 5) {
      const piece = copyBytes(bytes, at, Math.min(bytes.length, at + 5));
      this.#step({ kind: 'received', bytes: piece, start: 0, end: piece.length });
      piece.fill(0xee);
    }
  }

  #fromLearner({ type, zxid, data, authinfo }: RecordedPacket): void {
    if (type === PacketType.ACK && counterOf(zxid) === 0 && this.#unsavedEpoch !== 0) {
      const epoch = this.#unsavedEpoch;
      this.#unsavedEpoch = 0;
      this.#step({ kind: 'epochSaved', term, name: 'currentEpoch', epoch });
    } else if (type === PacketType.ACK) {
      this.#synced();
    } else if (type === PacketType.REQUEST && data !== undefined) {
      const reader = new Reader(data);
      const [sessionId, cxid, op] = [reader.long(), reader.int(), reader.int()];
      const request = {
        ...{ sessionId, cxid, type: op, bytes: data, start: reader.at, end: data.length },
        authinfo: authinfo ?? [],
      };
      if (op === OpCode.sync) this.#learner.sync({}, request);
      else this.#learner.forward(request);
    } else if (type === PacketType.REVALIDATE && data !== undefined) {
      const reader = new Reader(data);
      this.#learner.revalidate(reader.long(), reader.int());
    }
    this.#take();
  }

  #step(event: LearnerEvent): void {
    for (const effect of this.#learner.step(event, 0)) {
      if (effect.kind === 'abandon') assert.fail(effect.reason);
      if (effect.kind === 'saveEpoch' && effect.name === 'acceptedEpoch') {
        this.#step({ kind: 'epochSaved', term, name: effect.name, epoch: effect.epoch });
      } else if (effect.kind === 'saveEpoch') {
        this.#unsavedEpoch = effect.epoch;
      } else if (effect.kind === 'truncate') {
        this.#step({ kind: 'truncated', term, lastZxid: effect.zxid, failure: undefined });
      } else if (effect.kind === 'saveSnapshot') {
        this.#step({ kind: 'snapshotSaved', term });
      }
    }
    this.#take();
  }

  #synced(): void {
    if (this.#lastAppended === 0n) return;
    this.#step({ kind: 'synced', term, zxid: this.#lastAppended });
  }

  #take(): void {
    const { out } = this.#link;
    if (out.at > 0) this.sent.push(...framesOf(out.copy()));
    out.clear();
  }

  #append(txn: HistoryTxn): void {
    assert.equal(hexOf(txn), this.#proposed.get(txn.zxid));
    this.#lastAppended = txn.zxid;
  }

  #intake(): SnapshotIntake {
    let left = this.#bodyLength;
    return {
      get complete() {
        return left === 0;
      },
      push: (bytes) => {
        const taken = Math.min(left, bytes.length);
        left -= taken;
        return taken;
      },
    };
  }
}

/** Java forwards a createSession without a list of identities; ours is there and empty, which any leader takes. */
function expectedWords(packet: RecordedPacket): string {
  const isBare = packet.type === PacketType.REQUEST && packet.authinfo === undefined;
  return isBare ? inWords(packet).replace(/f{8}$/, '00000000') : inWords(packet);
}

function hexOf({ bytes, start, end }: HistoryTxn): string {
  return Buffer.from(bytes.subarray(start, end)).toString('hex');
}

function isAnswer(type: number): boolean {
  return type === PacketType.SYNC || type === PacketType.REVALIDATE;
}

function sessionsOf(data: Uint8Array): [bigint, number][] {
  const reader = new Reader(data);
  const sessions: [bigint, number][] = [];
  while (reader.remaining > 0) sessions.push([reader.long(), reader.int()]);
  return sessions;
}
