// Records: declared once, in wire order, as data. `record()` compiles straight-line decode and
// encode functions from the declaration when it is loaded; where code generation from strings is
// off, an interpreter walks the fields. The two are tested equal. The TypeScript type of a record
// is inferred from its declaration.

import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** How one type is read and written. `least` is the fewest bytes a value takes; it bounds vector counts. */
export interface Type<T> {
  readonly name: string;
  readonly least: number;
  /** The method of Reader and Writer that does it, for the compiler; undefined for vectors and records. */
  readonly primitive?: 'byte' | 'boolean' | 'int' | 'long' | 'buffer' | 'ustring';
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

export type TypeOf<X> = X extends Type<infer T> ? T : never;

export const byte: Type<number> = {
  name: 'byte',
  least: 1,
  primitive: 'byte',
  read: (reader) => reader.byte(),
  write: (writer, value) => writer.byte(value),
};

export const boolean: Type<boolean> = {
  name: 'boolean',
  least: 1,
  primitive: 'boolean',
  read: (reader) => reader.boolean(),
  write: (writer, value) => writer.boolean(value),
};

export const int: Type<number> = {
  name: 'int',
  least: 4,
  primitive: 'int',
  read: (reader) => reader.int(),
  write: (writer, value) => writer.int(value),
};

export const long: Type<bigint> = {
  name: 'long',
  least: 8,
  primitive: 'long',
  read: (reader) => reader.long(),
  write: (writer, value) => writer.long(value),
};

/** Decodes to a view of the input: copy what you keep. null is not the same as empty. */
export const buffer: Type<Uint8Array | null> = {
  name: 'buffer',
  least: 4,
  primitive: 'buffer',
  read: (reader) => reader.buffer(),
  write: (writer, value) => writer.buffer(value),
};

/** A string that is never null: null on the wire reads as ''. */
export const ustring: Type<string> = {
  name: 'ustring',
  least: 4,
  primitive: 'ustring',
  read: (reader) => reader.ustring(),
  write: (writer, value) => writer.ustring(value),
};

export const nullableString: Type<string | null> = {
  name: 'nullableString',
  least: 4,
  read: (reader) => reader.nullableString(),
  write: (writer, value) => writer.ustring(value),
};

/** A list; null on the wire reads as []. */
export function vector<T>(element: Type<T>): Type<T[]> {
  const nullable = nullableVector(element);
  return {
    ...nullable,
    name: `vector<${element.name}>`,
    read: (reader) => nullable.read(reader) ?? [],
  };
}

/** A list that may be null (written as count −1). */
export function nullableVector<T>(element: Type<T>): Type<T[] | null> {
  return {
    name: `nullableVector<${element.name}>`,
    least: 4,
    read(reader) {
      const count = reader.count(element.least);
      if (count < 0) return null;
      const list: T[] = [];
      for (let i = 0; i < count; i++) list.push(element.read(reader));
      return list;
    },
    write(writer, value) {
      if (value === null) {
        writer.int(-1);
        return;
      }
      writer.int(value.length);
      for (const item of value) element.write(writer, item);
    },
  };
}

type AnyFields = { readonly [name: string]: { readonly name: string; readonly least: number } };
type RecordOf<F> = { -readonly [K in keyof F]: F[K] extends Type<infer T> ? T : never };

export interface RecordType<T> extends Type<T> {
  readonly fields: ReadonlyArray<readonly [name: string, type: Type<unknown>]>;
}

/** A record whose type is known only at run time, as tables hold it. */
export type AnyRecord = Pick<RecordType<unknown>, 'name' | 'fields' | 'least'> & {
  read(reader: Reader): unknown;
  write(writer: Writer, value: never): void;
};

/**
 * Whether this process may compile code from strings (a Content Security Policy or
 * `--disallow-code-generation…` forbids it).
 */
function mayCompile(): boolean {
  try {
    return new Function('return 1')() === 1;
  } catch {
    return false;
  }
}

const compiles = mayCompile();

/** Declares a record: fields in wire order, no tag, no length, no padding (zookeeper.jute). */
export function record<F extends AnyFields>(name: string, fields: F): RecordType<RecordOf<F>> {
  const list = Object.entries(fields) as unknown as ReadonlyArray<readonly [string, Type<unknown>]>;
  return compiles ? compiledRecord(name, list) : interpretedRecord(name, list);
}

/** The slow twin of `record`, exported as the oracle of its tests. */
export function interpretedRecord<T>(
  name: string,
  fields: ReadonlyArray<readonly [string, Type<unknown>]>,
): RecordType<T> {
  return {
    name,
    fields,
    least: leastOf(fields),
    read(reader) {
      const value: Record<string, unknown> = {};
      for (const [field, type] of fields) value[field] = type.read(reader);
      return value as T;
    },
    write(writer, value) {
      const source = value as Record<string, unknown>;
      for (const [field, type] of fields) type.write(writer, source[field]);
    },
  };
}

function compiledRecord<T>(
  name: string,
  fields: ReadonlyArray<readonly [string, Type<unknown>]>,
): RecordType<T> {
  const types = fields.map(([, type]) => type);
  const readOf = (type: Type<unknown>, i: number) =>
    type.primitive ? `reader.${type.primitive}()` : `types[${i}].read(reader)`;
  const writeOf = (type: Type<unknown>, i: number, value: string) =>
    type.primitive ? `writer.${type.primitive}(${value})` : `types[${i}].write(writer, ${value})`;
  const reads = fields.map(([field, type], i) => `${field}: ${readOf(type, i)}`).join(', ');
  const writes = fields
    .map(([field, type], i) => `${writeOf(type, i, `value.${field}`)};`)
    .join(' ');
  const make = new Function(
    'types',
    `return { read: (reader) => ({ ${reads} }), write: (writer, value) => { ${writes} } };`,
  ) as (types: ReadonlyArray<Type<unknown>>) => Pick<Type<T>, 'read' | 'write'>;
  return { name, fields, least: leastOf(fields), ...make(types) };
}

function leastOf(fields: ReadonlyArray<readonly [string, Type<unknown>]>): number {
  return fields.reduce((sum, [, type]) => sum + type.least, 0);
}
