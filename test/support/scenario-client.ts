// One client of a scenario: numbers its requests and says in words what it got. In: words and the
// bytes of its connection's output; out: payloads and lines. It knows nothing of the machine but
// its connection.

import type { Connection } from '../../src/core/session/connection.ts';
import { sessionPassword } from '../../src/core/session/password.ts';
import { Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';
import {
  ConnectRequest,
  ConnectResponse,
  ReplyHeader,
  RequestHeader,
  WatcherEvent,
  Xid,
} from '../../src/proto/client.ts';
import { errorName } from '../../src/proto/errors.ts';
import { EventType, OpCode } from '../../src/proto/opcodes.ts';
import type { ScenarioRequest } from './scenario-requests.ts';
import { parseRequest } from './scenario-requests.ts';

interface Asked {
  readonly words: string;
  readonly request: ScenarioRequest;
}

export interface KnownSession {
  readonly id: bigint;
  readonly password: Uint8Array;
}

const fixedXids: ReadonlyMap<number, number> = new Map([
  [OpCode.ping, Xid.PING],
  [OpCode.auth, Xid.AUTH],
  [OpCode.setWatches, Xid.SET_WATCHES],
  [OpCode.setWatches2, Xid.SET_WATCHES],
]);

export class ScenarioClient {
  readonly name: string;
  readonly connection: Connection;
  session: KnownSession | undefined;
  #isConnected = false;
  #hasReadOnlyByte = true;
  #xid = 0;
  /** Requests on their way, by xid, each with its words; several where the xid is fixed. */
  readonly #asked = new Map<number, Asked[]>();

  constructor(name: string, connection: Connection) {
    this.name = name;
    this.connection = connection;
  }

  connectRequest(words: readonly string[], session: KnownSession | undefined): Uint8Array {
    const given = new Map(words.map((word) => word.split('=') as [string, string | undefined]));
    this.#hasReadOnlyByte = !given.has('old');
    const isWrong = given.get('password') === 'wrong';
    const out = new Writer();
    ConnectRequest.write(out, {
      protocolVersion: 0,
      lastZxidSeen: BigInt(given.get('seen') ?? '0'),
      timeOut: Number(given.get('timeout') ?? 10_000),
      sessionId: session?.id ?? 0n,
      passwd: isWrong || session === undefined ? new Uint8Array(16) : session.password,
    });
    if (this.#hasReadOnlyByte) out.boolean(false);
    return out.copy();
  }

  request(words: readonly string[]): Uint8Array {
    const request = parseRequest(words);
    const xid = fixedXids.get(request.type) ?? ++this.#xid;
    const shown = words.filter((word) => !word.startsWith('"') && !word.includes('='));
    const isMulti = request.type === OpCode.multi || request.type === OpCode.multiRead;
    const asked = { words: (isMulti ? shown.slice(0, 1) : shown).join(' '), request };
    this.#asked.set(xid, [...(this.#asked.get(xid) ?? []), asked]);
    const out = new Writer();
    RequestHeader.write(out, { xid, type: request.type });
    out.raw(request.body);
    return out.copy();
  }

  /** What the frames in `bytes` say, a line each. */
  replies(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    const reader = new Reader(bytes);
    while (reader.remaining > 0) {
      const end = reader.int() + reader.at;
      lines.push(`${this.name} < ${this.#frame(new Reader(bytes, reader.at, end))}`);
      reader.at = end;
    }
    return lines;
  }

  #frame(reader: Reader): string {
    if (!this.#isConnected) {
      this.#isConnected = true;
      return this.#connectResponse(reader);
    }
    const { xid, zxid, err } = ReplyHeader.read(reader);
    const at = `at 0x${BigInt.asUintN(64, zxid).toString(16)}`;
    if (xid === Xid.NOTIFICATION) {
      const { type, path } = WatcherEvent.read(reader);
      const name = Object.entries(EventType).find(([, code]) => code === type)?.[0];
      return `event ${name} ${path} ${zxid < 0n ? '' : at}`.trimEnd();
    }
    const asked = this.#asked.get(xid)?.shift();
    if (asked === undefined) return `a reply to xid ${xid}, which nobody sent`;
    const error = err === 0 ? '' : (errorName(err) ?? `${err}`);
    const body = err === 0 ? asked.request.describe(reader) : '';
    const rest = reader.remaining === 0 ? '' : `, ${reader.remaining} bytes more`;
    return `${asked.words}: ${[error, body].join('') || 'ok'} ${at}${rest}`;
  }

  #connectResponse(reader: Reader): string {
    const { timeOut, sessionId, passwd } = ConnectResponse.read(reader);
    const rest = this.#hasReadOnlyByte ? 1 : 0;
    const extra = reader.remaining === rest ? '' : `, ${reader.remaining} bytes behind it`;
    if (sessionId === 0n) return `refused, timeout ${timeOut}${extra}`;
    const password = Uint8Array.from(passwd ?? []);
    const isRight = Buffer.compare(password, sessionPassword(sessionId)) === 0;
    this.session = { id: sessionId, password };
    const what = `session 0x${sessionId.toString(16)}, timeout ${timeOut}`;
    return `${what}${isRight ? '' : ', with a wrong password'}${extra}`;
  }
}
