// What a caller may say when connecting, checked and with defaults filled in. In: the connect string and options.
// Out: settings, or a KeeperError BadArguments that names what is wrong. Invariant: nothing is dialled before all of it
// is good.

import { Chroot } from '../core/client/chroot.ts';
import type { ServerAddress } from '../core/client/server-list.ts';
import { parseConnectString } from '../core/client/server-list.ts';
import type { AuthInfo, SessionKey } from '../core/client/session-events.ts';
import { pathError } from '../core/tree/path.ts';
import { encodeUtf8 } from '../jute/utf8.ts';
import type { Log } from '../ports.ts';
import { passwordLength } from '../proto/client.ts';
import type { AbortSignalLike } from './call-options.ts';
import { KeeperError } from './keeper-error.ts';

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
  /** Gives up connecting. */
  readonly signal?: AbortSignalLike | undefined;
  /** The longest request the servers take, in bytes. Default 1,048,575, as theirs. */
  readonly juteMaxBuffer?: number | undefined;
  /** Requests that may wait at a time; more fail with ThrottledOp. Default 1,000,000. */
  readonly requestsMax?: number | undefined;
  readonly log?: Log | undefined;
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

function bad(reason: string): KeeperError {
  return new KeeperError('BadArguments', `connect: ${reason}`);
}
