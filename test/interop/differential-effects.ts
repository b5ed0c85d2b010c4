/**
 * What answered requests did: to the nodes the world knows, to the watches of the two books. In: a
 * request and both servers' answers to it. The watches are entered by each server's own answer; the
 * nodes by Quoll's, since where the two differ on a write the run has failed or a row says why.
 */
import { fixupAcl } from '../../src/core/tree/acl.ts';
import type { ACL } from '../../src/proto/data.ts';
import { ErrorCode } from '../../src/proto/errors.ts';
import { AddWatchMode, CreateFlag, EventType, OpCode } from '../../src/proto/opcodes.ts';
import type { Fields, Request } from './differential-requests.ts';
import { fieldsOf } from './differential-requests.ts';
import type { EventShape, ReplyShape, Shape } from './differential-shapes.ts';
import { roughly } from './differential-text.ts';
import type { WatchBook } from './differential-watch-book.ts';
import type { Both, ConnectionState, SessionState, World } from './differential-world.ts';
import { parentOf } from './differential-world.ts';

const digestEnabled = { digestEnabled: true };

export interface Trigger {
  readonly type: number;
  readonly path: string;
  /** The connection that made the change: it was told before its reply, and may watch anew since. */
  readonly toldTo: number;
}

export class Effects {
  readonly #world: World;
  readonly #books: Both<WatchBook>;
  /** What the other connections' watches have still to be told of. */
  #triggers: Trigger[] = [];

  constructor(world: World, books: Both<WatchBook>) {
    this.#world = world;
    this.#books = books;
  }

  /**
   * What changed since the last call. The events themselves use up standard watches; but one that an
   * ACL kept from its watcher uses them up as well.
   */
  takeTriggers(): readonly Trigger[] {
    const triggers = this.#triggers;
    this.#triggers = [];
    return triggers;
  }

  sessionEnded(session: SessionState): void {
    for (const path of session.ephemerals) this.#changed(undefined, EventType.NodeDeleted, path);
    this.#world.sessionEnded(session);
  }

  /** `events` are those each server told the connection since the reply before this one. */
  take(
    connection: ConnectionState,
    request: Request,
    replies: Both<ReplyShape>,
    events: Both<readonly EventShape[]>,
  ): void {
    const fields = fieldsOf(request);
    if (request.type === OpCode.closeSession) {
      this.sessionEnded(connection.session);
      return;
    }
    if (fields === undefined) return;
    if (request.type === OpCode.setWatches || request.type === OpCode.setWatches2) {
      this.#setWatches(connection, fields, replies, events);
      return;
    }
    for (const side of ['java', 'quoll'] as const) {
      this.#watch(this.#books[side], connection.index, fields, replies[side].err);
    }
    const { err, body } = replies.quoll;
    if (err !== ErrorCode.Ok) return;
    if (request.type !== OpCode.multi) {
      this.#write(connection, fields, body);
      return;
    }
    const results = Array.isArray(body) ? (body as readonly Shape[]) : [];
    if (results.some((result) => field(result, 'err') !== ErrorCode.Ok)) return;
    fields.ops.forEach((op, i) => {
      this.#write(connection, op, field(results[i], 'body'));
    });
  }

  #write(connection: ConnectionState, op: Fields, body: Shape | undefined): void {
    const world = this.#world;
    switch (op.type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL: {
        const path = field(body, 'path');
        if (typeof path !== 'string') return;
        const plain = op.type === OpCode.create || op.type === OpCode.create2;
        const ephemeral =
          plain &&
          (op.flags === CreateFlag.EPHEMERAL || op.flags === CreateFlag.EPHEMERAL_SEQUENTIAL);
        world.created(path, aclOf(op, connection), ephemeral ? connection.session : undefined);
        this.#changed(connection, EventType.NodeCreated, path);
        return;
      }
      case OpCode.delete:
        world.removed(op.path);
        this.#changed(connection, EventType.NodeDeleted, op.path);
        return;
      case OpCode.setData: {
        const node = world.nodes.get(op.path);
        if (node !== undefined) node.version++;
        this.#changed(connection, EventType.NodeDataChanged, op.path);
        return;
      }
      case OpCode.setACL:
        world.aclChanged(op.path, aclOf(op, connection));
        return;
      default:
    }
  }

  /** Its own connection has been told before the reply, the others when they are asked. */
  #changed(connection: ConnectionState | undefined, type: number, path: string): void {
    const toldTo = connection?.index ?? -1;
    const triggers: Trigger[] = [{ type, path, toldTo }];
    if (type !== EventType.NodeDataChanged) {
      triggers.push({ type: EventType.NodeChildrenChanged, path: parentOf(path), toldTo });
    }
    this.#triggers.push(...triggers);
    if (connection === undefined) return;
    for (const trigger of triggers) {
      this.#books.java.fired(connection.index, trigger.type, trigger.path);
      this.#books.quoll.fired(connection.index, trigger.type, trigger.path);
    }
  }

  #watch(book: WatchBook, connection: number, op: Fields, err: number): void {
    const ok = err === ErrorCode.Ok;
    switch (op.type) {
      case OpCode.exists:
        if (op.watch && (ok || err === ErrorCode.NoNode)) {
          book.addStandard(connection, 'data', op.path);
        }
        return;
      case OpCode.getData:
        if (op.watch && ok) book.addStandard(connection, 'data', op.path);
        return;
      case OpCode.getChildren:
      case OpCode.getChildren2:
        if (op.watch && ok) book.addStandard(connection, 'child', op.path);
        return;
      case OpCode.addWatch:
        if (ok) book.addPersistent(connection, op.path, op.mode);
        return;
      case OpCode.removeWatches:
        if (ok) book.remove(connection, op.path, op.watcherType);
        return;
      default:
    }
  }

  /** A path whose event came is not watched; where only Java told it, Quoll kept silent on purpose. */
  #setWatches(
    connection: ConnectionState,
    request: Fields,
    replies: Both<ReplyShape>,
    events: Both<readonly EventShape[]>,
  ): void {
    if (replies.java.err !== ErrorCode.Ok || replies.quoll.err !== ErrorCode.Ok) return;
    const told = new Set(events.java.map(({ type, path }) => `${type} ${roughly(path)}`));
    const { NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged } = EventType;
    const lists = [
      ['data', request.dataWatches, [NodeDeleted, NodeDataChanged]],
      ['data', request.existWatches, [NodeCreated]],
      ['child', request.childWatches, [NodeDeleted, NodeChildrenChanged]],
    ] as const;
    for (const book of [this.#books.java, this.#books.quoll]) {
      for (const [table, paths, types] of lists) {
        for (const path of paths) {
          if (types.some((type) => told.has(`${type} ${roughly(path)}`))) continue;
          book.addStandard(connection.index, table, path);
        }
      }
      for (const path of request.persistentWatches) {
        book.addPersistent(connection.index, path, AddWatchMode.PERSISTENT);
      }
      for (const path of request.persistentRecursiveWatches) {
        book.addPersistent(connection.index, path, AddWatchMode.PERSISTENT_RECURSIVE);
      }
    }
  }
}

function aclOf(op: Fields, connection: ConnectionState): readonly ACL[] {
  return fixupAcl(op.acl, connection.authIds, digestEnabled) ?? [];
}

export function field(shape: Shape | undefined, name: string): Shape | undefined {
  if (shape === null || typeof shape !== 'object' || Array.isArray(shape)) return undefined;
  return (shape as { readonly [name: string]: Shape })[name];
}
