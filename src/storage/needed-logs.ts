// Which log files a snapshot needs (FileTxnLog.getLogFiles): the last one that begins at or before the zxid behind
// it, and all later ones. Used alike by recovery, which reads them, and by purge, which keeps them. Differs from
// Java: where that last one holds no entry (a crash between its creation and its first write), the one before it is
// needed too, as its entries may reach beyond the empty file's name.

import type { Files } from '../ports.ts';
import { fileHeaderLength } from '../proto/file.ts';
import type { Zxid } from '../proto/zxid.ts';
import type { LogFileName } from './file-names.ts';
import { encodeLogHeader } from './log-segment.ts';

/** `logs` by rising zxid. */
export function logsFor(
  logs: readonly LogFileName[],
  snapshot: Zxid,
  isEmpty: (file: LogFileName) => boolean,
): LogFileName[] {
  let first = 0;
  for (const [i, { zxid }] of logs.entries()) if (zxid <= snapshot + 1n) first = i;
  for (let file = logs[first]; first > 0 && file !== undefined && isEmpty(file); ) {
    first--;
    file = logs[first];
  }
  return logs.filter((_, i) => i >= first);
}

const chunkLength = 1 << 20;

/**
 * True when a log file is cut inside its header, or is a header (or zeros in its place) and zeros.
 * Throws FileError.
 */
export function holdsNothing(files: Files, path: string): boolean {
  const file = files.open(path, 'read');
  try {
    const chunk = new Uint8Array(Math.min(chunkLength, file.length() + 1));
    const header = encodeLogHeader();
    let count = file.read(chunk, 0);
    if (count < fileHeaderLength) return true;
    const hasHeader = header.every((byte, i) => chunk[i] === byte);
    let from = hasHeader ? fileHeaderLength : 0;
    for (let at = 0; count > 0; from = 0, count = file.read(chunk, at)) {
      for (let i = from; i < count; i++) if (chunk[i] !== 0) return false;
      at += count;
    }
    return true;
  } finally {
    file.close();
  }
}
