// A share of the changed bytes (`npm run sim:corrupt` changes them all): whole, or refused by name; never less in
// silence, never an error without a name, never more work than the directory's size explains. And the healthy
// directories that only look odd, as a Java server can leave them, start.
//
// QUOLL_CORRUPTION_EVERY: one case of so many (20).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { corruptionSubjects } from '../../src/sim/corruption-subjects.ts';
import { sweep } from '../../src/sim/corruption-sweep.ts';
import { PlainFiles } from '../../src/sim/crash-files.ts';
import { CrashServer } from '../../src/sim/crash-server.ts';
import { VirtualClock } from '../../src/sim/virtual-clock.ts';
import { fixture } from '../storage/support/world.ts';

const every = Number(process.env.QUOLL_CORRUPTION_EVERY ?? 20);
const java = (name: string): Uint8Array => fixture(`java-3.8.0/${name}`);

for (const subject of corruptionSubjects({ codec: nodeCodec, java })) {
  test(`changed bytes, ${subject.name}`, () => {
    // Small files are changed whole.
    const length = subject.files.get(subject.target)?.length ?? 0;
    const stride = length < 100 ? 1 : every;
    const { failures } = sweep(subject, { codec: nodeCodec, every: stride, failuresMax: 5 });
    assert.deepEqual(failures, []);
  });
}

type Disk = Readonly<Record<string, Uint8Array>>;

const data = '/data/version-2';
const zeros = (length: number): Uint8Array => new Uint8Array(length);

/** Transactions found, from zxid 1 on. */
function zxidOn(disk: Disk, lines: readonly string[] = [], isEnsemble = false): bigint {
  const clock = new VirtualClock();
  const files = new PlainFiles(clock, new Map(Object.entries(disk)));
  const options = { codec: nodeCodec, lines: ['extendedTypesEnabled=true', ...lines], isEnsemble };
  const server = new CrashServer(files, clock, options);
  server.start();
  return server.history.lastZxid;
}

const plain = { [`${data}/snapshot.0`]: java('snapshot.0'), [`${data}/log.1`]: java('log.1') };
const used = (bytes: Uint8Array): number => bytes.findLastIndex((byte) => byte !== 0) + 1;
const log1 = java('log.1');

const healthy: Record<string, readonly [Disk, zxid: bigint, lines?: readonly string[]]> = {
  'a preallocated log': [plain, 0x15n],
  'a log without its preallocation': [
    { ...plain, [`${data}/log.1`]: log1.subarray(0, used(log1)) },
    0x15n,
  ],
  'a last record cut by a kill': [
    { ...plain, [`${data}/log.1`]: log1.subarray(0, used(log1) - 20) },
    0x14n,
  ],
  'a log of no bytes': [{ ...plain, [`${data}/log.16`]: zeros(0) }, 0x15n],
  'a log of a header and zeros': [
    {
      ...plain,
      [`${data}/log.16`]: new Uint8Array(4112).fill(0).map((_, i) => log1[i < 16 ? i : 4111] ?? 0),
    },
    0x15n,
  ],
  'logs without a snapshot, trusted': [
    { [`${data}/log.1`]: log1 },
    0x15n,
    ['snapshot.trust.empty=true'],
  ],
  'a snapshot newer than all logs': [
    { ...plain, [`${data}/snapshot.35`]: java('snapshot.35') },
    0x35n,
  ],
  'a snapshot alone': [{ [`${data}/snapshot.35`]: java('snapshot.35') }, 0x35n],
  'a snapshot of no bytes': [{ ...plain, [`${data}/snapshot.15`]: zeros(0) }, 0x15n],
  'a snapshot in gz': [{ [`${data}/snapshot.119.gz`]: java('snapshot.119.gz') }, 0x119n],
  'a snapshot in snappy': [
    { [`${data}/snapshot.119.snappy`]: java('snapshot.119.snappy') },
    0x119n,
  ],
  'logs in a directory of their own': [
    { [`${data}/snapshot.0`]: java('snapshot.0'), '/log/version-2/log.1': log1 },
    0x15n,
    ['dataLogDir=/log'],
  ],
  'what unfinished writes of either server left': [
    {
      ...plain,
      [`${data}/acceptedEpoch.tmp`]: zeros(0),
      [`${data}/currentEpoch.tmp`]: encodeUtf8('1'),
      [`${data}/tmp-next-log`]: zeros(4112),
      [`${data}/tmp-snapshot-14`]: zeros(7),
      [`${data}/tmp-probe`]: zeros(0),
      [`${data}/tmp-session-id-mark`]: zeros(3),
      [`${data}/snapshot.15.tmp`]: zeros(9),
      [`${data}/log.16.old`]: log1,
      [`${data}/zookeeper_server.pid`]: encodeUtf8('1'),
      '/data/myid': encodeUtf8('1\n'),
      '/data/zoo.cfg.dynamic.next': zeros(0),
    },
    0x15n,
  ],
};

for (const [name, [disk, zxid, lines]] of Object.entries(healthy)) {
  test(`a healthy directory of Java's: ${name}`, () => {
    assert.equal(zxidOn(disk, lines), zxid);
    const epochs = {
      [`${data}/acceptedEpoch`]: encodeUtf8('1'),
      [`${data}/currentEpoch`]: encodeUtf8('0'),
    };
    assert.equal(zxidOn({ ...disk, ...epochs }, lines, true), zxid);
  });
}
