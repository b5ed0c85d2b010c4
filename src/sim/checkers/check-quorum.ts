// LD4: only voters count, each once and with its weight. Who is established, and who acknowledged its NEWLEADER, is
// taken from what the servers say; what a quorum is, is told here a second time, from the shape of the ensemble and not
// from the code under test. In: the voters, weights and groups; log lines as they come. Out: violations.

import type { World } from '../world.ts';

export interface QuorumShape {
  /** Sids 1 to `voters` vote. */
  readonly voters: number;
  /** Lines of zoo.cfg; those that begin with `weight.` and `group.` count. */
  readonly lines?: readonly string[];
}

const acknowledgedLine = /^currentEpoch 0x([0-9a-f]+) is on disk -> send ACK of NEWLEADER$/;
const establishedLine = /-> established in epoch 0x([0-9a-f]+)$/;

export class QuorumChecker {
  readonly #world: World;
  readonly #groups: ReadonlyMap<number, number>[];
  /** Epoch -> sids of those who have its history. */
  readonly #acknowledged = new Map<number, Set<number>>();

  constructor(world: World, shape: QuorumShape) {
    this.#world = world;
    this.#groups = groupsOf(shape);
  }

  /** For `onLog`: server `sid` says it. */
  said(sid: number, message: string): void {
    const acknowledged = acknowledgedLine.exec(message);
    if (acknowledged !== null) this.#of(acknowledged[1]).add(sid);
    const established = establishedLine.exec(message);
    if (established === null) return;
    const epoch = established[1] ?? '';
    const sids = new Set([...this.#of(epoch), sid]);
    if (this.isQuorum(sids)) return;
    this.#world.violation(
      'LD4',
      `s${sid} is established in epoch 0x${epoch} by ${[...sids]} alone`,
    );
  }

  /** More than half of the weight, in more than half of the groups that have any. */
  isQuorum(sids: ReadonlySet<number>): boolean {
    let has = 0;
    let all = 0;
    for (const group of this.#groups) {
      let weight = 0;
      let total = 0;
      for (const [sid, one] of group) {
        total += one;
        if (sids.has(sid)) weight += one;
      }
      if (total === 0) continue;
      all++;
      if (2 * weight > total) has++;
    }
    return 2 * has > all;
  }

  #of(epoch: string | undefined): Set<number> {
    const key = Number.parseInt(epoch ?? '', 16);
    let sids = this.#acknowledged.get(key);
    if (sids === undefined) {
      sids = new Set();
      this.#acknowledged.set(key, sids);
    }
    return sids;
  }
}

/** Of each group the voters with their weights; without groups all voters are one. */
function groupsOf({ voters, lines = [] }: QuorumShape): Map<number, number>[] {
  const weights = new Map<number, number>();
  const groups: number[][] = [];
  for (const line of lines) {
    const [, kind, key = '', value = ''] = /^(weight|group)\.(\d+)=(.*)$/.exec(line) ?? [];
    if (kind === 'weight') weights.set(Number(key), Number(value));
    if (kind === 'group') groups.push(value.split(':').map(Number));
  }
  if (groups.length === 0) groups.push(Array.from({ length: voters }, (_, i) => i + 1));
  return groups.map((sids) => {
    const voting = sids.filter((sid) => sid <= voters);
    return new Map(voting.map((sid) => [sid, weights.get(sid) ?? 1]));
  });
}
