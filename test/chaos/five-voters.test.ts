/**
 * Chaos among five voters, with and without observers and weights.
 *
 * What happens and what is checked: chaos-suite.ts.
 */
import { chaosSuite } from './chaos-suite.ts';

chaosSuite(5);
