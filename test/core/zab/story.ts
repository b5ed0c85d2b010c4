// A few servers under a test's command, for scenarios of the catalogue of known failures: who leads and who follows,
// what is proposed, which disk stands still, who crashes when. The machines are production's, disks and trees those of
// zab-host.ts; Ghost judges every step, so that a scenario need only say what is particular to it.

import assert from 'node:assert/strict';
import { Leader } from '../../../src/core/zab/leader.ts';
import { Learner } from '../../../src/core/zab/learner.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { counterOf, epochOf } from '../../../src/proto/zxid.ts';
import type { ZabHost } from '../../support/zab-host.ts';
import { ensemble } from '../election/configs.ts';
import { SimulatedEnsemble } from './simulated-ensemble.ts';
import type { Server } from './simulated-server.ts';
import { isBetter } from './simulated-server.ts';

export class Story {
  readonly world: SimulatedEnsemble;

  constructor(voters = 3, seed = 1) {
    this.world = new SimulatedEnsemble({
      ...{ verifier: ensemble(voters), seed, isManual: true },
      faults: { stall: 0, crash: 0, wildElection: 0 },
    });
    for (const sid of this.world.servers.keys()) this.world.boot(sid);
  }

  host(sid: Sid): ZabHost {
    return this.world.server(sid).host;
  }

  /** As `1.5`, what is in a server's log. */
  log(sid: Sid): string {
    return this.host(sid)
      .durable.history.map(({ zxid }) => words(zxid))
      .join(' ');
  }

  tree(sid: Sid): string {
    return this.host(sid)
      .applied.map(({ zxid }) => words(zxid))
      .join(' ');
  }

  run(ms = 300): void {
    this.world.run(ms);
  }

  /** A leader and its followers, all serving; who is in another role leaves it. */
  term(leader: Sid, ...followers: Sid[]): void {
    for (const sid of [leader, ...followers]) this.leave(sid);
    this.world.lead(this.#looking(leader));
    for (const sid of followers) this.follow(sid, leader);
    this.run();
    this.assertServing(leader, ...followers);
  }

  /** The election's choice among those, followed by the rest. */
  elect(...sids: Sid[]): Sid {
    for (const sid of sids) this.leave(sid);
    this.run(50);
    const best = sids.reduce((a, b) => {
      return isBetter(this.world.server(a), this.world.server(b)) ? a : b;
    });
    this.term(best, ...sids.filter((sid) => sid !== best));
    return best;
  }

  leave(sid: Sid): void {
    const server = this.world.server(sid);
    const event = { kind: 'stopped', reason: 'the story says so' } as const;
    this.world.stepLeader(server, event);
    this.world.stepLearner(server, event);
    this.run(50);
  }

  follow(sid: Sid, leader: Sid): void {
    this.world.follow(this.#looking(sid), leader);
  }

  /** Proposals, and time for them to be committed. */
  write(leader: Sid, count = 1): void {
    this.propose(leader, count);
    this.run();
  }

  propose(leader: Sid, count = 1): void {
    for (let i = 0; i < count; i++) assert.ok(this.world.propose(this.world.server(leader)));
  }

  /** The power fails; nothing that was not synced is left. */
  lose(...sids: Sid[]): void {
    for (const sid of sids) this.world.crash(sid, 'nothing');
    this.run(50);
  }

  boot(...sids: Sid[]): void {
    for (const sid of sids) this.world.boot(sid);
  }

  /** Every connection breaks, nothing of what is written from now on arrives. */
  partition(): void {
    for (const wire of this.world.network.wires) this.world.network.break(wire, 'cut');
  }

  canPropose(sid: Sid): boolean {
    const { role } = this.world.server(sid);
    return role instanceof Leader && role.canPropose;
  }

  assertServing(leader: Sid, ...followers: Sid[]): void {
    const { role } = this.world.server(leader);
    assert.ok(role instanceof Leader && role.canPropose, this.world.trace.slice(-40).join('\n'));
    for (const sid of followers) {
      const follower = this.world.server(sid).role;
      const trace = this.world.trace.slice(-40).join('\n');
      assert.ok(follower instanceof Learner && follower.isServing, `server ${sid}\n${trace}`);
    }
  }

  /** Their logs and trees are the one history. */
  assertEqual(...sids: Sid[]): void {
    for (const sid of sids) {
      assert.deepEqual(this.host(sid).applied, this.world.ghost.committed, `tree of ${sid}`);
      assert.deepEqual(this.host(sid).durable.history, this.world.ghost.committed, `log of ${sid}`);
    }
  }

  #looking(sid: Sid): Server {
    const server = this.world.server(sid);
    for (let left = 20; left > 0 && !server.isLooking; left--) this.run(20);
    assert.ok(server.isLooking, `server ${sid} looks`);
    return server;
  }
}

function words(zxid: Zxid): string {
  return `${epochOf(zxid)}.${counterOf(zxid)}`;
}
