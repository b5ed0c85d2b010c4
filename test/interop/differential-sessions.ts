/**
 * The steps of the differential test that concern sessions and connections: opening, taking over
 * with the right and with a wrong password, dropping, coming back and catching up on watches,
 * closing, and everything a connection can be broken with.
 *
 * In: the exchange and its generator. Invariant: no session comes near its expiry, except where
 * `expire` waits for it.
 */
import assert from 'node:assert/strict';
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import { EventType, OpCode } from '../../src/proto/opcodes.ts';
import type { Connected, ConnectOptions } from '../support/raw-client.ts';
import { connectPayload, RawClient, readConnected } from '../support/raw-client.ts';
import { users } from './differential-acls.ts';
import type { Exchange } from './differential-exchange.ts';
import { frameOrEnd } from './differential-frames.ts';
import type { Generator } from './differential-generator.ts';
import { json, make } from './differential-requests.ts';
import type { Both, ConnectionState, SessionState, SideName } from './differential-world.ts';

/** Far above the length of a run. */
const timeouts = [240_000, 300_000, 599_999, 600_000, 600_001, 0x7fffffff];
const sides: readonly SideName[] = ['java', 'quoll'];

export class Sessions {
  readonly #exchange: Exchange;
  readonly #generator: Generator;
  readonly #ports: Both<number>;
  #nextConnection = 0;

  constructor(exchange: Exchange, generator: Generator, ports: Both<number>) {
    this.#exchange = exchange;
    this.#generator = generator;
    this.#ports = ports;
  }

  get #world() {
    return this.#exchange.world;
  }

  get #prng() {
    return this.#exchange.world.prng;
  }

  /** A new session on a new connection, authenticated as the role says. */
  async open(role?: readonly string[]): Promise<ConnectionState> {
    const { prng } = this.#world;
    const passwd = prng.pick([undefined, null, new Uint8Array(0), prng.bytes(16), prng.bytes(3)]);
    const options: ConnectOptions = {
      timeOutMs: prng.pick(timeouts),
      lastZxidSeen: prng.pick([0n, 0n, -1n, this.#world.zxid]),
      ...(passwd === undefined ? {} : { passwd }),
      ...(prng.chance(0.5) ? {} : { readOnly: prng.pick([undefined, true, false]) }),
    };
    this.#exchange.note(undefined, `open ${json(options)}`);
    const { clients, answers } = await this.#connect({ java: options, quoll: options });
    const { java, quoll } = answers;
    assert.ok(java !== undefined && quoll !== undefined, 'a new session is granted');
    this.#compareConnected(java, quoll);
    const session: SessionState = {
      index: this.#world.sessions.length,
      ids: { java: java.sessionId, quoll: quoll.sessionId },
      passwords: {
        java: java.passwd ?? new Uint8Array(0),
        quoll: quoll.passwd ?? new Uint8Array(0),
      },
      ephemerals: new Set(),
      isClosed: false,
      connection: undefined,
    };
    this.#world.sessions.push(session);
    for (const side of sides) {
      this.#exchange.names[side].session(session.ids[side], `session ${session.index}`);
    }
    const connection = this.#join(session, clients);
    await this.authenticate(connection, role ?? this.#role());
    return connection;
  }

  async authenticate(connection: ConnectionState, role: readonly string[]): Promise<void> {
    for (const user of role) {
      await this.#exchange.send(connection, [make.auth('digest', encodeUtf8(user))]);
      const id = { scheme: 'digest', id: digestOf(user) };
      const more = user === users.super ? [{ scheme: 'super', id: '' }, id] : [id];
      const known = json(connection.authIds);
      connection.authIds.push(...more.filter((one) => !known.includes(json(one))));
    }
  }

  /**
   * The client goes without a word; its session stays. Both servers are waited for: one that has not
   * noticed yet may take the session's next connection for this one.
   */
  async drop(connection: ConnectionState): Promise<void> {
    this.#exchange.note(connection, 'drop');
    for (const side of sides) connection.clients[side].end();
    for (const side of sides) {
      assert.equal(await connection.clients[side].frame(), undefined, `${side} sees the end`);
    }
    this.#exchange.gone(connection);
  }

  async close(connection: ConnectionState): Promise<void> {
    await this.#exchange.send(connection, [make.bare(OpCode.closeSession)]);
    await this.#exchange.settle();
  }

  /** Comes back to a session with its password, whether or not it has a connection still. */
  async reopen(session: SessionState): Promise<void> {
    const before = session.connection;
    const watched = before === undefined ? [] : this.#exchange.books.quoll.pathsOf(before.index);
    const timeOutMs = this.#prng.pick(timeouts);
    this.#exchange.note(before, `reopen s${session.index}`);
    const since = this.#world.zxid;
    const { clients, answers } = await this.#connect(this.#claim(session, { timeOutMs }));
    if (session.isClosed) {
      await this.#refused(clients, answers, `closed session s${session.index}`);
      return;
    }
    const { java, quoll } = answers;
    assert.ok(java !== undefined && quoll !== undefined, 'the session is granted again');
    this.#compareConnected(java, quoll);
    for (const side of sides) assert.equal(answers[side]?.sessionId, session.ids[side]);
    if (before !== undefined) await this.#exchange.ended(before);
    const connection = this.#join(session, clients);
    await this.authenticate(connection, this.#role());
    if (this.#prng.chance(0.7)) {
      await this.#exchange.send(connection, [this.#generator.setWatches(watched, since)]);
    }
  }

  /** A wrong password, or a session that never was. */
  async reopenWrongly(session: SessionState | undefined): Promise<void> {
    const { prng } = this.#world;
    const passwd = prng.pick([null, new Uint8Array(16), prng.bytes(16), new Uint8Array(0)]);
    const sessionId = prng.pick([
      1n,
      -1n,
      0x7fff_ffff_ffff_ffffn,
      -(2n ** 63n),
      0x0100_0000_0000_0000n,
    ]);
    this.#exchange.note(session?.connection, `reopen wrongly s${session?.index ?? sessionId}`);
    const claim: Both<ConnectOptions> =
      session === undefined
        ? { java: { sessionId, passwd }, quoll: { sessionId, passwd } }
        : this.#claim(session, { passwd });
    const { clients, answers } = await this.#connect(claim);
    await this.#refused(clients, answers, 'a wrong claim');
    const before = session?.connection;
    if (before === undefined) return;
    // Java has ended the session's connection before it looked at the password.
    const end = await frameOrEnd(before.clients.java, true);
    if (end !== undefined) this.#exchange.mismatch(before, 'Java goes on', 'a frame', '');
    const seen = { kind: 'closed', only: 'java', after: 'wrong password' } as const;
    this.#exchange.see(seen, before, 'closed', 'open');
    before.clients.quoll.send(new Uint8Array([0, 0, 0, 1, 0, 0, 0, OpCode.ping]));
    const pong = await before.clients.quoll.frame();
    if (pong === undefined) this.#exchange.mismatch(before, 'Quoll gives up', 'closed', 'closed');
    this.#exchange.gone(before);
  }

  /** Connect requests that get no answer but the end. */
  async openBadly(): Promise<void> {
    const { prng } = this.#world;
    const whole = connectPayload();
    const bytes = prng.pick([
      framed(connectPayload({ lastZxidSeen: this.#world.zxid + 1000n })),
      framed(connectPayload({ lastZxidSeen: 2n ** 63n - 1n })),
      framed(whole.subarray(0, prng.below(28))),
      framed(new Uint8Array(0)),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0x80, 0, 0, 0),
      Uint8Array.of(0x7f, 0xff, 0xff, 0xff),
      Uint8Array.of(0, 0x10, 0, 0, 1),
    ]);
    this.#exchange.note(undefined, `open badly ${Buffer.from(bytes).toString('hex')}`);
    const clients = await this.#dial();
    for (const side of sides) clients[side].sendBytes(bytes);
    for (const side of sides) {
      const end = await frameOrEnd(clients[side], side === 'java');
      assert.equal(end, undefined, `${side} ends a bad connect request`);
    }
  }

  /** Something that ends an open connection, with or without a last answer; the session stays. */
  async break(connection: ConnectionState): Promise<void> {
    if (this.#prng.chance(0.6)) {
      await this.#exchange.send(connection, [this.#generator.closing()]);
      return;
    }
    const bytes = this.#prng.pick([
      Uint8Array.of(0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0, 0x20, 0, 0),
      Uint8Array.of(0, 0, 0, 0),
      Uint8Array.of(0, 0, 0, 3, 1, 2, 3),
      Uint8Array.of(0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0),
      encodeUtf8('ruok'),
    ]);
    this.#exchange.note(connection, `junk ${Buffer.from(bytes).toString('hex')}`);
    for (const side of sides) connection.clients[side].sendBytes(bytes);
    await this.#exchange.ended(connection);
  }

  /** A session left alone: its ephemerals go, and a watcher is told, on both. */
  async expire(watcher: ConnectionState): Promise<void> {
    const exchange = this.#exchange;
    const { clients, answers } = await this.#connect({
      java: { timeOutMs: 1 },
      quoll: { timeOutMs: 1 },
    });
    const { java, quoll } = answers;
    assert.ok(java !== undefined && quoll !== undefined);
    this.#compareConnected(java, quoll);
    const path = `/expires-${this.#world.step}`;
    const anyone = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
    const session = { index: -1, ids: { java: java.sessionId, quoll: quoll.sessionId } };
    for (const side of sides) exchange.names[side].session(session.ids[side], `expiring ${path}`);
    const once: ConnectionState = {
      index: this.#nextConnection++,
      clients,
      session: {
        ...session,
        passwords: { java: new Uint8Array(0), quoll: new Uint8Array(0) },
        ephemerals: new Set(),
        isClosed: false,
        connection: undefined,
      },
      authIds: [],
      nextXid: 1,
      isGone: false,
    };
    this.#world.connections.push(once);
    await exchange.send(once, [make.create(OpCode.create, path, null, anyone, 1)]);
    await exchange.settle(once);
    exchange.gone(once);
    await exchange.send(watcher, [make.pathWatch(OpCode.exists, path, true)]);
    // The event itself is waited for, and left where it is for the next comparison.
    for (const side of sides) {
      const told = await watcher.clients[side].peek();
      assert.ok(told !== undefined, `${side} lets ${path} expire`);
    }
    exchange.sessionEnded(once.session);
    exchange.answers.set(
      `expiry ${EventType.NodeDeleted}`,
      (exchange.answers.get(`expiry ${EventType.NodeDeleted}`) ?? 0) + 1,
    );
    await exchange.settle();
  }

  // ---- inside ----

  #role(): readonly string[] {
    const { alice, bob, super: root } = users;
    return this.#prng.pick([[], [], [], [alice], [alice], [bob], [bob, bob], [alice, bob], [root]]);
  }

  #join(session: SessionState, clients: Both<RawClient>): ConnectionState {
    const connection: ConnectionState = {
      index: this.#nextConnection++,
      clients,
      session,
      authIds: [{ scheme: 'ip', id: '127.0.0.1' }],
      nextXid: 1,
      isGone: false,
    };
    session.connection = connection;
    this.#world.connections.push(connection);
    return connection;
  }

  #claim(session: SessionState, options: ConnectOptions): Both<ConnectOptions> {
    const of = (side: SideName): ConnectOptions => ({
      sessionId: session.ids[side],
      passwd: session.passwords[side],
      lastZxidSeen: this.#world.zxid,
      ...options,
    });
    return { java: of('java'), quoll: of('quoll') };
  }

  async #dial(): Promise<Both<RawClient>> {
    const [java, quoll] = await Promise.all(sides.map((side) => RawClient.open(this.#ports[side])));
    assert.ok(java !== undefined && quoll !== undefined);
    return { java, quoll };
  }

  async #connect(options: Both<ConnectOptions>): Promise<{
    readonly clients: Both<RawClient>;
    readonly answers: Both<Connected | undefined>;
  }> {
    this.#exchange.operations++;
    const clients = await this.#dial();
    for (const side of sides) clients[side].send(connectPayload(options[side]));
    const frames = await Promise.all(sides.map((side) => clients[side].frame()));
    const [java, quoll] = frames.map((frame) =>
      frame === undefined ? undefined : readConnected(frame),
    );
    return { clients, answers: { java, quoll } };
  }

  #compareConnected(java: Connected, quoll: Connected): void {
    const common = ({ protocolVersion, timeOut, readOnly, passwd }: Connected) => ({
      protocolVersion,
      timeOut,
      readOnly,
      passwdLength: passwd?.length,
    });
    assert.deepEqual(common(quoll), common(java), 'the answer to a connect request');
  }

  async #refused(
    clients: Both<RawClient>,
    { java, quoll }: Both<Connected | undefined>,
    what: string,
  ): Promise<void> {
    assert.deepEqual(quoll, java, `the refusal of ${what}`);
    for (const side of sides) {
      const end = await frameOrEnd(clients[side], side === 'java');
      assert.equal(end, undefined, `${side} ends after refusing ${what}`);
    }
  }
}

function framed(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + payload.length);
  new DataView(bytes.buffer).setInt32(0, payload.length);
  bytes.set(payload, 4);
  return bytes;
}

const digests: Readonly<Record<string, string>> = {
  [users.alice]: 'alice:8y0lhh/7xkdEiwhX7vo9i+/Nmzc=',
  [users.bob]: 'bob:4rsXV9JgUbFl9ZE40xENilxlRV8=',
  [users.super]: 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=',
};

function digestOf(user: string): string {
  return digests[user] ?? user;
}
