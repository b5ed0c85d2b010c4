// The log's writer: group commit, files and their lengths, what is reported when, and what a failure means.
// On the simulated disk: its calls are counted, failed and delayed at will.
// What a power loss leaves is in crash.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileError } from '../../src/ports.ts';
import { readDurableMark } from '../../src/storage/durable-mark.ts';
import { LogReader } from '../../src/storage/log-reader.ts';
import type { World } from './support/world.ts';
import {
  batchFrom,
  batchOf,
  createTxn,
  directory,
  lengthMax,
  makeWorld,
  openLog,
  range,
} from './support/world.ts';

function readLog(world: World, name: string): bigint[] {
  const reader = new LogReader(world.files.open(`${directory}/${name}`, 'read'), lengthMax);
  const zxids: bigint[] = [];
  while (reader.next()) zxids.push(reader.zxid);
  assert.equal(reader.stop?.why, 'end');
  return zxids;
}

const length = (world: World, name: string): number | undefined =>
  world.files.status(`${directory}/${name}`)?.length;

test('batches that come while a sync runs are written and synced together', () => {
  const world = makeWorld();
  const log = openLog(world);
  log.append(batchOf(1n), () => undefined);
  world.clock.run();
  const syncs: string[] = [];
  world.files.fault = ({ kind, path }) => {
    if (kind === 'datasync' && path.includes('log')) syncs.push(kind);
    return undefined;
  };
  const reported: string[] = [];
  for (let zxid = 2n; zxid <= 6n; zxid++) {
    log.append(batchOf(zxid), (error) => reported.push(`${zxid}${error?.code ?? ''}`));
  }
  assert.equal(log.queuedTxns, 5);
  assert.deepEqual(reported, [], 'nothing is reported inside the call');
  world.clock.run();
  assert.deepEqual(reported, ['2', '3', '4', '5', '6']);
  // One sync for the first, one for the other four.
  assert.equal(syncs.length, 2);
  assert.equal(log.stats.syncs, 3);
  assert.equal(log.queuedTxns, 0);
  assert.deepEqual(readLog(world, 'log.1'), range(1n, 6n));
});

test('a file is named by its first zxid, appears with its header and is allocated as Java does', () => {
  const world = makeWorld();
  const log = openLog(world);
  world.clock.run();
  assert.deepEqual(world.files.list(directory), ['tmp-next-log']);
  assert.equal(length(world, 'tmp-next-log'), 16 + 16384);
  log.append(batchOf(0x2an), () => undefined);
  world.clock.run();
  assert.deepEqual(world.files.list(directory), ['durable-mark', 'log.2a', 'tmp-next-log']);
  assert.equal(length(world, 'log.2a'), 16 + 16384);
  // Nearer than 4 KiB to its end it grows by a whole step, as FilePadding has it.
  const big = (zxid: bigint) => createTxn(zxid, new Uint8Array(12_300));
  log.append(batchFrom([0x2bn], big), () => undefined);
  world.clock.run();
  assert.equal(length(world, 'log.2a'), 16 + 2 * 16384);
  const huge = (zxid: bigint) => createTxn(zxid, new Uint8Array(50_000));
  log.append(batchFrom([0x2cn], huge), () => undefined);
  world.clock.run();
  assert.equal(length(world, 'log.2a'), 16 + 5 * 16384);
  assert.deepEqual(readLog(world, 'log.2a'), [0x2an, 0x2bn, 0x2cn]);
});

test('the first batch of a file is durable only when the name of the file is', () => {
  const world = makeWorld();
  const log = openLog(world);
  world.clock.run();
  const order: string[] = [];
  world.files.fault = ({ kind, path }) => {
    order.push(`${kind} ${path.replace(`${directory}/`, '')}`);
    return undefined;
  };
  log.append(batchOf(1n), () => order.push('reported'));
  world.clock.run();
  // The handle keeps the name it was opened under.
  const steps = ['rename tmp-next-log', `syncDirectory ${directory}`, 'write tmp-next-log'];
  const at = [...steps, 'datasync tmp-next-log', 'reported'].map((step) => order.indexOf(step));
  assert.ok(!at.includes(-1), order.join('\n'));
  assert.deepEqual(
    at,
    [...at].sort((a, b) => a - b),
  );
});

test('roll: what is appended afterwards goes into a new file, and a roll of nothing is none', () => {
  const world = makeWorld();
  const log = openLog(world);
  log.roll();
  log.append(batchOf(1n), () => undefined);
  log.append(batchOf(2n), () => undefined);
  log.roll();
  log.append(batchOf(3n), () => undefined);
  world.clock.run();
  log.roll();
  log.roll();
  log.append(batchOf(4n), () => undefined);
  world.clock.run();
  assert.deepEqual(readLog(world, 'log.1'), [1n, 2n]);
  assert.deepEqual(readLog(world, 'log.3'), [3n]);
  assert.deepEqual(readLog(world, 'log.4'), [4n]);
});

test('txnLogSizeLimitInKb: the file that passed it is the last to do so', () => {
  const world = makeWorld();
  const log = openLog(world, { txnLogSizeLimitKb: 1 });
  for (let zxid = 1n; zxid <= 20n; zxid++) {
    log.append(
      batchFrom([zxid], (z) => createTxn(z, new Uint8Array(400))),
      () => undefined,
    );
    world.clock.run();
  }
  assert.equal(log.stats.files, 7);
  assert.deepEqual(readLog(world, 'log.1'), [1n, 2n, 3n]);
});

test('no preallocation: files are as long as what is in them', () => {
  const world = makeWorld();
  const log = openLog(world, { preAllocSizeKb: 0 });
  const batch = batchOf(1n);
  log.append(batch, () => undefined);
  world.clock.run();
  assert.equal(length(world, 'log.1'), 16 + batch.bytes.length);
});

test('zeros written ahead never cover an entry', () => {
  const world = makeWorld();
  const log = openLog(world, { preAllocSizeKb: 8192 });
  let next = 1n;
  const reported: bigint[] = [];
  const add = (): void => {
    const zxid = next++;
    const big = batchFrom([zxid], (z) => createTxn(z, new Uint8Array(300_000).fill(7)));
    log.append(big, () => {
      reported.push(zxid);
      if (zxid < 60n) add();
    });
  };
  add();
  world.clock.run();
  assert.deepEqual(reported, range(1n, 60n));
  assert.deepEqual(readLog(world, 'log.1'), range(1n, 60n));
});

for (const kind of ['datasync', 'syncDirectory', 'write'] as const) {
  test(`after a failed ${kind} nothing is reported durable any more`, () => {
    const world = makeWorld();
    const log = openLog(world);
    world.clock.run();
    if (kind !== 'syncDirectory') {
      log.append(batchOf(1n), () => undefined);
      world.clock.run();
    }
    let failures = 0;
    world.files.fault = (call) => {
      const hit = call.kind === kind && !call.path.includes('mark') && failures++ === 0;
      return hit ? 'EIO' : undefined;
    };
    const results: string[] = [];
    const report = (zxid: bigint) => (error: FileError | undefined) => {
      results.push(`${zxid} ${error?.code}`);
    };
    log.append(batchOf(2n), report(2n));
    log.append(batchOf(3n), report(3n));
    assert.deepEqual(results, [], 'not inside the call');
    world.clock.run();
    assert.deepEqual(results, ['2 EIO', '3 EIO']);
    log.append(batchOf(4n), report(4n));
    world.clock.run();
    assert.deepEqual(results, ['2 EIO', '3 EIO', '4 EIO']);
    assert.equal(log.failure?.code, 'EIO');
    let closed = false;
    log.close(() => {
      closed = true;
    });
    world.clock.run();
    assert.ok(closed);
  });
}

test('a full disk: what was not durable is reported failed, and preparing ahead only warns', () => {
  const world = makeWorld();
  world.files.capacity = 8192;
  const log = openLog(world);
  const outcomes: string[] = [];
  for (let zxid = 1n; zxid <= 30n; zxid++) {
    log.append(
      batchFrom([zxid], (z) => createTxn(z, new Uint8Array(500))),
      (error) => outcomes.push(error?.code ?? 'ok'),
    );
    world.clock.run();
  }
  const firstFailure = outcomes.indexOf('ENOSPC');
  assert.ok(firstFailure > 3);
  assert.ok(outcomes.every((outcome, i) => (i < firstFailure ? 'ok' : 'ENOSPC') === outcome));
});

test('a slow sync is warned of in the words of Java, and counted', () => {
  const world = makeWorld();
  const log = openLog(world, { fsyncWarningThresholdMs: 20 });
  log.append(batchOf(1n), () => undefined);
  world.clock.run();
  log.append(batchOf(2n), () => undefined);
  world.clock.pass(1500);
  world.clock.run();
  assert.equal(log.stats.slowSyncs, 1);
  const line = world.log.lines.find((text) => text.includes('fsync-ing the write ahead log'));
  assert.match(line ?? '', /^warn .* took 1500ms which will adversely effect operation latency\./);
  assert.match(line ?? '', /File size is 16400 bytes\./);
});

test('forceSync=no: no sync at all, and still never inside the call', () => {
  const world = makeWorld();
  const log = openLog(world, { forceSync: false });
  world.clock.run();
  const kinds: string[] = [];
  world.files.fault = ({ kind, path }) => {
    if (!path.endsWith('tmp-next-log')) kinds.push(kind);
    return undefined;
  };
  const reported: number[] = [];
  log.append(batchOf(1n), () => reported.push(1));
  assert.deepEqual(reported, []);
  world.clock.run();
  assert.deepEqual(reported, [1]);
  assert.ok(!kinds.includes('datasync') || kinds.indexOf('datasync') > kinds.indexOf('write'));
  assert.ok(!kinds.includes('syncDirectory'));
});

test('the durable mark follows what was synced', () => {
  const world = makeWorld();
  const log = openLog(world);
  const first = batchOf(1n, 2n);
  log.append(first, () => undefined);
  world.clock.run();
  assert.deepEqual(readDurableMark(world.files, directory), {
    file: 1n,
    offset: 16 + first.bytes.length,
  });
  log.roll();
  const second = batchOf(3n);
  log.append(second, () => undefined);
  world.clock.run();
  const mark = { file: 3n, offset: 16 + second.bytes.length };
  assert.deepEqual(readDurableMark(world.files, directory), mark);
  // One slot torn: the other still speaks, and it says less.
  const bytes = world.files.contents(`${directory}/durable-mark`);
  assert.ok(bytes !== undefined);
  for (const at of [0, 512]) {
    const torn = new Uint8Array(bytes);
    torn.fill(0, at, at + 512);
    world.files.put(`${directory}/durable-mark`, torn);
    const found = readDurableMark(world.files, directory);
    assert.equal(found?.file, 3n);
    assert.ok(found.offset <= mark.offset);
  }
});

test('close writes what is queued, removes the prepared file and refuses more', () => {
  const world = makeWorld();
  const log = openLog(world);
  const order: string[] = [];
  log.append(batchOf(1n), () => order.push('1'));
  log.append(batchOf(2n), () => order.push('2'));
  log.close(() => order.push('closed'));
  assert.throws(() => log.append(batchOf(3n), () => undefined), /a closed log takes no batch/);
  world.clock.run();
  assert.deepEqual(order, ['1', '2', 'closed']);
  assert.deepEqual(world.files.list(directory), ['durable-mark', 'log.1']);
});

test('zxids that do not increase are a bug, and a log in the way is never overwritten', () => {
  const world = makeWorld();
  const log = openLog(world, { lastZxid: 5n });
  assert.throws(() => log.append(batchOf(5n), () => undefined), /zxids in the log increase/);
  world.files.put(`${directory}/log.6`, new Uint8Array(100));
  let outcome: string | undefined;
  log.append(batchOf(6n), (error) => {
    outcome = error?.code;
  });
  world.clock.run();
  assert.equal(outcome, 'EEXIST');
});
