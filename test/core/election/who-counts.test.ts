// Who has a say in an election: observers, joiners, strangers, servers without weight, servers whose numbers make no
// sense; and whose configuration is taken. One machine, its peers played by the test. Rows of the catalogue of Java's
// known bugs are named with their JIRA.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noSid } from '../../../src/proto/sid.ts';
import { ensemble, ensembleText } from './configs.ts';
import { ScriptedElection } from './scripted-election.ts';

function looking(mySid: bigint, voters = 3, observers = 0): ScriptedElection {
  return new ScriptedElection({ mySid, committed: ensemble(voters, observers) });
}

test('B.2 row 32, ZOOKEEPER-764: observers are answered, never counted, never elected', () => {
  const one = looking(1n, 3, 4);
  one.start();
  for (const sid of [4n, 5n, 6n, 7n]) {
    assert.deepEqual(one.hear(sid, { leader: 1n }), [
      `${sid} < LOOKING vote 1 (epoch 0x0 zxid 0x0 round 1)`,
    ]);
    one.hear(sid, { state: 'LEADING', leader: sid });
  }
  one.hear(2n, { leader: 7n, zxid: 99n, epoch: 3n });
  assert.match(one.lastNote(), /ignore: 7 is no voter/);
  one.run(100_000);
  assert.equal(one.decisions.length, 0);
});

test('a voter that says it observes has no say', () => {
  const one = looking(1n);
  one.start();
  assert.deepEqual(one.hear(2n, { state: 'OBSERVING', leader: 3n, epoch: 9n }), []);
  assert.match(one.lastNote(), /ignore: observers have no say/);
});

test('non-voters that asked while we were looking are told the result', () => {
  const three = looking(3n, 3, 1);
  three.start();
  three.hear(4n, { leader: noSid, zxid: noSid, epoch: noSid });
  three.hear(77n);
  three.hear(1n, { leader: 3n });
  assert.deepEqual(three.hear(2n, { leader: 3n }), [
    '77,4 < LEADING vote 3 (epoch 0x0 zxid 0x0 round 1)',
    'decide LEADING 3 early',
  ]);
});

test('a non-voter and a voter of another round do not answer each other for ever', () => {
  const four = looking(4n, 3, 1);
  four.start();
  assert.deepEqual(four.hear(1n, { round: 0n }), []);
  const one = looking(1n, 3, 1);
  one.start();
  assert.equal(one.hear(4n, { leader: noSid, round: 5n }).length, 1);
  assert.equal(one.hear(4n, { leader: noSid, round: 5n }).length, 0);
  one.now += 100;
  assert.equal(one.hear(4n, { leader: noSid, round: 5n }).length, 1);
});

test('an observer proposes nobody, and observes whom the voters agree on', () => {
  const four = looking(4n, 3, 1);
  assert.deepEqual(four.start(0x900000000n, 9n), [
    '3,2,1 < LOOKING vote nobody (epoch none zxid none round 1)',
  ]);
  four.hear(1n, { state: 'FOLLOWING', leader: 2n, round: 3n });
  assert.deepEqual(four.hear(2n, { state: 'LEADING', round: 3n }), ['decide OBSERVING 2']);
});

test('a joiner outside the configuration proposes nobody and follows', () => {
  const nine = looking(9n);
  nine.start(5n, 0n);
  assert.equal(nine.machine.status().vote.leader, noSid);
  nine.hear(1n, { state: 'FOLLOWING', leader: 2n, round: 3n });
  assert.deepEqual(nine.hear(2n, { state: 'LEADING', round: 3n }), ['decide FOLLOWING 2']);
});

test('weights: who weighs 0 is never adopted, though its data is the newest', () => {
  const committed = ensemble(3, 0, ['group.1=1:2:3', 'weight.3=0']);
  const one = new ScriptedElection({ mySid: 1n, committed });
  one.start();
  assert.deepEqual(one.hear(3n, { zxid: 9n, epoch: 5n }), []);
  one.hear(2n);
  one.run(300);
  assert.equal(one.decisions[0]?.leader, 2n);
});

test('two configurations: a decision needs quorums of both', () => {
  const one = new ScriptedElection({
    mySid: 1n,
    committed: ensemble(3),
    lastSeen: ensemble(5, 0, ['version=100000001']),
  });
  assert.deepEqual(one.start(), ['5,4,3,2 < LOOKING vote 1 (epoch 0x0 zxid 0x0 round 1)']);
  one.hear(2n);
  one.run(1_000);
  assert.equal(one.decisions.length, 0);
  one.hear(4n, { leader: 2n });
  one.run(1_000);
  assert.deepEqual(one.decisions[0]?.voteSet.toString(), '[1, 2],[1, 2, 4]');
});

test('our own sid as a sender is ignored', () => {
  const one = looking(1n);
  one.start();
  assert.deepEqual(one.hear(1n, { leader: 3n, epoch: 4n }), []);
});

test('EP6: votes with senseless numbers are dropped before they move anything', () => {
  const one = looking(1n);
  one.start();
  for (const said of [
    { epoch: 0x80000000n },
    { epoch: -2n },
    { epoch: 2n ** 62n },
    { zxid: -2n },
    { zxid: -(2n ** 63n) },
    { round: (1n << 62n) + 1n },
    { round: -2n },
    { round: 2n ** 63n - 1n },
  ]) {
    assert.deepEqual(one.hear(2n, said), []);
    assert.match(one.lastNote(), /-> drop: .* is out of range/);
  }
  assert.equal(one.machine.status().round, 1n);
});

const newer = ensembleText(3, 0, ['server.4=host4.example:2888:3888:participant', 'version=9']);

test('a member’s newer configuration gives the round up, if we take configurations at all', () => {
  const options = { mySid: 1n, committed: ensemble(3), adoptsConfigs: true };
  const one = new ScriptedElection(options);
  one.start();
  assert.deepEqual(one.hear(2n, { config: newer }), ['adoptConfig 9 differs true']);
  assert.equal(one.machine.deadline.at, Number.POSITIVE_INFINITY);
  const committed = ensemble(4, 0, ['version=9']);
  one.step({ kind: 'configured', committed, lastSeen: undefined });

  const two = new ScriptedElection(options);
  two.start();
  assert.deepEqual(two.hear(2n, { config: ensembleText(3, 0, ['version=9']) }), [
    'adoptConfig 9 differs false',
    '3,2 < LOOKING vote 2 (epoch 0x0 zxid 0x0 round 1)',
  ]);

  const three = new ScriptedElection({ ...options, adoptsConfigs: false });
  three.start();
  assert.deepEqual(three.hear(2n, { config: newer }), [
    '3,2 < LOOKING vote 2 (epoch 0x0 zxid 0x0 round 1)',
  ]);
});

test('RC4 and B.6 row 82: a stranger’s newer configuration, or a broken one, changes nothing', () => {
  const one = new ScriptedElection({ mySid: 1n, committed: ensemble(3), adoptsConfigs: true });
  one.start();
  assert.deepEqual(one.hear(7n, { config: newer }), [
    '7 < LOOKING vote 1 (epoch 0x0 zxid 0x0 round 1)',
  ]);
  assert(one.notes.some(({ line }) => line.endsWith('ignore it: 7 is no member')));
  assert.deepEqual(one.hear(2n, { config: 'server.1=\nversion=9' }), [
    '3,2 < LOOKING vote 2 (epoch 0x0 zxid 0x0 round 1)',
  ]);
  // Settled servers take configurations from their leader's commits only.
  one.hear(3n, { leader: 2n });
  assert.equal(one.decisions.length, 1);
  assert.deepEqual(one.hear(3n, { config: newer }).length, 1);
});

test('B.2 row 35: garbage of every length from every kind of sender leaves the machine as it was', () => {
  const one = looking(1n, 3, 1);
  one.start();
  for (let length = 0; length < 80; length++) {
    for (const from of [2n, 4n, 9n, -1n]) {
      for (const fill of [0, 1, 0x7f, 0x80, 0xff]) {
        one.hearBytes(from, new Uint8Array(length).fill(fill));
      }
    }
  }
  assert.equal(one.decisions.length, 0);
  one.hear(2n, { round: 1n << 61n });
  one.hear(3n, { leader: 2n, round: 1n << 61n });
  assert.equal(one.decisions.length, 1);
});
