// Recorded connections between a Java leader and a Java learner (test/fixtures/zab), as packets in the order they
// were seen. In: the fixture. Out: for each session its packets, each with its bytes, and a SNAP with the body that
// follows it. What a chunk leaves open is continued by the next one of the same side.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { snapSignature } from '../../../src/core/zab/learner-feed.ts';
import { PacketStream } from '../../../src/core/zab/packet-stream.ts';
import { Writer } from '../../../src/jute/writer.ts';
import type { Id } from '../../../src/proto/data.ts';
import { packetName } from '../../../src/proto/packets.ts';
import { PacketType } from '../../../src/proto/quorum.ts';
import type { Sid } from '../../../src/proto/sid.ts';
import type { Zxid } from '../../../src/proto/zxid.ts';
import { concatBytes, copyBytes } from '../../../src/util/bytes.ts';
import { projectFile } from '../../support/project-file.ts';

export interface RecordedPacket {
  readonly from: 'leader' | 'learner';
  readonly name: string;
  readonly type: number;
  readonly zxid: Zxid;
  readonly data: Uint8Array | undefined;
  readonly authinfo: readonly Id[] | undefined;
  /** As on the wire; of a SNAP the packet alone. */
  readonly bytes: Uint8Array;
  /** Of a SNAP: what stands between it and the signature. */
  readonly body: Uint8Array;
}

export interface Recording {
  readonly name: string;
  readonly learner: Sid;
  readonly leader: Sid;
  /** Each side's bytes, whole. */
  readonly streams: Readonly<Record<'leader' | 'learner', Uint8Array>>;
  readonly packets: readonly RecordedPacket[];
}

type Chunk = readonly [from: 'leader' | 'learner', bytes: Uint8Array];

const none = new Uint8Array(0);
const signature = new Writer();
signature.ustring(snapSignature);

/** The fixture's `server.N` lines and sessions. */
export function readRecordings(): { config: string; recordings: Map<string, Recording> } {
  const text = readFileSync(projectFile('test/fixtures/zab/java-3.8.0.txt'), 'utf8');
  const config: string[] = [];
  const recordings = new Map<string, Recording>();
  for (const block of text.split(/^session /m)) {
    const [head = '', ...lines] = block.split('\n');
    const match = /^(\w+): learner (\d+), leader (\d+)$/.exec(head);
    if (match === null) {
      config.push(
        ...lines.filter((line) => line.startsWith('config ')).map((line) => line.substring(7)),
      );
      continue;
    }
    const [, name = '', learner = '', leader = ''] = match;
    const chunks = lines.filter((line) => line !== '').map(chunkOf);
    const of = (side: string): Uint8Array => {
      return concatBytes(chunks.filter(([from]) => from === side).map(([, bytes]) => bytes));
    };
    recordings.set(name, {
      ...{ name, learner: BigInt(learner), leader: BigInt(leader), packets: packetsOf(chunks) },
      streams: { leader: of('leader'), learner: of('learner') },
    });
  }
  return { config: config.join('\n'), recordings };
}

function chunkOf(line: string): Chunk {
  const [from, hex = ''] = line.split(' ');
  assert.ok(from === 'leader' || from === 'learner');
  return [from, new Uint8Array(Buffer.from(hex, 'hex'))];
}

function packetsOf(chunks: readonly Chunk[]): RecordedPacket[] {
  const packets: RecordedPacket[] = [];
  const streams = { leader: new PacketStream(1 << 20), learner: new PacketStream(1 << 20) };
  for (const [from, bytes] of chunks) {
    const stream = streams[from];
    stream.push(bytes);
    let before = copyBytes(stream.rest());
    while (stream.next()) {
      const { type, zxid, hasData, dataStart, dataEnd, authinfo } = stream.view;
      const length = before.length - stream.rest().length;
      let body: Uint8Array = none;
      if (type === PacketType.SNAP) {
        body = bodyOf(stream.rest());
        stream.skip(body.length);
        assert.ok(stream.nextString(snapSignature));
      }
      packets.push({
        ...{ from, name: packetName(type), type, zxid, authinfo, body },
        data: hasData ? copyBytes(stream.bytes, dataStart, dataEnd) : undefined,
        bytes: copyBytes(before, 0, length),
      });
      before = copyBytes(stream.rest());
    }
    stream.settle();
  }
  for (const stream of Object.values(streams)) assert.equal(stream.rest().length, 0, 'all read');
  return packets;
}

/** The recordings have each body and its signature in one chunk. */
function bodyOf(rest: Uint8Array): Uint8Array {
  const end = Buffer.from(rest).indexOf(signature.copy());
  assert.ok(end >= 0);
  return copyBytes(rest, 0, end);
}

/** A packet for a comparison that shows what differs. */
export function inWords({ name, zxid, bytes }: RecordedPacket): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${name} 0x${BigInt.asUintN(64, zxid).toString(16)} ${hex}`;
}

/** The packets in `bytes`, in words; the body of a SNAP among them has `bodyLength` bytes. */
export function framesOf(bytes: Uint8Array, bodyLength = 0): string[] {
  const stream = new PacketStream(1 << 20);
  const words: string[] = [];
  stream.push(bytes);
  let at = 0;
  while (stream.next()) {
    const { type, zxid } = stream.view;
    const end = bytes.length - stream.rest().length;
    const hex = Buffer.from(bytes.subarray(at, end)).toString('hex');
    words.push(`${packetName(type)} 0x${BigInt.asUintN(64, zxid).toString(16)} ${hex}`);
    if (type === PacketType.SNAP) {
      stream.skip(bodyLength);
      assert.ok(stream.nextString(snapSignature));
    }
    at = bytes.length - stream.rest().length;
  }
  assert.equal(stream.rest().length, 0);
  return words;
}
