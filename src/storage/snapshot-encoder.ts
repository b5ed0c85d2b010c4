// A state as a snapshot file, piece by piece (FileSnap.serialize): header, body, seal, digest section, seal. In: the
// image of a database at one zxid. Out: the file's bytes in order, compressed when asked for. Invariant: each seal
// is the Adler-32 of every plain byte before it, earlier seals included. The last-zxid section of 3.9 is not
// written: a server restores the zxid from the name, and 3.8 writes none.

import { digestVersion } from '../core/tree/data-tree.ts';
import type { SnapshotDigest } from '../core/tree/snapshot-body.ts';
import { Writer } from '../jute/writer.ts';
import type { Codec } from '../ports.ts';
import { FileHeader, fileVersion, snapshotDbid, snapshotMagic } from '../proto/file.ts';
import type { Zxid } from '../proto/zxid.ts';
import { adler32 } from '../util/checksums.ts';
import type { Compression } from './file-names.ts';
import { compressPiece, pieceLengthOf } from './snapshot-compression.ts';

/** What a snapshot is made of: core/tree's SnapshotSource. */
export interface SnapshotImage {
  readonly zxid: Zxid;
  readonly digest: SnapshotDigest | undefined;
  next(into: Writer, atMost: number): boolean;
  close(): void;
}

export interface SnapshotForm {
  readonly compression: Compression;
  /** `digest.enabled`: with a digest section, of zeros when there is no digest yet. */
  readonly digestEnabled: boolean;
}

/** Asked of the image at once; between two askings the clock is looked at. */
const stepLength = 32 * 1024;

export class SnapshotEncoder {
  readonly #image: SnapshotImage;
  readonly #form: SnapshotForm;
  readonly #codec: Codec;
  readonly #plain: Writer;
  readonly #pieceLength: number;
  #adler = 1;
  /** Bytes of `#plain` that are in `#adler`. */
  #summed = 0;
  #first = true;
  #bodyEnded = false;

  constructor(image: SnapshotImage, form: SnapshotForm, codec: Codec) {
    this.#image = image;
    this.#form = form;
    this.#codec = codec;
    this.#pieceLength = pieceLengthOf(form.compression);
    this.#plain = new Writer(this.#pieceLength + stepLength);
    FileHeader.write(this.#plain, {
      magic: snapshotMagic,
      version: fileVersion,
      dbid: snapshotDbid,
    });
  }

  /**
   * The next bytes of the file, valid until the next call; undefined when the piece is not full yet and `enough` said
   * to stop for now. `done` tells whether the file is complete behind them.
   */
  next(enough: () => boolean): Uint8Array | undefined {
    const plain = this.#plain;
    while (!this.#bodyEnded && plain.at < this.#pieceLength) {
      this.#bodyEnded = !this.#image.next(plain, stepLength);
      if (!this.#bodyEnded && plain.at < this.#pieceLength && enough()) return undefined;
    }
    if (this.#bodyEnded) this.#seals();
    this.#sum();
    const piece = compressPiece(this.#codec, this.#form.compression, plain.written(), this.#first);
    this.#first = false;
    plain.clear();
    this.#summed = 0;
    return piece;
  }

  /** True when the last piece was handed out. */
  get done(): boolean {
    return this.#bodyEnded && this.#plain.at === 0;
  }

  #seals(): void {
    const plain = this.#plain;
    this.#seal();
    if (!this.#form.digestEnabled) return;
    const { digest } = this.#image;
    plain.long(digest?.zxid ?? 0n);
    plain.int(digest?.version ?? digestVersion);
    // Before the first transaction there is no digest yet (DataTree.serializeZxidDigest).
    plain.long(digest === undefined || digest.zxid === 0n ? 0n : digest.value);
    this.#seal();
  }

  #seal(): void {
    this.#sum();
    this.#plain.long(BigInt(this.#adler));
    this.#plain.ustring('/');
  }

  #sum(): void {
    this.#adler = adler32(this.#adler, this.#plain.bytes, this.#summed, this.#plain.at);
    this.#summed = this.#plain.at;
  }
}
