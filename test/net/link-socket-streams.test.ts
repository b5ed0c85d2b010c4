// A learner and a leader over the quorum port, each writing a long stream of bytes that the other knows: on real
// sockets of 127.0.0.1, and in a simulated network that cuts, spoils and stalls. What arrives must be the stream, whole
// and in order, whoever reads slowly; who stops writing because the link is full must go on when it is drained.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Link } from '../../src/core/zab/link.ts';
import type { NetPorts } from '../../src/net/address-dial.ts';
import { LeaderDial } from '../../src/net/leader-dial.ts';
import type { LinkSocket } from '../../src/net/link-socket.ts';
import { QuorumPort } from '../../src/net/quorum-port.ts';
import { nodeClock } from '../../src/node/node-clock.ts';
import { nodeDns } from '../../src/node/node-dns.ts';
import { makeNodeNet } from '../../src/node/node-net.ts';
import type { Clock } from '../../src/ports.ts';
import { SimClock } from '../../src/sim/sim-clock.ts';
import { SimNet, usualNet } from '../../src/sim/sim-net.ts';
import { SimProcess, usualSpeed } from '../../src/sim/sim-process.ts';
import { Prng } from '../../src/util/prng.ts';
import { info } from './quorum-port-node.ts';

const log = { log: () => undefined };
const makeLink = (remoteAddress: string): Link => new Link(remoteAddress, 1 << 20);

/** One end: writes `length` bytes, a turn at a time and while the link is not full, and checks what it reads. */
class Stream {
  readonly socket: LinkSocket<Link>;
  closed: string | undefined;
  /** How far the stream of the other end was read; an introduction comes before it. */
  read: number;
  written = 0;
  fullest = 0;
  readonly #length: number;
  readonly #clock: Clock;
  readonly #chance: Prng;
  readonly #changed: () => void;

  constructor(
    socket: LinkSocket<Link>,
    length: number,
    clock: Clock,
    chance: Prng,
    isLeader: boolean,
    changed: () => void,
  ) {
    this.socket = socket;
    this.#length = length;
    this.#clock = clock;
    this.#chance = chance;
    this.#changed = changed;
    this.read = isLeader ? -info(2).length : 0;
    socket.attach({
      received: (bytes, start, end) => this.#received(bytes, start, end),
      drained: () => this.#write(),
      closed: (reason) => {
        this.closed = reason;
        changed();
      },
    });
    if (isLeader) {
      this.#write();
    } else {
      // Until the leader answers, a learner says nothing else.
      socket.link.out.raw(info(2));
      clock.endOfTurn(() => socket.flush());
    }
  }

  get isDone(): boolean {
    return this.read === this.#length && this.written === this.#length;
  }

  #write(): void {
    const { link } = this.socket;
    const { out } = link;
    const isMuch = this.written === 0 || this.#chance.chance(0.1);
    let turn = isMuch ? 2_000_000 : 1 + this.#chance.below(50_000);
    while (this.written < this.#length && turn > 0 && !link.isFull) {
      out.byte(byteAt(this.written++));
      turn--;
    }
    this.fullest = Math.max(this.fullest, link.waiting);
    const isStopped = link.isFull || this.written === this.#length;
    this.#clock.endOfTurn(() => {
      this.socket.flush();
      // A link that is full says when it is not.
      if (!isStopped) this.#write();
      this.#changed();
    });
  }

  #received(bytes: Uint8Array, start: number, end: number): void {
    if (this.written === 0) this.#write();
    for (let at = start; at < end; at++, this.read++) {
      if (this.read >= 0 && bytes[at] !== byteAt(this.read)) assert.fail(`byte ${this.read}`);
    }
    if (this.#chance.chance(0.02)) {
      this.socket.pause();
      this.#clock.schedule(this.#chance.below(20), () => this.socket.resume());
    }
    this.#changed();
  }
}

function byteAt(at: number): number {
  return (Math.imul(at, 0x9e3779b1) >>> 24) & 0xff;
}

interface Ends {
  readonly port: QuorumPort<Link>;
  leader: Stream | undefined;
  learner: Stream | undefined;
}

/** `there` leads at `host:port`, `here` dials it. */
function connect(
  there: NetPorts,
  here: NetPorts,
  host: string,
  quorumPort: number,
  length: number,
  changed: () => void,
): Ends {
  const port = new QuorumPort<Link>(there, log, {
    addresses: [{ host, port: quorumPort }],
    listenOnAllIps: false,
    keepAlive: false,
    bindTries: 1,
    waitMs: 60_000,
    makeLink,
  });
  const ends: Ends = { port, leader: undefined, learner: undefined };
  port.lead((socket) => {
    ends.leader = new Stream(socket, length, there.clock, new Prng(1), true, changed);
  });
  port.listen((error) => {
    assert.equal(error, undefined);
    const address = { host, port: port.port ?? 0 };
    const options = { addresses: [address], timeoutMs: 60_000, keepAlive: false, makeLink };
    new LeaderDial<Link>(here, options, (socket) => {
      assert(typeof socket !== 'string', `${socket}`);
      ends.learner = new Stream(socket, length, here.clock, new Prng(2), false, changed);
    });
  });
  return ends;
}

for (const fastRead of [true, false]) {
  test(`real sockets, ${fastRead ? 'the shared read buffer' : "'data' events"}`, async () => {
    const net = makeNodeNet({ fastRead });
    const ports = { net, dns: nodeDns, clock: nodeClock };
    let look: () => void = () => undefined;
    const within = (what: string, holds: (ends: Ends) => boolean): Promise<void> =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`60 s passed without ${what}`)), 60_000);
        look = () => {
          if (!holds(ends)) return;
          clearTimeout(timer);
          resolve();
        };
        look();
      });
    const ends = connect(ports, ports, '127.0.0.1', 0, 20_000_000, () => look());
    try {
      await within('both streams', ({ leader, learner }) => {
        return leader?.isDone === true && learner?.isDone === true;
      });
      for (const end of [ends.leader, ends.learner]) {
        assert(end !== undefined && end.fullest >= 1 << 20, 'a link was full');
        assert(end.fullest < 2 << 20);
      }
      ends.learner?.socket.end();
      await within('the end', ({ leader, learner }) => {
        return leader?.closed === 'end' && learner?.closed === 'local';
      });
    } finally {
      for (const end of [ends.leader, ends.learner]) end?.socket.destroy();
      await new Promise<void>((resolve) => ends.port.close(resolve));
    }
  });
}

test('a simulated network', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const clock = new SimClock();
    const world = new SimNet(clock, new Prng(seed), usualNet, () => undefined);
    const hosts = ['leader', 'learner'].map((name) => world.addHost(name));
    const [there, here] = hosts.map((host) => {
      const process = new SimProcess(host.name, clock, new Prng(seed), usualSpeed, (now) => now);
      return { ...world.portsFor(host, process), clock: process.clock };
    });
    assert(there !== undefined && here !== undefined);
    const ends = connect(there, here, 'leader', 2888, 3_000_000, () => undefined);
    const isDone = (): boolean => ends.leader?.isDone === true && ends.learner?.isDone === true;
    assert.equal(clock.run({ until: isDone, time: 120_000 }), 'reached', `seed ${seed}`);
    for (const host of hosts) world.resetConnections(host);
    const areClosed = (): boolean =>
      ends.leader?.closed !== undefined && ends.learner?.closed !== undefined;
    clock.run({ until: areClosed, time: clock.now + 1_000 });
    assert.equal(ends.leader?.closed, 'ECONNRESET');
    assert.equal(ends.learner?.closed, 'ECONNRESET');
  }
});
