/**
 * Drawing lots: all of a list in a random order.
 *
 * Input: a list and chance with a seed. Output: a new list; the same seed gives the same order.
 */
import type { Seeded } from '../interop/harness/seeded.ts';

export function drawn<T>(items: readonly T[], random: Seeded): T[] {
  const rest = [...items];
  const order: T[] = [];
  while (rest.length > 0) order.push(...rest.splice(random.below(rest.length), 1));
  return order;
}
