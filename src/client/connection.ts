// One connection of a client: dials, finds frames in what is received, and writes the session's output, one write at a
// time, so that everything produced while a write is under way leaves together in the next. Also asks a server the one
// four-letter word the client needs. In: the Net port. Invariant: `closed` is called at most once, nothing after it.

import type { ServerAddress } from '../core/client/server-list.ts';
import { encodeUtf8 } from '../jute/utf8.ts';
import type { Writer } from '../jute/writer.ts';
import { FrameReader } from '../net/framing.ts';
import type { Clock, Net, Socket } from '../ports.ts';
import { NetError } from '../ports.ts';

/**
 * The longest reply taken, in bytes. Java refuses more than jute.maxbuffer (1 MiB) and so cannot list a large
 * directory; here the bound only catches a peer that does not speak this protocol.
 */
const replyLengthMax = 256 * 1024 * 1024;
/** A bigger output buffer is not kept for the next turn. */
const spareLengthMax = 1 << 20;

export interface ConnectionHandlers {
  dialled(): void;
  /** Bytes are valid during the call only. */
  received(bytes: Uint8Array, view: DataView, start: number, end: number): void;
  closed(reason: string): void;
}

export class Connection {
  readonly #handlers: ConnectionHandlers;
  readonly #frames: FrameReader;
  #socket: Socket | undefined;
  #isClosed = false;
  #isWriting = false;
  #spare: Uint8Array | undefined;

  constructor(net: Net, server: ServerAddress, timeoutMs: number, handlers: ConnectionHandlers) {
    this.#handlers = handlers;
    const frame = handlers.received.bind(handlers);
    const badLength = (length: number) => {
      this.#over(`a reply of ${length} bytes was announced`);
      return false;
    };
    this.#frames = new FrameReader({ frame, badLength }, replyLengthMax);
    net.dial({ host: server.host, port: server.port, timeoutMs }, (result) => {
      if (this.#isClosed) {
        if (!(result instanceof NetError)) result.destroy();
        return undefined;
      }
      if (result instanceof NetError) {
        this.#over(result.code);
        return undefined;
      }
      this.#socket = result;
      this.#handlers.dialled();
      return {
        received: (bytes) => this.#frames.push(bytes),
        closed: (reason) => this.#over(reason === 'end' ? 'closed by the server' : reason),
      };
    });
  }

  /** Writes what is in `output`, unless a write is under way: then it follows that one. */
  flush(output: Writer): void {
    if (this.#isWriting || this.#socket === undefined || output.at === 0) return;
    const bytes = output.written();
    const buffer = output.bytes;
    output.replace(this.#spare ?? new Uint8Array(buffer.length));
    this.#spare = undefined;
    this.#isWriting = true;
    this.#socket.write(bytes, () => {
      this.#isWriting = false;
      if (buffer.length <= spareLengthMax) this.#spare = buffer;
      if (!this.#isClosed) this.flush(output);
    });
  }

  /** Drops the connection; nothing is reported any more. */
  close(): void {
    this.#isClosed = true;
    this.#frames.close();
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #over(reason: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#handlers.closed(reason);
  }
}

/** Asks a server `isro`: gives 'rw', 'ro' or, when no answer could be had, ''. Returns the function that gives up. */
export function askMode(
  net: Net,
  clock: Clock,
  server: ServerAddress,
  timeoutMs: number,
  done: (answer: string) => void,
): () => void {
  let socket: Socket | undefined;
  let answer = '';
  let isOver = false;
  const over = (text: string): void => {
    if (isOver) return;
    isOver = true;
    timer.cancel();
    socket?.destroy();
    done(text);
  };
  const timer = clock.schedule(timeoutMs, () => over(''));
  net.dial({ host: server.host, port: server.port, timeoutMs }, (result) => {
    if (result instanceof NetError) {
      over('');
      return undefined;
    }
    socket = result;
    if (isOver) {
      result.destroy();
      return undefined;
    }
    result.write(encodeUtf8('isro'), () => undefined);
    return {
      received: (bytes) => {
        answer += String.fromCharCode(...bytes.subarray(0, 2));
        if (answer.length >= 2) over(answer.substring(0, 2));
      },
      closed: () => over(''),
    };
  });
  return () => {
    isOver = true;
    timer.cancel();
    socket?.destroy();
  };
}
