/**
 * A TCP proxy between a client and a server, for the failures a test needs: a cut connection, and
 * a network that swallows everything while both ends believe in it.
 *
 * Inputs: the server's port; commands, one line each, on a second port, so that a client script in
 * any language can order its own accident. Output: `ok` for each command.
 *   cut    closes every connection; new ones are accepted at once
 *   pause  forwards nothing more, in neither direction, on old and new connections
 *   resume closes what was paused (the bytes are lost) and forwards again
 */
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

export class TcpProxy {
  readonly #target: number;
  readonly #front: Server;
  readonly #control: Server;
  readonly #sockets = new Set<Socket>();
  #paused = false;

  private constructor(target: number) {
    this.#target = target;
    this.#front = createServer((client) => this.#accept(client));
    this.#control = createServer((socket) => this.#obey(socket));
  }

  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    for (const server of [proxy.#front, proxy.#control]) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
    }
    return proxy;
  }

  get port(): number {
    return (this.#front.address() as AddressInfo).port;
  }

  get controlPort(): number {
    return (this.#control.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  pause(): void {
    this.#paused = true;
    for (const socket of this.#sockets) socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.cut();
  }

  stop(): void {
    this.#front.close();
    this.#control.close();
    this.cut();
  }

  #accept(client: Socket): void {
    const server = connect({ host: '127.0.0.1', port: this.#target });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        if (!this.#paused) to.write(chunk);
      });
      from.on('error', () => {}); // 'close' follows and ends the other side
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#paused) from.pause();
    }
  }

  #obey(socket: Socket): void {
    socket.on('error', () => {});
    createInterface({ input: socket }).on('line', (command) => {
      if (command === 'cut') this.cut();
      else if (command === 'pause') this.pause();
      else if (command === 'resume') this.resume();
      else {
        socket.write(`unknown command ${command}\n`);
        return;
      }
      socket.write('ok\n');
    });
  }
}
