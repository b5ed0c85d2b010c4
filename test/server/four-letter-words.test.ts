// The four-letter words: the same script is played to our machine and was played to a Java 3.8.0
// server (capture.ts made the fixture), and every answer must be equal, counts of packets and
// bytes and the order of metrics included. What differs on purpose stands in four-letter-
// words/fixture.ts. Then what Java could not be asked, by table.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Connection } from '../../src/core/session/connection.ts';
import { fourLetterWords } from '../../src/net/four-letter-codes.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import { standaloneRole } from '../../src/server/role-view.ts';
import { fullVersion } from '../../src/server/server-view.ts';
import { comparable, javaAnswers } from './four-letter-words/fixture.ts';
import * as frames from './four-letter-words/frames.ts';
import { MachinePlayer } from './four-letter-words/machine-player.ts';
import { play } from './four-letter-words/script.ts';

describe('answers of a server that Java gave too', async () => {
  const java = javaAnswers();
  const player = new MachinePlayer();
  await player.ask('srst');
  const quoll = await play(player);
  for (const [key, expected] of Object.entries(java)) {
    const [phase = '', word = ''] = key.split(' ');
    if (phase === 'strict') continue;
    test(key, () => {
      const found = comparable(word, quoll[key] ?? '', player.names);
      assert.equal(found, comparable(word, expected));
    });
  }
});

describe('the white list', () => {
  for (const word of ['isro', 'ruok', 'mntr']) {
    test(`${word} with only isro and srvr allowed`, async () => {
      const player = new MachinePlayer(new Set(['srvr', 'isro']));
      assert.equal(await player.ask(word), javaAnswers()[`strict ${word}`]);
      assert.match(await player.ask('srvr'), /^Received: 2$/m, 'a refused word is a packet too');
    });
  }
});

describe('elog, which is no word of Java’s', () => {
  const electionLog = () => '{"sid":1,"time":5,"entries":[]}';

  test('is off with all of Java’s words on', async () => {
    const player = new MachinePlayer('all', { electionLog });
    assert.equal(
      await player.ask('elog'),
      'elog is not executed because it is not in the whitelist.\n',
    );
  });

  test('answers when it is named, also a server that does not serve', async () => {
    for (const isServing of [true, false]) {
      const player = new MachinePlayer(new Set(['elog']), { electionLog, isServing });
      assert.equal(await player.ask('elog'), electionLog());
    }
  });

  test('a lone server has had no elections', async () => {
    const player = new MachinePlayer(new Set(['elog']));
    assert.equal(await player.ask('elog'), '{"entries":[]}');
  });
});

test('the script asks every word', () => {
  const asked = new Set(Object.keys(javaAnswers()).map((key) => key.split(' ')[1]));
  for (const word of fourLetterWords) assert.ok(asked.has(word), word);
});

test('a server that does not serve says so', async () => {
  const player = new MachinePlayer('all', { isServing: false });
  const sentence = 'This ZooKeeper instance is not currently serving requests';
  const others: Record<string, string | RegExp> = {
    ruok: 'imok',
    isro: 'null',
    gtmk: '306',
    stmk: '7',
    hash: sentence,
    envi: /^Environment:\nzookeeper\.version=3\.8\.0-/,
  };
  const mask = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7);
  for (const word of fourLetterWords) {
    const expected = others[word] ?? `${sentence}\n`;
    const text = await player.ask(word, word === 'stmk' ? mask : undefined);
    if (typeof expected === 'string') assert.equal(text, expected, word);
    else assert.match(text, expected, word);
  }
});

test('a read-only server', async () => {
  const player = new MachinePlayer('all', {
    role: { ...standaloneRole, state: 'read-only', sid: 1n },
  });
  assert.equal(await player.ask('isro'), 'ro');
  const lines = (await player.ask('srvr')).split('\n');
  assert.equal(lines[1], 'READ-ONLY mode; serving only read-only clients');
  assert.ok(lines.includes('Mode: read-only'));
  assert.match(await player.ask('mntr'), /^zk_server_state\tread-only$/m);
});

describe('the version line is read by', () => {
  const version = fullVersion('0.1.0', Date.UTC(2026, 10, 22, 5, 36));
  const readers: readonly (readonly [string, RegExp, string, readonly string[]])[] = [
    ['kazoo', /^([\d.]*).*/, version, ['3.8.0']],
    ['exporters', /^([0-9]+\.[0-9]+\.[0-9]+).*$/, version, ['3.8.0']],
    ['exporters of srvr', /^\D*(\d+\.\d+\.\d+)/, `Zookeeper version: ${version}`, ['3.8.0']],
    [
      'the Datadog agent',
      /Zookeeper version: ([^.]+)\.([^.]+)\.([^-]+)/,
      `Zookeeper version: ${version}`,
      ['3', '8', '0'],
    ],
    [
      'Telegraf',
      /^zk_(\w[\w.-]*)\s+([\w.-]+)/,
      `zk_version\t${version}`,
      ['version', '3.8.0-quoll-0.1.0'],
    ],
  ];
  for (const [reader, pattern, line, expected] of readers) {
    test(reader, () => assert.deepEqual(pattern.exec(line)?.slice(1), expected));
  }
});

describe('a line of cons', () => {
  test('names the last operation, but not the xid of a ping', async () => {
    const player = new MachinePlayer();
    await player.open('a');
    await player.send('a', frames.connect(10_000));
    assert.match(await player.ask('cons'), /lop=SESS,est=\d+,to=10000,lcxid=0x0,lzxid=0x1,/);
    await player.send('a', frames.create(7, '/a', ''));
    await player.send('a', frames.ping());
    assert.match(await player.ask('cons'), /lop=PING,est=\d+,to=10000,lcxid=0x7,lzxid=0x2,/);
    await player.send('a', frames.create(8, '/a', ''));
    assert.match(await player.ask('cons'), /lop=NA,est=\d+,to=10000,lcxid=0x8,lzxid=0x3,/);
    await player.send('a', frames.read(9, OpCode.getChildren2, '/', false));
    assert.match(await player.ask('cons'), /lop=GETC,.*lcxid=0x9,/);
  });

  test('counts what waits, and shows that nothing is read meanwhile', async () => {
    const player = new MachinePlayer('all', {}, { globalOutstandingLimit: 2 });
    await player.open('a');
    await player.send('a', frames.connect(10_000));
    player.frame('a', frames.create(1, '/a', ''));
    player.frame('a', frames.read(2, OpCode.getData, '/a', false));
    assert.match(await player.ask('cons'), /\[1\]\(queued=2,recved=3,sent=1,/);
    player.frame('a', frames.create(3, '/b', ''));
    player.frame('a', frames.read(4, OpCode.getData, '/b', false));
    assert.match(await player.ask('cons'), /\[0\]\(queued=4,recved=5,sent=1,/);
    assert.match(await player.ask('srvr'), /^Outstanding: 4$/m);
    player.step({ kind: 'turnEnded' });
    assert.match(await player.ask('cons'), /\[1\]\(queued=0,recved=5,sent=5,/);
  });

  test('has brackets around an IPv6 address', async () => {
    const player = new MachinePlayer();
    const connection = new Connection(1, '0:0:0:0:0:0:0:1', 2181, 10_000, 0, 0);
    player.step({ kind: 'connected', connection });
    assert.match(await player.ask('stat'), /^ \/\[0:0:0:0:0:0:0:1\]:2181\[1\]\(queued=0/m);
  });
});

test('who asked is not counted as a connection that broke off, others are', async () => {
  const player = new MachinePlayer();
  await player.ask('ruok');
  await player.open('a');
  player.step({ kind: 'disconnected', connection: player.connection('a') });
  assert.match(await player.ask('mntr'), /^zk_connection_drop_count\t1$/m);
});
