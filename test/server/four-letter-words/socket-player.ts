/**
 * Plays the script to a live server, Java's or ours, over plain sockets. In: its port; out: the
 * answers, and which port and session belongs to which name. Everything waits for an event: a
 * reply, an end, each with a deadline.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Names } from './canonical.ts';
import type { Player } from './script.ts';

const deadlineMs = 20_000;
const notificationXid = -1;

class Client {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setTimeout(deadlineMs, () => socket.destroy(new Error(`silent for ${deadlineMs} ms`)));
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
  }

  write(frame: Uint8Array): void {
    const length = Buffer.alloc(4);
    length.writeInt32BE(frame.length);
    this.socket.write(Buffer.concat([length, frame]));
  }

  async frame(): Promise<Buffer> {
    for (;;) {
      const bytes = Buffer.concat(this.#chunks.splice(0));
      const length = bytes.length < 4 ? Number.POSITIVE_INFINITY : bytes.readInt32BE(0);
      if (bytes.length >= 4 + length) {
        this.#chunks.push(bytes.subarray(4 + length));
        return bytes.subarray(4, 4 + length);
      }
      this.#chunks.push(bytes);
      await once(this.socket, 'data');
    }
  }

  async end(): Promise<Buffer> {
    if (!this.socket.closed) await once(this.socket, 'close');
    return Buffer.concat(this.#chunks);
  }
}

export class SocketPlayer implements Player {
  readonly #port: number;
  readonly #clients = new Map<string, Client>();
  readonly #ports = new Map<number, string>();
  readonly #sessions = new Map<string, string>();

  constructor(port: number) {
    this.#port = port;
  }

  get names(): Names {
    return { ports: this.#ports, sessions: this.#sessions };
  }

  async open(name: string): Promise<void> {
    const client = await this.#dial();
    this.#clients.set(name, client);
    this.#ports.set(client.socket.localPort ?? 0, name);
  }

  async send(name: string, frame: Uint8Array): Promise<void> {
    const client = this.#client(name);
    client.write(frame);
    if (![...this.#sessions.values()].includes(name)) {
      const response = await client.frame();
      this.#sessions.set(response.readBigUInt64BE(8).toString(16), name);
      return;
    }
    while ((await client.frame()).readInt32BE(0) === notificationXid);
  }

  async sendLast(name: string, frame: Uint8Array): Promise<void> {
    const client = this.#client(name);
    client.write(frame);
    await client.end();
  }

  async ask(word: string, argument: Uint8Array = new Uint8Array(0)): Promise<string> {
    const client = await this.#dial();
    client.socket.write(Buffer.concat([Buffer.from(word), argument]));
    return (await client.end()).toString('utf8');
  }

  close(): void {
    for (const { socket } of this.#clients.values()) socket.destroy();
  }

  #client(name: string): Client {
    const client = this.#clients.get(name);
    if (client === undefined) throw new Error(`no connection ${name}`);
    return client;
  }

  async #dial(): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', port: this.#port });
    await once(socket, 'connect');
    return new Client(socket);
  }
}
