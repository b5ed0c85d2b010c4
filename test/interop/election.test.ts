/**
 * Our election among Java servers: the machine and the mesh, with nothing of Zab behind them, are
 * one of three servers, once with the lowest sid and once with the highest; they must find the
 * leader that the Java servers find. On the way, what Java sends is compared with what we would
 * send, byte for byte: the introduction of a connection, and notifications of every state.
 *
 * Java needs no third server to work, so a leader among the two is a real one; where ours is
 * elected, Java's log says so, and that nobody leads it further is expected.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { isConfigFault, parseQuorumConfig } from '../../src/core/election/quorum-config.ts';
import { QuorumVerifier } from '../../src/core/election/quorum-verifier.ts';
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import { encodeInitialMessage } from '../../src/net/election-initial-message.ts';
import type { ServerState } from '../../src/proto/notification.ts';
import { decodeNotification, encodeNotification } from '../../src/proto/notification.ts';
import type { Sid } from '../../src/proto/sid.ts';
import { hexOf } from '../../src/util/bytes.ts';
import { ElectionServer } from '../net/election-server.ts';
import { Child, within } from './harness/child.ts';
import { java, skipWithout, zookeeperClassPath } from './harness/debian.ts';
import { freePort } from './harness/ports.ts';
import { scratchFolder } from './harness/project.ts';

const DEADLINE_MS = 90_000;
const host = '127.0.0.1';

interface Ensemble {
  readonly text: string;
  readonly verifier: QuorumVerifier;
  readonly ports: Map<Sid, number>;
  readonly folder: string;
}

const children: Child[] = [];

async function planEnsemble(name: string, extra: readonly string[] = []): Promise<Ensemble> {
  const ports = new Map<Sid, number>();
  const lines: string[] = [];
  for (const sid of [1n, 2n, 3n]) {
    const electionPort = await freePort();
    ports.set(sid, electionPort);
    lines.push(`server.${sid}=${host}:${await freePort()}:${electionPort}`);
  }
  const text = [...lines, ...extra].join('\n');
  const config = parseQuorumConfig(text);
  assert(!isConfigFault(config));
  return { text, verifier: new QuorumVerifier(config), ports, folder: scratchFolder(name) };
}

async function startJava(ensemble: Ensemble, sid: Sid): Promise<Child> {
  const folder = join(ensemble.folder, `${sid}`);
  mkdirSync(join(folder, 'data'), { recursive: true });
  writeFileSync(join(folder, 'data', 'myid'), `${sid}`);
  const file = join(folder, 'zoo.cfg');
  writeFileSync(
    file,
    `dataDir=${join(folder, 'data')}\nclientPort=${await freePort()}\nclientPortAddress=${host}\n` +
      'tickTime=500\ninitLimit=20\nsyncLimit=10\nadmin.enableServer=false\npreAllocSize=1024\n' +
      `${ensemble.text}\n`,
  );
  const child = new Child(java, [
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xmx256m',
    '-Dzookeeper.jmx.log4j.disable=true',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=info',
    '-cp',
    zookeeperClassPath,
    'org.apache.zookeeper.server.quorum.QuorumPeerMain',
    file,
  ]);
  children.push(child);
  return child;
}

async function kill(child: Child): Promise<void> {
  child.signal('SIGKILL');
  await child.ended(DEADLINE_MS);
}

/** Every state in which a server was heard; each of its messages is compared with our encoding. */
function compareNotifications(server: ElectionServer): Set<string> {
  const states = new Set<string>();
  assert(server.received.length > 0);
  for (const { from, bytes } of server.received) {
    const said = decodeNotification(bytes);
    assert(!('bad' in said) && said.state !== undefined && said.config !== undefined);
    assert.equal(
      hexOf(encodeNotification(said, said.state, encodeUtf8(said.config))),
      hexOf(bytes),
    );
    assert.equal(said.config, ownConfigText(server), 'Java prints the configuration as we do');
    states.add(`${from} ${said.state}`);
  }
  return states;
}

function ownConfigText(server: ElectionServer): string | undefined {
  const [message] = server.sent;
  assert(message !== undefined);
  const said = decodeNotification(message.bytes);
  assert(!('bad' in said));
  return said.config;
}

/** What a Java server says first when it connects to `port`. */
async function firstBytes(port: number, length: number): Promise<Uint8Array> {
  let listener: Server | undefined;
  try {
    return await within(
      new Promise<Uint8Array>((resolve, reject) => {
        listener = createServer((socket) => {
          const chunks: Buffer[] = [];
          socket.on('error', () => undefined);
          socket.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            const all = Buffer.concat(chunks);
            if (all.length >= length) resolve(new Uint8Array(all.subarray(0, length)));
          });
        });
        listener.once('error', reject);
        listener.listen(port, host);
      }),
      DEADLINE_MS,
      `a connection to port ${port}`,
    );
  } finally {
    listener?.close();
  }
}

describe('election with Java servers', {
  skip: skipWithout('libzookeeper-java', 'libslf4j-java'),
}, () => {
  after(async () => {
    for (const child of children) if (child.exit === undefined) await kill(child);
  });

  it('says the same when it connects', async () => {
    const ensemble = await planEnsemble('introduction');
    const port = ensemble.ports.get(1n) ?? 0;
    const expected = encodeInitialMessage(2n, [{ host, port: ensemble.ports.get(2n) ?? 0 }], false);
    const said = firstBytes(port, expected.length);
    const two = await startJava(ensemble, 2n);
    assert.equal(hexOf(await said), hexOf(expected));
    await kill(two);
  });

  it('with the lowest sid, follows the leader the two others elect', async () => {
    const ensemble = await planEnsemble('lowest');
    const { verifier, ports } = ensemble;
    const one = new ElectionServer({ mySid: 1n, verifier, ports });
    await one.listen();
    const two = await startJava(ensemble, 2n);
    const three = await startJava(ensemble, 3n);
    try {
      // Until these two are settled we only listen: a vote of ours could make 2 the leader before 3 is up.
      await three.line(/LEADING - LEADER ELECTION TOOK/, { deadlineMs: DEADLINE_MS });
      await two.line(/Peer state changed: following - broadcast/, { deadlineMs: DEADLINE_MS });
      one.look();
      const decision = await one.decision(0, DEADLINE_MS);
      assert.equal(decision.leader, 3n);
      assert.equal(decision.state, 'FOLLOWING');

      // And once more, with a round far from theirs: the word of an ensemble at work is enough.
      one.look();
      one.look();
      const again = await one.decision(1, DEADLINE_MS);
      assert.equal(again.leader, 3n);
      const states = compareNotifications(one);
      for (const state of ['2 LOOKING', '3 LEADING', '2 FOLLOWING']) {
        assert(states.has(state), `${state} among ${[...states]}`);
      }

      // The leader dies: 2 alone is no quorum, with us it is, and both of us look.
      await kill(three);
      one.look();
      const next = await one.decision(2, DEADLINE_MS);
      assert.equal(next.leader, 2n);
      await two.line(/LEADING - LEADER ELECTION TOOK/, { deadlineMs: DEADLINE_MS });
    } finally {
      await one.stop();
      await kill(two);
    }
  });

  it('with the highest sid, is elected when nobody has more', async () => {
    const ensemble = await planEnsemble('highest');
    const { verifier, ports } = ensemble;
    const three = new ElectionServer({ mySid: 3n, verifier, ports });
    await three.listen();
    three.look();
    const one = await startJava(ensemble, 1n);
    const two = await startJava(ensemble, 2n);
    try {
      const decision = await three.decision(0, DEADLINE_MS);
      assert.equal(decision.leader, 3n);
      assert.equal(decision.state, 'LEADING');
      for (const child of [one, two]) {
        await child.line(/FOLLOWING - LEADER ELECTION TOOK/, { deadlineMs: DEADLINE_MS });
      }
      compareNotifications(three);
    } finally {
      await three.stop();
      await kill(one);
      await kill(two);
    }
  });

  it('with the highest sid, joins an ensemble at work, and votes for who has more', async () => {
    const ensemble = await planEnsemble('joining');
    const { verifier, ports } = ensemble;
    const one = await startJava(ensemble, 1n);
    const two = await startJava(ensemble, 2n);
    const three = new ElectionServer({ mySid: 3n, verifier, ports });
    try {
      await two.line(/LEADING - LEADER ELECTION TOOK/, { deadlineMs: DEADLINE_MS });
      await one.line(/Peer state changed: following - broadcast/, { deadlineMs: DEADLINE_MS });
      await three.listen();
      three.look();
      const decision = await three.decision(0, DEADLINE_MS);
      assert.equal(decision.leader, 2n);
      assert.equal(decision.state, 'FOLLOWING');

      // 1 has what was committed, we have nothing: it leads, though our sid is higher.
      await kill(two);
      three.look();
      const next = await three.decision(1, DEADLINE_MS);
      assert.equal(next.leader, 1n);
      await one.line(/LEADING - LEADER ELECTION TOOK/, { deadlineMs: DEADLINE_MS });
      const states = [...compareNotifications(three)];
      assert(states.includes('2 LEADING') && states.includes('1 FOLLOWING'), `${states}`);
    } finally {
      await three.stop();
      await kill(one);
    }
  });

  it('with groups and weights, agrees with Java on who may lead', async () => {
    const groups = ['group.1=1:2', 'group.2=3', 'weight.1=1', 'weight.2=1', 'weight.3=0'];
    const ensemble = await planEnsemble('weights', groups);
    const { verifier, ports } = ensemble;
    const one = new ElectionServer({ mySid: 1n, verifier, ports });
    await one.listen();
    one.look();
    const two = await startJava(ensemble, 2n);
    const three = await startJava(ensemble, 3n);
    try {
      const decision = await one.decision(0, DEADLINE_MS);
      assert.equal(decision.leader, 2n);
      await two.line(/LEADING - LEADER ELECTION TOOK/, { deadlineMs: DEADLINE_MS });
      compareNotifications(one);
    } finally {
      await one.stop();
      await kill(two);
      await kill(three);
    }
  });

  it('as an observer, observes the leader of the Java servers', async () => {
    const ensemble = await planEnsemble('observer');
    const text = ensemble.text.replace(/(server\.3=.*)/, '$1:observer');
    const config = parseQuorumConfig(text);
    assert(!isConfigFault(config));
    const verifier = new QuorumVerifier(config);
    const one = await startJava({ ...ensemble, text }, 1n);
    const two = await startJava({ ...ensemble, text }, 2n);
    const three = new ElectionServer({ mySid: 3n, verifier, ports: ensemble.ports });
    try {
      await three.listen();
      three.look();
      const state: ServerState = 'OBSERVING';
      await three.until(
        '2 to be observed',
        () => three.decisions.at(-1)?.leader === 2n,
        DEADLINE_MS,
      );
      assert.equal(three.decisions.at(-1)?.state, state);
    } finally {
      await three.stop();
      await kill(one);
      await kill(two);
    }
  });
});
