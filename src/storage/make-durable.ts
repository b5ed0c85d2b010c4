// Puts what recovery has read on disk before anybody is served from it. In: the logs that were replayed, where their
// entries end, the durable mark. A killed process may have left entries in the system's cache alone: built upon, they
// must not go with the next power loss (Java leaves them there).
//
// Where a sync failed, the system calls the pages clean though the disk never got them (fsyncgate), and a sync alone
// would do nothing: so what no mark vouches for is written once more, byte for byte, and then synced. A torn tail is
// cut off if a mark judged it: the next log file overwrites that mark, and without it the tail might look like damage.
// Then the mark says so: what lies behind it is judged more mildly, and nothing of this may be.

import type { Files, OpenFile } from '../ports.ts';
import { FileError } from '../ports.ts';
import type { DurableMark } from './durable-mark.ts';
import { DurableMarkWriter } from './durable-mark.ts';
import type { LogFileName } from './file-names.ts';
import type { Replayed } from './replay.ts';

const chunkLength = 1 << 20;

/** Throws FileError. */
export function makeDurable(
  files: Files,
  directory: string,
  logs: readonly LogFileName[],
  { tail, torn }: Pick<Replayed, 'tail' | 'torn'>,
  mark: DurableMark | undefined,
): void {
  for (const { name, zxid } of logs) {
    const path = files.join(directory, name);
    const isLast = tail?.path === path;
    const isMarked = mark?.file === zxid;
    const file = files.open(path, isLast ? 'update' : 'read');
    try {
      if (isLast) rewrite(file, isMarked ? mark.offset : 0, tail.end);
      if (isLast && isMarked && torn.some((one) => one.path === path)) file.setLength(tail.end);
      file.sync();
    } finally {
      file.close();
    }
    if (isLast && isMarked && mark.offset < tail.end) {
      noteDurable(files, directory, { file: zxid, offset: tail.end });
    }
  }
  if (logs.length > 0) files.syncDirectoryNow(directory);
}

/** The log is no worse without it. */
function noteDurable(files: Files, directory: string, mark: DurableMark): void {
  try {
    const writer = new DurableMarkWriter(files, directory);
    try {
      writer.write(mark);
      writer.syncNow();
    } finally {
      writer.close();
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
  }
}

function rewrite(file: OpenFile, from: number, to: number): void {
  for (let at = from; at < to; ) {
    const bytes = new Uint8Array(Math.min(chunkLength, to - at));
    const count = file.read(bytes, at);
    if (count === 0) return;
    file.write(bytes.subarray(0, count), at);
    at += count;
  }
}
