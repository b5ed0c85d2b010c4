// The vocabulary of the client session machine (client-session.ts): what happens to it (events, past participles), what
// it wants done (effects, imperatives) and what a request must look like to it. `W` is a watcher, whatever the caller
// takes for one; `R` is the caller's request object, handed back as it came.

import type { Reader } from '../../jute/reader.ts';
import type { Writer } from '../../jute/writer.ts';
import type { ErrorName } from '../../proto/errors.ts';
import type { OpCode, WatcherType } from '../../proto/opcodes.ts';
import type { SessionId, Zxid } from '../../proto/zxid.ts';
import type { ServerAddress } from './server-list.ts';
import type { WatchIntent } from './watch-tables.ts';

/** Watches to forget when the request succeeds; `watcher` undefined: everybody's. */
export interface WatchRemoval<W extends object> {
  readonly path: string;
  readonly type: WatcherType;
  readonly watcher: W | undefined;
  /** Forget them here even if the server cannot be told. */
  readonly local: boolean;
}

export interface Request<W extends object> {
  readonly op: OpCode;
  readonly watch: WatchIntent<W> | undefined;
  readonly removal: WatchRemoval<W> | undefined;
  /** Nobody waits for it any more: it is not sent if it was not yet. */
  readonly abandoned: boolean;
  /** Writes what follows the request header. May throw when the caller's values have the wrong types. */
  write(writer: Writer): void;
}

export interface SessionKey {
  readonly id: SessionId;
  /** 16 bytes. */
  readonly password: Uint8Array;
}

export interface ClientSessionOptions {
  readonly servers: readonly ServerAddress[];
  readonly sessionTimeoutMs: number;
  /** A server that lost its quorum will do. */
  readonly readOnly: boolean;
  /** A session to go on with. */
  readonly session: SessionKey | undefined;
  /** What an earlier client has seen: no server behind it will do. 0: any will. */
  readonly lastZxid: Zxid;
  /** The longest request a server takes (jute.maxbuffer), in bytes. */
  readonly juteMaxBuffer: number;
  /** Requests waiting, sent or not; more are refused, so that a producer faster than the servers is told. */
  readonly requestsMax: number;
  /** Uniform in [0, limit), an integer. */
  readonly below: (limit: number) => number;
}

export interface AuthInfo {
  readonly scheme: string;
  readonly auth: Uint8Array;
}

/** `attempt` says which connection an event is about; events of former ones are ignored. */
export type ClientEvent<W extends object, R> =
  | { readonly kind: 'dialled'; readonly attempt: number }
  | { readonly kind: 'closed'; readonly attempt: number; readonly reason: string }
  | {
      /** One frame; the bytes are valid until the effects are performed. */
      readonly kind: 'received';
      readonly attempt: number;
      readonly bytes: Uint8Array;
      readonly view: DataView;
      readonly start: number;
      readonly end: number;
    }
  | { readonly kind: 'requested'; readonly request: R }
  /** `request` is settled by the server's answer to the auth packet. */
  | { readonly kind: 'authAdded'; readonly info: AuthInfo; readonly request: R | undefined }
  /** Watches are forgotten here only; what the server still tells of the path concerns others or nobody. */
  | {
      readonly kind: 'watchDropped';
      readonly path: string;
      readonly type: WatcherType;
      readonly watcher: W | undefined;
    }
  /** `request` is the closeSession request; undefined: the client ends and leaves the session to its timeout. */
  | { readonly kind: 'closeRequested'; readonly request: R | undefined }
  /** What a server said to `isro`, or '' when it could not be asked. */
  | { readonly kind: 'probed'; readonly server: ServerAddress; readonly answer: string }
  | { readonly kind: 'timeout' };

/** States of a client (ZooKeeper.States), EXPIRED told apart from CLOSED. */
export type ClientState = 'CONNECTING' | 'CONNECTED' | 'CONNECTEDREADONLY' | EndState;

export type EndState = 'EXPIRED' | 'AUTH_FAILED' | 'CLOSED';

/** How requests end when the session does (ClientCnxn.conLossPacket). */
export const endCode = {
  EXPIRED: 'SessionExpired',
  AUTH_FAILED: 'AuthFailed',
  CLOSED: 'SessionExpired',
} as const satisfies Record<EndState, ErrorName>;

export type ClientEffect<W extends object, R> =
  | {
      readonly kind: 'dial';
      readonly attempt: number;
      readonly server: ServerAddress;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'hangUp'; readonly attempt: number }
  /** The server's answer: `body` stands behind the reply header. */
  | {
      readonly kind: 'settle';
      readonly request: R;
      readonly err: number;
      readonly zxid: Zxid;
      readonly body: Reader;
    }
  /** The request ends without the server's answer. */
  | {
      readonly kind: 'fail';
      readonly request: R;
      readonly code: ErrorName;
      readonly reason: string;
    }
  /** `path` is the server's name of the node; `zxid` undefined where the server did not say (before 3.9). */
  | {
      readonly kind: 'notify';
      readonly watchers: readonly W[];
      readonly type: number;
      readonly state: number;
      readonly path: string;
      readonly zxid: Zxid | undefined;
    }
  | { readonly kind: 'announce'; readonly state: ClientState; readonly reason: string }
  /** Ask a server whether it takes writes: the four-letter word `isro`, on a connection of its own. */
  | { readonly kind: 'probe'; readonly server: ServerAddress; readonly timeoutMs: number }
  | { readonly kind: 'logLine'; readonly level: 'info' | 'warn'; readonly message: string };

/** One timer a machine; `at` is Infinity when there is nothing to wait for. */
export interface Deadline {
  readonly at: number;
  readonly why: string;
}

export interface ClientStatus {
  readonly state: ClientState;
  /** Opens the session elsewhere. */
  readonly key: SessionKey;
  /** What the server granted; before that, what was asked for. */
  readonly sessionTimeoutMs: number;
  readonly server: ServerAddress | undefined;
  /** Where and why the last connection or attempt came to nothing; '' if none did. */
  readonly lastFailure: string;
  readonly lastZxid: Zxid;
  /** Sent and not yet answered. */
  readonly pending: number;
  /** Waiting for a connection. */
  readonly queued: number;
}
