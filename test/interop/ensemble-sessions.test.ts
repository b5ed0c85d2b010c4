/**
 * Sessions at three servers, asked of Java's and of ours in the same steps: moves, ends, timeouts, what a server that
 * lags says, leaders that do not serve, local sessions. Every answer must be the same.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OpCode } from '../../src/proto/opcodes.ts';
import { createBody } from '../support/fake-session.ts';
import { EPHEMERAL, multiOf, TestClient } from './ensemble-clients.ts';
import { skipWithout } from './harness/debian.ts';
import type { EnsemblePlan } from './harness/ensemble.ts';
import { Ensemble } from './harness/ensemble.ts';
import type { EnsembleMember } from './harness/ensemble-member.ts';
import type { ServerKind } from './harness/server.ts';
import { subject } from './harness/server.ts';

const skip = skipWithout('libzookeeper-java', 'libslf4j-java');

interface Stage {
  readonly ensemble: Ensemble;
  readonly leader: EnsembleMember;
  readonly followers: readonly [EnsembleMember, EnsembleMember];
  /** Notes an answer. */
  readonly say: (what: string, answer: string | readonly string[]) => void;
}

type Scene = (stage: Stage) => Promise<void>;

/** What an ensemble of one kind answered, scene after scene. */
async function play(
  kind: ServerKind,
  plan: Partial<EnsemblePlan>,
  scenes: readonly Scene[],
): Promise<string[]> {
  const lines: string[] = [];
  const members = [{ kind }, { kind }, { kind }];
  const ensemble = await Ensemble.start({ name: `sessions-${kind}`, members, ...plan });
  try {
    for (const scene of scenes) {
      const leader = await ensemble.settled();
      const followers = ensemble.members.filter((member) => member !== leader);
      const [a, b] = followers;
      assert.ok(a !== undefined && b !== undefined);
      await scene({
        ...{ ensemble, leader, followers: [a, b] },
        say: (what, answer) => lines.push(`${what}: ${[answer].flat().join(' | ')}`),
      });
    }
  } catch (error) {
    throw new Error(`${String(error)}\n${lines.join('\n')}\n${await ensemble.report()}`, {
      cause: error,
    });
  } finally {
    await ensemble.close();
  }
  return lines;
}

async function same(plan: Partial<EnsemblePlan>, scenes: readonly Scene[]): Promise<void> {
  const java = await play('java', plan, scenes);
  if (process.env.QUOLL_SHOW === 'yes') console.log(java.join('\n'));
  const ours = await play(subject(), plan, scenes);
  if (process.env.QUOLL_SHOW === 'yes') console.log(ours.join('\n'));
  assert.deepEqual(ours, java);
}

describe('an ensemble of three answers as Java’s does', { skip }, () => {
  it('sessions that move and end', async () => {
    await same({}, [moves, ends, refusals]);
  });

  it('local sessions that cannot become more', async () => {
    await same({ config: { localSessionsEnabled: 'true' } }, [localSessions]);
  });

  it('local sessions that become global ones', async () => {
    const config = { localSessionsEnabled: 'true', localSessionsUpgradingEnabled: 'true' };
    await same({ config }, [localSessions, upgrades]);
  });
});

async function moves({ leader, followers: [a, b], say }: Stage): Promise<void> {
  const places = { leader, a, b };
  for (const [from, to] of [
    ['a', 'b'],
    ['a', 'leader'],
    ['leader', 'a'],
  ] as const) {
    const name = `${from} to ${to}`;
    const path = `/moves-${from}-${to}`;
    for (const [what, use] of [
      ['create', (client: TestClient) => client.create(`${path}-late`)],
      ['multi', (client: TestClient) => client.ask(OpCode.multi, multiOf([`${path}-late`, 0]))],
      ['exists', (client: TestClient) => client.exists('/')],
      ['sync', (client: TestClient) => client.sync('/')],
      ['ping', (client: TestClient) => client.ping()],
      ['closeSession', (client: TestClient) => client.end()],
    ] as const) {
      const old = await TestClient.connect(places[from].port);
      say(`${name}, ${what}, at the old place`, await old.create(path, EPHEMERAL));
      const moved = await TestClient.connect(places[to].port, {}, old);
      say(`${name}, ${what}, greeting`, moved.greeting);
      say(`${name}, ${what}, at the new place`, await moved.set(path));
      say(`${name}, ${what}, at the old place again`, await use(old));
      if (what === 'closeSession') {
        say(`${name}, ${what}, at the new place again`, await moved.closed());
      } else {
        say(`${name}, ${what}, at the new place again`, await moved.set(path));
        const back = await TestClient.connect(places[from].port, {}, old);
        say(`${name}, ${what}, back`, await back.set(path));
        say(`${name}, ${what}, end`, await back.end());
      }
      old.leave();
      moved.leave();
    }
  }
}

async function ends({ leader, followers: [a, b], say }: Stage): Promise<void> {
  for (const member of [leader, a]) {
    const name = member === leader ? 'leader' : 'follower';
    const client = await TestClient.connect(member.port);
    say(
      `${name}, pipelined end`,
      await client.askAll([
        [OpCode.create, createBody(`/ends-${name}`, null, EPHEMERAL)],
        [OpCode.closeSession],
        [OpCode.create, createBody(`/ends-${name}-b`, null)],
      ]),
    );
    const again = await TestClient.connect(b.port, {}, client);
    say(`${name}, ended`, again.greeting);
    const other = await TestClient.connect(b.port);
    say(`${name}, sync`, await other.sync('/'));
    say(`${name}, ephemeral`, await other.exists(`/ends-${name}`));
    say(`${name}, behind the end`, await other.exists(`/ends-${name}-b`));
    await other.end();
  }
}

async function refusals({ leader, followers: [a], say }: Stage): Promise<void> {
  for (const member of [leader, a]) {
    const name = member === leader ? 'leader' : 'follower';
    const client = await TestClient.connect(member.port);
    const { sessionId } = client.session;
    const passwd = new Uint8Array(16);
    const stranger = await TestClient.connect(member.port, { sessionId, passwd });
    say(`${name}, wrong password`, stranger.greeting);
    const ahead = await TestClient.connect(member.port, { lastZxidSeen: 1n << 40n }, client);
    say(`${name}, ahead`, ahead.greeting);
    const reader = await TestClient.connect(member.port, { readOnly: true });
    say(`${name}, a client that may read only`, reader.greeting);
    for (const timeOutMs of [-1, 0, 999, 1000, 600_000, 600_001, 0x7fffffff]) {
      const asker = await TestClient.connect(member.port, { timeOutMs });
      say(`${name}, timeout ${timeOutMs}`, asker.greeting);
      await asker.end();
    }
    const longer = await TestClient.connect(a.port, { timeOutMs: 1500 }, client);
    say(`${name}, another timeout`, longer.greeting);
    say(`${name}, end`, await longer.end());
    await reader.end();
  }
}

async function localSessions({ leader, followers: [a, b], say }: Stage): Promise<void> {
  for (const member of [leader, a]) {
    const name = member === leader ? 'leader' : 'follower';
    const elsewhere = member === leader ? a : b;
    const path = `/local-${name}`;
    const client = await TestClient.connect(member.port);
    say(`${name}, greeting`, client.greeting);
    say(`${name}, create`, await client.create(path));
    say(`${name}, set`, await client.set(path));
    say(`${name}, multi`, await client.ask(OpCode.multi, multiOf([`${path}/m`, 0])));
    say(`${name}, exists`, await client.exists(path));
    say(`${name}, sync`, await client.sync(path));
    const moved = await TestClient.connect(elsewhere.port, {}, client);
    say(`${name}, elsewhere`, moved.greeting);
    const again = await TestClient.connect(member.port, {}, client);
    say(`${name}, again here`, again.greeting);
    say(`${name}, the old connection`, await client.closed());
    const before = await (await TestClient.connect(member.port)).exists(path);
    say(`${name}, a second session`, before);
    say(`${name}, end`, await again.end());
    const ended = await TestClient.connect(member.port, {}, client);
    say(`${name}, ended`, ended.greeting);
    const many = await TestClient.connect(member.port);
    say(
      `${name}, pipelined`,
      await many.askAll([
        [OpCode.create, createBody(`${path}-a`, null)],
        [OpCode.create, createBody(`${path}-b`, null, EPHEMERAL)],
        [
          OpCode.exists,
          (out) => {
            out.ustring(`${path}-b`);
            out.boolean(false);
          },
        ],
        [OpCode.create2, createBody(`${path}-c`, null, EPHEMERAL)],
        [OpCode.multi, multiOf([`${path}-d`, 0], [`${path}-e`, EPHEMERAL], [`${path}-f`, 0])],
        [
          OpCode.exists,
          (out) => {
            out.ustring(`${path}-d`);
            out.boolean(false);
          },
        ],
        [OpCode.create, createBody(`${path}-s-`, null, 3)],
        [OpCode.create, createBody('relative', null, EPHEMERAL)],
        [OpCode.closeSession],
      ]),
    );
  }
}

async function upgrades({ leader, followers: [a, b], say }: Stage): Promise<void> {
  for (const member of [leader, a]) {
    const name = member === leader ? 'leader' : 'follower';
    const elsewhere = member === leader ? a : b;
    const path = `/upgrade-${name}`;
    const client = await TestClient.connect(member.port);
    say(`${name}, ephemeral`, await client.create(path, EPHEMERAL));
    say(`${name}, second`, await client.create(`${path}-2`, EPHEMERAL));
    say(`${name}, set`, await client.set(path));
    const moved = await TestClient.connect(elsewhere.port, {}, client);
    say(`${name}, elsewhere`, moved.greeting);
    say(`${name}, set elsewhere`, await moved.set(path));
    say(`${name}, third elsewhere`, await moved.create(`${path}-3`, EPHEMERAL));
    say(`${name}, write at the old place`, await client.set(path));
    say(`${name}, end`, await moved.end());
    const after = await TestClient.connect(member.port);
    say(`${name}, sync`, await after.sync('/'));
    for (const node of [path, `${path}-2`, `${path}-3`]) say(node, await after.exists(node));
    say(`${name}, multi`, await after.ask(OpCode.multi, multiOf([`${path}-m`, EPHEMERAL])));
    say(`${name}, end of multi`, await after.end());
    const last = await TestClient.connect(elsewhere.port);
    say(`${name}, sync elsewhere`, await last.sync('/'));
    say(`${name}, of the multi`, await last.exists(`${path}-m`));
    await last.end();
  }
}
