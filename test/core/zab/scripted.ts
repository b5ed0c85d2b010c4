// One production machine, a leader or a learner, and everything around it by hand: packets as words, effects in a list,
// the disk answered when the test says so. Packets that the machine sends are read as they leave, in their order.
// `PROPOSAL 0x100000001` is how a packet is written; data is behind it where it matters.

import assert from 'node:assert/strict';
import { printQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import type { QuorumVerifier } from '../../../src/core/election/quorum-verifier.ts';
import { CommittedLog } from '../../../src/core/zab/committed-log.ts';
import { Leader } from '../../../src/core/zab/leader.ts';
import type {
  EpochName,
  LeaderEffect,
  LeaderEvent,
  LeaderOptions,
  LeaderStart,
} from '../../../src/core/zab/leader-events.ts';
import { Learner } from '../../../src/core/zab/learner.ts';
import type {
  LearnerEffect,
  LearnerEvent,
  LearnerOptions,
} from '../../../src/core/zab/learner-events.ts';
import { Link } from '../../../src/core/zab/link.ts';
import { PacketStream } from '../../../src/core/zab/packet-stream.ts';
import type { HistoryTxn } from '../../../src/core/zab/txn-arena.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { packetName } from '../../../src/proto/packets.ts';
import type { PacketName } from '../../../src/proto/quorum.ts';
import { PacketType, QuorumPacket } from '../../../src/proto/quorum.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { makeZxid } from '../../../src/proto/zxid.ts';
import { copyBytes } from '../../../src/util/bytes.ts';
import { decodeTxn, encodeTxn } from '../../support/zab-host.ts';
import { ensemble } from '../election/configs.ts';

export const term = 7;
export const tickTimeMs = 100;
export const [initLimit, syncLimit] = [10, 5];
const lengthMax = 1 << 20;

export function z(epoch: number, counter: number): Zxid {
  return makeZxid(epoch, counter);
}

/** The transaction of that zxid; `id` tells it from another with the same zxid. */
export function txnBytes(zxid: Zxid, id = Number(zxid & 0xffffn)): Uint8Array {
  return encodeTxn({ zxid, id });
}

export function packet(
  name: PacketName,
  zxid: Zxid,
  data: Uint8Array | null = null,
  authinfo: QuorumPacket['authinfo'] = null,
): Uint8Array {
  const out = new Writer();
  QuorumPacket.write(out, { type: PacketType[name], zxid, data, authinfo });
  return out.copy();
}

export function proposal(zxid: Zxid, id?: number): Uint8Array {
  return packet('PROPOSAL', zxid, txnBytes(zxid, id));
}

export function int(value: number): Uint8Array {
  const out = new Writer();
  out.int(value);
  return out.copy();
}

export function learnerInfo(sid: Sid, version = 0x10000, configVersion = 0n): Uint8Array {
  const out = new Writer();
  out.long(sid);
  out.int(version);
  out.long(configVersion);
  return out.copy();
}

/** A history in memory: these transactions, the last ones of the tree. */
export function historyOf(...zxids: Zxid[]): CommittedLog {
  const log = new CommittedLog({ count: 500 });
  for (const zxid of zxids) log.add(log.copy(zxid, txnBytes(zxid), 0, txnBytes(zxid).length));
  return log;
}

/** Reads what a machine has written since the last call. */
class Tap {
  readonly #link: Link;
  readonly #stream = new PacketStream(1 << 24);
  data: Uint8Array[] = [];

  constructor(link: Link) {
    this.#link = link;
  }

  packets(): string[] {
    const { out } = this.#link;
    const words: string[] = [];
    this.#stream.push(out.copy());
    out.clear();
    this.data = [];
    while (this.#stream.next()) {
      const { type, zxid, dataStart, dataEnd } = this.#stream.view;
      const unsigned = BigInt.asUintN(64, zxid);
      words.push(`${packetName(type)} 0x${unsigned.toString(16)}`);
      this.data.push(copyBytes(this.#stream.bytes, dataStart, dataEnd));
      if (type === PacketType.SNAP) break;
    }
    return words;
  }
}

/** A learner that the test plays. */
export class Peer {
  readonly link: Link;
  readonly #leader: ScriptedLeader;
  readonly #tap: Tap;

  constructor(leader: ScriptedLeader, address: string) {
    this.#leader = leader;
    this.link = new Link(address, lengthMax);
    this.#tap = new Tap(this.link);
  }

  send(...packets: Uint8Array[]): this {
    for (const bytes of packets) {
      const { link } = this;
      this.#leader.step({ kind: 'received', link, bytes, start: 0, end: bytes.length });
    }
    return this;
  }

  /** What came since the last call. */
  got(): string[] {
    return this.#tap.packets();
  }

  /** The data of the packets `got` named. */
  get data(): Uint8Array[] {
    return this.#tap.data;
  }

  get isClosed(): boolean {
    return this.link.isClosed;
  }

  info(sid: Sid, acceptedEpoch: number, type: PacketName = 'FOLLOWERINFO'): this {
    return this.send(packet(type, z(acceptedEpoch, 0), learnerInfo(sid)));
  }

  ackEpoch(currentEpoch: number, lastZxid: Zxid): this {
    return this.send(packet('ACKEPOCH', lastZxid, int(currentEpoch)));
  }

  ack(...zxids: Zxid[]): this {
    return this.send(...zxids.map((zxid) => packet('ACK', zxid)));
  }
}

export interface LeaderScript {
  readonly verifier?: QuorumVerifier;
  readonly start?: Partial<LeaderStart>;
  readonly options?: Partial<LeaderOptions>;
  /** Epoch saves wait for `saved`. */
  readonly slowDisk?: boolean;
}

export class ScriptedLeader {
  readonly leader: Leader;
  readonly committedLog: CommittedLog;
  /** Of the steps since the last look. */
  effects: LeaderEffect[] = [];
  readonly lines: string[] = [];
  readonly delivered: Zxid[] = [];
  readonly requests: string[] = [];
  readonly calls: string[] = [];
  /** Body bytes of a snapshot, and whether one may be had. */
  snapshot = { zxid: 0n as Zxid, bytes: new Uint8Array(100), isFree: true, at: 0 };
  now = 0;
  readonly #slowDisk: boolean;

  constructor({ verifier = ensemble(3), start, options, slowDisk = false }: LeaderScript = {}) {
    this.#slowDisk = slowDisk;
    this.committedLog = options?.committedLog ?? historyOf();
    const all: LeaderOptions = {
      ...{ mySid: 1n, term, committed: verifier, tickTimeMs, initLimit, syncLimit },
      committedLog: this.committedLog,
      logBytesMax: () => 1 << 20,
      ...options,
    };
    const from: LeaderStart = {
      ...{ acceptedEpoch: 0, currentEpoch: 0, lastProcessedZxid: this.committedLog.max ?? 0n },
      ...start,
    };
    this.leader = new Leader(all, this.#host(), from);
    this.step({ kind: 'started' });
  }

  step(event: LeaderEvent): void {
    this.#take(this.leader.step(event, this.now));
  }

  #take(effects: readonly LeaderEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'note') this.lines.push(effect.note.line);
      else this.effects.push(effect);
      if (effect.kind === 'saveEpoch' && !this.#slowDisk) this.saved(effect.name, effect.epoch);
    }
  }

  saved(name: EpochName, epoch: number): void {
    this.step({ kind: 'epochSaved', term, name, epoch });
  }

  /** The kinds of effects since the last call, the chatter left out. */
  wanted(): string[] {
    const words = this.effects.map((effect) => {
      if (effect.kind === 'saveEpoch') return `${effect.name} ${effect.epoch}`;
      if (effect.kind === 'abandon' || effect.kind === 'closeLink') {
        return `${effect.kind}: ${effect.reason}`;
      }
      return effect.kind === 'establish' ? `establish ${effect.epoch}` : effect.kind;
    });
    this.effects = [];
    return words;
  }

  connect(address = '10.0.0.9'): Peer {
    const peer = new Peer(this, address);
    this.step({ kind: 'connected', link: peer.link });
    return peer;
  }

  /** A follower on the way to NEWLEADER, its history our own unless told. */
  join(sid: Sid, currentEpoch = 0, lastZxid = this.committedLog.max ?? 0n): Peer {
    const peer = this.connect().info(sid, 0);
    peer.ackEpoch(currentEpoch, lastZxid);
    return peer;
  }

  /** An established leader with these followers, who have nothing of their own. */
  establish(...sids: Sid[]): Peer[] {
    const peers = sids.map((sid) => this.connect().info(sid, 0));
    for (const peer of peers) peer.ackEpoch(0, this.committedLog.max ?? 0n);
    for (const peer of peers) peer.ack(z(this.leader.status().epoch ?? 0, 0));
    assert.equal(this.leader.status().state, 'BROADCAST');
    for (const peer of peers) peer.got();
    this.wanted();
    return peers;
  }

  propose(count = 1): Zxid[] {
    const zxids: Zxid[] = [];
    for (let i = 0; i < count; i++) {
      const zxid = this.leader.status().lastProposed + 1n;
      const bytes = txnBytes(zxid);
      this.leader.propose(zxid, bytes, 0, bytes.length);
      zxids.push(zxid);
    }
    this.#take(this.leader.takeEffects());
    return zxids;
  }

  synced(zxid: Zxid): void {
    this.step({ kind: 'synced', term, zxid });
  }

  /** Time goes on in half ticks. */
  pass(ms: number, each: () => void = () => undefined): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now = Math.min(end, this.now + tickTimeMs / 2);
      this.step({ kind: 'timeout' });
      each();
    }
  }

  #host(): ConstructorParameters<typeof Leader>[1] {
    return {
      deliver: (txn) => this.delivered.push(txn.zxid),
      request: ({ sessionId, cxid, type, bytes, start, end, authinfo }) => {
        const body = [...bytes.subarray(start, end)].join(',');
        const auth = authinfo.map(({ scheme, id }) => `${scheme}:${id}`).join();
        this.requests.push(`${sessionId} ${cxid} ${type} [${body}] ${auth}`);
      },
      touch: (_link, sessionId, timeoutMs) => this.calls.push(`touch ${sessionId} ${timeoutMs}`),
      revalidate: (_link, id, timeoutMs) => this.calls.push(`revalidate ${id} ${timeoutMs}`),
      syncReleased: () => this.calls.push('sync'),
      beginSnapshot: () => {
        this.snapshot.at = 0;
        return this.snapshot.isFree ? this.snapshot.zxid : undefined;
      },
      writeSnapshot: (_link, into, atMost) => {
        const { bytes, at } = this.snapshot;
        const end = Math.min(bytes.length, at + atMost);
        into.raw(bytes, at, end);
        this.snapshot.at = end;
        return end < bytes.length;
      },
      endSnapshot: () => this.calls.push('endSnapshot'),
    };
  }
}

export interface LearnerScript {
  readonly options?: Partial<LearnerOptions>;
  readonly slowDisk?: boolean;
}

export class ScriptedLearner {
  readonly learner: Learner;
  readonly link = new Link('10.0.0.1', lengthMax);
  readonly committedLog: CommittedLog;
  effects: LearnerEffect[] = [];
  readonly lines: string[] = [];
  readonly appended: Zxid[] = [];
  readonly delivered: Zxid[] = [];
  readonly calls: string[] = [];
  /** So many bytes make a snapshot's body. */
  snapshotLength = 100;
  snapshotBytes = 0;
  now = 0;
  readonly #tap = new Tap(this.link);
  readonly #slowDisk: boolean;

  constructor({ options, slowDisk = false }: LearnerScript = {}) {
    this.#slowDisk = slowDisk;
    this.committedLog = options?.committedLog ?? historyOf();
    const all: LearnerOptions = {
      ...{ mySid: 2n, role: 'follower', leader: 1n, term, tickTimeMs, initLimit, syncLimit },
      ...{ acceptedEpoch: 0, currentEpoch: 0, lastZxid: this.committedLog.max ?? 0n },
      ...{ configVersion: 0n, configText: printQuorumConfig(ensemble(3).config) },
      committedLog: this.committedLog,
      ...options,
    };
    this.learner = new Learner(all, this.link, {
      append: (txn: HistoryTxn) => {
        assert.equal(decodeTxn(txn).zxid, txn.zxid);
        this.appended.push(txn.zxid);
      },
      deliver: (txn) => this.delivered.push(txn.zxid),
      touchedSessions: () => [[5n, 4000]],
      revalidated: (sessionId, isValid) => this.calls.push(`revalidated ${sessionId} ${isValid}`),
      syncReleased: (waiter) => this.calls.push(`sync ${JSON.stringify(waiter)}`),
      beginSnapshot: () => {
        const intake = {
          complete: false,
          push: (bytes: Uint8Array): number => {
            const taken = Math.min(bytes.length, this.snapshotLength - this.snapshotBytes);
            this.snapshotBytes += taken;
            intake.complete = this.snapshotBytes === this.snapshotLength;
            return taken;
          },
        };
        return intake;
      },
    });
    this.step({ kind: 'connected' });
  }

  step(event: LearnerEvent): void {
    for (const effect of this.learner.step(event, this.now)) {
      if (effect.kind === 'note') this.lines.push(effect.note.line);
      else this.effects.push(effect);
      if (effect.kind === 'saveEpoch' && !this.#slowDisk) this.saved(effect.name, effect.epoch);
    }
  }

  saved(name: EpochName, epoch: number): void {
    this.step({ kind: 'epochSaved', term, name, epoch });
  }

  synced(zxid: Zxid): void {
    this.step({ kind: 'synced', term, zxid });
  }

  send(...packets: Uint8Array[]): this {
    for (const bytes of packets)
      this.step({ kind: 'received', bytes, start: 0, end: bytes.length });
    return this;
  }

  sent(): string[] {
    return this.#tap.packets();
  }

  get data(): Uint8Array[] {
    return this.#tap.data;
  }

  wanted(): string[] {
    const words = this.effects.map((effect) => {
      if (effect.kind === 'saveEpoch') return `${effect.name} ${effect.epoch}`;
      if (effect.kind === 'abandon') return `abandon: ${effect.reason}`;
      if (effect.kind === 'truncate' || effect.kind === 'saveSnapshot') {
        return `${effect.kind} 0x${effect.zxid.toString(16)}`;
      }
      return effect.kind === 'serve' ? `serve ${effect.epoch}` : effect.kind;
    });
    this.effects = [];
    return words;
  }

  /** LEADERINFO came and was answered. */
  promise(epoch: number): this {
    this.send(packet('LEADERINFO', z(epoch, 0), int(0x10000)));
    this.sent();
    this.wanted();
    return this;
  }

  /** In step with the leader, by an empty DIFF. */
  serve(epoch: number): this {
    this.promise(epoch);
    this.send(packet('DIFF', this.committedLog.max ?? 0n), packet('NEWLEADER', z(epoch, 0)));
    this.send(packet('UPTODATE', -1n));
    assert.ok(this.learner.isServing);
    this.sent();
    this.wanted();
    return this;
  }

  pass(ms: number): void {
    this.now += ms;
    this.step({ kind: 'timeout' });
  }
}
