// Zab under faults, from seeds: ensembles of one to five voters and some observers, leaders come and go, servers
// crash and lose what was not synced, links break, disks and messages stall. Nothing that was committed is ever
// lost or changed (ghost.ts), and when the faults end, everybody serves the same history and a new write is
// committed.
//
// QUOLL_SIM_SEEDS says how many seeds and QUOLL_SIM_FROM the first; a failure names its own, QUOLL_SIM_SEED runs one
// of them alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playEnsemble } from './play-ensemble.ts';

const seeds = Number(process.env.QUOLL_SIM_SEEDS ?? 300);
const onlySeed = process.env.QUOLL_SIM_SEED;

interface Totals {
  proposals: number;
  acknowledged: number;
  DIFF: number;
  TRUNC: number;
  SNAP: number;
}

test(`Zab keeps its promises under faults, ${onlySeed ?? `${seeds} seeds`}`, () => {
  const totals: Totals = { proposals: 0, acknowledged: 0, DIFF: 0, TRUNC: 0, SNAP: 0 };
  const first = Number(onlySeed ?? process.env.QUOLL_SIM_FROM ?? 1);
  const count = onlySeed === undefined ? seeds : 1;
  for (let seed = first; seed < first + count; seed++) {
    const { proposals, acknowledged, syncs, trace } = playEnsemble(seed);
    if (onlySeed !== undefined) process.stdout.write(`${trace.join('\n')}\n`);
    totals.proposals += proposals;
    totals.acknowledged += acknowledged;
    totals.DIFF += syncs.DIFF;
    totals.TRUNC += syncs.TRUNC;
    totals.SNAP += syncs.SNAP;
  }
  process.stdout.write(`${JSON.stringify(totals)}\n`);
  if (count < 100) return;
  for (const [what, number] of Object.entries(totals)) assert.ok(number > 0, `no ${what}`);
});
