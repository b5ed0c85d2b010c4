/**
 * The same steps with ensembles of three: of Java's servers, of ours, and of both. What every client was answered is
 * kept as lines.
 *
 * Inputs: keys and properties, scenes. Output: nothing, or the lines that differ. Invariant: scenes
 * say nothing that depends on who leads or on the time.
 */
import assert from 'node:assert/strict';
import type { EnsemblePlan } from './ensemble.ts';
import { Ensemble } from './ensemble.ts';
import type { EnsembleMember } from './ensemble-member.ts';
import type { ServerKind } from './server.ts';
import { subject } from './server.ts';

export interface Stage {
  readonly ensemble: Ensemble;
  readonly leader: EnsembleMember;
  readonly followers: readonly [EnsembleMember, EnsembleMember];
  /** Notes an answer. */
  readonly say: (what: string, answer: string | readonly string[]) => void;
}

export type Scene = (stage: Stage) => Promise<void>;

type Kinds = readonly [ServerKind, ServerKind, ServerKind];

/** What an ensemble answered, scene after scene. */
async function play(
  kinds: Kinds,
  plan: Partial<EnsemblePlan>,
  scenes: readonly Scene[],
): Promise<string[]> {
  const lines: string[] = [];
  const members = kinds.map((kind) => ({ kind }));
  const ensemble = await Ensemble.plan({ name: `play-${kinds.join('-')}`, members, ...plan });
  try {
    for (const member of ensemble.members) await member.start();
    for (const scene of scenes) {
      const leader = await leaderOf(ensemble);
      const [a, b] = ensemble.members.filter((member) => member !== leader);
      assert.ok(a !== undefined && b !== undefined);
      await scene({
        ...{ ensemble, leader, followers: [a, b] },
        say: (what, answer) => lines.push(`${what}: ${[answer].flat().join(' | ')}`),
      });
    }
  } catch (error) {
    throw new Error(`${String(error)}\n${lines.join('\n')}\n${await ensemble.report()}`, {
      cause: error,
    });
  } finally {
    await ensemble.close();
  }
  return lines;
}

/** The one that does not follow when the two others do: a leader may refuse to say so. */
function leaderOf(ensemble: Ensemble): Promise<EnsembleMember> {
  return ensemble.until('two followers', async () => {
    const modes = await Promise.all(ensemble.members.map((member) => member.status()));
    const others = ensemble.members.filter((_, index) => modes[index]?.mode !== 'follower');
    return others.length === 1 ? others[0] : undefined;
  });
}

/** Three servers of ours answer as three of Java's. `mixed`: so do ensembles of both. */
export async function assertSameAnswers(
  plan: Partial<EnsemblePlan>,
  scenes: readonly Scene[],
  mixed?: 'mixed',
): Promise<void> {
  const there = subject();
  const expected = await play(['java', 'java', 'java'], plan, scenes);
  const others: Kinds[] = [[there, there, there]];
  if (mixed !== undefined) others.push([there, 'java', 'java'], ['java', 'java', there]);
  for (const kinds of others) {
    assert.deepEqual(await play(kinds, plan, scenes), expected, kinds.join(', '));
  }
}

export function propertiesOf(
  all: Readonly<Record<string, string>>,
): Readonly<Record<ServerKind, Readonly<Record<string, string>>>> {
  return { java: { ...all }, quoll: { ...all } };
}
