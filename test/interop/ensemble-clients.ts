/**
 * A raw client of one server of an ensemble whose every answer becomes a line of text, so that what two ensembles
 * answered to the same steps can be compared.
 *
 * Inputs: a server's port, requests. Outputs: lines without what differs between any two runs: session ids, passwords,
 * zxids, times. Invariant: `ask` waits for the reply to what it asked, or for the end of the connection.
 */
import type { Reader } from '../../src/jute/reader.ts';
import { WatcherEvent, Xid } from '../../src/proto/client.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import type { Body } from '../support/fake-session.ts';
import { createBody } from '../support/fake-session.ts';
import type { Connected, ConnectOptions } from '../support/raw-client.ts';
import {
  connectPayload,
  RawClient,
  readConnected,
  readReply,
  requestPayload,
} from '../support/raw-client.ts';

export const EPHEMERAL = 1;

const REPLY_HEADER_LENGTH = 16;
const pingPayload = requestPayload(Xid.PING, OpCode.ping);
let nextXid = 1;

export class TestClient {
  /** What the server said to the connect request. */
  readonly greeting: string;
  readonly connected: Connected | undefined;
  readonly #raw: RawClient;
  readonly #events: string[] = [];
  #xid: number;
  lastZxid = 0n;

  private constructor(raw: RawClient, connected: Connected | undefined) {
    this.#raw = raw;
    // Servers know a write by session and xid: two connections of one session must not count alike.
    this.#xid = nextXid;
    nextXid += 1000;
    this.connected = connected;
    this.greeting = greetingOf(connected);
  }

  /** Asks for a session, or for one that it had: `again`; `behind`: a ping comes in the same piece. */
  static async connect(
    port: number,
    options: ConnectOptions = {},
    again?: TestClient,
    behind?: 'ping',
  ): Promise<TestClient> {
    const raw = await RawClient.open(port);
    const known = again?.connected;
    const session = known === undefined ? {} : { sessionId: known.sessionId, passwd: known.passwd };
    const payloads = [connectPayload({ ...session, ...options })];
    if (behind !== undefined) payloads.push(pingPayload);
    raw.send(...payloads);
    const frame = await raw.frame();
    // A Java server without a leader, which makes no session, answers with the header of a reply.
    const isResponse = frame !== undefined && frame.length > REPLY_HEADER_LENGTH;
    return new TestClient(raw, isResponse ? readConnected(frame) : undefined);
  }

  get session(): Connected {
    if (this.connected === undefined) throw new Error('closed without a connect response');
    return this.connected;
  }

  /** Events that came by now. */
  get events(): readonly string[] {
    return this.#events;
  }

  /** `type err`, with the body's length, or `closed`. */
  async ask(type: number, body?: Body): Promise<string> {
    return (await this.askAll([body === undefined ? [type] : [type, body]])).join(' ');
  }

  /** All in one piece. */
  async askAll(requests: readonly (readonly [type: number, body?: Body])[]): Promise<string[]> {
    const first = this.#xid;
    this.#raw.send(...requests.map(([type, body]) => requestPayload(this.#xid++, type, body)));
    const answers: string[] = [];
    while (answers.length < this.#xid - first) {
      const frame = await this.#raw.frame();
      if (frame === undefined) return [...answers, 'closed'];
      const reply = readReply(frame);
      if (reply.xid === Xid.NOTIFICATION) {
        const { type, path } = WatcherEvent.read(reply.body);
        this.#events.push(`${type} ${path}`);
        continue;
      }
      if (reply.xid !== first + answers.length) answers.push(`xid ${reply.xid}?`);
      if (reply.zxid > this.lastZxid) this.lastZxid = reply.zxid;
      const isMulti = requests[answers.length]?.[0] === OpCode.multi;
      answers.push([reply.err, ...bodyOf(reply.body, isMulti)].join(' '));
    }
    return answers;
  }

  create(path: string, flags = 0): Promise<string> {
    return this.ask(OpCode.create, createBody(path, null, flags));
  }

  exists(path: string, watch = false): Promise<string> {
    return this.ask(OpCode.exists, (out) => {
      out.ustring(path);
      out.boolean(watch);
    });
  }

  set(path: string): Promise<string> {
    return this.ask(OpCode.setData, (out) => {
      out.ustring(path);
      out.buffer(null);
      out.int(-1);
    });
  }

  sync(path: string): Promise<string> {
    return this.ask(OpCode.sync, (out) => out.ustring(path));
  }

  /** Pings once; `closed` or the error. */
  async ping(): Promise<string> {
    this.#raw.send(pingPayload);
    return await this.pong();
  }

  /** The answer to a ping that was sent. */
  async pong(): Promise<string> {
    for (;;) {
      const frame = await this.#raw.frame();
      if (frame === undefined) return 'closed';
      const { xid, err } = readReply(frame);
      if (xid === Xid.PING) return `${err}`;
    }
  }

  /** Ends the session. */
  end(): Promise<string> {
    return this.ask(OpCode.closeSession);
  }

  /** Waits until the server closes; what came before is told. */
  async closed(): Promise<string> {
    const rest: string[] = [];
    for (;;) {
      const frame = await this.#raw.frame();
      if (frame === undefined) return [...rest, 'closed'].join(' ');
      const { xid, err } = readReply(frame);
      rest.push(`${xid}:${err}`);
    }
  }

  get isClosed(): boolean {
    return this.#raw.isClosed;
  }

  /** The connection goes, the session stays. */
  leave(): void {
    this.#raw.destroy();
  }
}

/** The errors of a multi's operations, of other replies the length. */
function bodyOf(body: Reader, isMulti: boolean): readonly string[] {
  if (body.remaining === 0) return [];
  if (!isMulti) return [`(${body.remaining} bytes)`];
  const errors: number[] = [];
  for (;;) {
    const type = body.int();
    const isEnd = body.boolean();
    errors.push(body.int());
    if (isEnd) return [`[${errors.slice(0, -1).join(' ')}]`];
    if (type === OpCode.error) body.skip(4);
    else if (type === OpCode.create) body.ustring();
    else throw new Error(`a result of type ${type}`);
  }
}

function greetingOf(connected: Connected | undefined): string {
  if (connected === undefined) return 'no session';
  const { sessionId, timeOut, readOnly } = connected;
  const session = sessionId === 0n ? 'refused' : 'session';
  const mode = readOnly === true ? ' read-only' : '';
  return `${session} of ${timeOut} ms${mode}`;
}

/** CREATE of each path with its flags, in one transaction. */
export function multiOf(...nodes: readonly (readonly [path: string, flags: number])[]): Body {
  return (out) => {
    for (const [path, flags] of nodes) {
      out.int(OpCode.create);
      out.boolean(false);
      out.int(-1);
      const body = createBody(path, null, flags);
      if (typeof body === 'function') body(out);
    }
    out.int(-1);
    out.boolean(true);
    out.int(-1);
  };
}
