// After a reconnect the new server must learn what the client watches: setWatches with the three one-shot tables, or
// setWatches2 when there are persistent watches too. The zxid the client saw last lets the server fire at once for
// what changed meanwhile. Large tables go in several requests (ZOOKEEPER-706), so that none exceeds jute.maxbuffer.
// Invariant: every watched path is in exactly one request, in the list of its table.

import type { Type } from '../../jute/record.ts';
import { utf8Length } from '../../jute/utf8.ts';
import { SetWatches, SetWatches2, Xid } from '../../proto/client.ts';
import { OpCode } from '../../proto/opcodes.ts';
import type { Zxid } from '../../proto/zxid.ts';
import type { RequestPipe } from './request-pipe.ts';
import type { Request } from './session-events.ts';
import type { WatchTable, WatchTables } from './watch-tables.ts';
import { watchTables } from './watch-tables.ts';

/** Bytes of paths after which a request is closed: far below every sane jute.maxbuffer. */
export const setWatchesLength = 128 * 1024;

const fieldOf: Readonly<Record<WatchTable, Exclude<keyof SetWatches2, 'relativeZxid'>>> = {
  data: 'dataWatches',
  exist: 'existWatches',
  child: 'childWatches',
  persistent: 'persistentWatches',
  persistentRecursive: 'persistentRecursiveWatches',
};

/** The requests that set all watches again; none when nothing is watched. */
export function setWatchesBatches<W extends object>(
  tables: WatchTables<W>,
  relativeZxid: Zxid,
): SetWatches2[] {
  const batches: SetWatches2[] = [];
  let batch: SetWatches2 | undefined;
  let length = 0;
  for (const table of watchTables) {
    for (const path of tables.paths(table)) {
      const more = 4 + utf8Length(path);
      if (batch === undefined || length + more > setWatchesLength) {
        batch = emptyBatch(relativeZxid);
        batches.push(batch);
        length = 0;
      }
      batch[fieldOf[table]].push(path);
      length += more;
    }
  }
  return batches;
}

/** Sends them. Servers older than 3.6 know only the three one-shot lists. */
export function writeSetWatches<W extends object, R extends Request<W>>(
  pipe: RequestPipe<W, R>,
  tables: WatchTables<W>,
  relativeZxid: Zxid,
): void {
  for (const batch of setWatchesBatches(tables, relativeZxid)) {
    const more = batch.persistentWatches.length + batch.persistentRecursiveWatches.length > 0;
    const op = more ? OpCode.setWatches2 : OpCode.setWatches;
    const body: Pick<Type<SetWatches2>, 'write'> = more ? SetWatches2 : SetWatches;
    pipe.writeFrame({ xid: Xid.SET_WATCHES, op }, body, batch);
  }
}

function emptyBatch(relativeZxid: Zxid): SetWatches2 {
  return {
    relativeZxid,
    dataWatches: [],
    existWatches: [],
    childWatches: [],
    persistentWatches: [],
    persistentRecursiveWatches: [],
  };
}
