// Our Leader in the place of a recorded one, over several connections of a term. The learner's packets are fed as they
// were recorded; what the recorded leader proposed is proposed here, its clock and its disk are those of its packets;
// a follower by hand makes the quorum that was there. Out: the packets ours sent, and those it should have.

import assert from 'node:assert/strict';
import type { QuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { QuorumVerifier } from '../../../src/core/election/quorum-verifier.ts';
import { Link } from '../../../src/core/zab/link.ts';
import { Reader } from '../../../src/jute/reader.ts';
import { OpCode } from '../../../src/proto/opcodes.ts';
import { PacketType } from '../../../src/proto/quorum.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { makeZxid } from '../../../src/proto/zxid.ts';
import { historyOf, packet, tickTimeMs, txnBytes } from './hand-made-packets.ts';
import type { RecordedPacket, Recording } from './recordings.ts';
import { framesOf, inWords } from './recordings.ts';
import type { Peer } from './scripted-leader.ts';
import { ScriptedLeader } from './scripted-leader.ts';

export interface Conversation {
  readonly sent: readonly string[];
  readonly expected: readonly string[];
}

export class RecordedLeader {
  readonly #script: ScriptedLeader;
  readonly #other: Peer;

  /** `from`: the history it was elected with, in one epoch. */
  constructor(sid: Sid, config: QuorumConfig, from = { epoch: 0, last: 0n as Zxid }) {
    const { epoch, last } = from;
    const zxids: Zxid[] = [];
    for (let zxid = makeZxid(epoch, 1); zxid <= last; zxid++) zxids.push(zxid);
    this.#script = new ScriptedLeader({
      verifier: new QuorumVerifier(config),
      options: { mySid: sid, committedLog: historyOf(...zxids) },
      start: { acceptedEpoch: epoch, currentEpoch: epoch },
    });
    // Whoever of the three voters is not in any recording.
    const other = sid === 3n ? 2n : 1n;
    this.#other = this.#script.connect().info(other, epoch).ackEpoch(epoch, last);
    this.#other.ack(makeZxid(epoch + 1, 0));
    assert.equal(this.#script.leader.status().state, 'BROADCAST');
  }

  play(recording: Recording): Conversation {
    const script = this.#script;
    const { packets } = recording;
    const link = new Link('java', 1 << 20);
    const [sent, expected]: [string[], string[]] = [[], []];
    this.#prepare(packets);
    const take = (): void => {
      if (link.out.at > 0) sent.push(...framesOf(link.out.copy(), script.snapshot.bytes.length));
      link.out.clear();
    };
    script.step({ kind: 'connected', link });
    const isNewLeader = ({ type }: RecordedPacket): boolean => type === PacketType.NEWLEADER;
    const behind = packets.findIndex(isNewLeader);
    for (const [index, one] of packets.entries()) {
      if (one.from === 'leader') {
        expected.push(inWords(one));
        if (index > behind) this.#cause(one, link);
      } else {
        const { bytes } = one;
        script.step({ kind: 'received', link, bytes, start: 0, end: bytes.length });
        if (isOf(one, OpCode.sync)) script.leader.sync(link);
      }
      take();
    }
    script.step({ kind: 'disconnected', link, reason: 'end' });
    return { sent, expected };
  }

  /** Brings the leader to where the recorded one was when the learner came. */
  #prepare(packets: readonly RecordedPacket[]): void {
    const behind = packets.findIndex(({ type }) => type === PacketType.NEWLEADER);
    const before = packets.slice(0, behind);
    for (const { type, zxid, data, body } of before) {
      if (type === PacketType.PROPOSAL) this.#propose(zxid, data);
      if (type === PacketType.COMMIT) this.#commit(zxid);
      if (type === PacketType.SNAP) {
        this.#fill(zxid);
        Object.assign(this.#script.snapshot, { zxid, bytes: body });
      }
    }
  }

  /** What made the recorded leader send this. */
  #cause({ type, zxid, data }: RecordedPacket, link: Link): void {
    const script = this.#script;
    if (type === PacketType.PROPOSAL) {
      this.#propose(zxid, data);
    } else if (type === PacketType.COMMIT) {
      this.#commit(zxid);
    } else if (type === PacketType.PING) {
      this.#other.send(packet('PING', 0n, new Uint8Array(0)));
      script.pass(tickTimeMs / 2);
    } else if (type === PacketType.REVALIDATE && data !== undefined) {
      const reader = new Reader(data);
      const sessionId = reader.long();
      assert.match(script.calls.at(-1) ?? '', new RegExp(`^revalidate ${sessionId} `));
      script.leader.revalidated(link, sessionId, reader.boolean());
    }
  }

  #propose(zxid: Zxid, data: Uint8Array | undefined): void {
    const { leader } = this.#script;
    this.#fill(zxid - 1n);
    if (zxid <= leader.status().lastProposed) return;
    const bytes = data ?? new Uint8Array(0);
    leader.propose(zxid, bytes, 0, bytes.length);
  }

  /** What the recorded leader proposed while nobody recorded it. */
  #fill(last: Zxid): void {
    const { leader } = this.#script;
    for (let zxid = leader.status().lastProposed + 1n; zxid <= last; zxid++) {
      const bytes = txnBytes(zxid);
      leader.propose(zxid, bytes, 0, bytes.length);
      this.#commit(zxid);
    }
  }

  #commit(zxid: Zxid): void {
    this.#script.synced(zxid);
    if (this.#script.leader.status().lastCommitted < zxid) this.#other.ack(zxid);
  }
}

function isOf({ type, data }: RecordedPacket, op: number): boolean {
  if (type !== PacketType.REQUEST || data === undefined) return false;
  return new DataView(data.buffer, data.byteOffset).getInt32(12) === op;
}
