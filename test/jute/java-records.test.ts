// Every record against bytes that Java's jute wrote (test/fixtures/jute/JuteRecords.java made
// them): decoding gives Java's fields, encoding gives Java's bytes, and the interpreter agrees with
// the compiled code in both directions.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Reader } from '../../src/jute/reader.ts';
import type { AnyRecord, RecordType } from '../../src/jute/record.ts';
import { interpretedRecord } from '../../src/jute/record.ts';
import { Writer } from '../../src/jute/writer.ts';
import * as client from '../../src/proto/client.ts';
import * as data from '../../src/proto/data.ts';
import * as file from '../../src/proto/file.ts';
import * as quorum from '../../src/proto/quorum.ts';
import * as txn from '../../src/proto/txn.ts';
import { hexOf } from '../../src/util/bytes.ts';
import { projectFile } from '../support/project-file.ts';

/** Records of Java that have the shape of another and share its declaration here. */
const shared: Readonly<Record<string, string>> = {
  ExistsRequest: 'PathWatchRequest',
  GetDataRequest: 'PathWatchRequest',
  GetChildrenRequest: 'PathWatchRequest',
  GetChildren2Request: 'PathWatchRequest',
  GetACLRequest: 'PathRequest',
  SyncRequest: 'PathRequest',
  GetEphemeralsRequest: 'PathRequest',
  GetAllChildrenNumberRequest: 'PathRequest',
  CheckWatchesRequest: 'WatchTypeRequest',
  RemoveWatchesRequest: 'WatchTypeRequest',
  CreateResponse: 'PathResponse',
  SyncResponse: 'PathResponse',
  ExistsResponse: 'StatResponse',
  SetDataResponse: 'StatResponse',
  SetACLResponse: 'StatResponse',
};
/** Fields that we name otherwise than Java 3.8.0. */
const renamed: Readonly<Record<string, string>> = { prefixPath: 'path' };

const isRecord = (value: unknown): value is RecordType<unknown> =>
  typeof value === 'object' && value !== null && 'fields' in value && 'least' in value;

const declared = new Map<string, RecordType<unknown>>();
for (const value of [client, data, file, quorum, txn].flatMap((all) => Object.values(all))) {
  if (isRecord(value)) declared.set(value.name, value);
}

/** Our value of a field as the fixture writes it. */
function shown(value: unknown): unknown {
  if (typeof value === 'bigint') return { long: `${value}` };
  if (value instanceof Uint8Array) return { hex: hexOf(value) };
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, shown(field)]));
}

function withOurNames(value: Record<string, unknown>): unknown {
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [renamed[key] ?? key, field]),
  );
}

interface Line {
  readonly name: string;
  readonly fields: Record<string, unknown>;
  readonly bytes: Uint8Array;
}

const lines: Line[] = readFileSync(projectFile('test/fixtures/jute/java-records.txt'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [name = '', fields = '', hex = ''] = line.split('  ');
    return {
      name,
      fields: JSON.parse(fields) as Record<string, unknown>,
      bytes: Uint8Array.from(Buffer.from(hex, 'hex')),
    };
  });

function encode(record: AnyRecord, value: unknown): string {
  const writer = new Writer(1);
  record.write(writer, value as never);
  return hexOf(writer.written());
}

test('records decode from and encode to the bytes of Java', () => {
  for (const { name, fields, bytes } of lines) {
    const record = declared.get(shared[name] ?? name);
    assert(record !== undefined, `${name} is declared`);
    const reader = new Reader(bytes);
    const value = record.read(reader);
    assert.equal(reader.remaining, 0, name);
    assert.deepEqual(shown(value), withOurNames(fields), name);
    assert.equal(encode(record, value), hexOf(bytes), name);
    const slow = interpretedRecord(record.name, record.fields);
    assert.deepEqual(slow.read(new Reader(bytes)), value, name);
    assert.equal(encode(slow, value), hexOf(bytes), name);
    assert.equal(slow.least, record.least);
    assert(record.least <= bytes.length, `${name} takes ${record.least} bytes at least`);
  }
});

test('every declared record was compared', () => {
  const compared = new Set(lines.map(({ name }) => shared[name] ?? name));
  assert.deepEqual(
    [...declared.keys()].filter((name) => !compared.has(name)),
    [],
  );
});

test('a record cut anywhere is incomplete, not wrong', () => {
  for (const { name, bytes } of lines) {
    const record = declared.get(shared[name] ?? name) as AnyRecord;
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(
        () => record.read(new Reader(bytes, 0, end)),
        { name: 'DecodeError', incomplete: true },
        `${name} cut at ${end}`,
      );
    }
  }
});
