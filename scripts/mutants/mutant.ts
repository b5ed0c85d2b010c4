/**
 * A mutant: a fault put into the built code on purpose, to see whether the simulators catch it.
 *
 * The patch is text: `find` must stand exactly once in the compiled file, else the table is out of
 * date, which is an error. `breaks` names the invariant of the specification the fault is meant to
 * break; another one may be the first to notice. `name` is the row in docs/RELIABILITY.md.
 */
import type { WorldName } from '../../test/sim/mutants/worlds.ts';

export interface Patch {
  /** From src/, without its ending: `core/zab/proposals`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant extends Patch {
  readonly name: string;
  /** Where two places keep one promise, the other has to go too. */
  readonly and?: readonly Patch[];
  readonly breaks: string;
  readonly world: WorldName;
  /** It falls within the first seeds: part of every test run. */
  readonly quick?: true;
}
