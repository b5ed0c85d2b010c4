// Ports for client tests: a clock that moves only when told, and a net whose one server is a script. In: answers by
// request. Out: what was asked, how many writes and dials it took. Turns end when the test says so, so what leaves in
// one write can be counted. Bytes handed out are poisoned after the callback, as a reused read buffer would be.
import assert from 'node:assert/strict';
import type { ClientPorts } from '../../src/client/session-driver.ts';
import { Reader } from '../../src/jute/reader.ts';
import { Writer } from '../../src/jute/writer.ts';
import type { Clock, Net, Socket, SocketHandlers, Timer } from '../../src/ports.ts';
import { NetError } from '../../src/ports.ts';
import { ConnectResponse, WatcherEvent } from '../../src/proto/client.ts';
import { opName } from '../../src/proto/opcodes.ts';
import { copyBytes } from '../../src/util/bytes.ts';

interface Scheduled {
  readonly at: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Scheduled>();
  #turnEnds: (() => void)[] = [];

  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  endOfTurn(callback: () => void): void {
    this.#turnEnds.push(callback);
  }

  /** Ends turns until nothing more is to be done without time passing. */
  async settle(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const due = [...this.#timers].filter((timer) => timer.at <= this.#now);
      const ends = this.#turnEnds;
      this.#turnEnds = [];
      if (due.length === 0 && ends.length === 0) return;
      for (const timer of due) {
        if (this.#timers.delete(timer)) timer.callback();
      }
      for (const end of ends) end();
    }
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.settle();
    for (;;) {
      const next = Math.min(...[...this.#timers].map((timer) => timer.at));
      if (next > until) break;
      this.#now = next;
      await this.settle();
    }
    this.#now = until;
  }
}

export interface Asked {
  readonly xid: number;
  readonly op: string;
  readonly body: Reader;
}

/** What a request is answered with; undefined: not at all. */
export type Answer =
  | { readonly err?: number; readonly body?: (writer: Writer) => void }
  | undefined;

export class FakeServer {
  readonly clock = new FakeClock();
  /** Requests as they came, handshakes left out. */
  readonly asked: Asked[] = [];
  writes = 0;
  dials = 0;
  /** Refuses connections with this error. */
  refuse: string | undefined;
  /** Holds back the completion of writes. */
  stalled = false;
  answer: (asked: Asked) => Answer = () => ({});
  /** What 'isro' gets. */
  mode = 'rw';
  readOnly = false;
  timeOut = 10_000;
  #handlers: SocketHandlers | undefined;
  #zxid = 0n;
  #done: ((ok: boolean) => void)[] = [];

  get ports(): ClientPorts {
    const net: Net = {
      listen: () => assert.fail('a client does not listen'),
      dial: (_where, ready) => {
        this.dials++;
        setImmediate(() => {
          if (this.refuse !== undefined) ready(new NetError(this.refuse, this.refuse));
          else this.#accept(ready);
        });
      },
    };
    const random = { next: () => 0, below: () => 0, bytes: (n: number) => new Uint8Array(n) };
    return { net, clock: this.clock, random };
  }

  /** Bytes from the server, as one chunk. */
  send(bytes: Uint8Array): void {
    const chunk = copyBytes(bytes);
    this.#handlers?.received(chunk);
    chunk.fill(0xee);
  }

  close(reason = 'end'): void {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.closed(reason);
  }

  finishWrites(): void {
    this.stalled = false;
    const done = this.#done;
    this.#done = [];
    for (const one of done) one(true);
  }

  reply(xid: number, { err = 0, body }: NonNullable<Answer> = {}): Uint8Array {
    return this.#frame((writer) => {
      writer.int(xid);
      writer.long(++this.#zxid);
      writer.int(err);
      body?.(writer);
    });
  }

  event(type: number, path: string): Uint8Array {
    return this.#frame((writer) => {
      writer.int(-1);
      writer.long(-1n);
      writer.int(0);
      WatcherEvent.write(writer, { type, state: 3, path });
    });
  }

  #frame(write: (writer: Writer) => void): Uint8Array {
    const writer = new Writer();
    writer.int(0);
    write(writer);
    writer.view.setInt32(0, writer.at - 4);
    return writer.copy();
  }

  #accept(ready: (result: Socket) => SocketHandlers | undefined): void {
    let greeted = false;
    let open = true;
    let own: SocketHandlers | undefined;
    const handle = (bytes: Uint8Array): void => {
      if (bytes.length === 4 && bytes[0] === 0x69) {
        own?.received(new TextEncoder().encode(this.mode));
        return;
      }
      const reader = new Reader(copyBytes(bytes));
      while (reader.remaining > 0 && open) {
        const frame = new Reader(reader.buffer() ?? new Uint8Array(0));
        if (!greeted) {
          greeted = true;
          this.#handlers = own;
          this.send(this.#frame((writer) => this.#greet(writer)));
          continue;
        }
        const asked = { xid: frame.int(), op: opName(frame.int()), body: frame };
        this.asked.push(asked);
        const answer = this.answer(asked);
        if (answer !== undefined) this.send(this.reply(asked.xid, answer));
      }
    };
    own = ready({
      remoteAddress: '192.0.2.1',
      remotePort: 2181,
      localAddress: '192.0.2.2',
      localPort: 50_000,
      write: (bytes, done) => {
        this.writes++;
        const copy = copyBytes(bytes);
        setImmediate(() => {
          if (!open) return;
          if (this.stalled) this.#done.push(done);
          else done(true);
          handle(copy);
        });
      },
      pause: () => undefined,
      resume: () => undefined,
      end: () => {
        open = false;
      },
      destroy: () => {
        open = false;
        if (this.#handlers === own) this.#handlers = undefined;
      },
    });
  }

  #greet(writer: Writer): void {
    const passwd = new Uint8Array(16).fill(1);
    const { timeOut } = this;
    ConnectResponse.write(writer, { protocolVersion: 0, timeOut, sessionId: 42n, passwd });
    writer.boolean(this.readOnly);
  }
}
