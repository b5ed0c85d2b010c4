// What a learner takes for a transaction, against the code that applies it: everything Java wrote passes, and whatever
// passes can be applied, on an empty tree and on one that fits. Java's transactions come from recorded connections and
// from its log files; then they are spoiled.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { applyTxn } from '../../../src/core/tree/apply.ts';
import { Database } from '../../../src/core/tree/database.ts';
import { TxnCheck } from '../../../src/core/zab/txn-check.ts';
import type { AnyRecord } from '../../../src/jute/record.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { OpCode } from '../../../src/proto/opcodes.ts';
import { PacketType } from '../../../src/proto/quorum.ts';
import { TxnHeader, txnRecords } from '../../../src/proto/txn.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { concatBytes, copyBytes } from '../../../src/util/bytes.ts';
import { Prng } from '../../../src/util/prng.ts';
import { projectFile } from '../../support/project-file.ts';
import { z } from './hand-made-packets.ts';
import { readRecordings } from './recordings.ts';

const check = new TxnCheck();

function makeDatabase(): Database {
  const options = { hashSeed: 1, digestEnabled: true, extendedTypesEnabled: true };
  return new Database({ ...options, emulate353TTLNodes: false }).ensureSystemNodes();
}

function zxidOf(bytes: Uint8Array): Zxid {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(12);
}

function faultOf(bytes: Uint8Array): string | undefined {
  return check.faultOf(zxidOf(bytes), bytes, 0, bytes.length);
}

/** What Java's logs hold: header, then entries of checksum, length, bytes and an end mark. */
function logged(): Uint8Array[] {
  const folder = projectFile('test/fixtures/storage/java-3.8.0');
  const txns: Uint8Array[] = [];
  for (const file of readdirSync(folder).filter((name) => name.startsWith('log.'))) {
    const bytes = new Uint8Array(readFileSync(join(folder, file)));
    const view = new DataView(bytes.buffer);
    for (let at = 16; at + 12 <= bytes.length; ) {
      const length = view.getInt32(at + 8);
      if (length <= 0) break;
      txns.push(copyBytes(bytes, at + 12, at + 12 + length));
      at += 12 + length + 1;
    }
  }
  return txns;
}

function proposed(): Uint8Array[] {
  return [...readRecordings().recordings.values()].flatMap(({ packets }) =>
    packets
      .filter(({ type }) => type === PacketType.PROPOSAL || type === PacketType.INFORM)
      .map(({ data }) => data ?? new Uint8Array(0)),
  );
}

const java = [...logged(), ...proposed()];

test('all that Java proposed and logged passes', () => {
  assert.ok(java.length > 250, `${java.length} transactions`);
  const types = new Set<number>();
  for (const bytes of java) {
    assert.equal(faultOf(bytes), undefined);
    types.add(new DataView(bytes.buffer, bytes.byteOffset).getInt32(28));
  }
  for (const type of ['create', 'delete', 'setData', 'multi', 'error', 'createTTL'] as const) {
    assert.ok(types.has(OpCode[type]), type);
  }
});

test('what passes can be applied, however it was spoiled', () => {
  const chance = new Prng(1);
  const [full, types] = [makeDatabase(), [...txnRecords.keys(), OpCode.check, 99]];
  let [passed, refused] = [0, 0];
  for (let round = 0; round < 20_000; round++) {
    let bytes = copyBytes(chance.pick(java));
    const view = new DataView(bytes.buffer);
    for (let left = chance.below(3); left > 0; left--) {
      bytes[32 + chance.below(bytes.length - 32)] = chance.pick([0, 1, 4, 0x2f, 0xff]);
    }
    if (chance.chance(0.3)) view.setInt32(28, chance.pick(types));
    if (chance.chance(0.2)) bytes = copyBytes(bytes, 0, chance.below(bytes.length + 1));
    if (bytes.length < 32 || faultOf(bytes) !== undefined) {
      refused++;
      continue;
    }
    passed++;
    for (const database of [full, makeDatabase()]) applyTxn(database, bytes, 0, bytes.length);
  }
  assert.ok(passed > 5000 && refused > 2000, `${passed} passed, ${refused} refused`);
});

function made(type: number, record?: AnyRecord, value?: object): Uint8Array {
  const out = new Writer();
  TxnHeader.write(out, { clientId: 1n, cxid: 2, zxid: z(1, 1), time: 3n, type });
  if (record !== undefined) record.write(out, value as never);
  return out.copy();
}

const digest = Uint8Array.of(0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8);
const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
const node = { path: '/a', data: null, acl, parentCVersion: 1 };
const recordOf = (type: number): AnyRecord => {
  const found = txnRecords.get(type);
  assert.ok(found !== undefined);
  return found;
};
const ttlTxn = (ttl: bigint): Uint8Array =>
  made(OpCode.createTTL, recordOf(OpCode.createTTL), { ...node, ttl });

const cases: readonly (readonly [what: string, bytes: Uint8Array, fault: RegExp | undefined])[] = [
  ['a session closed without a list', made(OpCode.closeSession), undefined],
  ['and with a digest behind', concatBytes([made(OpCode.closeSession), digest]), undefined],
  ['a TTL', ttlTxn(1n), undefined],
  ['a TTL of nothing', ttlTxn(0n), /0x100000001 of type 21: a TTL of 0 ms/],
  ['a TTL of ages', ttlTxn(1n << 40n), /a TTL of 1099511627776 ms/],
  ['a check (ZOOKEEPER-2623)', made(OpCode.check), /of type 13: a check outside a multi/],
  ['a read', made(OpCode.getData), /of type 4: no transaction has this type/],
  ['a delete of nothing', made(OpCode.delete, recordOf(OpCode.delete), { path: '' }), /slash/],
  ['half a header', new Uint8Array(31), /a transaction of 31 bytes/],
];

for (const [what, bytes, fault] of cases) {
  test(`a transaction: ${what}`, () => {
    const found = check.faultOf(z(1, 1), bytes, 0, bytes.length);
    if (fault === undefined) assert.equal(found, undefined);
    else assert.match(found ?? 'none', fault);
  });
}
