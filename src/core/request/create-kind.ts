// What kind of node a create makes, from the operation's code, its flags and its ttl (CreateMode,
// PrepRequestProcessor.validateCreateRequest, EphemeralType.validateTTL): the code says container
// or TTL, the flags add a sequence number or an ephemeral owner, and the two must fit.
// Differs from Java on purpose: a createTTL whose flags or ttl make no TTL node is refused; Java
// 3.8 logs it and then cannot apply it.

import { ErrorCode } from '../../proto/errors.ts';
import { CreateFlag, OpCode } from '../../proto/opcodes.ts';
import { containerOwner, isTtl, ttlOwner } from '../tree/ephemeral-type.ts';

export function isSequential(flags: number): boolean {
  return (
    flags === CreateFlag.PERSISTENT_SEQUENTIAL ||
    flags === CreateFlag.EPHEMERAL_SEQUENTIAL ||
    flags === CreateFlag.PERSISTENT_SEQUENTIAL_WITH_TTL
  );
}

export function isEphemeral(flags: number): boolean {
  return flags === CreateFlag.EPHEMERAL || flags === CreateFlag.EPHEMERAL_SEQUENTIAL;
}

function isTtlFlags(flags: number): boolean {
  return (
    flags === CreateFlag.PERSISTENT_WITH_TTL || flags === CreateFlag.PERSISTENT_SEQUENTIAL_WITH_TTL
  );
}

/** Why no node can be made so, or Ok; before anything else of the request is looked at. */
export function createKindError(
  type: number,
  flags: number,
  ttl: bigint,
  extendedTypesEnabled: boolean,
): number {
  if (flags < 0 || flags > CreateFlag.PERSISTENT_SEQUENTIAL_WITH_TTL) return ErrorCode.BadArguments;
  const wantsTtl = isTtlFlags(flags);
  if (wantsTtl && !extendedTypesEnabled) return ErrorCode.Unimplemented;
  const isTtlOp = type === OpCode.createTTL;
  if (wantsTtl !== isTtlOp || (isTtlOp && !isTtl(ttl))) return ErrorCode.BadArguments;
  return ErrorCode.Ok;
}

/** The ephemeralOwner of the node, as it is stored. */
export function ownerOf(type: number, flags: number, ttl: bigint, sessionId: bigint): bigint {
  if (type === OpCode.createTTL) return ttlOwner(ttl);
  if (type === OpCode.createContainer) return containerOwner;
  return isEphemeral(flags) ? sessionId : 0n;
}

/** The end of a sequential name. Java's %010d: ten places, a minus sign among them. */
export function sequenceDigits(value: number): string {
  return value < 0 ? `-${String(-value).padStart(9, '0')}` : String(value).padStart(10, '0');
}
