/**
 * A part of the shapes goes through every accident once, in an order drawn by lot, under load: what was
 * acknowledged is there and all servers end in the same state. `npm run test:chaos` goes on for longer.
 *
 * The parts are files of their own because each file has a time limit. QUOLL_INTEROP_SEED gives another
 * seed; QUOLL_INTEROP_SUBJECT=java asks the same of Java servers.
 */
import { describe, it } from 'node:test';
import { skipWithout } from '../interop/harness/debian.ts';
import { Seeded } from '../interop/harness/seeded.ts';
import { subject } from '../interop/harness/server.ts';
import { accidents, Chaos } from './chaos.ts';
import { drawn } from './draw.ts';
import { shapes } from './shape.ts';

/** Declares a test for each shape with so many voters. */
export function chaosSuite(voters: number): void {
  const kind = subject();
  const skip = kind === 'java' ? skipWithout('libzookeeper-java', 'libslf4j-java') : false;
  describe(`chaos among ${kind} servers, ${voters} voters`, { skip }, () => {
    for (const shape of shapes.filter((one) => one.voters === voters)) {
      it(shape.name, async (t) => {
        const random = new Seeded(`chaos, ${shape.name}`);
        t.diagnostic(`seed ${random.seed}`);
        const say = (line: string): void => t.diagnostic(line);
        await Chaos.run({ shape, kinds: [kind], random, say }, drawn(accidents, random));
      });
    }
  });
}
