// Who asks: what prep and replies need to know of a client, whether its connection is here or at a learner.

import type { Id } from '../../proto/data.ts';
import { ErrorCode } from '../../proto/errors.ts';
import { highOf, lowOf } from '../../proto/zxid.ts';

export interface Requester {
  readonly sessionId: bigint;
  readonly sessionHigh: number;
  readonly sessionLow: number;
  readonly authIds: readonly Id[];
  /** Why this session may not write: SessionExpired, SessionMoved, or Ok. */
  readonly error: number;
  /** Why it may own no ephemerals, as a local session; or Ok. */
  readonly ephemeralError: number;
}

/** The server itself, in a session's name: what ends a session or sweeps a container. */
export function requesterFor(sessionId: bigint): Requester {
  return {
    sessionId,
    sessionHigh: highOf(sessionId),
    sessionLow: lowOf(sessionId),
    authIds: [],
    error: ErrorCode.Ok,
    ephemeralError: ErrorCode.Ok,
  };
}
