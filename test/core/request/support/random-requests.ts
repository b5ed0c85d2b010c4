// Random writes over a few paths, of every kind and often wrong, so that most of them touch what is
// still in flight.

import type { ACL } from '../../../../src/proto/data.ts';
import { openAcl } from '../../../../src/proto/data.ts';
import type { Prng } from '../../../../src/util/prng.ts';
import type { Request } from './requests.ts';

/** A node named 'e' is mostly ephemeral, so that some try to put children below one. */
const names = ['a', 'b', 'ü', 'e'];
const acls: readonly (readonly ACL[])[] = [
  openAcl,
  openAcl,
  openAcl,
  [{ perms: 3, id: { scheme: 'world', id: 'anyone' } }],
  [{ perms: 31, id: { scheme: 'auth', id: '' } }],
  [{ perms: 31, id: { scheme: 'ip', id: '127.0.0.1' } }],
  [{ perms: 31, id: { scheme: 'digest', id: 'somebody:else' } }],
  [],
];

function pathOf(prng: Prng): string {
  const depth = prng.pick([1, 1, 2, 2, 2, 3]);
  // Below the system nodes nothing counts for the digest.
  let path = prng.chance(0.06) ? prng.pick(['/zookeeper', '/zookeeper/quota']) : '';
  for (let i = 0; i < depth; i++) path += `/${prng.pick(names)}`;
  if (prng.chance(0.02))
    return prng.pick(['', '/', 'a', '//', '/a/', '/zookeeper', '/a/../b', '/\0']);
  return path;
}

const version = (prng: Prng) => (prng.chance(0.7) ? -1 : prng.below(4));
const data = (prng: Prng) => (prng.chance(0.1) ? null : prng.bytes(prng.below(20)));

function randomCreate(prng: Prng): Request {
  const op = prng.pick(['create', 'create', 'create2', 'createContainer', 'createTTL'] as const);
  const path = pathOf(prng);
  const acl = prng.pick(acls);
  let flags = op === 'createTTL' ? prng.pick([5, 6]) : prng.pick([0, 0, 0, 1, 1, 2, 3, 4]);
  if ((op === 'create' || op === 'create2') && path.endsWith('/e')) flags = 1;
  if (prng.chance(0.02)) flags = prng.pick([-1, 7, 5, 0]);
  const ttl = prng.chance(0.95) ? BigInt(1 + prng.below(1000)) : prng.pick([0n, -1n, 1n << 41n]);
  return { op, path: flags % 4 > 1 ? `${path}-` : path, data: data(prng), acl, flags, ttl };
}

function randomOp(prng: Prng): Request {
  const kind = prng.below(10);
  const path = pathOf(prng);
  if (kind < 4) return randomCreate(prng);
  if (kind < 7) return { op: 'delete', path, version: version(prng) };
  if (kind < 9) return { op: 'setData', path, data: data(prng), version: version(prng) };
  return { op: 'check', path, version: version(prng) };
}

export function randomRequest(prng: Prng): Request {
  const kind = prng.below(100);
  if (kind < 20) {
    return { op: 'multi', ops: Array.from({ length: prng.below(6) }, () => randomOp(prng)) };
  }
  if (kind < 24) return { op: 'closeSession' };
  if (kind < 28) return { op: 'deleteContainer', path: pathOf(prng) };
  if (kind < 36) {
    return { op: 'setACL', path: pathOf(prng), acl: prng.pick(acls), version: version(prng) };
  }
  const request = randomOp(prng);
  return request.op === 'check' ? randomCreate(prng) : request;
}
