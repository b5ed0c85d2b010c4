// Names of the files in a version-2 directory (Util.makeLogName, Util.makeSnapshotName, SnapStream.getStreamMode).
// In: a name; out: what it is and the zxid it claims. Differs from Java on purpose: Java takes `log.5.corrupt-1` for
// a log and `snapshot.5.tmp` for a snapshot; here only the exact form counts, and the rest is named in the log,
// unread. Invariant: no temporary or set-aside name of ours begins with `log.` or `snapshot.`, so Java never reads
// one.

import type { Zxid } from '../proto/zxid.ts';
import { hexZxid } from '../proto/zxid.ts';

export type Compression = 'none' | 'gz' | 'snappy';

export type FileName =
  | { readonly kind: 'log'; readonly name: string; readonly zxid: Zxid }
  | {
      readonly kind: 'snapshot';
      readonly name: string;
      readonly zxid: Zxid;
      readonly compression: Compression;
    }
  /** Left by a write of ours that did not finish: nothing in it was ever acknowledged. */
  | { readonly kind: 'leftover'; readonly name: string }
  /** Begins like a log or a snapshot and is neither. */
  | { readonly kind: 'lookalike'; readonly name: string }
  | { readonly kind: 'other'; readonly name: string };

/** Java reads the hex part as a signed long; a sign or a 17th digit is no zxid to it. */
const pattern = /^(log|snapshot)\.([0-9a-f]{1,16})(?:\.(gz|snappy))?$/;
const zxidMax = 0x7fffffffffffffffn;

/** The segment that waits to become the next log file. */
export const nextLogName = 'tmp-next-log';
const temporarySnapshotPrefix = 'tmp-snapshot-';

export function logName(firstZxid: Zxid): string {
  return `log.${hexZxid(firstZxid)}`;
}

export function snapshotName(zxid: Zxid, compression: Compression): string {
  return `snapshot.${hexZxid(zxid)}${compression === 'none' ? '' : `.${compression}`}`;
}

export function temporarySnapshotName(zxid: Zxid): string {
  return `${temporarySnapshotPrefix}${hexZxid(zxid)}`;
}

/** Where a file goes that must no longer be read and yet be kept: `set-aside-log.5`. */
export function setAsideName(name: string): string {
  return `set-aside-${name}`;
}

export function parseFileName(name: string): FileName {
  if (name === nextLogName || name.startsWith(temporarySnapshotPrefix)) {
    return { kind: 'leftover', name };
  }
  const match = pattern.exec(name);
  if (match === null) {
    const lookalike = name.startsWith('log.') || name.startsWith('snapshot.');
    return { kind: lookalike ? 'lookalike' : 'other', name };
  }
  const [, what, hex, extension] = match;
  const zxid = BigInt(`0x${hex}`);
  if (zxid > zxidMax || hexZxid(zxid) !== hex || (what === 'log' && extension !== undefined)) {
    return { kind: 'lookalike', name };
  }
  if (what === 'log') return { kind: 'log', name, zxid };
  const compression = extension === 'gz' || extension === 'snappy' ? extension : 'none';
  return { kind: 'snapshot', name, zxid, compression };
}

export type LogFileName = Extract<FileName, { kind: 'log' }>;
export type SnapshotFileName = Extract<FileName, { kind: 'snapshot' }>;

/** The log files among `names`, by rising zxid. */
export function logFiles(names: readonly string[]): LogFileName[] {
  return names
    .map(parseFileName)
    .filter((file) => file.kind === 'log')
    .sort((a, b) => (a.zxid < b.zxid ? -1 : 1));
}

/** The snapshots among `names`, newest first; of two for one zxid, the plain one first. */
export function snapshotFiles(names: readonly string[]): SnapshotFileName[] {
  return names
    .map(parseFileName)
    .filter((file) => file.kind === 'snapshot')
    .sort((a, b) => {
      if (a.zxid !== b.zxid) return a.zxid < b.zxid ? 1 : -1;
      return a.name.length - b.name.length;
    });
}
