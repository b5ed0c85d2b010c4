// What kind of node an ephemeralOwner stands for (EphemeralType.java,
// EphemeralTypeEmulate353.java). In: the 64 bits of the field, whole or as two halves, and two
// switches that every server of an ensemble must set alike. Out: the kind.
// Differs from Java on purpose: an owner with the extended mark but an unknown feature is the
// session it always was (such ids exist in data written by a server 255 before the switch was set);
// Java throws while it applies the transaction.

export interface EphemeralOptions {
  /** zookeeper.extendedTypesEnabled: TTL nodes exist. Without it their owners are read as session ids. */
  readonly extendedTypesEnabled: boolean;
  /** zookeeper.emulate353TTLNodes: negative owners are the TTL nodes of 3.5.3 (ZOOKEEPER-2901). */
  readonly emulate353TTLNodes: boolean;
}

export type OwnerKind = 'VOID' | 'NORMAL' | 'CONTAINER' | 'TTL';

/** The owner of every container node: the top bit alone. */
export const containerOwner = -0x8000000000000000n;

/** The longest TTL in ms: 40 bits, 34 years. The shortest is 1. */
export const ttlMax = 0xffffffffffn;

/** With extended types the top byte 0xff marks TTL nodes, so no server may put it into session ids. */
export const extendedServerIdMax = 0xfe;

const ttlMark = -0x100000000000000n;

export function ownerKind(owner: bigint, options: EphemeralOptions): OwnerKind {
  if (owner === 0n) return 'VOID';
  return ownerKindOf(
    Number(BigInt.asIntN(32, owner >> 32n)),
    Number(BigInt.asIntN(32, owner)),
    options,
  );
}

/** The same for an owner in two 32-bit halves; signedness does not matter. */
export function ownerKindOf(high: number, low: number, options: EphemeralOptions): OwnerKind {
  if (high === 0 && low === 0) return 'VOID';
  const top = high | 0;
  if (top === -0x80000000 && low === 0) return 'CONTAINER';
  if (top >= 0 || !options.extendedTypesEnabled) return 'NORMAL';
  if (options.emulate353TTLNodes) return 'TTL';
  // Top byte 0xff, then the number of the feature in 16 bits: 0 is TTL, the only one there is.
  return top >>> 8 === 0xff0000 ? 'TTL' : 'NORMAL';
}

/** The TTL in ms of a TTL node's owner. */
export function ttlOf(owner: bigint): number {
  return Number(owner & ttlMax);
}

/** Whether a create request's TTL can be kept; otherwise it is BadArguments. */
export function isTtl(ttl: bigint): boolean {
  return ttl > 0n && ttl <= ttlMax;
}

/** The owner of a TTL node; `ttl` has passed `isTtl`. */
export function ttlOwner(ttl: bigint): bigint {
  return ttlMark | ttl;
}
