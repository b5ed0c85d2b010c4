// Adler-32 (txn log entries, snapshot seals) and CRC-32/IEEE (tree digest), both resumable. Plain
// JavaScript: on the inputs of a coordination service (some hundred bytes) it beats a call into
// zlib.

const adlerModulus = 65521;
/** The most bytes whose sums still fit 32 bits before the modulus must be taken (zlib's NMAX). */
const adlerRun = 5552;

/** Continues an Adler-32 (start with 1) over `bytes[start, end)`. Returns an unsigned 32-bit number. */
export function adler32(adler: number, bytes: Uint8Array, start: number, end: number): number {
  let a = adler & 0xffff;
  let b = (adler >>> 16) & 0xffff;
  let at = start;
  while (at < end) {
    const stop = Math.min(end, at + adlerRun);
    for (; at + 4 <= stop; at += 4) {
      a += bytes[at] as number;
      b += a;
      a += bytes[at + 1] as number;
      b += a;
      a += bytes[at + 2] as number;
      b += a;
      a += bytes[at + 3] as number;
      b += a;
    }
    for (; at < stop; at++) {
      a += bytes[at] as number;
      b += a;
    }
    a %= adlerModulus;
    b %= adlerModulus;
  }
  return ((b << 16) | a) >>> 0;
}

/** Eight tables: eight bytes a step (slicing-by-8). */
const crcTables: Int32Array = (() => {
  const tables = new Int32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    tables[i] = crc;
  }
  for (let table = 1; table < 8; table++) {
    for (let i = 0; i < 256; i++) {
      const before = tables[(table - 1) * 256 + i] as number;
      tables[table * 256 + i] = (before >>> 8) ^ (tables[before & 0xff] as number);
    }
  }
  return tables;
})();

/**
 * Continues the *register* of a CRC-32 over `bytes[start, end)`. Start with `crcStart`, read the value with `crcValue`.
 * Both are signed 32-bit numbers, so that V8 keeps them out of the heap.
 */
export function crc32(register: number, bytes: Uint8Array, start: number, end: number): number {
  const t = crcTables;
  let crc = register | 0;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (t[1792 + (crc & 0xff)] as number) ^
      (t[1536 + ((crc >>> 8) & 0xff)] as number) ^
      (t[1280 + ((crc >>> 16) & 0xff)] as number) ^
      (t[1024 + (crc >>> 24)] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return crc;
}

export const crcStart = -1;

/** The checksum a register stands for, unsigned. */
export function crcValue(register: number): number {
  return ~register >>> 0;
}
