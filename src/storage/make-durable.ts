// Puts what recovery has read on disk before anybody is served from it. In: the logs that were replayed, where their
// entries end, the durable mark. A killed process may have left entries in the system's cache alone: built upon, they
// must not go with the next power loss (Java leaves them there).
//
// Where a sync failed, the system calls the pages clean though the disk never got them (fsyncgate), and a sync alone
// would do nothing: so what no mark vouches for is written once more, byte for byte, and then synced.

import type { Files, OpenFile } from '../ports.ts';
import type { DurableMark } from './durable-mark.ts';
import type { LogFileName } from './file-names.ts';
import type { ReplayedTail } from './replay.ts';

const chunkLength = 1 << 20;

/** Throws FileError. */
export function makeDurable(
  files: Files,
  directory: string,
  logs: readonly LogFileName[],
  tail: ReplayedTail | undefined,
  mark: DurableMark | undefined,
): void {
  for (const { name, zxid } of logs) {
    const path = files.join(directory, name);
    const isLast = tail?.path === path;
    const from = mark?.file === zxid ? mark.offset : 0;
    const file = files.open(path, isLast ? 'update' : 'read');
    try {
      if (isLast) rewrite(file, from, tail.end);
      file.sync();
    } finally {
      file.close();
    }
  }
  if (logs.length > 0) files.syncDirectoryNow(directory);
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
