// PS8: the newest snapshot stays, and so does every log that holds what comes behind the oldest snapshot that is left,
// so that each of them can be recovered from. In: the files of a lone server, and what is about to be removed. Out:
// violations. Zxids have no gaps there, so a log holds everything up to where the next one begins.

import { logFiles, parseFileName, snapshotFiles } from '../../storage/file-names.ts';
import type { DiskCall } from '../memory-files.ts';
import type { World } from '../world.ts';

/** For `onDiskCall`. `list`: the names in a directory; `snapshots`: where snapshots are. */
export function checkPurge(
  world: World,
  { kind, path }: Pick<DiskCall, 'kind' | 'path'>,
  snapshots: string,
  list: (directory: string) => readonly string[],
): void {
  if (kind !== 'remove') return;
  const slash = path.lastIndexOf('/');
  const removed = parseFileName(path.substring(slash + 1));
  if (removed.kind !== 'log' && removed.kind !== 'snapshot') return;
  const left = snapshotFiles(list(snapshots));
  const oldest = left.at(-1);
  if (removed.kind === 'snapshot') {
    if (removed.zxid === left[0]?.zxid) world.violation('PS8', `${path}, the newest, is removed`);
    return;
  }
  // Above all snapshots it is not purged but out of the way: it holds nothing.
  if (oldest === undefined || removed.zxid > (left[0]?.zxid ?? 0n)) return;
  const next = logFiles(list(path.substring(0, slash))).find(({ zxid }) => zxid > removed.zxid);
  if (next !== undefined && next.zxid <= oldest.zxid + 1n) return;
  world.violation('PS8', `${path} is removed, and ${oldest.name} goes on in it`);
}
