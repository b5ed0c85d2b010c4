/**
 * What both fuzz tests of the client port share: how many cases, from which seed, and the witness,
 * an honest client beside the attackers whose every answer must stay right.
 *
 * QUOLL_FUZZ_CASES sets the number of cases, QUOLL_SEED where they begin; a failure names its case.
 */
import assert from 'node:assert/strict';
import { applyTxn } from '../../src/core/tree/apply.ts';
import { GetDataResponse } from '../../src/proto/client.ts';
import { ErrorCode } from '../../src/proto/errors.ts';
import { AddWatchMode, EventType, OpCode } from '../../src/proto/opcodes.ts';
import { Prng } from '../../src/util/prng.ts';
import type { FakeServer } from '../support/fake-server.ts';
import { emptyDatabase } from '../support/fake-server.ts';
import { FakeSession, whole } from '../support/fake-session.ts';

export const seed = Number(process.env.QUOLL_SEED ?? 1);

/** Cases to run: a share of what is asked for, `standard` of them when nothing is. */
export function casesOf(standard: number, share: number): number {
  const wanted = process.env.QUOLL_FUZZ_CASES;
  return wanted === undefined ? standard : Math.max(1, Math.floor(Number(wanted) * share));
}

/** Runs `one` for each case with a generator of its own. */
export function fuzz(cases: number, one: (prng: Prng, index: number) => void): void {
  for (let index = 0; index < cases; index++) {
    const caseSeed = seed * 1_000_003 + index;
    try {
      one(new Prng(caseSeed), index);
    } catch (error) {
      throw new Error(`case ${index} of QUOLL_SEED=${seed}: ${String(error)}`, { cause: error });
    }
  }
}

/** Nobody else has its node's name, nor the right to change it. */
const path = '/witness of the fuzz tests';

export class Witness {
  readonly #session: FakeSession;
  #version = 0;

  constructor(server: FakeServer) {
    this.#session = new FakeSession(server, {}, 'witness:secret');
    const created = this.#session.err(OpCode.create, (out) => {
      out.ustring(path);
      out.buffer(Buffer.from('0'));
      out.int(1);
      out.int(31);
      out.ustring('auth');
      out.ustring('');
      out.int(0);
    });
    assert.equal(created, ErrorCode.Ok);
    const watched = this.#session.err(OpCode.addWatch, (out) => {
      out.ustring(path);
      out.int(AddWatchMode.PERSISTENT);
    });
    assert.equal(watched, ErrorCode.Ok);
  }

  /** Changes its node and reads it again, in one go: one event, two answers, what was written. */
  check(): void {
    this.#version++;
    const written = Buffer.from(String(this.#version));
    const replies = this.#session.askAll([
      [
        OpCode.setData,
        (out) => {
          out.ustring(path);
          out.buffer(written);
          out.int(this.#version - 1);
        },
      ],
      [
        OpCode.getData,
        (out) => {
          out.ustring(path);
          out.boolean(false);
        },
      ],
    ]);
    assert.ok(this.#session.isOpen, 'the witness is connected');
    assert.deepEqual(
      replies.map(({ err }) => err),
      [ErrorCode.Ok, ErrorCode.Ok],
      'the witness is served',
    );
    const { data, stat } = whole(replies[1], (reader) => GetDataResponse.read(reader));
    assert.deepEqual([Buffer.from(data ?? []), stat.version], [written, this.#version]);
    const events = this.#session.events.splice(0);
    assert.deepEqual(events, [{ type: EventType.NodeDataChanged, state: 3, path }]);
  }
}

/** Everything that was logged can be read again and leads to the same tree, digest by digest. */
export function assertReplays(server: FakeServer): void {
  assert.equal(server.database.digestMismatches, 0, 'digests were foretold rightly');
  const again = emptyDatabase();
  for (const txn of server.txns) applyTxn(again, txn, 0, txn.length);
  assert.equal(again.digestMismatches, 0, 'the log replays');
  assert.equal(again.tree.nodeCount, server.database.tree.nodeCount);
  assert.equal(again.tree.digest, server.database.tree.digest);
}
