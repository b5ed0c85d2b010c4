// What the replica asks of its driver, in order, and what the driver tells it. The driver performs all effects of one
// step before the next; bytes for clients and for the log are not here: `step` writes them into the connections' and
// the batch's Writers, and `flush` and `append` say when they are due.

import type { LogBatch } from './request/log-batch.ts';
import type { CloseReason } from './session/close-reason.ts';
import type { Connection, PendingWrite } from './session/connection.ts';
import type { LearnerRequest } from './zab/leader-events.ts';
import type { HistoryTxn } from './zab/txn-arena.ts';

export type ReplicaEvent =
  /** Recovery is done and clients may come: the first event. */
  | { readonly kind: 'started' }
  /** A socket was accepted; the connection is new. */
  | { readonly kind: 'connected'; readonly connection: Connection }
  /** One frame: the payload is `bytes[start, end)`, valid during the step only; `view` spans `bytes`. */
  | ReceivedEvent
  /** It takes replies while it is not read from: as good a sign of life as a ping. */
  | { readonly kind: 'taking'; readonly connection: Connection }
  /** The socket is gone, whoever closed it. */
  | { readonly kind: 'disconnected'; readonly connection: Connection }
  /** The batch of the last `append` is durable. */
  | { readonly kind: 'synced' }
  /** In an ensemble: committed, in zxid order. Reused by the driver. */
  | DeliveredEvent
  /** In an ensemble: what a `sync` waited for is committed; the waiter is the pending write. */
  | { readonly kind: 'syncReleased'; readonly waiter: object }
  /** To a leader: a request that came through a learner. Reused by the driver. */
  | ForwardedEvent
  /** To a learner: its leader's answer about a session. */
  | { readonly kind: 'revalidated'; readonly sessionId: bigint; readonly isValid: boolean }
  /** All input that waited was handed in: outputs are flushed now, once. */
  | { readonly kind: 'turnEnded' }
  /** `deadline` was reached, or any other time: early and late calls are harmless. */
  | { readonly kind: 'timeout' };

/** Reused by the driver for every frame. `wallTime` is what a transaction will carry. */
export interface ReceivedEvent {
  readonly kind: 'received';
  connection: Connection;
  bytes: Uint8Array;
  view: DataView;
  start: number;
  end: number;
}

export interface DeliveredEvent {
  readonly kind: 'delivered';
  txn: HistoryTxn;
}

export interface ForwardedEvent {
  readonly kind: 'forwarded';
  request: LearnerRequest;
}

export type ReplicaEffect =
  /** Make the batch durable, then say `synced`. One at a time. */
  | { readonly kind: 'append'; readonly batch: LogBatch<PendingWrite> }
  /** Send what is in the output of each. */
  | { readonly kind: 'flush'; readonly connections: readonly Connection[] }
  /** Close, at once or behind what is in its output. */
  | {
      readonly kind: 'close';
      readonly connection: Connection;
      readonly reason: CloseReason;
      readonly afterFlush: boolean;
    }
  /** Stop, or go on, reading from these. */
  | { readonly kind: 'pause'; readonly connection: Connection }
  | { readonly kind: 'resume'; readonly connections: readonly Connection[] }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
    };
