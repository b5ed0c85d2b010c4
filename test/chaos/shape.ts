/**
 * The shapes of ensembles that chaos runs on: how many voters and observers, in which groups and
 * with which weights; and the question whether some of them are enough.
 *
 * The answer is worked out here once more, apart from the server's own code, so that a server that
 * miscounts is noticed: it works without a quorum, or does not work with one.
 */
import type { MemberPlan } from '../interop/harness/ensemble-member.ts';
import type { ServerKind } from '../interop/harness/server.ts';

export interface Shape {
  readonly name: string;
  readonly voters: number;
  readonly observers: number;
  /** Sids of each group; none: every voter counts the same. */
  readonly groups: readonly (readonly number[])[];
  /** Sid to weight, 1 where nothing is said. */
  readonly weights: Readonly<Record<number, number>>;
}

const plain = { observers: 0, groups: [], weights: {} };

export const shapes: readonly Shape[] = [
  { ...plain, name: 'three', voters: 3 },
  { ...plain, name: 'three and an observer', voters: 3, observers: 1 },
  { ...plain, name: 'five', voters: 5 },
  {
    ...plain,
    name: 'five, two of them without weight',
    voters: 5,
    groups: [[1, 2, 3, 4, 5]],
    weights: { 4: 0, 5: 0 },
  },
  { ...plain, name: 'five and two observers', voters: 5, observers: 2 },
  { ...plain, name: 'seven', voters: 7 },
  {
    name: 'seven in three groups, with an observer',
    voters: 7,
    observers: 1,
    groups: [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8],
    ],
    weights: { 8: 0 },
  },
];

/** All of one kind, or of two in turn. */
export function membersOf(shape: Shape, kinds: readonly ServerKind[]): MemberPlan[] {
  return Array.from({ length: shape.voters + shape.observers }, (_, index) => ({
    kind: kinds[index % kinds.length] ?? 'quoll',
    role: index < shape.voters ? 'participant' : 'observer',
  }));
}

/** The `group.N` and `weight.N` lines of the configuration. */
export function linesOf({ groups, weights }: Shape): string[] {
  return [
    ...groups.map((sids, index) => `group.${index + 1}=${sids.join(':')}`),
    ...Object.entries(weights).map(([sid, weight]) => `weight.${sid}=${weight}`),
  ];
}

/** More than half of the voters; or, with groups, of the weight in more than half of the groups that have any. */
export function isQuorum(shape: Shape, up: ReadonlySet<number>): boolean {
  const { voters, groups, weights } = shape;
  const weigh = (sids: readonly number[]): number =>
    sids.reduce((sum, sid) => sum + (sid > voters ? 0 : (weights[sid] ?? 1)), 0);
  if (groups.length === 0) {
    return [...up].filter((sid) => sid <= voters).length * 2 > voters;
  }
  const counted = groups.filter((sids) => weigh(sids) > 0);
  const won = counted.filter((sids) => weigh(sids.filter((sid) => up.has(sid))) * 2 > weigh(sids));
  return won.length * 2 > counted.length;
}
