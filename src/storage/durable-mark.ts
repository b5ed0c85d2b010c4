// A lower bound of what is on disk: "log.5 is durable up to byte 8192". Java's log format cannot tell a torn tail
// from damage; with this, what was once synced and cannot be read is damage, and only what lies behind may be torn.
//
// The file `durable-mark` lies beside the logs; Java does not look at it. It is written after each sync of the log
// and synced only when a log file begins, so it may be old but never says too much. Two slots are written in turn,
// each with a sequence number and an Adler-32, so a torn write leaves the other. Missing, unreadable or about a file
// that is gone: no evidence. A Java server in between only adds files, so what was said of ours stays true.

import type { FileDone, Files, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { Zxid } from '../proto/zxid.ts';
import { adler32 } from '../util/checksums.ts';

export const durableMarkName = 'durable-mark';

export interface DurableMark {
  /** The first zxid of the log file: its name. */
  readonly file: Zxid;
  /** Bytes from its start that are on disk; always the end of an entry. */
  readonly offset: number;
}

/** 'QDMK' */
const magic = 0x51444d4b;
const slotLength = 32;
/** A slot to a sector, so that a torn write cannot hit both. */
const slotDistance = 512;

interface Slot extends DurableMark {
  readonly sequence: number;
}

function readSlot(bytes: Uint8Array, at: number): Slot | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, slotLength);
  if (view.getUint32(0) !== magic) return undefined;
  if (view.getUint32(slotLength - 4) !== adler32(1, bytes, at, at + slotLength - 4)) {
    return undefined;
  }
  return {
    sequence: view.getFloat64(4),
    file: view.getBigInt64(12),
    offset: view.getFloat64(20),
  };
}

function newest(files: Files, path: string): Slot | undefined {
  const bytes = new Uint8Array(slotDistance + slotLength);
  try {
    if (files.status(path)?.kind !== 'file') return undefined;
    const file = files.open(path, 'read');
    try {
      file.read(bytes, 0);
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
  const slots = [readSlot(bytes, 0), readSlot(bytes, slotDistance)].filter(
    (slot) => slot !== undefined,
  );
  return slots.sort((a, b) => b.sequence - a.sequence)[0];
}

/** undefined when there is no evidence. */
export function readDurableMark(files: Files, logDirectory: string): DurableMark | undefined {
  const slot = newest(files, files.join(logDirectory, durableMarkName));
  return slot && { file: slot.file, offset: slot.offset };
}

/** Before log files go: a new one may get the name the mark speaks of. Throws FileError. */
export function removeDurableMark(files: Files, logDirectory: string): void {
  const path = files.join(logDirectory, durableMarkName);
  if (files.status(path) !== undefined) files.remove(path);
}

export class DurableMarkWriter {
  readonly #file: OpenFile;
  readonly #bytes = new Uint8Array(slotLength);
  readonly #view = new DataView(this.#bytes.buffer);
  #sequence: number;

  /** Throws FileError. */
  constructor(files: Files, logDirectory: string) {
    const path = files.join(logDirectory, durableMarkName);
    this.#sequence = newest(files, path)?.sequence ?? 0;
    const exists = files.status(path)?.length === 2 * slotDistance;
    this.#file = files.open(path, exists ? 'update' : 'create');
    if (!exists) this.#file.setLength(2 * slotDistance);
  }

  /** Throws FileError. */
  write(mark: DurableMark): void {
    this.#sequence++;
    const view = this.#view;
    view.setUint32(0, magic);
    view.setFloat64(4, this.#sequence);
    view.setBigInt64(12, mark.file);
    view.setFloat64(20, mark.offset);
    view.setUint32(slotLength - 4, adler32(1, this.#bytes, 0, slotLength - 4));
    this.#file.write(this.#bytes, (this.#sequence & 1) * slotDistance);
  }

  sync(done: FileDone): void {
    this.#file.datasync(done);
  }

  /** Throws FileError. */
  syncNow(): void {
    this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}
