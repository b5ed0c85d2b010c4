// What an ensemble's server measures: times from the notes of the election and of Zab, counts from calls, sizes of a
// term's proposals. In: the story of a server that followed, then led; out: the numbers `mntr` shows of it. That they
// stand under the right names is shown by the fixture of four-letter-words-ensemble.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ElectionNote } from '../../src/core/election/election-events.ts';
import type { SyncMode, ZabNote } from '../../src/core/zab/zab-notes.ts';
import { EnsembleMetrics } from '../../src/server/metrics-ensemble.ts';

function election(event: ElectionNote['event'], at: number): ElectionNote {
  const nothing = { level: 'info', peers: [], state: undefined, vote: undefined } as const;
  return { ...nothing, at, event, round: 1, decision: '', line: '' };
}

function sync(mode: SyncMode, ms: number | undefined): ZabNote {
  const told = { from: '0x0', to: '0x0', why: '', bytes: 0, ms };
  const nothing = { level: 'info', at: 0, epoch: 1, peer: 3, decision: '', line: '' } as const;
  return { ...nothing, event: 'sync', state: 'SYNCHRONIZATION', sync: { mode, ...told } };
}

test('the times of a server that follows and then leads', () => {
  const metrics = new EnsembleMetrics();
  metrics.notedElection(election('started', 1000));
  metrics.notedElection(election('received', 1010));
  metrics.notedElection(election('decided', 1050));
  metrics.notedZab('follower', sync('DIFF', undefined));
  metrics.notedZab('follower', sync('DIFF', 30));
  metrics.served('follower', 1100);
  metrics.left(5000);
  metrics.notedElection(election('started', 5100));
  // A second round without a leader is the same time without service.
  metrics.notedElection(election('started', 5200));
  metrics.notedElection(election('decided', 5210));
  metrics.served('leader', 5300);
  assert.equal(metrics.looking, 3);
  assert.equal(metrics.electionTime.count, 2);
  assert.equal(metrics.electionTime.sum, 50 + 10);
  assert.equal(metrics.followerSyncTime.sum, 30);
  assert.equal(metrics.observerSyncTime.count, 0);
  assert.equal(metrics.unavailableTime.sum, 100 + 300);
  assert.equal(metrics.leaderUnavailableTime.sum, 300);
  metrics.notedZab('leader', sync('SNAP', 5));
  metrics.notedZab('leader', sync('TRUNC', 5));
  metrics.notedZab('leader', sync('DIFF', 5));
  assert.equal(metrics.snapsSent, 1);
  assert.equal(metrics.diffsSent, 2);
  metrics.reset();
  assert.equal(metrics.electionTime.count, 0);
  assert.equal(metrics.looking, 0);
});

test('proposals are measured by term, and anew after srst', () => {
  const metrics = new EnsembleMetrics();
  const none = { lastSize: -1, minSize: -1, maxSize: -1 };
  assert.deepEqual(metrics.proposalSizes, none);
  for (const size of [40, 20, 30]) metrics.proposed(size);
  assert.deepEqual(metrics.proposalSizes, { lastSize: 30, minSize: 20, maxSize: 40 });
  metrics.reset();
  assert.deepEqual(metrics.proposalSizes, none);
  metrics.proposed(7);
  metrics.left(0);
  assert.deepEqual(metrics.proposalSizes, none);
  assert.equal(metrics.proposals, 1);
});
