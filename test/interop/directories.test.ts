/**
 * A data directory travels between Java and the server under test, four stops and back, and nothing
 * in it may change on the way: every znode, stat, ACL list, open session and the tree digest are
 * compared at each arrival with what was left at the stop before. Between two stops the server is
 * stopped or killed; what it wrote is also read by Java's own snapshot and log tools.
 *
 * The digest comparison covers the fields no client sees (stored cversion, the kinds of
 * ephemeralOwner). Left out: what TreeDump.java names.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { run } from './harness/child.ts';
import { skipWithout } from './harness/debian.ts';
import { javaProgram } from './harness/java-program.ts';
import { scratchFolder } from './harness/project.ts';
import type { ServerKind } from './harness/server.ts';
import { startServer, subject } from './harness/server.ts';

interface Journey {
  readonly name: string;
  readonly stops: readonly ServerKind[];
  /** How the server of each stop ends. */
  readonly ends: readonly ('stop' | 'kill')[];
  /** Keys of zoo.cfg; FOLDER stands for the journey's folder. */
  readonly config: Readonly<Record<string, string | number>>;
  readonly properties: Readonly<Record<string, string>>;
}

const there: ServerKind = subject();

const journeys: readonly Journey[] = [
  {
    name: 'clean stops, one long log',
    stops: ['java', there, 'java', there],
    ends: ['stop', 'stop', 'stop', 'stop'],
    config: {},
    properties: {},
  },
  {
    name: 'kill -9, gz snapshots, logs in a folder of their own',
    stops: ['java', there, 'java', there],
    ends: ['kill', 'kill', 'kill', 'kill'],
    config: { snapCount: 1000, dataLogDir: 'FOLDER/logs' },
    properties: { 'zookeeper.snapshot.compression.method': 'gz' },
  },
  {
    name: 'begun by the other, snappy snapshots',
    stops: [there, 'java', there, 'java'],
    ends: ['kill', 'stop', 'stop', 'kill'],
    config: { snapCount: 700 },
    properties: { 'zookeeper.snapshot.compression.method': 'snappy' },
  },
];

const OPERATIONS = 3000;
const SEED = 20_240_601;
const DEADLINE_MS = 180_000;

const properties = {
  'zookeeper.extendedTypesEnabled': 'true',
  'zookeeper.DigestAuthenticationProvider.superDigest': 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=',
  // Containers must not vanish between two looks.
  'znode.container.checkIntervalMs': 3_600_000,
};

const skip = skipWithout(
  'libzookeeper-java',
  'libslf4j-java',
  'libcurator-recipes-java',
  'default-jdk-headless',
);

describe(`data directories between Java and ${there}`, { skip }, () => {
  for (const [index, journey] of journeys.entries()) {
    it(`${journey.name}: ${journey.stops.join(' -> ')}`, async () => {
      await new Traveller(journey, SEED + index).travel();
    });
  }
});

class Traveller {
  readonly #journey: Journey;
  readonly #seed: number;
  readonly #folder = scratchFolder('directory');
  /** Where files may be: one or two of version-2. */
  readonly #places: readonly string[];
  readonly #config: Record<string, string | number>;
  /** Files seen so far: what is new after a stop was written there. */
  #seen = new Set<string>();

  constructor(journey: Journey, seed: number) {
    this.#journey = journey;
    this.#seed = seed;
    this.#config = Object.fromEntries(
      Object.entries(journey.config).map(([key, value]) => [
        key,
        typeof value === 'string' ? value.replace('FOLDER', this.#folder) : value,
      ]),
    );
    const logs = this.#config.dataLogDir;
    this.#places = [join(this.#folder, 'data', 'version-2')].concat(
      typeof logs === 'string' ? [join(logs, 'version-2')] : [],
    );
  }

  async travel(): Promise<void> {
    for (const [index, kind] of this.#journey.stops.entries()) {
      const end = this.#journey.ends[index] ?? 'stop';
      const stop = `stop ${index} (${kind}, ${end})`;
      await this.#stayAt(index, kind, end);
      if (index > 0) this.#compare(stop, this.#dump('left', index - 1), this.#dump('found', index));
      await this.#readWithJava(stop, kind);
    }
    // The last one is only looked at: what the fourth stop left must arrive, too.
    const last = this.#journey.stops.length;
    await this.#stayAt(last, this.#journey.stops[0] ?? 'java', 'stop', 0);
    this.#compare('return', this.#dump('left', last - 1), this.#dump('found', last));
  }

  #dump(which: 'found' | 'left', stop: number): string {
    return join(this.#folder, `${which}-${stop}.txt`);
  }

  async #stayAt(
    index: number,
    kind: ServerKind,
    end: 'stop' | 'kill',
    operations = OPERATIONS,
  ): Promise<void> {
    const server = await startServer({
      kind,
      folder: this.#folder,
      config: this.#config,
      properties: { ...properties, ...this.#journey.properties },
    });
    const [command, args] = await javaProgram('DirectoryHop', [
      String(server.port),
      String(this.#seed * 10 + index),
      String(operations),
      this.#dump('found', index),
      this.#dump('left', index),
      join(this.#folder, 'sessions.txt'),
    ]);
    try {
      const lines = await run(command, args, { deadlineMs: DEADLINE_MS });
      console.log(`${this.#journey.name}, stop ${index} (${kind}): ${lines.at(-1)}`);
    } catch (error) {
      throw new Error(`${String(error)}\n--- ${kind} server ---\n${server.child.tail()}`);
    } finally {
      if (end === 'kill') await server.kill();
      else await server.stop();
    }
  }

  #compare(stop: string, leftFile: string, foundFile: string): void {
    const left = readFileSync(leftFile, 'utf8').split('\n');
    const found = readFileSync(foundFile, 'utf8').split('\n');
    assert.ok(left.length > 500, `only ${left.length} lines in the dump`);
    const differences: string[] = [];
    for (let i = 0; i < Math.max(left.length, found.length) && differences.length < 5; i++) {
      if (left[i] !== found[i]) differences.push(`- ${left[i]}\n+ ${found[i]}`);
    }
    assert.equal(differences.join('\n'), '', `${stop} found another tree than was left`);
  }

  async #readWithJava(stop: string, kind: ServerKind): Promise<void> {
    const fresh: string[] = [];
    for (const place of this.#places.filter((folder) => existsSync(folder))) {
      for (const name of readdirSync(place)) {
        const file = join(place, name);
        if (!/^(snapshot|log)\./.test(name) || this.#seen.has(file)) continue;
        this.#seen.add(file);
        fresh.push(file);
      }
    }
    assert.ok(
      fresh.some((file) => file.includes('/log.')),
      `${stop}: no new log`,
    );
    if (kind !== there) return;
    const [command, args] = await javaProgram('ReadFiles', fresh, {
      'zookeeper.extendedTypesEnabled': 'true',
    });
    const lines = await run(command, args, { deadlineMs: DEADLINE_MS });
    assert.equal(lines.length, fresh.length, lines.join('\n'));
    const method = this.#journey.properties['zookeeper.snapshot.compression.method'];
    const snapshots = fresh.filter((name) => name.includes('/snapshot.'));
    if (this.#config.snapCount !== undefined)
      assert.ok(snapshots.length > 0, `${stop}: no snapshot`);
    for (const file of snapshots) {
      assert.match(
        file,
        method === undefined ? /snapshot\.[0-9a-f]+$/ : new RegExp(`\\.${method}$`),
      );
    }
  }
}
