/**
 * What is done to a server before its four-letter words are compared with Java's: the same frames
 * and the same words in the same order, one at a time, to a live Java server when the fixture is
 * made and to our machine in the test. So even the counts of packets and bytes must come out
 * equal.
 */
import { AddWatchMode, CreateFlag, OpCode } from '../../../src/proto/opcodes.ts';
import * as frames from './frames.ts';

/** A server the script is played to. Connections have names. */
export interface Player {
  open(name: string): Promise<void>;
  /** Sends one frame and waits for its reply, passing over events. */
  send(name: string, frame: Uint8Array): Promise<void>;
  /** Sends one frame and waits until the server has closed the connection. */
  sendLast(name: string, frame: Uint8Array): Promise<void>;
  ask(word: string, argument?: Uint8Array): Promise<string>;
}

/** Answers by `<phase> <word>`. */
export type Answers = Record<string, string>;

const words = 'ruok isro srvr stat cons conf dirs wchs wchc wchp hash gtmk dump envi'.split(' ');

/** The server must have been started with all words allowed, quotas enforced, and nothing in its directory. */
export async function play(player: Player): Promise<Answers> {
  const answers: Answers = {};
  const askAll = async (phase: string, asked: readonly string[]): Promise<void> => {
    for (const word of asked) answers[`${phase} ${word}`] = await player.ask(word);
  };
  // `mntr` is long, Java's and ours not equally, and long answers count as several packets: `srst` follows it.
  await askAll('fresh', [...words, 'mntr', 'srst']);
  await workOn(player);
  await askAll('busy', [...words, 'mntr', 'srst']);
  await askAll('connections-reset', ['crst', 'cons', 'stat']);
  await askAll('reset', ['srst', 'srvr', 'mntr', 'srst']);
  const mask = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe);
  answers['mask stmk'] = await player.ask('stmk', mask);
  await askAll('mask', ['gtmk']);
  await player.sendLast('a', frames.closeSession(100));
  await player.sendLast('b', frames.closeSession(1000));
  await askAll('closed', ['wchs', 'wchc', 'dump', 'mntr']);
  return answers;
}

const quota = '/zookeeper/quota/b';

/** No pings: Java leaves their replies out of response_bytes. */
async function workOn(player: Player): Promise<void> {
  await player.open('idle');
  await player.open('a');
  await player.send('a', frames.connect(10_000));
  await player.open('b');
  await player.send('b', frames.connect(30_000));
  const { EPHEMERAL, PERSISTENT } = CreateFlag;
  const ofA = [
    frames.create(1, '/a', 'x'),
    frames.create(2, '/a/e', '', EPHEMERAL),
    frames.create(3, '/a/f', '', EPHEMERAL),
    frames.read(4, OpCode.getData, '/a', true),
    frames.read(5, OpCode.exists, '/nope', true),
    frames.read(6, OpCode.getData, '/nope', false),
    // Not recursive: Java 3.8 keeps such a watch in both tables, newer ones and ours in one.
    frames.addWatch(7, '/p', AddWatchMode.PERSISTENT),
    frames.auth('digest', 'user:password'),
  ];
  for (const frame of ofA) await player.send('a', frame);
  const ofB = [
    frames.create(1, '/b', '', PERSISTENT),
    frames.create(2, '/c', '', EPHEMERAL),
    frames.read(3, OpCode.getData, '/a', true),
    frames.read(4, OpCode.getChildren2, '/a', true),
    frames.read(5, OpCode.exists, '/b', true),
    frames.create(6, quota, ''),
    frames.create(7, `${quota}/zookeeper_limits`, 'count=-1,bytes=1000=;countHardLimit=2'),
    frames.create(8, `${quota}/zookeeper_stats`, 'count=1,bytes=0'),
    frames.create(9, '/b/1', 'within'),
    frames.create(10, '/b/2', 'beyond'),
    frames.create(11, '/p', ''),
    frames.create(12, '/p/1', ''),
  ];
  for (const frame of ofB) await player.send('b', frame);
  for (let i = 0; i < 130; i++) await player.send('b', frames.setData(20 + i, '/a', String(i)));
  await player.send('a', frames.read(8, OpCode.getData, '/a', true));
  await player.send('b', frames.remove(200, '/a/f'));
  await player.send('b', frames.remove(201, '/nope'));
  await player.open('refused');
  await player.send('refused', frames.connect(10_000));
  await player.sendLast('refused', frames.auth('digest-of-mine', 'user:password'));
  await player.open('gone');
  await player.send('gone', frames.connect(10_000));
  await player.sendLast('gone', frames.closeSession(1));
}
