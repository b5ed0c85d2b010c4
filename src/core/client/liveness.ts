// All the times of a client session, in one place: when to ping, when a silent server is given up, when to try the
// next one, and when the session must be taken for expired although no server said so. In: `now` (ms, monotonic) at
// each thing heard and sent. Out: deadlines. With T the granted session timeout and n servers (ClientCnxn): a server
// may be silent for 2T/3, an attempt to connect may take T/n, and 4T/3 after the last word the session is gone.
// Differs from Java on purpose: pings leave after T/4 without sending (at most 10 s); pauses between attempts are short
// at first and grow (Java: up to 1 s at random), since a new leader is there long before a second is over.

import type { Deadline } from './session-events.ts';

/** A ping at least this often, so that a connection cut by a firewall is noticed. */
const pingAfterMsMax = 10_000;
/** A wake-up this late says that this process slept; the server's words may wait unread. */
const lateMs = 100;
const graceMs = 100;
/** Of a pause, and of its random part: this share of the session timeout at most. */
const pauseMsMax = 1_000;
/** The random part of the first pause, which keeps a herd apart; it doubles with each failure. */
const firstSpreadMs = 50;
/** What is added when all servers were tried in vain; it doubles with each lap. */
const firstLapPauseMs = 100;
const probePauseMsMin = 100;
const probePauseMsMax = 60_000;
/** No attempt to connect is shorter: a busy server must be reachable even with a tiny timeout. */
const connectTimeoutMsMin = 100;

const never: Deadline = { at: Number.POSITIVE_INFINITY, why: 'nothing to wait for' };

export type LivenessPhase = 'pausing' | 'connecting' | 'connected' | 'closing' | 'ended';

export class Liveness {
  sessionTimeoutMs: number;
  readonly #serverCount: number;
  readonly #below: (limit: number) => number;
  #lastHeard: number;
  #lastSent: number;
  /** End of the present pause, attempt or closing. */
  #until: number;
  /** Set when a wake-up came late. */
  #graceUntil = 0;
  /** When the next server is asked for read-write mode; Infinity: no need. */
  #probeAt = Number.POSITIVE_INFINITY;
  #probePauseMs = probePauseMsMin;

  constructor(
    sessionTimeoutMs: number,
    serverCount: number,
    below: (limit: number) => number,
    now: number,
  ) {
    this.sessionTimeoutMs = sessionTimeoutMs;
    this.#serverCount = serverCount;
    this.#below = below;
    this.#lastHeard = now;
    this.#lastSent = now;
    this.#until = now;
  }

  get connectTimeoutMs(): number {
    return Math.max(connectTimeoutMsMin, Math.floor(this.sessionTimeoutMs / this.#serverCount));
  }

  get #readTimeoutMs(): number {
    return Math.floor((this.sessionTimeoutMs * 2) / 3);
  }

  get #pingAt(): number {
    return this.#lastSent + Math.min(pingAfterMsMax, this.sessionTimeoutMs / 4);
  }

  get #silentAt(): number {
    return Math.max(this.#lastHeard + this.#readTimeoutMs, this.#graceUntil);
  }

  get #expiresAt(): number {
    return this.#lastHeard + Math.floor((this.sessionTimeoutMs * 4) / 3);
  }

  heard(now: number): void {
    this.#lastHeard = now;
    this.#graceUntil = 0;
  }

  sent(now: number): void {
    this.#lastSent = now;
  }

  /** The next attempt is due after a while. `failures`: attempts in vain since there was a session. */
  pause(now: number, failures: number): void {
    const most = Math.min(pauseMsMax, Math.floor(this.sessionTimeoutMs / 10));
    const spread = Math.min(most, firstSpreadMs * 2 ** Math.min(failures, 16));
    const laps = Math.floor(failures / this.#serverCount);
    const isLapOver = laps > 0 && failures % this.#serverCount === 0;
    const lapPause = isLapOver ? Math.min(most, firstLapPauseMs * 2 ** Math.min(laps - 1, 16)) : 0;
    this.#until = now + this.#below(spread + 1) + lapPause;
  }

  noPause(now: number): void {
    this.#until = now;
  }

  attempt(now: number): void {
    this.#until = now + this.connectTimeoutMs;
  }

  connected(now: number, sessionTimeoutMs: number, readOnly: boolean): void {
    this.sessionTimeoutMs = sessionTimeoutMs;
    this.#lastSent = now;
    this.#probePauseMs = probePauseMsMin;
    this.#probeAt = readOnly ? now + probePauseMsMin : Number.POSITIVE_INFINITY;
  }

  closing(now: number): void {
    this.#until = now + this.#readTimeoutMs;
  }

  probing(now: number): void {
    this.#probePauseMs = Math.min(probePauseMsMax, 2 * this.#probePauseMs);
    this.#probeAt = now + this.#probePauseMs;
  }

  isProbeDue(now: number): boolean {
    return now >= this.#probeAt;
  }

  isPingDue(now: number): boolean {
    return now >= this.#pingAt;
  }

  /** The pause, attempt or closing is over. */
  isOver(now: number): boolean {
    return now >= this.#until;
  }

  isExpired(now: number): boolean {
    return now >= this.#expiresAt;
  }

  /** The server is silent for too long. A late question is answered once with no, and asked again soon. */
  isSilent(now: number): boolean {
    if (now < this.#silentAt) return false;
    if (this.#graceUntil === 0 && now - this.#silentAt > lateMs) {
      this.#graceUntil = now + graceMs;
      return false;
    }
    return true;
  }

  deadline(phase: LivenessPhase, hasSession: boolean): Deadline {
    switch (phase) {
      case 'ended':
        return never;
      case 'closing':
        return { at: this.#until, why: 'closing' };
      case 'connected':
        return earliest(
          { at: this.#pingAt, why: 'ping' },
          { at: this.#silentAt, why: 'server silent' },
          { at: this.#probeAt, why: 'look for a read-write server' },
        );
      default: {
        const over = { at: this.#until, why: phase === 'pausing' ? 'dial' : 'no connection' };
        return hasSession ? earliest(over, { at: this.#expiresAt, why: 'expiry' }) : over;
      }
    }
  }
}

function earliest(...deadlines: Deadline[]): Deadline {
  return deadlines.reduce((first, other) => (other.at < first.at ? other : first), never);
}
