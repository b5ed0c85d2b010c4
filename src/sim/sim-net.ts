// The network of a simulated world: hosts with names and addresses, links between them, and the Net and Dns ports of
// each process. In: dials, listens, writes. Out: connections that are slow, torn into pieces, refused, cut off or
// silent, as the links say. Invariant: packets of one direction of a connection keep their order, and none is lost
// while both kernels live: a cut link holds them back, as TCP's retransmission does.

import type { Dns, Listener, ListenOptions, Net, Socket, SocketHandlers } from '../ports.ts';
import { NetError } from '../ports.ts';
import type { Prng } from '../util/prng.ts';
import type { Outgoing, SocketWorld, Wire } from './outgoing.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimProcess } from './sim-process.ts';
import type { SocketHost } from './sim-socket.ts';
import { SocketEnd } from './sim-socket.ts';

export interface NetOptions {
  /** One way, in ms: the least, and the mean of what is added by chance. */
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly windowBytes: number;
  readonly pieceBytes: number;
}

export const usualNet: NetOptions = {
  latencyMs: 0.1,
  jitterMs: 0.2,
  windowBytes: 65_536,
  pieceBytes: 16_384,
};

/** When a connect request that got no answer is sent again, after the first. */
const synAgainMs = [1000, 3000, 7000, 15_000, 31_000];
const firstFreePort = 32_768;

type Accepted = (socket: Socket) => SocketHandlers | undefined;
type Dialled = (result: Socket | NetError) => SocketHandlers | undefined;

class Link implements Wire {
  isCut = false;
  readonly #net: SimNet;
  readonly #stalled = new Set<Outgoing>();

  constructor(net: SimNet) {
    this.#net = net;
  }

  latencyMs(): number {
    const { latencyMs, jitterMs } = this.#net.options;
    const { chance } = this.#net;
    // Exponential: mostly short, sometimes long.
    return latencyMs - jitterMs * Math.log(1 - chance.fraction());
  }

  stall(outgoing: Outgoing): void {
    this.#stalled.add(outgoing);
  }

  /** What waited is sent again. */
  retry(): void {
    const stalled = [...this.#stalled];
    this.#stalled.clear();
    for (const outgoing of stalled) outgoing.resent();
  }
}

interface Listening {
  readonly process: SimProcess;
  readonly accepted: Accepted;
}

/** A machine on the network. */
export class NetHost implements SocketHost {
  readonly name: string;
  readonly address: string;
  isUp = true;
  /** Nothing that comes in is answered, not even refused. */
  isDeaf = false;
  readonly listening = new Map<number, Listening>();
  readonly ends = new Set<SocketEnd>();
  readonly #heard = new Map<string, { readonly port: number; readonly at: number }>();
  #nextPort = firstFreePort;

  constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
  }

  heard(from: string, port: number, at: number): void {
    if (port >= (this.#heard.get(from)?.port ?? 0)) this.#heard.set(from, { port, at });
  }

  /**
   * When something whole last came from that address, read by now or waiting; −1: never. Only its newest connection
   * is looked at: what comes late on one that was given up is nobody's word any more.
   */
  heardFrom(address: string): number {
    let { port, at } = this.#heard.get(address) ?? { port: 0, at: -1 };
    for (const { remoteAddress, remotePort, waitsSince } of this.ends) {
      if (remoteAddress !== address || remotePort < port || waitsSince < 0) continue;
      port = remotePort;
      at = waitsSince;
    }
    return at;
  }

  closed(end: SocketEnd): void {
    this.ends.delete(end);
  }

  freePort(): number {
    return this.#nextPort++;
  }

  /** The kernel closes what a dead process had open. */
  processDied(process: SimProcess): void {
    for (const [port, { process: owner }] of [...this.listening]) {
      if (owner === process) this.listening.delete(port);
    }
    for (const end of [...this.ends]) if (end.process === process) end.processDied();
    this.#heard.clear();
  }

  /** Nobody hears of it. */
  powerOff(): void {
    this.isUp = false;
    this.listening.clear();
    for (const end of this.ends) end.vanish();
    this.ends.clear();
    this.#heard.clear();
  }
}

export class SimNet {
  options: NetOptions;
  readonly chance: Prng;
  readonly #clock: SimClock;
  readonly #sockets: SocketWorld;
  readonly #hosts = new Map<string, NetHost>();
  readonly #links = new Map<string, Link>();

  constructor(clock: SimClock, chance: Prng, options: NetOptions, trace: SocketWorld['trace']) {
    this.#clock = clock;
    this.chance = chance;
    this.options = options;
    const { windowBytes, pieceBytes } = options;
    this.#sockets = { clock, chance, windowBytes, pieceBytes, trace };
  }

  addHost(name: string): NetHost {
    const number = this.#hosts.size + 1;
    const host = new NetHost(name, `10.0.${number >> 8}.${number & 255}`);
    this.#hosts.set(name, host);
    return host;
  }

  /** The machine answers again; connections from before are unknown to it. */
  powerOn(host: NetHost): void {
    host.isUp = true;
    for (const link of this.#linksTo(host)) link.retry();
  }

  /** Packets from one host to the other are lost until `heal`. */
  cut(from: NetHost, to: NetHost): void {
    this.#link(from, to).isCut = true;
  }

  heal(from: NetHost, to: NetHost): void {
    const link = this.#link(from, to);
    if (!link.isCut) return;
    link.isCut = false;
    link.retry();
  }

  healAll(): void {
    for (const host of this.#hosts.values()) {
      host.isDeaf = false;
      for (const end of host.ends) end.outgoing.release();
    }
    for (const link of this.#links.values()) {
      link.isCut = false;
      link.retry();
    }
  }

  /** Both ends of every connection of a host are told that it is gone, as a firewall may do. */
  resetConnections(host: NetHost): void {
    for (const end of [...host.ends]) end.cutOff();
  }

  /** What a host sends on the connections it has gets through only after a while; new ones work. */
  holdConnections(host: NetHost, ms: number): void {
    for (const end of host.ends) end.outgoing.hold(ms);
  }

  portsFor(host: NetHost, process: SimProcess): { readonly net: Net; readonly dns: Dns } {
    return {
      net: {
        listen: (options, accepted, ready) => this.#listen(host, process, options, accepted, ready),
        dial: (options, ready) => this.#dial(host, process, options, ready),
      },
      dns: {
        resolve: (name, done) => {
          const found = this.#resolve(host, name);
          this.#clock.after(this.options.latencyMs, () =>
            process.post(() => done(found === undefined ? [] : [found.address])),
          );
        },
      },
    };
  }

  #listen(
    host: NetHost,
    process: SimProcess,
    { port: asked, address }: ListenOptions,
    accepted: Accepted,
    ready: (result: Listener | NetError) => void,
  ): void {
    const port = asked === 0 ? host.freePort() : asked;
    if (host.listening.has(port)) {
      process.post(() => ready(new NetError('EADDRINUSE', `${host.name}:${port} is in use`)));
      return;
    }
    const listening: Listening = { process, accepted };
    host.listening.set(port, listening);
    const listener: Listener = {
      address: address ?? host.address,
      port,
      close: (done) => {
        if (host.listening.get(port) === listening) host.listening.delete(port);
        process.post(done);
      },
    };
    process.post(() => ready(listener));
  }

  #dial(
    from: NetHost,
    process: SimProcess,
    options: { readonly host: string; readonly port: number; readonly timeoutMs: number },
    ready: Dialled,
  ): void {
    const attempt = new Dial(process, ready);
    const to = this.#resolve(from, options.host);
    if (to === undefined) {
      attempt.fail('ENOTFOUND', `no address known for ${options.host}`);
      return;
    }
    const { host, port, timeoutMs } = options;
    this.#clock.after(timeoutMs, () => {
      attempt.fail('ETIMEDOUT', `no answer from ${host}:${port} in ${timeoutMs} ms`);
    });
    this.#syn(attempt, from, to, port, 0);
  }

  #syn(attempt: Dial, from: NetHost, to: NetHost, port: number, tries: number): void {
    const there = this.#link(from, to);
    const back = this.#link(to, from);
    const start = attempt.process.isAlive ? attempt.process.time : this.#clock.now;
    this.#clock.at(start + there.latencyMs(), () => {
      if (attempt.isOver) return;
      if (there.isCut || back.isCut || !to.isUp || to.isDeaf) {
        const again = synAgainMs[tries];
        if (again === undefined) return;
        this.#clock.after(again, () => {
          if (!attempt.isOver) this.#syn(attempt, from, to, port, tries + 1);
        });
        return;
      }
      const listening = to.listening.get(port);
      if (listening === undefined) {
        this.#clock.after(back.latencyMs(), () =>
          attempt.fail('ECONNREFUSED', `${to.name}:${port} refused`),
        );
        return;
      }
      this.#connect(attempt, from, to, port, listening);
    });
  }

  #connect(attempt: Dial, from: NetHost, to: NetHost, port: number, listening: Listening): void {
    const there = this.#link(from, to);
    const back = this.#link(to, from);
    const localPort = from.freePort();
    const near = new SocketEnd(this.#sockets, there, from, attempt.process, {
      localAddress: from.address,
      localPort,
      remoteAddress: to.address,
      remotePort: port,
    });
    const far = new SocketEnd(this.#sockets, back, to, listening.process, {
      localAddress: to.address,
      localPort: port,
      remoteAddress: from.address,
      remotePort: localPort,
    });
    near.join(far);
    far.join(near);
    to.ends.add(far);
    from.ends.add(near);
    this.#clock.after(back.latencyMs(), () => {
      if (!attempt.succeed(near)) {
        near.destroy();
        return;
      }
      this.#clock.after(there.latencyMs(), () => {
        listening.process.post(() => {
          this.#sockets.trace(to.name, 'accepted', port, localPort);
          far.start(listening.accepted(far));
        });
      });
    });
  }

  #resolve(from: NetHost, name: string): NetHost | undefined {
    if (name === 'localhost' || name === '127.0.0.1') return from;
    const byName = this.#hosts.get(name);
    if (byName !== undefined) return byName;
    return [...this.#hosts.values()].find(({ address }) => address === name);
  }

  #link(from: NetHost, to: NetHost): Link {
    const key = `${from.name}>${to.name}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new Link(this);
      this.#links.set(key, link);
    }
    return link;
  }

  *#linksTo(host: NetHost): Generator<Link> {
    for (const [key, link] of this.#links) if (key.endsWith(`>${host.name}`)) yield link;
  }
}

/** One attempt to connect: answered once. */
class Dial {
  readonly process: SimProcess;
  isOver = false;
  readonly #ready: Dialled;

  constructor(process: SimProcess, ready: Dialled) {
    this.process = process;
    this.#ready = ready;
  }

  fail(code: string, message: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.process.post(() => this.#ready(new NetError(code, message)));
  }

  /** False: nobody waits any more. */
  succeed(end: SocketEnd): boolean {
    if (this.isOver || !this.process.isAlive) return false;
    this.isOver = true;
    this.process.post(() => end.start(this.#ready(end)));
    return true;
  }
}
