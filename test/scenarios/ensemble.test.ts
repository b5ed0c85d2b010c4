// Plays the texts of this folder that are of whole ensembles, in virtual time, and compares what comes of each command
// with what stands below it. `npm test -- scenarios/ensemble --rewrite` writes the texts anew: read the difference as a
// change of behaviour. Options: voters, observers, seed; anything else is a line of zoo.cfg.

import { EnsembleStory } from '../support/ensemble-story.ts';
import { playTexts } from '../support/play-texts.ts';

playTexts(
  (name) => name.startsWith('ensemble-'),
  (options) => new EnsembleStory(options),
);
