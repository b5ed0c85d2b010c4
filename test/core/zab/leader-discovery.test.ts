// A leader's way to its quorum, packet by packet: who counts, which epoch it becomes,
// what must be on disk before what leaves, who is refused and why. Learners are played
// by hand; three voters, the leader is server 1.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printQuorumConfig } from '../../../src/core/election/quorum-config.ts';
import { VoteTracker } from '../../../src/core/election/vote-tracker.ts';
import { encodeUtf8 } from '../../../src/jute/utf8.ts';
import { ensemble } from '../election/configs.ts';
import {
  historyOf,
  initLimit,
  int,
  learnerInfo,
  packet,
  tickTimeMs,
  z,
} from './hand-made-packets.ts';
import { ScriptedLeader } from './scripted-leader.ts';

test('the ladder: every packet and every save in its order', () => {
  const script = new ScriptedLeader({ slowDisk: true, start: { acceptedEpoch: 4 } });
  const peer = script.connect().info(2n, 6);
  assert.deepEqual(script.wanted(), ['acceptedEpoch 7']);
  assert.deepEqual(peer.got(), [], 'nothing leaves before acceptedEpoch is on disk');
  script.saved('acceptedEpoch', 7);
  assert.deepEqual(peer.got(), ['LEADERINFO 0x700000000']);
  assert.deepEqual(peer.data, [int(0x10000)]);
  peer.ackEpoch(0, 0n);
  assert.deepEqual(script.wanted(), ['currentEpoch 7']);
  assert.deepEqual(peer.got(), ['DIFF 0x0', 'NEWLEADER 0x700000000']);
  assert.deepEqual(
    peer.data[1],
    encodeUtf8(printQuorumConfig(ensemble(3).config)),
    'the configuration as Java prints it',
  );
  peer.ack(z(7, 0));
  assert.deepEqual(script.wanted(), [], 'a leader counts itself when its currentEpoch is on disk');
  script.saved('currentEpoch', 7);
  assert.deepEqual(script.wanted(), ['establish 7']);
  assert.deepEqual(peer.got(), ['UPTODATE 0xffffffffffffffff']);
  assert.match(script.lines.join('\n'), /quorum of NEWLEADER: 2 of 3 \(1, 2\) -> established/);
});

test('a leader alone in its ensemble is established by its own disk', () => {
  const script = new ScriptedLeader({ verifier: ensemble(1), start: { acceptedEpoch: 2 } });
  assert.deepEqual(script.wanted(), ['acceptedEpoch 3', 'currentEpoch 3', 'establish 3']);
  const [zxid = 0n] = script.propose();
  assert.equal(zxid, z(3, 1));
  assert.deepEqual(script.delivered, []);
  script.synced(zxid);
  assert.deepEqual(script.delivered, [zxid]);
});

test('who comes before the epoch is on disk waits; who comes later gets it at once', () => {
  const script = new ScriptedLeader({ slowDisk: true });
  const [two, three] = [script.connect().info(2n, 0), script.connect().info(3n, 5)];
  script.saved('acceptedEpoch', 1);
  assert.deepEqual(two.got(), ['LEADERINFO 0x100000000']);
  assert.deepEqual(three.got(), ['LEADERINFO 0x100000000']);
  assert.deepEqual(script.connect().info(2n, 0).got(), ['LEADERINFO 0x100000000']);
  assert.match(script.lines.join('\n'), /3 accepted epoch 0x5, ours is 0x1 -> it cannot join/);
});

test('every member’s accepted epoch raises the new one, an observer’s too; a stranger’s a little only', () => {
  const verifier = ensemble(3, 1);
  const epochWith = (
    sid: bigint,
    accepted: number,
    type: 'FOLLOWERINFO' | 'OBSERVERINFO',
  ): number => {
    const script = new ScriptedLeader({ verifier, start: { acceptedEpoch: 3 } });
    script.connect().info(sid, accepted, type);
    script.connect().info(2n, 3);
    return script.leader.status().epoch ?? -1;
  };
  assert.equal(epochWith(4n, 40, 'OBSERVERINFO'), 41);
  assert.equal(epochWith(99n, 40, 'FOLLOWERINFO'), 41);
  assert.equal(
    epochWith(99n, 0x7ffffff0, 'FOLLOWERINFO'),
    4,
    'EP6: a stranger cannot use epochs up',
  );
  assert.equal(epochWith(99n, -1, 'OBSERVERINFO'), 4);
});

test('epochs end: a member beyond them is refused, a leader at their end does not lead', () => {
  const script = new ScriptedLeader();
  const peer = script.connect().info(2n, 0x7fffffff);
  assert.ok(peer.isClosed);
  assert.match(script.lines.at(-1) ?? '', /has accepted epoch 2147483647: no later one is left/);
  const last = new ScriptedLeader({ start: { acceptedEpoch: 0x7fffffff } });
  last.connect().info(2n, 0);
  assert.match(last.wanted().join(), /abandon: no epoch is left/);
});

test('row 30 (ZOOKEEPER-335, 1282): two terms without a transaction between them differ in epoch', () => {
  const first = new ScriptedLeader({ start: { acceptedEpoch: 5, currentEpoch: 5 } });
  first.connect().info(2n, 5);
  assert.deepEqual(first.wanted()[0], 'acceptedEpoch 6');
  // It crashes at once; another leads with the same quorum.
  const second = new ScriptedLeader({ start: { acceptedEpoch: 5, currentEpoch: 5 } });
  second.connect().info(2n, 6);
  assert.deepEqual(second.wanted()[0], 'acceptedEpoch 7');
});

test('row 31 (ZOOKEEPER-2959): observers and strangers are never part of a quorum', () => {
  const script = new ScriptedLeader({ verifier: ensemble(3, 4) });
  for (const sid of [4n, 5n, 6n, 7n]) script.connect().info(sid, 0, 'OBSERVERINFO');
  // Nor in a follower's clothes, nor voters in an observer's.
  for (const sid of [4n, 50n, 51n]) script.connect().info(sid, 0, 'FOLLOWERINFO');
  for (const sid of [2n, 3n]) script.connect().info(sid, 0, 'OBSERVERINFO');
  assert.deepEqual(
    script.wanted().filter((what) => what.startsWith('acceptedEpoch')),
    [],
  );
  assert.equal(script.leader.status().epoch, undefined);
});

test('row 31: nor of the quorums of ACKEPOCH and NEWLEADER, nor of a commit', () => {
  const script = new ScriptedLeader({ verifier: ensemble(3, 4), slowDisk: true });
  const voter = script.connect().info(2n, 0);
  const observers = [4n, 5n, 6n].map((sid) => script.connect().info(sid, 0, 'OBSERVERINFO'));
  script.saved('acceptedEpoch', 1);
  for (const observer of observers) observer.ackEpoch(0, 0n);
  assert.ok(!script.wanted().includes('currentEpoch 1'));
  voter.ackEpoch(0, 0n);
  script.saved('currentEpoch', 1);
  for (const observer of observers) observer.ack(z(1, 0));
  assert.equal(script.leader.status().state, 'SYNCHRONIZATION');
  voter.ack(z(1, 0));
  const [zxid = 0n] = script.propose();
  for (const observer of observers) observer.ack(zxid);
  script.synced(zxid);
  assert.deepEqual(script.delivered, []);
  voter.ack(zxid);
  assert.deepEqual(script.delivered, [zxid]);
});

test('row 40 (ZOOKEEPER-1191, 1192): what is said twice counts once, each in its place', () => {
  const script = new ScriptedLeader({ verifier: ensemble(5) });
  const two = script.connect().info(2n, 0);
  script.connect().info(2n, 0);
  assert.equal(script.leader.status().epoch, undefined, 'one sid, however often');
  assert.ok(two.isClosed, 'the newer connection of a sid replaces one that says nothing');
  script.connect().info(3n, 0).ackEpoch(0, 0n);
  assert.equal(script.leader.status().epoch, 1);
  // −1: it had accepted this epoch before, from us or from another leader.
  script.connect().info(4n, 0).ackEpoch(-1, 0n);
  // And one that has nothing it could promise.
  script.connect().info(5n, 0).ackEpoch(0, -1n);
  assert.equal(script.leader.status().state, 'DISCOVERY');
});

test('row 40: an ACK of another NEWLEADER, or none at all, does not count', () => {
  const script = new ScriptedLeader({ start: { acceptedEpoch: 1 } });
  const two = script.join(2n);
  two.ack(z(1, 0));
  assert.ok(two.isClosed);
  assert.equal(script.leader.status().state, 'SYNCHRONIZATION');
  const again = script.join(2n);
  again.got();
  again.send(packet('PING', 0n, new Uint8Array(0)));
  assert.ok(again.isClosed);
});

test('LD3: a voter that is ahead is not led; others may be', () => {
  for (const [epoch, zxid] of [
    [3, z(2, 1)],
    [2, z(2, 6)],
  ] as const) {
    const options = { committedLog: historyOf(z(2, 5)) };
    const script = new ScriptedLeader({ options, start: { acceptedEpoch: 3, currentEpoch: 2 } });
    const two = script.connect().info(2n, 3);
    const three = script.connect().info(3n, 3);
    two.ackEpoch(epoch, zxid);
    assert.ok(two.isClosed);
    assert.match(script.lines.join('\n'), /follower 2 is ahead: epoch 0x., zxid 0x/);
    three.ackEpoch(1, z(2, 9));
    assert.equal(script.leader.status().state, 'SYNCHRONIZATION', 'epoch first, then zxid');
  }
});

test('LD3: when nobody else comes, the term ends a tick after a voter was ahead', () => {
  const script = new ScriptedLeader();
  script.connect().info(2n, 0).ackEpoch(1, z(1, 1));
  script.pass(tickTimeMs);
  assert.match(script.wanted().join(), /abandon: no quorum of ACKEPOCH in time: 1 of 3 \(1\)/);
});

test('once the quorum is there, who is ahead is cut back instead', () => {
  const options = { committedLog: historyOf(z(1, 1), z(1, 2)) };
  const script = new ScriptedLeader({ options, start: { acceptedEpoch: 1, currentEpoch: 1 } });
  script.connect().info(2n, 1).ackEpoch(1, z(1, 2));
  const three = script.connect().info(3n, 1);
  three.got();
  three.ackEpoch(1, z(1, 9));
  assert.deepEqual(three.got(), ['TRUNC 0x100000002', 'NEWLEADER 0x200000000']);
});

test('each quorum has initLimit, and then the term ends', () => {
  const late = initLimit * tickTimeMs;
  const script = new ScriptedLeader();
  script.pass(late - 1);
  assert.deepEqual(script.wanted(), []);
  script.pass(1);
  assert.match(script.wanted().join(), /abandon: no quorum of FOLLOWERINFO in time: 1 of 3 \(1\)/);
  const electing = new ScriptedLeader();
  electing.connect().info(2n, 0);
  electing.pass(late);
  assert.match(electing.wanted().join(), /abandon: no quorum of ACKEPOCH in time/);
  const synchronizing = new ScriptedLeader();
  synchronizing.join(2n);
  synchronizing.pass(late);
  assert.match(synchronizing.wanted().join(), /abandon: no quorum of NEWLEADER within initLimit/);
  const saving = new ScriptedLeader({ slowDisk: true });
  saving.connect().info(2n, 0);
  saving.pass(3 * late);
  assert.deepEqual(saving.wanted(), ['acceptedEpoch 1'], 'our own disk is waited for');
});

test('a term ends when the election thinks again, until a quorum has promised', () => {
  const script = new ScriptedLeader();
  script.step({ kind: 'reconsidered', reason: 'a quorum follows 3' });
  assert.deepEqual(script.wanted(), ['abandon: a quorum follows 3']);
  const later = new ScriptedLeader();
  later.join(2n);
  later.wanted();
  later.step({ kind: 'reconsidered', reason: 'a quorum follows 3' });
  assert.deepEqual(later.wanted(), []);
});

test('leader.maxTimeToWaitForEpoch: a voter of ours that is LOOKING again ends the wait', () => {
  const verifier = ensemble(3);
  const voteSet = new VoteTracker([verifier]);
  const options = { maxTimeToWaitForEpochMs: 300, voteSet };
  const script = new ScriptedLeader({ verifier, options });
  script.step({ kind: 'lookingSidReported', sid: 2n });
  script.pass(350);
  script.step({ kind: 'lookingSidReported', sid: 9n });
  assert.deepEqual(script.wanted(), []);
  script.step({ kind: 'lookingSidReported', sid: 2n });
  assert.deepEqual(script.wanted(), ['abandon: voter 2 is LOOKING again']);
});

test('a voter that accepted a later epoch gets a new term, once a minute', () => {
  const script = new ScriptedLeader();
  const [two] = script.establish(2n);
  const alive = (): void => void two?.send(packet('PING', 0n, new Uint8Array(0)));
  const stuck = script.connect().info(3n, 9);
  assert.deepEqual(stuck.got(), ['LEADERINFO 0x100000000'], 'so that it can say why it refuses');
  assert.deepEqual(script.wanted(), []);
  script.pass(30 * tickTimeMs, alive);
  script.wanted();
  script.connect().info(4n, 99, 'OBSERVERINFO');
  assert.deepEqual(script.wanted(), [], 'a stranger gets none');
  script.connect().info(3n, 0x7ffffff0);
  assert.deepEqual(script.wanted(), [], 'nor who would use all epochs up');
  assert.equal(script.leader.status().knownAcceptedEpoch, 9);
  script.connect().info(3n, 9);
  assert.match(script.wanted().join(), /abandon: 3 accepted epoch 0x9, ours is 0x1/);
  const { knownAcceptedEpoch } = script.leader.status();
  const next = new ScriptedLeader({ start: { acceptedEpoch: 1, knownAcceptedEpoch } });
  next.connect().info(2n, 1);
  assert.equal(next.leader.status().epoch, 10, 'and that one takes it in');
});

const refusals: readonly (readonly [what: string, bytes: Uint8Array, reason: RegExp])[] = [
  ['garbage', new Uint8Array(40).fill(0x22), /sent what cannot be read/],
  ['other garbage', new Uint8Array(40).fill(0xff), /sent packet -1 first/],
  ['another first packet', packet('ACKEPOCH', 0n, int(0)), /sent ACKEPOCH first/],
  ['no data', packet('FOLLOWERINFO', 0n), /older than Zab 1.0: no sid/],
  ['half a sid', packet('FOLLOWERINFO', 0n, int(2)), /older than Zab 1.0: no sid/],
  [
    'an old protocol',
    packet('FOLLOWERINFO', 0n, learnerInfo(2n, 1)),
    /protocol 0x1, older than Zab/,
  ],
  ['our own sid', packet('FOLLOWERINFO', 0n, learnerInfo(1n)), /claims our own sid 1/],
  [
    'a later configuration',
    packet('FOLLOWERINFO', 0n, learnerInfo(2n, 0x10000, 5n)),
    /has configuration version 0x5, ours is 0x0/,
  ],
];

for (const [what, bytes, reason] of refusals) {
  test(`refused by name: ${what}`, () => {
    const script = new ScriptedLeader();
    const peer = script.connect().send(bytes);
    assert.ok(peer.isClosed);
    assert.match(script.lines.join('\n'), reason);
    assert.match(script.wanted().join(), /^closeLink/);
    // Nobody else is harmed.
    script.connect().info(2n, 0);
    assert.equal(script.leader.status().epoch, 1);
  });
}

test('who connects and says nothing is let go after syncLimit, and byte by byte does not help', () => {
  const script = new ScriptedLeader();
  const peer = script.connect();
  script.pass(550, () => peer.isClosed || peer.send(Uint8Array.of(0)));
  assert.ok(peer.isClosed);
  assert.match(script.lines.join('\n'), /did not introduce itself/);
});

test('strangers have a limit, and members come through', () => {
  const script = new ScriptedLeader();
  const strangers = Array.from({ length: 150 }, (_, i) => script.connect(`10.1.0.${i}`));
  assert.equal(strangers.filter(({ isClosed }) => isClosed).length, 50);
  for (const stranger of strangers.filter(({ isClosed }) => !isClosed)) {
    script.step({ kind: 'disconnected', link: stranger.link, reason: 'end' });
  }
  script.connect().info(2n, 0);
  assert.equal(script.leader.status().epoch, 1);
});

test('quoll.refuseStrangers: who is not in the configuration is no learner either', () => {
  const script = new ScriptedLeader({ options: { refuseStrangers: true } });
  const stranger = script.connect().info(99n, 0);
  assert.ok(stranger.isClosed);
  assert.match(script.lines.join('\n'), /99 is not in the configuration/);
  assert.ok(!script.connect().info(2n, 0).isClosed);
});

test('two servers with one myid: the one that is alive keeps it', () => {
  const script = new ScriptedLeader();
  const [two] = script.establish(2n);
  const other = script.connect('10.0.0.66').info(2n, 0);
  assert.ok(other.isClosed);
  assert.ok(two?.isClosed === false);
  assert.match(
    script.lines.join('\n'),
    /10.0.0.66 claims sid 2, as 10.0.0.9 does, which is alive|claims sid 2/,
  );
  // A tick without a word: it may have lost its connection and come back.
  script.pass(tickTimeMs + 50);
  const back = script.connect('10.0.0.67').info(2n, 0);
  assert.ok(two.isClosed && !back.isClosed);
});

test('strangers do not take the place of a member: the one that came first goes', () => {
  const script = new ScriptedLeader();
  const strangers = Array.from({ length: 100 }, (_, i) =>
    script.connect().info(BigInt(1000 + i), 0),
  );
  const member = script.connect().info(2n, 0);
  assert.ok(!member.isClosed);
  assert.deepEqual(
    strangers.map(({ isClosed }) => isClosed),
    strangers.map((_, i) => i === 0),
  );
  assert.match(script.lines.join('\n'), /1000 is one stranger too many -> close/);
  assert.deepEqual(member.got(), ['LEADERINFO 0x100000000']);
});
