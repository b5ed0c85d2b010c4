// Prep without a server around it: requests become transactions at once, and are applied later,
// when the test says so. Each answer and each transaction's bytes are kept, so that a run with a
// lag can be compared with one without.

import { OutstandingChanges } from '../../../../src/core/request/outstanding-changes.ts';
import type { PrepOptions, Proposal } from '../../../../src/core/request/prep.ts';
import { Prep } from '../../../../src/core/request/prep.ts';
import type { Requester } from '../../../../src/core/session/requester.ts';
import { applyTxn } from '../../../../src/core/tree/apply.ts';
import { Database } from '../../../../src/core/tree/database.ts';
import { Reader } from '../../../../src/jute/reader.ts';
import { Writer } from '../../../../src/jute/writer.ts';
import type { Id } from '../../../../src/proto/data.ts';
import { ErrorCode } from '../../../../src/proto/errors.ts';
import { OpCode, opName } from '../../../../src/proto/opcodes.ts';
import { highOf, lowOf } from '../../../../src/proto/zxid.ts';
import type { Request } from './requests.ts';
import { bodyOf } from './requests.ts';

export const prepOptions: PrepOptions = {
  extendedTypesEnabled: true,
  enforceQuota: false,
  skipAcl: false,
  closeSessionTxnEnabled: true,
  acl: { digestEnabled: true },
  txnLengthMax: 1 << 20,
};

export const anonymous: readonly Id[] = [{ scheme: 'ip', id: '127.0.0.1' }];

export function requester(
  sessionId: bigint,
  authIds: readonly Id[] = anonymous,
  error: number = ErrorCode.Ok,
  ephemeralError = 0,
): Requester {
  const halves = { sessionHigh: highOf(sessionId), sessionLow: lowOf(sessionId) };
  return { sessionId, ...halves, authIds, error, ephemeralError };
}

export class Pipeline {
  readonly database: Database;
  readonly changes: OutstandingChanges;
  readonly #prep: Prep;
  readonly #proposal: Proposal = {
    sequence: 0,
    zxidHigh: 0,
    zxidLow: 0,
    timeHigh: 0,
    timeLow: 1000,
  };
  readonly #inFlight: { readonly sequence: number; readonly bytes: Uint8Array }[] = [];

  constructor(options: Partial<PrepOptions> = {}, digestEnabled = true) {
    const { extendedTypesEnabled } = { ...prepOptions, ...options };
    this.database = new Database({
      digestEnabled,
      hashSeed: 5,
      extendedTypesEnabled,
      emulate353TTLNodes: false,
    }).ensureSystemNodes();
    this.changes = new OutstandingChanges(this.database.tree);
    this.#prep = new Prep(this.database, this.changes, { ...prepOptions, ...options });
  }

  get depth(): number {
    return this.#inFlight.length;
  }

  /** Makes the transaction of a request; returns its bytes. Throws DecodeError as prep does. */
  propose(who: Requester, request: Request): { readonly err: number; readonly txn: Uint8Array } {
    return this.proposeBytes(who, OpCode[request.op], bodyOf(request));
  }

  proposeBytes(who: Requester, type: number, body: Uint8Array) {
    const proposal = this.#proposal;
    proposal.sequence++;
    proposal.zxidLow++;
    proposal.timeLow += 7;
    const out = new Writer(1);
    // Not at the start of its memory, as in a batch.
    out.longParts(-1, -1);
    const start = out.at;
    const err = this.#prep.prepare(type, 3, who, proposal, new Reader(body), out);
    const txn = out.copy().subarray(start);
    body.fill(0xcc);
    this.#inFlight.push({ sequence: proposal.sequence, bytes: Uint8Array.from(txn) });
    return { err, txn: Uint8Array.from(txn) };
  }

  /** Applies the oldest transactions in flight, as many as there are at most. */
  commit(count = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count; i++) {
      const first = this.#inFlight.shift();
      if (first === undefined) return;
      applyTxn(this.database, first.bytes, 0, first.bytes.length);
      this.changes.applied(first.sequence);
    }
  }

  /** A request and its end; for setting a scene. Throws when it fails. */
  done(who: Requester, request: Request): void {
    const { err } = this.propose(who, request);
    if (err !== ErrorCode.Ok) throw new Error(`${opName(OpCode[request.op])} answered ${err}`);
    this.commit();
  }
}
