/**
 * What a Java server that died leaves behind: a directory that is whole but for its last moment. The
 * server under test must open it, lose nothing that was acknowledged, and hand back a directory that
 * Java 3.8.0 opens, even where Java itself could not have.
 *
 * One directory is written and its server killed; each case damages a copy, which then goes through
 * the server under test and back to Java. Trees are compared as in directories.test.ts.
 */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { run } from './harness/child.ts';
import { skipWithout } from './harness/debian.ts';
import { javaProgram } from './harness/java-program.ts';
import { scratchFolder } from './harness/project.ts';
import type { ServerKind } from './harness/server.ts';
import { startServer, subject } from './harness/server.ts';

const DEADLINE_MS = 120_000;
const SEED = 77;

const properties = {
  'zookeeper.extendedTypesEnabled': 'true',
  'zookeeper.DigestAuthenticationProvider.superDigest': 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=',
  'znode.container.checkIntervalMs': 3_600_000,
};

interface Remains {
  /** The folder version-2. */
  readonly place: string;
  /** The last zxid the server had given out. */
  readonly lastZxid: bigint;
}

interface Case {
  readonly name: string;
  /** Java 3.8.0 cannot start from this, so it is not asked to. */
  readonly fatalToJava?: boolean;
  damage(remains: Remains): void;
}

const cases: readonly Case[] = [
  {
    name: 'an empty last log: it died before the header',
    fatalToJava: true,
    damage: ({ place, lastZxid }) => writeFileSync(join(place, logName(lastZxid + 1n)), ''),
  },
  {
    name: 'a last log with half a header',
    fatalToJava: true,
    damage: ({ place, lastZxid }) =>
      writeFileSync(join(place, logName(lastZxid + 1n)), Buffer.from('5a4b4c4700000002', 'hex')),
  },
  {
    name: 'a last log with a header and zeros',
    damage: ({ place, lastZxid }) =>
      writeFileSync(
        join(place, logName(lastZxid + 1n)),
        Buffer.concat([Buffer.from('5a4b4c47000000020000000000000000', 'hex'), Buffer.alloc(4096)]),
      ),
  },
  {
    // The last entry is the closeSession of the program that wrote down the tree.
    name: 'a last entry cut in the middle',
    damage: ({ place }) => {
      const file = join(place, lastLog(place));
      truncateSync(file, endOfEntries(file) - 10);
    },
  },
  {
    name: 'a last entry whose end never reached the disk',
    damage: ({ place }) => {
      const file = join(place, lastLog(place));
      const bytes = readFileSync(file);
      const end = endOfEntries(file);
      bytes.fill(0, end - 10, end);
      writeFileSync(file, bytes);
    },
  },
  {
    name: 'a newest snapshot cut short',
    damage: ({ place, lastZxid }) => {
      const whole = readFileSync(join(place, newest(place, 'snapshot.')));
      const half = whole.subarray(0, Math.floor(whole.length / 2));
      writeFileSync(join(place, `snapshot.${lastZxid.toString(16)}`), half);
    },
  },
];

const skip = skipWithout(
  'libzookeeper-java',
  'libslf4j-java',
  'libcurator-recipes-java',
  'default-jdk-headless',
);

describe(`what a dead Java server leaves to ${subject()}`, { skip }, () => {
  const base = scratchFolder('leftovers');
  let lastZxid = 0n;

  before(async () => {
    lastZxid = await visit(base, 'java', 0, 1200);
  });

  for (const { name, damage, fatalToJava } of cases) {
    const hopeless = subject() === 'java' && fatalToJava === true;
    it(name, { skip: hopeless && 'Java 3.8.0 cannot start from this' }, async () => {
      const folder = scratchFolder('leftover');
      cpSync(base, folder, { recursive: true });
      damage({ place: join(folder, 'data', 'version-2'), lastZxid });
      await visit(folder, subject(), 1, 200);
      compare(folder, 0, 1);
      await visit(folder, 'java', 2, 0);
      compare(folder, 1, 2);
    });
  }
});

/** One stop of DirectoryHop, ended by SIGKILL; gives the last zxid of the server. */
async function visit(
  folder: string,
  kind: ServerKind,
  stop: number,
  operations: number,
): Promise<bigint> {
  const server = await startServer({ kind, folder, properties, config: { snapCount: 500 } });
  try {
    const [command, args] = await javaProgram('DirectoryHop', [
      String(server.port),
      String(SEED + stop),
      String(operations),
      join(folder, `found-${stop}.txt`),
      join(folder, `left-${stop}.txt`),
      join(folder, 'sessions.txt'),
    ]);
    await run(command, args, { deadlineMs: DEADLINE_MS });
    const zxid = /^Zxid: (0x[0-9a-f]+)$/m.exec(await server.ask('srvr'))?.[1];
    assert.ok(zxid !== undefined);
    return BigInt(zxid);
  } finally {
    await server.kill();
  }
}

function compare(folder: string, left: number, found: number): void {
  const before = readFileSync(join(folder, `left-${left}.txt`), 'utf8').split('\n');
  const after = readFileSync(join(folder, `found-${found}.txt`), 'utf8').split('\n');
  assert.ok(before.length > 200);
  const differences = before.flatMap((line, i) =>
    line === after[i] ? [] : [`- ${line}\n+ ${after[i]}`],
  );
  assert.equal(differences.slice(0, 5).join('\n'), '', `stop ${found} found another tree`);
  assert.equal(after.length, before.length);
}

function logName(zxid: bigint): string {
  return `log.${zxid.toString(16)}`;
}

/** The file of that kind with the highest zxid. */
function newest(place: string, prefix: string): string {
  const zxid = (name: string): number => Number.parseInt(name.substring(prefix.length), 16);
  const files = readdirSync(place).filter((name) => name.startsWith(prefix));
  const last = files.toSorted((a, b) => zxid(a) - zxid(b)).at(-1);
  assert.ok(last !== undefined, `no ${prefix} in ${place}`);
  return last;
}

function lastLog(place: string): string {
  return newest(place, 'log.');
}

/** Where the zero padding begins: after the `B` of the last entry. */
function endOfEntries(file: string): number {
  const bytes = readFileSync(file);
  let end = statSync(file).size;
  while (end > 0 && bytes[end - 1] === 0) end--;
  assert.equal(bytes[end - 1], 0x42, 'the last byte of an entry');
  return end;
}
