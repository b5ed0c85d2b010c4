// What a leader does for clients whose connections are at its learners (LearnerHandler.processRequest,
// LeaderZooKeeperServer.submitLearnerRequest, LeaderSessionTracker.checkSession): their requests become transactions,
// their sessions are kept alive, and known to be where they were opened last.
//
// Invariant: every request becomes a transaction, were it an error: the learner waits for it.

import type { DecodeError, Reader } from '../../jute/reader.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { OpCode, opOf } from '../../proto/opcodes.ts';
import { highOf, lowOf } from '../../proto/zxid.ts';
import type { Requester } from '../session/requester.ts';
import { requesterFor } from '../session/requester.ts';
import type { SessionTracker } from '../session/session-tracker.ts';
import type { LearnerRequest } from '../zab/leader-events.ts';
import type { WriteLog } from './write-log.ts';

const { Ok, SessionExpired } = ErrorCode;

export class LearnerClients {
  readonly #sessions: SessionTracker;
  readonly #writes: WriteLog;
  readonly #localSessions: boolean;
  #last: Requester = requesterFor(0n);

  constructor(sessions: SessionTracker, writes: WriteLog, localSessions: boolean) {
    this.#sessions = sessions;
    this.#writes = writes;
    this.#localSessions = localSessions;
  }

  /** Any request but a `sync`; the reader stands at its body. */
  request(
    request: LearnerRequest,
    reader: Reader,
    now: number,
    undecodable: (error: DecodeError, type: number) => void,
  ): void {
    const { link, sessionId, cxid, type } = request;
    if (type === OpCode.createSession && reader.remaining >= 4) {
      const timeoutMs = reader.int();
      const session = this.#sessions.add(sessionId, timeoutMs, now);
      session.owner = link;
      this.#writes.forwardedSession(this.#requester(request, Ok), cxid, timeoutMs, now);
      return;
    }
    const requester = this.#requester(request, this.#error(sessionId, link, now));
    const kind = opOf(type)?.kind;
    if (type === OpCode.closeSession) {
      // From whoever asks, as Java does: it is the last word of a session.
      const session = this.#sessions.get(sessionId);
      if (session !== undefined) session.closing = true;
    } else if (kind !== 'write') {
      const err =
        type === OpCode.deleteContainer ? ErrorCode.BadArguments : ErrorCode.Unimplemented;
      this.#writes.forwardedError(requester, cxid, type, err, now);
      return;
    }
    this.#writes.forwarded(requester, cxid, type, reader, now, undecodable);
  }

  /** A learner heard of it; the timeout is what its client was told there. */
  touch(link: object, sessionId: bigint, timeoutMs: number, now: number): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return;
    // The word of a learner that it has left keeps it alive, as in Java, and for no other time.
    if (session.owner === link || session.owner === undefined) session.timeoutMs = timeoutMs;
    this.#sessions.touch(session, now);
  }

  /** Is the session open? Then it is the learner's from now on, with the timeout negotiated there. */
  revalidate(link: object, sessionId: bigint, timeoutMs: number, now: number): boolean {
    const session = this.#sessions.get(sessionId);
    if (session === undefined || session.isLocal || session.closing) return false;
    session.timeoutMs = timeoutMs;
    session.owner = link;
    return this.#sessions.touch(session, now);
  }

  /** A request is a sign of life, as at our own clients: the learner's PING may be late (Java waits for that). */
  #error(sessionId: bigint, link: object, now: number): number {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) {
      // It may be a local session of the learner's; one of our own we would know.
      const isElsewhere = this.#localSessions && !this.#sessions.isOwnId(sessionId);
      return isElsewhere ? Ok : SessionExpired;
    }
    if (session.closing) return SessionExpired;
    session.owner ??= link;
    if (session.owner !== link) return ErrorCode.SessionMoved;
    this.#sessions.touch(session, now);
    return Ok;
  }

  /** A session's requests come in runs: what they have in common is made once. */
  #requester({ sessionId, authinfo }: LearnerRequest, error: number): Requester {
    // A learner makes a session global before it has ephemerals; a local one is unknown here, as in Java.
    const ephemeralError = this.#sessions.get(sessionId) === undefined ? SessionExpired : Ok;
    const last = this.#last;
    const isSame = last.sessionId === sessionId && last.authIds === authinfo;
    if (isSame && last.error === error && last.ephemeralError === ephemeralError) return last;
    this.#last = {
      sessionId,
      sessionHigh: highOf(sessionId),
      sessionLow: lowOf(sessionId),
      authIds: authinfo,
      error,
      ephemeralError,
    };
    return this.#last;
  }
}
