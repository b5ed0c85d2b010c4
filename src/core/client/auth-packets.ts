// The credentials of a client: every server it connects to is shown all of them, in the order they were added, before
// anything else. In: credentials, each with the request that waits for its answer, if any. Out: auth packets.
// Invariant: answers come in the order of the packets; a request is settled once, by the first answer to its packet.

import { AuthPacket, Xid } from '../../proto/client.ts';
import { OpCode } from '../../proto/opcodes.ts';
import { Deque } from '../../util/deque.ts';
import type { RequestPipe } from './request-pipe.ts';
import type { AuthInfo, Request } from './session-events.ts';

export interface Credentials<R> extends AuthInfo {
  /** undefined when nobody waits, or not any more. */
  request: R | undefined;
}

export class AuthPackets<W extends object, R extends Request<W>> {
  readonly #pipe: RequestPipe<W, R>;
  readonly #all: Credentials<R>[] = [];
  /** Shown to the present server and not answered. */
  readonly #sent = new Deque<Credentials<R>>();

  constructor(pipe: RequestPipe<W, R>) {
    this.#pipe = pipe;
  }

  add(credentials: Credentials<R>, connected: boolean): void {
    this.#all.push(credentials);
    if (connected) this.#send(credentials);
  }

  /** A new connection: everything is shown again. */
  sendAll(): void {
    this.#sent.clear();
    for (const credentials of this.#all) this.#send(credentials);
  }

  /** Whose answer just came; undefined: none was due. */
  answered(): Credentials<R> | undefined {
    return this.#sent.shift();
  }

  /** The requests that still wait, at the end of the session. */
  takeWaiting(): R[] {
    const waiting: R[] = [];
    for (const credentials of this.#all) {
      if (credentials.request !== undefined) waiting.push(credentials.request);
      credentials.request = undefined;
    }
    return waiting;
  }

  #send(credentials: Credentials<R>): void {
    const { scheme, auth } = credentials;
    const head = { xid: Xid.AUTH, op: OpCode.auth };
    this.#pipe.writeFrame(head, AuthPacket, { type: 0, scheme, auth });
    this.#sent.push(credentials);
  }
}
