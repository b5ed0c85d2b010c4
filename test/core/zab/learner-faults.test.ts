// What ends a learner's term, by name: packets out of turn, gaps, other configurations, garbage, while it joins and
// while it serves. The leader is played by hand; the learner is server 2, in epoch 2 with 1.1 to 1.3. After the end
// nothing more is taken.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../../src/jute/utf8.ts';
import { ensembleText } from '../election/configs.ts';
import {
  commit,
  inform,
  int,
  leaderInfo,
  newLeader,
  packet,
  proposal,
  txnBytes,
  upToDate,
  z,
} from './hand-made-packets.ts';
import { promised, ScriptedLearner, serving } from './scripted-learner.ts';

const faults: readonly (readonly [what: string, packets: readonly Uint8Array[], reason: RegExp])[] =
  [
    ['a gap', [proposal(z(3, 2))], /0x300000002 does not follow 0x100000003/],
    [
      'a gap inside the epoch',
      [proposal(z(3, 1)), proposal(z(3, 3))],
      /0x300000003 does not follow 0x300000001/,
    ],
    ['an epoch that goes back', [proposal(z(3, 1)), proposal(z(2, 1))], /does not follow/],
    ['a COMMIT of nothing', [commit(z(3, 1))], /COMMIT of 0x300000001, where nothing is proposed/],
    [
      'a COMMIT past the oldest',
      [proposal(z(3, 1)), proposal(z(3, 2)), commit(z(3, 2))],
      /COMMIT of 0x300000002, where 0x300000001 is next/,
    ],
    [
      'a transaction of another zxid',
      [packet('PROPOSAL', z(3, 1), txnBytes(z(3, 2)))],
      /packet 0x300000001 with transaction 0x300000002/,
    ],
    [
      'half a transaction',
      [packet('PROPOSAL', z(3, 1), new Uint8Array(31))],
      /a transaction of 31/,
    ],
    ['an INFORM to a follower', [inform(z(3, 1))], /INFORM 0x300000001 out of turn/],
    ['a second NEWLEADER', [newLeader(3)], /NEWLEADER 0x300000000 out of turn/],
    ['a second UPTODATE', [upToDate], /UPTODATE .* out of turn/],
    ['garbage', [new Uint8Array(20).fill(0x66)], /cannot be read/],
    ['a REVALIDATE without data', [packet('REVALIDATE', -1n)], /cannot be read/],
    [
      'a new configuration',
      [packet('COMMITANDACTIVATE', z(3, 1), new Uint8Array(8))],
      /COMMITANDACTIVATE: to change the configuration is not supported/,
    ],
    [
      'a new configuration for observers',
      [packet('INFORMANDACTIVATE', z(3, 1), new Uint8Array(48))],
      /INFORMANDACTIVATE: to change the configuration is not supported/,
    ],
  ];

for (const [what, packets, reason] of faults) {
  test(`the term ends by name: ${what}`, () => {
    const script = serving();
    script.send(...packets);
    const end = script.wanted().at(-1) ?? '';
    assert.match(end, /^abandon: /);
    assert.match(end, reason);
    assert.ok(script.link.isClosed);
    script.send(proposal(z(3, 1)));
    assert.deepEqual(script.wanted(), []);
  });
}

test('a transaction that nobody can apply is not logged; a snapshot may lead past it', () => {
  const script = serving();
  const bytes = txnBytes(z(3, 2));
  // A check outside a multi, as Java 3.8.0 proposes at a client's wish (ZOOKEEPER-2623).
  new DataView(bytes.buffer).setInt32(28, 13);
  script.send(proposal(z(3, 1)), packet('PROPOSAL', z(3, 2), bytes));
  assert.deepEqual(script.appended, [z(3, 1)]);
  const abandon = script.effects.find(({ kind }) => kind === 'abandon');
  assert.ok(abandon?.kind === 'abandon' && abandon.wantsSnapshot);
  assert.match(abandon.reason, /leader 1 sent transaction 0x300000002 of type 13: a check outside/);
});

const early: readonly (readonly [what: string, bytes: Uint8Array, reason: RegExp])[] = [
  ['NEWLEADER first, as before Zab 1.0', newLeader(3), /NEWLEADER 0x300000000 out of turn/],
  ['DIFF first', packet('DIFF', 0n), /DIFF 0x0 out of turn \(discovering\)/],
  ['LEADERINFO without a version', packet('LEADERINFO', z(3, 0)), /cannot be read/],
  [
    'LEADERINFO of an old protocol',
    packet('LEADERINFO', z(3, 0), int(1)),
    /protocol 0x1, older than Zab 1.0/,
  ],
  ['a lower epoch', leaderInfo(1), /epoch 0x1, lower than our accepted epoch 0x2/],
  ['an epoch that wrapped', leaderInfo(0x80000000), /lower than our accepted epoch/],
];

for (const [what, bytes, reason] of early) {
  test(`a leader is refused by name: ${what}`, () => {
    const script = new ScriptedLearner({ options: { acceptedEpoch: 2, currentEpoch: 2 } });
    script.send(bytes);
    assert.match(script.wanted().at(-1) ?? '', reason);
  });
}

const synchronizing: readonly (readonly [string, readonly Uint8Array[], RegExp])[] = [
  ['PROPOSAL before DIFF', [proposal(z(2, 1))], /PROPOSAL 0x200000001 out of turn \(promised\)/],
  ['UPTODATE before NEWLEADER', [packet('DIFF', 0n), upToDate], /UPTODATE .* \(catchingUp\)/],
  ['SYNC', [packet('DIFF', 0n), packet('SYNC', 0n)], /SYNC 0x0 out of turn/],
  [
    'NEWLEADER of another epoch',
    [packet('DIFF', 0n), newLeader(4)],
    /where epoch 0x3 was promised/,
  ],
  [
    'a configuration with a version',
    [packet('DIFF', 0n), newLeader(3, encodeUtf8(ensembleText(3, 0, ['version=100000000'])))],
    /its configuration has version 0x100000000, ours has 0x0, and to change it is not supported/,
  ],
];

for (const [what, packets, reason] of synchronizing) {
  test(`the synchronization ends by name: ${what}`, () => {
    const script = promised({}, false);
    script.send(...packets);
    assert.match(script.wanted().at(-1) ?? '', reason);
  });
}
