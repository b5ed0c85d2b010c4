// Two questions about an entry that fails its checksum, answered from Adler-32's arithmetic: would another length
// make it whole, and would one other byte? A yes means the entry is all there and was changed: damage, not a torn
// write. In: the bytes behind the entry's head and the checksum the head states. Nothing is changed.

import { entryEnd } from '../proto/file.ts';
import { adler32 } from '../util/checksums.ts';

const modulus = 65521;

/** The length ≥ `least` under which the checksum fits and the end mark follows; −1: none. */
export function fittingLength(bytes: Uint8Array, checksum: number, least: number): number {
  const wantedA = checksum & 0xffff;
  const wantedB = checksum >>> 16;
  let a = 1;
  let b = 0;
  for (let length = 0; length < bytes.length; length++) {
    const byte = bytes[length] as number;
    if (byte === entryEnd && a === wantedA && b === wantedB && length >= least) return length;
    a += byte;
    if (a >= modulus) a -= modulus;
    b += a;
    if (b >= modulus) b -= modulus;
  }
  return -1;
}

/** Whether changing one byte of `bytes`, or of the checksum itself, would make them agree. */
export function explainedByOneByte(bytes: Uint8Array, checksum: number): boolean {
  const found = adler32(1, bytes, 0, bytes.length);
  const difference = (found ^ checksum) >>> 0;
  for (let shift = 0; shift < 32; shift += 8) {
    if ((difference & ~(0xff << shift)) === 0) return true;
  }
  // A byte at i that grew by d changes a by d and b by d * (length - i).
  const deltaA = ((checksum & 0xffff) - (found & 0xffff) + modulus) % modulus;
  const deltaB = ((checksum >>> 16) - (found >>> 16) + modulus) % modulus;
  for (const grown of [deltaA, deltaA - modulus]) {
    if (grown === 0 || Math.abs(grown) > 255) continue;
    // d has an inverse, as the modulus is prime; distances repeat every `modulus` bytes.
    const distance = Number((BigInt(deltaB) * inverse(BigInt(deltaA))) % BigInt(modulus));
    for (let from = distance; from <= bytes.length; from += modulus) {
      if (from < 1) continue;
      const value = (bytes[bytes.length - from] as number) + grown;
      if (value >= 0 && value <= 255) return true;
    }
  }
  return false;
}

/** Whether three of the checksum's four bytes stand in `head`, in order. */
export function holdsMostOf(head: Uint8Array, checksum: number): boolean {
  const bytes = [24, 16, 8, 0].map((shift) => (checksum >>> shift) & 0xff);
  return bytes.some((_, left) => {
    const wanted = bytes.filter((_, i) => i !== left);
    let found = 0;
    for (const byte of head) if (byte === wanted[found]) found++;
    return found >= 3;
  });
}

/** By Fermat: value^(modulus − 2). */
function inverse(value: bigint): bigint {
  const m = BigInt(modulus);
  let result = 1n;
  let base = value % m;
  for (let exponent = m - 2n; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) result = (result * base) % m;
    base = (base * base) % m;
  }
  return result;
}
