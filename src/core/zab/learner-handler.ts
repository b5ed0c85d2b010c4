// The leader's side of one learner (LearnerHandler): what it may send when, and when it is too late. In: its
// packets, the leader's decisions. Out: calls on `Leadership` and packets in the link.
//
// Phases: connected (FOLLOWERINFO or OBSERVERINFO awaited) -> introduced (the epoch is not fixed yet) -> promised
// (LEADERINFO sent, ACKEPOCH awaited) -> epochAcked (the quorum of ACKEPOCH is not there yet) -> surveying ->
// syncing -> newLeader (NEWLEADER sent) -> newLeaderAcked -> serving (UPTODATE sent). Different from Java on
// purpose: COMMITs wait from NEWLEADER until UPTODATE, because learners up to 3.9.2 fail on one in between
// (ZOOKEEPER-4394; our own serve only behind them, a Java learner may answer a read before, as behind a Java leader:
// ZOOKEEPER-3023); any ACK may come first (ZOOKEEPER-4685); servers before Zab 1.0 (3.3) are refused.

import { DecodeError } from '../../jute/reader.ts';
import { packetName, writeBarePacket, writeDataPacket } from '../../proto/packets.ts';
import { LearnerInfo, PacketType, zabProtocolVersion } from '../../proto/quorum.ts';
import type { Sid } from '../../proto/sid.ts';
import type { SessionId, Zxid } from '../../proto/zxid.ts';
import { epochOf, makeZxid } from '../../proto/zxid.ts';
import { assert } from '../../util/assert.ts';
import { emptyBytes } from '../../util/bytes.ts';
import type { LearnerRequest } from './leader-events.ts';
import type { LearnerFeed } from './learner-feed.ts';
import type { Link } from './link.ts';
import { SyncLimit } from './sync-limit.ts';
import type { HistoryTxn } from './txn-arena.ts';
import { hex } from './zab-notes.ts';

/** What a handler tells its leader. */
export interface Leadership {
  /** FOLLOWERINFO or OBSERVERINFO came: sid, role and accepted epoch are known. */
  introduced(handler: LearnerHandler): void;
  /** ACKEPOCH came: summary is known. */
  epochAcked(handler: LearnerHandler): void;
  /** It has our history on disk. */
  newLeaderAcked(handler: LearnerHandler): void;
  proposalAcked(handler: LearnerHandler, zxid: Zxid): void;
  request(request: LearnerRequest): void;
  touch(link: Link, sessionId: SessionId, timeoutMs: number): void;
  revalidate(link: Link, sessionId: SessionId, timeoutMs: number): void;
  /** It broke a rule: its link is closed. */
  drop(handler: LearnerHandler, reason: string): void;
  note(handler: LearnerHandler, level: 'debug' | 'warn', what: string, decision: string): void;
}

export type HandlerPhase =
  | { readonly kind: 'connected' | 'introduced' | 'promised' | 'epochAcked' | 'surveying' }
  | { readonly kind: 'syncing'; readonly feed: LearnerFeed }
  | { readonly kind: 'newLeader' | 'newLeaderAcked' | 'serving' | 'closed' };

/** What a learner said about its history: ACKEPOCH. */
export interface StateSummary {
  /** −1: it had accepted this epoch before, so it does not count. */
  readonly currentEpoch: number;
  readonly lastZxid: Zxid;
}

const noRequest = {
  sessionId: 0n,
  cxid: 0,
  type: 0,
  bytes: emptyBytes,
  start: 0,
  end: 0,
  authinfo: [],
};

export class LearnerHandler {
  readonly link: Link;
  readonly connectedAt: number;
  readonly #leadership: Leadership;
  readonly #request: LearnerRequest;
  phase: HandlerPhase = { kind: 'connected' };
  sid: Sid = 0n;
  role: 'follower' | 'observer' = 'follower';
  acceptedEpoch = 0;
  configVersion = 0n;
  summary: StateSummary = { currentEpoch: -1, lastZxid: 0n };
  lastReceivedAt: number;
  /** When the phase began, or the synchronization last moved. */
  movedAt: number;
  readonly syncLimit = new SyncLimit();
  #newLeaderZxid: Zxid = 0n;
  /** Acknowledged in packets that were read just now; below 0: nothing. */
  #ackedTo: Zxid = -1n;
  /** Committed and not told yet: this and all up to `#heldTo`. */
  #heldFrom: Zxid | undefined;
  #heldTo: Zxid = 0n;

  constructor(link: Link, leadership: Leadership, now: number) {
    this.link = link;
    this.#leadership = leadership;
    this.#request = { link, ...noRequest };
    this.connectedAt = now;
    this.lastReceivedAt = now;
    this.movedAt = now;
  }

  /** Gets what is proposed as it is proposed. */
  get isForwarding(): boolean {
    const { kind } = this.phase;
    return kind === 'newLeader' || kind === 'newLeaderAcked' || kind === 'serving';
  }

  get isIntroduced(): boolean {
    return this.phase.kind !== 'connected' && this.phase.kind !== 'closed';
  }

  get name(): string {
    return this.isIntroduced ? `${this.sid}` : this.link.remoteAddress;
  }

  enter(phase: HandlerPhase, now: number): void {
    if (this.phase.kind === 'syncing') this.phase.feed.close();
    this.phase = phase;
    this.movedAt = now;
  }

  // ---- to the learner ----

  sendLeaderInfo(epoch: number, now: number): void {
    assert(this.phase.kind === 'introduced', 'LEADERINFO answers FOLLOWERINFO or OBSERVERINFO');
    const version = new Uint8Array(4);
    new DataView(version.buffer).setInt32(0, zabProtocolVersion);
    writeDataPacket(this.link.out, PacketType.LEADERINFO, makeZxid(epoch, 0), version);
    this.enter({ kind: 'promised' }, now);
  }

  propose({ zxid, bytes, start, end }: HistoryTxn): void {
    this.syncLimit.sent(zxid);
    writeDataPacket(this.link.out, PacketType.PROPOSAL, zxid, bytes, start, end);
  }

  sendNewLeader(epoch: number, config: Uint8Array, now: number): void {
    this.#newLeaderZxid = makeZxid(epoch, 0);
    writeDataPacket(this.link.out, PacketType.NEWLEADER, this.#newLeaderZxid, config);
    this.enter({ kind: 'newLeader' }, now);
  }

  /** `txn` is committed; it was proposed to this learner, or stands behind what it was synchronized to. */
  commit({ zxid, bytes, start, end }: HistoryTxn): void {
    if (this.role === 'observer') {
      writeDataPacket(this.link.out, PacketType.INFORM, zxid, bytes, start, end);
    } else if (this.phase.kind === 'serving') {
      writeBarePacket(this.link.out, PacketType.COMMIT, zxid);
    } else {
      this.#heldFrom ??= zxid;
      this.#heldTo = zxid;
    }
  }

  sendUpToDate(now: number): void {
    assert(this.phase.kind === 'newLeaderAcked', 'UPTODATE follows the ACK of NEWLEADER');
    const { out } = this.link;
    writeBarePacket(out, PacketType.UPTODATE, -1n);
    this.enter({ kind: 'serving' }, now);
    if (this.#heldFrom === undefined) return;
    for (let zxid = this.#heldFrom; zxid <= this.#heldTo; zxid++) {
      writeBarePacket(out, PacketType.COMMIT, zxid);
    }
    this.#heldFrom = undefined;
  }

  ping(lastProposed: Zxid): void {
    if (this.isForwarding) writeBarePacket(this.link.out, PacketType.PING, lastProposed);
  }

  sync(): void {
    writeBarePacket(this.link.out, PacketType.SYNC, 0n);
  }

  revalidated(sessionId: SessionId, isValid: boolean): void {
    const data = new Uint8Array(9);
    new DataView(data.buffer).setBigInt64(0, sessionId);
    data[8] = isValid ? 1 : 0;
    writeDataPacket(this.link.out, PacketType.REVALIDATE, -1n, data);
  }

  // ---- from the learner ----

  received(bytes: Uint8Array, start: number, end: number, now: number): void {
    this.lastReceivedAt = now;
    const { stream } = this.link;
    stream.push(bytes, start, end);
    try {
      while (this.phase.kind !== 'closed' && stream.next()) this.#packet(now);
      if (this.phase.kind !== 'closed') this.#passAck();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#leadership.drop(this, `sent what cannot be read: ${error.message}`);
    }
    stream.settle();
  }

  #packet(now: number): void {
    const { view } = this.link.stream;
    switch (this.phase.kind) {
      case 'connected':
        this.#onInfo(now);
        return;
      case 'promised':
        this.#onAckEpoch(now);
        return;
      case 'introduced':
      case 'epochAcked':
      case 'surveying':
      case 'syncing':
        this.#leadership.drop(this, `sent ${packetName(view.type)} out of turn`);
        return;
      case 'newLeader':
        if (view.type === PacketType.ACK) this.#onAck(now);
        else this.#leadership.drop(this, `sent ${packetName(view.type)} instead of an ACK`);
        return;
      case 'newLeaderAcked':
      case 'serving':
        this.#onPacket(now);
        return;
    }
  }

  #onPacket(now: number): void {
    const { view } = this.link.stream;
    // What was proposed when an ACK came decides, not what a request behind it makes of it.
    if (view.type !== PacketType.ACK) this.#passAck();
    switch (view.type) {
      case PacketType.ACK:
        this.#onAck(now);
        return;
      case PacketType.REQUEST:
        this.#onRequest();
        return;
      case PacketType.PING:
        this.#onPing();
        return;
      case PacketType.REVALIDATE: {
        const reader = this.link.stream.data();
        const sessionId = reader.long();
        this.#leadership.revalidate(this.link, sessionId, reader.int());
        return;
      }
      default: {
        const what = `recv ${packetName(view.type)} from ${this.name}`;
        this.#leadership.note(this, 'warn', what, 'ignore');
      }
    }
  }

  #onInfo(now: number): void {
    const { view } = this.link.stream;
    if (view.type !== PacketType.FOLLOWERINFO && view.type !== PacketType.OBSERVERINFO) {
      this.#leadership.drop(this, `sent ${packetName(view.type)} first`);
      return;
    }
    const reader = this.link.stream.data();
    if (reader.remaining < 12) {
      this.#leadership.drop(this, `speaks a protocol older than Zab 1.0: no sid and version`);
      return;
    }
    const info =
      reader.remaining >= 20
        ? LearnerInfo.read(reader)
        : { serverid: reader.long(), protocolVersion: reader.int(), configVersion: 0n };
    if (info.protocolVersion < zabProtocolVersion) {
      const version = hex(info.protocolVersion);
      this.#leadership.drop(this, `speaks protocol ${version}, older than Zab 1.0`);
      return;
    }
    this.sid = info.serverid;
    this.configVersion = info.configVersion;
    this.role = view.type === PacketType.OBSERVERINFO ? 'observer' : 'follower';
    this.acceptedEpoch = epochOf(view.zxid);
    this.enter({ kind: 'introduced' }, now);
    this.#leadership.introduced(this);
  }

  #onAckEpoch(now: number): void {
    const { view } = this.link.stream;
    if (view.type !== PacketType.ACKEPOCH) {
      this.#leadership.drop(this, `sent ${packetName(view.type)} instead of ACKEPOCH`);
      return;
    }
    this.summary = { currentEpoch: this.link.stream.data().int(), lastZxid: view.zxid };
    this.enter({ kind: 'epochAcked' }, now);
    this.#leadership.epochAcked(this);
  }

  /** The ACK of NEWLEADER is the one without a counter, whenever it comes; all others are of proposals. */
  #onAck(now: number): void {
    const { zxid } = this.link.stream.view;
    if ((zxid & 0xffffffffn) !== 0n) {
      if (zxid > this.#ackedTo) this.#ackedTo = zxid;
      return;
    }
    // UPTODATE is acknowledged in the same words.
    if (this.phase.kind !== 'newLeader') return;
    if (zxid !== this.#newLeaderZxid) {
      this.#leadership.drop(this, `acknowledged NEWLEADER ${hex(zxid)}`);
      return;
    }
    this.enter({ kind: 'newLeaderAcked' }, now);
    this.#leadership.newLeaderAcked(this);
  }

  /** Logs are written in order, so the highest of a run of ACKs stands for the run. */
  #passAck(): void {
    const zxid = this.#ackedTo;
    if (zxid < 0n) return;
    this.#ackedTo = -1n;
    this.syncLimit.acked(zxid);
    this.#leadership.proposalAcked(this, zxid);
  }

  #onRequest(): void {
    const { bytes, view } = this.link.stream;
    const reader = this.link.stream.data();
    const request = this.#request;
    request.sessionId = reader.long();
    request.cxid = reader.int();
    request.type = reader.int();
    request.bytes = bytes;
    request.start = reader.at;
    request.end = reader.end;
    request.authinfo = view.authinfo ?? [];
    this.#leadership.request(request);
  }

  #onPing(): void {
    const reader = this.link.stream.data();
    while (reader.remaining > 0) {
      const sessionId = reader.long();
      this.#leadership.touch(this.link, sessionId, reader.int());
    }
  }
}
