/**
 * Frames of one server as plain values that can be compared with another server's.
 *
 * In: a frame, the type of the request it answers, and what is known of that server (its session
 * ids, the time of each of its transactions). Out: an event or a reply whose body is a tree of
 * strings, numbers and lists, in which session ids have become the session's number and times the
 * zxid of the transaction they came with; a time that is not that transaction's stays a number.
 * Every byte is accounted for: what is left behind a body is part of the value.
 */

import { DecodeError, Reader } from '../../src/jute/reader.ts';
import type { AnyRecord } from '../../src/jute/record.ts';
import { MultiHeader, WatcherEvent, Xid } from '../../src/proto/client.ts';
import { Stat } from '../../src/proto/data.ts';
import { OpCode, opOf } from '../../src/proto/opcodes.ts';

export type Shape = string | number | boolean | null | readonly Shape[] | ShapeObject;
export interface ShapeObject {
  readonly [name: string]: Shape;
}

export interface EventShape {
  readonly kind: 'event';
  readonly zxid: bigint;
  readonly err: number;
  readonly type: number;
  readonly state: number;
  readonly path: string;
}

export interface ReplyShape {
  readonly kind: 'reply';
  readonly xid: number;
  readonly zxid: bigint;
  readonly err: number;
  readonly body: Shape;
}

export interface ClosedShape {
  readonly kind: 'closed';
}

export type FrameShape = EventShape | ReplyShape | ClosedShape;

/** /zookeeper/config of an ensemble: two ensembles have their own ports. */
const configuration = /^(server\.\d+=[^\n]*\n)+version=0$/;

/** What one server calls things. */
export class Names {
  readonly #sessions = new Map<bigint, string>();
  readonly #times = new Map<bigint, bigint>();

  session(id: bigint, name: string): void {
    this.#sessions.set(id, name);
  }

  owner(id: bigint): string {
    return this.#sessions.get(id) ?? `${id}`;
  }

  /** The time of a transaction, the same whenever it is seen; the epoch's begin for what was always there. */
  time(zxid: bigint, time: bigint): string {
    // /zookeeper/config: every server of an ensemble writes it for itself.
    if (zxid === 0n && time !== 0n) return 'a time of its own';
    const known = this.#times.get(zxid);
    if (known === undefined) this.#times.set(zxid, time);
    if (known === undefined || known === time) return `time of ${zxid}`;
    return `${time}, not ${known} of ${zxid}`;
  }
}

/** Counts the strings and lists that are null, which records read as empty. */
class NullCounter extends Reader {
  nulls = 0;

  override ustring(): string {
    const text = this.nullableString();
    if (text === null) this.nulls++;
    return text ?? '';
  }

  override count(elementLeast: number): number {
    const count = super.count(elementLeast);
    if (count < 0) this.nulls++;
    return count;
  }
}

export function shapeOf(
  frame: Uint8Array | undefined,
  names: Names,
  typeOfNext: number,
): FrameShape {
  if (frame === undefined) return { kind: 'closed' };
  const reader = new NullCounter(frame);
  const [xid, zxid, err] = [reader.int(), reader.long(), reader.int()];
  if (xid === Xid.NOTIFICATION) {
    const { type, state, path } = WatcherEvent.read(reader);
    if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes behind an event`);
    return { kind: 'event', zxid, err, type, state, path };
  }
  return { kind: 'reply', xid, zxid, err, body: bodyOf(typeOfNext, reader, names) };
}

function bodyOf(type: number, reader: NullCounter, names: Names): Shape {
  if (reader.remaining === 0) return null;
  const start = reader.at;
  try {
    const shape =
      type === OpCode.multi || type === OpCode.multiRead
        ? multiOf(reader, names)
        : recordOf(opOf(type)?.response, reader, names);
    if (reader.remaining > 0) return { body: shape, behind: hexOf(reader, reader.at) };
    return reader.nulls === 0 ? shape : { body: shape, nulls: reader.nulls };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { unreadable: hexOf(reader, start) };
  }
}

function multiOf(reader: Reader, names: Names): Shape {
  const results: Shape[] = [];
  for (;;) {
    const header = MultiHeader.read(reader);
    if (header.done) return results;
    results.push({ ...header, body: resultOf(header.type, reader, names) });
  }
}

function resultOf(type: number, reader: Reader, names: Names): Shape {
  if (type === OpCode.error) return reader.int();
  return recordOf(opOf(type)?.response, reader, names);
}

function recordOf(record: AnyRecord | undefined, reader: Reader, names: Names): Shape {
  return record === undefined ? null : toShape(record.read(reader), names);
}

function toShape(value: unknown, names: Names): Shape {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return `${value}`;
  if (value instanceof Uint8Array) {
    const text = Buffer.from(value).toString('latin1');
    return configuration.test(text) ? text.replace(/:\d+/g, ':port') : text;
  }
  if (Array.isArray(value)) return value.map((item) => toShape(item, names));
  if (isStat(value)) return statOf(value, names);
  return Object.fromEntries(
    Object.entries(value as object).map(([name, item]) => [name, toShape(item, names)]),
  );
}

const statFields = Stat.fields.map(([name]) => name).join();

function isStat(value: unknown): value is Stat {
  return typeof value === 'object' && Object.keys(value ?? {}).join() === statFields;
}

function statOf(stat: Stat, names: Names): Shape {
  return {
    ...stat,
    czxid: `${stat.czxid}`,
    mzxid: `${stat.mzxid}`,
    pzxid: `${stat.pzxid}`,
    ctime: names.time(stat.czxid, stat.ctime),
    mtime: names.time(stat.mzxid, stat.mtime),
    ephemeralOwner: names.owner(stat.ephemeralOwner),
  };
}

function hexOf(reader: Reader, start: number): string {
  return Buffer.from(reader.bytes.subarray(start, reader.end)).toString('hex');
}

export function same(one: Shape, other: Shape): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** All lists in order of their content: equal for two that differ in the order of lists only. */
export function withoutOrder(shape: Shape): Shape {
  if (isList(shape)) {
    const items = shape.map(withoutOrder);
    return items.map((item) => JSON.stringify(item)).sort();
  }
  if (shape === null || typeof shape !== 'object') return shape;
  return Object.fromEntries(
    Object.entries(shape).map(([name, item]) => [name, withoutOrder(item)]),
  );
}

function isList(shape: Shape): shape is readonly Shape[] {
  return Array.isArray(shape);
}
