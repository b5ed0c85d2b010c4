/**
 * The eighteen four-letter words: the same state is made on Java and on the server under test, and
 * the answers must have the same shape, that is be equal once numbers are written as #.
 *
 * What differs is listed in `tolerated`, with its reason; anything else is a failure, in both
 * directions. Where Java's order is that of a hash table the lines are compared as a set.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { skipWithout } from './harness/debian.ts';
import { Dialogue } from './harness/dialogue.ts';
import { javaProgram } from './harness/java-program.ts';
import { scratchFolder } from './harness/project.ts';
import type { RunningServer, ServerKind } from './harness/server.ts';
import { startServer, subject } from './harness/server.ts';

const kinds: readonly ServerKind[] = ['java', subject()];

/** Lines that only one of the two has. */
const tolerated: Readonly<Record<string, readonly { line: RegExp; why: string }[]>> = {
  envi: [
    { line: /^(node\.version|machine\.memory\.(free|total))=$/, why: 'ours; Java says java.*' },
  ],
  mntr: [
    {
      line: /^zk_(avg|min|max|cnt|sum)_\w+_(read|write)_per_namespace\t#$/,
      why: 'request sizes by first path component, which Java keeps in any case',
    },
    {
      line: /^zk_(fsync_threshold_exceed_count|resident_memory_bytes|tree_memory_bytes)\t#$/,
      why: 'ours; the first is in newer Java',
    },
  ],
  // Java keeps sets of its expiry queues that have become empty.
  dump: [{ line: /^# expire at DATE:$/, why: 'as many as there are buckets' }],
};

const unordered = new Set(['cons', 'stat', 'dump', 'mntr', 'wchc', 'wchp']);

/** In the order they are asked: the last ones change what the others show. */
const words = [
  ...['conf', 'cons', 'dirs', 'dump', 'envi', 'gtmk', 'hash', 'isro', 'mntr', 'ruok'],
  ...['srvr', 'stat', 'wchc', 'wchp', 'wchs', 'crst', 'srst'],
] as const;

/** Words whose numbers must be equal, too. */
const exact = new Set(['gtmk', 'isro', 'ruok', 'wchs', 'crst', 'srst']);

const skip = skipWithout(
  'libzookeeper-java',
  'libslf4j-java',
  'libcurator-recipes-java',
  'default-jdk-headless',
);

describe(`four-letter words of Java and ${subject()}`, { skip }, () => {
  const servers: RunningServer[] = [];
  const clients: Dialogue[] = [];
  const answers: Map<string, string>[] = [];

  before(async () => {
    for (const kind of kinds) {
      const server = await startServer({ kind, folder: scratchFolder('words') });
      servers.push(server);
      const client = new Dialogue(...(await javaProgram('Standing', [String(server.port)])));
      clients.push(client);
      await client.hear(/^READY$/);
      const said = new Map<string, string>();
      for (const word of words) said.set(word, await server.ask(word));
      answers.push(said);
    }
  });

  after(async () => {
    for (const client of clients) await client.kill();
    for (const server of servers) await server.stop();
  });

  for (const word of words) {
    it(word, () => {
      const [java = '', ours = ''] = answers.map((said) => said.get(word) ?? '');
      assert.notEqual(java, '');
      assert.equal(ours.endsWith('\n'), java.endsWith('\n'), 'the line end at the end');
      if (exact.has(word)) assert.equal(ours, java);
      assert.deepEqual(shape(word, ours), shape(word, java));
    });
  }

  it('stmk sets the mask that gtmk shows', async () => {
    const mask = Buffer.concat([Buffer.from('stmk'), Buffer.alloc(8)]);
    mask.writeBigInt64BE(1234n, 4);
    for (const server of servers) {
      assert.equal(await server.ask(mask), '1234');
      assert.equal(await server.ask('gtmk'), '1234');
    }
  });

  it('a word may come in pieces, with or without a line end', async () => {
    for (const server of servers) {
      assert.equal(await server.ask('ruok\r\n'), 'imok');
      assert.equal(await inPieces(server.port, ['r', 'uo', 'k']), 'imok');
    }
  });

  it('an unknown word is closed without an answer', async () => {
    for (const server of servers) assert.equal(await server.ask('nope'), '');
  });

  it('a word that is not on the white list is named in a line', async () => {
    for (const kind of kinds) {
      const server = await startServer({
        kind,
        folder: scratchFolder('words-list'),
        config: { '4lw.commands.whitelist': 'srvr, ruok' },
      });
      try {
        assert.equal(await server.ask('ruok'), 'imok');
        assert.equal(
          await server.ask('cons'),
          'cons is not executed because it is not in the whitelist.\n',
        );
      } finally {
        await server.stop();
      }
    }
  });
});

function shape(word: string, text: string): readonly string[] {
  const lines = text
    .split('\n')
    .map((line) => normalised(word, line))
    .filter((line) => !(tolerated[word] ?? []).some((difference) => difference.line.test(line)));
  return unordered.has(word) ? lines.sort() : lines;
}

function normalised(word: string, line: string): string {
  if (word === 'envi') return line.replace(/=.*/, '=');
  return line
    .replace(/expire at .*:$/, 'expire at DATE:')
    .replace(/^(data(?:Log)?Dir=).*/, '$1PATH')
    .replace(/0x[0-9a-f]+/g, 'HEX')
    .replace(/^[0-9a-f]+: -?\d+$/, 'ZXID: DIGEST')
    .replace(/(version:? ?|zk_version\t)\d+\.\d+\.\d+-.*, built on .*/i, '$1VERSION, built on DATE')
    .replace(/-?\d+(\.\d+)?/g, '#');
}

function inPieces(port: number, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let text = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.on('connect', () => {
      const send = (index: number): void => {
        // One piece after the other has left this process; how they arrive is the network's choice.
        if (index < pieces.length) socket.write(pieces[index] ?? '', () => send(index + 1));
      };
      send(0);
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}
