// Somebody who asks servers four-letter words, whatever else goes on there: they look at everything, in any state. In:
// how often. Out: a count of answers. What a word throws ends that server, and that is a violation like any other;
// what the answers say is compared with Java's elsewhere.

import type { ServerAddress } from '../core/client/server-list.ts';
import { encodeUtf8 } from '../jute/utf8.ts';
import type { Net } from '../ports.ts';
import { NetError } from '../ports.ts';
import type { Prng } from '../util/prng.ts';
import { Machine } from './machine.ts';
import { usualSpeed } from './sim-process.ts';
import type { World } from './world.ts';

const words =
  'conf cons crst dirs dump elog envi hash isro mntr ruok srst srvr stat wchc wchp wchs nope'.split(
    ' ',
  );

export class Monitor {
  readonly #world: World;
  readonly #machine: Machine;
  readonly #net: Net;
  readonly #chance: Prng;
  readonly #servers: readonly ServerAddress[];
  #isActive = true;

  constructor(world: World, ...servers: readonly ServerAddress[]) {
    this.#world = world;
    this.#machine = new Machine(world, 'monitor');
    const process = this.#machine.start(usualSpeed);
    this.#net = world.net.portsFor(this.#machine.host, process).net;
    this.#chance = world.fork('monitor');
    this.#servers = servers;
  }

  /** Asks now and then, on average so often. */
  start(everyMs: number): void {
    const pause = -everyMs * Math.log(1 - this.#chance.fraction());
    this.#world.clock.after(pause, () => {
      if (!this.#isActive) return;
      this.#machine.process?.post(() => this.#ask(this.#chance.pick(words)));
      this.start(everyMs);
    });
  }

  stop(): void {
    this.#isActive = false;
  }

  #ask(word: string): void {
    const server = this.#chance.pick(this.#servers);
    this.#net.dial({ ...server, timeoutMs: 1000 }, (result) => {
      if (result instanceof NetError) return undefined;
      let length = 0;
      result.write(encodeUtf8(word), () => undefined);
      return {
        received: (bytes) => {
          length += bytes.length;
        },
        closed: () => {
          this.#world.note('monitor', word, length);
          if (length > 0) this.#world.count('word answered');
        },
      };
    });
  }
}
