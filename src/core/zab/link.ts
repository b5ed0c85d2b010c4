// One connection of the quorum port, as the machines see it: bytes that come are cut into packets by `stream`,
// bytes that go are written into `out`. The driver owns the socket: at the end of each turn it takes what is in
// `out`, and it keeps `backlog` at what the system has not taken yet. Invariant: nothing is written to a closed
// link.

import { Writer } from '../../jute/writer.ts';
import { PacketStream } from './packet-stream.ts';

/** A link that holds more than this takes no more of a synchronization. */
export const backlogHigh = 1 << 20;

export class Link {
  /** For log lines. */
  readonly remoteAddress: string;
  readonly stream: PacketStream;
  readonly out = new Writer(1 << 12);
  /** Bytes taken from `out` that the system has not accepted yet. */
  backlog = 0;
  isClosed = false;

  /** `lengthMax`: the longest packet data that is not senseless (jute.maxbuffer and the extra size). */
  constructor(remoteAddress: string, lengthMax: number) {
    this.remoteAddress = remoteAddress;
    this.stream = new PacketStream(lengthMax);
  }

  /** Bytes on their way to the peer. */
  get waiting(): number {
    return this.out.at + this.backlog;
  }

  get isFull(): boolean {
    return this.waiting >= backlogHigh;
  }
}
