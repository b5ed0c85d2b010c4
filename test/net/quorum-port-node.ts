// A quorum port on the network in memory, as a leader's program uses it: learners handed over become `Learner`s that
// note what they hear. `info` is the packet a learner introduces itself with; `bound` is a port that is ready. The
// address is 10.0.0.1, the port 2888.
import { Link } from '../../src/core/zab/link.ts';
import { Writer } from '../../src/jute/writer.ts';
import type { LinkSocket } from '../../src/net/link-socket.ts';
import type { QuorumPortOptions } from '../../src/net/quorum-port.ts';
import { QuorumPort } from '../../src/net/quorum-port.ts';
import type { NetError } from '../../src/ports.ts';
import {
  LearnerInfo,
  PacketType,
  QuorumPacket,
  zabProtocolVersion,
} from '../../src/proto/quorum.ts';
import { concatBytes, copyBytes } from '../../src/util/bytes.ts';
import { FakeNetwork } from './election-fake-net.ts';

export const address = '10.0.0.1';
export const port = 2888;

/** FOLLOWERINFO or OBSERVERINFO of this sid. */
export function info(sid: number, type: number = PacketType.FOLLOWERINFO): Uint8Array {
  const data = new Writer();
  const learner = { serverid: BigInt(sid), protocolVersion: zabProtocolVersion, configVersion: 0n };
  LearnerInfo.write(data, learner);
  const packet = new Writer();
  QuorumPacket.write(packet, { type, zxid: 0n, data: data.copy(), authinfo: null });
  return packet.copy();
}

export class Learner {
  readonly socket: LinkSocket<Link>;
  closed: string | undefined;
  readonly #chunks: Uint8Array[] = [];

  constructor(socket: LinkSocket<Link>) {
    this.socket = socket;
    socket.attach({
      received: (bytes, start, end) => this.#chunks.push(copyBytes(bytes, start, end)),
      drained: () => undefined,
      closed: (reason) => {
        this.closed = reason;
      },
    });
  }

  get heard(): Uint8Array {
    return concatBytes(this.#chunks);
  }
}

export class PortNode {
  readonly network: FakeNetwork;
  readonly port: QuorumPort<Link>;
  readonly lines: string[] = [];
  readonly learners: Learner[] = [];
  /** What `ready` was called with. */
  readonly ready: (NetError | undefined)[] = [];

  constructor(network = new FakeNetwork(), more: Partial<QuorumPortOptions<Link>> = {}) {
    this.network = network;
    const ports = { net: network.netOf(address), dns: network.dns, clock: network.clock };
    const log = { log: (_level: string, line: string) => this.lines.push(line) };
    this.port = new QuorumPort<Link>(ports, log, {
      addresses: [{ host: address, port }],
      listenOnAllIps: false,
      keepAlive: false,
      bindTries: 3,
      waitMs: 10_000,
      makeLink: (remoteAddress) => new Link(remoteAddress, 1 << 20),
      ...more,
    });
  }

  listen(): void {
    this.port.listen((error) => this.ready.push(error));
  }

  lead(): void {
    this.port.lead((socket) => this.learners.push(new Learner(socket)));
  }
}

export function bound(more: Partial<QuorumPortOptions<Link>> = {}): PortNode {
  const node = new PortNode(new FakeNetwork(), more);
  node.listen();
  node.network.run(1);
  return node;
}
