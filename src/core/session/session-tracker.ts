// Which sessions there are, when they expire, and the ids of new ones (SessionTrackerImpl.java).
// In: creations, touches, the monotonic clock; out: sessions whose time is up. Closing them is a
// transaction like any other: `expireDue` only marks them, and they stay here until `remove`.
//
// Invariants: an id is given once, and never when it was seen on disk or in the log; a closing
// session is neither touched nor expired a second time; the wall clock decides nothing but where
// new ids begin. A learner's clients are expired by their leader, which is told whom the learner heard of; only its
// local sessions are its own affair (LearnerSessionTracker.java, UpgradeableSessionTracker.java).
// Differs from Java on purpose: ids begin at the wall clock, not at the time since boot, so a
// reboot does not repeat them.

import type { Expiring } from './expiry-queue.ts';
import { ExpiryQueue } from './expiry-queue.ts';

export interface Session extends Expiring<Session> {
  readonly id: bigint;
  /** What a touch adds: as negotiated by the connection it was last opened on. */
  timeoutMs: number;
  /** Its closeSession is on the way: no request of it may change anything any more. */
  closing: boolean;
  /**
   * Where it was opened last: a connection here, a learner's link, or `leftHere`; a request that comes from elsewhere
   * has been overtaken by a move. undefined: not opened in this term.
   */
  owner: object | undefined;
  /** The connection it has, or had before it moved away, to this server. */
  connection: object | undefined;
  /** Known to this server alone, in no transaction (localSessionsEnabled). */
  isLocal: boolean;
  /** Of a learner: it is in the table of those heard of. */
  isTouched: boolean;
  /** False after `remove`, for those who still hold it. */
  isTracked: boolean;
}

/** Owns a session whose last connection was to this server and is gone. */
export const leftHere: object = {};

export interface SessionTrackerOptions {
  readonly tickTimeMs: number;
  /** The top byte of the ids: 0 … 255. */
  readonly serverId: number;
  /** Unix time in ms. */
  readonly wallTime: number;
  readonly now: number;
}

/** 40 bits of ms and a counter of 16, below the server's byte. */
const idBits = 56;
const idMask = (1n << 56n) - 1n;
/** Never an id: it means "no session" or marks a container. */
const forbiddenIds: ReadonlySet<bigint> = new Set([0n, -0x8000000000000000n]);

/** Sessions are spread over this many Maps, so that none of them ever stalls the loop by growing. */
const shardCount = 256;

export class SessionTracker {
  readonly #shards: ReadonlyArray<Map<bigint, Session>>;
  #expiry: ExpiryQueue<Session>;
  readonly #tickTimeMs: number;
  readonly #serverByte: bigint;
  /** Sessions that are not local end by the leader's word. */
  #isLearner = false;
  #touched: Session[] = [];
  /** The lower 56 bits of the next id. */
  #nextId: bigint;
  #count = 0;

  constructor(options: SessionTrackerOptions) {
    this.#shards = Array.from({ length: shardCount }, () => new Map<bigint, Session>());
    this.#tickTimeMs = options.tickTimeMs;
    this.#expiry = new ExpiryQueue(options.tickTimeMs, options.now);
    this.#serverByte = BigInt(options.serverId & 0xff);
    this.#nextId = (BigInt(Math.floor(options.wallTime)) << 16n) & idMask;
  }

  get count(): number {
    return this.#count;
  }

  /** When `expireDue` next has something to do. */
  get deadline(): number | undefined {
    return this.#expiry.deadline;
  }

  /** Forgets all sessions, but no id: a new term of an ensemble's server begins. */
  startOver(role: 'learner' | 'primary', now: number): void {
    for (const session of this) session.isTracked = false;
    for (const shard of this.#shards) shard.clear();
    this.#count = 0;
    this.#expiry = new ExpiryQueue(this.#tickTimeMs, now);
    this.#touched = [];
    this.#isLearner = role === 'learner';
  }

  /** Whether an id was given out by this server (or one with the same byte). */
  isOwnId(id: bigint): boolean {
    return BigInt.asUintN(64, id) >> BigInt(idBits) === this.#serverByte;
  }

  /** A learner's sessions heard of since the last call, with their timeouts in ms. */
  *takeTouched(): Generator<readonly [sessionId: bigint, timeoutMs: number]> {
    const touched = this.#touched;
    this.#touched = [];
    for (const session of touched) {
      session.isTouched = false;
      if (session.isTracked) yield [session.id, session.timeoutMs];
    }
  }

  /** An id from a snapshot, the log or another server; it will not be given again. */
  noteUsedId(id: bigint): void {
    if (!this.isOwnId(id)) return;
    const used = id & idMask;
    if (used >= this.#nextId) this.#nextId = (used + 1n) & idMask;
  }

  /** A new session with an id of its own, touched. */
  create(timeoutMs: number, now: number, isLocal = false): Session {
    let id = this.#takeId();
    while (forbiddenIds.has(id) || this.get(id) !== undefined) id = this.#takeId();
    return this.#track(id, timeoutMs, now, isLocal);
  }

  /** A local session becomes one of the ensemble's: its createSession is on the way. */
  upgrade(session: Session, now: number): void {
    session.isLocal = false;
    if (this.#isLearner) this.#expiry.remove(session);
    this.touch(session, now);
  }

  /** A session that exists already (restored, or created by another server), touched; it gets this timeout. */
  add(id: bigint, timeoutMs: number, now: number): Session {
    this.noteUsedId(id);
    const session = this.get(id);
    if (session === undefined) return this.#track(id, timeoutMs, now);
    session.timeoutMs = timeoutMs;
    this.touch(session, now);
    return session;
  }

  get(id: bigint): Session | undefined {
    return this.#shardOf(id).get(id);
  }

  /** The session lives on for its timeout. False: it is closing or gone. */
  touch(session: Session, now: number): boolean {
    if (session.closing || !session.isTracked) return false;
    if (!this.#isLearner || session.isLocal) {
      this.#expiry.update(session, session.timeoutMs, now);
    } else if (!session.isTouched) {
      session.isTouched = true;
      this.#touched.push(session);
    }
    return true;
  }

  /**
   * The sessions whose time is up, marked as closing; each is told once. Whoever calls should have handled the input
   * that waits first: after a pause of the process the pings of living clients lie there.
   */
  expireDue(now: number): Session[] {
    const due = this.#expiry.takeDue(now).filter((session) => !session.closing);
    for (const session of due) session.closing = true;
    return due;
  }

  /** Its closeSession was applied. */
  remove(id: bigint): void {
    const session = this.get(id);
    if (session === undefined) return;
    this.#expiry.remove(session);
    this.#shardOf(id).delete(id);
    session.isTracked = false;
    this.#count--;
  }

  *[Symbol.iterator](): Generator<Session> {
    for (const shard of this.#shards) yield* shard.values();
  }

  #track(id: bigint, timeoutMs: number, now: number, isLocal = false): Session {
    const session: Session = {
      id,
      timeoutMs,
      closing: false,
      owner: undefined,
      connection: undefined,
      isLocal,
      isTouched: false,
      isTracked: true,
      expiresAt: -1,
      previousToExpire: undefined,
      nextToExpire: undefined,
    };
    this.#shardOf(id).set(id, session);
    this.#count++;
    this.touch(session, now);
    return session;
  }

  #takeId(): bigint {
    const id = BigInt.asIntN(64, (this.#serverByte << BigInt(idBits)) | this.#nextId);
    this.#nextId = (this.#nextId + 1n) & idMask;
    return id;
  }

  #shardOf(id: bigint): Map<bigint, Session> {
    return this.#shards[Number(BigInt.asUintN(8, id))] as Map<bigint, Session>;
  }
}
