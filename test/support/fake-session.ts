/**
 * A client with a session on a FakeServer: asks one thing at a time, or many at once. Outputs:
 * replies as header and body, events kept apart. Invariant: a session that is still open has
 * answered everything it was asked, in order, when `ask` returns.
 */
import assert from 'node:assert/strict';
import type { Reader } from '../../src/jute/reader.ts';
import type { Writer } from '../../src/jute/writer.ts';
import { WatcherEvent, Xid } from '../../src/proto/client.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import type { FakeClient, FakeServer } from './fake-server.ts';
import type { Connected, ConnectOptions, RawReply } from './raw-client.ts';
import { connectPayload, readConnected, readReply, requestPayload } from './raw-client.ts';

export type Body = Uint8Array | ((out: Writer) => void);

export class FakeSession {
  readonly server: FakeServer;
  readonly client: FakeClient;
  readonly connected: Connected;
  readonly events: WatcherEvent[] = [];
  #xid = 1;

  constructor(server: FakeServer, options: ConnectOptions = {}, auth?: string) {
    this.server = server;
    this.client = server.connect();
    this.client.sendFrame(connectPayload(options));
    server.run();
    const [frame] = this.client.take();
    assert.ok(frame !== undefined, 'a connect response');
    this.connected = readConnected(frame);
    if (auth === undefined) return;
    const reply = this.ask(OpCode.auth, (out) => {
      out.int(0);
      out.ustring('digest');
      out.buffer(Buffer.from(auth));
    });
    assert.equal(reply?.err, 0, 'authenticated');
  }

  get isOpen(): boolean {
    return this.client.end === 'open';
  }

  /** The reply; undefined when the connection ended without one. */
  ask(type: number, body?: Body): RawReply | undefined {
    return this.askAll([body === undefined ? [type] : [type, body]])[0];
  }

  /** The error code alone. */
  err(type: number, body?: Body): number | undefined {
    return this.ask(type, body)?.err;
  }

  /** All in one chunk; the replies in the order they came. */
  askAll(requests: ReadonlyArray<readonly [type: number, body?: Body]>): RawReply[] {
    const payloads = requests.map(([type, body]) => requestPayload(this.#xid++, type, body));
    const chunk = new Uint8Array(payloads.reduce((sum, { length }) => sum + 4 + length, 0));
    let at = 0;
    for (const payload of payloads) {
      new DataView(chunk.buffer).setInt32(at, payload.length);
      chunk.set(payload, at + 4);
      at += 4 + payload.length;
    }
    this.client.send(chunk);
    this.server.run();
    return this.replies();
  }

  /** What came and was not taken. */
  replies(): RawReply[] {
    const replies: RawReply[] = [];
    for (const frame of this.client.take()) {
      const reply = readReply(frame);
      if (reply.xid === Xid.NOTIFICATION) this.events.push(WatcherEvent.read(reply.body));
      else replies.push(reply);
    }
    return replies;
  }
}

/** A create of a persistent node that is open to all. */
export function createBody(path: string | null, data: Uint8Array | null, flags = 0): Body {
  return (out) => {
    out.ustring(path);
    out.buffer(data);
    writeOpenAcl(out);
    out.int(flags);
  };
}

export function writeOpenAcl(out: Writer): void {
  out.int(1);
  out.int(31);
  out.ustring('world');
  out.ustring('anyone');
}

/** A body read to its end by `read`. */
export function whole<T>(reply: RawReply | undefined, read: (reader: Reader) => T): T {
  assert.ok(reply !== undefined);
  const value = read(reply.body);
  assert.equal(reply.body.remaining, 0);
  return value;
}
