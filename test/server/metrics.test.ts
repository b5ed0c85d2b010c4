// Metrics: what `mntr` shows of disk, start, quotas and closed connections. That its names are
// Java's, and that what both servers count is counted alike, is shown by the fixture of
// four-letter-words.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerMetrics } from '../../src/server/metrics.ts';
import * as frames from './four-letter-words/frames.ts';
import { MachinePlayer } from './four-letter-words/machine-player.ts';

async function metricsOf(player: MachinePlayer): Promise<Map<string, string>> {
  const lines = (await player.ask('mntr')).trimEnd().split('\n');
  return new Map(
    lines.map((line) => {
      const [name = '', value = ''] = line.split('\t');
      assert.match(name, /^zk_\w/);
      return [name.substring(3), value];
    }),
  );
}

function pick(metrics: ReadonlyMap<string, string>, name: string): (string | undefined)[] {
  const labels = ['avg', 'min', 'max', 'cnt', 'sum', 'p50', 'p95', 'p99', 'p999'];
  return labels
    .map((label) => metrics.get(`${label}_${name}`))
    .filter((value) => value !== undefined);
}

test('no name is printed twice', async () => {
  const lines = (await new MachinePlayer().ask('mntr')).trimEnd().split('\n');
  assert.equal(new Set(lines.map((line) => line.split('\t')[0])).size, lines.length);
});

test('the disk and the start', async () => {
  const metrics = new ServerMetrics();
  metrics.noteLoaded(120.4, 1000, 30.2);
  metrics.noteSync(0.5, 10);
  metrics.noteSync(3.9, 1);
  metrics.snapshotTime.add(7);
  const slow = { stats: { slowSyncs: 2 } };
  const player = new MachinePlayer('all', { metrics, txnLog: slow });
  const shown = await metricsOf(player);
  assert.deepEqual(pick(shown, 'fsynctime'), ['2.2', '0', '3', '2', '4']);
  assert.deepEqual(pick(shown, 'sync_processor_batch_size'), ['5.5', '1', '10', '2', '11']);
  assert.deepEqual(pick(shown, 'snapshottime'), ['7.0', '7', '7', '1', '7']);
  assert.deepEqual(pick(shown, 'dbinittime'), ['150.6', '150', '150', '1', '150']);
  assert.deepEqual(pick(shown, 'startup_snap_load_time'), ['120.4', '120', '120', '1', '120']);
  assert.deepEqual(pick(shown, 'startup_txns_load_time'), ['30.2', '30', '30', '1', '30']);
  assert.deepEqual(pick(shown, 'startup_txns_loaded'), ['1000.0', '1000', '1000', '1', '1000']);
  const flush = ['2.2', '0', '3', '2', '4', '2', '3', '3', '3'];
  assert.deepEqual(pick(shown, 'sync_processor_queue_flush_time_ms'), flush);
  assert.equal(shown.get('fsync_threshold_exceed_count'), '2');
  await player.ask('srst');
  const after = await metricsOf(player);
  assert.deepEqual(pick(after, 'fsynctime'), ['0.0', '0', '0', '0', '0']);
  assert.equal(after.get('fsync_threshold_exceed_count'), '2', 'counts over the life of the log');
});

test('failed authentication, reasons of closing and sessions reopened', async () => {
  const player = new MachinePlayer();
  await player.open('a');
  await player.send('a', frames.connect(10_000));
  await player.sendLast('a', frames.auth('nothing-we-know', ''));
  await player.open('b');
  await player.sendLast('b', Uint8Array.of(0, 0));
  const shown = await metricsOf(player);
  assert.equal(shown.get('auth_failed_count'), '1');
  assert.equal(shown.get('connection_closed_auth_failed'), '1');
  assert.equal(shown.get('connection_closed_malformed_frame'), '1');
  assert.equal(shown.get('connection_request_count'), '2');
  assert.equal(shown.get('connection_drop_count'), '0', 'we closed them');
});

test('quotas are summed by top-level node, the hard limit first', async () => {
  const player = new MachinePlayer();
  await player.open('a');
  await player.send('a', frames.connect(10_000));
  const quota = '/zookeeper/quota/top';
  const nodes: readonly (readonly [string, string])[] = [
    ['/top', ''],
    ['/top/x', ''],
    ['/top/y', 'four'],
    [quota, ''],
    [`${quota}/x`, ''],
    [`${quota}/x/zookeeper_limits`, 'count=5,bytes=100'],
    [`${quota}/x/zookeeper_stats`, 'count=1,bytes=0'],
    [`${quota}/y`, ''],
    [`${quota}/y/zookeeper_limits`, 'count=9,bytes=-1=;countHardLimit=7'],
    [`${quota}/y/zookeeper_stats`, 'count=1,bytes=4'],
  ];
  let xid = 1;
  for (const [path, data] of nodes) await player.send('a', frames.create(xid++, path, data));
  const shown = await metricsOf(player);
  assert.equal(shown.get('top_quota_count_limit_per_namespace'), '12');
  assert.equal(shown.get('top_quota_bytes_limit_per_namespace'), '99');
  assert.equal(shown.get('top_quota_count_usage_per_namespace'), '2');
  assert.equal(shown.get('top_quota_bytes_usage_per_namespace'), '4');
});
