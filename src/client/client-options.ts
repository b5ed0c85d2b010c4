// What a caller may say to a client and hear from it: the types of options and events; and the options of connecting,
// checked and with defaults filled in. In: the connect string and options. Out: settings, or a KeeperError BadArguments
// that names what is wrong. Invariant: nothing is dialled before all of it is good.

import { Chroot } from '../core/client/chroot.ts';
import type { ServerAddress } from '../core/client/server-list.ts';
import { parseConnectString } from '../core/client/server-list.ts';
import type { AuthInfo, SessionKey } from '../core/client/session-events.ts';
import { pathError } from '../core/tree/path.ts';
import { encodeUtf8 } from '../jute/utf8.ts';
import type { Log } from '../ports.ts';
import { passwordLength } from '../proto/client.ts';
import type { Zxid } from '../proto/zxid.ts';
import type { AbortSignalLike, CallOptions } from './call-options.ts';
import type { WatcherTypeName } from './calls.ts';
import { KeeperError } from './keeper-error.ts';
import type { Watcher } from './watch-event.ts';

export interface AuthOption {
  /** 'digest' … */
  readonly scheme: string;
  /** For digest 'user:password'. */
  readonly auth: Uint8Array | string;
}

export interface ConnectOptions {
  /** What the server is asked for, in ms; it grants at least its minimum and at most its maximum. Default 30,000. */
  readonly sessionTimeoutMs?: number | undefined;
  /** How long `connect` looks for a server, in ms; 0: for ever. Default 30,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** For every request that does not say otherwise, in ms; 0, the default: no limit but the session's. */
  readonly requestTimeoutMs?: number | undefined;
  /** Shown to every server before any request. */
  readonly auth?: readonly AuthOption[] | undefined;
  /** Also use servers that lost their quorum; writes then fail with NotReadOnly. */
  readonly readOnly?: boolean | undefined;
  /** A session to go on with: `zk.session` of another client. */
  readonly session?: SessionKey | undefined;
  /** `zk.lastZxid` of another client: no server that is behind it is taken. Default 0n: any server. */
  readonly lastZxid?: Zxid | undefined;
  /** Gives up connecting. */
  readonly signal?: AbortSignalLike | undefined;
  /** The longest request the servers take, in bytes. Default 1,048,575, as theirs. */
  readonly juteMaxBuffer?: number | undefined;
  /** Requests that may wait at a time; more fail with ThrottledOp. Default 1,000,000. */
  readonly requestsMax?: number | undefined;
  readonly log?: Log | undefined;
}

/** What happens to a session, by name. 'expired', 'authFailed' and 'closed' are the last. */
export interface ClientEvents {
  /** A server has taken the session: at the start, and after each 'suspended'. */
  connected: { readonly server: string; readonly readOnly: boolean };
  /** The connection is lost; the session may live. */
  suspended: { readonly reason: string };
  /** The session is over: its ephemeral nodes and watches are gone, or will be. Connect anew. */
  expired: { readonly reason: string };
  authFailed: { readonly reason: string };
  closed: { readonly reason: string };
}

export interface WatchIteratorOptions {
  /** The whole subtree: created, deleted and data changes of every node in it. */
  readonly recursive?: boolean | undefined;
  /** Ends the iteration. */
  readonly signal?: CallOptions['signal'];
  /** Events that may wait for the consumer; beyond, they are replaced by one 'None'. Default 10,000. */
  readonly eventsMax?: number | undefined;
}

export interface RemoveWatchesOptions extends CallOptions {
  /** Default 'Any'. 'Persistent' and 'PersistentRecursive' work with every server that has such watches. */
  readonly type?: WatcherTypeName | undefined;
  /** Only this one; default: all watchers of this client at the path. */
  readonly watcher?: Watcher | undefined;
  /** Forget them here even if the server cannot be told. */
  readonly local?: boolean | undefined;
}

export interface ClientSettings {
  readonly servers: readonly ServerAddress[];
  readonly chroot: Chroot;
  readonly sessionTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly auth: readonly AuthInfo[];
  readonly readOnly: boolean;
  readonly session: SessionKey | undefined;
  readonly lastZxid: Zxid;
  readonly juteMaxBuffer: number;
  readonly requestsMax: number;
}

/** Node's timers take no more. */
const millisecondsMax = 0x7fffffff;

/** Throws KeeperError BadArguments. */
export function clientSettings(connectString: string, options: ConnectOptions): ClientSettings {
  const parsed = parseConnectString(connectString);
  if (typeof parsed === 'string') throw bad(parsed);
  if (parsed.chroot !== '') {
    const error = pathError(parsed.chroot);
    if (error !== undefined) throw bad(`chroot ${parsed.chroot}: ${error}`);
  }
  const { session } = options;
  if (session !== undefined && session.password.length !== passwordLength) {
    throw bad(`a session password has ${passwordLength} bytes, not ${session.password.length}`);
  }
  return {
    servers: parsed.servers,
    chroot: new Chroot(parsed.chroot),
    sessionTimeoutMs: integer('sessionTimeoutMs', options.sessionTimeoutMs, 30_000, 1),
    connectTimeoutMs: integer('connectTimeoutMs', options.connectTimeoutMs, 30_000, 0),
    requestTimeoutMs: integer('requestTimeoutMs', options.requestTimeoutMs, 0, 0),
    auth: (options.auth ?? []).map(({ scheme, auth }) => authInfo(scheme, auth)),
    readOnly: options.readOnly ?? false,
    session,
    lastZxid: zxid(options.lastZxid ?? 0n),
    juteMaxBuffer: integer('juteMaxBuffer', options.juteMaxBuffer, 0xfffff, 1),
    requestsMax: integer('requestsMax', options.requestsMax, 1_000_000, 1),
  };
}

export function authInfo(scheme: string, auth: Uint8Array | string): AuthInfo {
  return { scheme, auth: typeof auth === 'string' ? encodeUtf8(auth) : auth };
}

function integer(name: string, value: number | undefined, byDefault: number, min: number): number {
  if (value === undefined) return byDefault;
  if (Number.isInteger(value) && value >= min && value <= millisecondsMax) return value;
  throw bad(`${name} ${value} is not an integer from ${min} to ${millisecondsMax}`);
}

function zxid(value: Zxid): Zxid {
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value && value >= 0n) return value;
  throw bad(`lastZxid ${value} is not a zxid`);
}

function bad(reason: string): KeeperError {
  return new KeeperError('BadArguments', `connect: ${reason}`);
}
