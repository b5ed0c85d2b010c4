/**
 * Which row of src/proto/differences.ts explains a difference that was seen: one predicate a row,
 * as narrow as the two servers' rules allow.
 *
 * In: an observation (an answer, an event, an end of a connection that only one server gave or that
 * differ) and what is known of watches and ACLs. Out: the ids that fit; the run demands exactly one.
 */

import type { DifferenceId } from '../../src/proto/differences.ts';
import { ErrorCode } from '../../src/proto/errors.ts';
import { EventType, OpCode } from '../../src/proto/opcodes.ts';
import { field } from './differential-effects.ts';
import type { Fields, Request } from './differential-requests.ts';
import { fieldsOf } from './differential-requests.ts';
import type { EventShape, ReplyShape, Shape } from './differential-shapes.ts';
import { same, withoutOrder } from './differential-shapes.ts';
import type { WatchBook } from './differential-watch-book.ts';
import type { Both, ConnectionState, SideName, World } from './differential-world.ts';
import { parentOf } from './differential-world.ts';

export interface ReplyObservation {
  readonly kind: 'reply';
  readonly connection: ConnectionState;
  readonly request: Request;
  readonly java: ReplyShape;
  readonly quoll: ReplyShape;
}

/** An event that only one of them told. */
export interface EventObservation {
  readonly kind: 'event';
  readonly connection: ConnectionState;
  readonly only: SideName;
  readonly event: EventShape;
  /** Told in answer to setWatches. */
  readonly caughtUp: boolean;
}

export interface ZxidObservation {
  readonly kind: 'event-zxid';
  readonly java: bigint;
  readonly quoll: bigint;
  readonly caughtUp: boolean;
}

/** Events of one transaction, or of one reply, in another order. */
export interface OrderObservation {
  readonly kind: 'order';
}

/** A connection that only one of them ended. */
export interface ClosedObservation {
  readonly kind: 'closed';
  readonly only: SideName;
  readonly after: 'wrong password';
}

export type Observation =
  | ReplyObservation
  | EventObservation
  | ZxidObservation
  | OrderObservation
  | ClosedObservation;

export interface Knowledge {
  readonly world: World;
  readonly books: Both<WatchBook>;
}

type Predicate = (seen: Observation, known: Knowledge) => boolean;

const predicates: Readonly<Record<DifferenceId, Predicate>> = {
  'event-zxid': (seen, { world }) =>
    seen.kind === 'event-zxid' &&
    !seen.caughtUp &&
    seen.java === -1n &&
    seen.quoll > 0n &&
    seen.quoll <= world.zxid,
};

export function rowsFor(seen: Observation, known: Knowledge): DifferenceId[] {
  return Object.entries(predicates)
    .filter(([, predicate]) => predicate(seen, known))
    .map(([id]) => id as DifferenceId);
}
