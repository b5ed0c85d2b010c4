// Who this client is to a server: session id and password, and whether the session may be shown at all. Writes the
// connect request, reads the connect response (ClientCnxn.SendThread.primeConnection, onConnected).
// Invariant: a session that only a read-only server knows is never shown to another server; a session that is shown
// was given by a server or by the caller.

import type { Reader } from '../../jute/reader.ts';
import type { Type } from '../../jute/record.ts';
import { ConnectRequest, ConnectResponse, passwordLength } from '../../proto/client.ts';
import type { Zxid } from '../../proto/zxid.ts';
import { copyBytes, emptyBytes } from '../../util/bytes.ts';
import type { RequestPipe } from './request-pipe.ts';
import type { Request, SessionKey } from './session-events.ts';

export interface Granted {
  /** 0 or less: the session that was shown has expired, or none is given. */
  readonly sessionTimeoutMs: number;
  readonly readOnly: boolean;
}

const noSession: SessionKey = { id: 0n, password: new Uint8Array(passwordLength) };

/** The connect request with the byte that says whether a read-only server will do. */
const requestWithMode: Pick<Type<ConnectRequest & { readOnly: boolean }>, 'write'> = {
  write(writer, value) {
    ConnectRequest.write(writer, value);
    writer.boolean(value.readOnly);
  },
};

export class Handshake {
  readonly #sessionTimeoutMs: number;
  readonly #readOnly: boolean;
  #key: SessionKey;
  #seenReadWrite: boolean;

  constructor(sessionTimeoutMs: number, readOnly: boolean, key: SessionKey | undefined) {
    this.#sessionTimeoutMs = sessionTimeoutMs;
    this.#readOnly = readOnly;
    this.#key = key ?? noSession;
    this.#seenReadWrite = key !== undefined;
  }

  get key(): SessionKey {
    return this.#key;
  }

  /** There is a session that all servers know. */
  get hasSession(): boolean {
    return this.#seenReadWrite && this.#key.id !== 0n;
  }

  write<W extends object, R extends Request<W>>(pipe: RequestPipe<W, R>, lastZxidSeen: Zxid): void {
    const { id, password } = this.hasSession ? this.#key : noSession;
    pipe.writeFrame(undefined, requestWithMode, {
      protocolVersion: 0,
      lastZxidSeen,
      timeOut: this.#sessionTimeoutMs,
      sessionId: id,
      passwd: password,
      readOnly: this.#readOnly,
    });
  }

  /** Throws DecodeError. Servers older than 3.4 say nothing about read-only. */
  read(reader: Reader): Granted {
    const { timeOut, sessionId, passwd } = ConnectResponse.read(reader);
    const readOnly = reader.remaining > 0 && reader.boolean();
    if (timeOut > 0) {
      this.#key = { id: sessionId, password: copyBytes(passwd ?? emptyBytes) };
      this.#seenReadWrite ||= !readOnly;
    }
    return { sessionTimeoutMs: timeOut, readOnly };
  }
}
