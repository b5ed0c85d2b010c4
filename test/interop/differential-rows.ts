/**
 * Which row of src/proto/differences.ts explains a difference that was seen: one predicate a row,
 * as narrow as the two servers' rules allow.
 *
 * In: an observation (an answer, an event, an end of a connection that only one server gave or that
 * differ) and what is known of watches and ACLs. Out: the ids that fit; the run demands exactly one.
 */

import type { DifferenceId, differences } from '../../src/proto/differences.ts';
import { ErrorCode } from '../../src/proto/errors.ts';
import { CreateFlag, OpCode, WatcherType } from '../../src/proto/opcodes.ts';
import { field } from './differential-effects.ts';
import type { Fields, Request } from './differential-requests.ts';
import { fieldsOf, hasNegativeCount, hasNullString } from './differential-requests.ts';
import type { EventShape, ReplyShape, Shape } from './differential-shapes.ts';
import { same, withoutOrder } from './differential-shapes.ts';
import { asJavaReads, roughly } from './differential-text.ts';
import type { WatchBook } from './differential-watch-book.ts';
import type { Both, ConnectionState, SideName, World } from './differential-world.ts';

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

/** The same event with its path in other letters. */
export interface PathObservation {
  readonly kind: 'event-path';
  readonly java: string;
  readonly quoll: string;
}

/** Events of one transaction, or of one reply, in another order. */
export interface OrderObservation {
  readonly kind: 'order';
}

/** Pings of a batch answered at other places; how many were sent and answered. */
export interface PingObservation {
  readonly kind: 'ping-order';
  readonly pings: number;
  readonly told: Both<number>;
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
  | PathObservation
  | OrderObservation
  | PingObservation
  | ClosedObservation;

export interface Knowledge {
  readonly world: World;
  readonly books: Both<WatchBook>;
}

/** The rows that a run can meet. */
type BesideJava = Exclude<
  (typeof differences)[number],
  { readonly tested: 'alone' | 'ensemble' }
>['id'];

type Predicate = (seen: Observation, known: Knowledge) => boolean;

const predicates: Readonly<Record<BesideJava, Predicate>> = {
  'event-zxid': (seen, { world }) =>
    seen.kind === 'event-zxid' &&
    !seen.caughtUp &&
    seen.java === -1n &&
    seen.quoll > 0n &&
    seen.quoll <= world.zxid,

  'event-acl': (seen, known) =>
    seen.kind === 'event' &&
    !seen.caughtUp &&
    seen.only === 'java' &&
    expected('quoll', seen, known) &&
    mayNotKnow(seen, known),

  'set-watches-acl': (seen, known) =>
    seen.kind === 'event' && seen.caughtUp && seen.only === 'java' && mayNotKnow(seen, known),

  'exists-read': (seen, { world }) =>
    seen.kind === 'reply' &&
    seen.request.type === OpCode.exists &&
    seen.java.err === ErrorCode.Ok &&
    seen.quoll.err === ErrorCode.NoAuth &&
    world.mayNotHaveRead(textPath(seen.request), seen.connection.authIds),

  'watch-modes': (seen, known) => {
    if (seen.kind !== 'event' || seen.caughtUp) return false;
    const [java, quoll] = [expected('java', seen, known), expected('quoll', seen, known)];
    return java === (seen.only === 'java') && quoll === (seen.only === 'quoll');
  },

  'watch-types': (seen, known) => {
    const said = watchAnswers(seen, known);
    return said?.asExpected === true && !said.isOfOthers && !said.isOddPath;
  },

  'check-watches-of-others': (seen, known) => {
    const said = watchAnswers(seen, known);
    return said?.asExpected === true && said.isOfOthers;
  },

  'check-watches-path': (seen, known) => {
    const said = watchAnswers(seen, known);
    return said?.asExpected === true && said.isOddPath && !said.isOfOthers;
  },

  'multi-create2': (seen) =>
    isMulti(seen) &&
    seen.java.err === ErrorCode.Ok &&
    seen.quoll.err === ErrorCode.Ok &&
    !same(seen.java.body, seen.quoll.body) &&
    same(seen.java.body, asJavaAnswers(seen)),

  'multi-flags': (seen) =>
    isMulti(seen) &&
    seen.quoll.err === ErrorCode.MarshallingError &&
    seen.java.err === ErrorCode.Ok &&
    listOf(seen.java.body).some((result) => field(result, 'err') !== ErrorCode.Ok) &&
    fieldsOf(seen.request)?.ops.some(hasBadFlags) === true,

  'multi-read-body': (seen) =>
    seen.kind === 'reply' &&
    seen.request.type === OpCode.multiRead &&
    seen.java.err === ErrorCode.MarshallingError &&
    seen.quoll.err === ErrorCode.MarshallingError &&
    Array.isArray(seen.java.body) &&
    seen.quoll.body === null,

  'supplementary-characters': (seen) => {
    const texts = textsOf(seen);
    return texts !== undefined && texts.java === asJavaReads(texts.quoll);
  },

  'malformed-utf8': (seen, known) => {
    if (seen.kind === 'reply' && seen.java.err !== seen.quoll.err) {
      const said = watchAnswers(seen, known);
      return said?.asExpected === false && textPath(seen.request).includes('\ufffd');
    }
    const texts = textsOf(seen);
    return (
      texts !== undefined &&
      texts.java !== asJavaReads(texts.quoll) &&
      roughly(texts.java) === roughly(texts.quoll)
    );
  },

  'null-acl-id': (seen) =>
    seen.kind === 'reply' &&
    seen.java.err === ErrorCode.MarshallingError &&
    (seen.quoll.err === ErrorCode.InvalidACL || isMulti(seen)) &&
    hasNullString(seen.request),

  'negative-count': (seen) =>
    seen.kind === 'reply' &&
    seen.quoll.err === ErrorCode.MarshallingError &&
    hasNegativeCount(seen.request),

  'ipv6-acl': (seen) =>
    seen.kind === 'reply' &&
    seen.request.type === OpCode.setACL &&
    seen.java.err === ErrorCode.InvalidACL &&
    seen.quoll.err === ErrorCode.NoNode &&
    fieldsOf(seen.request)?.acl.every(({ id }) => id.scheme === 'ip' && id.id.includes(':')) ===
      true,

  'ping-order': (seen) =>
    seen.kind === 'ping-order' && seen.told.java === seen.pings && seen.told.quoll === seen.pings,

  'wrong-password': (seen) => seen.kind === 'closed' && seen.after === 'wrong password',

  'list-order': (seen) =>
    seen.kind === 'order' ||
    (seen.kind === 'reply' &&
      seen.java.err === seen.quoll.err &&
      !same(seen.java.body, seen.quoll.body) &&
      same(withoutOrder(seen.java.body), withoutOrder(seen.quoll.body)) &&
      (hashed.has(seen.request.type) ||
        // `auth` in a list stands for the ids of a connection in the order of their set.
        (seen.request.type === OpCode.getACL && usesManyIds(seen.quoll.body)))),
};

/** What both said where it differs, as text. */
function textsOf(seen: Observation): Both<string> | undefined {
  if (seen.kind === 'event-path') return seen;
  if (seen.kind !== 'reply' || seen.java.err !== seen.quoll.err) return undefined;
  const [java, quoll] = [JSON.stringify(seen.java.body), JSON.stringify(seen.quoll.body)];
  return java === quoll ? undefined : { java, quoll };
}

const hashed: ReadonlySet<number> = new Set([
  OpCode.getChildren,
  OpCode.getChildren2,
  OpCode.multiRead,
  OpCode.getEphemerals,
  OpCode.whoAmI,
]);

export function rowsFor(seen: Observation, known: Knowledge): DifferenceId[] {
  return Object.entries(predicates)
    .filter(([, predicate]) => predicate(seen, known))
    .map(([id]) => id as DifferenceId);
}

// ---- watches ----

function expected(
  side: SideName,
  { connection, event }: EventObservation,
  { books }: Knowledge,
): boolean {
  return books[side].expects(connection.index, event.type, event.path);
}

/** The list that guards the event keeps the connection from reading. */
function mayNotKnow({ connection, event }: EventObservation, { world }: Knowledge): boolean {
  return world.mayNotHaveRead(event.path, connection.authIds);
}

interface WatchAnswers {
  /** Both said what the rules of their version say. */
  readonly asExpected: boolean;
  /** Java took another connection's watch for this one's. */
  readonly isOfOthers: boolean;
  /** Java walked up from a path that begins with no '/'. */
  readonly isOddPath: boolean;
}

function watchAnswers(seen: Observation, { books }: Knowledge): WatchAnswers | undefined {
  if (seen.kind !== 'reply') return undefined;
  const { type } = seen.request;
  if (type !== OpCode.checkWatches && type !== OpCode.removeWatches) return undefined;
  const fields = fieldsOf(seen.request);
  if (fields === undefined) return undefined;
  const { path, watcherType } = fields;
  const { index } = seen.connection;
  const says = (side: SideName): number => {
    const book = books[side];
    return type === OpCode.checkWatches
      ? book.check(index, path, watcherType)
      : book.wouldRemove(index, path, watcherType);
  };
  const known = watcherType >= WatcherType.Children && watcherType <= WatcherType.Any;
  return {
    asExpected: says('java') === seen.java.err && says('quoll') === seen.quoll.err,
    isOfOthers:
      type === OpCode.checkWatches &&
      seen.java.err === ErrorCode.Ok &&
      !books.java.isAt(index, path, watcherType),
    isOddPath: type === OpCode.checkWatches && known && !path.startsWith('/'),
  };
}

// ---- multi ----

function isMulti(seen: Observation): seen is ReplyObservation {
  return seen.kind === 'reply' && seen.request.type === OpCode.multi;
}

function listOf(body: Shape): readonly Shape[] {
  return Array.isArray(body) ? (body as readonly Shape[]) : [];
}

/** Flags that are none, or a TTL's where there is no ttl. */
function hasBadFlags({ type, flags }: Fields): boolean {
  if (type !== OpCode.create && type !== OpCode.create2 && type !== OpCode.createContainer) {
    return false;
  }
  return flags < 0 || flags >= CreateFlag.PERSISTENT_WITH_TTL;
}

/** Quoll's results with each create2 that is none to 3.8.0 turned into its create. */
function asJavaAnswers({ request, quoll }: ReplyObservation): Shape {
  const ops = fieldsOf(request)?.ops ?? [];
  return listOf(quoll.body).map((result, i) => {
    const op = ops[i];
    if (op === undefined || field(result, 'type') !== OpCode.create2) return result;
    const isPlain = op.flags < CreateFlag.CONTAINER;
    if (!isPlain) return result;
    const path = field(field(result, 'body'), 'path') ?? null;
    return { type: OpCode.create, done: false, err: 0, body: { path } };
  });
}

function usesManyIds(body: Shape): boolean {
  const acl = field(body, 'acl');
  const digests = listOf(acl ?? null).filter(
    (entry) => field(field(entry, 'id'), 'scheme') === 'digest',
  );
  return digests.length > 1;
}

function textPath(request: Request): string {
  return fieldsOf(request)?.path ?? '';
}
