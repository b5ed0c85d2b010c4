// Which epoch a leader proposes (Leader.getEpochToPropose): one above everything that was accepted by anybody who may
// have a say. In: accepted epochs as learners show up. Out: the epoch, once the quorum is there.
//
// Every member's counts, an observer's too: who has accepted a later epoch cannot join. Different from Java on
// purpose: a server outside the configuration raises the epoch by a little only, so that a stranger cannot use the
// epochs up.

import type { Sid } from '../../proto/sid.ts';
import type { QuorumVerifier } from '../election/quorum-verifier.ts';

/** Epochs are signed in LEADERINFO's readers. */
export const epochMax = 0x7fffffff;
/** No honest server's epoch is so far above the others': a stranger's is not believed, and nobody gets a new term. */
export const epochLeapMax = 1 << 20;
const strangersMax = 100;

export class EpochProposal {
  readonly #members: ReadonlySet<Sid>;
  #highest: number;
  readonly #strangers: number[] = [];

  constructor(ownAcceptedEpoch: number, verifiers: readonly QuorumVerifier[]) {
    this.#highest = ownAcceptedEpoch;
    this.#members = new Set(verifiers.flatMap(({ config }) => [...config.members.keys()]));
  }

  isMember(sid: Sid): boolean {
    return this.#members.has(sid);
  }

  hear(sid: Sid, acceptedEpoch: number): void {
    if (this.isMember(sid)) this.#highest = Math.max(this.#highest, acceptedEpoch);
    else if (this.#strangers.length < strangersMax) this.#strangers.push(acceptedEpoch);
  }

  /** Above `epochMax`: the epochs are used up. */
  get epoch(): number {
    const believed = this.#strangers.filter((epoch) => epoch <= this.#highest + epochLeapMax);
    return Math.max(this.#highest, ...believed) + 1;
  }
}
