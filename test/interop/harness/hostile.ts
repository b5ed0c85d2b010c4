/**
 * What a stranger may say to the quorum and election ports of a server, as bytes.
 *
 * Each says something, waits for the other side to hang up, or to say something, or for a moment to
 * pass in silence, and is gone; some stay connected and silent. They are made with the project's
 * own encoders and then spoiled, so that they come as far into the server as they can.
 */
import { connect } from 'node:net';
import { encodeUtf8 } from '../../../src/jute/utf8.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { encodeInitialMessage } from '../../../src/net/election-initial-message.ts';
import { encodeNotification } from '../../../src/proto/notification.ts';
import { PacketType, QuorumPacket } from '../../../src/proto/quorum.ts';

export interface Stranger {
  readonly name: string;
  readonly port: 'quorum' | 'election';
  /** `target`: whom it speaks to; `other`: another server, which works. */
  readonly says: (target: number, other: number) => Uint8Array;
}

const unknownSid = 77n;
const hugeEpoch = 0x7fffffffn;
const address = [{ host: '127.0.0.1', port: 1 }];

function intro(sid: bigint): Uint8Array {
  return encodeInitialMessage(sid, address, false);
}

/** As it travels: with its length before it. */
function notification(leader: bigint, epoch: bigint, config: string): Uint8Array {
  const body = encodeNotification(
    { leader, zxid: (epoch << 32n) | 9n, electionEpoch: epoch, peerEpoch: epoch },
    'LOOKING',
    encodeUtf8(config),
  );
  return framed(body);
}

function framed(body: Uint8Array, length = body.length): Uint8Array {
  const out = new Writer();
  out.int(length);
  return concat(out.copy(), body);
}

function packet(type: number, zxid: bigint, data: Uint8Array | null): Uint8Array {
  const out = new Writer();
  QuorumPacket.write(out, { type, zxid, data, authinfo: null });
  return out.copy();
}

function learnerInfo(sid: bigint): Uint8Array {
  const out = new Writer();
  out.long(sid);
  out.int(0x10000);
  out.long(0n);
  return out.copy();
}

function int(value: number): Uint8Array {
  const out = new Writer();
  out.int(value);
  return out.copy();
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 167 + (i >> 3) * 31 + 13) & 0xff);
}

const followerInfo = (sid: bigint, epoch: bigint): Uint8Array =>
  packet(PacketType.FOLLOWERINFO, epoch << 32n, learnerInfo(sid));

export const strangers: readonly Stranger[] = [
  ...(['quorum', 'election'] as const).flatMap((port): Stranger[] => [
    { name: 'says nothing', port, says: () => new Uint8Array(0) },
    { name: 'speaks HTTP', port, says: () => encodeUtf8('GET / HTTP/1.1\r\nHost: x\r\n\r\n') },
    { name: 'sends noise', port, says: () => noise(300) },
    { name: 'sends much noise', port, says: () => noise(1 << 20) },
    { name: 'sends zeros', port, says: () => new Uint8Array(4096) },
    { name: 'sends ones', port, says: () => new Uint8Array(4096).fill(0xff) },
  ]),
  { name: 'stops in its introduction', port: 'election', says: () => intro(1n).subarray(0, 11) },
  {
    name: 'introduces itself with an endless address',
    port: 'election',
    says: () => concat(intro(unknownSid).subarray(0, 16), int(0x7fffffff), noise(64)),
  },
  {
    name: 'introduces itself with a negative length',
    port: 'election',
    says: () => concat(intro(unknownSid).subarray(0, 16), int(-1), noise(64)),
  },
  { name: 'has an unknown sid', port: 'election', says: () => intro(unknownSid) },
  { name: 'has the sid of its target', port: 'election', says: (target) => intro(BigInt(target)) },
  {
    name: 'has the sid of a server that works, and goes silent',
    port: 'election',
    says: (_, other) => intro(BigInt(other)),
  },
  {
    name: 'has the sid of a server that works, and wants to lead in a huge epoch',
    port: 'election',
    says: (_, other) =>
      concat(intro(BigInt(other)), notification(BigInt(other), hugeEpoch, 'version=0')),
  },
  {
    name: 'has an unknown sid, and a configuration of its own',
    port: 'election',
    says: () =>
      concat(
        intro(unknownSid),
        notification(
          unknownSid,
          hugeEpoch,
          `server.${unknownSid}=127.0.0.1:1:2:participant\nversion=7fffffff`,
        ),
      ),
  },
  {
    name: 'has the sid of a server that works, and sends garbage as a notification',
    port: 'election',
    says: (_, other) => concat(intro(BigInt(other)), framed(noise(60)), framed(noise(3))),
  },
  {
    name: 'has the sid of a server that works, and announces an endless message',
    port: 'election',
    says: (_, other) => concat(intro(BigInt(other)), framed(noise(64), 0x7fffffff)),
  },
  {
    name: 'is a follower with an unknown sid in a huge epoch',
    port: 'quorum',
    says: () => followerInfo(unknownSid, hugeEpoch),
  },
  {
    name: 'is a follower with the sid of one that works',
    port: 'quorum',
    says: (_, other) => followerInfo(BigInt(other), 0n),
  },
  {
    name: 'is a follower with the sid of one that works, and has more than the leader',
    port: 'quorum',
    says: (_, other) =>
      concat(
        followerInfo(BigInt(other), 0n),
        packet(PacketType.ACKEPOCH, (hugeEpoch << 32n) | 5n, int(0x7fffffff)),
      ),
  },
  {
    name: 'announces an endless packet',
    port: 'quorum',
    says: () => concat(packet(PacketType.FOLLOWERINFO, 0n, null).subarray(0, 12), int(0x7fffffff)),
  },
  {
    name: 'begins with an ACK',
    port: 'quorum',
    says: () => packet(PacketType.ACK, 0x100000001n, null),
  },
  {
    name: 'is an observer that never answers',
    port: 'quorum',
    says: () => packet(PacketType.OBSERVERINFO, 0n, learnerInfo(unknownSid)),
  },
];

/** One stranger's connection. */
export class Visit {
  readonly #socket: ReturnType<typeof connect>;
  /** When the other side hung up, answered, or neither for a while. */
  readonly heard: Promise<'closed' | 'answered' | 'silence'>;

  constructor(host: string, port: number, bytes: Uint8Array, patienceMs: number) {
    this.#socket = connect({ host, port });
    this.heard = new Promise((resolve) => {
      this.#socket.on('error', () => {}); // refused or reset: 'close' follows
      this.#socket.on('close', () => resolve('closed'));
      this.#socket.on('data', () => resolve('answered'));
      this.#socket.setTimeout(patienceMs, () => resolve('silence'));
    });
    if (bytes.length > 0) this.#socket.write(bytes);
  }

  leave(): void {
    this.#socket.destroy();
  }
}
