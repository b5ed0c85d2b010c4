// Plays the texts of this folder that are of one server's machine, and compares what comes of each command with what
// stands below it. `npm test -- scenarios --rewrite` writes the texts anew: read the difference as a change of
// behaviour. Options are numbers of the machine.

import { playTexts } from '../support/play-texts.ts';
import { Scenario } from '../support/scenario.ts';

playTexts(
  (name) => !name.startsWith('ensemble-'),
  (options) => {
    const numbers = Object.entries(options).map(([key, value]) => [key, Number(value)]);
    return new Scenario(Object.fromEntries(numbers));
  },
);
