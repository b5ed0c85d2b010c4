// Zxids and session ids: 64 bits everywhere. A zxid is an epoch (high 32 bits) and a counter (low
// 32); as the counter is unsigned and the long signed, zxids compare as bigints. Branded so that
// one is never passed for the other.

declare const zxidBrand: unique symbol;
declare const sessionBrand: unique symbol;

export type Zxid = bigint & { readonly [zxidBrand]?: true };
export type SessionId = bigint & { readonly [sessionBrand]?: true };

/** The last counter a leader may use before it must step down for a new epoch. */
export const counterMax = 0xffffffff;

export function makeZxid(epoch: number, counter: number): Zxid {
  return BigInt.asIntN(64, (BigInt(epoch) << 32n) | BigInt(counter >>> 0));
}

export function epochOf(zxid: Zxid): number {
  return Number(zxid >> 32n);
}

export function counterOf(zxid: Zxid): number {
  return Number(zxid & 0xffffffffn);
}

/** Lower-case hex without 0x, as in file names; negative values as Java's Long.toHexString prints them. */
export function hexZxid(zxid: bigint): string {
  return BigInt.asUintN(64, zxid).toString(16);
}

/** A long from its 32-bit halves. */
export function longOf(high: number, low: number): bigint {
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
}

export function highOf(long: bigint): number {
  return Number(BigInt.asIntN(32, long >> 32n));
}

export function lowOf(long: bigint): number {
  return Number(BigInt.asIntN(32, long));
}
