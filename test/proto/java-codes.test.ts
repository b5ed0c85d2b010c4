// The tables of numbers against Java's (test/fixtures/proto/JavaCodes.java printed them): every
// number Java 3.8 has is here under its name, and what is here beyond Java 3.8 is listed below.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Perms } from '../../src/proto/data.ts';
import { ErrorCode, errorName } from '../../src/proto/errors.ts';
import {
  AddWatchMode,
  allOps,
  CreateFlag,
  EventType,
  KeeperState,
  OpCode,
  opName,
  opOf,
  WatcherType,
} from '../../src/proto/opcodes.ts';
import { PacketType } from '../../src/proto/quorum.ts';
import { txnRecords } from '../../src/proto/txn.ts';
import { projectFile } from '../support/project-file.ts';

const tables: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  OpCode,
  Perms,
  ErrorCode,
  EventType,
  KeeperState,
  WatcherType,
  AddWatchMode,
  CreateFlag,
  PacketType,
};
/** States no server of today sends. */
const leftOut = new Set(['KeeperState Unknown -1', 'KeeperState NoSyncConnected 1']);
/** Numbers that came after 3.8. */
const newer = ['WatcherType Persistent 4', 'WatcherType PersistentRecursive 5'];

const java = readFileSync(projectFile('test/fixtures/proto/java-codes.txt'), 'utf8')
  .trimEnd()
  .split('\n')
  .filter((line) => !leftOut.has(line));

/** Names of errors differ in case only: NONODE there, NoNode here. */
const plain = (line: string) => line.toLowerCase();

test('numbers and names are those of Java', () => {
  const ours = Object.entries(tables).flatMap(([table, codes]) =>
    Object.entries(codes).map(([name, value]) => `${table} ${name} ${value}`),
  );
  assert.deepEqual(ours.map(plain).sort(), [...java, ...newer].map(plain).sort());
});

test('the table of operations is whole and finds each by its number', () => {
  const codes = Object.values(OpCode).filter((code) => code !== OpCode.notification);
  assert.deepEqual([...allOps()].map(({ code }) => code).sort(), codes.sort());
  for (const op of allOps()) {
    assert.equal(opOf(op.code), op);
    assert.equal(opName(op.code), op.name);
  }
  assert.equal(opOf(OpCode.notification), undefined);
  assert.equal(opOf(999), undefined);
  assert.equal(opName(999), 'op 999');
});

test('every write has a transaction of its type, and nothing else has', () => {
  for (const { code, kind } of allOps()) {
    const isLogged = kind === 'write' || kind === 'session' || kind === 'internal';
    assert.equal(txnRecords.has(code), isLogged, opName(code));
  }
});

test('errors have names, unknown numbers have none', () => {
  for (const [name, code] of Object.entries(ErrorCode)) assert.equal(errorName(code), name);
  assert.equal(errorName(-9999), undefined);
});
