// The Net port on node:net. Accepted sockets read into one buffer shared by the whole process (node-fast-read.ts),
// with 'data' events where that is not to be had; dialled ones use the public `onread`. Sharing one buffer is safe
// because libuv fills it and calls back before it fills it again.
//
// A peer that shuts down its sending side closes the connection, as in Java, but not before the turn's replies are
// out: `echo srvr | nc` sends its end with the question. Closing lingers, reading and dropping what still comes: a
// close with unread input would be a reset, and a reset may take the last reply with it at the other end.
import type { Socket as NodeSocket, Server } from 'node:net';
import { connect, createServer, isIP } from 'node:net';
import type { Listener, ListenOptions, Net, Socket, SocketHandlers } from '../ports.ts';
import { NetError } from '../ports.ts';
import { nodeDns } from './node-dns.ts';
import type { ReadInto } from './node-fast-read.ts';
import { adoptForFastRead } from './node-fast-read.ts';

/** One kernel receive; 64 KiB is what libuv asks for by itself. */
const readLength = 64 * 1024;
/** After our end is sent: how long a peer that keeps its side open is listened to. */
const lingerMs = 1_000;
/** After `end()`: how long queued bytes may make no progress at all. */
const stalledEndMs = 10_000;

const sharedRead = new Uint8Array(readLength);

export interface NodeNetOptions {
  /** false: accepted sockets always use 'data' events. */
  readonly fastRead?: boolean;
  /** The system refused to accept a connection (EMFILE …); the listener lives on. */
  readonly acceptFailed?: (code: string) => void;
}

class Connection implements Socket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly #socket: NodeSocket;
  #handlers: SocketHandlers | undefined;
  /** 'ending': nothing more is delivered, what is queued is still sent. */
  #state: 'open' | 'ending' | 'closed' = 'open';
  #reason = 'local';
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: NodeSocket) {
    this.#socket = socket;
    this.remoteAddress = plainAddress(socket.remoteAddress ?? '');
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = plainAddress(socket.localAddress ?? '');
    this.localPort = socket.localPort ?? 0;
    socket.on('end', this.#peerEnded);
    socket.on('error', (error) => this.#failed(codeOf(error)));
    socket.on('close', () => this.#closed());
  }

  /** From now on bytes and the end are handed on. undefined drops the connection. */
  start(handlers: SocketHandlers | undefined): void {
    this.#handlers = handlers;
    if (handlers === undefined) this.destroy();
  }

  received(bytes: Uint8Array): void {
    if (this.#state === 'open') this.#handlers?.received(bytes);
  }

  write(bytes: Uint8Array, done: (ok: boolean) => void): void {
    if (this.#state !== 'open') setImmediate(done, false);
    else this.#socket.write(bytes, (error) => done(!error && !this.#socket.destroyed));
  }

  pause(): void {
    if (this.#state === 'open') this.#socket.pause();
  }

  resume(): void {
    if (this.#state === 'open') this.#socket.resume();
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    const socket = this.#socket;
    socket.setTimeout(stalledEndMs, () => socket.destroy());
    socket.end(() => {
      if (socket.readableEnded) socket.destroy();
      else if (!socket.destroyed) this.#linger = setTimeout(() => socket.destroy(), lingerMs);
    });
    socket.resume();
  }

  destroy(): void {
    if (this.#state === 'open') this.#state = 'ending';
    this.#socket.destroy();
  }

  readonly #peerEnded = (): void => {
    if (this.#state === 'ending') {
      if (this.#socket.writableFinished) this.#socket.destroy();
      return;
    }
    this.#reason = 'end';
    // The replies of this turn are written at its end: in the phase of immediates that comes next, before this one.
    setImmediate(() => this.end());
  };

  #failed(code: string): void {
    if (this.#state === 'open') this.#reason = code;
    this.#socket.destroy();
  }

  #closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#linger);
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.closed(this.#reason);
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** An IPv4 address that a dual-stack socket shows as IPv6, as IPv4; anything else unchanged. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address;
}

function asBytes(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** What `net.Socket` reads with: the shared buffer, and to whom its bytes go. */
class SharedRead implements ReadInto {
  readonly buffer = sharedRead;
  connection: Connection | undefined;
  readonly callback = (length: number): boolean => {
    this.connection?.received(sharedRead.subarray(0, length));
    return true;
  };
}

function accept(
  accepted: NodeSocket,
  fastRead: boolean,
  decide: (socket: Socket) => SocketHandlers | undefined,
): void {
  // A peer that is gone already has no address; nothing can be said about such a connection, so nothing is.
  if (accepted.remoteAddress === undefined) {
    accepted.destroy();
    return;
  }
  const reading = new SharedRead();
  const fast = fastRead ? adoptForFastRead(accepted, reading) : undefined;
  const socket = fast ?? accepted;
  const connection = new Connection(socket);
  reading.connection = connection;
  connection.start(decide(connection));
  if (fast === undefined) {
    socket.on('data', (data: Uint8Array) => connection.received(asBytes(data)));
    socket.resume();
  }
}

class NodeListener implements Listener {
  readonly address: string;
  readonly port: number;
  readonly #server: Server;

  constructor(server: Server) {
    const bound = server.address();
    this.address = bound !== null && typeof bound === 'object' ? bound.address : '';
    this.port = bound !== null && typeof bound === 'object' ? bound.port : 0;
    this.#server = server;
  }

  close(done: () => void): void {
    // Node calls back when the accepted sockets are gone too; the port promises only that accepting has stopped.
    this.#server.close();
    setImmediate(done);
  }
}

function listen(
  { address, port, backlog, keepAlive }: ListenOptions,
  accepted: (socket: Socket) => SocketHandlers | undefined,
  ready: (result: Listener | NetError) => void,
  { fastRead = true, acceptFailed }: NodeNetOptions,
): void {
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: keepAlive ?? false,
    pauseOnConnect: true,
  });
  let listening = false;
  server.on('error', (error) => {
    if (listening) acceptFailed?.(codeOf(error));
    else ready(new NetError(codeOf(error), error.message));
  });
  server.on('connection', (socket) => accept(socket, fastRead, accepted));
  server.on('listening', () => {
    listening = true;
    ready(new NodeListener(server));
  });
  server.listen({
    port,
    ...(address === undefined ? {} : { host: address }),
    ...(backlog === undefined || backlog <= 0 ? {} : { backlog }),
  });
}

const dial: Net['dial'] = ({ host, port, timeoutMs, keepAlive }, ready) => {
  const reading = new SharedRead();
  const socket = connect({
    host,
    port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: keepAlive ?? false,
    autoSelectFamily: true,
    lookup: (name, _options, answer) => {
      nodeDns.resolve(name, (addresses) => {
        const found = addresses.map((address) => ({ address, family: isIP(address) }));
        answer(found.length === 0 ? unknownHost(name) : null, found);
      });
    },
    onread: reading,
  });
  const fail = (code: string, message: string): void => {
    clearTimeout(timer);
    socket.off('connect', connected);
    socket.off('error', failed);
    // A socket that is destroyed while it connects may still report an error; it was answered.
    socket.on('error', () => undefined);
    socket.destroy();
    ready(new NetError(code, message));
  };
  const failed = (error: Error): void => fail(codeOf(error), error.message);
  const connected = (): void => {
    clearTimeout(timer);
    socket.off('error', failed);
    const connection = new Connection(socket);
    reading.connection = connection;
    connection.start(ready(connection));
  };
  const timer = setTimeout(
    () => fail('ETIMEDOUT', `no answer from ${host}:${port} in ${timeoutMs} ms`),
    timeoutMs,
  );
  socket.once('error', failed);
  socket.once('connect', connected);
};

function unknownHost(name: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no address known for ${name}`), { code: 'ENOTFOUND' });
}

export function makeNodeNet(options: NodeNetOptions): Net {
  return {
    listen: (where, accepted, ready) => listen(where, accepted, ready, options),
    dial,
  };
}

export const nodeNet: Net = makeNodeNet({});
