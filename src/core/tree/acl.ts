// Who may do what (ZooKeeperServer.checkACL, PrepRequestProcessor.fixupACL and the authentication
// providers world, auth, ip, digest and super). In: ACL lists, the ids a connection has proved,
// bytes of auth packets. Out: yes or no, a cleaned list, new ids. Nothing here is remembered
// between calls.
//
// Schemes without a provider on this server (sasl, x509, anything else) are kept when read from
// disk, grant nothing, and are refused in new lists, as an unconfigured Java server does.
// Differs from Java on purpose: duplicates are found in linear time, and `auth` may not blow a list
// up without bound.

import { decodeUtf8, encodeUtf8 } from '../../jute/utf8.ts';
import type { ACL, Id } from '../../proto/data.ts';
import { isIpAcl, matchesIpAcl } from './ip-address.ts';

export { normalizeAddress } from './ip-address.ts';

/** Something a connection has proved to be: scheme and id. Each begins with {ip, its address}. */
export type AuthId = Id;

export interface AclOptions {
  /** zookeeper.DigestAuthenticationProvider.enabled; off: the digest scheme is unknown. */
  readonly digestEnabled: boolean;
}

export interface AuthOptions extends AclOptions {
  /** zookeeper.DigestAuthenticationProvider.digestAlg in Java's names: 'SHA1' unless set. */
  readonly digestAlg: string;
  /** zookeeper.DigestAuthenticationProvider.superDigest: `super:` and the digest. */
  readonly superDigest: string | undefined;
  /** The digest of bytes; undefined for an unknown algorithm. */
  readonly hash: (algorithm: string, bytes: Uint8Array) => Uint8Array | undefined;
}

/**
 * The most entries a list may have after `auth` was expanded: above what a request of jute.maxbuffer (1 MiB) can
 * hold, so only the product of many `auth` entries and many ids meets it.
 */
const aclEntriesMax = 100_000;

/**
 * Whether a connection with these ids may do `perms` on a node with this list (checkACL without skipACL). With
 * several bits in `perms` any one of them suffices. An empty list allows everything.
 */
export function allows(acl: readonly ACL[], perms: number, ids: readonly AuthId[]): boolean {
  if (acl.length === 0) return true;
  for (const id of ids) if (id.scheme === 'super') return true;
  for (const entry of acl) {
    if ((entry.perms & perms) !== 0 && isGranted(entry.id, ids)) return true;
  }
  return false;
}

function isGranted(wanted: Id, ids: readonly AuthId[]): boolean {
  switch (wanted.scheme) {
    case 'world':
      return wanted.id === 'anyone';
    case 'digest':
      return ids.some((id) => id.scheme === 'digest' && id.id === wanted.id);
    case 'ip':
      return ids.some((id) => id.scheme === 'ip' && matchesIpAcl(id.id, wanted.id));
    default:
      return false;
  }
}

/**
 * The list a create or setACL stores: duplicates dropped, `auth` replaced by the ids that identify a creator.
 * Undefined: InvalidACL (empty, unknown scheme, malformed id, `auth` without such an id).
 */
export function fixupAcl(
  acl: readonly ACL[] | null,
  ids: readonly AuthId[],
  options: AclOptions,
): ACL[] | undefined {
  if (acl === null || acl.length === 0) return undefined;
  const fixed: ACL[] = [];
  for (const entry of withoutDuplicates(acl)) {
    const { scheme, id } = entry.id;
    if (scheme === 'auth') {
      const creators = options.digestEnabled ? ids.filter((one) => one.scheme === 'digest') : [];
      if (creators.length === 0) return undefined;
      for (const creator of creators) fixed.push({ perms: entry.perms, id: creator });
      if (fixed.length > aclEntriesMax) return undefined;
    } else if (isKnownId(scheme, id, options)) {
      fixed.push(entry);
    } else {
      return undefined;
    }
  }
  return fixed;
}

function isKnownId(scheme: string, id: string, options: AclOptions): boolean {
  if (scheme === 'world') return id === 'anyone';
  if (scheme === 'ip') return isIpAcl(id);
  return scheme === 'digest' && options.digestEnabled && isDigestId(id);
}

function withoutDuplicates(acl: readonly ACL[]): readonly ACL[] {
  if (acl.length === 1) return acl;
  const seen = new Set<string>();
  return acl.filter(({ perms, id }) => {
    const key = `${perms}:${id.scheme.length}:${id.scheme}${id.id}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/**
 * What an auth packet proves: the ids to add to the connection, which may be none new. Undefined: AuthFailed.
 * The ip scheme may be named and adds what the connection has already.
 */
export function authenticate(
  scheme: string,
  auth: Uint8Array | null,
  options: AuthOptions,
): AuthId[] | undefined {
  if (scheme === 'ip') return [];
  if (scheme !== 'digest' || !options.digestEnabled || auth === null) return undefined;
  const digest = digestIdOf(decodeUtf8(auth, 0, auth.length), options);
  if (digest === undefined) return undefined;
  const id: AuthId = { scheme: 'digest', id: digest };
  return digest === options.superDigest ? [{ scheme: 'super', id: '' }, id] : [id];
}

/** 'user:password' → 'user:' and the digest in base64 (DigestAuthenticationProvider.generateDigest). */
export function digestIdOf(
  userPassword: string,
  options: Pick<AuthOptions, 'digestAlg' | 'hash'>,
): string | undefined {
  const digest = options.hash(options.digestAlg, encodeUtf8(userPassword));
  return digest === undefined ? undefined : `${userOf(userPassword)}:${base64(digest)}`;
}

/** What getACL shows without ADMIN (and READ is there): the users of digest ids, not the digests. */
export function maskDigestIds(acl: readonly ACL[]): ACL[] {
  return acl.map((entry) =>
    entry.id.scheme === 'digest' && entry.id.id.includes(':')
      ? { perms: entry.perms, id: { scheme: 'digest', id: `${userOf(entry.id.id)}:x` } }
      : entry,
  );
}

function userOf(digestId: string): string {
  const colon = digestId.indexOf(':');
  return colon < 0 ? digestId : digestId.substring(0, colon);
}

/**
 * Two parts by Java's `split(":")`, which drops empty parts at the end: ':b' and 'a:b::' are well formed, 'a:' is
 * not.
 */
function isDigestId(id: string): boolean {
  let end = id.length;
  while (end > 0 && id[end - 1] === ':') end--;
  const colon = id.indexOf(':');
  return colon >= 0 && colon < end && id.lastIndexOf(':', end - 1) === colon;
}

const base64Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Standard base64 with padding. */
function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const word = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += base64Digits[word >> 18];
    text += base64Digits[(word >> 12) & 63];
    text += left > 1 ? base64Digits[(word >> 6) & 63] : '=';
    text += left > 2 ? base64Digits[word & 63] : '=';
  }
  return text;
}
