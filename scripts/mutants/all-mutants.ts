/**
 * Every mutant there is, by what it hurts: a table each.
 */
import type { Mutant } from './mutant.ts';
import { requestMutants } from './request-mutants.ts';
import { storageMutants } from './storage-mutants.ts';
import { electionMutants, zabMutants } from './zab-mutants.ts';

export const allMutants: readonly Mutant[] = [
  ...electionMutants,
  ...zabMutants,
  ...storageMutants,
  ...requestMutants,
];
