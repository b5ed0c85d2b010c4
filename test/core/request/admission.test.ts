// Who may come in at a server of an ensemble by the zxid it has seen: nobody who has seen more than the server has; but
// an epoch's beginning, which a Java leader shows its clients before it has proposed anything, is more than nobody has
// who is in that epoch or a later one. In: connect requests. Out: a session, or the end of the connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeZxid } from '../../../src/proto/zxid.ts';
import { ensembleEpoch, FakeEnsemble } from '../../support/fake-ensemble.ts';
import type { FakeServer } from '../../support/fake-server.ts';
import { connectPayload } from '../../support/raw-client.ts';

test('a client that has seen the beginning of the epoch finds a server, as long as nothing is proposed', () => {
  const ensemble = new FakeEnsemble();
  const { server: learner } = ensemble.learner();
  const isTaken = (server: FakeServer, lastZxidSeen: bigint): boolean => {
    const client = server.connect();
    client.sendFrame(connectPayload({ lastZxidSeen }));
    ensemble.run();
    return client.end === 'open';
  };
  for (const server of [ensemble.leader, learner]) {
    assert.ok(server.database.lastProcessedZxid < makeZxid(ensembleEpoch, 0));
    assert.ok(!isTaken(server, makeZxid(ensembleEpoch, 1)));
    assert.ok(!isTaken(server, makeZxid(ensembleEpoch + 1, 0)));
  }
  assert.ok(isTaken(learner, makeZxid(ensembleEpoch, 0)));
});

test('at the leader too', () => {
  const ensemble = new FakeEnsemble();
  const client = ensemble.leader.connect();
  client.sendFrame(connectPayload({ lastZxidSeen: makeZxid(ensembleEpoch, 0) }));
  ensemble.run();
  assert.equal(client.end, 'open');
});
