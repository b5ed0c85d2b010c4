/**
 * The network between the servers of an ensemble: for each ordered pair a TCP proxy of the quorum
 * port and one of the election port, so that all connections between two sides can be cut.
 *
 * Every server is known by a name (s1.quoll.test). Its own hosts file leads its own name to the
 * address it binds, 127.N.0.sid, and the name of another to that pair's proxy, 127.N.from.to; the
 * ports are the same everywhere. So all configurations are one text.
 * Invariant: what was swallowed by a cut is never delivered later; healing closes what was cut.
 */
import { randomInt } from 'node:crypto';
import { DoorWatch, PairProxy } from './pair-proxy.ts';

/** silent: nothing arrives, both ends believe in the connection. refused: closed, and so are new ones. */
export type CutMode = 'silent' | 'refused';

export interface ServerPorts {
  readonly quorum: number;
  readonly election: number;
}

export class PairNetwork {
  readonly #net = randomInt(16, 250);
  readonly #sids: readonly number[];
  readonly #links = new Map<string, PairProxy[]>();
  readonly #watches: DoorWatch[] = [];

  constructor(ports: ReadonlyMap<number, ServerPorts>) {
    this.#sids = [...ports.keys()];
    for (const [to, { quorum, election }] of ports) {
      for (const port of [quorum, election]) {
        const watch = new DoorWatch(this.#address(to), port);
        this.#watches.push(watch);
        for (const from of this.#sids) {
          if (from === to) continue;
          const back = port === election ? this.#callBack(to, from, ports) : undefined;
          const proxy = new PairProxy(this.#addressSeen(from, to), watch, back);
          const key = `${from}>${to}`;
          this.#links.set(key, [...(this.#links.get(key) ?? []), proxy]);
        }
        watch.start();
      }
    }
  }

  name(sid: number): string {
    return `s${sid}.quoll.test`;
  }

  /** The lines of a server's own hosts file. */
  hosts(sid: number): string[] {
    return this.#sids.map((to) => {
      const address = to === sid ? this.#address(sid) : this.#addressSeen(sid, to);
      return `${address} ${this.name(to)}`;
    });
  }

  /** Cuts every connection between the two sides, both ways. */
  cut(left: readonly number[], right: readonly number[], mode: CutMode): void {
    for (const a of left) {
      for (const b of right) {
        for (const key of [`${a}>${b}`, `${b}>${a}`]) {
          for (const proxy of this.#links.get(key) ?? []) proxy.cut(mode);
        }
      }
    }
  }

  heal(): void {
    for (const proxies of this.#links.values()) for (const proxy of proxies) proxy.heal();
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
    for (const proxies of this.#links.values()) for (const proxy of proxies) proxy.stop();
  }

  /** The election address of `of` as `by` sees it. */
  #callBack(by: number, of: number, ports: ReadonlyMap<number, ServerPorts>): string {
    return `${this.#addressSeen(by, of)}:${ports.get(of)?.election}`;
  }

  #address(sid: number): string {
    return `127.${this.#net}.0.${sid}`;
  }

  #addressSeen(by: number, sid: number): string {
    return `127.${this.#net}.${by}.${sid}`;
  }
}
