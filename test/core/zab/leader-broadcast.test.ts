// An established leader, packet by packet: proposals, commits, syncs, sessions, slow and broken learners, the end of a
// term. Followers are played by hand; three voters unless told, the leader is server 1. Rows are those of the
// project's catalogue of known failures.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../../src/jute/utf8.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { counterOf } from '../../../src/proto/zxid.ts';
import { ensemble } from '../election/configs.ts';
import { packet, syncLimit, tickTimeMs, txnBytes, z } from './hand-made-packets.ts';
import type { Peer } from './scripted-leader.ts';
import { ScriptedLeader } from './scripted-leader.ts';

function established(...sids: bigint[]): [ScriptedLeader, ...Peer[]] {
  const script = new ScriptedLeader({ verifier: ensemble(3, 1) });
  return [script, ...script.establish(...sids)];
}

function longs(...values: readonly (readonly [bigint, number])[]): Uint8Array {
  const out = new Writer();
  for (const [long, int] of values) {
    out.long(long);
    out.int(int);
  }
  return out.copy();
}

const ping = packet('PING', 0n, new Uint8Array(0));

test('a proposal goes to every follower, a commit follows the quorum, in order', () => {
  const [script, two, three] = established(2n, 3n);
  const zxids = script.propose(3);
  const proposals = ['PROPOSAL 0x100000001', 'PROPOSAL 0x100000002', 'PROPOSAL 0x100000003'];
  assert.deepEqual(two?.got(), proposals);
  assert.deepEqual(
    two?.data,
    zxids.map((zxid) => txnBytes(zxid)),
  );
  assert.deepEqual(three?.got(), proposals);
  three?.ack(...zxids);
  assert.deepEqual(script.delivered, []);
  script.synced(z(1, 2));
  assert.deepEqual(script.delivered, [z(1, 1), z(1, 2)]);
  assert.deepEqual(two?.got(), ['COMMIT 0x100000001', 'COMMIT 0x100000002']);
  two?.ack(z(1, 3));
  assert.deepEqual(script.delivered.at(-1), z(1, 3), 'also without our own disk');
  assert.equal(script.committedLog.max, z(1, 3));
});

test('an observer is informed of what is committed, and of nothing else', () => {
  const [script, two] = established(2n);
  const observer = script.connect().info(4n, 0, 'OBSERVERINFO').ackEpoch(0, 0n);
  observer.ack(z(1, 0));
  observer.got();
  const [zxid = 0n] = script.propose();
  assert.deepEqual(observer.got(), []);
  script.synced(zxid);
  two?.ack(zxid);
  assert.deepEqual(observer.got(), ['INFORM 0x100000001']);
  assert.deepEqual(observer.data, [txnBytes(zxid)]);
});

test('row 3 (ZOOKEEPER-4685): the ACK of a proposal may come before the one of NEWLEADER', () => {
  const script = new ScriptedLeader();
  script.establish(2n);
  const three = script.join(3n);
  const [zxid = 0n] = script.propose();
  three.got();
  three.ack(zxid);
  script.synced(zxid);
  assert.deepEqual(script.delivered, [zxid], 'and it counts');
  three.ack(z(1, 0));
  assert.deepEqual(three.got(), ['UPTODATE 0xffffffffffffffff', 'COMMIT 0x100000001']);
});

test('row 5 (ZOOKEEPER-4394): no COMMIT between NEWLEADER and UPTODATE', () => {
  const [script, two] = established(2n);
  script.propose(2);
  const three = script.join(3n);
  assert.deepEqual(three.got(), [
    'LEADERINFO 0x100000000',
    'DIFF 0x0',
    'PROPOSAL 0x100000001',
    'PROPOSAL 0x100000002',
    'NEWLEADER 0x100000000',
  ]);
  script.propose();
  script.synced(z(1, 2));
  two?.ack(z(1, 2));
  assert.deepEqual(script.delivered, [z(1, 1), z(1, 2)]);
  assert.deepEqual(three.got(), ['PROPOSAL 0x100000003']);
  three.ack(z(1, 0));
  assert.deepEqual(three.got(), [
    'UPTODATE 0xffffffffffffffff',
    'COMMIT 0x100000001',
    'COMMIT 0x100000002',
  ]);
  script.synced(z(1, 3));
  two?.ack(z(1, 3));
  assert.deepEqual(three.got(), ['COMMIT 0x100000003']);
});

test('row 14: what a follower acknowledged and is told to cut away counts no more', () => {
  const [script, , three] = established(2n, 3n);
  const [first = 0n, second = 0n] = script.propose(2);
  three?.ack(first, second);
  if (three !== undefined) {
    script.step({ kind: 'disconnected', link: three.link, reason: 'reset' });
  }
  // It comes back with both, of which none is committed.
  const back = script.connect().info(3n, 1).ackEpoch(1, second);
  assert.deepEqual(back.got(), ['LEADERINFO 0x100000000', 'SNAP 0x0']);
  script.synced(second);
  assert.deepEqual(script.delivered, [], 'only our own disk has them for certain');
  assert.equal(back.isClosed, false);
});

test('row 38 (ZOOKEEPER-2201): one stalled follower holds up nobody, and is let go', () => {
  const [script, two, three] = established(2n, 3n);
  const alive = (): void => {
    two?.send(ping);
    three?.send(ping);
    const [zxid = 0n] = script.propose();
    script.synced(zxid);
    two?.ack(zxid);
    assert.equal(script.delivered.at(-1), zxid);
  };
  // It answers pings and acknowledges nothing.
  script.pass((syncLimit + 2) * tickTimeMs, alive);
  assert.ok(three?.isClosed);
  assert.match(script.lines.join('\n'), /3 left a proposal unacknowledged for syncLimit/);
  assert.ok(two?.isClosed === false);
});

test('row 38: what a stalled follower may make us keep has a limit', () => {
  const [script, two, three] = established(2n, 3n);
  assert.ok(two !== undefined && three !== undefined);
  three.link.backlog = 256 << 20;
  script.pass(tickTimeMs / 2, () => two.send(ping));
  assert.equal(three.isClosed, false);
  script.propose();
  script.pass(tickTimeMs / 2, () => two.send(ping));
  assert.ok(three.isClosed);
  assert.match(script.lines.join('\n'), /3 takes too little: 2684\d+ bytes wait/);
  assert.equal(two.isClosed, false);
});

test('pings twice a tick; a follower that is silent for syncLimit is let go, then the term ends', () => {
  const [script, two, three] = established(2n, 3n);
  script.pass(2 * tickTimeMs, () => two?.send(ping));
  assert.deepEqual(
    two?.got(),
    Array.from({ length: 4 }, () => 'PING 0x100000000'),
  );
  script.pass((syncLimit - 1) * tickTimeMs, () => two?.send(ping));
  assert.ok(three?.isClosed);
  assert.deepEqual(script.wanted(), ['closeLink: was silent for syncLimit'], 'two are a quorum');
  script.pass((syncLimit + 1) * tickTimeMs);
  assert.match(script.wanted().at(-1) ?? '', /abandon: no quorum for syncLimit: 1 of 3 \(1\)/);
  assert.equal(script.leader.canPropose, false);
  script.step({ kind: 'timeout' });
  assert.deepEqual(script.wanted(), [], 'nothing comes after the end');
});

test('a quiet term does not end', () => {
  const [script, two] = established(2n);
  script.pass(100 * tickTimeMs, () => two?.send(ping));
  assert.deepEqual(script.wanted(), []);
});

test('a follower on its way counts for the quorum as long as it may take', () => {
  const [script, two] = established(2n);
  const three = script.join(3n);
  if (two !== undefined) script.step({ kind: 'disconnected', link: two.link, reason: 'end' });
  script.pass(9 * tickTimeMs);
  assert.deepEqual(script.wanted(), []);
  three.ack(z(1, 0));
  script.pass(3 * tickTimeMs, () => three.send(ping));
  assert.deepEqual(script.wanted(), []);
});

test('row 29 (ZOOKEEPER-1277): the last counter is used and committed, then a new epoch is needed', () => {
  const script = new ScriptedLeader({ options: { counterMax: 4 } });
  const [two] = script.establish(2n);
  const zxids = script.propose(4);
  assert.equal(script.leader.canPropose, false);
  assert.throws(() => script.propose(), /an established leader proposes/);
  two?.ack(...zxids);
  assert.deepEqual(script.wanted(), []);
  script.synced(z(1, 4));
  assert.deepEqual(script.delivered, zxids);
  assert.match(script.wanted().at(-1) ?? '', /abandon: the counter of epoch 0x1 is used up/);
});

test('row 29: the last counter before the wrap is 0xfffffffe', () => {
  const [script] = established(2n);
  assert.ok(script.leader.canPropose);
  assert.equal(counterOf(z(1, 0xfffffffe)) + 1, 0xffffffff);
});

test('syncs are answered when everything before them is committed, in their order', () => {
  const [script, two, three] = established(2n, 3n);
  if (two === undefined || three === undefined) return;
  script.leader.sync(two.link);
  assert.deepEqual(two.got(), ['SYNC 0x0'], 'nothing to wait for');
  script.propose();
  script.leader.sync(two.link);
  script.leader.sync({ name: 'ours' });
  script.propose();
  script.leader.sync(two.link);
  script.leader.sync(three.link);
  two.got();
  two.ack(z(1, 1));
  script.synced(z(1, 1));
  assert.deepEqual(two.got(), ['COMMIT 0x100000001', 'SYNC 0x0']);
  assert.deepEqual(script.calls, ['sync']);
  script.step({ kind: 'disconnected', link: three.link, reason: 'end' });
  two.ack(z(1, 2));
  script.synced(z(1, 2));
  assert.deepEqual(two.got(), ['COMMIT 0x100000002', 'SYNC 0x0']);
});

test('requests, sessions and their answers', () => {
  const [script, two] = established(2n);
  if (two === undefined) return;
  const body = new Writer();
  body.long(0x0200000000000001n);
  body.int(3);
  body.int(1);
  body.raw(encodeUtf8('ab'));
  two.send(packet('REQUEST', -1n, body.copy(), [{ scheme: 'ip', id: '::1' }]));
  two.send(packet('REQUEST', -1n, body.copy().subarray(0, 16), []));
  assert.deepEqual(script.requests, [
    '144115188075855873 3 1 [97,98] ip:::1',
    '144115188075855873 3 1 [] ',
  ]);
  two.send(packet('PING', 0n, longs([5n, 4000], [6n, 30_000])));
  two.send(packet('REVALIDATE', -1n, longs([7n, 4000])));
  assert.deepEqual(script.calls, ['touch 5 4000', 'touch 6 30000', 'revalidate 7 4000']);
  script.leader.revalidated(two.link, 7n, true);
  script.leader.revalidated(two.link, 8n, false);
  assert.deepEqual(two.got(), ['REVALIDATE 0xffffffffffffffff', 'REVALIDATE 0xffffffffffffffff']);
  assert.deepEqual(two.data[0], Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7, 1));
  assert.deepEqual(two.data[1], Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 8, 0));
});

const rude: readonly (readonly [what: string, bytes: Uint8Array, reason: RegExp])[] = [
  ['an ACK of what was never proposed', packet('ACK', z(1, 9)), /acknowledged 0x100000009, which/],
  ['an ACK of a later epoch', packet('ACK', z(2, 1)), /acknowledged 0x200000001, which/],
  ['a REQUEST without its head', packet('REQUEST', -1n, new Uint8Array(15), []), /cannot be read/],
  ['a REVALIDATE without data', packet('REVALIDATE', -1n), /cannot be read/],
  ['a PING with half a session', packet('PING', 0n, new Uint8Array(13)), /cannot be read/],
  ['a senseless length', new Uint8Array(20).fill(0x7f), /cannot be read/],
];

for (const [what, bytes, reason] of rude) {
  test(`a follower that sends ${what} is let go, the others are not harmed`, () => {
    const [script, two, three] = established(2n, 3n);
    three?.send(bytes);
    assert.ok(three?.isClosed);
    assert.match(script.lines.join('\n'), reason);
    const [zxid = 0n] = script.propose();
    script.synced(zxid);
    two?.ack(zxid);
    assert.deepEqual(script.delivered, [zxid]);
  });
}

test('unknown packets are passed over, and so are ACKs of earlier epochs', () => {
  const [script, two] = established(2n);
  two?.send(packet('SNAP', 0n), packet('ACK', 3n), packet('ACK', z(1, 0)));
  assert.ok(two?.isClosed === false);
  assert.match(script.lines.join('\n'), /recv SNAP from 2 -> ignore/);
});

test('a completion of an earlier role counts for nothing', () => {
  const [script, two] = established(2n);
  const [zxid = 0n] = script.propose();
  two?.ack(zxid);
  script.step({ kind: 'synced', term: 6, zxid });
  script.step({ kind: 'epochSaved', term: 6, name: 'currentEpoch', epoch: 9 });
  script.synced(z(0, 99));
  assert.deepEqual(script.delivered, []);
  script.synced(zxid);
  assert.deepEqual(script.delivered, [zxid]);
});

test('what is proposed and not committed when the role ends can be had', () => {
  const [script] = established(2n);
  script.propose(2);
  script.step({ kind: 'stopped', reason: 'shutdown' });
  assert.deepEqual(
    [...script.leader.pending()].map(({ zxid }) => zxid),
    [z(1, 1), z(1, 2)],
  );
  assert.deepEqual(script.wanted().at(-1), 'abandon: shutdown');
});
