/**
 * Sessions at three servers, asked of Java's and of ours in the same steps: moves, ends, timeouts, what a server that
 * lags says, leaders that do not serve or are gone, local sessions. Every answer must be the same, and the
 * same in ensembles of both.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OpCode } from '../../src/proto/opcodes.ts';
import type { Body } from '../support/fake-session.ts';
import { createBody } from '../support/fake-session.ts';
import { EPHEMERAL, multiOf, TestClient } from './ensemble-clients.ts';
import { skipWithout } from './harness/debian.ts';
import type { Stage } from './harness/ensemble-play.ts';
import { assertSameAnswers, propertiesOf } from './harness/ensemble-play.ts';

const skip = skipWithout('libzookeeper-java', 'libslf4j-java');

describe('an ensemble of three answers as Java’s does', { skip }, () => {
  it('a leader that does not serve', async () => {
    await assertSameAnswers({ properties: propertiesOf({ 'zookeeper.leaderServes': 'no' }) }, [
      leaderServesNot,
    ]);
  });

  it('a server that is alone serves reads', async () => {
    const properties = propertiesOf({ 'readonlymode.enabled': 'true' });
    await assertSameAnswers({ properties, config: { localSessionsEnabled: 'true' } }, [readOnly]);
  });

  it('a server that is alone, without local sessions', async () => {
    await assertSameAnswers({ properties: propertiesOf({ 'readonlymode.enabled': 'true' }) }, [
      readOnly,
    ]);
  });

  it('sessions live through a change of leader, with all their time', async () => {
    await assertSameAnswers({}, [leaderChange]);
  });

  it('sessions that move and end', async () => {
    await assertSameAnswers({}, [moves, ends, refusals, lag], 'mixed');
  });

  it('local sessions that cannot become more', async () => {
    await assertSameAnswers({ config: { localSessionsEnabled: 'true' } }, [localSessions], 'mixed');
  });

  it('local sessions that become global ones', async () => {
    const config = { localSessionsEnabled: 'true', localSessionsUpgradingEnabled: 'true' };
    await assertSameAnswers({ config }, [localSessions, upgrades], 'mixed');
  });
});

async function leaderServesNot({ leader, followers: [a], say }: Stage): Promise<void> {
  say(
    'leader',
    (await leader.server.ask('srvr')).split('\n').filter((line) => /^Mode/.test(line)),
  );
  const client = await TestClient.connect(leader.port);
  say('leader, greeting', client.greeting);
  const writer = await TestClient.connect(a.port);
  say('follower, create', await writer.create('/served', EPHEMERAL));
  say('follower, end', await writer.end());
}

async function readOnly({ ensemble, leader, followers: [a, b], say }: Stage): Promise<void> {
  const writer = await TestClient.connect(a.port);
  say('isro while there is a leader', await a.server.ask('isro'));
  say('create', await writer.create('/kept'));
  say('create', await writer.create('/gone', EPHEMERAL));
  say('sync', await writer.sync('/'));
  await Promise.all([leader.kill(), b.kill()]);
  say('the connection', await writer.closed());
  await ensemble.inMode(a, 'read-only');
  say('isro', await a.server.ask('isro'));
  const reader = await TestClient.connect(a.port, { readOnly: true });
  say('who may read only', reader.greeting);
  const other = await TestClient.connect(a.port);
  say('who would write', other.greeting);
  const again = await TestClient.connect(a.port, { readOnly: true }, writer);
  say('who has a session', again.greeting);
  const stranger = { readOnly: true, sessionId: 1n, passwd: new Uint8Array(16) };
  say('who has a wrong password', (await TestClient.connect(a.port, stranger)).greeting);
  if (reader.greeting !== 'no session') {
    say('exists', await reader.exists('/kept', true));
    // One by one: Java's refusals overtake the answers to reads before them.
    const requests: Parameters<TestClient['askAll']>[0] = [
      [OpCode.create, createBody('/x', null)],
      [OpCode.exists, existsBody('/kept')],
      [OpCode.sync, (out) => out.ustring('/')],
      [OpCode.multi, multiOf(['/x', 0])],
      [OpCode.create2, createBody('/x', null, EPHEMERAL)],
      [OpCode.deleteContainer, (out) => out.ustring('/x')],
      [
        OpCode.check,
        (out) => {
          out.ustring('/kept');
          out.int(0);
        },
      ],
      [OpCode.exists, existsBody('/kept')],
    ];
    for (const request of requests) say('asked', await reader.askAll([request]));
    say('ping', await reader.ping());
    const ending = await TestClient.connect(a.port, { readOnly: true });
    say('end', await ending.end());
    if (again.greeting !== 'no session') say('end of the older session', await again.end());
  }
  await b.start();
  await ensemble.settled();
  if (reader.greeting !== 'no session') {
    say('the leader comes back', await reader.closed());
    const reopened = await TestClient.connect(a.port, { readOnly: true }, reader);
    say('the read-only session', reopened.greeting);
  }
  const back = await TestClient.connect(a.port, {}, writer);
  say('the session from before', back.greeting);
  say('sync', await back.sync('/'));
  say('its ephemeral', await back.exists('/gone'));
  say('isro', await a.server.ask('isro'));
  await leader.start();
}

async function leaderChange({ ensemble, leader, followers: [a, b], say }: Stage): Promise<void> {
  const clients = [leader, a, b].map((member) =>
    TestClient.connect(member.port, { timeOutMs: 6000 }),
  );
  const all = await Promise.all(clients);
  for (const [index, client] of all.entries()) {
    say('create', await client.create(`/change-${index}`, EPHEMERAL));
  }
  const short = await TestClient.connect(leader.port, { timeOutMs: 1000 });
  say('short', await short.create('/short', EPHEMERAL));
  // Its client will not come back.
  await leader.kill();
  for (const client of all) say('connection', await client.closed());
  await ensemble.settled();
  const watcher = await TestClient.connect(a.port);
  for (const index of all.keys()) say('still there', await watcher.exists(`/change-${index}`));
  const again = await Promise.all(
    all.map((client, index) =>
      TestClient.connect([a, b, a][index]?.port ?? 0, { timeOutMs: 6000 }, client),
    ),
  );
  for (const [index, client] of again.entries()) {
    say('again', client.greeting);
    say('set', await client.set(`/change-${index}`));
  }
  await ensemble.until('the end of a silent session', async () =>
    (await watcher.exists('/short')) === '-101' ? true : undefined,
  );
  for (const index of all.keys()) say('still there', await watcher.exists(`/change-${index}`));
  // The death of a follower takes its clients' connections, not their sessions.
  const now = await ensemble.settled();
  const [follower] = ensemble.running.filter((member) => member !== now);
  assert.ok(follower !== undefined);
  await leader.start();
  await ensemble.settled();
  const there = await TestClient.connect(follower.port, { timeOutMs: 2000 });
  say('ephemeral at a follower', await there.create('/at-follower', EPHEMERAL));
  await follower.kill();
  const keeper = await TestClient.connect(now.port);
  say('just after its death', await keeper.exists('/at-follower'));
  await ensemble.until('the end of its session', async () =>
    (await keeper.exists('/at-follower')) === '-101' ? true : undefined,
  );
  await follower.start();
}

function existsBody(path: string): Body {
  return (out) => {
    out.ustring(path);
    out.boolean(false);
  };
}

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
    const answers = await client.askAll([
      [OpCode.create, createBody(`/ends-${name}`, null, EPHEMERAL)],
      [OpCode.closeSession],
      [OpCode.create, createBody(`/ends-${name}-b`, null)],
    ]);
    // Java's last answer comes before the connection is closed, or does not.
    say(`${name}, pipelined end`, answers.slice(0, 2));
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
    const longer = await TestClient.connect(a.port, { timeOutMs: 1500 }, client, 'ping');
    say(`${name}, another timeout`, longer.greeting);
    say(`${name}, a ping behind it`, await longer.pong());
    say(`${name}, end`, await longer.end());
    await reader.end();
  }
}

async function lag({ leader, followers: [a], say }: Stage): Promise<void> {
  const reader = await TestClient.connect(a.port);
  const writer = await TestClient.connect(leader.port);
  for (let round = 0; round < 3; round++) {
    const path = `/lag-${round}`;
    a.server.child.signal('SIGSTOP');
    say('create', await writer.create(path));
    const answers = reader.askAll([
      [OpCode.sync, (out) => out.ustring(path)],
      [OpCode.exists, existsBody(path)],
      [OpCode.create, createBody(`${path}/a`, null)],
      [OpCode.sync, (out) => out.ustring('/')],
      [OpCode.exists, existsBody(`${path}/a`)],
    ]);
    a.server.child.signal('SIGCONT');
    say('sync at who lags', await answers);
  }
  const ahead = { lastZxidSeen: writer.lastZxid + 1000n };
  say('ahead of a follower', (await TestClient.connect(a.port, ahead, reader)).greeting);
  say('still there', await reader.exists('/lag-0'));
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
