/**
 * Strangers at the quorum and election ports of an ensemble at work: garbage, wrong and duplicate sids, half-open
 * connections, claims of huge epochs. Whatever they say, the same leader goes on and writes are acknowledged
 * meanwhile; and with silent strangers still connected, the leader is killed and another one elected.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '../../src/index.ts';
import { skipWithout } from './harness/debian.ts';
import { Ensemble } from './harness/ensemble.ts';
import { strangers, Visit } from './harness/hostile.ts';
import { Load } from './harness/load.ts';
import { assertSameState } from './harness/same-state.ts';
import { subject } from './harness/server.ts';

const there = subject();
const skip = there === 'java' ? skipWithout('libzookeeper-java', 'libslf4j-java') : false;
const WRITES = 5;
const PATIENCE_MS = 150;
const HALF_OPEN = 40;

describe(`strangers at the ports of ${there} servers`, { skip }, () => {
  it('the ensemble goes on, whatever they say', async (t) => {
    const ensemble = await Ensemble.start({
      name: 'strangers',
      members: [{ kind: there }, { kind: there }, { kind: there }],
    });
    const load = await Load.start({
      connectStrings: [ensemble.connectString()],
      writers: 3,
      seed: 'strangers',
    });
    const guests: Visit[] = [];
    try {
      const leader = await ensemble.settled();
      for (const { name, port, says } of strangers) {
        const answers: string[] = [];
        for (const member of ensemble.members) {
          const other = ensemble.members.find((one) => one !== member && one !== leader) ?? member;
          const bytes = says(member.sid, other.sid);
          const number = ensemble.ports.get(member.sid)?.[port] ?? 0;
          const visit = new Visit('127.0.0.1', number, bytes, PATIENCE_MS);
          guests.push(visit);
          answers.push(await visit.heard);
        }
        await load.goesOn(WRITES).catch((error: unknown) => {
          throw new Error(`after a stranger that ${name} (${port} port): ${String(error)}`);
        });
        const now = await ensemble.settled();
        assert.equal(now, leader, `a stranger that ${name} (${port} port) moved the leader`);
        t.diagnostic(`${port} port, ${name}: ${answers}`);
      }
      // Each of these stops Java from accepting anybody for as long as its first read may take.
      for (let i = 0; there !== 'java' && i < HALF_OPEN; i++) {
        for (const { quorum, election } of ensemble.ports.values()) {
          const port = i % 2 === 0 ? quorum : election;
          guests.push(new Visit('127.0.0.1', port, new Uint8Array(0), PATIENCE_MS));
        }
      }
      await leader.kill();
      await load.goesOn(WRITES);
      await leader.start();
      await ensemble.settled();
      await load.goesOn(WRITES);
      await load.stop();
      const zk = await connect(ensemble.connectString());
      await load.verify(zk);
      await load.verifySessions(zk);
      await zk.close();
      await assertSameState(ensemble);
    } catch (error) {
      throw new Error(`${String(error)}\n${await ensemble.report()}`, { cause: error });
    } finally {
      for (const guest of guests) guest.leave();
      const clients = load.close();
      await ensemble.close();
      await clients;
    }
  });
});
