// The one error for files that are not what they must be. It names the file and the offset, so that an operator can
// look, and the last transaction that is certain, so that he can decide to go on there (`--accept-data-loss`).
// Invariant: it is thrown before anything was changed or removed because of what was found.

import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';

export class CorruptionError extends Error {
  readonly file: string;
  /** In bytes from the start of the file; in a compressed snapshot, of what it unpacks to. */
  readonly offset: number;
  readonly reason: string;
  /** Everything up to here was recovered; undefined while a single file is judged. */
  readonly lastGoodZxid: Zxid | undefined;

  constructor(file: string, offset: number, reason: string, lastGoodZxid?: Zxid) {
    const tail =
      lastGoodZxid === undefined
        ? ''
        : `; the last certain transaction is 0x${hexZxid(lastGoodZxid)}. To go on there and give up ` +
          `all that came later: --accept-data-loss 0x${hexZxid(lastGoodZxid)}`;
    super(`${file} at byte ${offset}: ${reason}${tail}`);
    this.name = 'CorruptionError';
    this.file = file;
    this.offset = offset;
    this.reason = reason;
    this.lastGoodZxid = lastGoodZxid;
  }
}
