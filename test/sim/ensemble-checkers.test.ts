// Are the checkers of ensembles awake? Servers that do one thing wrong, each in a world of its own: the run must fail,
// and say which invariant was broken. A simulator that finds nothing in these would make every green run worthless.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuorumVerifier } from '../../src/core/election/quorum-verifier.ts';
import { nodeCodec } from '../../src/node/node-codec.ts';
import { nodeHash } from '../../src/node/node-hash.ts';
import type { Clock, Files, OpenFile } from '../../src/ports.ts';
import { EnsembleServer } from '../../src/server/ensemble-server.ts';
import type { StandaloneOptions } from '../../src/server/standalone-server.ts';
import { runEnsemble } from '../../src/sim/ensemble-scenario.ts';
import type { MakeProgram } from '../../src/sim/sim-server.ts';
import { present } from '../../src/util/assert.ts';

const seedsMax = 30;

/** The invariants that seeds broke until one of the wanted ones was among them. */
function verdictOf(program: MakeProgram, wanted: readonly string[]): string[] {
  const seen = new Set<string>();
  for (let seed = 1; seed <= seedsMax; seed++) {
    const options = { seed, operations: 300, codec: nodeCodec, hash: nodeHash, program };
    for (const line of runEnsemble(options).world.violations) seen.add(line.split(' ')[0] ?? '');
    if (wanted.some((name) => seen.has(name))) break;
  }
  return wanted.filter((name) => seen.has(name));
}

/** Files with something else in place of some calls. */
function filesWith(
  files: Files,
  change: (file: OpenFile) => Partial<OpenFile>,
  changed: Partial<Files> = {},
): Files {
  return {
    open: (path, mode) => {
      const file = files.open(path, mode);
      return { ...file, ...change(file) };
    },
    status: (path) => files.status(path),
    list: (directory) => files.list(directory),
    makeDirectories: (path) => files.makeDirectories(path),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    syncDirectory: (path, done) => files.syncDirectory(path, done),
    syncDirectoryNow: (path) => files.syncDirectoryNow(path),
    lock: (directory) => files.lock(directory),
    join: (base, ...names) => files.join(base, ...names),
    ...changed,
  };
}

const soon = (clock: Clock, done: (error: undefined) => void): void => {
  clock.schedule(0, () => done(undefined));
};

test('a server that acknowledges before its log is synced', () => {
  const hasty: MakeProgram = (ports, options) => {
    const files = filesWith(ports.files, () => ({
      datasync: (done) => soon(ports.clock, done),
    }));
    return new EnsembleServer({ ...ports, files }, options);
  };
  assert.deepEqual(verdictOf(hasty, ['HI13']), ['HI13']);
});

test('a server that forgets which epochs it took part in', () => {
  const forgetful: MakeProgram = (ports, options) => {
    const files = filesWith(ports.files, () => ({}), {
      rename: (from, to) => {
        if (to.endsWith('Epoch')) ports.files.remove(from);
        else ports.files.rename(from, to);
      },
    });
    return new EnsembleServer({ ...ports, files }, options);
  };
  assert.deepEqual(verdictOf(forgetful, ['EP1']), ['EP1']);
});

test('servers that take any set for a quorum', () => {
  class Anybody extends QuorumVerifier {
    override containsQuorum(): boolean {
      return true;
    }
  }
  const lonely: MakeProgram = (ports, options) => {
    const { config } = options;
    const ensemble = present(config.ensemble, 'an ensemble');
    const verifier = new Anybody(ensemble.verifier.config);
    const changed: StandaloneOptions = {
      ...options,
      config: { ...config, ensemble: { ...ensemble, verifier } },
    };
    return new EnsembleServer(ports, changed);
  };
  assert.deepEqual(verdictOf(lonely, ['LD1']), ['LD1']);
});
