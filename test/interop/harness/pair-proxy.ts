/**
 * One port of one server as one other server sees it: a proxy that can be cut, and that listens
 * only while the server behind it does.
 *
 * The latter matters: a learner that finds its leader's port closed dials again, one that is
 * accepted and dropped goes back to the election. A DoorWatch, shared by all proxies of a port,
 * dials the port while it is closed; what an open port thinks is doubted again when a connection is
 * ended from its side. So a server sees one empty connection each time it opens a port.
 * On an election port the address in a server's introduction is replaced by the one that the dialled
 * server should call back: Java would dial what is written there, past every proxy.
 */
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { CutMode } from './pair-network.ts';

/** Introductions on the election port: the version, the sid, the length of the address, the address. */
const introductions: ReadonlySet<bigint> = new Set([-65536n, -65535n]);
const introductionHead = 20;

/** Between two dials of a closed port. There is no event to wait for. */
const DIAL_MS = 10;

/** Whether a server's port is open, as the only one who asks. */
export class DoorWatch {
  readonly host: string;
  readonly port: number;
  readonly #proxies: PairProxy[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  isOpen = false;

  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }

  tells(proxy: PairProxy): void {
    this.#proxies.push(proxy);
  }

  start(): void {
    this.#dial();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Something was ended from the server's side: perhaps its listener, too. */
  doubt(): void {
    if (!this.isOpen || this.#isStopped) return;
    this.#tell(false);
    this.#dial();
  }

  #tell(isOpen: boolean): void {
    this.isOpen = isOpen;
    for (const proxy of this.#proxies) proxy.follow();
  }

  #dial(): void {
    const socket = connect({ host: this.host, port: this.port });
    socket.once('connect', () => {
      socket.destroy();
      if (!this.#isStopped) this.#tell(true);
    });
    socket.once('error', () => {
      if (!this.#isStopped) this.#timer = setTimeout(() => this.#dial(), DIAL_MS);
    });
  }
}

export class PairProxy {
  readonly #host: string;
  readonly #watch: DoorWatch;
  readonly #callBack: string | undefined;
  readonly #sockets = new Set<Socket>();
  #front: Server | undefined;
  #cut: CutMode | undefined;

  /** `callBack`: on an election port, where the dialled server finds the one who dials (`host:port`). */
  constructor(host: string, watch: DoorWatch, callBack?: string) {
    this.#host = host;
    this.#watch = watch;
    this.#callBack = callBack;
    watch.tells(this);
  }

  /** Listens while the server does. A silent cut hides what becomes of the server. */
  follow(): void {
    if (this.#cut === 'silent') return;
    const wanted = this.#watch.isOpen && this.#cut === undefined;
    if (wanted && this.#front === undefined) this.#listen();
    if (!wanted && this.#front !== undefined) this.#unlisten();
  }

  cut(mode: CutMode): void {
    this.heal();
    this.#cut = mode;
    if (mode === 'refused') this.#closeAll();
    this.follow();
  }

  heal(): void {
    if (this.#cut === undefined) return;
    this.#closeAll();
    this.#cut = undefined;
    this.follow();
  }

  stop(): void {
    this.#closeAll();
    this.#unlisten();
  }

  #listen(): void {
    const front = createServer((client) => this.#accept(client));
    front.once('error', (error) => {
      throw new Error(`the proxy ${this.#host}:${this.#watch.port}: ${error.message}`);
    });
    front.listen(this.#watch.port, this.#host);
    this.#front = front;
  }

  #unlisten(): void {
    this.#front?.close();
    this.#front = undefined;
  }

  #closeAll(): void {
    for (const socket of this.#sockets) {
      socket.removeAllListeners('close');
      socket.destroy();
    }
    this.#sockets.clear();
  }

  #accept(client: Socket): void {
    if (this.#cut === 'silent') {
      this.#sockets.add(client);
      client.on('error', () => {});
      client.resume();
      return;
    }
    const server = connect({ host: this.#watch.host, port: this.#watch.port });
    this.#forward(client, server, this.#callBack);
    this.#forward(server, client);
    server.once('close', () => this.#watch.doubt());
  }

  #forward(from: Socket, to: Socket, callBack?: string): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    let head = callBack === undefined ? undefined : Buffer.alloc(0);
    from.on('data', (received: Buffer) => {
      let chunk = received;
      if (head !== undefined && callBack !== undefined) {
        head = Buffer.concat([head, received]);
        const introduced = withCallBack(head, callBack);
        if (introduced === undefined) return;
        chunk = introduced;
        head = undefined;
      }
      if (this.#cut !== undefined || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
    from.on('error', () => {}); // 'close' follows
    from.on('close', () => {
      // Over a silent cut nobody hears that the other end has gone.
      if (this.#cut === 'silent') return;
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}

/** The first bytes of a connection with another address in them; undefined while more must come. */
function withCallBack(bytes: Buffer, callBack: string): Buffer | undefined {
  if (bytes.length < 8) return undefined;
  if (!introductions.has(bytes.readBigInt64BE(0))) return bytes;
  if (bytes.length < introductionHead) return undefined;
  const end = introductionHead + bytes.readInt32BE(introductionHead - 4);
  if (bytes.length < end) return undefined;
  const head = Buffer.from(bytes.subarray(0, introductionHead));
  head.writeInt32BE(callBack.length, introductionHead - 4);
  return Buffer.concat([head, Buffer.from(callBack, 'latin1'), bytes.subarray(end)]);
}
