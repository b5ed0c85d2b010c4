// A client session machine with a scripted server at its other end: reads what the machine wrote into `output` as
// frames, answers with encoded replies, keeps the time and all effects, and prints them as a transcript of one line
// each. No sockets, no timers: time is what the test says.
import assert from 'node:assert/strict';
import { ClientSession } from '../../../src/core/client/client-session.ts';
import type {
  ClientEffect,
  ClientEvent,
  ClientSessionOptions,
  Request,
  WatchRemoval,
} from '../../../src/core/client/session-events.ts';
import type { WatchIntent } from '../../../src/core/client/watch-tables.ts';
import { Reader } from '../../../src/jute/reader.ts';
import { Writer } from '../../../src/jute/writer.ts';
import { ConnectRequest, ConnectResponse, WatcherEvent } from '../../../src/proto/client.ts';
import { OpCode, opName } from '../../../src/proto/opcodes.ts';
import { copyBytes } from '../../../src/util/bytes.ts';

/** A watcher is any object; here it has a name. */
export interface Named {
  readonly name: string;
}

export class TestRequest implements Request<Named> {
  readonly name: string;
  readonly op: OpCode;
  readonly watch: WatchIntent<Named> | undefined;
  readonly removal: WatchRemoval<Named> | undefined;
  abandoned = false;
  readonly #body: Uint8Array;

  constructor(
    name: string,
    op: OpCode = OpCode.getData,
    details: {
      watch?: WatchIntent<Named>;
      removal?: WatchRemoval<Named>;
      body?: Uint8Array;
    } = {},
  ) {
    this.name = name;
    this.op = op;
    this.watch = details.watch;
    this.removal = details.removal;
    this.#body = details.body ?? new Uint8Array(0);
  }

  write(writer: Writer): void {
    writer.raw(this.#body);
  }
}

export type Effect = ClientEffect<Named, TestRequest>;

export interface SentFrame {
  readonly xid: number;
  readonly op: string;
  readonly body: Uint8Array;
}

export const sessionId = 0x0100_0000_0000_0001n;
export const password = new Uint8Array(16).fill(7);

const defaults: ClientSessionOptions = {
  servers: [
    { host: 'a', port: 1 },
    { host: 'b', port: 2 },
    { host: 'c', port: 3 },
  ],
  sessionTimeoutMs: 9_000,
  readOnly: false,
  session: undefined,
  lastZxid: 0n,
  juteMaxBuffer: 1_000,
  requestsMax: 100,
  below: () => 0,
};

export class ScriptedServer {
  readonly session: ClientSession<Named, TestRequest>;
  now = 1_000;
  attempt = 0;
  /** Effects since they were last taken. */
  #effects: Effect[] = [];
  #zxid = 0n;

  constructor(options: Partial<ClientSessionOptions> = {}) {
    this.session = new ClientSession({ ...defaults, ...options }, this.now);
  }

  step(event: ClientEvent<Named, TestRequest>): Effect[] {
    const effects = [...this.session.step(event, this.now)];
    for (const effect of effects) {
      if (effect.kind === 'dial') this.attempt = effect.attempt;
      // What the machine hands out must be usable at once, and is not looked at later.
      if (effect.kind === 'settle') assert.ok(effect.body.at <= effect.body.end);
    }
    this.#effects.push(...effects);
    return effects;
  }

  /** Effects since the last call, in short: one line each. */
  transcript(): string[] {
    const lines = this.#effects.map(brief);
    this.#effects = [];
    return lines;
  }

  timeout(): Effect[] {
    return this.step({ kind: 'timeout' });
  }

  /** Lets time pass to the machine's deadline, exactly. Returns why it was to wake. */
  wake(): string {
    const { at, why } = this.session.deadline;
    assert.ok(Number.isFinite(at), 'the machine waits for nothing');
    this.now = Math.max(this.now, at);
    this.timeout();
    return why;
  }

  request(request: TestRequest): TestRequest {
    this.step({ kind: 'requested', request });
    return request;
  }

  /** Wakes until the machine dials, and picks up. Returns what it says of itself. */
  dialled(): ReturnType<typeof ConnectRequest.read> & { readonly readOnly: boolean } {
    const before = this.attempt;
    while (this.attempt === before) this.wake();
    return this.pickUp();
  }

  pickUp(): ReturnType<typeof ConnectRequest.read> & { readonly readOnly: boolean } {
    this.step({ kind: 'dialled', attempt: this.attempt });
    const [payload] = this.#payloads();
    assert.ok(payload, 'no handshake was written');
    assert.equal(payload.length, 45);
    const reader = new Reader(payload);
    return { ...ConnectRequest.read(reader), readOnly: reader.boolean() };
  }

  /** The first connection of a session, or the next. */
  connect(
    options: { timeOut?: number; id?: bigint; readOnly?: boolean | 'old server' } = {},
  ): void {
    this.dialled();
    this.grant(options);
  }

  grant(options: { timeOut?: number; id?: bigint; readOnly?: boolean | 'old server' } = {}): void {
    const { timeOut = 9_000, id = sessionId, readOnly = false } = options;
    const writer = new Writer();
    ConnectResponse.write(writer, { protocolVersion: 0, timeOut, sessionId: id, passwd: password });
    if (readOnly !== 'old server') writer.boolean(readOnly);
    this.receive(writer.copy());
  }

  /** What the machine wrote since it was last asked, as frames. */
  sent(): SentFrame[] {
    return this.#payloads().map((payload) => {
      const reader = new Reader(payload);
      const xid = reader.int();
      return { xid, op: opName(reader.int()), body: copyBytes(payload, 8) };
    });
  }

  sentOps(): string[] {
    return this.sent().map(({ xid, op }) => `${xid} ${op}`);
  }

  reply(xid: number, err = 0, zxid = ++this.#zxid, body: Uint8Array = new Uint8Array(0)): Effect[] {
    const writer = new Writer();
    writer.int(xid);
    writer.long(zxid);
    writer.int(err);
    writer.raw(body);
    return this.receive(writer.copy());
  }

  event(type: number, path: string, zxid = -1n): Effect[] {
    const writer = new Writer();
    WatcherEvent.write(writer, { type, state: 3, path });
    return this.reply(-1, 0, zxid, writer.copy());
  }

  receive(payload: Uint8Array): Effect[] {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    return this.step({
      kind: 'received',
      attempt: this.attempt,
      bytes: payload,
      view,
      start: 0,
      end: payload.length,
    });
  }

  cut(reason = 'ECONNRESET'): Effect[] {
    return this.step({ kind: 'closed', attempt: this.attempt, reason });
  }

  #payloads(): Uint8Array[] {
    const { output } = this.session;
    const reader = new Reader(output.copy());
    output.clear();
    const payloads: Uint8Array[] = [];
    while (reader.remaining > 0) payloads.push(copyBytes(reader.buffer() ?? new Uint8Array(0)));
    return payloads;
  }
}

export function brief(effect: Effect): string {
  switch (effect.kind) {
    case 'dial':
      return `dial ${effect.server.host} ${effect.timeoutMs}`;
    case 'settle':
      return `settle ${effect.request.name} ${effect.err}`;
    case 'fail':
      return `fail ${effect.request.name} ${effect.code}`;
    case 'notify': {
      const names = effect.watchers.map(({ name }) => name).join(' ');
      return `notify ${names} of ${effect.type} ${effect.path}`;
    }
    case 'announce':
      return `announce ${effect.state}`;
    case 'probe':
      return `probe ${effect.server.host}`;
    case 'logLine':
      return `log ${effect.message}`;
    default:
      return effect.kind;
  }
}
