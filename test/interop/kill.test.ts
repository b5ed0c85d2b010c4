/**
 * kill -9 under load, twenty times: no acknowledged write may be lost and every start must succeed.
 *
 * A writer (clients/KillWriter.java) keeps 64 writes in flight on one session and a journal of what
 * was acknowledged. The server is killed when a seeded number of writes has been acknowledged, and
 * in every third round once more while it recovers. Snapshots are due every few hundred writes, so
 * kills fall into them, too. At the end Java opens the directory and must find the same.
 */
import assert from 'node:assert/strict';
import { readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { skipWithout } from './harness/debian.ts';
import { Dialogue } from './harness/dialogue.ts';
import { javaProgram } from './harness/java-program.ts';
import { freePort } from './harness/ports.ts';
import { scratchFolder } from './harness/project.ts';
import { Seeded } from './harness/seeded.ts';
import type { RunningServer, ServerKind } from './harness/server.ts';
import { launchServer, startServer, subject } from './harness/server.ts';

const ROUNDS = 20;
const MOST_WRITES = 4000;
/** Lines of the log a starting server may have written when it is killed. */
const MOST_LINES = 4;

const skip = skipWithout(
  'libzookeeper-java',
  'libslf4j-java',
  'libcurator-recipes-java',
  'default-jdk-headless',
);

describe(`kill -9 of ${subject()}`, { skip }, () => {
  it(`${ROUNDS} times under load: what was acknowledged is there`, async () => {
    await killInTurn([subject()], ROUNDS, 'kill-1');
  });

  it('and of Java in turn, on the same directory', async () => {
    await killInTurn([subject(), 'java'], 6, 'kill-2');
  });
});

/** Kills the kinds of server one after the other; at the end Java has the last word. */
async function killInTurn(
  kinds: readonly ServerKind[],
  rounds: number,
  seed: string,
): Promise<void> {
  const random = new Seeded(seed);
  console.log(`seed ${random.seed}`);
  const folder = scratchFolder('kill');
  const port = await freePort();
  const options = (turn: number): Parameters<typeof launchServer>[0] => ({
    kind: kinds[turn % kinds.length] ?? 'java',
    folder,
    port,
    config: { snapCount: 600, preAllocSize: 64 },
  });
  let server: RunningServer = await startServer(options(0));
  const writer = new Dialogue(...(await javaProgram('KillWriter', [String(port)])));
  try {
    await writer.hear(/^READY$/);
    for (let round = 1; round <= rounds; round++) {
      await writer.say(`run ${1 + random.below(MOST_WRITES)}`, /^REACHED$/);
      await server.kill();
      const next = options(round);
      let killed = server.kind;
      if (round % 3 === 0) {
        await killWhileStarting(next, random.below(MOST_LINES));
        killed = next.kind;
      }
      if (next.kind === 'java' && killed === 'java') removeEmptyLogs(folder);
      server = await startServer(next);
      await checked(writer, `after kill ${round}, by ${next.kind}`);
    }
    await server.stop();
    server = await startServer({ ...options(0), kind: 'java' });
    await checked(writer, 'by Java');
    await writer.quit();
    await server.stop();
  } finally {
    await writer.kill();
    await server.kill();
  }
}

/**
 * Java 3.8.0 leaves an empty log when it dies before it has written the header, and cannot start
 * after that (fixed in 3.9.3). Only between two Javas: ours must leave no such file, and must cope
 * with Java's.
 */
function removeEmptyLogs(folder: string): void {
  const place = join(folder, 'data', 'version-2');
  for (const name of readdirSync(place)) {
    const file = join(place, name);
    if (name.startsWith('log.') && statSync(file).size === 0) unlinkSync(file);
  }
}

async function checked(writer: Dialogue, when: string): Promise<void> {
  const verdict = await writer.say('check', /^(CHECKED|LOST) /);
  console.log(`${when}: ${verdict}`);
  assert.match(verdict, /^CHECKED/, when);
}

/** Kills a server that has written so many lines of its log, or is ready, whichever is first. */
async function killWhileStarting(
  options: Parameters<typeof launchServer>[0],
  lines: number,
): Promise<void> {
  const server = await launchServer(options);
  let from = 0;
  const said = async (): Promise<void> => {
    for (let i = 0; i < lines; i++) {
      from = (await server.child.line(/./, { from, deadlineMs: 60_000 })) + 1;
    }
  };
  await Promise.race([said(), server.ready()]);
  await server.kill();
}
