// A production leader and everything around it by hand: learners that the test plays,
// effects in a list, the disk answered at once unless it is said to be slow. Lines are
// what the leader said.

import assert from 'node:assert/strict';
import type { QuorumVerifier } from '../../../src/core/election/quorum-verifier.ts';
import type { CommittedLog } from '../../../src/core/zab/committed-log.ts';
import { Leader } from '../../../src/core/zab/leader.ts';
import type {
  EpochName,
  LeaderEffect,
  LeaderEvent,
  LeaderOptions,
  LeaderStart,
} from '../../../src/core/zab/leader-events.ts';
import { snapSignature } from '../../../src/core/zab/learner-feed.ts';
import { Link } from '../../../src/core/zab/link.ts';
import type { PacketName } from '../../../src/proto/quorum.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { ensemble } from '../election/configs.ts';
import {
  historyOf,
  initLimit,
  int,
  learnerInfo,
  lengthMax,
  packet,
  syncLimit,
  Tap,
  term,
  tickTimeMs,
  txnBytes,
  z,
} from './hand-made-packets.ts';

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

  /** Steps over the body of the SNAP that `got` ended with, and its signature. */
  skipSnapshot(): void {
    this.#tap.skip(this.#leader.snapshot.bytes.length + 4 + snapSignature.length);
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
