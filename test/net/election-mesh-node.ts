// One election mesh on the network in memory, with what happened to it as short lines: `+2` a link to 2 came up, `-2`
// it broke, `2 refused` a dial was refused, `2: vote` a message. Server n has the address 10.0.0.n, the name hostn and
// port 3888. `pair` and `setUp` start several; `hello` and `frame` are what a caller of the test's own says.
import assert from 'node:assert/strict';
import type { InboxItem } from '../../src/net/election-inbox.ts';
import { encodeInitialMessage } from '../../src/net/election-initial-message.ts';
import type { ElectionMeshOptions } from '../../src/net/election-mesh.ts';
import { ElectionMesh } from '../../src/net/election-mesh.ts';
import type { HostPort } from '../../src/net/host-port.ts';
import type { Sid } from '../../src/proto/sid.ts';
import { FakeNetwork } from './election-fake-net.ts';

export const port = 3888;

export class Node {
  readonly sid: Sid;
  readonly mesh: ElectionMesh;
  readonly happened: string[] = [];
  readonly lines: string[] = [];
  bindFailed: string | undefined;

  constructor(
    network: FakeNetwork,
    number: number,
    members: number,
    more: Partial<ElectionMeshOptions> = {},
  ) {
    this.sid = BigInt(number);
    const options: ElectionMeshOptions = {
      mySid: this.sid,
      addresses: [{ host: `host${number}`, port }],
      listenOnAllIps: false,
      multiAddress: false,
      connectTimeoutMs: 5_000,
      handshakeTimeoutMs: 2_000,
      bindTries: 3,
      keepAlive: false,
      refuseStrangers: false,
      addressesOf: (sid) => {
        return sid >= 1n && sid <= BigInt(members) ? [{ host: `host${sid}`, port }] : undefined;
      },
      ...more,
    };
    const ports = {
      net: network.netOf(`10.0.0.${number}`),
      dns: network.dns,
      clock: network.clock,
    };
    const log = { log: (_level: string, line: string) => this.lines.push(line) };
    this.mesh = new ElectionMesh(ports, log, options, {
      happened: (item) => this.happened.push(show(item)),
      bound: () => undefined,
      bindFailed: (code) => {
        this.bindFailed = code;
      },
    });
  }

  send(to: number, text: string): void {
    this.mesh.send(BigInt(to), new TextEncoder().encode(text));
  }

  /** What happened since the last call. */
  news(): string[] {
    return this.happened.splice(0);
  }
}

function show(item: InboxItem): string {
  switch (item.kind) {
    case 'received':
      return `${item.from}: ${new TextDecoder().decode(item.bytes)}`;
    case 'linkEstablished':
      return `+${item.sid}`;
    case 'linkBroken':
      return `-${item.sid}`;
    case 'dialRefused':
      return `${item.sid} refused`;
  }
}

export function setUp(count: number, started = count): { network: FakeNetwork; nodes: Node[] } {
  const network = new FakeNetwork();
  for (let n = 1; n <= count; n++) network.names.set(`host${n}`, [`10.0.0.${n}`]);
  const nodes = Array.from({ length: count }, (_, i) => new Node(network, i + 1, count));
  for (const node of nodes.slice(0, started)) node.mesh.start();
  network.run(1);
  return { network, nodes };
}

export function pair(): { network: FakeNetwork; one: Node; two: Node } {
  const { network, nodes } = setUp(2);
  const [one, two] = nodes;
  assert(one !== undefined && two !== undefined);
  return { network, one, two };
}

export function frame(text: string): Uint8Array {
  const bytes = new Uint8Array(4 + text.length);
  new DataView(bytes.buffer).setInt32(0, text.length);
  bytes.set(new TextEncoder().encode(text), 4);
  return bytes;
}

export function hello(sid: Sid, address: HostPort = { host: `host${sid}`, port }): Uint8Array {
  return encodeInitialMessage(sid, [address], false);
}
