/**
 * Clients at random: at three servers whose links and commits are held and let go at any time they open, move, leave
 * and end sessions, write, read and sync, in pieces of any size. Whatever happens, each connection is answered in
 * order, nobody is left waiting, and all servers have the same tree and the same sessions in the end.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ReplicaOptions } from '../../src/core/replica-options.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import { Prng } from '../../src/util/prng.ts';
import { FakeEnsemble } from '../support/fake-ensemble.ts';
import type { FakeClient } from '../support/fake-server.ts';
import type { Body } from '../support/fake-session.ts';
import { createBody } from '../support/fake-session.ts';
import type { Connected } from '../support/raw-client.ts';
import { connectPayload, readConnected, readReply, requestPayload } from '../support/raw-client.ts';

const roundsPerSeed = 400;
const special: ReadonlySet<number> = new Set([-1, -2, -4]);

interface RandomClient {
  readonly client: FakeClient;
  connected: Connected | undefined;
  xid: number;
  lastReply: number;
  replies: number;
  hasLeft: boolean;
}

class Story {
  readonly prng: Prng;
  readonly ensemble: FakeEnsemble;
  readonly clients: RandomClient[] = [];
  readonly sessions: Connected[] = [];
  replies = 0;
  errors = new Map<number, number>();

  constructor(seed: number, server: Partial<ReplicaOptions>) {
    this.prng = new Prng(seed);
    this.ensemble = new FakeEnsemble({ server });
  }

  run(): void {
    for (let round = 0; round < roundsPerSeed; round++) {
      this.act();
      this.take();
    }
    this.settle();
  }

  act(): void {
    const { prng, ensemble } = this;
    const what = prng.below(20);
    if (what < 3) this.connect();
    else if (what < 12) this.ask();
    else if (what < 13) this.leave();
    else if (what < 15) this.channel().hold();
    else if (what < 17) this.channel().release(prng.chance(0.3) ? 1 : undefined);
    else if (what < 18) ensemble.holdsCommits = true;
    else if (what < 19) ensemble.releaseCommits();
    else ensemble.advance(prng.pick([1, 500, 3000]));
    if (prng.chance(0.8)) ensemble.run();
  }

  channel() {
    const learner = this.prng.pick(this.ensemble.learners);
    return this.prng.chance(0.5) ? learner.up : learner.down;
  }

  connect(): void {
    const { prng, ensemble, sessions } = this;
    const client = prng.pick(ensemble.servers).connect();
    const known = sessions.length > 0 && prng.chance(0.6) ? prng.pick(sessions) : undefined;
    const timeOutMs = prng.pick([0, 6000, 40_000]);
    const session = known === undefined ? {} : { ...known };
    client.sendFrame(connectPayload({ ...session, timeOutMs }));
    const xid = 1 + prng.below(3) * 100;
    this.clients.push({
      client,
      connected: undefined,
      xid,
      lastReply: 0,
      replies: 0,
      hasLeft: false,
    });
    // Some do not wait for the answer.
    if (prng.chance(0.5)) this.ask(this.clients.at(-1));
  }

  ask(chosen?: RandomClient): void {
    const { prng, clients } = this;
    if (clients.length === 0) return;
    const one = chosen ?? prng.pick(clients);
    for (let left = prng.below(6); left > 0; left--) {
      if (prng.chance(0.15)) {
        one.client.sendFrame(requestPayload(-2, OpCode.ping));
        continue;
      }
      const [type, body] = this.request();
      one.client.sendFrame(requestPayload(one.xid++, type, body));
    }
  }

  request(): readonly [type: number, body: Body] {
    const { prng } = this;
    const path = `/${prng.pick(['a', 'b', 'c', 'd/e'])}`;
    const read: Body = (out) => {
      out.ustring(path);
      out.boolean(prng.chance(0.3));
    };
    const versioned: Body = (out) => {
      out.ustring(path);
      out.int(-1);
    };
    switch (prng.below(9)) {
      case 0:
        return [OpCode.create, createBody(path === '/d/e' ? '/d' : path, null, prng.below(2))];
      case 1:
        return [OpCode.create2, createBody(`${path}-`, null, prng.below(4))];
      case 2:
        return [
          OpCode.setData,
          (out) => {
            out.ustring(path);
            out.buffer(null);
            out.int(-1);
          },
        ];
      case 3:
        return [OpCode.delete, versioned];
      case 4:
        return [
          OpCode.multi,
          (out) => {
            for (const flags of [0, 1]) {
              out.int(OpCode.create);
              out.boolean(false);
              out.int(-1);
              const body = createBody(`${path}${flags}`, null, flags);
              if (typeof body === 'function') body(out);
            }
            out.int(-1);
            out.boolean(true);
            out.int(-1);
          },
        ];
      case 5:
        return [OpCode.sync, (out) => out.ustring(path)];
      case 6:
        return prng.chance(0.2) ? [OpCode.closeSession, () => {}] : [OpCode.exists, read];
      case 7:
        return [prng.chance(0.3) ? OpCode.deleteContainer : OpCode.getChildren, read];
      default:
        return [OpCode.getData, read];
    }
  }

  leave(): void {
    const one = this.clients[this.prng.below(this.clients.length + 1)];
    if (one === undefined) return;
    one.hasLeft = true;
    one.client.leave();
  }

  take(): void {
    for (const one of this.clients) {
      for (const frame of one.client.take()) {
        if (one.connected === undefined) {
          one.connected = readConnected(frame);
          if (one.connected.sessionId !== 0n) this.sessions.push(one.connected);
          continue;
        }
        const { xid, err } = readReply(frame);
        if (special.has(xid)) continue;
        assert.equal(xid, one.lastReply === 0 ? xid : one.lastReply + 1, 'replies in order');
        one.lastReply = xid;
        one.replies++;
        this.replies++;
        this.errors.set(err, (this.errors.get(err) ?? 0) + 1);
      }
    }
  }

  settle(): void {
    const { ensemble } = this;
    // Two rounds: what was let go may send more into a link.
    for (let i = 0; i < 2; i++) {
      for (const { up, down } of ensemble.learners) {
        up.release();
        down.release();
      }
      ensemble.releaseCommits();
      ensemble.run();
    }
    this.take();
    for (const server of ensemble.servers) {
      assert.equal(server.replica.outstanding, 0);
      assert.equal(server.replica.isIdle, true);
    }
    for (const { client, connected, lastReply, xid, replies, hasLeft } of this.clients) {
      if (client.end !== 'open' || hasLeft) continue;
      // Who is connected has heard of everything.
      if (connected !== undefined && replies > 0) assert.equal(lastReply, xid - 1);
    }
    this.same();
    // All fall silent.
    for (const { client } of this.clients) client.leave();
    for (let passed = 0; passed < 60_000; passed += 2000) ensemble.advance(2000);
    this.same();
    for (const { database, sessions } of ensemble.servers) {
      assert.equal(database.sessions.size, 0);
      assert.equal(database.tree.ephemerals.size, 0);
      assert.equal(sessions.count, 0);
    }
  }

  same(): void {
    const { leader, servers } = this.ensemble;
    for (const { database } of servers) {
      assert.equal(database.lastProcessedZxid, leader.database.lastProcessedZxid);
      assert.equal(database.tree.digest, leader.database.tree.digest);
      assert.equal(database.digestMismatches, 0);
      assert.deepEqual(sorted(database.sessions), sorted(leader.database.sessions));
    }
    for (const id of leader.database.tree.ephemerals.keys()) {
      assert.equal(leader.database.sessions.has(id), true, 'ephemerals have a session');
    }
  }
}

function sorted(sessions: Iterable<readonly [bigint, number]>): (readonly [bigint, number])[] {
  return [...sessions].sort(([a], [b]) => (a < b ? -1 : 1));
}

const variants: readonly (readonly [string, Partial<ReplicaOptions>])[] = [
  ['global sessions', {}],
  ['local sessions', { localSessions: true }],
  ['local sessions that become global', { localSessions: true, localSessionsUpgrading: true }],
  ['little may be on its way', { globalOutstandingLimit: 5 }],
];
const seeds = Number(process.env.QUOLL_RANDOM_SEEDS ?? 8);

for (const [name, options] of variants) {
  it(`clients at random: ${name}`, () => {
    let replies = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const story = new Story(seed, options);
      try {
        story.run();
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
      replies += story.replies;
    }
    assert.ok(replies > seeds * 50, `${replies} replies`);
  });
}
