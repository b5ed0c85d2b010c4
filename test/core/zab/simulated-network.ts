// The connections of a simulated ensemble: ordered bytes that take their time, arrive in pieces cut anywhere, stop
// when the receiver pauses, and break. Everything a learner sends is looked at as it leaves.
//
// Bytes are handed over in a buffer that is overwritten right after the step, as a driver's would be.

import { Link } from '../../../src/core/zab/link.ts';
import { PacketStream } from '../../../src/core/zab/packet-stream.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import { copyBytes } from '../../../src/util/bytes.ts';
import type { SimulatedEnsemble } from './simulated-ensemble.ts';

/** One direction. */
interface Pipe {
  readonly from: Link;
  readonly to: Link;
  readonly chunks: Uint8Array[];
  isMoving: boolean;
  isPaused: boolean;
}

export interface Wire {
  readonly learner: Sid;
  readonly leader: Sid;
  /** The learner's end. */
  readonly link: Link;
  /** The leader's end. */
  readonly remote: Link;
  readonly up: Pipe;
  readonly down: Pipe;
  /** Reads what the learner sends. */
  readonly tap: PacketStream;
  isConnected: boolean;
  isBroken: boolean;
}

const lengthMax = 1 << 20;

export class SimulatedNetwork {
  readonly #world: SimulatedEnsemble;
  readonly #wires = new Map<Link, Wire>();
  readonly #open = new Set<Wire>();
  /** While one is full it takes nothing more of a synchronization. */
  readonly #narrow = 1 << 20;

  constructor(world: SimulatedEnsemble) {
    this.#world = world;
  }

  wireOf(link: Link): Wire | undefined {
    return this.#wires.get(link);
  }

  get wires(): Wire[] {
    return [...this.#open];
  }

  dial(learner: Sid, leader: Sid): Wire {
    const link = new Link(`leader ${leader}`, lengthMax);
    const remote = new Link(`learner ${learner}`, lengthMax);
    const pipe = (from: Link, to: Link): Pipe => {
      return { from, to, chunks: [], isMoving: false, isPaused: false };
    };
    const wire: Wire = {
      ...{ learner, leader, link, remote, up: pipe(link, remote), down: pipe(remote, link) },
      ...{ tap: new PacketStream(lengthMax), isConnected: false, isBroken: false },
    };
    this.#wires.set(link, wire).set(remote, wire);
    this.#open.add(wire);
    this.#world.after(this.#world.delay(10), () => this.#connect(wire));
    return wire;
  }

  #connect(wire: Wire): void {
    if (wire.isBroken) return;
    const world = this.#world;
    const leader = world.server(wire.leader);
    if (leader.role === undefined || leader.leader !== undefined) {
      this.break(wire, 'refused');
      return;
    }
    wire.isConnected = true;
    world.stepLeader(leader, { kind: 'connected', link: wire.remote });
    world.stepLearner(world.server(wire.learner), { kind: 'connected' });
  }

  /** One end closes. */
  close(link: Link): void {
    const wire = this.#wires.get(link);
    if (wire !== undefined) this.break(wire, 'closed');
  }

  /** Both ends learn of it, each in its time; what is under way may still arrive. */
  break(wire: Wire, reason: string): void {
    if (wire.isBroken) return;
    wire.isBroken = true;
    this.#open.delete(wire);
    const world = this.#world;
    world.after(world.delay(30), () => {
      this.#wires.delete(wire.link);
      wire.down.chunks.length = 0;
      const learner = world.server(wire.learner);
      if (learner.role !== undefined && 'link' in learner.role && learner.role.link === wire.link) {
        world.stepLearner(learner, { kind: 'disconnected', reason });
      }
    });
    world.after(world.delay(30), () => {
      this.#wires.delete(wire.remote);
      wire.up.chunks.length = 0;
      const leader = world.server(wire.leader);
      world.stepLeader(leader, { kind: 'disconnected', link: wire.remote, reason });
    });
  }

  /** Every connection of a server. */
  cut(sid: Sid): void {
    for (const wire of this.wires) {
      if (wire.learner === sid || wire.leader === sid) this.break(wire, 'reset');
    }
  }

  pause(link: Link, isPaused: boolean): void {
    const pipe = this.#wires.get(link)?.down;
    if (pipe === undefined) return;
    pipe.isPaused = isPaused;
    this.#move(pipe);
  }

  /** The end of a turn: takes what the machines have written. */
  flush(): void {
    for (const wire of this.#open) {
      for (const pipe of [wire.up, wire.down]) {
        const { out } = pipe.from;
        if (out.at === 0) continue;
        const bytes = out.copy();
        out.clear();
        if (pipe === wire.up) this.#look(wire, bytes);
        for (let at = 0; at < bytes.length; ) {
          const length = Math.min(bytes.length - at, 1 + this.#world.random.below(600));
          pipe.chunks.push(copyBytes(bytes, at, at + length));
          at += length;
        }
        pipe.from.backlog = this.#narrow;
        this.#move(pipe);
      }
    }
  }

  #look(wire: Wire, bytes: Uint8Array): void {
    const { tap } = wire;
    tap.push(bytes);
    while (tap.next()) {
      const { type, zxid, dataStart, dataEnd } = tap.view;
      this.#world.sent(wire, type, zxid, copyBytes(tap.bytes, dataStart, dataEnd));
    }
    tap.settle();
  }

  #move(pipe: Pipe): void {
    if (pipe.isMoving || pipe.isPaused || pipe.chunks.length === 0) return;
    pipe.isMoving = true;
    const world = this.#world;
    world.after(world.delay(6), () => {
      pipe.isMoving = false;
      if (pipe.isPaused) return;
      const count = 1 + world.random.below(pipe.chunks.length);
      for (const chunk of pipe.chunks.splice(0, count)) this.#arrive(pipe, chunk);
      if (pipe.chunks.length === 0) this.#drained(pipe);
      this.#move(pipe);
    });
  }

  #arrive(pipe: Pipe, chunk: Uint8Array): void {
    const world = this.#world;
    const wire = this.#wires.get(pipe.to);
    if (wire === undefined) return;
    const [start, end] = [3, 3 + chunk.length];
    const bytes = new Uint8Array(end + 2);
    bytes.set(chunk, start);
    if (pipe === wire.up) {
      const leader = world.server(wire.leader);
      world.stepLeader(leader, { kind: 'received', link: wire.remote, bytes, start, end });
    } else {
      const learner = world.server(wire.learner);
      const { role } = learner;
      if (role !== undefined && 'link' in role && role.link === wire.link) {
        world.stepLearner(learner, { kind: 'received', bytes, start, end });
      }
    }
    bytes.fill(0xee);
  }

  #drained(pipe: Pipe): void {
    const world = this.#world;
    const wire = this.#wires.get(pipe.from);
    pipe.from.backlog = 0;
    if (wire === undefined || pipe !== wire.down) return;
    world.stepLeader(world.server(wire.leader), { kind: 'drained', link: wire.remote });
  }
}
