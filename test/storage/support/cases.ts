// Directories as Java or a crash may leave them, by name: those recovery must accept, with the transactions they
// hold, and those it must refuse, with the file, the offset and the reason it must give. An offset of 0 stands for
// any: inside a snapshot it depends on how far the reading came.

import { applyTxn } from '../../../src/core/tree/apply.ts';
import { SnapshotSource } from '../../../src/core/tree/snapshot-body.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { encodeLogHeader } from '../../../src/storage/log-segment.ts';
import { writeSnapshotNow } from '../../../src/storage/write-snapshot-now.ts';
import { concatBytes, copyBytes } from '../../../src/util/bytes.ts';
import type { World } from './world.ts';
import {
  bareDatabase,
  codec,
  createTxn,
  directory,
  entry,
  logFile,
  makeWorld,
  range,
} from './world.ts';

export const padding = 4096;
export const epoch1 = 0x100000000n;

export type Disk = Record<string, Uint8Array>;

export function snapshotOf(...zxids: Zxid[]): Uint8Array {
  const database = bareDatabase().ensureSystemNodes();
  for (const zxid of zxids) {
    const txn = createTxn(zxid);
    applyTxn(database, txn, 0, txn.length);
  }
  const world = makeWorld();
  const form = { compression: 'none', digestEnabled: true } as const;
  const steps = writeSnapshotNow(world.files, codec, directory, new SnapshotSource(database), form);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return world.files.contents(step.value) ?? new Uint8Array();
  }
}

export function worldOf(disk: Disk): World {
  const world = makeWorld();
  for (const [name, bytes] of Object.entries(disk)) world.files.put(`${directory}/${name}`, bytes);
  world.files.calls = 0;
  return world;
}

const cut = (bytes: Uint8Array, length: number): Uint8Array => copyBytes(bytes, 0, length);

export function changed(bytes: Uint8Array, at: number, mask = 0x01): Uint8Array {
  const copy = copyBytes(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

/** These entries, and of one more only its first `kept` bytes; then zeros. */
export function torn(zxids: readonly Zxid[], next: Zxid, kept: number): Uint8Array {
  const whole = logFile(zxids);
  const bytes = new Uint8Array(padding);
  bytes.set(whole);
  bytes.set(cut(entry(createTxn(next)), kept), whole.length);
  return bytes;
}

const end = (zxids: readonly Zxid[]): number => logFile(zxids).length;
export const s0 = snapshotOf();
export const [r1to3, r4to6] = [range(1n, 3n), range(4n, 6n)];

export const healthy: Record<string, readonly [Disk, Zxid[]]> = {
  'a clean log': [{ 'snapshot.0': s0, 'log.1': logFile(r1to3, padding) }, r1to3],
  'a log without padding': [{ 'snapshot.0': s0, 'log.1': logFile(r1to3) }, r1to3],
  'two logs': [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': logFile(r4to6, padding) },
    range(1n, 6n),
  ],
  'a torn tail': [{ 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 50) }, r1to3],
  'a tail torn in its checksum': [{ 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 6) }, r1to3],
  'a last entry without its end mark': [
    { 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 90) },
    range(1n, 4n),
  ],
  'a last entry without its end mark that the next file replaces': [
    { 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 90), 'log.4': logFile(r4to6, padding) },
    range(1n, 6n),
  ],
  'a file that ends in an entry': [
    { 'snapshot.0': s0, 'log.1': cut(logFile(r1to3), 250) },
    [1n, 2n],
  ],
  'a torn tail and the next file at last good + 1': [
    { 'snapshot.0': s0, 'log.1': torn(r1to3, 4n, 50), 'log.4': logFile(r4to6, padding) },
    range(1n, 6n),
  ],
  'a torn tail and the next file at a new epoch': [
    {
      'snapshot.0': s0,
      'log.1': torn(r1to3, 4n, 50),
      'log.100000001': logFile([epoch1 + 1n, epoch1 + 2n], padding),
    },
    [...r1to3, epoch1 + 1n, epoch1 + 2n],
  ],
  'an epoch that begins inside a file': [
    { 'snapshot.0': s0, 'log.1': logFile([...r1to3, epoch1 + 1n], padding) },
    [...r1to3, epoch1 + 1n],
  ],
  'equal zxids in a row': [
    { 'snapshot.0': s0, 'log.1': logFile([1n, 2n, 2n, 2n, 3n], padding) },
    [1n, 2n, 2n, 2n, 3n],
  ],
  'entries at or below the snapshot': [
    { 'snapshot.3': snapshotOf(...r1to3), 'log.1': logFile(range(1n, 6n), padding) },
    range(1n, 6n),
  ],
  'old entries in any order below the snapshot': [
    { 'snapshot.3': snapshotOf(...r1to3), 'log.1': logFile([1n, 1n, 3n, ...r4to6], padding) },
    range(1n, 6n),
  ],
  'damage in a file whose successor the snapshot covers': [
    {
      'snapshot.3': snapshotOf(...r1to3),
      'log.1': changed(logFile(r1to3, padding), 60),
      'log.4': logFile(r4to6, padding),
    },
    range(1n, 6n),
  ],
  'a missing log below the snapshot': [
    { 'snapshot.3': snapshotOf(...r1to3), 'log.4': logFile(r4to6, padding) },
    range(1n, 6n),
  ],
  'a snapshot and no log': [{ 'snapshot.3': snapshotOf(...r1to3) }, r1to3],
  'a damaged snapshot that the logs have outrun': [
    {
      'snapshot.0': s0,
      'snapshot.2': changed(snapshotOf(1n, 2n), 100),
      'log.1': logFile(r1to3, padding),
    },
    r1to3,
  ],
  'a snapshot of no bytes': [
    { 'snapshot.0': s0, 'snapshot.3': new Uint8Array(), 'log.1': logFile(r1to3, padding) },
    r1to3,
  ],
  'only damaged snapshots, and all logs from the first': [
    { 'snapshot.0': changed(s0, 60), 'log.1': logFile(r1to3, padding) },
    r1to3,
  ],
  'a log that was created and never written': [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': logFile([], padding) },
    r1to3,
  ],
  'an empty log in the middle': [
    {
      'snapshot.0': s0,
      'log.1': logFile(r1to3, padding),
      'log.2': logFile([], padding),
      'log.4': logFile(r4to6, padding),
    },
    range(1n, 6n),
  ],
  'a log whose header never arrived': [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': new Uint8Array(padding) },
    r1to3,
  ],
  'a first entry torn': [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': torn([], 4n, 70) },
    r1to3,
  ],
  'a stray byte in the padding': [
    { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), 2000) },
    r1to3,
  ],
  'names that only look like ours': [
    {
      'snapshot.0': s0,
      'log.1': logFile(r1to3, padding),
      'log.4.corrupt-1': logFile([77n]),
      'snapshot.9.tmp': new Uint8Array(20),
      'log.04': logFile([4n]),
      'log.+4': logFile([4n]),
    },
    r1to3,
  ],
};
for (let length = 0; length < 16; length++) {
  const last = cut(logFile([4n]), length);
  healthy[`a last log of ${length} bytes`] = [
    { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.4': last },
    r1to3,
  ];
}

export const damage: Record<string, readonly [Disk, file: string, offset: number, reason: RegExp]> =
  {
    'a hole inside a file': [
      { 'snapshot.0': s0, 'log.1': logFile([1n, 2n, 4n], padding) },
      'log.1',
      end([1n, 2n]),
      /missing between 0x2 and 0x4/,
    ],
    'a missing log in the middle': [
      { 'snapshot.0': s0, 'log.1': logFile(r1to3, padding), 'log.7': logFile([7n], padding) },
      'log.7',
      16,
      /missing between 0x3 and 0x7/,
    ],
    'logs that begin too late': [
      { 'snapshot.0': s0, 'log.5': logFile([5n], padding) },
      'log.5',
      16,
      /missing between 0x0 and 0x5/,
    ],
    'an epoch whose beginning is missing': [
      { 'snapshot.0': s0, 'log.1': logFile([1n, epoch1 + 2n], padding) },
      'log.1',
      end([1n]),
      /missing/,
    ],
    'zxids that go back': [
      { 'snapshot.0': s0, 'log.1': logFile([1n, 2n, 3n, 2n], padding) },
      'log.1',
      end(r1to3),
      /0x2 stands behind 0x3/,
    ],
    'a wrong byte in an entry': [
      { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n]) + 60) },
      'log.1',
      end([1n]),
      /wrong checksum/,
    ],
    'a wrong byte in the last entry': [
      { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n, 2n]) + 60) },
      'log.1',
      end([1n, 2n]),
      /wrong checksum/,
    ],
    'a wrong length': [
      { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n, 2n]) + 11) },
      'log.1',
      end([1n, 2n]),
      /fit 78 bytes/,
    ],
    'a length of zero': [
      { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n, 2n]) + 11, 78) },
      'log.1',
      end([1n, 2n]),
      /an entry of 0 bytes: its checksum and end mark fit 78 bytes/,
    ],
    'a length beyond all bounds': [
      { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end([1n, 2n]) + 8, 0x7f) },
      'log.1',
      end([1n, 2n]),
      /an entry of \d{9,} bytes/,
    ],
    'a wrong end mark': [
      { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), end(r1to3) - 1, 0x01) },
      'log.1',
      end([1n, 2n]),
      /without its end mark/,
    ],
    'a damaged last entry and then a new epoch': [
      {
        'snapshot.0': s0,
        'log.1': changed(logFile(r1to3, padding), end(r1to3) - 10),
        'log.100000001': logFile([epoch1 + 1n], padding),
      },
      'log.1',
      end([1n, 2n]),
      /wrong checksum/,
    ],
    'a last entry without its end mark and then a new epoch': [
      {
        'snapshot.0': s0,
        'log.1': torn(r1to3, 4n, 90),
        'log.100000001': logFile([epoch1 + 1n], padding),
      },
      'log.1',
      end(r1to3),
      /without its end mark/,
    ],
    'a damaged middle entry, hidden by nothing': [
      {
        'snapshot.0': s0,
        'log.1': changed(logFile(r1to3, padding), end([1n]) + 60),
        'log.4': logFile(r4to6, padding),
      },
      'log.1',
      end([1n]),
      /wrong checksum/,
    ],
    'zeros where an entry begins, and whole entries behind': [
      {
        'snapshot.0': s0,
        'log.1': (() => {
          const bytes = logFile(range(1n, 9n), padding);
          bytes.fill(0, end([1n]), end([1n, 2n]));
          return bytes;
        })(),
      },
      'log.1',
      end([1n]),
      /zeros begin, with a whole entry behind it/,
    ],
    'a wrong magic': [
      { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), 0) },
      'log.1',
      0,
      /not the header of a log/,
    ],
    'a wrong version': [
      { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), 7) },
      'log.1',
      0,
      /version 3/,
    ],
    'a wrong dbid': [
      { 'snapshot.0': s0, 'log.1': changed(logFile(r1to3, padding), 15) },
      'log.1',
      0,
      /dbid 1/,
    ],
    'a file under another name': [
      { 'snapshot.0': s0, 'log.2': logFile(r1to3, padding) },
      'log.2',
      16,
      /begins with 0x1/,
    ],
    'a transaction no server can apply': [
      {
        'snapshot.0': s0,
        'log.1': (() => {
          const txn = createTxn(1n);
          new DataView(txn.buffer).setInt32(28, 99);
          return concatBytes([encodeLogHeader(), entry(txn)]);
        })(),
      },
      'log.1',
      16,
      /transaction 0x1: /,
    ],
    'a damaged newest snapshot that the logs do not reach': [
      {
        'snapshot.0': s0,
        'snapshot.6': changed(snapshotOf(...range(1n, 6n)), 100),
        'log.1': logFile(r1to3, padding),
      },
      'snapshot.6',
      0,
      /./,
    ],
    'only damaged snapshots and not all logs': [
      { 'snapshot.3': changed(snapshotOf(...r1to3), 100), 'log.4': logFile(r4to6, padding) },
      'snapshot.3',
      0,
      /./,
    ],
    'logs and no snapshot': [
      { 'log.1': logFile(r1to3, padding) },
      'log.1',
      0,
      /No snapshot found, but there are log entries\. Something is broken!/,
    ],
  };
