// The rules of FastLeaderElection one at a time: one machine, its peers played by the test. Rows of the catalogue of
// Java's known bugs are named with their JIRA. The lines say what was sent, dialled and decided. Who may have a say at
// all is tested in who-counts.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensemble } from './configs.ts';
import { ScriptedElection } from './scripted-election.ts';

function looking(mySid: bigint, voters = 3): ScriptedElection {
  return new ScriptedElection({ mySid, committed: ensemble(voters) });
}

test('start: a new round, our own vote to the other voters', () => {
  const one = looking(1n);
  assert.deepEqual(one.start(0x100000005n, 1n), [
    '3,2 < LOOKING vote 1 (epoch 0x1 zxid 0x100000005 round 1)',
  ]);
  assert.equal(
    one.notes[0]?.line,
    'started vote 1 (epoch 0x1 zxid 0x100000005 round 1) -> look for a leader among 1, 2, 3',
  );
});

test('a single voter elects itself at once', () => {
  const one = looking(1n, 1);
  assert.deepEqual(one.start(), ['decide LEADING 1 early']);
});

test('a better vote is adopted and sent on; all voters agree: decided at once', () => {
  const one = looking(1n);
  one.start();
  assert.deepEqual(one.hear(3n), ['3,2 < LOOKING vote 3 (epoch 0x0 zxid 0x0 round 1)']);
  assert.deepEqual(one.hear(2n, { leader: 3n }), ['decide FOLLOWING 3 early']);
  assert.deepEqual(one.decisions[0]?.voteSet.acks(), [1n, 2n, 3n]);
});

test('a quorum without the last voter waits finalizeWait, and not longer', () => {
  const two = looking(2n);
  two.start();
  assert.deepEqual(two.hear(1n, { leader: 2n }), []);
  assert.equal(
    two.lastNote(),
    'recv LOOKING from 1 vote 2 (epoch 0x0 zxid 0x0 round 1) -> count; ' +
      '1, 2 agree: wait 200 ms for a better vote',
  );
  two.now += 150;
  assert.deepEqual(two.hear(1n, { leader: 2n }), []);
  assert.equal(two.machine.deadline.at, 1200);
  assert.deepEqual(two.step({ kind: 'timeout' }), []);
  assert.deepEqual(two.timeout(), ['decide LEADING 2']);
  assert.equal(two.now, 1200);
});

test('a better vote during finalizeWait is taken, and the wait begins anew with its quorum', () => {
  const two = looking(2n);
  two.start();
  two.hear(1n, { leader: 2n });
  two.now += 150;
  assert.deepEqual(two.hear(3n), ['3,1 < LOOKING vote 3 (epoch 0x0 zxid 0x0 round 1)']);
  two.run(140);
  assert.equal(two.decisions.length, 0);
  two.run(60);
  assert.equal(two.decisions[0]?.leader, 3n);
});

test('a quorum that dissolves during finalizeWait decides nothing', () => {
  const two = looking(2n, 5);
  two.start();
  two.hear(1n, { leader: 2n });
  two.hear(3n, { leader: 2n, zxid: 0n });
  assert.match(two.lastNote(), /wait 200 ms/);
  // 3 turns out to follow 5 in this round: it is no supporter any more.
  two.hear(3n, { state: 'FOLLOWING', leader: 5n });
  two.run(5_000);
  assert.equal(two.decisions.length, 0);
});

test('with decidesEarly off, unanimity waits like Java', () => {
  const one = new ScriptedElection({
    mySid: 1n,
    committed: ensemble(3),
    decidesEarly: false,
  });
  one.start();
  one.hear(3n);
  assert.deepEqual(one.hear(2n, { leader: 3n }), []);
  assert.deepEqual(one.timeout(), ['decide FOLLOWING 3']);
});

test('a voter whose link broke is absent: the others decide at once, unless it is the candidate', () => {
  const one = looking(1n);
  one.start();
  one.hear(2n);
  assert.deepEqual(one.step({ kind: 'linkBroken', sid: 3n }), [
    'connect 3',
    'decide FOLLOWING 2 early',
  ]);

  const two = looking(1n);
  two.start();
  two.hear(3n);
  two.hear(2n);
  two.step({ kind: 'dialRefused', sid: 3n });
  assert.equal(two.decisions.length, 0);
  assert.deepEqual(two.hear(2n, { leader: 3n }), []);
  assert.deepEqual(two.timeout(), ['decide FOLLOWING 3']);
});

test('a voter whose link broke just before the round is absent in it, unless the link came back', () => {
  const one = looking(1n);
  one.step({ kind: 'linkBroken', sid: 3n });
  one.start();
  one.hear(2n);
  assert.equal(one.decisions[0]?.early, true);

  const two = looking(1n);
  two.step({ kind: 'linkBroken', sid: 3n });
  two.step({ kind: 'linkEstablished', sid: 3n });
  two.start();
  two.hear(2n);
  assert.equal(two.decisions.length, 0);
});

test('a voter that refused a dial is absent only until it is heard of', () => {
  const one = looking(1n);
  one.start();
  one.step({ kind: 'dialRefused', sid: 3n });
  one.step({ kind: 'linkEstablished', sid: 3n });
  assert.deepEqual(one.hear(2n), ['3,2 < LOOKING vote 2 (epoch 0x0 zxid 0x0 round 1)']);
  assert.equal(one.decisions.length, 0);
  one.step({ kind: 'dialRefused', sid: 3n });
  assert.equal(one.decisions[0]?.early, true);
});

test('absent voters never make a quorum smaller: two of five decide nothing', () => {
  const one = looking(1n, 5);
  one.start();
  for (const sid of [3n, 4n, 5n]) one.step({ kind: 'dialRefused', sid });
  one.hear(2n);
  one.run(120_000);
  assert.equal(one.decisions.length, 0);
});

test('a link that flaps is dialled at once at most every 200 ms', () => {
  const one = looking(1n);
  one.start();
  assert.deepEqual(one.step({ kind: 'linkBroken', sid: 3n }), ['connect 3']);
  one.now += 100;
  assert.deepEqual(one.step({ kind: 'linkBroken', sid: 3n }), []);
  one.now += 100;
  assert.deepEqual(one.step({ kind: 'linkBroken', sid: 3n }), ['connect 3']);
});

test('a later round is joined with the better of it and our own first vote', () => {
  const one = looking(1n);
  one.start(5n, 0n);
  one.hear(3n, { zxid: 9n });
  // Our proposal was 3 with zxid 9; in round 4 only 2 with zxid 4 was heard, and our own 5 is better.
  assert.deepEqual(one.hear(2n, { zxid: 4n, round: 4n }), [
    '3,2 < LOOKING vote 1 (epoch 0x0 zxid 0x5 round 4)',
  ]);
  assert.equal(one.machine.status().round, 4n);
});

test('an older round is answered and not counted', () => {
  const one = looking(1n);
  one.start();
  one.hear(3n, { round: 4n });
  assert.deepEqual(one.hear(2n, { leader: 3n, round: 3n }), [
    '2 < LOOKING vote 3 (epoch 0x0 zxid 0x0 round 4)',
  ]);
  one.hear(2n, { leader: 3n, round: 3n });
  assert.equal(one.decisions.length, 0);
});

test('LD5 and B.2 row 40, ZOOKEEPER-1514: late and repeated votes count once, in their own round', () => {
  const one = looking(1n, 5);
  one.start();
  one.hear(2n, { leader: 2n });
  one.hear(2n, { leader: 2n });
  one.hear(2n, { leader: 2n });
  one.run(1_000);
  assert.equal(one.decisions.length, 0);
  one.hear(3n, { leader: 2n, round: 2n });
  // The votes of 2 are of round 1: with 3 and ourselves, two of five.
  one.run(1_000);
  assert.equal(one.decisions.length, 0);
  one.hear(2n, { leader: 2n, round: 2n });
  one.run(1_000);
  assert.deepEqual(one.decisions[0]?.voteSet.acks(), [1n, 2n, 3n]);
});

test('back-off: votes go out again after 200, 400 … ms, at most a minute apart', () => {
  const one = looking(1n);
  one.start();
  const gaps: number[] = [];
  let last = one.now;
  while (gaps.length < 11) {
    if (!one.timeout().some((line) => line.includes('<'))) continue;
    gaps.push(one.now - last);
    last = one.now;
  }
  assert.deepEqual(gaps, [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
});

test('servers without a link are dialled every second, however long the back-off has grown', () => {
  const one = looking(1n);
  one.start();
  one.run(60_000);
  const before = one.now;
  let dials = 0;
  while (one.now < before + 10_000) if (one.timeout().includes('connectAll')) dials++;
  assert(dials >= 10, `${dials} dials in 10 s`);
});

test('a link that comes up shortens the back-off', () => {
  const one = looking(1n);
  one.start();
  one.run(30_000);
  one.step({ kind: 'linkEstablished', sid: 2n });
  assert(one.machine.deadline.at <= one.now + 200);
});

test('B.2 row 33, ZOOKEEPER-1732 and others: an ensemble at work is joined at once, whatever its round', () => {
  for (const round of [0n, 1n, 2n, 500n]) {
    for (const epochs of [
      { leader: 7n, follower: 7n },
      // A follower that has not yet synced reports the epoch before: it is no supporter, but the leader and we are two.
      { leader: 7n, follower: 6n },
    ]) {
      const three = looking(3n);
      three.start(0x600000001n, 6n);
      const said = { leader: 2n, round, zxid: 0x600000001n };
      three.hear(1n, { ...said, state: 'FOLLOWING', epoch: epochs.follower });
      three.hear(2n, { ...said, state: 'LEADING', epoch: epochs.leader });
      const expected = epochs.follower === 7n || round === 1n;
      assert.equal(three.decisions.length, expected ? 1 : 0, `round ${round}`);
      if (epochs.follower === 6n) {
        three.hear(1n, { ...said, state: 'FOLLOWING', epoch: 7n });
      }
      assert.equal(three.decisions[0]?.leader, 2n);
      assert.equal(three.decisions[0]?.vote.electionEpoch, round);
      assert.equal(three.machine.status().round, round);
    }
  }
});

test('in our own round settled votes agree by the leader alone (their version was dropped)', () => {
  const three = looking(3n);
  three.start();
  three.hear(1n, { state: 'FOLLOWING', leader: 2n, epoch: 6n });
  assert.deepEqual(three.hear(2n, { state: 'LEADING', leader: 2n, epoch: 7n }), [
    'decide FOLLOWING 2',
  ]);
});

test('checkLeader: a leader that does not say so itself is not followed', () => {
  const one = looking(1n, 5);
  one.start();
  for (const sid of [2n, 3n, 4n]) one.hear(sid, { state: 'FOLLOWING', leader: 5n, round: 9n });
  assert.equal(one.decisions.length, 0);
  assert.match(one.lastNote(), /does not say that it leads/);
  assert.deepEqual(one.hear(5n, { state: 'LEADING', round: 9n }), ['decide FOLLOWING 5']);
});

test('checkLeader: that we lead ourselves is believed of the running round only', () => {
  const one = looking(1n);
  one.start();
  one.hear(2n, { state: 'FOLLOWING', leader: 1n, round: 5n });
  one.hear(3n, { state: 'FOLLOWING', leader: 1n, round: 5n });
  assert.equal(one.decisions.length, 0);
  one.hear(2n, { state: 'FOLLOWING', leader: 1n, round: 1n, epoch: 1n });
  assert.deepEqual(one.hear(3n, { state: 'FOLLOWING', leader: 1n, round: 1n, epoch: 1n }), [
    'decide LEADING 1',
  ]);
});

test('who answered from a settled state and looks a moment later is told our vote again, once', () => {
  const election = new ScriptedElection({ mySid: 2n, committed: ensemble(3) });
  election.start();
  const ours = '1 < LOOKING vote 2 (epoch 0x0 zxid 0x0 round 1)';
  const old = { state: 'FOLLOWING', leader: 3n, round: 0n } as const;
  assert.deepEqual(election.hear(1n, old), []);
  assert.deepEqual(election.hear(1n), [ours]);
  assert.equal(
    election.lastNote(),
    'recv LOOKING from 1 vote 1 (epoch 0x0 zxid 0x0 round 1) -> count, tell it our vote again',
  );
  assert.deepEqual(election.hear(1n), []);
  // A better vote goes to all anyway.
  election.hear(1n, old);
  assert.deepEqual(election.hear(1n, { leader: 3n }), [
    '3,1 < LOOKING vote 3 (epoch 0x0 zxid 0x0 round 1)',
  ]);
  assert.deepEqual(election.hear(1n), []);
});

test('an uninitialized database neither votes nor is voted for, but may follow', () => {
  const one = looking(1n);
  one.start(-1n, -1n);
  assert.deepEqual(one.hear(2n, { zxid: 5n }), []);
  one.hear(3n, { leader: 2n, zxid: 5n });
  one.run(2_000);
  assert.equal(one.decisions.length, 0);
  one.hear(3n, { state: 'FOLLOWING', leader: 2n });
  assert.deepEqual(one.hear(2n, { state: 'LEADING', leader: 2n }), ['decide FOLLOWING 2']);

  const two = looking(2n);
  two.start(5n, 0n);
  assert.deepEqual(two.hear(3n, { zxid: -1n, epoch: -1n }), []);
  assert.match(two.lastNote(), /its database is not initialized/);
});

test('while settled: who looks is told the vote with its own round, others are ignored', () => {
  const three = looking(3n);
  three.start();
  three.hear(1n, { leader: 3n, round: 4n });
  three.hear(2n, { leader: 3n, round: 4n });
  assert.equal(three.decisions[0]?.state, 'LEADING');
  assert.deepEqual(three.hear(1n), [
    'reportLookingSid 1',
    '1 < LEADING vote 3 (epoch 0x0 zxid 0x0 round 4)',
  ]);
  assert.deepEqual(three.hear(1n, { state: 'FOLLOWING', leader: 3n, round: 4n }), []);
  three.step({ kind: 'epochEstablished', epoch: 1n });
  assert.deepEqual(three.hear(2n), [
    'reportLookingSid 2',
    '2 < LEADING vote 3 (epoch 0x1 zxid 0x0 round 4)',
  ]);
});

test('what comes before the start waits for it, the newest of each sender', () => {
  const two = looking(2n);
  two.hear(1n, { leader: 1n });
  two.hear(1n, { leader: 2n });
  two.hear(3n, { state: 'FOLLOWING', leader: 1n });
  assert.deepEqual(two.start(), ['3,1 < LOOKING vote 2 (epoch 0x0 zxid 0x0 round 1)']);
  two.run(300);
  assert.equal(two.decisions[0]?.leader, 2n);
});

test('left and started again: a later round, and the old vote is not told any more', () => {
  const three = looking(3n);
  three.start();
  three.hear(1n, { leader: 3n });
  three.hear(2n, { leader: 3n });
  three.step({ kind: 'left' });
  assert.deepEqual(three.hear(1n), []);
  assert.deepEqual(three.start(), [
    // To both, and once more to 1, whose vote of round 1 had waited.
    '1,2,1 < LOOKING vote 3 (epoch 0x0 zxid 0x0 round 2)',
  ]);
  three.hear(9n);
  assert.match(three.lastNote(), /tell it vote 3 \(epoch 0x0 zxid 0x0 round 2\)/);
});

test('stopped: nothing happens any more', () => {
  const one = looking(1n);
  one.start();
  assert.deepEqual(one.step({ kind: 'stopped' }), []);
  assert.deepEqual(one.hear(2n), []);
  assert.deepEqual(one.start(), []);
  assert.equal(one.machine.deadline.at, Number.POSITIVE_INFINITY);
});

test('reconsider: a follower whose leader votes for another, or looks in a later round', () => {
  const one = looking(1n);
  one.start();
  one.hear(2n);
  one.step({ kind: 'dialRefused', sid: 3n });
  assert.equal(one.decisions[0]?.leader, 2n);
  assert.deepEqual(one.hear(2n), ['2 < FOLLOWING vote 2 (epoch 0x0 zxid 0x0 round 1)']);
  assert.deepEqual(one.hear(2n, { leader: 3n }), [
    '2 < FOLLOWING vote 2 (epoch 0x0 zxid 0x0 round 1)',
    'reconsider: 2 votes for 3',
  ]);
  assert.equal(one.hear(2n, { leader: 3n }).length, 1);
});

test('reconsider: a leader that a quorum has left', () => {
  const two = looking(2n);
  two.start();
  two.hear(1n, { leader: 2n });
  two.step({ kind: 'dialRefused', sid: 3n });
  assert.equal(two.decisions[0]?.state, 'LEADING');
  assert.equal(two.hear(3n).length, 2);
  assert.equal(
    two.hear(1n, { leader: 3n }).at(-1),
    'reconsider: 2 voters want another leader, 1 are no quorum',
  );
});
