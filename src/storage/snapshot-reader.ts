// Reads a snapshot file of any version from 3.4 to 3.10 (FileSnap.deserialize), streaming, into a fresh database,
// and checks a whole file without one. In: a file and its form. Out: the digest it carries, or CorruptionError.
//
// Behind the body stand a seal, and, as versions went, a digest section with its seal and a last-zxid section with
// its seal; what stands there must be one of those, whole. Differs from Java: Java takes any end of file before a
// section for an old version's, and unpacks without bounds. The last-zxid section is checked and not used: the name
// counts.

import type { SnapshotDigest } from '../core/tree/snapshot-body.ts';
import { DecodeError, Reader } from '../jute/reader.ts';
import type { Codec, Files, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';
import { fileHeaderLength, fileVersion, snapshotDbid, snapshotMagic } from '../proto/file.ts';
import { concatBytes, emptyBytes } from '../util/bytes.ts';
import { adler32 } from '../util/checksums.ts';
import { CorruptionError } from './corruption-error.ts';
import type { Compression } from './file-names.ts';
import { plainPieces, StreamEnd } from './snapshot-compression.ts';

/** Where the body goes: core/tree's SnapshotSink. */
export interface SnapshotIntake {
  push(bytes: Uint8Array): number;
  readonly complete: boolean;
}

export interface SnapshotLocation {
  readonly files: Files;
  readonly codec: Codec;
  readonly path: string;
  readonly compression: Compression;
}

/** Adler-32 as a long, then the string "/". */
const sealLength = 13;
/** More than every section together; the digest of version 1 is hex text. */
const tailMax = 256;

/**
 * Yields the bytes of the file read so far. Returns the digest section's content: undefined when there
 * is none or it is
 * empty. Throws CorruptionError, and nothing else for whatever the file holds.
 */
export function* readSnapshot(
  location: SnapshotLocation,
  intake: SnapshotIntake,
): Generator<number, SnapshotDigest | undefined> {
  return yield* reading(location, (file) => loading(location, file, intake));
}

/** Checks header and last seal, so every byte, without building anything. Yields as `readSnapshot`. */
export function* verifySnapshot(location: SnapshotLocation): Generator<number, void> {
  yield* reading(location, (file) => verifying(location, file));
}

function* reading<T>(
  { files, path }: SnapshotLocation,
  work: (file: OpenFile) => Generator<number, T>,
): Generator<number, T> {
  let file: OpenFile | undefined;
  try {
    file = files.open(path, 'read');
    return yield* work(file);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new CorruptionError(path, 0, `cannot be read: ${error.message}`);
  } finally {
    file?.close();
  }
}

function* loading(
  { codec, compression, path }: SnapshotLocation,
  file: OpenFile,
  intake: SnapshotIntake,
): Generator<number, SnapshotDigest | undefined> {
  const position = { at: 0 };
  let head: Uint8Array = emptyBytes;
  let tail: Uint8Array = emptyBytes;
  let adler = 1;
  let plainAt = 0;
  for (const piece of plainPieces(file, codec, compression, position)) {
    let at = 0;
    if (head.length < fileHeaderLength) {
      at = Math.min(piece.length, fileHeaderLength - head.length);
      head = concatBytes([head, piece.subarray(0, at)]);
      if (head.length === fileHeaderLength) checkHeader(path, head);
    }
    if (at < piece.length && !intake.complete) {
      at += feed(intake, piece.subarray(at), path, plainAt + at);
    }
    adler = adler32(adler, piece, 0, at);
    plainAt += at;
    if (at < piece.length) {
      tail = concatBytes([tail, piece.subarray(at)]);
      if (tail.length > tailMax) {
        throw new CorruptionError(path, plainAt, `more than ${tailMax} bytes behind the body`);
      }
    }
    yield position.at;
  }
  if (!intake.complete) throw new CorruptionError(path, plainAt, 'the snapshot is cut short');
  return readTail(path, tail, adler, plainAt);
}

function feed(intake: SnapshotIntake, bytes: Uint8Array, path: string, at: number): number {
  try {
    return intake.push(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new CorruptionError(path, at, `near here: ${error.message}`);
  }
}

function checkHeader(path: string, head: Uint8Array): void {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const fits =
    view.getInt32(0) === snapshotMagic &&
    view.getInt32(4) === fileVersion &&
    view.getBigInt64(8) === snapshotDbid;
  if (!fits) throw new CorruptionError(path, 0, 'not the header of a snapshot');
}

function readTail(
  path: string,
  tail: Uint8Array,
  bodyAdler: number,
  bodyEnd: number,
): SnapshotDigest | undefined {
  const reader = new Reader(tail);
  let adler = bodyAdler;
  let summed = 0;
  const seal = (): void => {
    adler = adler32(adler, tail, summed, reader.at);
    summed = reader.at;
    const stated = reader.long();
    if (reader.ustring() !== '/' || stated !== BigInt(adler)) {
      throw new CorruptionError(path, bodyEnd + reader.at - sealLength, 'a wrong checksum');
    }
  };
  try {
    seal();
    let digest: SnapshotDigest | undefined;
    // A server without digests writes the last zxid alone; a digest section is longer.
    if (reader.remaining > 8 + sealLength) {
      digest = readDigest(reader);
      seal();
    }
    if (reader.remaining > 0) {
      reader.long();
      seal();
    }
    if (reader.remaining > 0) throw new DecodeError('bytes behind the last seal', reader.at);
    return digest;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new CorruptionError(path, bodyEnd + error.at, `behind the body: ${error.message}`);
  }
}

function readDigest(reader: Reader): SnapshotDigest | undefined {
  const zxid = reader.long();
  const version = reader.int();
  let value: bigint;
  if (version < 2) {
    const at = reader.at;
    const text = reader.ustring();
    if (!/^[0-9a-f]{0,16}$/i.test(text)) throw new DecodeError('a digest that is not hex', at);
    value = text === '' ? 0n : BigInt.asIntN(64, BigInt(`0x${text}`));
  } else {
    value = reader.long();
  }
  return zxid > 0n ? { zxid, version, value } : undefined;
}

function* verifying(
  { codec, compression, path }: SnapshotLocation,
  file: OpenFile,
): Generator<number, void> {
  const position = { at: 0 };
  const end = new StreamEnd(sealLength);
  let head: Uint8Array = emptyBytes;
  let adler = 1;
  let length = 0;
  for (const piece of plainPieces(file, codec, compression, position)) {
    if (head.length < fileHeaderLength) {
      head = concatBytes([head, piece.subarray(0, fileHeaderLength - head.length)]);
    }
    length += piece.length;
    const passed = end.push(piece);
    adler = adler32(adler, passed, 0, passed.length);
    yield position.at;
  }
  if (length < fileHeaderLength + sealLength) {
    throw new CorruptionError(path, length, 'the snapshot is cut short');
  }
  checkHeader(path, head);
  const seal = new Reader(end.bytes);
  if (seal.long() !== BigInt(adler) || seal.int() !== 1 || seal.byte() !== 0x2f) {
    throw new CorruptionError(path, length - sealLength, 'a wrong checksum at its end');
  }
}
