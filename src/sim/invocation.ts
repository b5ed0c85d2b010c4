// One operation of a simulated client, from the call to its end, and what a client's watch came to: the history that
// checkers read. The client (sim-client.ts) writes it, nobody else. Invariant: an invocation without an xid was never
// sent; one that was sent and ended as 'lost' may have happened or not.

import type { Request } from '../core/client/session-events.ts';
import type { WatchIntent, WatchTable } from '../core/client/watch-tables.ts';
import type { Writer } from '../jute/writer.ts';
import type { ErrorName } from '../proto/errors.ts';
import type { OpCode } from '../proto/opcodes.ts';
import type { SessionId, Zxid } from '../proto/zxid.ts';
import type { Operation, Result } from './operation.ts';
import { opCodeOf, writeOperation } from './operation.ts';

export type Outcome =
  | { readonly kind: 'ok'; readonly zxid: Zxid; readonly result: Result }
  | { readonly kind: 'error'; readonly zxid: Zxid; readonly err: number }
  | { readonly kind: 'lost'; readonly code: ErrorName; readonly reason: string };

/** A one-shot watch that a client asked for. */
export interface SimWatch {
  readonly client: string;
  readonly table: WatchTable;
  readonly path: string;
  /** The reply that set it. */
  setBy: Invocation | undefined;
  /** The event that ended it; `zxid` undefined: found by setWatches after a reconnect. */
  event: WatchedEvent | undefined;
}

export interface WatchedEvent {
  readonly type: number;
  readonly zxid: Zxid | undefined;
  readonly at: number;
  /** Its place among all that this client was told. */
  readonly order: number;
  readonly connection: number;
}

export class Invocation implements Request<SimWatch> {
  readonly client: string;
  readonly operation: Operation;
  readonly op: OpCode;
  readonly watch: WatchIntent<SimWatch> | undefined;
  readonly removal = undefined;
  readonly abandoned = false;
  readonly invokedAt: number;
  sessionId: SessionId = 0n;
  xid: number | undefined;
  /** The client's connections are counted from 1. */
  connection = 0;
  endedAt = -1;
  order = -1;
  outcome: Outcome | undefined;

  constructor(client: string, operation: Operation, invokedAt: number) {
    this.client = client;
    this.operation = operation;
    this.op = opCodeOf(operation);
    this.invokedAt = invokedAt;
    this.watch = watchOf(client, operation);
  }

  write(writer: Writer): void {
    // The header stands in front: an xid and the op code.
    this.xid = writer.view.getInt32(writer.at - 8);
    writeOperation(this.operation, writer);
  }

  toString(): string {
    const path = 'path' in this.operation ? ` ${this.operation.path}` : '';
    const session = `0x${BigInt.asUintN(64, this.sessionId).toString(16)}`;
    return `${this.client} ${this.operation.type}${path} (session ${session}, xid ${this.xid})`;
  }
}

const tables: Readonly<Record<string, WatchTable>> = {
  getData: 'data',
  exists: 'exist',
  getChildren: 'child',
};

function watchOf(client: string, operation: Operation): WatchIntent<SimWatch> | undefined {
  const table = tables[operation.type];
  if (table === undefined || !('watch' in operation) || !operation.watch) return undefined;
  const { path } = operation;
  const watcher: SimWatch = { client, table, path, setBy: undefined, event: undefined };
  return { table, path, watcher };
}
