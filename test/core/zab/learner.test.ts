// A learner's way into a term and its life there, packet by packet: what is on disk
// before what leaves, which packets it takes when, and what ends the term by name. The
// leader is played by hand; the learner is server 2.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../../src/jute/utf8.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { ensembleText } from '../election/configs.ts';
import {
  commit,
  inform,
  initLimit,
  int,
  leaderInfo,
  learnerInfo,
  newLeader,
  packet,
  proposal,
  syncLimit,
  tickTimeMs,
  upToDate,
  z,
} from './hand-made-packets.ts';
import { promised, ScriptedLearner, serving } from './scripted-learner.ts';

const signature = new Writer();
signature.ustring('BenWasHere');

test('the ladder: every packet and every save in its order', () => {
  const options = { acceptedEpoch: 4, currentEpoch: 3, lastZxid: z(3, 9) };
  const script = new ScriptedLearner({ options, slowDisk: true });
  assert.deepEqual(script.sent(), ['FOLLOWERINFO 0x400000000']);
  assert.deepEqual(script.data, [learnerInfo(2n)]);
  script.send(leaderInfo(6));
  assert.deepEqual(script.wanted(), ['acceptedEpoch 6']);
  assert.deepEqual(script.sent(), [], 'EP4: the promise is on disk first');
  script.saved('acceptedEpoch', 6);
  assert.deepEqual(script.sent(), ['ACKEPOCH 0x300000009']);
  assert.deepEqual(script.data, [int(3)]);
  script.send(packet('DIFF', z(3, 9)), newLeader(6));
  assert.deepEqual(script.wanted(), ['currentEpoch 6']);
  script.saved('currentEpoch', 6);
  assert.deepEqual(script.sent(), ['ACK 0x600000000']);
  script.send(upToDate);
  assert.deepEqual(script.wanted(), ['serve 6']);
  assert.deepEqual(script.sent(), ['ACK 0x600000000']);
});

test('a promise is for good: an epoch that uses up all others is not given', () => {
  const script = new ScriptedLearner({ options: { acceptedEpoch: 6, currentEpoch: 6 } });
  script.send(leaderInfo(0x7ffffff0));
  assert.match(script.wanted().join(), /^abandon/);
  assert.match(script.lines.join('\n'), /epoch 0x7ffffff0, far above our accepted epoch 0x6/);
  // A server that never promised anything takes up wherever its ensemble is.
  const fresh = new ScriptedLearner({});
  fresh.send(leaderInfo(0x7ffffff0));
  assert.deepEqual(fresh.wanted(), [`acceptedEpoch ${0x7ffffff0}`]);
});

test('an epoch that was accepted before is not promised again', () => {
  const script = new ScriptedLearner({ options: { acceptedEpoch: 6, currentEpoch: 6 } });
  script.sent();
  script.send(leaderInfo(6));
  assert.deepEqual(script.wanted(), []);
  assert.deepEqual(script.sent(), ['ACKEPOCH 0x0']);
  assert.deepEqual(script.data, [int(-1)]);
  script.send(packet('DIFF', 0n), newLeader(6));
  assert.deepEqual(script.wanted(), [], 'and not saved again');
  assert.deepEqual(script.sent(), ['ACK 0x600000000']);
});

test('a database that is not trusted: −1 everywhere', () => {
  const options = { acceptedEpoch: -1, currentEpoch: -1, lastZxid: -1n };
  const script = new ScriptedLearner({ options });
  assert.deepEqual(script.sent(), ['FOLLOWERINFO 0xffffffff00000000']);
  script.send(leaderInfo(1));
  assert.deepEqual(script.sent(), ['ACKEPOCH 0xffffffffffffffff']);
});

test('rows 1, 2, 4, 13 (ZOOKEEPER-4643, 4646, 4785, 3911): history, then currentEpoch, then the ACK', () => {
  const script = promised();
  script.send(packet('DIFF', z(2, 2)), proposal(z(2, 1)), commit(z(2, 1)));
  script.send(proposal(z(2, 2)), proposal(z(3, 1)), newLeader(3));
  assert.deepEqual(script.appended, [z(2, 1), z(2, 2), z(3, 1)]);
  script.synced(z(2, 2));
  assert.deepEqual(script.wanted(), [], 'not all of it is on disk');
  script.synced(z(3, 1));
  assert.deepEqual(script.wanted(), ['currentEpoch 3']);
  assert.deepEqual(script.sent(), []);
  script.saved('currentEpoch', 3);
  // 2.1 was committed before; what was only proposed is acknowledged behind NEWLEADER, once.
  assert.deepEqual(script.sent(), ['ACK 0x300000000', 'ACK 0x200000002', 'ACK 0x300000001']);
});

test('row 3 (ZOOKEEPER-4685): the ACK of NEWLEADER is the first, however fast the log is', () => {
  const script = promised();
  script.send(packet('DIFF', z(1, 3)), newLeader(3), proposal(z(3, 1)));
  script.synced(z(3, 1));
  assert.deepEqual(script.sent(), []);
  script.saved('currentEpoch', 3);
  assert.deepEqual(script.sent(), ['ACK 0x300000000', 'ACK 0x300000001']);
  script.send(proposal(z(3, 2)));
  script.synced(z(3, 2));
  assert.deepEqual(script.sent(), ['ACK 0x300000002']);
});

test('row 5 (ZOOKEEPER-4394): COMMITs between NEWLEADER and UPTODATE are delivered, in order', () => {
  const script = promised();
  script.send(packet('DIFF', z(1, 3)), proposal(z(3, 1)), proposal(z(3, 2)), newLeader(3));
  script.send(commit(z(3, 1)));
  script.synced(z(3, 2));
  script.saved('currentEpoch', 3);
  script.send(commit(z(3, 2)), proposal(z(3, 3)), commit(z(3, 3)));
  assert.deepEqual(script.delivered, [z(3, 1), z(3, 2), z(3, 3)]);
  script.wanted();
  script.send(upToDate);
  assert.deepEqual(script.wanted(), ['serve 3'], 'row 24: nothing is left to be applied');
});

test('row 24 (ZOOKEEPER-3023): whatever was committed at UPTODATE is applied before the first read', () => {
  const news = concatBytes([proposal(z(3, 1)), proposal(z(3, 2))]);
  // Our leaders hold COMMITs back until UPTODATE is sent; what is proposed behind it is not waited for.
  const later = [upToDate, commit(z(3, 1)), proposal(z(3, 3)), commit(z(3, 2)), commit(z(3, 3))];
  const bytes = concatBytes(later);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const script = promised();
    script.send(packet('DIFF', z(1, 3)), newLeader(3));
    script.saved('currentEpoch', 3);
    script.send(news);
    script.synced(z(3, 2));
    assert.deepEqual(script.sent(), ['ACK 0x300000000', 'ACK 0x300000001', 'ACK 0x300000002']);
    script.wanted();
    script.send(bytes.subarray(0, cut));
    const isApplied = script.delivered.includes(z(3, 2));
    assert.equal(script.learner.isServing, isApplied, `${cut} of ${bytes.length} bytes`);
    assert.deepEqual(script.wanted(), isApplied ? ['serve 3'] : []);
    const isUpToDate = cut >= upToDate.length;
    assert.deepEqual(script.sent(), isUpToDate ? ['ACK 0x300000000'] : [], 'at once, as Java');
    script.send(bytes.subarray(cut));
    assert.deepEqual(script.wanted(), isApplied ? [] : ['serve 3']);
    assert.deepEqual(script.delivered, [z(3, 1), z(3, 2), z(3, 3)]);
  }
});

test('rows 8 and 16 (ZOOKEEPER-4925, 2355): after any part of a DIFF the tree is where it says', () => {
  const bytes = concatBytes([
    packet('DIFF', z(2, 3)),
    ...[z(2, 1), z(2, 2), z(2, 3)].flatMap((zxid) => [proposal(zxid), commit(zxid)]),
    newLeader(3),
  ]);
  for (let cut = 0; cut <= bytes.length; cut += 3) {
    const script = promised();
    script.send(bytes.subarray(0, cut));
    script.step({ kind: 'disconnected', reason: 'reset' });
    const { lastDelivered, lastAppended } = script.learner.status();
    assert.equal(lastDelivered, script.delivered.at(-1) ?? z(1, 3));
    assert.equal(script.committedLog.max, lastDelivered);
    assert.equal(lastAppended, script.appended.at(-1) ?? z(1, 3));
    assert.deepEqual(
      [...script.learner.pending()].map(({ zxid }) => zxid),
      script.appended.filter((zxid) => zxid > lastDelivered),
    );
  }
});

test('TRUNC: nothing is read until the log is cut; then on', () => {
  const script = promised();
  script.send(
    concatBytes([packet('TRUNC', z(1, 2)), proposal(z(2, 1)), commit(z(2, 1)), newLeader(3)]),
  );
  assert.deepEqual(script.wanted(), ['pause', 'truncate 0x100000002']);
  assert.deepEqual(script.appended, []);
  script.committedLog.clear();
  script.step({ kind: 'truncated', term: 7, lastZxid: z(1, 2), failure: undefined });
  assert.deepEqual(script.wanted(), ['resume']);
  assert.deepEqual(script.delivered, [z(2, 1)]);
  script.synced(z(2, 1));
  assert.deepEqual(script.wanted(), ['currentEpoch 3']);
});

test('row 21 (ZOOKEEPER-2832): a cut that leaves less than the leader thought is told the next time', () => {
  const script = promised();
  script.send(packet('TRUNC', z(1, 2)));
  script.wanted();
  script.committedLog.clear();
  script.step({ kind: 'truncated', term: 7, lastZxid: z(1, 1), failure: undefined });
  assert.deepEqual(script.wanted(), [
    'abandon: cut to 0x100000002, which leaves us at 0x100000001',
  ]);
});

test('a log that cannot be cut: a snapshot is asked for, by a promise that does not count', () => {
  const script = promised();
  script.send(packet('TRUNC', z(1, 2)));
  script.step({ kind: 'truncated', term: 7, lastZxid: z(1, 3), failure: 'no snapshot is whole' });
  const abandon = script.effects.find(({ kind }) => kind === 'abandon');
  assert.ok(abandon?.kind === 'abandon' && abandon.wantsSnapshot);
  const again = new ScriptedLearner({
    options: { acceptedEpoch: 3, currentEpoch: 2, lastZxid: z(1, 3), wantsSnapshot: true },
  });
  again.sent();
  again.send(leaderInfo(5));
  assert.deepEqual(again.sent(), ['ACKEPOCH 0x0']);
  assert.deepEqual(again.data, [int(-1)]);
  again.send(packet('DIFF', 0n));
  assert.match(again.wanted().join(), /abandon: recv DIFF 0x0 from 1, where only a snapshot/);
});

test('rows 11 and 12 (ZOOKEEPER-3642, 2872): a snapshot is ours when it is on disk, and nothing before', () => {
  const script = promised();
  const body = new Uint8Array(100);
  const rest = concatBytes([proposal(z(2, 6)), commit(z(2, 6)), newLeader(3)]);
  const all = concatBytes([packet('SNAP', z(2, 5)), body, signature.copy(), rest]);
  for (let at = 0; at < all.length; at += 11) {
    script.send(all.subarray(at, Math.min(all.length, at + 11)));
  }
  assert.equal(script.snapshotBytes, 100);
  assert.deepEqual(script.wanted(), ['pause', 'saveSnapshot 0x200000005']);
  assert.deepEqual(script.appended, [], 'nothing behind a snapshot that is not on disk');
  assert.deepEqual(script.learner.status().lastDelivered, z(1, 3), 'we are where our disk is');
  script.committedLog.clear();
  script.step({ kind: 'snapshotSaved', term: 7 });
  assert.deepEqual(script.wanted(), ['resume']);
  assert.deepEqual(script.appended, [z(2, 6)]);
  assert.deepEqual(script.delivered, [z(2, 6)]);
  script.synced(z(2, 6));
  script.saved('currentEpoch', 3);
  assert.deepEqual(script.sent(), ['ACK 0x300000000']);
});

test('what overlaps with a snapshot is passed over (a Java leader forwards from before it)', () => {
  const script = promised();
  script.send(concatBytes([packet('SNAP', z(2, 5)), new Uint8Array(100), signature.copy()]));
  script.committedLog.clear();
  script.step({ kind: 'snapshotSaved', term: 7 });
  script.wanted();
  for (const zxid of [z(2, 3), z(2, 4)]) script.send(proposal(zxid), commit(zxid));
  script.send(proposal(z(2, 5)), proposal(z(2, 6)), commit(z(2, 5)), commit(z(2, 6)));
  assert.deepEqual(script.wanted(), []);
  assert.deepEqual(script.appended, [z(2, 6)]);
  assert.deepEqual(script.delivered, [z(2, 6)]);
  script.send(proposal(z(2, 4)));
  assert.match(script.wanted().join(), /abandon: .*0x200000004 does not follow 0x200000006/);
});

test('a SNAP of what we are not is bad bytes, not a state', () => {
  const script = promised();
  script.send(concatBytes([packet('SNAP', z(2, 5)), new Uint8Array(100), encodeUtf8('Nonsense')]));
  assert.match(
    script.wanted().join(),
    /abandon: leader 1 sent what cannot be read: not the string/,
  );
});

test('one ACK a proposal, in order, when it is on disk', () => {
  const script = serving();
  script.send(proposal(z(3, 1)), proposal(z(3, 2)), commit(z(3, 1)), proposal(z(3, 3)));
  assert.deepEqual(script.delivered, [z(3, 1)], 'a commit does not wait for our disk');
  assert.deepEqual(script.sent(), []);
  script.synced(z(3, 2));
  assert.deepEqual(script.sent(), ['ACK 0x300000001', 'ACK 0x300000002']);
  script.synced(z(3, 2));
  assert.deepEqual(script.sent(), []);
  script.synced(z(3, 3));
  assert.deepEqual(script.sent(), ['ACK 0x300000003']);
});

test('an observer logs what is committed, and acknowledges no proposal', () => {
  const script = promised({ role: 'observer' });
  script.send(packet('DIFF', z(2, 2)), proposal(z(2, 1)), commit(z(2, 1)));
  // Old leaders send it proposals that are on their way, too, and then inform of them.
  script.send(proposal(z(2, 2)));
  assert.deepEqual(script.appended, [z(2, 1)]);
  script.send(inform(z(2, 2)), newLeader(3), inform(z(3, 1)));
  script.synced(z(3, 1));
  script.saved('currentEpoch', 3);
  script.send(upToDate, inform(z(3, 2)));
  // Of the broadcast's own packets it wants none.
  script.send(proposal(z(3, 9)), commit(z(3, 9)));
  script.synced(z(3, 2));
  assert.deepEqual(script.delivered, [z(2, 1), z(2, 2), z(3, 1), z(3, 2)]);
  assert.deepEqual(script.appended, script.delivered);
  assert.deepEqual(script.sent(), ['ACK 0x300000000', 'ACK 0x300000000']);
});

test('a zxid used twice by a Java leader is logged once and acknowledged twice', () => {
  const script = serving();
  script.send(proposal(z(3, 1)), proposal(z(3, 1), 99), commit(z(3, 1)), commit(z(3, 1)));
  script.send(proposal(z(3, 2)), commit(z(3, 2)));
  script.synced(z(3, 2));
  assert.deepEqual(script.appended, [z(3, 1), z(3, 2)]);
  assert.deepEqual(script.delivered, [z(3, 1), z(3, 2)]);
  assert.deepEqual(script.sent(), ['ACK 0x300000001', 'ACK 0x300000001', 'ACK 0x300000002']);
});

test('server lines that differ are told, and followed all the same, as Java does', () => {
  const script = promised({}, false);
  script.send(packet('DIFF', 0n), newLeader(3, encodeUtf8(ensembleText(5))));
  script.send(upToDate);
  assert.ok(script.learner.isServing);
  assert.match(script.lines.join('\n'), /the server lines of 1 differ from ours: .* -> keep ours/);
});

test('pings: answered behind the ACK of NEWLEADER, with the sessions heard of, even none', () => {
  const script = promised();
  script.send(packet('DIFF', z(1, 3)), newLeader(3), packet('PING', z(3, 0)));
  assert.deepEqual(script.sent(), [], 'a Java leader waits for the ACK and takes nothing else');
  script.saved('currentEpoch', 3);
  script.sent();
  script.send(packet('PING', z(3, 7)));
  assert.deepEqual(script.sent(), ['PING 0x300000007']);
  assert.deepEqual(script.data, [Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 15, 160)]);
});

test('requests and syncs are forwarded; answers come in order', () => {
  const script = serving();
  const request = { sessionId: 7n, cxid: 3, bytes: encodeUtf8('xaby'), start: 1, end: 3 };
  script.learner.forward({ ...request, type: 5, authinfo: [{ scheme: 'ip', id: '1' }] });
  script.learner.sync({ name: 'a' }, { ...request, type: 9, authinfo: [] });
  script.learner.sync({ name: 'b' }, { ...request, type: 9, authinfo: [] });
  script.learner.revalidate(9n, 4000);
  assert.deepEqual(script.sent(), [
    'REQUEST 0xffffffffffffffff',
    'REQUEST 0xffffffffffffffff',
    'REQUEST 0xffffffffffffffff',
    'REVALIDATE 0xffffffffffffffff',
  ]);
  const data = [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 5, 0x61, 0x62];
  assert.deepEqual([...(script.data[0] ?? [])], data);
  assert.deepEqual([...(script.data[3] ?? [])], [0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 15, 160]);
  script.send(packet('SYNC', 0n), packet('SYNC', 0n), packet('SYNC', 0n));
  script.send(packet('REVALIDATE', -1n, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9, 1)));
  assert.deepEqual(script.calls, ['sync {"name":"a"}', 'sync {"name":"b"}', 'revalidated 9 true']);
  assert.deepEqual(script.wanted(), [], 'a SYNC too many is told, no more');
});

test('a silent leader: initLimit on the way in, syncLimit from the ACK of NEWLEADER on', () => {
  const script = promised();
  script.pass(initLimit * tickTimeMs - 1);
  assert.deepEqual(script.wanted(), []);
  script.pass(1);
  assert.match(script.wanted().join(), /abandon: leader 1 was silent for initLimit/);
  const late = serving();
  late.pass(syncLimit * tickTimeMs);
  assert.match(late.wanted().join(), /abandon: leader 1 was silent for syncLimit/);
});

test('while our own disk works the leader may be silent', () => {
  const script = promised();
  script.send(packet('TRUNC', z(1, 2)));
  script.pass(100 * initLimit * tickTimeMs);
  assert.equal(script.learner.deadline.at, Number.POSITIVE_INFINITY);
  script.committedLog.clear();
  script.step({ kind: 'truncated', term: 7, lastZxid: z(1, 2), failure: undefined });
  assert.equal(script.learner.deadline.at, script.now + initLimit * tickTimeMs);
});

test('a leader that proposes and never commits is left before memory ends', () => {
  const script = serving({ pendingBytesMax: 100 });
  script.send(proposal(z(3, 1)), proposal(z(3, 2)), proposal(z(3, 3)));
  assert.match(
    script.wanted().join(),
    /abandon: leader 1 sent 120 bytes proposed and not committed/,
  );
});

test('rows 6 and 14: completions of an earlier role change nothing', () => {
  const script = promised();
  script.send(packet('DIFF', z(1, 3)), proposal(z(2, 1)), newLeader(3));
  script.step({ kind: 'synced', term: 6, zxid: z(2, 1) });
  script.step({ kind: 'epochSaved', term: 6, name: 'currentEpoch', epoch: 3 });
  script.step({ kind: 'snapshotSaved', term: 6 });
  script.step({ kind: 'truncated', term: 6, lastZxid: 0n, failure: undefined });
  assert.deepEqual(script.wanted(), []);
  assert.deepEqual(script.sent(), []);
  assert.equal(script.learner.status().lastDurable, z(1, 3));
});
