// The three forms of a snapshot file (SnapStream): plain, gzip, snappy-java's stream. In: pieces of plain bytes,
// out: what stands in the file; and back. Java tells the form by the last extension of the name. Invariants: a piece
// becomes one gzip member or a few snappy blocks, so nothing depends on what came before; reading allocates a
// bounded amount however small the file that claims to unpack to it.

import { Writer } from '../jute/writer.ts';
import type { Codec, OpenFile } from '../ports.ts';
import { concatBytes, emptyBytes } from '../util/bytes.ts';
import { CorruptionError } from './corruption-error.ts';
import type { Compression } from './file-names.ts';

/** snappy-java's stream header: magic, version 1, lowest compatible version 1 (SnappyCodec). */
const snappyHeader = Uint8Array.of(
  0x82,
  0x53,
  0x4e,
  0x41,
  0x50,
  0x50,
  0x59,
  0,
  0,
  0,
  0,
  1,
  0,
  0,
  0,
  1,
);
/** Plain bytes in a block, as SnappyOutputStream cuts them. */
const snappyBlockLength = 32 * 1024;
/** The largest block a reader believes; snappy-java's block size can be configured. */
const snappyBlockMax = 4 << 20;
/** Read from a plain file at once. */
const pieceLength = 256 * 1024;
/** Read from a gzip file at once: deflate packs at most 1,032 to 1, so a piece unpacks to 16 MiB at worst. */
const gzipPieceLength = 16 * 1024;

/** About this many plain bytes make a piece that takes a few milliseconds at most. */
export function pieceLengthOf(compression: Compression): number {
  return compression === 'gz' ? 64 * 1024 : pieceLength;
}

/** `piece` as it goes into the file; `first`: it is the file's first. May be `piece` itself. */
export function compressPiece(
  codec: Codec,
  compression: Compression,
  piece: Uint8Array,
  first: boolean,
): Uint8Array {
  if (compression === 'none') return piece;
  if (compression === 'gz') return codec.gzip(piece);
  const out = new Writer(piece.length + 1024);
  if (first) out.raw(snappyHeader);
  for (let at = 0; at < piece.length; at += snappyBlockLength) {
    out.buffer(codec.snappy(piece.subarray(at, Math.min(piece.length, at + snappyBlockLength))));
  }
  return out.written();
}

/**
 * The plain bytes of a snapshot file, piece by piece; a piece is valid until the next is asked for.
 * `position` tells how
 * much of the file was read. Throws CorruptionError, FileError.
 */
export function* plainPieces(
  file: OpenFile,
  codec: Codec,
  compression: Compression,
  position: { at: number },
): Generator<Uint8Array, void> {
  if (compression === 'none') {
    const piece = new Uint8Array(Math.min(pieceLength, file.length() + 1));
    for (;;) {
      const count = file.read(piece, position.at);
      position.at += count;
      if (count > 0) yield piece.subarray(0, count);
      if (count < piece.length) return;
    }
  }
  if (compression === 'gz') yield* gunzip(file, codec, position);
  else yield* unsnappy(file, codec, position);
}

function* gunzip(file: OpenFile, codec: Codec, position: { at: number }): Generator<Uint8Array> {
  const inflater = codec.gunzip();
  const piece = new Uint8Array(gzipPieceLength);
  const attempt = (unpack: () => Uint8Array): Uint8Array => {
    try {
      return unpack();
    } catch (error) {
      throw notOfTheForm(file, position.at, 'gzip', error);
    }
  };
  for (;;) {
    const count = file.read(piece, position.at);
    const plain = attempt(() => inflater.push(piece.subarray(0, count)));
    position.at += count;
    if (plain.length > 0) yield plain;
    if (count < piece.length) break;
  }
  const rest = attempt(() => inflater.finish());
  if (rest.length > 0) yield rest;
}

function* unsnappy(file: OpenFile, codec: Codec, position: { at: number }): Generator<Uint8Array> {
  const header = new Uint8Array(snappyHeader.length);
  const length = new Uint8Array(4);
  const view = new DataView(length.buffer);
  if (file.read(header, 0) < header.length || header[0] !== snappyHeader[0]) {
    throw new CorruptionError(file.path, 0, 'not a snappy stream');
  }
  for (;;) {
    const count = file.read(length, position.at);
    if (count === 0) return;
    const blockLength = view.getInt32(0);
    if (count === 4 && blockLength === new DataView(snappyHeader.buffer).getInt32(0)) {
      // Streams may stand back to back.
      file.read(header, position.at);
      if (header.some((byte, i) => byte !== snappyHeader[i])) {
        throw new CorruptionError(file.path, position.at, 'not the header of a snappy stream');
      }
      position.at += header.length;
      continue;
    }
    if (count < 4 || blockLength < 0 || blockLength > snappyBlockMax) {
      throw new CorruptionError(file.path, position.at, `a snappy block of ${blockLength} bytes`);
    }
    const block = new Uint8Array(blockLength);
    if (file.read(block, position.at + 4) < blockLength) {
      throw new CorruptionError(file.path, position.at, 'the file ends inside a snappy block');
    }
    let plain: Uint8Array;
    try {
      plain = codec.unsnappy(block, snappyBlockMax);
    } catch (error) {
      throw notOfTheForm(file, position.at, 'snappy', error);
    }
    position.at += 4 + blockLength;
    if (plain.length > 0) yield plain;
  }
}

function notOfTheForm(file: OpenFile, at: number, form: string, error: unknown): CorruptionError {
  const why = error instanceof Error ? error.message : String(error);
  return new CorruptionError(file.path, at, `not ${form}: ${why}`);
}

/** The last bytes of a stream that passes by in pieces. */
export class StreamEnd {
  readonly #most: number;
  #bytes: Uint8Array = emptyBytes;

  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Takes a piece; returns what is now known not to be at the end. */
  push(piece: Uint8Array): Uint8Array {
    const all = concatBytes([this.#bytes, piece]);
    const cut = Math.max(0, all.length - this.#most);
    this.#bytes = all.subarray(cut);
    return all.subarray(0, cut);
  }
}
