/**
 * Clients x features: each client of the Debian packages runs its script against a fresh server,
 * and every feature it has must work. The last test prints the table and compares it with the one
 * in docs/INTEROP.md, so the page never claims more than a run has shown.
 *
 * QUOLL_INTEROP_SUBJECT=java asks the same of the judge; QUOLL_INTEROP_ROWS=kazoo,Java runs some
 * rows only.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { skipWithout } from './harness/debian.ts';
import type { Cell, Client, Results } from './harness/features.ts';
import { clients, expected, table } from './harness/features.ts';
import { projectRoot, scratchFolder } from './harness/project.ts';
import { startServer, subject } from './harness/server.ts';
import { TcpProxy } from './harness/tcp-proxy.ts';
import { cClient } from './rows/c-client.ts';
import type { Row } from './rows/row.ts';
import { curator, javaClient, kazoo } from './rows/scripts.ts';
import { zkCliRow } from './rows/zk-cli.ts';

const rows: readonly Row[] = [kazoo, javaClient, curator, cClient, zkCliRow];
const wanted = process.env.QUOLL_INTEROP_ROWS?.split(',');
const verdicts = new Map<Client, Results>();

/** What the scripts count on; the digest is that of super:admin. */
const properties = {
  'zookeeper.extendedTypesEnabled': 'true',
  'zookeeper.enforceQuota': 'true',
  'zookeeper.DigestAuthenticationProvider.superDigest': 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=',
  'znode.container.checkIntervalMs': 500,
};

describe(`clients against ${subject()}`, () => {
  for (const row of rows) {
    if (wanted !== undefined && !wanted.includes(row.client)) continue;
    const skip = skipWithout('libzookeeper-java', 'default-jdk-headless', ...row.packages);
    describe(row.client, { skip }, () => {
      let results: Results = new Map();
      let output = '';
      it('runs its script', async () => {
        const folder = scratchFolder(row.client.toLowerCase());
        const server = await startServer({
          kind: subject(),
          folder,
          properties,
          config: row.config ?? {},
        });
        const proxy = await TcpProxy.start(server.port);
        try {
          ({ results, output } = await row.run({ server, proxy, folder }));
        } finally {
          proxy.stop();
          await server.stop();
        }
        verdicts.set(row.client, results);
        const unknown = [...results.keys()].filter(
          (name) => !expected[row.client].some((feature) => feature === name),
        );
        assert.deepEqual(unknown, [], 'features that the table does not know');
        if ([...results.values()].some((why) => why !== undefined) || results.size === 0) {
          console.log(`${output}\n--- server ---\n${server.child.tail()}`);
        }
      });
      for (const feature of expected[row.client]) {
        it(feature, () => {
          assert.ok(results.has(feature), `${row.client} never came to ${feature}\n${output}`);
          assert.equal(results.get(feature), undefined);
        });
      }
    });
  }

  it('prints the table, which docs/INTEROP.md holds', (test) => {
    const shown = table((client, feature): Cell => {
      const results = verdicts.get(client);
      if (results?.has(feature) !== true) return 'not run';
      return results.get(feature) === undefined ? 'passed' : 'failed';
    });
    console.log(shown);
    if (clients.some((client) => !verdicts.has(client))) {
      test.skip('not every row has run');
      return;
    }
    const page = readFileSync(join(projectRoot, 'docs', 'INTEROP.md'), 'utf8');
    assert.ok(page.includes(shown), 'docs/INTEROP.md holds another table');
  });
});
