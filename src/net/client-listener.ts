// The client port (NIOServerCnxnFactory, NIOServerCnxn): accepts connections within the limits,
// finds frames and four-letter words in what they send, and sends what the machine wrote for them.
// It knows no requests: frames go to its host, which keeps one value of its own (a session's
// connection) beside each link.
//
// Invariants: nothing is kept of an input beyond the frame that is being received; a peer that does
// not read its replies is not read from; bytes given to the socket are not touched until it is done
// with them.

import { encodeUtf8 } from '../jute/utf8.ts';
import type { Writer } from '../jute/writer.ts';
import type { Listener, Net, NetError, Socket, SocketHandlers } from '../ports.ts';
import { emptyBytes } from '../util/bytes.ts';
import { Deque } from '../util/deque.ts';
import type { FourLetterWord } from './four-letter-codes.ts';
import { argumentLengthOf, fourLetterWordOf, telnetClose } from './four-letter-codes.ts';
import type { FrameSink } from './framing.ts';
import { FrameReader } from './framing.ts';

export interface ClientPortOptions {
  readonly address: string | undefined;
  readonly port: number;
  readonly backlog: number | undefined;
  readonly keepAlive: boolean;
  /** jute.maxbuffer: longer frames close the connection. */
  readonly frameLengthMax: number;
  /** Connections from one address, and in all; 0: no limit. */
  readonly maxClientCnxns: number;
  readonly maxCnxns: number;
}

export interface ClientPortHost<C> {
  /** A connection within the limits; returns the host's own value for it. */
  connected(link: ClientLink<C>): C;
  frame(connection: C, bytes: Uint8Array, view: DataView, start: number, end: number): void;
  /** The peer takes its replies; told only while it is not read from because it had too many. */
  taking(connection: C): void;
  /** The socket is gone. Called once for each `connected`. */
  disconnected(connection: C, reason: string): void;
  /** Whether the connection has not sent its connect request yet: only then is a word a command. */
  awaitsConnect(connection: C): boolean;
  /** The whole answer to a four-letter word. */
  command(word: FourLetterWord, argument: Uint8Array, connection: C): string;
  rejected(remoteAddress: string, why: string): void;
}

/** Replies that wait for the socket beyond this stop the reading, until half of them are gone. */
const outputHigh = 1 << 20;
/** Beyond this the peer is cut off: only a flood of events, or a client that never reads, gets here. */
const outputMax = 512 << 20;
/** Longer output is sent in pieces, one at a time: each that is gone shows that the peer still takes them. */
const pieceLength = 1 << 17;
/** A bigger output buffer is given back once sent, and so is one that was used for less than this part. */
const bufferKept = 1 << 18;
const bufferUse = 8;
const bufferLeast = 512;

export class ClientLink<C> implements FrameSink, SocketHandlers {
  readonly socket: Socket;
  readonly #host: ClientPortHost<C>;
  readonly #frames: FrameReader;
  readonly #closed: (link: ClientLink<C>) => void;
  #connection: C | undefined;
  #spare: Uint8Array | undefined;
  #inFlight = 0;
  /** What is left of the output whose pieces are being sent, and the output behind it. */
  #rest: Uint8Array = emptyBytes;
  readonly #waiting = new Deque<Uint8Array>();
  #isSendingPiece = false;
  #isHostPaused = false;
  #isOutputPaused = false;
  #isResting = false;
  #isOpen = true;
  /** A command whose argument has not all come yet. */
  #command:
    | { readonly word: FourLetterWord; readonly argument: Uint8Array; have: number }
    | undefined;

  constructor(
    socket: Socket,
    host: ClientPortHost<C>,
    frameLengthMax: number,
    closed: (link: ClientLink<C>) => void,
  ) {
    this.socket = socket;
    this.#host = host;
    this.#closed = closed;
    this.#frames = new FrameReader(this, frameLengthMax);
    this.#connection = host.connected(this);
  }

  // ---- from the socket ----

  received(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    if (this.#command !== undefined) this.#takeArgument(bytes, 0, bytes.length);
    else this.#frames.push(bytes);
  }

  closed(reason: string): void {
    this.#isOpen = false;
    this.#frames.close();
    this.#closed(this);
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) this.#host.disconnected(connection, reason);
  }

  // ---- from the frame reader ----

  frame(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.#connection !== undefined) this.#host.frame(this.#connection, bytes, view, start, end);
  }

  badLength(word: number, bytes: Uint8Array, start: number, end: number): boolean {
    const connection = this.#connection;
    if (connection === undefined) return false;
    if (this.#host.awaitsConnect(connection)) {
      if (word === telnetClose) return true;
      const name = fourLetterWordOf(word);
      if (name !== undefined) {
        this.#command = { word: name, argument: new Uint8Array(argumentLengthOf(name)), have: 0 };
        this.#takeArgument(bytes, start, end);
        return false;
      }
    }
    this.#host.rejected(this.socket.remoteAddress, `frame length ${word}`);
    this.destroy();
    return false;
  }

  #takeArgument(bytes: Uint8Array, start: number, end: number): void {
    const command = this.#command;
    const connection = this.#connection;
    if (command === undefined || connection === undefined) return;
    const { argument } = command;
    for (let at = start; at < end && command.have < argument.length; at++) {
      argument[command.have++] = bytes[at] as number;
    }
    if (command.have < argument.length) return;
    const answer = encodeUtf8(this.#host.command(command.word, argument, connection));
    if (answer.length > 0) this.socket.write(answer, () => undefined);
    this.end();
  }

  // ---- from the host ----

  /** Sends what is in `out`; the writer goes on in another buffer. */
  flush(out: Writer): void {
    const length = out.at;
    if (length === 0) return;
    if (!this.#isOpen) {
      out.clear();
      return;
    }
    const filled = out.bytes;
    out.replace(this.#spare ?? new Uint8Array(bufferLeast));
    this.#spare = undefined;
    this.#inFlight += length;
    if (length > pieceLength || this.#isSendingPiece) {
      this.#waiting.push(filled.subarray(0, length));
      this.#sendPiece();
    } else {
      this.socket.write(filled.subarray(0, length), (ok) => {
        if (filled.length <= bufferKept && length >= filled.length / bufferUse)
          this.#spare = filled;
        this.#sent(length, ok);
      });
    }
    if (this.#inFlight > outputMax) {
      this.#host.rejected(this.socket.remoteAddress, `${this.#inFlight} bytes of replies unread`);
      this.destroy();
    } else if (this.#inFlight > outputHigh && !this.#isOutputPaused) {
      this.#isOutputPaused = true;
      this.#hold();
    }
  }

  #sendPiece(): void {
    if (this.#isSendingPiece) return;
    if (this.#rest.length === 0) this.#rest = this.#waiting.shift() ?? emptyBytes;
    const piece = this.#rest.subarray(0, pieceLength);
    if (piece.length === 0) return;
    this.#rest = this.#rest.subarray(piece.length);
    this.#isSendingPiece = true;
    this.socket.write(piece, (ok) => {
      this.#isSendingPiece = false;
      if (ok && this.#isOutputPaused && this.#connection !== undefined) {
        this.#host.taking(this.#connection);
      }
      this.#sent(piece.length, ok);
      if (ok) this.#sendPiece();
    });
  }

  /** Bytes are with the system, or lost: then nothing more is asked of a peer that cannot be answered. */
  #sent(length: number, ok: boolean): void {
    this.#inFlight -= length;
    if (!ok) this.#frames.close();
    else if (this.#isOutputPaused && this.#inFlight <= outputHigh / 2) {
      this.#isOutputPaused = false;
      this.#read();
    }
  }

  pause(): void {
    this.#isHostPaused = true;
    this.#hold();
  }

  resume(): void {
    this.#isHostPaused = false;
    this.#read();
  }

  /** Not read from until `wake`, whatever else holds or frees it. */
  rest(): void {
    this.#isResting = true;
    this.#hold();
  }

  wake(): void {
    this.#isResting = false;
    this.#read();
  }

  /** Closes behind what was flushed. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#frames.close();
    for (const rest of [this.#rest, ...this.#waiting]) {
      if (rest.length > 0) this.socket.write(rest, () => undefined);
    }
    this.#rest = emptyBytes;
    this.#waiting.clear();
    this.socket.end();
  }

  destroy(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#frames.close();
    this.socket.destroy();
  }

  #hold(): void {
    if (!this.#isOpen) return;
    this.#frames.pause();
    this.socket.pause();
  }

  #read(): void {
    if (!this.#isOpen || this.#isResting || this.#isHostPaused || this.#isOutputPaused) return;
    this.socket.resume();
    this.#frames.resume();
  }
}

export class ClientListener<C> {
  readonly #net: Net;
  readonly #options: ClientPortOptions;
  readonly #host: ClientPortHost<C>;
  readonly #links = new Set<ClientLink<C>>();
  readonly #byAddress = new Map<string, number>();
  #listener: Listener | undefined;

  constructor(net: Net, options: ClientPortOptions, host: ClientPortHost<C>) {
    this.#net = net;
    this.#options = options;
    this.#host = host;
  }

  get port(): number | undefined {
    return this.#listener?.port;
  }

  listen(ready: (error: NetError | undefined) => void): void {
    const { address, port, backlog, keepAlive } = this.#options;
    this.#net.listen(
      { address, port, backlog, keepAlive },
      (socket) => this.#accepted(socket),
      (result) => {
        if ('close' in result) {
          this.#listener = result;
          ready(undefined);
        } else ready(result);
      },
    );
  }

  /** Stops accepting; open connections stay until `endAll`. */
  stopAccepting(done: () => void): void {
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener === undefined) done();
    else listener.close(done);
  }

  endAll(): void {
    for (const link of [...this.#links]) link.end();
  }

  #accepted(socket: Socket): SocketHandlers | undefined {
    const { maxClientCnxns, maxCnxns, frameLengthMax } = this.#options;
    const address = socket.remoteAddress;
    const fromThere = this.#byAddress.get(address) ?? 0;
    if (maxClientCnxns > 0 && fromThere >= maxClientCnxns) {
      this.#host.rejected(address, `${fromThere} connections, maxClientCnxns is ${maxClientCnxns}`);
      return undefined;
    }
    if (maxCnxns > 0 && this.#links.size >= maxCnxns) {
      this.#host.rejected(
        address,
        `${this.#links.size} connections in all, maxCnxns is ${maxCnxns}`,
      );
      return undefined;
    }
    this.#byAddress.set(address, fromThere + 1);
    const link = new ClientLink(socket, this.#host, frameLengthMax, (gone) => this.#gone(gone));
    this.#links.add(link);
    return link;
  }

  #gone(link: ClientLink<C>): void {
    if (!this.#links.delete(link)) return;
    const address = link.socket.remoteAddress;
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left <= 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }
}
