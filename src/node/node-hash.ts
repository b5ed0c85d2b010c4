// The Hash port on node:crypto. Takes the algorithm names Java's MessageDigest takes (any case; `digestAlg` of zoo.cfg
// is passed on to it by Java), gives OpenSSL's digest. undefined where OpenSSL lacks the algorithm (MD2; MD5 in FIPS
// mode), which the caller has to refuse at start-up, not at the first login.
import { createHash } from 'node:crypto';
import type { Hash } from '../ports.ts';

/** Java's standard names and aliases, in upper case, to OpenSSL's. */
const openSslNames: ReadonlyMap<string, string> = new Map([
  ['MD5', 'md5'],
  ['SHA', 'sha1'],
  ['SHA1', 'sha1'],
  ['SHA-1', 'sha1'],
  ['SHA-224', 'sha224'],
  ['SHA224', 'sha224'],
  ['SHA-256', 'sha256'],
  ['SHA256', 'sha256'],
  ['SHA-384', 'sha384'],
  ['SHA384', 'sha384'],
  ['SHA-512', 'sha512'],
  ['SHA512', 'sha512'],
  ['SHA-512/224', 'sha512-224'],
  ['SHA512/224', 'sha512-224'],
  ['SHA-512/256', 'sha512-256'],
  ['SHA512/256', 'sha512-256'],
  ['SHA3-224', 'sha3-224'],
  ['SHA3-256', 'sha3-256'],
  ['SHA3-384', 'sha3-384'],
  ['SHA3-512', 'sha3-512'],
]);

export const nodeHash: Hash = {
  digest: (algorithm, bytes) => {
    const name = openSslNames.get(algorithm.toUpperCase());
    if (name === undefined) return undefined;
    try {
      return new Uint8Array(createHash(name).update(bytes).digest());
    } catch {
      return undefined;
    }
  },
};
