/**
 * What the tests of the client library share: a server with a proxy before it, a client and a node for each test,
 * watchers whose next event can be awaited, and errors told apart by code.
 *
 * Waiting is always for an event and has a deadline. Invariant: every client is closed, every process ended.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { WatchEvent, ZooKeeper } from '../../src/index.ts';
import { connect, KeeperError } from '../../src/index.ts';
import { skipWithout } from './harness/debian.ts';
import { scratchFolder } from './harness/project.ts';
import type { RunningServer } from './harness/server.ts';
import { startServer, subject } from './harness/server.ts';
import { TcpProxy } from './harness/tcp-proxy.ts';

const skip = skipWithout('libzookeeper-java', 'libslf4j-java', 'default-jdk-headless');
const DEADLINE_MS = 30_000;

/** `promise`, or a failure after the deadline. */
export async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = AbortSignal.timeout(DEADLINE_MS);
  return Promise.race([
    promise,
    new Promise<never>((_resolve, reject) => {
      late.addEventListener('abort', () => reject(new Error(`no ${what} in ${DEADLINE_MS} ms`)));
    }),
  ]);
}

/** A watcher and the promise of its next event. */
export function watcher(): { watch: (event: WatchEvent) => void; next: () => Promise<WatchEvent> } {
  const events: WatchEvent[] = [];
  const waiting: ((event: WatchEvent) => void)[] = [];
  return {
    watch: (event) => {
      const resolve = waiting.shift();
      if (resolve === undefined) events.push(event);
      else resolve(event);
    },
    next: () =>
      soon(
        new Promise((resolve) => {
          const event = events.shift();
          if (event === undefined) waiting.push(resolve);
          else resolve(event);
        }),
        'event',
      ),
  };
}

export function isError(code: string, path?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof KeeperError, String(error));
    assert.equal(error.code, code, error.message);
    if (path !== undefined) assert.equal(error.path, path);
    return true;
  };
}

/** What one test gets: a client of its own and a node of its own. */
export interface Fixture {
  readonly server: RunningServer;
  readonly proxy: TcpProxy;
  readonly zk: ZooKeeper;
  /** The node's path. */
  readonly root: string;
}

type Test = (name: string, body: (fixture: Fixture) => Promise<void>) => void;

/** A suite against one server; `declare` names its tests. */
export function clientSuite(title: string, declare: (test: Test) => void): void {
  describe(`${title} against ${subject()}`, { skip }, () => {
    let server: RunningServer;
    let proxy: TcpProxy;
    let count = 0;

    before(async () => {
      server = await startServer({
        kind: subject(),
        folder: scratchFolder('client-library'),
        properties: { 'zookeeper.extendedTypesEnabled': 'true' },
      });
      proxy = await TcpProxy.start(server.port);
    });

    after(async () => {
      proxy?.stop();
      await server?.stop();
    });

    declare((name, body) => {
      it(name, async () => {
        const zk = await connect(server.address, { sessionTimeoutMs: 10_000 });
        try {
          const root = await zk.create(`/test-${count++}`);
          await body({ server, proxy, zk, root });
        } finally {
          await zk.close();
        }
      });
    });
  });
}
